use super::document::{Compared, Document, agree};
use super::side::{Clients, Count, Done, Of, Share, Side};
use super::verdict::Verdict;
use crate::experiment::measure::{Lost, Seen, Teller, Trial};
use crate::experiment::summary::{Residual, Spread, Theory};
use crate::settings::PresetNote;
use router::record::{Cause, Detector, Fault, Outcome, Stamp};
use std::collections::BTreeMap;

fn teller(engine: &str) -> Teller {
    Teller {
        engine: engine.into(),
        version: "1.0".into(),
        belief: true,
        attempts: true,
        every_attempt: true,
    }
}

/// `n` trials that lost `lost` requests each, as 503, in windows of 1.5 s; 125 requests a second came to each router.
pub(crate) fn side(engine: &str, n: usize, lost: u64) -> Side {
    let pooled = lost as f64 / (1.5 * 125.0);
    let all = lost * n as u64;
    Side {
        teller: teller(engine),
        n,
        invalid: 0,
        detected: Some(n),
        t_detect_s: Spread::of([1.1, 1.5, 1.9]),
        t_stop_s: Spread::of([1.1, 1.5, 1.9]),
        of: None,
        residual_ms: Some(Residual {
            median: 1.0,
            max: 3.0,
        }),
        residual_n: n,
        window_s: Spread::of([1.5]),
        lost: Spread::of([lost as f64]),
        lost_over_window: (lost > 0).then_some(Share {
            pooled,
            min: pooled,
            median: pooled,
            max: pooled,
        }),
        outcomes: BTreeMap::from([
            (
                Outcome::Http503,
                Count {
                    in_flight: 0,
                    window: all,
                },
            ),
            (
                Outcome::Eof,
                Count {
                    in_flight: n as u64,
                    window: 0,
                },
            ),
        ]),
        causes: Some(BTreeMap::from([(Cause::Refused, all)])),
        reckoned: 0,
        saved_by_retry: Some(0),
        late_p99_ms: Some(0.2),
    }
}

fn no_theory(reason: Option<&str>) -> Theory {
    Theory {
        t_detect_s: None,
        reason: reason.map(Into::into),
        lost_per_trial: None,
        lost: None,
        lost_reason: None,
    }
}

pub(crate) fn document(sides: Vec<Side>) -> Document {
    let verdicts = sides[1..]
        .iter()
        .map(|other| Verdict::of(&sides[0], other, None))
        .collect();
    Document {
        schema: "resetlab.compare.v1".into(),
        seed: "1".into(),
        preset: PresetNote {
            name: "haproxy".into(),
            grade: "measured".into(),
            versions: "HAProxy 2.6.12".into(),
            overridden: [
                "interval",
                "fall-interval",
                "answer-connect-timeout",
                "connect-timeout",
            ]
            .map(|key| (key.to_owned(), "1500ms".to_owned()))
            .into(),
        },
        complete: true,
        records_lost: 0,
        planned: 12,
        engines: sides.iter().map(|side| side.teller.engine.clone()).collect(),
        rate: 500.0,
        arrivals: "constant".into(),
        routers: 4,
        settings: BTreeMap::new(),
        faults: vec![Compared {
            fault: "kill".into(),
            theory: no_theory(None),
            engines: sides,
            verdicts,
            trials: Vec::new(),
        }],
        agree: None,
        command: String::new(),
        setup: None,
        machine: None,
    }
}

fn judge(a: &Side, b: &Side) -> Verdict {
    Verdict::of(a, b, None)
}

#[test]
fn engines_that_do_the_same_agree_on_all_counts() {
    let verdict = judge(&side("lb-sim", 12, 188), &side("haproxy", 12, 183));
    assert_eq!(verdict.agree, Some(true), "{verdict:#?}");
    assert_eq!(
        verdict.classes.reason, "http_503",
        "what was in flight is no class"
    );
    assert_eq!(
        verdict.numbers.reason,
        "1.003 and 0.976, 2.7 % apart; allowed are 5 %"
    );
    assert_eq!(verdict.residuals.reason, "medians 1.0 and 1.0 ms; allowed are 50");
}

#[test]
fn another_outcome_counts_from_a_fiftieth_on() {
    let a = side("lb-sim", 10, 100);
    let mut b = a.clone();
    let count = |window: u64| Count { in_flight: 0, window };
    b.outcomes.insert(Outcome::Eof, count(19));
    assert_eq!(judge(&a, &b).classes.agree, Some(true));
    b.outcomes.insert(Outcome::Eof, count(21));
    let verdict = judge(&a, &b);
    assert_eq!(verdict.classes.agree, Some(false));
    assert_eq!(verdict.classes.reason, "lb-sim: http_503; lb-sim: http_503, eof");
    assert_eq!(verdict.agree, Some(false), "one count is enough");
    // One a trial is where the fault fell, however short the window.
    let mut few = side("haproxy", 10, 6);
    few.outcomes.insert(Outcome::Eof, count(10));
    assert_eq!(judge(&side("lb-sim", 10, 6), &few).classes.agree, Some(true));
    few.outcomes.insert(Outcome::Eof, count(11));
    assert_eq!(judge(&side("lb-sim", 10, 6), &few).classes.agree, Some(false));
}

#[test]
fn numbers_may_be_five_percent_or_one_request_apart() {
    let numbers = |a, b| judge(&side("lb-sim", 4, a), &side("haproxy", 4, b)).numbers;
    assert_eq!(numbers(200, 209).agree, Some(true));
    assert_eq!(numbers(200, 211).agree, Some(false));
    // In a window of six requests one more is where the fault fell.
    let few = numbers(6, 5);
    assert_eq!(few.agree, Some(true), "{few:?}");
    assert!(few.reason.contains("one request a trial is 25 %"), "{few:?}");
    assert_eq!(numbers(10, 5).agree, Some(false));
}

/// Every request into the window is lost by both: 17 and 18 in two trials each, 16 ms between two of them.
#[test]
fn where_a_fault_falls_between_two_requests_is_no_difference() {
    let share = 62.5;
    let all = |engine: &str, trials: [(f64, u64); 2]| {
        let done = trials.map(|(window, lost)| done(engine, window, lost, 0));
        Side::of(&done.iter().collect::<Vec<_>>(), share).unwrap()
    };
    // The last of n requests comes n - 1 to n gaps after the fault.
    let short = all("lb-sim", [(8.02 / share, 9), (8.02 / share, 9)]);
    let long = all("haproxy", [(8.95 / share, 9), (7.98 / share, 8)]);
    for (first, other) in [(&short, &long), (&long, &short)] {
        let numbers = judge(first, other).numbers;
        assert_eq!(numbers.agree, Some(true), "{numbers:?}");
        assert!(!numbers.reason.contains("allowed are 5 %"), "{numbers:?}");
    }
    let half = all("haproxy", [(8.02 / share, 4), (8.02 / share, 4)]);
    assert_eq!(judge(&short, &half).numbers.agree, Some(false));
}

#[test]
fn losing_nothing_is_agreed_upon_only_by_both() {
    let quiet = judge(&side("lb-sim", 4, 0), &side("haproxy", 4, 1));
    assert_eq!(
        (quiet.classes.agree, quiet.numbers.agree),
        (Some(true), Some(true))
    );
    let one = judge(&side("lb-sim", 4, 0), &side("haproxy", 4, 40));
    assert_eq!((one.classes.agree, one.numbers.agree), (Some(false), Some(false)));
    assert_eq!(one.classes.reason, "lb-sim: none; haproxy: http_503");
    // Two requests in 13 s, one or both of them after the fault: one more or less is no difference.
    let two = judge(&side("lb-sim", 4, 2), &side("nginx", 4, 1));
    assert_eq!((two.classes.agree, two.numbers.agree), (Some(true), Some(true)));
    assert_eq!(two.classes.reason, "http_503");
}

#[test]
fn residuals_are_judged_where_both_tell_and_theory_does() {
    let a = side("lb-sim", 4, 100);
    let with = |change: fn(&mut Side)| {
        let mut b = side("haproxy", 4, 100);
        change(&mut b);
        b
    };
    let slow = with(|b| {
        b.residual_ms = Some(Residual {
            median: 51.0,
            max: 60.0,
        });
    });
    assert_eq!(judge(&a, &slow).residuals.agree, Some(false));
    let silent = with(|b| (b.teller.belief, b.detected, b.residual_ms) = (false, None, None));
    let verdict = judge(&a, &silent);
    assert_eq!(verdict.residuals.agree, None);
    assert_eq!(verdict.residuals.reason, "haproxy does not tell what it believes");
    assert_eq!(verdict.agree, Some(true), "by what could be judged");
    let unpredicted = with(|b| b.residual_ms = None);
    let reason = Verdict::of(&a, &unpredicted, Some("gaps are random"))
        .residuals
        .reason;
    assert_eq!(reason, "no prediction: gaps are random");
    let hidden = with(|b| {
        (b.residual_ms, b.of) = (
            None,
            Some(Of {
                phase_s: Some(0),
                ..Of::default()
            }),
        );
    });
    let reason = judge(&a, &hidden).residuals.reason;
    assert!(
        reason.starts_with(
            "no prediction: haproxy resets its connection checks (check=tcp) before the router accepts"
        ),
        "{reason}"
    );
    let missed = with(|b| b.detected = Some(2));
    let verdict = judge(&a, &missed).residuals;
    assert_eq!(
        (verdict.agree, verdict.reason.as_str()),
        (Some(false), "lb-sim noticed 4 of 4, haproxy 2 of 4")
    );
}

pub(crate) fn done(engine: &str, window_s: f64, window: u64, dropped: u64) -> Done {
    let by_outcome = BTreeMap::from([(Outcome::Http503, window), (Outcome::Eof, 1)]);
    let seen = Seen {
        lost: Lost {
            unserved: 0,
            in_flight: 1,
            window,
            by_outcome,
        },
        window: BTreeMap::from([(Outcome::Http503, window)]),
        clear: Some(window_s),
    };
    Done {
        teller: teller(engine),
        clients: Clients::of(seen),
        late_p99_ms: Some(0.2),
        trial: Trial {
            disturbed: Vec::new(),
            trial: 1,
            fault: Fault::Kill,
            detail: None,
            router: "router-1".into(),
            stamp: Stamp::Signal,
            at_ns: None,
            phase_s: Some(0.5),
            attempts: None,
            variant: None,
            detected: Some(true),
            detected_by: Some(Detector::Poll),
            t_detect_s: Some(1.5),
            predicted_t_detect_s: Some(1.51),
            t_stop_s: Some(1.5),
            no_attempt: false,
            t_lost_s: Some(1.5),
            t_clear_s: Some(1.5),
            t_readmit_s: None,
            t_closed_s: None,
            lost: Lost::default(),
            causes: Some(BTreeMap::from([(Cause::Refused, window), (Cause::Eof, 1)])),
            reckoned: 0,
            lost_without_attempt: Some(0),
            saved_by_retry: Some(0),
            forwarded: None,
            events_dropped: dropped,
            checks_late_ms: None,
        },
    }
}

#[test]
fn trials_add_up_and_one_that_lost_events_counts_for_nothing() {
    let mut all = [
        done("haproxy", 1.0, 125, 0),
        done("haproxy", 2.0, 249, 0),
        done("haproxy", 9.0, 3, 7),
    ];
    all[0].trial.t_stop_s = None;
    all[1].trial.reckoned = 3;
    let side = Side::of(&all.iter().collect::<Vec<_>>(), 125.0).unwrap();
    assert_eq!((side.n, side.invalid, side.detected), (2, 1, Some(2)));
    assert_eq!(
        side.of.map(|of| (of.t_stop_s, of.t_detect_s, of.window_s)),
        Some((1, 2, 2))
    );
    assert_eq!(
        (side.of_some(|of| of.t_stop_s), side.of_some(|of| of.window_s)),
        (", 1 of 2".into(), String::new())
    );
    assert_eq!(side.reckoned, 3);
    let share = side.lost_over_window.unwrap();
    assert!((share.pooled - 374.0 / 375.0).abs() < 1e-9, "{share:?}");
    assert_eq!((share.max, side.lost.unwrap().mean), (1.0, 187.0));
    assert_eq!(
        side.outcomes[&Outcome::Eof],
        Count {
            in_flight: 2,
            window: 0
        }
    );
    assert!((side.residual_ms.unwrap().median - 10.0).abs() < 1e-6);
    assert_eq!(Side::of(&[], 125.0), None);
}

#[test]
fn a_document_says_what_is_missing_so_far_and_can_be_read_back() {
    let engines = ["lb-sim".to_owned(), "haproxy".to_owned()];
    let only = vec![done("lb-sim", 1.0, 125, 0)];
    let half = Compared::of(Fault::Kill, no_theory(None), &engines, only.clone(), 125.0);
    assert_eq!((half.engines.len(), half.verdicts.len()), (1, 0));
    assert_eq!(agree(std::slice::from_ref(&half), 2), None);
    let both = [only, vec![done("haproxy", 1.0, 124, 0)]].concat();
    let whole = Compared::of(Fault::Kill, no_theory(None), &engines, both, 125.0);
    assert_eq!(agree(std::slice::from_ref(&whole), 2), Some(true));
    assert_eq!(
        agree(std::slice::from_ref(&whole), 3),
        None,
        "the third is missing"
    );
    let mut two = [whole.clone(), half];
    assert_eq!(agree(&two, 2), None, "one was not compared");
    two[0].verdicts[0].agree = Some(false);
    assert_eq!(agree(&two, 2), Some(false), "that much is known");
    let text = serde_json::to_string(&whole).unwrap();
    let again: Compared = serde_json::from_str(&text).unwrap();
    assert_eq!((again.trials, again.verdicts), (whole.trials, whole.verdicts));
}
