//! PURE: how long answered requests took.

use super::text;
use crate::experiment::summary::{Percentiles, Standing, Summary};
use crate::report::model::{Block, Cell, Column, Section, Table};
use router::record::Outcome;

pub fn section(s: &Summary) -> Section {
    let blocks = match (s.load.latency_ms, s.load.service_ms) {
        (None, None) => vec![text(missing(s).to_owned())],
        (latency, service) => vec![
            Block::Table(table(latency, service, s.load.ok)),
            text(
                "Latency counts from the moment at which a request was due, so that one that had to wait behind others \
                 shows it; service time from when it was sent."
                    .to_owned(),
            ),
            text(left_out(s)),
        ],
    };
    Section {
        id: "latency",
        title: "How long answers took".to_owned(),
        blocks,
    }
}

fn missing(s: &Summary) -> &'static str {
    match (s.setup.is_some(), s.load.ok) {
        (false, _) => "Latencies are not in the summary: it was written by an older resetlab.",
        (true, _) if s.standing == Standing::UnderWay => {
            "Latencies are not known yet: the load tells them when the run ends."
        }
        (true, 0) if s.load.sent == 0 && !s.complete => {
            "Latencies are not known: nothing was heard of the load."
        }
        (true, 0) => "No request was answered: there is no latency.",
        (true, _) => "Latencies are not known: the load did not live to tell them.",
    }
}

/// Who is not among them, and may have waited longest.
fn left_out(s: &Summary) -> String {
    let whose = "Only requests that were answered as wanted are in it, of the whole run";
    let ended = s.load.ok.saturating_add(s.load.lost);
    if s.load.lost == 0 || ended == 0 {
        return format!("{whose}: all of {ended}.");
    }
    let outcomes = &s.summary.by_outcome;
    let timeouts = outcomes.get(&Outcome::Timeout).copied().unwrap_or(0);
    let patience = s.setup.as_ref().and_then(|setup| {
        let setting = setup
            .settings
            .iter()
            .find(|setting| setting.key == "client-timeout");
        setting.map(|setting| format!(" ({})", setting.value))
    });
    let waited = match timeouts {
        0 => String::new(),
        n => format!(
            "; {n} of these had waited for all of their client's patience{}, longer than nearly every one that is in it",
            patience.unwrap_or_default()
        ),
    };
    format!(
        "{whose}: {} of {ended} ({:.2} %) ended otherwise and are not{waited}.",
        s.load.lost,
        s.load.lost as f64 / ended as f64 * 100.0
    )
}

/// `n` of them: too few have no such percentile, but their longest.
fn table(latency: Option<Percentiles>, service: Option<Percentiles>, n: u64) -> Table {
    let row = |name: &str, of: Option<Percentiles>| {
        let figures = of.map_or([None; 5], |of| of.known(n));
        let mut row = vec![Cell::Words(name.to_owned())];
        row.extend(figures.map(|ms| Cell::number(ms, 2)));
        row
    };
    Table {
        caption: "Of answered requests".to_owned(),
        columns: vec![
            Column::new("of", "", ""),
            Column::new("p50_ms", "p50", "ms"),
            Column::new("p90_ms", "p90", "ms"),
            Column::new("p99_ms", "p99", "ms"),
            Column::new("p999_ms", "p99.9", "ms"),
            Column::new("max_ms", "most", "ms"),
        ],
        rows: vec![row("latency", latency), row("service time", service)],
        marked: None,
    }
}
