//! Promises of the detectors beside polling, whatever they hear, whatever is set, and whoever comes and goes. Virtual
//! time only.

use super::properties::{settings, starts};
use super::world::{BIRTH, Truth, World};
use super::{BackendId, CheckSettings, PassiveSettings, Share};
use proptest::prelude::*;
use router::record::{Belief, Detector};
use std::time::Duration;

const BACKENDS: u32 = 4;
const CAP: Duration = Duration::from_secs(5);

/// What happens to the balancer. The first three are for polling, too.
#[derive(Clone, Debug)]
enum Step {
    Become(u32, Truth),
    Check(CheckSettings),
    /// Out of the fleet if it belongs to it, else into it.
    Swap(u32),
    Attempt(u32, bool),
    Lost(u32),
    Notice(u32),
    Passive(Option<PassiveSettings>),
    NoSentinel,
}

fn passive() -> impl Strategy<Value = PassiveSettings> {
    (1u32..6, 1u64..2000, 1u64..5000, 0u32..=10_000).prop_map(|(failures, ejection, cap, share)| {
        PassiveSettings {
            failures,
            ejection: Duration::from_millis(ejection),
            cap: Duration::from_millis(cap),
            max_ejected: Share(share),
            ..PassiveSettings::default()
        }
    })
}

fn steps() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let truth = prop_oneof![Just(Truth::Alive), Just(Truth::Refusing), Just(Truth::Hung)];
    let who = 0..BACKENDS;
    let step = prop_oneof![
        12 => (who.clone(), proptest::bool::weighted(0.8)).prop_map(|(who, failed)| Step::Attempt(who, failed)),
        3 => (who.clone(), truth).prop_map(|(who, truth)| Step::Become(who, truth)),
        3 => who.clone().prop_map(Step::Lost),
        1 => who.clone().prop_map(Step::Notice),
        1 => who.prop_map(Step::Swap),
        1 => proptest::option::weighted(0.8, passive()).prop_map(Step::Passive),
        1 => settings().prop_map(Step::Check),
        1 => Just(Step::NoSentinel),
    ];
    proptest::collection::vec(((0u64..500_000).prop_map(Duration::from_micros), step), 1..200)
}

/// Plays the steps; the other detectors hear theirs only if they `listen`.
fn play(first: CheckSettings, steps: &[(Duration, Step)], listen: bool) -> World {
    let mut world = World::new(first, BACKENDS, 1);
    world.latency = Duration::from_micros(300);
    if listen {
        world
            .balancer
            .apply_passive(BIRTH, Some(PassiveSettings::default()));
    }
    let mut most = Some(PassiveSettings::default().max_ejected);
    for (wait, step) in steps {
        world.run_until(world.now + *wait);
        let now = world.now;
        match step.clone() {
            Step::Become(who, truth) => world.set_truth(BackendId(who), truth),
            Step::Check(settings) => world.balancer.apply_settings(now, settings),
            Step::Swap(who) => world.swap(BackendId(who)),
            _ if !listen => {}
            Step::Attempt(who, failed) => {
                let change = world.balancer.on_attempt(now, BackendId(who), failed);
                assert!(change.is_none_or(|change| failed && change.by == Detector::Passive));
            }
            Step::Lost(who) => {
                let was = world.balancer.health(BackendId(who)).usable();
                let verdict = world.lose_sentinel(BackendId(who));
                let refusing = world.truth[who as usize] == Truth::Refusing;
                assert!(verdict.is_none_or(|verdict| verdict.transition.is_none()) || (was && refusing));
            }
            Step::Notice(who) if world.balancer.present(BackendId(who)) => {
                world.balancer.on_notice(now, BackendId(who));
                assert!(!world.balancer.health(BackendId(who)).usable());
            }
            Step::Notice(_) => {}
            Step::Passive(settings) => {
                most = settings.map(|settings| settings.max_ejected);
                world.balancer.apply_passive(now, settings);
            }
            Step::NoSentinel => {
                world.balancer.forget_sentinels();
                assert!((0..BACKENDS).all(|who| !world.balancer.checks_urgently(BackendId(who))));
            }
        }
        if listen {
            check(&world, most);
        }
    }
    world
}

/// What holds at any time.
fn check(world: &World, most: Option<Share>) {
    let balancer = &world.balancer;
    let present: Vec<_> = (0..BACKENDS)
        .map(BackendId)
        .filter(|who| balancer.present(*who))
        .collect();
    let ejected = present.iter().filter(|who| {
        let until = balancer.ejected_until(**who);
        let first = PassiveSettings::default().cap;
        assert!(until.is_none_or(|until| until > world.now && until <= world.now + first));
        until.is_some()
    });
    let allowed = most.map_or(0, |share| share.of(present.len()));
    assert!(ejected.count() <= allowed, "more than {allowed} ejected");
    let usable: Vec<_> = balancer.usable().collect();
    for who in (0..BACKENDS).map(BackendId) {
        let up = matches!(balancer.belief(who), Belief::Up | Belief::GoingDown);
        assert_eq!(usable.contains(&who), up && balancer.present(who), "{who:?}");
        assert!(balancer.since(who) <= world.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Polling starts its checks at the same times whether anybody else listens or not, and in the end everybody who
    /// lives is used again: nobody is forgotten, in an ejection or in a check.
    #[test]
    fn other_detectors_leave_polling_alone_and_forget_nobody(first in settings(), steps in steps()) {
        let alone = play(first.clone(), &steps, false);
        let mut world = play(first, &steps, true);
        for who in 0..BACKENDS {
            prop_assert_eq!(starts(&world, who), starts(&alone, who));
            if !world.balancer.present(BackendId(who)) {
                world.swap(BackendId(who));
            }
            world.set_truth(BackendId(who), Truth::Alive);
        }
        world.balancer.apply_passive(world.now, Some(PassiveSettings { cap: CAP, ..PassiveSettings::default() }));
        let settings = world.balancer.settings().clone();
        let cycle = settings.interval + settings.jitter + settings.timeout;
        world.run_until(world.now + CAP + cycle * (settings.rise + 2));
        prop_assert_eq!(world.balancer.usable().count(), BACKENDS as usize);
        prop_assert!((0..BACKENDS).all(|who| !world.balancer.checks_urgently(BackendId(who))));
    }
}
