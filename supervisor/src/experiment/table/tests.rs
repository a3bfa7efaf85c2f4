use super::super::measure::{Forwarded, Lost};
use super::super::summary::{Exposure, Interrupted, LoadReport, Theory, totals};
use super::columns::WIDTH;
use super::*;
use router::record::{Cause, CrashVariant, Detector, Fault, Outcome, Stamp};
use std::collections::BTreeMap;

fn trial(n: u32, noticed: bool) -> Trial {
    Trial {
        trial: n,
        fault: Fault::Kill,
        detail: None,
        router: format!("router-{}", 200 + n),
        stamp: Stamp::Signal,
        at_ns: None,
        phase_s: Some(2.59),
        attempts: None,
        variant: None,
        detected: Some(noticed),
        detected_by: noticed.then_some(Detector::Sentinel),
        t_detect_s: noticed.then_some(0.0031),
        predicted_t_detect_s: Some(0.0),
        t_stop_s: Some(127.401),
        no_attempt: false,
        t_lost_s: Some(0.0021),
        t_clear_s: Some(127.398),
        t_readmit_s: Some(126.9),
        t_closed_s: None,
        lost: Lost {
            in_flight: 2,
            window: 123_456,
            unserved: 0,
            by_outcome: BTreeMap::from([(Outcome::Reset, 123_456), (Outcome::Eof, 2)]),
        },
        causes: Some(BTreeMap::from([(Cause::Refused, 123_456), (Cause::Eof, 2)])),
        reckoned: 0,
        lost_without_attempt: Some(0),
        saved_by_retry: Some(12_345),
        forwarded: Some(Forwarded {
            requests: 100,
            attempts: 300,
            retries: 200,
            over_budget: 7,
            over_breaker: 0,
        }),
        events_dropped: 0,
        checks_late_ms: None,
        disturbed: Vec::new(),
    }
}

fn report(trials: Vec<Trial>) -> String {
    render(&summary(trials))
}

fn summary(trials: Vec<Trial>) -> Summary {
    let load = LoadReport {
        rate: 200.0,
        arrivals: "poisson".into(),
        sent: 1_000_000,
        ok: 700_000,
        lost: 300_000,
        late_p99_ms: Some(0.4),
        ..LoadReport::default()
    };
    Summary {
        schema: "resetlab.run.v1".into(),
        seed: "1".into(),
        engine: "haproxy".into(),
        engine_version: "2.6.12".into(),
        preset: "kb".into(),
        preset_grade: "documented".into(),
        preset_versions: "KB 298398".into(),
        preset_with: [("fall".to_owned(), "3".to_owned())].into(),
        complete: true,
        standing: crate::experiment::standing::Standing::Final,
        interrupted: None,
        records_lost: 0,
        check: serde_json::Value::Null,
        router: serde_json::Value::Null,
        summary: totals(&trials, &load, Exposure::Rate(50.0)),
        load,
        slo: None,
        trials,
        theory: Theory {
            t_detect_s: None,
            reason: Some("health checks still pass: the fault shows at requests only".into()),
            lost_per_trial: Some(0.0),
            lost: Some(Bounds {
                min: 0.0,
                mean: Some(0.0),
                max: None,
            }),
            lost_reason: None,
        },
        command: String::new(),
        setup: None,
        machine: None,
    }
}

#[test]
fn what_an_interrupted_trial_lost_belongs_to_its_fault() {
    let mut summary = summary(vec![trial(1, true), trial(1, false)]);
    summary.complete = false;
    summary.interrupted = Some(Interrupted {
        trial: 2,
        lost: 53_000,
    });
    let text = render(&summary);
    assert!(
        text.contains("53000 lost requests belong to the fault of trial 2, which was interrupted"),
        "{text}"
    );
    assert!(text.contains("84 lost requests belong to no fault"), "{text}");
}

#[test]
fn the_widest_report_fits_a_hundred_columns() {
    let text = report((1..=6).map(|n| trial(n, n != 6)).collect());
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{}: {line}", line.chars().count());
    }
    for kept in ["trial", "t_detect s", "by", "in flight", "window", "saved"] {
        assert!(text.lines().nth(2).unwrap().contains(kept), "{kept} in\n{text}");
    }
    assert!(!text.contains("phase s"), "the first to be left out");
}

#[test]
fn what_was_never_noticed_and_what_retries_cost_is_said() {
    let text = report(vec![trial(1, true), trial(1, false)]);
    assert!(
        text.contains("the balancer never noticed: 123458 requests lost in 1 of 2 faults"),
        "{text}"
    );
    assert!(text.contains("noticed by      sentinel 1 of 2"), "{text}");
    assert!(
        text.contains("all in flight or within t_detect: last attempt at 2.1 ms, t_detect up to 3.1 ms"),
        "{text}"
    );
    assert!(
        text.contains("3.000 a request from fault to return: 300 for 100, 200 of them retries")
            && text.contains("7 by the budget"),
        "victims of one trial share the figure, it counts once: {text}"
    );
    assert!(text.contains("outcomes: reset 246912, eof 4"), "{text}");
    assert!(text.contains("53084 lost requests belong to no fault"), "{text}");
    let mut late = trial(1, true);
    late.t_lost_s = Some(0.0035);
    assert!(report(vec![late]).contains("1 after t_detect, by 0.4 ms at most"));
}

#[test]
fn crashes_tell_what_they_took_and_how_they_went() {
    let crash = |n: u32, attempts: u64, variant: CrashVariant| Trial {
        fault: Fault::Crash,
        attempts: Some(attempts),
        variant: Some(variant),
        ..trial(n, true)
    };
    let text = report(vec![
        crash(1, 17, CrashVariant::MapWritesInErrorHandler),
        crash(2, 389, CrashVariant::NilPointerInHook),
        crash(3, 95, CrashVariant::MapWritesInErrorHandler),
    ]);
    assert!(text.lines().nth(2).unwrap().contains("attempts"), "{text}");
    assert!(
        text.contains(
            "crashes         after 17 to 389 attempts, mean 167: map-writes-in-error-handler 2, nil-pointer-in-1xx-hook 1"
        ),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    let killed = report(vec![trial(1, true)]);
    assert!(!killed.lines().nth(2).unwrap().contains("attempts") && !killed.contains("crashes "));
}

#[test]
fn what_the_balancer_does_not_tell_is_said_to_be_unknown() {
    let silent = Trial {
        detected: None,
        detected_by: None,
        t_detect_s: None,
        t_stop_s: None,
        no_attempt: false,
        t_lost_s: None,
        causes: None,
        reckoned: 0,
        lost_without_attempt: None,
        saved_by_retry: None,
        ..trial(1, true)
    };
    let text = report(vec![silent]);
    assert!(text.starts_with("engine          haproxy 2.6.12\n"), "{text}");
    assert!(text.contains("haproxy does not tell what it believes"), "{text}");
    assert!(text.contains("haproxy does not tell of attempts"), "{text}");
    assert!(
        !text.contains("never noticed") && !text.contains("saved"),
        "{text}"
    );
}

#[test]
fn a_lost_request_without_a_failed_attempt_is_not_said_to_be_its_client_s_doing() {
    let with = |outcomes: &[(Outcome, u64)]| {
        let mut trial = trial(1, true);
        trial.lost_without_attempt = Some(7);
        trial.lost.by_outcome = outcomes.iter().copied().collect();
        report(vec![trial])
    };
    let eof = with(&[(Outcome::Eof, 7)]);
    assert!(
        eof.contains("7 of the lost without a failed attempt: haproxy told of none"),
        "{eof}"
    );
    let timeout = with(&[(Outcome::Timeout, 7)]);
    assert!(
        timeout.contains("attempt: their clients gave up first"),
        "{timeout}"
    );
    let both = with(&[(Outcome::Timeout, 3), (Outcome::Eof, 4)]);
    assert!(
        both.contains("clients gave up first (at most 3), and of the others haproxy told of none"),
        "{both}"
    );
}
