//! PURE: a [`Summary`] as text for people.

use super::measure::Trial;
use super::summary::{Spread, Summary};
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// The whole report of a run: a row a trial, the spread beside theory, what was lost, and what to doubt.
pub fn render(s: &Summary) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", trials(&s.trials));
    let _ = writeln!(out, "{}\n", spreads(s));
    let _ = write!(out, "{}", verdict(s));
    out
}

fn trials(trials: &[Trial]) -> Table {
    let mut table = plain();
    table.set_header([
        "trial",
        "router",
        "phase s",
        "t_detect s",
        "predicted s",
        "residual ms",
        "t_stop s",
        "t_clear s",
        "readmit s",
        "in flight",
        "window",
        "outcomes",
        "causes",
    ]);
    for (n, t) in trials.iter().enumerate() {
        let residual = t
            .t_detect_s
            .zip(t.predicted_t_detect_s)
            .map(|(m, p)| (m - p) * 1e3);
        table.add_row([
            (n + 1).to_string(),
            t.router.clone(),
            seconds(t.phase_s),
            if t.detected {
                seconds(t.t_detect_s)
            } else {
                "never".into()
            },
            seconds(t.predicted_t_detect_s),
            residual.map_or("-".into(), |r| format!("{r:+.1}")),
            seconds(t.t_stop_s),
            seconds(t.t_clear_s),
            seconds(t.t_readmit_s),
            t.lost.in_flight.to_string(),
            t.lost.window.to_string(),
            counts(&t.lost.by_outcome),
            counts(&t.causes),
        ]);
    }
    align_right(&mut table, 2..=10);
    table
}

fn spreads(s: &Summary) -> Table {
    let mut table = plain();
    table.set_header(["", "min", "mean", "p50", "p95", "max", "n"]);
    let mut row = |name: &str, spread: Option<Spread>, n: usize| {
        let cell = |f: fn(&Spread) -> f64| spread.as_ref().map_or("-".to_owned(), |v| format!("{:.3}", f(v)));
        table.add_row([
            name.to_owned(),
            cell(|v| v.min),
            cell(|v| v.mean),
            cell(|v| v.p50),
            cell(|v| v.p95),
            cell(|v| v.max),
            n.to_string(),
        ]);
    };
    let seen = |f: fn(&Trial) -> Option<f64>| s.trials.iter().filter(|t| f(t).is_some()).count();
    row(
        "t_detect s, measured",
        s.summary.t_detect_s,
        seen(|t| t.t_detect_s),
    );
    row("t_stop s, measured", s.summary.t_stop_s, seen(|t| t.t_stop_s));
    row("t_clear s, measured", s.summary.t_clear_s, seen(|t| t.t_clear_s));
    row(
        "t_readmit s, measured",
        s.summary.t_readmit_s,
        seen(|t| t.t_readmit_s),
    );
    if let Some(b) = s.theory.t_detect_s {
        let cell = |v: f64| format!("{v:.3}");
        table.add_row([
            "t_detect s, theory".to_owned(),
            cell(b.min),
            cell(b.mean),
            String::new(),
            String::new(),
            cell(b.max),
            String::new(),
        ]);
    }
    align_right(&mut table, 1..=6);
    table
}

fn verdict(s: &Summary) -> String {
    let mut out = String::new();
    let t = &s.summary;
    if let Some(r) = t.residual_ms {
        let _ = writeln!(
            out,
            "prediction      |measured − predicted| t_detect: median {:.1} ms, max {:.1} ms (n {})",
            r.median, r.max, t.detected
        );
    }
    if let Some(reason) = &s.theory.reason {
        let _ = writeln!(out, "theory          no figure: {reason}");
    }
    if let Some(lost) = t.lost_per_trial {
        let theory = s
            .theory
            .lost_per_trial
            .map_or(String::new(), |l| format!(", theory {l:.1}"));
        let _ = writeln!(out, "lost            {:.1} requests a death{theory}", lost.mean);
    }
    if let Some(ratio) = t.lost_over_expected {
        let _ = writeln!(
            out,
            "                {ratio:.4} of the requests sent into the windows (Σ t_stop × rate ÷ routers)"
        );
    }
    let load = &s.load;
    let late = load
        .late_p99_ms
        .map_or("unknown".to_owned(), |l| format!("{l:.3} ms"));
    let _ = writeln!(
        out,
        "load            {} sent ({} {}/s), {} ok, {} lost; lateness p99 {late}",
        load.sent, load.arrivals, load.rate, load.ok, load.lost
    );
    if t.detected < t.n {
        let missed = t.n - t.detected;
        let _ = writeln!(out, "the balancer never noticed {missed} of {} deaths", t.n);
    }
    for warning in warnings(s) {
        let _ = writeln!(out, "warning: {warning}");
    }
    out
}

/// What makes these figures doubtful.
pub fn warnings(s: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    if !s.complete {
        warnings.push(format!("interrupted after {} trials", s.trials.len()));
    }
    if let Some(late) = s.load.late_p99_ms.filter(|late| *late >= 1.0) {
        warnings.push(format!(
            "the load generator was late (p99 {late:.1} ms): this machine was too busy, doubt the figures below that"
        ));
    }
    let invalid = s.trials.iter().filter(|t| t.events_dropped > 0).count();
    if invalid > 0 {
        warnings.push(format!("{invalid} trials lost events and are invalid"));
    }
    if s.trials.len() < 5 {
        warnings.push(format!(
            "n = {}: too few trials to speak of a spread",
            s.trials.len()
        ));
    }
    warnings
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::TableStyle::new());
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table
}

fn align_right(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn seconds(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| format!("{v:.3}"))
}

fn counts<K: serde::Serialize>(counts: &std::collections::BTreeMap<K, u64>) -> String {
    let word = |key: &K| match serde_json::to_value(key) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".into(),
    };
    let parts: Vec<String> = counts
        .iter()
        .map(|(key, n)| format!("{} {n}", word(key)))
        .collect();
    if parts.is_empty() {
        "-".into()
    } else {
        parts.join(", ")
    }
}
