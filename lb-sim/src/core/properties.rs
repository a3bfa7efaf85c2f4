//! Promises of the core, for any settings, any moments and any faults. Virtual time only.

use super::world::{BIRTH, Note, Truth, World};
use super::{Action, BackendId, Balancer, CheckSettings, ProbeId, Schedule};
use proptest::prelude::*;
use router::clock::Timestamp;
use router::record::{Belief, ProbeResult};
use std::time::Duration;

const BACKENDS: u32 = 3;

/// What the world does to the balancer, at a time in milliseconds after its birth.
#[derive(Clone, Debug)]
enum Step {
    Become(u32, Truth),
    Set(CheckSettings),
    /// A result that names a check long gone, or none there ever was.
    Late(u32, u64),
    Add,
}

pub(super) fn settings() -> impl Strategy<Value = CheckSettings> {
    let schedule = prop_oneof![Just(Schedule::Start), Just(Schedule::End)];
    (
        1u64..3000,
        1u64..6000,
        1u32..5,
        1u32..5,
        schedule,
        prop_oneof![Just(0u64), 1u64..1000],
    )
        .prop_map(
            |(interval, timeout, fall, rise, schedule, jitter)| CheckSettings {
                interval: Duration::from_millis(interval),
                timeout: Duration::from_millis(timeout),
                fall,
                rise,
                schedule,
                jitter: Duration::from_millis(jitter),
                ..CheckSettings::default()
            },
        )
}

fn steps() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let truth = prop_oneof![Just(Truth::Alive), Just(Truth::Refusing), Just(Truth::Hung)];
    let step = prop_oneof![
        6 => (0..BACKENDS, truth).prop_map(|(backend, truth)| Step::Become(backend, truth)),
        2 => settings().prop_map(Step::Set),
        3 => (0..BACKENDS, 0u64..50).prop_map(|(backend, number)| Step::Late(backend, number)),
        1 => Just(Step::Add),
    ];
    let wait = (0u64..5_000_000).prop_map(Duration::from_micros);
    proptest::collection::vec((wait, step), 1..40)
}

/// Plays the steps.
fn play(settings: CheckSettings, steps: &[(Duration, Step)], seed: u64) -> World {
    let mut world = World::new(settings, BACKENDS, seed);
    world.latency = Duration::from_micros(300);
    for (wait, step) in steps {
        world.run_until(world.now + *wait);
        match step.clone() {
            Step::Become(backend, truth) => world.set_truth(BackendId(backend), truth),
            Step::Set(settings) => world.balancer.apply_settings(world.now, settings),
            Step::Late(backend, number) => {
                let probe = ProbeId {
                    backend: BackendId(backend),
                    number,
                };
                if !world.under_way(probe) {
                    assert_eq!(
                        world.balancer.on_probe(world.now, probe, ProbeResult::Refused),
                        None
                    );
                    assert_eq!(world.balancer.on_probe(world.now, probe, ProbeResult::Ok), None);
                }
            }
            Step::Add => {
                world.balancer.add_backend(world.now);
                world.truth.push(Truth::Alive);
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Replays the log with counters of its own and the settings in force at each moment.
    #[test]
    fn down_only_after_fall_failures_in_a_row_and_up_only_after_rise_successes(
        first in settings(), steps in steps(), seed: u64,
    ) {
        // The settings in force at any time, by the same clock the steps used.
        let mut at = BIRTH;
        let mut in_force = vec![(at, first.clone())];
        for (wait, step) in &steps {
            at = at + *wait;
            if let Step::Set(settings) = step {
                in_force.push((at, settings.clone()));
            }
        }
        let world = play(first, &steps, seed);
        let mut counts = vec![(0u32, 0u32); world.truth.len()];
        for note in &world.log {
            let Note::Ended(at, verdict) = note else { continue };
            let (failures, successes) = &mut counts[verdict.probe.backend.index()];
            if verdict.failures > 0 {
                (*failures, *successes) = (*failures + 1, 0);
            } else {
                (*failures, *successes) = (0, *successes + 1);
            }
            prop_assert_eq!((verdict.failures, verdict.successes), (*failures, *successes));
            let Some(change) = verdict.transition.filter(|change| change.changes_use()) else { continue };
            let force = in_force.iter().filter(|(since, _)| since <= at);
            // A step and a check at the same nanosecond may come in either order.
            let allowed = |ok: &dyn Fn(&CheckSettings) -> bool| force.clone().rev().take(2).any(|(_, s)| ok(s));
            match change.to {
                Belief::Down => prop_assert!(allowed(&|s| *failures >= s.fall), "{:?}", verdict),
                _ => prop_assert!(allowed(&|s| *successes >= s.rise), "{:?}", verdict),
            }
        }
    }

    /// One check at most is under way per backend, everyone has a deadline, and none lies further off than one gap or
    /// one timeout.
    #[test]
    fn nobody_is_forgotten_whatever_is_set_when(first in settings(), steps in steps(), seed: u64) {
        let mut world = play(first, &steps, seed);
        let settings = world.balancer.settings().clone();
        let far = settings.interval + settings.jitter + settings.timeout;
        let next = world.balancer.next_deadline().unwrap();
        prop_assert!(next <= world.now + far);
        let since = world.now;
        world.run_until(since + far * 2);
        let mut under_way = vec![None; world.truth.len()];
        let mut seen = vec![false; world.truth.len()];
        for note in &world.log {
            match note {
                Note::Started(at, probe) => {
                    prop_assert_eq!(under_way[probe.backend.index()].replace(probe.number), None);
                    seen[probe.backend.index()] |= *at >= since;
                }
                Note::Ended(_, verdict) => {
                    let ended = under_way[verdict.probe.backend.index()].take();
                    prop_assert_eq!(ended, Some(verdict.probe.number));
                }
                Note::Overdue(..) => {}
            }
        }
        prop_assert!(seen.iter().all(|seen| *seen), "a backend was not checked any more: {:?}", seen);
    }

    #[test]
    fn the_same_seed_gives_the_same_run(first in settings(), steps in steps(), seed: u64) {
        prop_assert_eq!(play(first.clone(), &steps, seed).log, play(first, &steps, seed).log);
    }

    /// Neither a wake-up that comes late nor one too many breaks the rhythm for good.
    #[test]
    fn late_and_needless_wake_ups_are_harmless(
        settings in settings(), wake_ups in proptest::collection::vec(0u64..20_000, 1..100),
    ) {
        let far = settings.interval + settings.jitter + settings.timeout;
        let mut balancer = Balancer::new(settings, 2, BIRTH, 0);
        let (mut now, mut actions) = (BIRTH, Vec::new());
        for wait in wake_ups {
            now = now + Duration::from_millis(wait);
            balancer.on_deadline(now, &mut actions);
            let next = balancer.next_deadline().unwrap();
            prop_assert!(next > now && next <= now + far);
        }
        for (id, health) in balancer.backends() {
            let expired = actions.iter().filter(|a| matches!(a, Action::Expire(v) if v.probe.backend == id)).count();
            prop_assert_eq!(health.failures() as usize, expired);
        }
    }
}

pub(super) fn starts(world: &World, backend: u32) -> Vec<Duration> {
    let start = |note: &Note| match note {
        Note::Started(at, probe) if probe.backend.0 == backend => Some(at.since(BIRTH)),
        _ => None,
    };
    world.log.iter().filter_map(start).collect()
}

fn check(interval: u64, timeout: u64, schedule: Schedule) -> CheckSettings {
    CheckSettings {
        interval: Duration::from_millis(interval),
        timeout: Duration::from_millis(timeout),
        schedule,
        ..CheckSettings::default()
    }
}

fn starts_of_a_hung_one(settings: CheckSettings, run: u64) -> Vec<u128> {
    let mut world = World::new(settings, 1, 0);
    world.set_truth(BackendId(0), Truth::Hung);
    world.run_until(BIRTH + Duration::from_millis(run));
    starts(&world, 0).iter().map(Duration::as_millis).collect()
}

#[test]
fn a_timeout_as_long_as_the_interval_never_skips_a_tick() {
    let starts = starts_of_a_hung_one(check(1000, 1000, Schedule::Start), 4500);
    assert_eq!(starts, [0, 1000, 2000, 3000, 4000]);
}

#[test]
fn a_driver_that_wakes_late_does_not_skip_a_tick_either() {
    let mut balancer = Balancer::new(check(1000, 1000, Schedule::Start), 1, BIRTH, 0);
    for tick in 0..5 {
        let late = BIRTH + Duration::from_millis(tick * 1000 + 3);
        let mut actions = Vec::new();
        balancer.on_deadline(late, &mut actions);
        assert!(
            matches!(actions.last(), Some(Action::Start { .. })),
            "tick {tick}: {actions:?}"
        );
    }
}

#[test]
fn a_timeout_over_the_interval_skips_the_ticks_it_covers() {
    let starts = starts_of_a_hung_one(check(1000, 2500, Schedule::Start), 7000);
    assert_eq!(starts, [0, 3000, 6000]);
}

#[test]
fn end_waits_an_interval_after_the_end() {
    let starts = starts_of_a_hung_one(check(1000, 2500, Schedule::End), 8000);
    assert_eq!(starts, [0, 3500, 7000]);
}

#[test]
fn first_checks_are_spread_over_the_first_interval() {
    let mut world = World::new(check(1000, 500, Schedule::Start), 4, 0);
    world.run_until(BIRTH + Duration::from_millis(999));
    let first: Vec<_> = (0..4)
        .map(|backend| starts(&world, backend)[0].as_millis())
        .collect();
    assert_eq!(first, [0, 250, 500, 750]);
}

#[test]
fn jitter_lengthens_each_gap_by_less_than_its_bound() {
    for schedule in [Schedule::Start, Schedule::End] {
        let mut settings = check(1000, 500, schedule);
        settings.jitter = Duration::from_millis(300);
        let mut world = World::new(settings, 1, 42);
        world.run_until(BIRTH + Duration::from_secs(2000));
        let starts = starts(&world, 0);
        let gaps: Vec<_> = starts
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!(gaps.iter().all(|gap| (1.0..1.3).contains(gap)));
        assert!((mean - 1.15).abs() < 0.01, "{mean}");
    }
}

#[test]
fn a_shorter_interval_acts_at_once_and_keeps_the_spread() {
    let mut world = World::new(check(60_000, 500, Schedule::Start), 4, 0);
    world.run_until(BIRTH + Duration::from_secs(61));
    let set = world.now;
    world
        .balancer
        .apply_settings(set, check(1000, 500, Schedule::Start));
    world.run_until(set + Duration::from_secs(1));
    let next = |backend| starts(&world, backend).last().copied().unwrap() + (BIRTH.since(Timestamp(0)));
    let mut first: Vec<_> = (0..4).map(|b| next(b) - set.since(Timestamp(0))).collect();
    first.sort();
    assert!(
        first
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= Duration::from_millis(240)),
        "{first:?}"
    );
}

#[test]
fn a_late_success_does_not_save_an_expired_check() {
    let mut balancer = Balancer::new(check(1000, 400, Schedule::Start), 1, BIRTH, 0);
    let mut actions = Vec::new();
    balancer.on_deadline(BIRTH, &mut actions);
    let Action::Start { probe, timeout } = actions[0] else {
        panic!("{actions:?}")
    };
    assert_eq!(timeout, Duration::from_millis(400));
    let expiry = BIRTH + timeout;
    balancer.on_deadline(expiry, &mut actions);
    assert!(
        matches!(&actions[1], Action::Expire(verdict) if verdict.probe == probe && verdict.failures == 1)
    );
    assert_eq!(balancer.on_probe(expiry, probe, ProbeResult::Ok), None);
    assert_eq!(balancer.health(BackendId(0)).belief(), Belief::GoingDown);
}
