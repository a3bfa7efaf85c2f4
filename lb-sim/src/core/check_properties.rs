//! Promises of checks under any of their settings, changed at any moment, with any faults. Virtual time only.

use super::world::{BIRTH, Note, Truth, World};
use super::{
    AtOnce, BackendId, Check, CheckSettings, Counting, FirstCheck, FirstResult, Initial, Schedule, Share,
};
use proptest::prelude::*;
use router::record::Belief;
use std::time::Duration;

const BACKENDS: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Become(u32, Truth),
    Set(CheckSettings),
    Swap(u32),
    Traffic,
}

fn time(most: u64) -> impl Strategy<Value = Duration> {
    (1..most).prop_map(Duration::from_millis)
}

fn settings() -> impl Strategy<Value = CheckSettings> {
    let or_interval = || proptest::option::weighted(0.3, time(3_000));
    let waits = (
        time(3_000),
        or_interval(),
        or_interval(),
        or_interval(),
        or_interval(),
        time(4_000),
    );
    let schedule = prop_oneof![
        Just(Schedule::Start),
        Just(Schedule::End),
        Just(Schedule::Batch),
        Just(Schedule::BatchByState),
        Just(Schedule::Deadline),
    ];
    let chance = (0u32..=5_000, 0u64..500, any::<bool>());
    let first = prop_oneof![
        Just(FirstCheck::Spread),
        Just(FirstCheck::Now),
        Just(FirstCheck::Interval),
        Just(FirstCheck::Random)
    ];
    let switches = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let probers = (1u32..5).prop_flat_map(|probers| (Just(probers), proptest::option::of(1..=probers)));
    (
        waits,
        schedule,
        (1u32..4, 1u32..4),
        chance,
        first,
        switches,
        probers,
    )
        .prop_map(
            |(waits, schedule, (fall, rise), (spread, jitter, overlap), first_check, switches, probers)| {
                let (interval, fall_interval, down_interval, rise_interval, no_traffic_interval, timeout) =
                    waits;
                let (cumulative, down, decides, status, refused, tcp) = switches;
                let settings = CheckSettings {
                    interval,
                    fall_interval,
                    down_interval,
                    rise_interval,
                    no_traffic_interval,
                    timeout,
                    fall,
                    rise,
                    schedule,
                    overlap,
                    first_check,
                    spread: Share(spread),
                    jitter: Duration::from_millis(jitter),
                    counting: if cumulative {
                        Counting::Cumulative
                    } else {
                        Counting::Consecutive
                    },
                    initial: if down { Initial::Down } else { Initial::Up },
                    first_result: if decides {
                        FirstResult::Decides
                    } else {
                        FirstResult::Counts
                    },
                    down_at_once: AtOnce { status, refused },
                    probers: probers.0,
                    agreement: probers.1,
                    check: if tcp { Check::Tcp } else { Check::Http },
                    ..CheckSettings::default()
                };
                // Else a router whose checks pass would be Down between two of them.
                let least = match schedule {
                    Schedule::Deadline => longest(&settings),
                    _ => Duration::ZERO,
                };
                let timeout = settings.timeout + least;
                CheckSettings { timeout, ..settings }
            },
        )
}

fn steps() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    let truth = prop_oneof![
        Just(Truth::Alive),
        Just(Truth::Refusing),
        Just(Truth::Hung),
        Just(Truth::Silent),
        Just(Truth::Failing)
    ];
    let step = prop_oneof![
        6 => (0..BACKENDS, truth).prop_map(|(backend, truth)| Step::Become(backend, truth)),
        3 => settings().prop_map(Step::Set),
        1 => (0..BACKENDS).prop_map(Step::Swap),
        1 => Just(Step::Traffic),
    ];
    proptest::collection::vec(((0u64..4_000_000).prop_map(Duration::from_micros), step), 1..30)
}

fn play(settings: CheckSettings, steps: &[(Duration, Step)], seed: u64) -> World {
    let mut world = World::new(settings, BACKENDS, seed);
    world.latency = Duration::from_micros(300);
    for (wait, step) in steps {
        world.run_until(world.now + *wait);
        let before = beliefs(&world);
        match step.clone() {
            Step::Become(backend, truth) => {
                world.set_truth(BackendId(backend), truth);
                continue;
            }
            Step::Set(settings) => world.balancer.apply_settings(world.now, settings),
            Step::Swap(backend) => {
                world.swap(BackendId(backend));
                continue;
            }
            Step::Traffic => world.balancer.on_traffic(),
        }
        assert_eq!(
            usable(&before),
            usable(&beliefs(&world)),
            "no setting changes who is used"
        );
    }
    world
}

fn beliefs(world: &World) -> Vec<Belief> {
    (0..BACKENDS)
        .map(|id| world.balancer.belief(BackendId(id)))
        .collect()
}

fn usable(beliefs: &[Belief]) -> Vec<bool> {
    beliefs.iter().copied().map(super::health::usable).collect()
}

/// The longest gap.
fn longest(settings: &CheckSettings) -> Duration {
    let waits = [
        Some(settings.interval),
        settings.fall_interval,
        settings.down_interval,
        settings.rise_interval,
        settings.no_traffic_interval,
    ];
    let wait = waits.into_iter().flatten().max().unwrap_or_default();
    wait.mul_f64(1.5) + settings.jitter + Duration::from_millis(1)
}

/// Longer than anything takes from one check of a router to the next, whatever is believed.
fn far(settings: &CheckSettings) -> Duration {
    // In rounds, every router can hang before this one, twice: in the round under way, and in its own.
    longest(settings) * 2 + settings.timeout * (2 * BACKENDS + 2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_same_seed_gives_the_same_run(first in settings(), steps in steps(), seed: u64) {
        prop_assert_eq!(play(first.clone(), &steps, seed).log, play(first, &steps, seed).log);
    }

    /// Whatever was set when, everybody is checked on by every prober, believed what it is, and used if it lives.
    #[test]
    fn in_the_end_the_truth_is_believed(first in settings(), steps in steps(), seed: u64) {
        let mut world = play(first, &steps, seed);
        for id in (0..BACKENDS).map(BackendId) {
            if !world.balancer.present(id) {
                world.swap(id);
            }
            world.set_truth(id, if id.0 == 0 { Truth::Refusing } else { Truth::Alive });
        }
        let settings = world.balancer.settings().clone();
        let since = world.now;
        world.run_until(since + far(&settings) * (settings.fall.max(settings.rise) + 2));
        prop_assert!(matches!(world.balancer.belief(BackendId(0)), Belief::Down | Belief::GoingUp), "{:?}", settings);
        for id in [BackendId(1), BackendId(2)] {
            prop_assert!(super::health::usable(world.balancer.belief(id)), "{:?}", settings);
            prop_assert!(world.balancer.views(id).all(super::Health::usable));
        }
        if settings.each_decides() {
            let all = vec![vec![BackendId(1), BackendId(2)]; settings.probers as usize];
            prop_assert_eq!(world.balancer.shares(), all);
        }
        let far = far(&settings);
        let last = world.now;
        let checked = |id: u32| world.log.iter().any(|note| matches!(note,
            Note::Started(at, probe) if probe.backend.0 == id && last.since(*at) <= far));
        prop_assert!((0..BACKENDS).all(checked), "{:?}", settings);
    }

    /// A prober has one check of a router under way, unless checks may overlap.
    #[test]
    fn checks_overlap_only_where_they_may(settings in settings(), truths in proptest::collection::vec(0u8..3, 3), seed: u64) {
        let mut world = World::new(settings.clone(), BACKENDS, seed);
        for (id, truth) in truths.iter().enumerate() {
            let truth = [Truth::Alive, Truth::Hung, Truth::Silent][usize::from(*truth)];
            world.set_truth(BackendId(id as u32), truth);
        }
        world.run_until(BIRTH + Duration::from_secs(30));
        let most = if settings.overlaps() { u32::MAX } else { settings.probers };
        let mut under_way = [0u32; BACKENDS as usize];
        for note in &world.log {
            match note {
                Note::Started(_, probe) => {
                    under_way[probe.backend.index()] += 1;
                    prop_assert!(under_way[probe.backend.index()] <= most);
                }
                Note::Ended(_, verdict) => under_way[verdict.probe.backend.index()] -= 1,
                Note::Overdue(..) => {}
            }
        }
    }
}
