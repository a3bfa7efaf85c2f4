use super::*;
use crate::experiment::measure::Trial;
use crate::experiment::summary::{Exposure, totals};
use crate::report::Extent;
use serde_json::{Value, json};

/// A trial of the article's settings in which the router died so long after its last check; `None`: never noticed.
fn trial(n: u32, t_detect: Option<f64>) -> Value {
    let stop = t_detect.map(|t| t - 0.01);
    let lost = (stop.unwrap_or(20.0) * 50.0) as u64;
    json!({
        "trial": n, "fault": "kill", "router": "router-2", "stamp": "signal", "at_ns": n as u64 * 1_000_000_000,
        "phase_s": 1.0, "detected": t_detect.is_some(), "detected_by": t_detect.map(|_| "poll"),
        "t_detect_s": t_detect, "predicted_t_detect_s": t_detect.map(|t| t - 0.001),
        "t_stop_s": stop, "t_lost_s": stop, "t_clear_s": stop, "t_readmit_s": 2.0,
        "lost": {"in_flight": 0, "window": lost, "by_outcome": {"reset": lost}},
        "causes": {"refused": lost}, "saved_by_retry": 0, "events_dropped": 0
    })
}

pub(crate) fn summary(times: &[Option<f64>]) -> Summary {
    let trials: Vec<Value> = (1..).zip(times).map(|(n, t)| trial(n, *t)).collect();
    let trials: Vec<Trial> = serde_json::from_value(trials.into()).unwrap();
    let lost: u64 = trials.iter().map(|trial| trial.lost.total()).sum();
    let load = json!({"rate": 200.0, "arrivals": "poisson", "sent": 100_000, "ok": 100_000 - lost, "lost": lost,
                      "late_p99_ms": 0.4, "late_max_ms": 1.0});
    let load = serde_json::from_value(load).unwrap();
    let check: serde_json::Map<String, Value> = "interval=5s timeout=2s fall=2"
        .parse::<lb_sim::core::Settings>()
        .unwrap()
        .words()
        .into_iter()
        .map(|(key, word)| (key.to_owned(), word.into()))
        .collect();
    let document = json!({
        "schema": "resetlab.run.v1", "seed": "7", "engine": "lb-sim", "engine_version": "0.1.0", "preset": "kb",
        "complete": true, "check": check, "router": {"drain-wait": "20s"}, "load": load, "trials": trials,
        "summary": totals(&trials, &load, Exposure::Rate(50.0)),
        "theory": {"t_detect_s": {"min": 5.0, "mean": 7.5, "max": 10.0}, "lost_per_trial": 375.0,
                   "lost": {"min": 250.0, "mean": 375.0, "max": 500.0}},
        "command": "resetlab run --trials 20",
        "setup": {"version": "0.1.0", "started": "2026-11-26T17:00:00Z", "fault": router::fault::Spec::new(router::record::Fault::Kill),
                  "trials": 20, "victims": 1, "routers": 4, "settings": []},
        "machine": {"kernel": "Linux 6.1.0 x86_64", "cpus": 2}
    });
    serde_json::from_value(document).unwrap()
}

fn twenty() -> Vec<Option<f64>> {
    (0..20).map(|k| Some(5.0 + 0.25 * f64::from(k))).collect()
}

fn of(s: &Summary) -> Report {
    report(
        "run-1",
        s,
        &chosen(s),
        Pictures::default(),
        Vec::new(),
        Extent::Readable,
    )
}

#[test]
fn the_verdict_says_what_when_and_how_much_with_theory_beside() {
    let report = of(&summary(&twenty()));
    assert_eq!(report.title, "20 kills of 4 routers behind lb-sim");
    assert_eq!(report.subtitle, "run-1, 2026-11-26 17:00:00 UTC");
    assert_eq!(
        report.verdict.sentence,
        "When a router is killed, lb-sim with interval 5s and fall 2 takes 7.4 s to notice (5.0 to 9.8, n = 20) and 368 \
         requests are lost a death, both in line with theory (7.5 s, 375)."
    );
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_eq!(report.verdict.advice.len(), 5);
    let how = report.verdict.advice.last().unwrap();
    assert!(
        how.starts_with("The first of these: `resetlab run --trials 20 --set ")
            && how.contains("` measures it as this run did")
            && how.contains("`resetlab set "),
        "{how}"
    );
    let ids: Vec<&str> = report.sections.iter().map(|section| section.id).collect();
    let wanted = [
        "advice",
        "timeline",
        "detection",
        "lost",
        "budget",
        "latency",
        "trials",
        "method",
    ];
    assert_eq!(ids, wanted);
    for section in &report.sections {
        for block in &section.blocks {
            if let Block::Table(table) = block {
                let fits = table.rows.iter().all(|row| row.len() == table.columns.len());
                assert!(fits, "{}: {}", section.id, table.caption);
            }
        }
    }
}

/// The finding that started it: t_stop is that of retries, and theory's time is that of detection.
#[test]
fn retries_at_the_same_router_are_a_sentence_of_their_own() {
    let mut s = summary(&twenty());
    s.check["on-failure"] = "retry".into();
    s.check["retry-to"] = "same".into();
    for trial in &mut s.trials {
        trial.t_stop_s = trial.t_detect_s.map(|detect| detect + 3.0);
    }
    s.summary = totals(&s.trials, &s.load, Exposure::Returning(50.0));
    let text = of(&s).verdict.sentence;
    assert!(
        text.contains(
            "takes 7.4 s to notice (5.0 to 9.8, n = 20) and 368 requests are lost a death, both in line"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "Its retries come back to the same router even then: the last attempt there began 10.4 s after the death (8.0 \
             to 12.8)."
        ),
        "{text}"
    );
    // 368 requests of 368.75 were sent until it was noticed.
    assert!((s.summary.lost_over_expected.unwrap() - 1.0).abs() < 0.01);
    let report = format!("{:?}", of(&s).sections);
    assert!(report.contains("x_label: \"t_detect, s\""), "{report}");
}

#[test]
fn agreement_is_a_matter_of_n_and_few_trials_have_none() {
    let sentence = |times: &[Option<f64>], mean: f64| {
        let mut s = summary(times);
        s.theory.t_detect_s.as_mut().unwrap().mean = Some(mean);
        s.theory.lost_per_trial = None;
        of(&s).verdict.sentence
    };
    let all = twenty();
    assert!(sentence(&all, 7.9).contains(", in line with theory (7.9 s), and 368"));
    // A tenth away, and 20 trials are enough to tell that apart.
    assert!(sentence(&all, 8.2).contains("n = 20), where theory says 8.2 s, and 368"));
    let four = sentence(&all[8..12], 7.375);
    assert!(four.contains("n = 4) (theory: 7.4 s) and"), "{four}");
}

#[test]
fn a_death_that_met_no_request_says_so() {
    let mut s = summary(&[Some(0.0004), Some(0.0005)]);
    for trial in &mut s.trials {
        (trial.t_stop_s, trial.no_attempt) = (Some(0.0), true);
    }
    s.summary = totals(&s.trials, &s.load, Exposure::Rate(50.0));
    let text = of(&s).verdict.sentence;
    assert!(
        text.ends_with("No request was sent there after the death."),
        "{text}"
    );
    assert!(!text.contains("0 s (0 to 0)"), "{text}");
}

#[test]
fn what_was_never_noticed_is_only_the_least_of_what_it_costs() {
    let s = summary(&[Some(7.0), None]);
    let report = of(&s);
    let text = &report.verdict.sentence;
    assert!(
        text.contains("1 of 2 deaths it never noticed: these lasted until"),
        "{text}"
    );
    let budget = format!(
        "{:?}",
        report.sections.iter().find(|section| section.id == "budget")
    );
    assert!(
        budget.contains("1 of 2 were never noticed") && budget.contains("the least that it costs"),
        "{budget}"
    );
}

#[test]
fn who_waited_longest_is_in_no_latency_and_few_have_no_p99() {
    let mut s = summary(&twenty());
    let percentiles = json!({"p50": 1.0, "p90": 2.0, "p99": 148.0, "p999": 150.0, "max": 151.0});
    s.load.latency_ms = Some(serde_json::from_value(percentiles).unwrap());
    s.summary.by_outcome = [(router::record::Outcome::Timeout, s.load.lost)].into();
    let latency = |s: &Summary| format!("{:?}", latency::section(s));
    let text = latency(&s);
    assert!(
        text.contains("7360 of 100000 (7.36 %) ended otherwise and are not; 7360 of these had waited"),
        "{text}"
    );
    assert!(text.contains("150.0"), "{text}");
    s.load.ok = 999;
    assert!(!latency(&s).contains("150.0") && latency(&s).contains("148.0"));
    s.load.ok = 99;
    assert!(!latency(&s).contains("148.0"));
}

#[test]
fn the_typical_trial_has_the_median_and_the_worst_is_the_last_or_never_noticed() {
    let mut times = twenty();
    let numbers = |s: &Summary| -> Vec<u64> {
        chosen(s)
            .trials
            .iter()
            .map(|wanted| wanted.moment.at.0 / 1_000_000_000)
            .collect()
    };
    assert_eq!(numbers(&summary(&times)), [10, 20]);
    times[4] = None;
    assert_eq!(numbers(&summary(&times))[1], 5, "never is later than the latest");
    assert_eq!(numbers(&summary(&times[..1])), [1], "the only one is shown once");
    let none = chosen(&summary(&[]));
    assert_eq!(none.none.as_deref(), Some("no trial was completed"));
}

#[test]
fn what_makes_it_doubtful_stands_above() {
    let mut times = twenty();
    times.truncate(4);
    times[1] = None;
    let mut s = summary(&times);
    s.complete = false;
    s.load.late_p99_ms = Some(6.0);
    s.trials[0].events_dropped = 3;
    s.trials[2].lost.window += 1;
    s.summary = totals(&s.trials, &s.load, Exposure::Rate(50.0));
    let warnings = of(&s).warnings;
    for (warning, wanted) in warnings.iter().zip([
        "This run was interrupted: 4 of 20 trials are complete",
        "n = 3: too few to speak of a spread: a share is known to ±78 points (of 20 trials: ±30).",
        "The load generator was late: 1 % of the requests by more than 6.0 ms",
        "1 trial lost 3 records on the way and is invalid",
        "The balancer never noticed 1 of 3 faults",
        "In 1 trial the outcomes do not add up",
    ]) {
        assert!(warning.starts_with(wanted), "{wanted}\n{warnings:#?}");
    }
    assert_eq!(warnings.len(), 6, "{warnings:#?}");
}

#[test]
fn nothing_noticed_and_nothing_measured_are_said_so() {
    let never = of(&summary(&[None, None])).verdict.sentence;
    assert!(
        never.contains("never notices it (n = 2) and 1000 requests are lost a death")
            && never.ends_with("how much is lost depends on how long the trial waited."),
        "{never}"
    );
    let empty = of(&summary(&[]));
    assert!(empty.verdict.sentence.starts_with("No trial was completed"));
    // An older summary has no setup: what that would tell is left out, nothing is made up.
    let mut older = summary(&twenty());
    (older.setup, older.machine) = (None, None);
    let report = of(&older);
    assert!(
        report
            .verdict
            .sentence
            .starts_with("When a router is killed, lb-sim takes 7.4 s to notice"),
        "{:?}",
        report.verdict
    );
    assert!(report.verdict.advice.is_empty());
    assert!(format!("{report:?}").contains("not recorded: an older resetlab"));
}

/// Four trials of three victims each: as sure as four draws are.
#[test]
fn victims_of_a_trial_make_nothing_surer() {
    let mut s = summary(&[0, 1, 2, 3].map(|k| [Some(5.0 + f64::from(k)); 3]).concat());
    for (place, trial) in s.trials.iter_mut().enumerate() {
        trial.trial = place as u32 / 3 + 1;
    }
    s.summary = totals(&s.trials, &s.load, Exposure::Unknown);
    assert_eq!((s.summary.n, s.summary.draws), (12, 4));
    let report = of(&s);
    assert_eq!(
        report.warnings,
        [
            "n = 12 victims of 4 trials, which fell together: too few to speak of a spread: a share is known to ±68 points (of \
          20 trials: ±30)."
        ]
    );
    let detection = format!("{:?}", detection::section(&s));
    assert!(detection.contains("±68 points"), "{detection}");
    let Block::Table(times) = &detection::section(&s).blocks[0] else {
        panic!()
    };
    assert_eq!(
        [1, 5, 6].map(|n| times.rows[0][n].shown()),
        ["12", "–", "–"],
        "no interval of 4 draws"
    );
}

#[test]
fn invalid_trials_are_in_no_figure() {
    let mut s = summary(&twenty());
    for trial in &mut s.trials[3..] {
        trial.disturbed.push("load exited".to_owned());
    }
    s.summary = totals(&s.trials, &s.load, Exposure::Rate(50.0));
    assert_eq!(
        (s.summary.n, s.summary.invalid, s.summary.detected),
        (3, 17, Some(3))
    );
    let report = of(&s);
    assert!(
        report
            .verdict
            .sentence
            .contains("5.3 s to notice (5.0 to 5.5, n = 3)"),
        "{:?}",
        report.verdict
    );
    for trial in &mut s.trials {
        trial.disturbed.push("load exited".to_owned());
    }
    s.summary = totals(&s.trials, &s.load, Exposure::Rate(50.0));
    assert!(of(&s).verdict.sentence.starts_with("Every trial is invalid"));
}

#[test]
fn what_was_never_noticed_is_above_all_that_was() {
    let mut times = twenty();
    times.truncate(12);
    times.iter_mut().skip(6).for_each(|time| *time = None);
    let section = detection::section(&summary(&times));
    let Block::Table(table) = &section.blocks[0] else {
        panic!()
    };
    let row: Vec<String> = table.rows[0].iter().map(Cell::shown).collect();
    assert_eq!(row[1..7], ["6", "5.000", "5.625", "6.250", "5.500", "– (never)"]);
    let all = format!("{section:?}");
    assert!(
        all.contains("How many of 12 deaths had been noticed") && all.contains("±39 points"),
        "{all}"
    );
    assert!(all.contains("never: 6"), "{all}");
}

#[test]
fn one_late_trial_does_not_make_values_beyond_theory_agree_with_it() {
    let times: Vec<Option<f64>> = [0.001, 0.001, 0.002, 0.002, 0.002, 0.044].map(Some).into();
    let mut s = summary(&times);
    s.theory.t_detect_s = Some(serde_json::from_value(json!({"min": 0.0, "mean": 0.0, "max": 0.0})).unwrap());
    s.theory.lost_per_trial = None;
    let text = of(&s).verdict.sentence;
    assert!(text.contains("n = 6), where theory says 0 s, and"), "{text}");
}

#[test]
fn a_budget_never_loses_more_than_is_sent_and_says_nothing_of_no_loss() {
    let mut s = summary(&twenty());
    s.summary.lost_per_trial = Some(crate::experiment::summary::Mean { mean: 30_000.0 });
    let most = format!("{:?}", cost::section(&s));
    assert!(
        most.contains("value: 720000.0") && !most.contains("1200000"),
        "{most}"
    );
    assert!(most.contains("faster than routers come back"), "{most}");
    s.summary.lost_per_trial = Some(crate::experiment::summary::Mean { mean: 0.0 });
    let none = format!("{:?}", cost::section(&s));
    assert!(!none.contains("only several within"), "{none}");
}

#[test]
fn a_table_for_programs_has_a_head_without_a_trial_and_tells_never_from_not_told() {
    let csv = |s: &Summary| {
        let report = report(
            "run-1",
            s,
            &chosen(s),
            Pictures::default(),
            Vec::new(),
            Extent::Whole,
        );
        crate::report::csv::render(&report).expect("a table")
    };
    let none = csv(&summary(&[]));
    assert!(
        none.starts_with("trial,router,phase_s,detected,t_detect_s,") && none.lines().count() == 1,
        "{none}"
    );
    let mut s = summary(&[Some(7.0), None, None]);
    s.trials[2].detected = None;
    let column: Vec<String> = csv(&s)
        .lines()
        .map(|line| line.split(',').nth(3).unwrap().to_owned())
        .collect();
    assert_eq!(column, ["detected", "yes", "no", ""]);
}
