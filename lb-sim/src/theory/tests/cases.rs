//! Every fault under every set of detectors: the figures and the reasons where there is none.

use super::*;
use crate::core::{Passive, PassiveCounting, PassiveReturn, Settings};
use crate::theory::load::{Arrivals, Connections};
use router::clock::Timestamp;
use router::fault::{Delay, On};

pub(super) fn settings(words: &str) -> Settings {
    words.parse().unwrap()
}

pub(super) fn traffic(rate: f64, routers: u32, arrivals: Arrivals) -> Traffic {
    Traffic {
        rate,
        routers,
        arrivals,
        connections: Connections::PerRequest,
    }
}

pub(super) fn case<'a>(settings: &'a Settings, spec: &'a Spec) -> Case<'a> {
    Case {
        settings,
        spec,
        traffic: traffic(200.0, 4, Arrivals::Poisson),
        victims: 1,
        drain_wait: ms(20_000),
        patience: Patience::ENDLESS,
        checked: true,
    }
}

fn on(fault: Fault, on: On) -> Spec {
    Spec {
        on,
        ..Spec::new(fault)
    }
}

fn slow(delay: Delay) -> Spec {
    Spec {
        delay,
        ..Spec::new(Fault::Slow)
    }
}

#[test]
fn polling_sees_what_its_checks_meet() {
    let poll = settings("interval=1s timeout=400ms fall=2");
    let detect = |spec: Spec| {
        case(&poll, &spec)
            .t_detect()
            .map(|bounds| bounds.window().unwrap())
    };
    let (refused, hung) = (window(1000, 1500, 2000), window(1400, 1900, 2400));
    for fault in [Fault::Kill, Fault::Crash, Fault::Stop, Fault::Drain, Fault::Error] {
        assert_eq!(detect(Spec::new(fault)), refused, "{fault:?}");
    }
    for fault in [Fault::Hang, Fault::Silent] {
        assert_eq!(detect(Spec::new(fault)), hung, "{fault:?}");
    }
    assert_eq!(
        detect(on(Fault::Error, On::Requests)),
        Err(NoTheory::RequestsOnly)
    );
    assert_eq!(detect(on(Fault::Silent, On::Health)), hung);
    assert_eq!(detect(Spec::new(Fault::Cut)), Err(NoTheory::RequestsOnly));
    assert_eq!(detect(slow(Delay::Fixed(ms(400)))), Err(NoTheory::LateInTime));
    assert_eq!(detect(slow(Delay::Fixed(ms(401)))), hung);
    assert_eq!(detect(slow(Delay::Uniform(ms(500), ms(600)))), hung);
    assert_eq!(
        detect(slow(Delay::Uniform(ms(300), ms(500)))),
        Err(NoTheory::RandomDelay)
    );
    assert_eq!(
        detect(slow(Delay::Exponential(ms(10)))),
        Err(NoTheory::RandomDelay)
    );

    let tcp = settings("interval=1s timeout=400ms fall=2 check=tcp");
    let detect = |spec: Spec| {
        case(&tcp, &spec)
            .t_detect()
            .map(|bounds| bounds.window().unwrap())
    };
    assert_eq!(detect(Spec::new(Fault::Silent)), Err(NoTheory::TcpSeesNoAnswer));
    assert_eq!(detect(Spec::new(Fault::Error)), Err(NoTheory::TcpSeesNoAnswer));
    // It sees the drained router's exit.
    assert_eq!(detect(Spec::new(Fault::Drain)), window(21_000, 21_500, 22_000));
}

#[test]
fn sentinel_and_notice_know_at_once_what_ends_a_process() {
    for words in [
        "detector=sentinel",
        "detector=notice",
        "detector=sentinel+notice+passive",
    ] {
        let told = settings(words);
        for fault in [Fault::Kill, Fault::Crash, Fault::Stop] {
            let spec = Spec::new(fault);
            assert_eq!(case(&told, &spec).t_detect(), Ok(Bounds::exactly(Duration::ZERO)));
            assert_eq!(case(&told, &spec).lost().unwrap().mean, Ok(0.0));
            let phase = Phase::InFlight { since_start: ms(1) };
            assert_eq!(case(&told, &spec).predict(phase), Ok(Duration::ZERO));
        }
    }
    // The article: 5 s, 2 s, fall 2. A hang is polling's alone, and so is a drain that waits for longer.
    let told = settings("detector=sentinel+notice");
    let hang = case(&told, &Spec::new(Fault::Hang)).t_detect().unwrap();
    assert_eq!(hang.window(), window(7000, 9500, 12_000));
    let drain = Spec::new(Fault::Drain);
    assert_eq!(
        case(&told, &drain).t_detect().unwrap().window(),
        window(5000, 7500, 10_000)
    );
    // Its connections closed in the middle of polling's window: U in 5 s to 10 s, cut at 8 s.
    let early = Case {
        drain_wait: ms(8000),
        ..case(&told, &drain)
    };
    assert_eq!(early.t_detect().unwrap().window(), window(5000, 7100, 8000));
    let phase = Phase::Between {
        since_start: ms(1000),
        since_end: ms(1000),
    };
    assert_eq!(early.predict(phase), Ok(ms(8000)));
    assert_eq!(early.lost().unwrap().mean, Ok(0.0));
}

#[test]
fn what_failed_attempts_cannot_tell_says_why() {
    let passive = settings("detector=passive");
    let reason = |spec: Spec| case(&passive, &spec).t_detect().unwrap_err();
    assert_eq!(reason(Spec::new(Fault::Cut)), NoTheory::CutCountsNowhere);
    let mut error = on(Fault::Error, On::Requests);
    assert!(case(&passive, &error).t_detect().unwrap().max.is_err());
    error.status = 500;
    assert_eq!(reason(error), NoTheory::StatusCountsNot);
    let mut late = slow(Delay::Fixed(ms(100)));
    late.on = On::Requests;
    assert_eq!(reason(late), NoTheory::LateAttemptsInTime);
    let spec = on(Fault::Silent, On::Requests);
    for (rate, routers, words, why) in [
        (200.0, 1, "detector=passive", NoTheory::NoneMayBeEjected),
        (
            200.0,
            4,
            "detector=passive passive-max-ejected=20%",
            NoTheory::NoneMayBeEjected,
        ),
        (0.0, 4, "detector=passive", NoTheory::NoTraffic),
    ] {
        let settings = settings(words);
        let case = Case {
            traffic: traffic(rate, routers, Arrivals::Constant),
            ..case(&settings, &spec)
        };
        assert_eq!(case.t_detect(), Err(why));
    }
    let uneven = settings("detector=passive balance=least-connections");
    let bounds = case(&uneven, &spec).t_detect().unwrap();
    assert_eq!((bounds.min, bounds.mean), (ms(2000), Err(NoTheory::UnevenShare)));
}

#[test]
fn the_core_is_as_fast_as_theory_says_of_sentinel_and_notice() {
    let mut world = World::new(settings("").check, 2, 1);
    let death = BIRTH + ms(1234);
    world.run_until(death);
    let Some(crate::core::Action::Start { probe, .. }) = world.balancer.on_connection_lost(death, ONLY)
    else {
        panic!("no check at once");
    };
    let refused = router::record::ProbeResult::Refused;
    let verdict = world.balancer.on_probe(death, probe, refused).unwrap();
    assert_eq!(verdict.transition.unwrap().to, Belief::Down);
    let told = world.balancer.on_notice(death, BackendId(1)).unwrap();
    assert_eq!((told.to, told.at), (Belief::Down, death));
}

#[test]
fn drains_lose_what_the_window_outlasts_the_wait_by() {
    let spec = Spec::new(Fault::Drain);
    let drained = |words: &str, wait: u64| {
        let settings = settings(words);
        let case = Case {
            drain_wait: ms(wait),
            ..case(&settings, &spec)
        };
        let lost = case.lost().unwrap();
        (lost.min, lost.mean.unwrap(), lost.max.unwrap())
    };
    // Down after 1 s to 2 s; 50 requests a second at each of four routers.
    let words = "interval=1s fall=2";
    assert_eq!(drained(words, 2000), (0.0, 0.0, 0.0));
    assert_eq!(drained(words, 500), (25.0, 50.0, 75.0));
    let (min, mean, max) = drained(words, 1500);
    assert_eq!((min, max), (0.0, 25.0));
    assert!((mean - 6.25).abs() < 1e-6, "{mean}");
    // In virtual time: what is left of each death's window beyond the wait.
    let check = settings(words).check;
    let (beyond, ..) = sample(2000, &check, |death, seed| {
        die(&check, Fault::Kill, death, seed, Duration::ZERO)
            .1
            .saturating_sub(ms(1500))
    });
    assert!((beyond * 50.0 - mean).abs() < 0.4, "{beyond}");
}

#[test]
fn what_is_lost_is_what_fails() {
    let poll = settings("interval=1s timeout=400ms fall=2");
    let lost = |spec: Spec| case(&poll, &spec).lost();
    assert_eq!(lost(Spec::new(Fault::Kill)).unwrap().mean, Ok(75.0));
    assert_eq!(lost(on(Fault::Error, On::Health)).unwrap().mean, Ok(0.0));
    assert_eq!(lost(Spec::new(Fault::Cut)), Err(NoTheory::RequestsOnly));
    let passive = settings("interval=1s timeout=400ms fall=3 passive-failures=5 detector=passive");
    let kill = Spec::new(Fault::Kill);
    let case = Case {
        traffic: traffic(500.0, 4, Arrivals::Constant),
        ..case(&passive, &kill)
    };
    assert_eq!(case.lost().unwrap().mean, Ok(5.0));
    let phase = Phase::Between {
        since_start: ms(100),
        since_end: ms(100),
    };
    assert_eq!(case.predict(phase), Err(NoTheory::AttemptsDecide));
}

#[test]
fn what_waits_at_a_silent_router_is_answered_when_it_is_well_again() {
    let late = slow(Delay::Fixed(ms(10_000)));
    for (settings, _) in grid() {
        let hang = t_readmit(&settings, &Spec::new(Fault::Hang));
        assert_eq!(t_readmit(&settings, &Spec::new(Fault::Silent)), hang);
        assert_eq!(t_readmit(&settings, &late), hang);
    }
}

#[test]
fn an_ejection_ends_by_its_own_clock_or_as_failures_are_forgotten() {
    let mut passive = Settings::default().passive;
    let exactly = |time| Bounds::exactly(ms(time));
    assert_eq!(after_ejection(&passive, 1, ms(1000)), exactly(29_000));
    assert_eq!(after_ejection(&passive, 3, ms(0)), exactly(90_000));
    assert_eq!(after_ejection(&passive, 100, ms(0)), exactly(300_000));
    passive.back = PassiveReturn::Trial;
    let trial = after_ejection(&passive, 1, ms(1000));
    assert_eq!(
        trial.window().unwrap(),
        Window {
            min: ms(29_000),
            mean: ms(29_500),
            max: ms(30_000)
        }
    );
    passive.back = PassiveReturn::Forgotten;
    passive.counting = PassiveCounting::Window;
    passive.window = ms(10_000);
    // What the balancer does, at each count of failures half a second apart.
    for failures in [1, 3] {
        passive.failures = failures;
        let mut counted = Passive::new(Timestamp(0));
        let apart = |n: u32| Timestamp(0) + ms(500) * n;
        let earned = (1..=failures).filter(|n| counted.observe(apart(*n), true, &passive));
        assert_eq!(earned.count(), 1, "the last of them");
        let at = apart(failures);
        counted.eject(at, &passive);
        let lasts = counted.ejected_until().unwrap().since(at);
        // In a row or not: that is of no account here.
        let told = after_ejection(&passive, 4, ms(0));
        assert!(
            told.min <= lasts && lasts <= told.max.unwrap(),
            "{lasts:?} {told:?}"
        );
        match failures {
            1 => assert_eq!((told, lasts), (exactly(10_000), ms(10_000))),
            _ => assert_eq!((told.mean, lasts), (Err(NoTheory::ForgottenOneByOne), ms(9000))),
        }
    }
    passive.cap = ms(4000);
    assert_eq!(after_ejection(&passive, 1, ms(1000)).max, Ok(ms(3000)));
}

#[test]
fn retries_multiply_up_to_their_budget() {
    let settings = |words: &str| settings(&format!("on-failure=retry retries=3 {words}"));
    assert_eq!(load::amplification(&settings("retry-budget=off"), 500.0), 4.0);
    assert!((load::amplification(&settings("retry-budget=20%"), 500.0) - 1.22).abs() < 1e-9);
    assert_eq!(load::amplification(&Settings::default(), 500.0), 1.0);
    assert_eq!(load::checks_per_second(&Settings::default().check, 4), 0.8);
}
