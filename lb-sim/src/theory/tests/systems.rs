//! The windows of known load balancers as they come, by their own settings; and what is special about some of them.

use super::cases::{case, settings};
use super::*;
use crate::core::Settings;

/// Min, mean and max in seconds.
type Seconds = [f64; 3];

fn polled(settings: &Settings, fault: Fault, victims: u32) -> Seconds {
    let spec = Spec::new(fault);
    let case = Case {
        victims,
        ..case(settings, &spec)
    };
    let window = case.t_detect().unwrap().window().unwrap();
    [window.min, window.mean, window.max].map(|time| time.as_secs_f64())
}

#[test]
fn the_windows_of_default_settings() {
    let systems: [(&str, &str, Seconds, Seconds); 17] = [
        (
            "HAProxy",
            "interval=2s timeout=interval fall=3 schedule=end",
            [4.0, 5.0, 6.0],
            [10.0, 11.0, 12.0],
        ),
        (
            "with timeout check",
            "interval=2s timeout=1s fall=3 schedule=end",
            [4.0, 5.0, 6.0],
            [7.0, 8.0, 9.0],
        ),
        (
            "with fastinter, too",
            "interval=2s fall-interval=500ms timeout=1s fall=3 schedule=end",
            [1.0, 2.0, 3.0],
            [4.0, 5.0, 6.0],
        ),
        (
            "nginx Plus",
            "interval=5s timeout=60s fall=1",
            [0.0, 2.5, 5.0],
            [60.0, 62.5, 65.0],
        ),
        (
            "Envoy",
            "interval=10s timeout=1s fall=3 schedule=end",
            [20.0, 25.0, 30.0],
            [23.0, 28.0, 33.0],
        ),
        (
            "Traefik",
            "interval=30s timeout=5s fall=1 schedule=batch-by-state",
            [0.0, 15.0, 30.0],
            [5.0, 20.0, 35.0],
        ),
        (
            "Caddy",
            "interval=30s timeout=5s fall=1 overlap=on counting=cumulative",
            [0.0, 15.0, 30.0],
            [5.0, 20.0, 35.0],
        ),
        (
            "pingora",
            "interval=1s timeout=1s fall=1 schedule=batch",
            [0.0, 0.5, 1.0],
            [1.0, 1.5, 2.0],
        ),
        (
            "ALB",
            "interval=30s timeout=5s fall=2",
            [30.0, 45.0, 60.0],
            [35.0, 50.0, 65.0],
        ),
        (
            "NLB",
            "interval=30s timeout=10s fall=2",
            [30.0, 45.0, 60.0],
            [40.0, 55.0, 70.0],
        ),
        (
            "CLB",
            "interval=30s timeout=5s fall=2",
            [30.0, 45.0, 60.0],
            [35.0, 50.0, 65.0],
        ),
        (
            "GCP",
            "interval=5s timeout=5s fall=2",
            [5.0, 7.5, 10.0],
            [10.0, 12.5, 15.0],
        ),
        (
            "Azure",
            "interval=5s timeout=interval fall=1 down-at-once=status+refused",
            [0.0, 2.5, 5.0],
            [5.0, 7.5, 10.0],
        ),
        (
            "Application Gateway",
            "interval=30s timeout=30s fall=3",
            [60.0, 75.0, 90.0],
            [90.0, 105.0, 120.0],
        ),
        (
            "the same by its wording",
            "interval=30s timeout=30s fall=3 schedule=end",
            [60.0, 75.0, 90.0],
            [150.0, 165.0, 180.0],
        ),
        (
            "F5",
            "interval=5s timeout=16s schedule=deadline down-at-once=refused",
            [0.0, 2.5, 5.0],
            [11.0, 13.5, 16.0],
        ),
        (
            "kubelet",
            "interval=10s timeout=1s fall=3",
            [20.0, 25.0, 30.0],
            [21.0, 26.0, 31.0],
        ),
    ];
    for (system, words, refused, hung) in systems {
        let settings = settings(words);
        assert_eq!(polled(&settings, Fault::Kill, 1), refused, "{system}");
        assert_eq!(polled(&settings, Fault::Hang, 1), hung, "{system}");
    }
}

#[test]
fn a_hung_predecessor_in_the_round_costs_its_timeout() {
    let traefik = settings("interval=30s timeout=5s fall=1 schedule=batch-by-state");
    // The first of three, the average one, the last.
    assert_eq!(polled(&traefik, Fault::Hang, 3), [5.0, 25.0, 45.0]);
    assert_eq!(polled(&traefik, Fault::Kill, 3), [0.0, 15.0, 30.0]);
    // Rounds of 40 s, longer than the interval.
    let thrice = settings("interval=30s timeout=10s fall=3 schedule=batch");
    assert_eq!(polled(&thrice, Fault::Hang, 4), [90.0, 120.0, 150.0]);
}

#[test]
fn spread_and_jitter_lengthen_the_wait_by_their_variance() {
    let spread = settings("interval=2s timeout=interval fall=3 schedule=end spread=50%");
    let [min, mean, max] = polled(&spread, Fault::Kill, 1);
    assert_eq!((min, max), (2.0, 9.0));
    assert!((mean - (4.0 + 1.0 + 0.25 / 3.0)).abs() < 1e-9, "{mean}");
    let [min, mean, max] = polled(&spread, Fault::Hang, 1);
    assert_eq!((min, max), (8.0, 15.0));
    assert!((mean - 11.0833).abs() < 1e-3, "{mean}");
    let envoy = settings("interval=10s timeout=1s fall=3 schedule=end jitter=3s");
    assert!((polled(&envoy, Fault::Kill, 1)[1] - 28.783).abs() < 1e-3);
    assert!((polled(&envoy, Fault::Hang, 1)[1] - 31.783).abs() < 1e-3);
}

#[test]
fn of_several_checkers_the_last_decides_or_as_many_as_must_agree() {
    let alb = settings("interval=30s timeout=5s fall=2 probers=6");
    let [min, mean, max] = polled(&alb, Fault::Kill, 1);
    assert_eq!((min, max), (30.0, 60.0));
    assert!((mean - 55.714).abs() < 1e-3, "{mean}");
    assert!((polled(&alb, Fault::Hang, 1)[1] - 60.714).abs() < 1e-3);
    let first = settings("interval=30s timeout=5s fall=2 probers=6 agreement=1");
    assert!((polled(&first, Fault::Kill, 1)[1] - 34.286).abs() < 1e-3);
    let nlb = settings("interval=30s timeout=10s fall=2 probers=5 agreement=3");
    assert!((polled(&nlb, Fault::Kill, 1)[1] - 45.0).abs() < 1e-9);
    // The average request waits for one of them: 50 a second for 45 s.
    let kill = Spec::new(Fault::Kill);
    let lost = case(&alb, &kill).lost().unwrap();
    assert_eq!((lost.min, lost.mean, lost.max), (1500.0, Ok(2250.0), Ok(3000.0)));
    let lost = case(&first, &kill).lost().unwrap();
    assert!((lost.mean.unwrap() - 34.286 * 50.0).abs() < 0.1);
    let phase = Phase::InFlight { since_start: ms(1) };
    assert_eq!(case(&alb, &kill).predict(phase), Err(NoTheory::SeveralCheckers));
    assert_eq!(load::checks_per_second(&alb.check, 4), 0.8);
}

#[test]
fn a_status_or_a_refusal_may_decide_at_once() {
    let detect = |words: &str, spec: Spec| polled_by(words, &spec);
    let once = [0.0, 2.5, 5.0];
    let thrice = [10.0, 12.5, 15.0];
    let (kill, error, drain) = (
        Spec::new(Fault::Kill),
        Spec::new(Fault::Error),
        Spec::new(Fault::Drain),
    );
    for (words, by_kill, by_error, by_drain) in [
        ("down-at-once=never", thrice, thrice, thrice),
        ("down-at-once=status", thrice, once, once),
        ("down-at-once=refused", once, thrice, thrice),
        ("down-at-once=status+refused", once, once, once),
    ] {
        let words = format!("interval=5s timeout=1s fall=3 {words}");
        assert_eq!(detect(&words, kill), by_kill, "{words}");
        assert_eq!(detect(&words, error), by_error, "{words}");
        assert_eq!(detect(&words, drain), by_drain, "{words}");
        assert_eq!(
            detect(&words, Spec::new(Fault::Hang)),
            [11.0, 13.5, 16.0],
            "{words}"
        );
    }
    // A drain of 20 s that ends before the sixth 503: refused, and Down.
    let leaves = settings("interval=5s timeout=1s fall=6 down-at-once=refused");
    let bounds = case(&leaves, &drain).t_detect().unwrap();
    assert_eq!(
        (bounds.min, bounds.mean),
        (ms(20_000), Err(NoTheory::LeavesFirst))
    );
    assert_eq!(bounds.max, Ok(ms(25_000)));
}

fn polled_by(words: &str, spec: &Spec) -> Seconds {
    let settings = settings(words);
    let window = case(&settings, spec).t_detect().unwrap().window().unwrap();
    [window.min, window.mean, window.max].map(|time| time.as_secs_f64())
}

#[test]
fn a_status_that_is_healthy_is_no_failure() {
    let words = "interval=5s timeout=1s fall=2 healthy-status=200,503";
    let lenient = settings(words);
    let error = Spec::new(Fault::Error);
    assert_eq!(case(&lenient, &error).t_detect(), Err(NoTheory::StatusIsHealthy));
    // A drain's 503 is none, so that it shows at the end of its 20 s only.
    assert_eq!(polled_by(words, &Spec::new(Fault::Drain)), [25.0, 27.5, 30.0]);
}

#[test]
fn without_requests_checks_come_as_they_do_before_the_first() {
    let envoy = settings("interval=10s timeout=1s fall=3 schedule=end no-traffic-interval=60s");
    let kill = Spec::new(Fault::Kill);
    let quiet = Case {
        traffic: traffic_of(0.0),
        ..case(&envoy, &kill)
    };
    assert_eq!(
        quiet.t_detect().unwrap().window(),
        window(120_000, 150_000, 180_000)
    );
    assert_eq!(polled(&envoy, Fault::Kill, 1), [20.0, 25.0, 30.0]);
}

fn traffic_of(rate: f64) -> Traffic {
    super::cases::traffic(rate, 4, load::Arrivals::Poisson)
}

#[test]
fn a_deadline_shorter_than_the_gap_has_no_window() {
    let short = settings("interval=5s jitter=1s timeout=5500ms schedule=deadline");
    let hang = Spec::new(Fault::Hang);
    assert_eq!(case(&short, &hang).t_detect(), Err(NoTheory::DeadlineTooShort));
}

#[test]
fn a_check_that_passed_counts_for_the_life_before_however_late_its_answer_is_read() {
    let at = |ms: u64| router::clock::Timestamp(1_000_000_000 + ms * 1_000_000);
    // It began a millisecond before the death, and its answer was read 2 ms after it.
    let phase = Phase::of(at(1), at(0), at(3), true);
    for (words, killed, hung) in [
        ("interval=300ms timeout=200ms fall=2 schedule=start", 599, 799),
        ("interval=300ms timeout=200ms fall=2 schedule=end", 602, 1002),
        ("interval=300ms timeout=200ms fall=2 schedule=batch", 599, 799),
        ("interval=2ms timeout=1ms fall=1 schedule=start", 3, 4),
        ("interval=300ms timeout=900ms schedule=deadline", 902, 902),
    ] {
        let check = settings(words).check;
        assert_eq!(predict(&check, Fault::Kill, phase), Ok(ms(killed)), "{words}");
        assert_eq!(predict(&check, Fault::Hang, phase), Ok(ms(hung)), "{words}");
    }
    // Without an answer it is the first that fails.
    let unanswered = Phase::of(at(1), at(0), at(3), false);
    let check = settings("interval=300ms timeout=200ms fall=2 schedule=start").check;
    assert_eq!(predict(&check, Fault::Kill, unanswered), Ok(ms(299)));
}

#[test]
fn a_real_load_balancers_checks_are_seen_where_they_arrive() {
    // Start and end of a check are the moment at which the router saw it.
    let phase = Phase::Between {
        since_start: ms(1500),
        since_end: ms(1500),
    };
    for (words, killed, hung) in [
        ("interval=2s timeout=1s fall=3 schedule=start", 4500, 5500),
        ("interval=2s timeout=1s fall=3 schedule=end", 4500, 7500),
        (
            "interval=2s timeout=1s fall=3 schedule=end fall-interval=500ms",
            1500,
            4500,
        ),
        ("interval=2s timeout=3s fall=2 overlap=on", 2500, 5500),
        ("interval=2s timeout=3s fall=2", 2500, 7500),
        ("interval=2s timeout=3s fall=2 fall-interval=1s", 1500, 6500),
        ("interval=2s timeout=1s fall=1 schedule=batch-by-state", 500, 1500),
        (
            "interval=2s timeout=5s schedule=deadline down-at-once=refused",
            500,
            3500,
        ),
        ("interval=2s timeout=1s fall=3 counting=cumulative", 4500, 5500),
    ] {
        let check = settings(words).check;
        assert_eq!(predict(&check, Fault::Kill, phase), Ok(ms(killed)), "{words}");
        assert_eq!(predict(&check, Fault::Hang, phase), Ok(ms(hung)), "{words}");
    }
}
