//! Promises of the detectors beside polling, whatever they hear, whatever is set, and whoever comes and goes. Virtual
//! time only.

use super::properties::{settings, starts};
use super::world::{BIRTH, Truth, World};
use super::{
    BackendId, CheckSettings, Growth, Heard, PassiveAction, PassiveCounting, PassiveReturn, PassiveSettings,
    Share,
};
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
    /// A request tries it, if it waits for one; how that ends is heard at once.
    Try(u32, bool),
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

/// Everything that can be set.
fn any_passive() -> impl Strategy<Value = PassiveSettings> {
    use PassiveCounting::{Quiet, Row, Window};
    let counting = prop_oneof![Just(Row), Just(Window), Just(Quiet)];
    let back = prop_oneof![
        Just(PassiveReturn::Time),
        Just(PassiveReturn::Trial),
        Just(PassiveReturn::Check),
        Just(PassiveReturn::Forgotten),
    ];
    let action = prop_oneof![
        4 => Just(PassiveAction::Eject),
        1 => Just(PassiveAction::FailCheck),
        1 => Just(PassiveAction::FastInter),
        1 => Just(PassiveAction::SuddenDeath),
        1 => Just(PassiveAction::MarkDown),
    ];
    let growth = prop_oneof![Just(Growth::Linear), Just(Growth::None)];
    let rest = (growth, any::<bool>(), 0u32..4, 1u64..3000);
    (passive(), counting, back, action, rest).prop_map(
        |(passive, counting, back, action, (growth, uneject, least_ejected, window))| PassiveSettings {
            counting,
            // Nothing else forgets one by one, and the settings say so.
            back: match (counting, back) {
                (Row | Quiet, PassiveReturn::Forgotten) => PassiveReturn::Time,
                _ => back,
            },
            action,
            growth,
            uneject,
            least_ejected,
            window: Duration::from_millis(window),
            ..passive
        },
    )
}

fn steps(passive: BoxedStrategy<PassiveSettings>) -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let truth = prop_oneof![Just(Truth::Alive), Just(Truth::Refusing), Just(Truth::Hung)];
    let who = 0..BACKENDS;
    let step = prop_oneof![
        12 => (who.clone(), proptest::bool::weighted(0.8)).prop_map(|(who, failed)| Step::Attempt(who, failed)),
        3 => (who.clone(), truth).prop_map(|(who, truth)| Step::Become(who, truth)),
        3 => who.clone().prop_map(Step::Lost),
        1 => who.clone().prop_map(Step::Notice),
        1 => who.clone().prop_map(Step::Swap),
        4 => (who.clone(), any::<bool>()).prop_map(|(who, failed)| Step::Try(who, failed)),
        1 => proptest::option::weighted(0.8, passive).prop_map(Step::Passive),
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
    let mut most = Some(PassiveSettings::default());
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
            Step::Try(who, failed) => try_out(&mut world, BackendId(who), failed),
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
                most = settings;
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

/// The first request that comes, comes as the trial; there is none for a second.
fn try_out(world: &mut World, who: BackendId, failed: bool) {
    let on_trial = |world: &World| world.balancer.trials().any(|(backend, _)| backend == who);
    if !on_trial(world) {
        return;
    }
    assert!(world.balancer.usable().all(|usable| usable != who));
    assert_eq!(world.balancer.hear(world.now, who, Heard::Trying), None);
    assert!(!on_trial(world), "exactly one request");
    let heard = match failed {
        true => Heard::Failed { trial: true },
        false => Heard::Succeeded { trial: true },
    };
    let change = world.balancer.hear(world.now, who, heard);
    assert_eq!(change.is_some(), !failed);
    assert_eq!(world.balancer.usable().any(|usable| usable == who), !failed);
}

/// What holds at any time.
fn check(world: &World, most: Option<PassiveSettings>) {
    let balancer = &world.balancer;
    let present: Vec<_> = (0..BACKENDS)
        .map(BackendId)
        .filter(|who| balancer.present(*who))
        .collect();
    let ejected = present.iter().filter(|who| {
        let until = balancer.ejected_until(**who);
        let first = PassiveSettings::default().cap;
        // At once, where the settings have just put an end to a trial.
        assert!(until.is_none_or(|until| until >= world.now && until <= world.now + first));
        balancer.ejected(**who)
    });
    let allowed = most.map_or(0, |settings| {
        settings
            .max_ejected
            .of(present.len())
            .max(settings.least_ejected as usize)
    });
    assert!(ejected.count() <= allowed, "more than {allowed} ejected");
    let usable: Vec<_> = balancer.usable().collect();
    for who in (0..BACKENDS).map(BackendId) {
        let up = matches!(balancer.belief(who), Belief::Up | Belief::GoingDown);
        assert_eq!(usable.contains(&who), up && balancer.present(who), "{who:?}");
        assert!(balancer.since(who) <= world.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Polling starts its checks at the same times whether anybody else listens or not, and in the end everybody who
    /// lives is used again: nobody is forgotten, in an ejection or in a check.
    #[test]
    fn other_detectors_leave_polling_alone_and_forget_nobody(
        first in settings(), steps in steps(passive().boxed()),
    ) {
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

    /// Whatever failed attempts lead to, and whoever ends that: who lives is used again, by time, by a check or by the
    /// first request that tries it.
    #[test]
    fn whatever_failed_attempts_lead_to_nobody_is_forgotten(
        first in settings(), steps in steps(any_passive().boxed()), last in any_passive(),
    ) {
        let mut world = play(first, &steps, true);
        for who in (0..BACKENDS).map(BackendId) {
            if !world.balancer.present(who) {
                world.swap(who);
            }
            world.set_truth(who, Truth::Alive);
        }
        world.balancer.apply_passive(world.now, Some(PassiveSettings { cap: CAP, ..last }));
        let settings = world.balancer.settings().clone();
        let cycle = settings.interval + settings.jitter + settings.timeout;
        world.run_until(world.now + CAP + cycle * (settings.rise + 2));
        for who in (0..BACKENDS).map(BackendId) {
            try_out(&mut world, who, false);
        }
        prop_assert_eq!(world.balancer.usable().count(), BACKENDS as usize);
    }
}
