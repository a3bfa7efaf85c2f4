//! PURE: how long answered requests took.

use super::text;
use crate::experiment::summary::{Percentiles, Summary};
use crate::report::model::{Block, Cell, Column, Section, Table};

pub fn section(s: &Summary) -> Section {
    let blocks = match (s.load.latency_ms, s.load.service_ms) {
        (None, None) => vec![text(missing(s).to_owned())],
        (latency, service) => vec![
            Block::Table(table(latency, service)),
            text(
                "Latency counts from the moment at which a request was due, so that one that had to wait behind others \
                 shows it; service time from when it was sent. Only requests that were answered as wanted are in it, of \
                 the whole run."
                    .to_owned(),
            ),
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
        (true, 0) => "No request was answered: there is no latency.",
        (true, _) => "Latencies are not known: the load did not live to tell them.",
    }
}

fn table(latency: Option<Percentiles>, service: Option<Percentiles>) -> Table {
    let row = |name: &str, of: Option<Percentiles>| {
        let ms = |figure: fn(&Percentiles) -> f64| Cell::number(of.as_ref().map(figure), 2);
        vec![
            Cell::Words(name.to_owned()),
            ms(|p| p.p50),
            ms(|p| p.p90),
            ms(|p| p.p99),
            ms(|p| p.p999),
            ms(|p| p.max),
        ]
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
