//! PURE: what a run has shown, in sentences.

use super::super::doubts;
use super::super::progress::requests_lost;
use super::super::summary::{Bounds, Interrupted, Spread, Summary};
use crate::report::shown::fixed;
use crate::settings::PresetNote;
use router::record::{Cause, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Prediction, noticing, losses, retries, load, warnings: a line each.
pub fn verdict(s: &Summary) -> String {
    let mut out = String::new();
    for (name, text) in lines(s) {
        let _ = writeln!(out, "{name:<16}{text}");
    }
    for warning in warnings(s) {
        let _ = writeln!(out, "warning: {warning}");
    }
    out
}

fn lines(s: &Summary) -> Vec<(&'static str, String)> {
    let t = &s.summary;
    let mut lines = vec![("preset", preset(s))];
    lines.extend(crashes(s).map(|text| ("crashes", text)));
    if let Some(r) = t.residual_ms {
        lines.push((
            "prediction",
            format!(
                "|measured − predicted| t_detect: median {:.1} ms, max {:.1} ms",
                r.median, r.max
            ),
        ));
    }
    if let Some(reason) = &s.theory.reason {
        lines.push(("theory", format!("t_detect: {reason}")));
    }
    if !t.detected_by.is_empty() {
        let who = joined(t.detected_by.iter().map(|(by, n)| format!("{by} {n}")));
        lines.push(("noticed by", format!("{who} of {}", t.n)));
    }
    match (t.detected, t.lost_unnoticed) {
        (Some(detected), Some(lost)) if detected < t.n => {
            let (lost, missed) = (requests_lost(lost), t.n - detected);
            let text = format!(
                "the balancer never noticed: {lost} in {missed} of {} faults (until trials end)",
                t.n
            );
            lines.push(("unnoticed", text));
        }
        (Some(_), _) => {}
        (None, _) if t.n == 0 => {}
        (None, _) => lines.push(("noticed", format!("{} does not tell what it believes", s.engine))),
    }
    if let Some(lost) = t.lost_per_trial {
        lines.push((
            "lost",
            format!("{} requests a fault{}", fixed(lost.mean, 1), theory_lost(s)),
        ));
    }
    if let Some(reason) = &s.theory.lost_reason {
        lines.push(("", format!("theory of it: {reason}")));
    }
    if !t.by_outcome.is_empty() {
        lines.push(("", format!("outcomes: {}", counts(&t.by_outcome))));
    }
    if let Some(causes) = causes(s) {
        lines.push(("", format!("causes of failed attempts: {causes}")));
    }
    let unserved: u64 = s.valid().iter().map(|trial| trial.lost.unserved).sum();
    if unserved > 0 {
        lines.push((
            "",
            format!("{unserved} of the lost while no router was in use: theory leaves these out"),
        ));
    }
    lines.extend(untold(s).map(|text| ("", text)));
    if let Some(ratio) = t.lost_over_expected {
        let window = if s.retries_return() { "t_detect" } else { "t_stop" };
        lines.push((
            "",
            format!("{ratio:.4} of the requests sent into the windows (Σ {window} × rate ÷ routers)"),
        ));
    }
    if s.trials.iter().any(|t| t.causes.is_none()) {
        let text = format!(
            "{} does not tell of attempts: their causes are not known",
            s.engine
        );
        lines.push(("", text));
    }
    lines.extend(within(s).map(|text| ("", text)));
    if let Some(saved) = t.saved_by_retry.filter(|saved| *saved > 0) {
        lines.push((
            "saved",
            format!("{saved} requests failed at a victim and were answered after a retry"),
        ));
    }
    lines.extend(amplification(s));
    lines.push(("load", load(s)));
    lines
}

fn preset(s: &Summary) -> String {
    let note = PresetNote {
        name: s.preset.clone(),
        grade: s.preset_grade.clone(),
        versions: s.preset_versions.clone(),
        overridden: s.preset_with.clone(),
    };
    note.to_string()
}

/// How many requests it took each time, and how the bug showed.
fn crashes(s: &Summary) -> Option<String> {
    let attempts: Vec<u64> = s.trials.iter().filter_map(|t| t.attempts).collect();
    let (least, most) = (attempts.iter().min()?, attempts.iter().max()?);
    let mean = attempts.iter().sum::<u64>() as f64 / attempts.len() as f64;
    let mut variants = BTreeMap::new();
    for variant in s.trials.iter().filter_map(|t| t.variant) {
        *variants.entry(variant).or_insert(0) += 1;
    }
    let variants = match variants.is_empty() {
        true => String::new(),
        false => format!(": {}", counts(&variants)),
    };
    Some(format!(
        "after {least} to {most} attempts, mean {mean:.0}{variants}"
    ))
}

/// Lost requests of which the balancer told no failed attempt, and why that may be.
fn untold(s: &Summary) -> Option<String> {
    let untold: u64 = s.trials.iter().filter_map(|t| t.lost_without_attempt).sum();
    let timeouts = s.summary.by_outcome.get(&Outcome::Timeout).copied().unwrap_or(0);
    let why = match timeouts {
        _ if untold == 0 => return None,
        0 => format!("{} told of none", s.engine),
        some if some >= untold => "their clients gave up first".to_owned(),
        some => format!(
            "clients gave up first (at most {some}), and of the others {} told of none",
            s.engine
        ),
    };
    Some(format!("{untold} of the lost without a failed attempt: {why}"))
}

fn theory_lost(s: &Summary) -> String {
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| fixed(value, 1));
    s.theory.lost.map_or(String::new(), |Bounds { min, mean, max }| {
        format!(", theory {} ({} to {})", figure(mean), fixed(min, 1), figure(max))
    })
}

/// Lost requests beside `t_detect`: what was lost later was not the fault of a late notice.
fn within(s: &Summary) -> Option<String> {
    let after = s.summary.lost_after_detect?;
    let latest = s.summary.t_lost_s.map_or(0.0, |Spread { max, .. }| max);
    let detect = s.summary.t_detect_s.map_or(0.0, |Spread { max, .. }| max);
    let beside = format!(
        "last attempt at {:.1} ms, t_detect up to {:.1} ms",
        latest * 1e3,
        detect * 1e3
    );
    Some(match after.trials {
        0 => format!("all in flight or within t_detect: {beside}"),
        late => format!(
            "{late} after t_detect, by {:.1} ms at most: {beside}",
            after.max_ms
        ),
    })
}

fn amplification(s: &Summary) -> Vec<(&'static str, String)> {
    let t = &s.summary;
    let (Some(f), Some(ratio)) = (t.forwarded, t.attempts_per_request) else {
        return Vec::new();
    };
    let mut lines = vec![(
        "attempts",
        format!(
            "{ratio:.3} a request from fault to return: {} for {}, {} of them retries",
            f.attempts, f.requests, f.retries
        ),
    )];
    if f.over_budget + f.over_breaker > 0 {
        let (budget, breaker) = (f.over_budget, f.over_breaker);
        lines.push((
            "",
            format!("retries not allowed: {budget} by the budget, {breaker} by the breaker"),
        ));
    }
    lines
}

fn load(s: &Summary) -> String {
    let load = &s.load;
    let late = load
        .late_p99_ms
        .map_or("unknown".to_owned(), |late| format!("{late:.3} ms"));
    format!(
        "{} sent ({} {}/s), {} ok, {} lost; lateness p99 {late}",
        load.sent, load.arrivals, load.rate, load.ok, load.lost
    )
}

/// What makes these figures doubtful.
pub fn warnings(s: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    if !s.complete {
        let done = s.trials.last().map_or(0, |trial| trial.trial);
        warnings.push(format!("ended early: {done} trials are complete"));
    }
    warnings.extend(doubts::late_load(s));
    warnings.extend(doubts::late_checks(s));
    warnings.extend(doubts::unwritten(s.records_lost));
    let dropped = s.trials.iter().filter(|t| t.events_dropped > 0).count();
    if dropped > 0 {
        warnings.push(format!("{dropped} trials lost events and are invalid"));
    }
    for trial in s.trials.iter().filter(|t| !t.disturbed.is_empty()) {
        let how = trial.disturbed.join("; ");
        warnings.push(format!(
            "trial {} is invalid: in the middle of it {how}",
            trial.trial
        ));
    }
    warnings.extend(doubts::few_trials(s));
    let of_trials: u64 = s.trials.iter().map(|t| t.lost.total()).sum();
    let interrupted = s.interrupted.filter(|interrupted| interrupted.lost > 0);
    if let Some(Interrupted { trial, lost }) = interrupted {
        warnings.push(format!(
            "{lost} lost requests belong to the fault of trial {trial}, which was interrupted: they are in no figure above \
             but the load's"
        ));
    }
    let known = of_trials + interrupted.map_or(0, |interrupted| interrupted.lost);
    if s.load.lost > known {
        warnings.push(format!(
            "{} lost requests belong to no fault (no router in use, or a mistake)",
            s.load.lost - known
        ));
    }
    warnings
}

fn causes(s: &Summary) -> Option<String> {
    let mut all: BTreeMap<Cause, u64> = BTreeMap::new();
    for (cause, count) in s.trials.iter().flat_map(|t| t.causes.iter().flatten()) {
        *all.entry(*cause).or_insert(0) += count;
    }
    (!all.is_empty()).then(|| counts(&all))
}

/// `refused 12, eof 3`.
fn counts<K: serde::Serialize>(counts: &BTreeMap<K, u64>) -> String {
    let word = |key: &K| match serde_json::to_value(key) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".into(),
    };
    joined(counts.iter().map(|(key, n)| format!("{} {n}", word(key))))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
