//! PURE: a [`Summary`] as text for people.

pub mod columns;
mod verdict;

pub use verdict::warnings;

use super::measure::Trial;
use super::summary::{Bounds, Spread, Summary, detector};
use crate::report::shown::fixed;
use columns::{Column, table};
use std::fmt::Write;

/// The whole report of a run: which balancer, a row for each victim, the spread beside theory, what was lost, and what to doubt.
pub fn render(s: &Summary) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", heading(s));
    let _ = writeln!(out, "{}\n", trials(&s.trials));
    let _ = writeln!(out, "{}\n", spreads(s));
    let _ = write!(out, "{}", verdict::verdict(s));
    out
}

fn heading(s: &Summary) -> String {
    format!("engine          {} {}", s.engine, s.engine_version)
}

/// What does not fit into the width is left out, the last in rank first; the document has all of it.
fn trials(trials: &[Trial]) -> String {
    let column = |title, rank, cell: &dyn Fn(&Trial) -> String| Column {
        title,
        rank,
        cells: trials.iter().map(cell).collect(),
    };
    let residual = |t: &Trial| Some((t.t_detect_s? - t.predicted_t_detect_s?) * 1e3);
    let detected = |t: &Trial| match t.detected {
        Some(false) => "never".into(),
        // Unknown is no figure either.
        _ => seconds(t.t_detect_s),
    };
    let mut columns = vec![
        column("trial", 0, &|t| t.trial.to_string()),
        column("router", 0, &|t| t.router.clone()),
        column("phase s", 9, &|t| seconds(t.phase_s)),
        column("t_detect s", 0, &detected),
        column("by", 1, &|t| t.detected_by.map_or("-", detector).into()),
        column("predicted s", 2, &|t| seconds(t.predicted_t_detect_s)),
        column("residual ms", 4, &|t| {
            residual(t).map_or("-".into(), |r| format!("{r:+.1}"))
        }),
        column("t_stop s", 5, &|t| seconds(t.t_stop_s)),
        column("t_lost s", 6, &|t| seconds(t.t_lost_s)),
        column("t_clear s", 8, &|t| seconds(t.t_clear_s)),
        column("readmit s", 7, &|t| seconds(t.t_readmit_s)),
        column("in flight", 1, &|t| t.lost.in_flight.to_string()),
        column("window", 0, &|t| t.lost.window.to_string()),
    ];
    if trials.iter().any(|t| t.attempts.is_some()) {
        let attempts = |t: &Trial| t.attempts.map_or("-".into(), |n| n.to_string());
        columns.insert(2, column("attempts", 3, &attempts));
    }
    if trials.iter().any(|t| t.saved_by_retry > Some(0)) {
        let saved = |t: &Trial| t.saved_by_retry.map_or("-".into(), |n| n.to_string());
        columns.push(column("saved", 0, &saved));
    }
    table(columns)
}

fn spreads(s: &Summary) -> String {
    let t = &s.summary;
    let valid = s.valid();
    let seen = |f: fn(&Trial) -> Option<f64>| valid.iter().filter(|t| f(t).is_some()).count();
    let rows = [
        ("t_detect s, measured", t.t_detect_s, seen(|t| t.t_detect_s)),
        ("t_stop s, measured", t.t_stop_s, seen(|t| t.t_stop_s)),
        ("t_lost s, measured", t.t_lost_s, seen(|t| t.t_lost_s)),
        ("t_clear s, measured", t.t_clear_s, seen(|t| t.t_clear_s)),
        ("t_readmit s, measured", t.t_readmit_s, seen(|t| t.t_readmit_s)),
    ];
    let theory = s.theory.t_detect_s;
    let mut names: Vec<String> = rows.iter().map(|(name, ..)| (*name).to_owned()).collect();
    names.extend(theory.map(|_| "t_detect s, theory".to_owned()));
    let column = |title, measured: fn(&Spread) -> Option<f64>, theory_says: fn(&Bounds) -> Option<f64>| {
        let mut cells: Vec<String> = rows
            .iter()
            .map(|(_, spread, _)| seconds(spread.as_ref().and_then(measured)))
            .collect();
        cells.extend(theory.map(|bounds| seconds(theory_says(&bounds))));
        Column {
            title,
            rank: 0,
            cells,
        }
    };
    let mut n: Vec<String> = rows.iter().map(|(.., n)| n.to_string()).collect();
    n.extend(theory.map(|_| String::new()));
    let nothing = |_: &Bounds| None;
    table(vec![
        Column {
            title: "",
            rank: 0,
            cells: names,
        },
        column("min", |v| Some(v.min), |b| Some(b.min)),
        column("mean", |v| Some(v.mean), |b| b.mean),
        column("p50", |v| v.p50, nothing),
        column("p95", |v| v.p95, nothing),
        column("p99", |v| v.p99, nothing),
        column("max", |v| Some(v.max), |b| b.max),
        Column {
            title: "n",
            rank: 0,
            cells: n,
        },
    ])
}

/// To the millisecond; below 100 ms, as a sentinel's are, a digit more.
fn seconds(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| {
        let digits = if v > 0.0 && v < 0.1 { 4 } else { 3 };
        fixed(v, digits)
    })
}

#[cfg(test)]
mod tests;
