//! PURE: all that `ps --wide` says.

use super::{address, word};
use crate::control::{Ps, Verdict};
use crate::fleet::{ProcessState, Truth};
use crate::process::exit::span;
use crate::settings::brief::{self, means_something, pairs};
use comfy_table::Table;
use router::record::Belief;
use std::time::Duration;

pub(super) fn lines(ps: &Ps) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header([
        "process", "is", "for", "believed", "for", "by", "pid", "life", "restarts", "at",
    ]);
    for process in &ps.fleet.processes {
        let verdict = ps.verdicts.get(&process.name);
        let said = |word: Option<&String>| word.cloned().unwrap_or_default();
        table.add_row([
            process.name.clone(),
            word(process.truth),
            seconds(process.since_s),
            process.belief.map(word).unwrap_or_default(),
            verdict
                .and_then(|verdict| verdict.since_s)
                .map(seconds)
                .unwrap_or_default(),
            said(verdict.and_then(|verdict| verdict.decided_by.as_ref())),
            process.pid.map_or("-".into(), |pid| pid.to_string()),
            process.incarnation.to_string(),
            process.restarts.to_string(),
            address(&process.addresses),
        ]);
    }
    let mut lines = vec![table.trim_fmt()];
    if let Some(why) = &ps.balancer_silent {
        lines.push(format!("the balancer does not say why: {why}"));
    }
    let not_well = |process: &&ProcessState| !well(process);
    for process in ps.fleet.processes.iter().filter(not_well) {
        lines.extend(why(process, ps.verdicts.get(&process.name)));
    }
    let of_router = |(key, _): &(&str, String)| router::settings::KEYS.contains(key);
    let (router, mut others): (Vec<_>, Vec<_>) = pairs(&ps.fleet.settings).partition(of_router);
    if let Some(settings) = brief::of(&ps.fleet.settings) {
        others.retain(|(key, _)| means_something(key, &settings));
    }
    lines.push(format!("preset {}", ps.fleet.preset));
    lines.push("settings".to_owned());
    lines.extend(others.iter().map(|(key, word)| format!("  {key:22} {word}")));
    lines.push("settings of the routers, which do not change".to_owned());
    lines.extend(router.iter().map(|(key, word)| format!("  {key:30} {word}")));
    lines
}

fn well(process: &ProcessState) -> bool {
    process.truth == Truth::Up && process.belief.is_none_or(|belief| belief == Belief::Up)
}

/// What it is and why, then what the balancer thinks of that and what changes it.
fn why(process: &ProcessState, verdict: Option<&Verdict>) -> Vec<String> {
    let mut is = format!("{} is {}", process.name, word(process.truth));
    is += &format!(" for {}", seconds(process.since_s));
    if let Some(fault) = &process.fault {
        is += &format!(" ({fault})");
    }
    match &process.last_exit {
        Some(exit) if process.truth == Truth::Dead => is += &format!(": {exit}"),
        _ => {}
    }
    is += &super::due(process);
    let mut lines = vec![is];
    let Some(belief) = process.belief.filter(|belief| *belief != Belief::Up) else {
        return lines;
    };
    let mut believed = format!("  believed {}", word(belief));
    if let Some(verdict) = verdict {
        if let Some(since_s) = verdict.since_s {
            believed += &format!(" for {}", seconds(since_s));
        }
        if let Some(by) = &verdict.decided_by {
            believed += &format!(", decided by {by}");
        }
        if let Some(reason) = &verdict.reason {
            believed += &format!(": {reason}");
        }
        lines.push(believed);
        lines.extend(verdict.back.as_ref().map(|back| format!("  back: {back}")));
    } else {
        lines.push(believed);
    }
    lines
}

fn seconds(seconds: f64) -> String {
    span(Duration::from_secs_f64(seconds.max(0.0)))
}
