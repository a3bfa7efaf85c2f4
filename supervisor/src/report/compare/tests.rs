use super::*;
use crate::experiment::compare::tests::{document, done, side};
use router::clock::Timestamp;

fn compared() -> Document {
    let mut document = document(vec![side("lb-sim", 12, 188), side("haproxy", 12, 187)]);
    document.agree = crate::experiment::compare::document::agree(&document.faults, 2);
    document.settings = [("interval".to_owned(), "1s".to_owned())].into();
    let trials = [
        ("lb-sim", 1.0),
        ("haproxy", 1.1),
        ("lb-sim", 1.4),
        ("haproxy", 1.5),
        ("lb-sim", 1.9),
        ("haproxy", 2.0),
    ];
    document.faults[0].trials = trials
        .into_iter()
        .enumerate()
        .map(|(n, (engine, window))| {
            let mut done = done(engine, window, 125, 0);
            done.trial.trial = n as u32 / 2 + 1;
            done.trial.at_ns = Some(Timestamp(5_000_000_000));
            done
        })
        .collect();
    document
}

#[test]
fn agreement_is_said_with_how_far_the_engines_are_apart() {
    let report = report(&compared(), "compare-1", Vec::new(), Vec::new());
    assert!(
        report
            .verdict
            .sentence
            .starts_with("lb-sim and haproxy agree in kill: the same outcomes")
            && report.verdict.sentence.contains("0.5 % apart; allowed are 5 %"),
        "{}",
        report.verdict.sentence
    );
    assert!(
        report.verdict.advice[0].contains("can be taken for haproxy"),
        "{:?}",
        report.verdict
    );
    assert_eq!(report.warnings, Vec::<String>::new());
    let ids: Vec<&str> = report.sections.iter().map(|section| section.id).collect();
    assert_eq!(ids, ["kill", "trials", "method"]);
    for section in &report.sections {
        for block in &section.blocks {
            if let Block::Table(table) = block {
                assert!(
                    table.rows.iter().all(|row| row.len() == table.columns.len()),
                    "{}",
                    table.caption
                );
            }
        }
    }
}

#[test]
fn the_same_trial_of_each_engine_gets_a_picture() {
    let wanted = wanted(&compared());
    let dirs: Vec<&str> = wanted.iter().map(|wanted| wanted.dir.as_str()).collect();
    assert_eq!(dirs, ["trials/kill-002-lb-sim", "trials/kill-002-haproxy"]);
    assert!(
        wanted[1].caption.contains("126 requests lost"),
        "{}",
        wanted[1].caption
    );
    let mut old = compared();
    old.faults[0]
        .trials
        .iter_mut()
        .for_each(|done| done.trial.at_ns = None);
    assert!(super::wanted(&old).is_empty(), "when it was is not known");
}

#[test]
fn what_differs_and_what_is_not_told_is_said() {
    let mut nginx = side("nginx", 3, 187);
    (nginx.teller.belief, nginx.detected, nginx.residual_ms) = (false, None, None);
    (nginx.t_detect_s, nginx.causes, nginx.invalid) = (None, None, 1);
    let mut document = document(vec![side("lb-sim", 3, 100), nginx]);
    document.complete = false;
    document.agree = Some(false);
    let report = report(&document, "", Vec::new(), Vec::new());
    assert!(
        report
            .verdict
            .sentence
            .contains("lb-sim and nginx disagree in the numbers of kill"),
        "{}",
        report.verdict.sentence
    );
    for wanted in [
        "Ended early",
        "n = 3 valid",
        "1 trial is invalid",
        "nginx does not tell what it believes",
    ] {
        assert!(
            report.warnings.iter().any(|warning| warning.contains(wanted)),
            "{wanted}: {:?}",
            report.warnings
        );
    }
    let Block::Table(table) = &report.sections[0].blocks[0] else {
        panic!("no table");
    };
    let row = table
        .rows
        .iter()
        .find(|row| row[0].shown().starts_with("t_detect"))
        .unwrap();
    assert_eq!(row[2].shown(), "– (not told)");
}

/// Interrupted after one trial of each engine, before the second fault.
#[test]
fn a_fault_that_was_not_compared_is_not_agreed_on() {
    let mut document = compared();
    document.complete = false;
    document.faults[0].engines.iter_mut().for_each(|side| side.n = 2);
    let mut hang = document.faults[0].clone();
    hang.fault = "hang".to_owned();
    (hang.engines, hang.verdicts, hang.trials) = (Vec::new(), Vec::new(), Vec::new());
    document.faults.push(hang);
    // As an older program wrote it.
    document.agree = Some(true);
    let report = report(&document, "", Vec::new(), Vec::new());
    let (sentence, advice) = (&report.verdict.sentence, &report.verdict.advice[0]);
    assert!(
        sentence.starts_with("lb-sim and haproxy agree in kill as far as n = 2 tells: ")
            && sentence.ends_with("; hang was not compared."),
        "{sentence}"
    );
    assert!(
        advice.starts_with(
            "As far as n = 2 tells, what lb-sim shows of kill with these settings can be taken for haproxy"
        ),
        "{advice}"
    );
    document.faults.remove(0);
    let report = super::report(&document, "", Vec::new(), Vec::new());
    assert_eq!(
        (report.verdict.sentence.as_str(), report.verdict.advice.len()),
        ("It ended before anything could be compared.", 0)
    );
}
