//! What it makes of a fault that clients do not wait for ever, how their connections are used, and how many there are.

use super::cases::{case, settings, traffic};
use super::*;
use crate::core::Settings;
use crate::theory::load::{Arrivals, Connections};
use router::fault::{Delay, On};

fn patience(time: u64, outlived: bool) -> Patience {
    let time = ms(time);
    Patience { time, outlived }
}

fn slow(delay: u64) -> Spec {
    Spec {
        delay: Delay::Fixed(ms(delay)),
        ..Spec::new(Fault::Slow)
    }
}

/// Measured: `--fault slow --fault-delay 3s --set response-timeout=10s --client-timeout 1s` lost 24 requests a fault.
#[test]
fn an_answer_that_comes_after_its_client_has_gone_is_lost() {
    let lost = |words: &str, delay, waits| {
        let (settings, spec) = (
            settings(&format!("interval=1s timeout=400ms fall=2 {words}")),
            slow(delay),
        );
        let lost = Case {
            patience: patience(waits, true),
            ..case(&settings, &spec)
        };
        lost.lost().and_then(|lost| lost.mean)
    };
    let all = Ok(95.0);
    let in_time = "response-timeout=10s";
    assert_eq!(lost(in_time, 3000, 1000), all);
    assert_eq!(lost(in_time, 1000, 1000), Ok(0.0), "that is in time");
    assert_eq!(lost(in_time, 3000, 5000), Ok(0.0));
    assert_eq!(lost("response-timeout=2s", 3000, 5000), all);
    // No attempt fails before the client goes: nothing is tried again.
    for words in [
        "response-timeout=10s on-failure=retry",
        "response-timeout=1s on-failure=retry",
        "response-timeout=10s on-failure=retry retry-on=connect",
    ] {
        assert_eq!(lost(words, 3000, 1000), all, "{words}");
    }
    let saved = lost("response-timeout=900ms on-failure=retry", 3000, 1000);
    assert_eq!(saved, Err(NoTheory::RetriesSave));
    let settings = settings("interval=1s timeout=400ms fall=2 response-timeout=10s");
    let random = Spec {
        delay: Delay::Uniform(ms(500), ms(1500)),
        ..Spec::new(Fault::Slow)
    };
    let some = Case {
        patience: patience(1000, true),
        ..case(&settings, &random)
    };
    assert_eq!(some.lost(), Err(NoTheory::RandomDelay));
}

/// Measured with clients that leave after 1 s and a response timeout of 3 s: nginx 1.22.1 and Envoy 1.40.0 counted none
/// of their attempts, HAProxy 2.6.12 and lb-sim all; with 1 s and 1 s nginx some.
#[test]
fn whose_clients_leave_first_fails_no_attempt_unless_it_outlives_them() {
    let words = "interval=8s timeout=4s fall=2 detector=passive response-timeout=3s";
    let (watched, hang) = (settings(words), Spec::new(Fault::Hang));
    let of = |patience| {
        let case = Case {
            patience,
            ..case(&watched, &hang)
        };
        (case.t_detect().unwrap(), case.passive().err())
    };
    for first in [patience(1000, true), patience(5000, false), patience(5000, true)] {
        let (bounds, never) = of(first);
        assert_eq!((bounds.min, never), (ms(3000), None), "{first:?}");
    }
    let (polled, never) = of(patience(1000, false));
    assert_eq!(never, Some(NoTheory::ClientsLeaveFirst));
    assert_eq!(polled.window(), window(12_000, 16_000, 20_000));
    let (bounds, why) = of(patience(3000, false));
    assert_eq!(why, Some(NoTheory::SamePatience));
    assert_eq!(
        (bounds.min, bounds.mean),
        (Duration::ZERO, Err(NoTheory::SamePatience))
    );
    // What fails at once fails while its client waits.
    let kill = Spec::new(Fault::Kill);
    let killed = Case {
        patience: patience(1000, false),
        ..case(&watched, &kill)
    };
    assert!(killed.passive().is_ok());
}

#[test]
fn where_nobody_checks_attempts_alone_decide() {
    let unchecked = |words: &str, fault, patience| {
        let (settings, spec) = (settings(words), Spec::new(fault));
        let case = Case {
            patience,
            checked: false,
            ..case(&settings, &spec)
        };
        let t_detect = case.t_detect();
        (t_detect, case.lost())
    };
    let nginx = "interval=1day fall=1 detector=passive passive-failures=1";
    let (t_detect, lost) = unchecked(nginx, Fault::Kill, Patience::ENDLESS);
    let t_detect = t_detect.unwrap();
    assert!(
        t_detect.mean.unwrap().abs_diff(Duration::from_micros(12_500)) < ms(1),
        "{t_detect:?}"
    );
    assert_eq!(t_detect.max, Err(NoTheory::NoLongestGap));
    // The one that failed, whenever it came.
    let lost = lost.unwrap();
    assert_eq!((lost.min, lost.mean, lost.max), (1.0, Ok(1.0), Ok(1.0)));
    for (words, fault, patience, why) in [
        (
            "detector=poll",
            Fault::Kill,
            Patience::ENDLESS,
            NoTheory::NobodyChecks,
        ),
        (
            nginx,
            Fault::Hang,
            patience(1000, false),
            NoTheory::ClientsLeaveFirst,
        ),
        (
            "detector=passive response-timeout=1day",
            Fault::Hang,
            Patience::ENDLESS,
            NoTheory::AttemptsWait,
        ),
    ] {
        assert!(why.is_never());
        assert_eq!(unchecked(words, fault, patience), (Err(why), Err(why)), "{words}");
    }
}

/// Measured: `mode=tcp` with a load that keeps its connections lost 1 request, where 18.8 were expected.
#[test]
fn connections_that_stay_are_where_their_requests_go() {
    let kill = Spec::new(Fault::Kill);
    let of = |words: &str, connections| {
        let settings = settings(&format!(
            "interval=1s timeout=400ms fall=2 on-failure=reset {words}"
        ));
        let kept = Traffic {
            connections,
            ..traffic(200.0, 4, Arrivals::Poisson)
        };
        let case = Case {
            traffic: kept,
            ..case(&settings, &kill)
        };
        (
            case.t_detect().map(|bounds| bounds.mean),
            case.lost().map(|lost| lost.mean),
        )
    };
    let polled = Ok(Ok(ms(1500)));
    assert_eq!(of("mode=tcp", Connections::PerRequest), (polled, Ok(Ok(75.0))));
    assert_eq!(of("", Connections::Kept), (polled, Ok(Ok(75.0))));
    let stay = NoTheory::ConnectionsStay;
    assert_eq!(of("mode=tcp", Connections::Kept), (polled, Err(stay)));
    let (watched, _) = of("mode=tcp detector=passive", Connections::Kept);
    assert_eq!(watched, Ok(Err(stay)));
}

#[test]
fn hardly_any_requests_are_none() {
    let kill = Spec::new(Fault::Kill);
    for words in ["detector=passive", "detector=passive passive-failures=20"] {
        let settings: Settings = settings(&format!("interval=1s timeout=400ms fall=2 {words}"));
        for rate in [f64::MIN_POSITIVE, 1e-300, 1e-20, 1e-3, 1.0] {
            for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
                let case = Case {
                    traffic: traffic(rate, 4, arrivals),
                    ..case(&settings, &kill)
                };
                assert!(case.lost().is_ok() && case.t_detect().is_ok(), "{rate} {words}");
                let seldom = case.passive() == Err(NoTheory::AttemptsTooSeldom);
                assert_eq!(seldom, rate < 1e-3, "{rate} {words}");
            }
        }
    }
    let cut = Spec {
        on: On::Requests,
        ..Spec::new(Fault::Error)
    };
    let settings = settings("interval=1s timeout=400ms detector=passive passive-on=5xx");
    let idle = Case {
        traffic: traffic(1e-20, 4, Arrivals::Poisson),
        ..case(&settings, &cut)
    };
    assert_eq!(idle.t_detect(), Err(NoTheory::AttemptsTooSeldom));
}
