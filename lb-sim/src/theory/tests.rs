use super::*;
use crate::core::world::{BIRTH, Note, Truth, World};
use crate::core::{BackendId, Check, CheckSettings, Schedule};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::Belief;

const ONLY: BackendId = BackendId(0);

mod attempts;
mod cases;
mod families;
mod race;
mod systems;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn check(interval: u64, timeout: u64, fall: u32, schedule: Schedule, jitter: u64) -> CheckSettings {
    CheckSettings {
        interval: ms(interval),
        timeout: ms(timeout),
        fall,
        schedule,
        jitter: ms(jitter),
        ..CheckSettings::default()
    }
}

fn window(min: u64, mean: u64, max: u64) -> Result<Window, NoTheory> {
    Ok(Window {
        min: ms(min),
        mean: ms(mean),
        max: ms(max),
    })
}

#[test]
fn the_tables_of_known_balancers() {
    use Fault::{Hang, Kill};
    use Schedule::{End, Start};
    let haproxy = check(2000, 2000, 3, End, 0);
    assert_eq!(t_detect(&haproxy, Kill), window(4000, 5000, 6000));
    assert_eq!(t_detect(&haproxy, Hang), window(10_000, 11_000, 12_000));
    let alb = check(30_000, 5000, 2, Start, 0);
    assert_eq!(t_detect(&alb, Kill), window(30_000, 45_000, 60_000));
    assert_eq!(t_detect(&alb, Hang), window(35_000, 50_000, 65_000));
    let kubelet = check(10_000, 1000, 3, Start, 0);
    assert_eq!(t_detect(&kubelet, Hang), window(21_000, 26_000, 31_000));
    // Envoy with jitter: the means are 28.78 s and 31.78 s.
    let envoy = check(10_000, 1000, 3, End, 3000);
    let refused = t_detect(&envoy, Kill).unwrap();
    assert_eq!((refused.min, refused.max), (ms(20_000), ms(39_000)));
    assert!((refused.mean.as_secs_f64() - 28.783).abs() < 0.001, "{refused:?}");
    assert_eq!(t_detect(&envoy, Hang).unwrap().mean - refused.mean, ms(3000));
    // A timeout over the interval skips ticks under `start`: 2.5 s at 1 s makes a cycle of 3 s.
    assert_eq!(
        t_detect(&check(1000, 2500, 2, Start, 0), Hang),
        window(5500, 6000, 6500)
    );
}

#[test]
fn what_cannot_be_known_says_why() {
    let mut tcp = check(1000, 1000, 2, Schedule::Start, 0);
    tcp.check = Check::Tcp;
    let reason = t_detect(&tcp, Fault::Hang).unwrap_err().to_string();
    assert!(
        reason.starts_with("a TCP check cannot see a hung router"),
        "{reason}"
    );
    assert!(t_detect(&tcp, Fault::Kill).is_ok());
    let jittered = check(1000, 1000, 2, Schedule::Start, 1);
    let phase = Phase::InFlight { since_start: ms(1) };
    assert_eq!(predict(&jittered, Fault::Kill, phase), Err(NoTheory::RandomGaps));
}

#[test]
fn lost_requests_are_the_dead_routers_share() {
    assert_eq!(requests_in(ms(1500), 500.0, 4), 187.5);
}

/// A router that dies at `death` after at least one check, and is believed Down at the returned time.
fn die(
    check: &CheckSettings,
    fault: Fault,
    death: Timestamp,
    seed: u64,
    latency: Duration,
) -> (World, Duration) {
    let mut world = World::new(check.clone(), 1, seed);
    world.latency = latency;
    world.run_until(death);
    let truth = if fault == Fault::Hang {
        Truth::Hung
    } else {
        Truth::Refusing
    };
    world.set_truth(ONLY, truth);
    let limit = death + t_detect(check, fault).unwrap().max + check.interval;
    let down = world
        .run_to_belief(ONLY, Belief::Down, limit)
        .expect("detected by theory's maximum");
    (world, down.since(death))
}

/// The phase of a death as a reader of the log sees it.
fn phase(world: &World, death: Timestamp) -> Phase {
    let started = |note: &Note| match note {
        Note::Started(at, probe) if *at < death => Some((*at, *probe)),
        _ => None,
    };
    let (started, probe) = world
        .log
        .iter()
        .rev()
        .find_map(started)
        .expect("a check before the death");
    let ended = |note: &Note| match note {
        Note::Ended(at, verdict) if verdict.probe == probe => Some((*at, verdict.failures == 0)),
        _ => None,
    };
    let (ended, passed) = world
        .log
        .iter()
        .find_map(ended)
        .unwrap_or((Timestamp(u64::MAX), false));
    Phase::of(death, started, ended, passed)
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Kill), Just(Fault::Crash), Just(Fault::Hang)]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    prop_oneof![Just(Schedule::Start), Just(Schedule::End)]
}

proptest! {
    #[test]
    fn predictions_are_exact_to_the_nanosecond(
        interval in 1_000_000u64..5_000_000_000,
        timeout in 1_000_000u64..12_000_000_000,
        latency in prop_oneof![Just(0u64), 1u64..900_000],
        fall in 1u32..6,
        fault in faults(),
        schedule in schedules(),
        at in 0.001f64..20.0,
    ) {
        let settings = CheckSettings {
            interval: Duration::from_nanos(interval),
            timeout: Duration::from_nanos(timeout),
            ..check(1, 1, fall, schedule, 0)
        };
        let death = BIRTH + settings.interval.mul_f64(at);
        let (world, measured) = die(&settings, fault, death, 1, Duration::from_nanos(latency));
        let predicted = predict(&settings, fault, phase(&world, death)).unwrap();
        prop_assert_eq!(measured, predicted);
        let slack = Duration::from_nanos(latency);
        prop_assert!(t_detect(&settings, fault).unwrap().contains(measured, slack), "{:?}", measured);
    }

    #[test]
    fn an_answer_that_is_read_after_the_death_was_given_by_the_living(
        interval in 1_000_000u64..5_000_000_000,
        reading in 0.001f64..1.0,
        fall in 1u32..6,
        fault in faults(),
        schedule in schedules(),
        at in 1.0f64..20.0,
    ) {
        let settings = CheckSettings {
            interval: Duration::from_nanos(interval),
            timeout: Duration::from_nanos(interval),
            ..check(1, 1, fall, schedule, 0)
        };
        let death = BIRTH + settings.interval.mul_f64(at);
        let mut world = World::new(settings.clone(), 1, 1);
        world.reading = settings.interval.mul_f64(reading);
        world.run_until(death);
        world.set_truth(ONLY, if fault == Fault::Hang { Truth::Hung } else { Truth::Refusing });
        let limit = death + t_detect(&settings, fault).unwrap().max + settings.interval * 2;
        let down = world.run_to_belief(ONLY, Belief::Down, limit).expect("detected");
        prop_assert_eq!(predict(&settings, fault, phase(&world, death)).unwrap(), down.since(death));
    }

    #[test]
    fn jitter_stays_within_the_window(
        interval in 1u64..2000, timeout in 1u64..6000, jitter in 1u64..3000,
        fall in 1u32..5, fault in faults(), schedule in schedules(), at in 0.0f64..20.0, seed: u64,
    ) {
        let settings = check(interval, timeout, fall, schedule, jitter);
        prop_assume!(timeout <= 16 * interval);
        let death = BIRTH + settings.interval.mul_f64(at);
        let (_, measured) = die(&settings, fault, death, seed, Duration::ZERO);
        prop_assert!(t_detect(&settings, fault).unwrap().contains(measured, Duration::ZERO), "{:?}", measured);
    }
}

/// Mean and extremes of `measure` over seeded random moments.
fn sample(
    n: u64,
    settings: &CheckSettings,
    measure: impl Fn(Timestamp, u64) -> Duration,
) -> (f64, Duration, Duration) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let warm_up = (settings.interval + settings.jitter) * 4;
    let times = (0..n).map(|seed| {
        let offset = random.next_u64() % (settings.interval.as_nanos() as u64 * 50);
        measure(BIRTH + warm_up + Duration::from_nanos(offset), seed)
    });
    let times: Vec<_> = times.collect();
    let mean = times.iter().map(Duration::as_secs_f64).sum::<f64>() / n as f64;
    (mean, *times.iter().min().unwrap(), *times.iter().max().unwrap())
}

/// Every kind of window: both schedules, with and without jitter, a timeout below, at and over the interval.
fn grid() -> impl Iterator<Item = (CheckSettings, Fault)> {
    let timing = [(1000, 400), (1000, 1000), (1000, 2500)];
    let jitters = [0, 700];
    timing.into_iter().flat_map(move |(interval, timeout)| {
        jitters.into_iter().flat_map(move |jitter| {
            [Schedule::Start, Schedule::End]
                .into_iter()
                .flat_map(move |schedule| {
                    [Fault::Kill, Fault::Hang]
                        .map(|fault| (check(interval, timeout, 3, schedule, jitter), fault))
                })
        })
    })
}

#[test]
fn monte_carlo_agrees_on_detection() {
    for (settings, fault) in grid() {
        let theory = t_detect(&settings, fault).unwrap();
        let (mean, min, max) = sample(2000, &settings, |death, seed| {
            die(&settings, fault, death, seed, Duration::ZERO).1
        });
        let error = (mean - theory.mean.as_secs_f64()).abs();
        assert!(
            error < 0.04,
            "{settings:?} {fault:?}: mean {mean}, theory {theory:?}"
        );
        assert!(
            min >= theory.min && max <= theory.max,
            "{settings:?} {fault:?}: {min:?} {max:?} {theory:?}"
        );
        let covered = (max - min).as_secs_f64() / (theory.max - theory.min).as_secs_f64();
        // Where several gaps are random the extremes are rare, where one phase is they are reached.
        assert!(
            covered > if settings.jitter.is_zero() { 0.98 } else { 0.4 },
            "{settings:?} {fault:?}: {covered}"
        );
    }
}

#[test]
fn monte_carlo_agrees_on_readmission() {
    for rise in [1, 2, 3] {
        for (mut settings, fault) in grid() {
            settings.rise = rise;
            let Ok(theory) = t_readmit(&settings, &Spec::new(fault)) else {
                assert!(settings.timeout > settings.interval && !settings.jitter.is_zero());
                continue;
            };
            let (mean, min, max) = sample(800, &settings, |death, seed| {
                let (mut world, _) = die(&settings, fault, death, seed, Duration::ZERO);
                // Long enough after the death to forget its phase.
                let ready =
                    world.now + settings.interval * 3 + Duration::from_nanos(death.0 * 7919 % 50_000_000_000);
                world.run_until(ready);
                world.set_truth(ONLY, Truth::Alive);
                let up = world.run_to_belief(ONLY, Belief::Up, ready + settings.interval * 100);
                up.expect("comes back").since(ready)
            });
            let error = (mean - theory.mean.as_secs_f64()).abs();
            assert!(
                error < 0.05,
                "{settings:?} {fault:?}: mean {mean}, theory {theory:?}"
            );
            assert!(
                min >= theory.min && max <= theory.max,
                "{settings:?} {fault:?}: {min:?} {max:?} {theory:?}"
            );
        }
    }
}
