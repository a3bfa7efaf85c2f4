//! Every kind of check settings, in virtual time: the core's own windows beside the closed forms.

use super::cases::{case, settings};
use super::*;
use crate::core::Settings;

/// What is simulated: settings, fault, routers of which the first `victims` are hit.
struct Family {
    words: &'static str,
    truth: Truth,
    victims: u32,
}

const ROUTERS: u32 = 4;
const TRIALS: u64 = 800;

fn fault(truth: Truth) -> Fault {
    match truth {
        Truth::Refusing => Fault::Kill,
        Truth::Failing => Fault::Error,
        Truth::Hung | Truth::Alive => Fault::Hang,
        Truth::Silent => Fault::Silent,
    }
}

/// From the fault of all victims at a random moment to the Down of each.
fn downs(settings: &Settings, family: &Family, seed: u64) -> Vec<Duration> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let check = &settings.check;
    let mut world = World::new(check.clone(), ROUTERS, seed);
    world.balancer.on_traffic();
    let offset = random.next_u64() % (check.interval.as_nanos() as u64 * 8);
    let fault_at = BIRTH + check.interval * 6 + Duration::from_nanos(offset);
    world.run_until(fault_at);
    let victims: Vec<_> = (0..family.victims).map(BackendId).collect();
    for victim in &victims {
        world.set_truth(*victim, family.truth);
    }
    let limit = fault_at + (check.interval * 2 + check.timeout * family.victims) * (check.fall + 2);
    victims
        .iter()
        .map(|victim| {
            let down = world.run_to_belief(*victim, Belief::Down, limit);
            down.expect("detected").since(fault_at)
        })
        .collect()
}

/// Mean and its standard error, least and most, in seconds.
fn spread(times: &[f64]) -> (f64, f64, f64, f64) {
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    let variance = times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n;
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    (mean, (variance / n).sqrt(), least, most)
}

fn agrees(what: &str, times: &[f64], theory: Window) {
    let (mean, error, least, most) = spread(times);
    let [min, expected, max] = [theory.min, theory.mean, theory.max].map(|time| time.as_secs_f64());
    assert!(
        (mean - expected).abs() < 4.5 * error + 1e-6,
        "{what}: mean {mean} ± {error}, theory {theory:?}"
    );
    assert!(
        least >= min - 1e-6 && most <= max + 1e-6,
        "{what}: {least} to {most}, theory {theory:?}"
    );
}

#[test]
fn monte_carlo_agrees_on_every_family() {
    use Truth::{Failing, Hung, Refusing};
    let one = |words, truth| Family {
        words,
        truth,
        victims: 1,
    };
    let families = [
        one("interval=2s timeout=1s fall=3 schedule=end spread=50%", Refusing),
        one("interval=2s timeout=1s fall=3 schedule=end spread=50%", Hung),
        one("interval=1s timeout=400ms fall=2 spread=30% jitter=300ms", Hung),
        one("interval=1s timeout=2500ms fall=3 spread=20%", Hung),
        one(
            "interval=2s timeout=1s fall=3 schedule=end fall-interval=500ms",
            Refusing,
        ),
        one(
            "interval=2s timeout=1s fall=3 schedule=end fall-interval=500ms spread=25%",
            Hung,
        ),
        one("interval=2s timeout=400ms fall=3 fall-interval=500ms", Hung),
        one("interval=2s timeout=700ms fall=4 fall-interval=500ms", Hung),
        one("interval=1s timeout=2500ms fall=3 fall-interval=400ms", Hung),
        one("interval=1s timeout=2500ms fall=2 fall-interval=1800ms", Hung),
        one("interval=1s timeout=3500ms fall=3 overlap=on", Hung),
        one(
            "interval=1s timeout=2500ms fall=6 overlap=on fall-interval=400ms",
            Hung,
        ),
        one(
            "interval=1s timeout=2500ms fall=2 overlap=on fall-interval=400ms",
            Hung,
        ),
        one(
            "interval=1s timeout=700ms fall=3 counting=cumulative fall-interval=300ms",
            Refusing,
        ),
        one("interval=1s timeout=3200ms fall=2 schedule=deadline", Hung),
        one("interval=1s timeout=3200ms fall=2 schedule=deadline", Refusing),
        one(
            "interval=1s timeout=3200ms fall=2 schedule=deadline jitter=500ms",
            Failing,
        ),
        one(
            "interval=1s timeout=3200ms fall=2 schedule=deadline down-at-once=refused",
            Refusing,
        ),
        one("interval=1s timeout=500ms fall=3 down-at-once=status", Failing),
        one("interval=1s timeout=500ms fall=3 down-at-once=status", Refusing),
        one("interval=1s timeout=400ms fall=2 schedule=batch", Hung),
        one("interval=1s timeout=400ms fall=2 schedule=batch", Refusing),
        one(
            "interval=1s timeout=1500ms fall=3 schedule=batch spread=40%",
            Hung,
        ),
        one("interval=1s timeout=900ms fall=3 schedule=batch spread=40%", Hung),
        one(
            "interval=1s timeout=400ms fall=2 schedule=batch-by-state fall-interval=100ms",
            Hung,
        ),
        Family {
            victims: 3,
            ..one("interval=1s timeout=200ms fall=2 schedule=batch", Hung)
        },
        Family {
            victims: 3,
            ..one("interval=1s timeout=500ms fall=2 schedule=batch", Hung)
        },
        Family {
            victims: 3,
            ..one("interval=1s timeout=200ms fall=1 schedule=batch-by-state", Hung)
        },
        Family {
            victims: 3,
            ..one("interval=1s timeout=500ms fall=3 schedule=batch-by-state", Hung)
        },
        Family {
            victims: 2,
            ..one(
                "interval=1s timeout=500ms fall=2 schedule=batch-by-state",
                Refusing,
            )
        },
        one("interval=1s timeout=400ms fall=2 probers=6", Refusing),
        one("interval=1s timeout=400ms fall=2 probers=6", Hung),
        one(
            "interval=1s timeout=400ms fall=2 probers=5 agreement=1 schedule=end",
            Hung,
        ),
        one("interval=1s timeout=400ms fall=2 probers=5 agreement=3", Refusing),
        one(
            "interval=1s timeout=400ms fall=1 probers=3 agreement=2 schedule=batch",
            Refusing,
        ),
        one("interval=1s timeout=2s probers=4 schedule=deadline", Hung),
    ];
    for family in families {
        let settings = settings(family.words);
        let spec = Spec::new(fault(family.truth));
        let case = Case {
            victims: family.victims,
            ..case(&settings, &spec)
        };
        let theory = case.t_detect().unwrap().window().unwrap();
        let times: Vec<_> = (0..TRIALS)
            .flat_map(|seed| downs(&settings, &family, seed))
            .map(|down| down.as_secs_f64())
            .collect();
        let what = format!("{} {:?} x{}", family.words, family.truth, family.victims);
        agrees(&what, &times, theory);
    }
}

#[test]
fn what_each_of_several_checkers_decides_costs_the_requests_of_one() {
    let settings = settings("interval=1s timeout=400ms fall=2 probers=4");
    let kill = Spec::new(Fault::Kill);
    let theory = case(&settings, &kill).lost().unwrap();
    let mut lost = Vec::new();
    for seed in 0..TRIALS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new(settings.check.clone(), 1, seed);
        let death = BIRTH + ms(5000) + Duration::from_nanos(random.next_u64() % 8_000_000_000);
        world.run_until(death);
        world.set_truth(ONLY, Truth::Refusing);
        let down = world.run_to_belief(ONLY, Belief::Down, death + ms(3000));
        down.expect("the last finds it");
        let found: f64 = world
            .balancer
            .views(ONLY)
            .map(|view| view.since().since(death).as_secs_f64())
            .sum();
        // 50 requests a second, a quarter of them for each checker.
        lost.push(found / 4.0 * 50.0);
    }
    let (mean, error, least, most) = spread(&lost);
    assert!(
        (mean - theory.mean.unwrap()).abs() < 4.5 * error,
        "{mean} ± {error}: {theory:?}"
    );
    assert!(
        least >= theory.min && most <= theory.max.unwrap(),
        "{least} to {most}: {theory:?}"
    );
}

fn kinds() -> impl Strategy<Value = String> {
    let plain = ["", "counting=cumulative", "down-at-once=status+refused"];
    let schedule = [
        "schedule=start",
        "schedule=start overlap=on",
        "schedule=end",
        "schedule=batch",
        "schedule=batch-by-state",
    ];
    let intervals = (1u64..4000, 1u64..4000, any::<bool>()).prop_map(|(interval, fall, own)| match own {
        true => format!("interval={interval}ms fall-interval={fall}ms"),
        false => format!("interval={interval}ms"),
    });
    let more = (1u64..9000, 1u32..6);
    (0..plain.len(), 0..schedule.len(), intervals, more).prop_map(
        move |(plain_at, schedule_at, intervals, (timeout, fall))| {
            let (plain, schedule) = (plain[plain_at], schedule[schedule_at]);
            format!("{intervals} timeout={timeout}ms fall={fall} {schedule} {plain}")
        },
    )
}

fn truths() -> impl Strategy<Value = Truth> {
    prop_oneof![Just(Truth::Refusing), Just(Truth::Hung), Just(Truth::Failing)]
}

proptest! {
    #[test]
    fn each_familys_deaths_are_predicted_to_the_nanosecond(
        words in kinds(),
        truth in truths(),
        latency in prop_oneof![Just(0u64), 1u64..900_000],
        at in 2.0f64..20.0,
    ) {
        let settings = settings(&words);
        let check = &settings.check;
        let mut world = World::new(check.clone(), 1, 1);
        // What the router answers late is in its log late, too.
        world.latency = if truth == Truth::Failing { Duration::ZERO } else { Duration::from_nanos(latency) };
        let death = BIRTH + check.interval.mul_f64(at);
        world.run_until(death);
        world.set_truth(ONLY, truth);
        let spec = Spec::new(fault(truth));
        let case = case(&settings, &spec);
        let longest = case.t_detect().unwrap().max.unwrap();
        let down = world.run_to_belief(ONLY, Belief::Down, death + longest + check.interval);
        let measured = down.expect("detected").since(death);
        prop_assert_eq!(Ok(measured), case.predict(phase(&world, death)), "{}", words);
    }

    #[test]
    fn deadlines_are_predicted_to_the_nanosecond(
        interval in 1u64..4000, more in 1u64..9000, at in 2.0f64..20.0, truth in truths(), at_once in any::<bool>(),
    ) {
        let once = if at_once { "status+refused" } else { "never" };
        let words = format!("interval={interval}ms timeout={}ms schedule=deadline down-at-once={once}", interval + more);
        let settings = settings(&words);
        let check = &settings.check;
        let mut world = World::new(check.clone(), 1, 1);
        let death = BIRTH + check.interval.mul_f64(at);
        world.run_until(death);
        world.set_truth(ONLY, truth);
        let spec = Spec::new(fault(truth));
        let down = world.run_to_belief(ONLY, Belief::Down, death + check.timeout + check.interval);
        let measured = down.expect("detected").since(death);
        let predicted = case(&settings, &spec).predict(phase(&world, death));
        prop_assert_eq!(Ok(measured), predicted, "{}", words);
    }
}

#[test]
fn monte_carlo_agrees_on_the_way_back_of_every_family() {
    use Truth::{Hung, Refusing};
    for (words, truth) in [
        (
            "interval=2s timeout=1s rise=3 schedule=end down-interval=700ms rise-interval=300ms",
            Refusing,
        ),
        (
            "interval=2s timeout=1s rise=2 schedule=end down-interval=700ms rise-interval=300ms",
            Hung,
        ),
        ("interval=2s timeout=1s rise=3 schedule=end spread=40%", Hung),
        ("interval=2s timeout=500ms rise=1 down-interval=700ms", Hung),
        (
            "interval=2s timeout=500ms rise=3 down-interval=700ms rise-interval=300ms",
            Hung,
        ),
        (
            "interval=2s timeout=500ms rise=2 down-interval=700ms rise-interval=900ms",
            Hung,
        ),
        ("interval=1s timeout=700ms rise=3 jitter=400ms", Hung),
        ("interval=1s timeout=700ms rise=2 spread=20%", Hung),
        ("interval=1s timeout=2500ms rise=1 overlap=on", Hung),
        ("interval=1s timeout=2500ms rise=3 overlap=on", Hung),
        ("interval=1s timeout=2500ms rise=5 overlap=on", Hung),
        ("interval=1s timeout=3500ms rise=1 schedule=deadline", Hung),
        ("interval=1s timeout=3500ms rise=1 schedule=deadline", Refusing),
        ("interval=1s timeout=700ms rise=2 schedule=batch", Refusing),
        ("interval=1s timeout=700ms rise=2 schedule=batch", Hung),
        ("interval=1s timeout=1700ms rise=2 schedule=batch", Hung),
        (
            "interval=1s timeout=700ms rise=1 schedule=batch-by-state down-interval=2s",
            Refusing,
        ),
        (
            "interval=1s timeout=700ms rise=2 schedule=batch-by-state down-interval=2s",
            Hung,
        ),
        ("interval=1s timeout=400ms rise=2 probers=4", Refusing),
        ("interval=1s timeout=400ms rise=2 probers=4 agreement=3", Refusing),
    ] {
        let settings = settings(words);
        let check = &settings.check;
        let theory = t_readmit(check, &Spec::new(fault(truth))).unwrap();
        let times: Vec<_> = (0..TRIALS)
            .map(|seed| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let mut world = World::new(check.clone(), 1, seed);
                let longest = check.interval + check.down_interval.unwrap_or_default() + check.timeout;
                world.run_until(
                    BIRTH + check.interval * 3 + Duration::from_nanos(random.next_u64() % 5_000_000_000),
                );
                world.set_truth(ONLY, truth);
                let offset = Duration::from_nanos(random.next_u64() % (longest.as_nanos() as u64 * 6));
                let ready = world.now + longest * (check.fall + 6) + offset;
                world.run_until(ready);
                assert!(
                    !world.balancer.usable().any(|id| id == ONLY),
                    "{words}: still used"
                );
                world.set_truth(ONLY, Truth::Alive);
                let limit = ready + longest * 20;
                loop {
                    // In use again, with nothing or with something against it.
                    if world.balancer.usable().any(|id| id == ONLY) {
                        return world.now.since(ready).as_secs_f64();
                    }
                    let next = world.balancer.next_deadline().filter(|at| *at <= limit);
                    world.run_until(next.expect("comes back"));
                }
            })
            .collect();
        agrees(&format!("{words} {truth:?}"), &times, theory);
    }
}
