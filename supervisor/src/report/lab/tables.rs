//! PURE: a session in rows.

use super::changes;
use super::session::{Session, Window};
use super::since;
use crate::experiment::summary::Percentiles;
use crate::report::model::{Block, Cell, Column, Table};
use crate::report::shown::{self, word};
use crate::story::Began;
use router::clock::Timestamp;
use router::record::{Cause, Outcome};
use std::collections::BTreeMap;

/// A row a window, the `worst` marked.
pub fn windows(session: &Session, begun: Option<Timestamp>, worst: Option<(usize, &Window)>) -> Vec<Block> {
    let row = |window: &Window| {
        let residual = window
            .t_detect_s
            .zip(window.predicted_t_detect_s)
            .map(|(measured, predicted)| (measured - predicted) * 1e3);
        let mut cells = vec![
            Cell::number(since(begun, window.death_ns), 3),
            Cell::Words(window.router.clone()),
            Cell::Words(fault(window)),
            match window.t_detect_s {
                None => Cell::Missing {
                    missing: match (window.open, window.open_for_s) {
                        (true, Some(seconds)) if session.running => format!("open, {seconds:.3} s so far"),
                        (true, Some(seconds)) => format!("open at the end, {seconds:.3} s so far"),
                        (true, None) => "open at the end".to_owned(),
                        (false, _) if window.began == Began::OutOfUse => "out of use already".to_owned(),
                        (false, _) if window.removed => "left the fleet".to_owned(),
                        (false, _) => match window.until {
                            Some(next) => format!("not noticed before the {}", shown::one(next)),
                            None => "not noticed".to_owned(),
                        },
                    },
                },
                t => Cell::number(t, 3),
            },
            window
                .detected_by
                .map_or_else(Cell::missing, |by| Cell::Words(word(&by))),
            Cell::number(window.predicted_t_detect_s, 3),
            Cell::number(residual, 1),
            match (window.t_stop_s, window.attempted) {
                (None, Some(false)) => Cell::Missing {
                    missing: "no attempt".to_owned(),
                },
                (t_stop, _) => Cell::number(t_stop, 3),
            },
            Cell::Count(window.lost.in_flight),
            Cell::Count(window.lost.window),
            window.saved_by_retry.map_or_else(Cell::missing, Cell::Count),
        ];
        cells.extend(changes::of_window(session, window).map(Cell::Words));
        cells
    };
    let columns = [
        ("at_s", "at", "s"),
        ("router", "router", ""),
        ("fault", "fault", ""),
        ("t_detect_s", "t_detect", "s"),
        ("detected_by", "by", ""),
        ("predicted_t_detect_s", "predicted", "s"),
        ("residual_ms", "residual", "ms"),
        ("t_stop_s", "t_stop", "s"),
        ("lost_in_flight", "in flight", ""),
        ("lost_in_window", "window", ""),
        ("saved_by_retry", "saved", ""),
    ];
    if session.windows.is_empty() {
        return Vec::new();
    }
    vec![Block::Table(Table {
        caption: "In the order in which they were over, predicted by each router's own checks; with requests lost in flight \
                  and in the window, and saved by a retry. Marked: it cost most."
            .to_owned(),
        columns: columns
            .into_iter()
            .chain((!session.changes.is_empty()).then_some(("in_force", "in force", "")))
            .map(|(key, name, unit)| Column::new(key, name, unit))
            .collect(),
        rows: session.windows.iter().map(row).collect(),
        marked: worst.map(|(n, _)| n).filter(|_| session.windows.len() > 1),
    })]
}

/// `hang`, `hang, used again`
pub fn fault(window: &Window) -> String {
    let fault = word(&window.fault);
    match window.began {
        Began::TakenBack => format!("{fault}, used again"),
        Began::Went | Began::OutOfUse => fault,
    }
}

/// What clients got instead of an answer, in all and in windows.
pub fn outcomes(session: &Session) -> Table {
    let mut rows: BTreeMap<Outcome, (u64, u64)> = BTreeMap::new();
    for (outcome, count) in &session.load.by_outcome {
        rows.entry(*outcome).or_default().0 += count;
    }
    for (outcome, count) in session.windows.iter().flat_map(|window| &window.lost.by_outcome) {
        let own = &mut rows.entry(*outcome).or_default().1;
        *own = own.saturating_add(*count);
    }
    let row = |(outcome, (all, windows)): (&Outcome, &(u64, u64))| {
        vec![
            Cell::Words(word(outcome)),
            Cell::Words(shown::outcome(*outcome).to_owned()),
            Cell::Count(*all),
            Cell::Count(*windows),
        ]
    };
    Table {
        caption: format!(
            "{} requests sent, {} answered as wanted, {} lost{}",
            session.load.sent,
            session.load.ok,
            session.load.lost,
            match session.load.unfinished {
                0 => String::new(),
                n if session.running => format!(", {n} under way"),
                n => format!(", {n} under way when the session ended"),
            }
        ),
        columns: vec![
            Column::new("outcome", "outcome", ""),
            Column::new("meaning", "meaning", ""),
            Column::new("lost", "lost", "requests"),
            Column::new("in_windows", "of these in windows", "requests"),
        ],
        rows: rows.iter().map(row).collect(),
        marked: None,
    }
}

/// Why attempts failed in windows.
pub fn causes(session: &Session) -> Option<Table> {
    let mut all: BTreeMap<Cause, u64> = BTreeMap::new();
    for (cause, count) in session
        .windows
        .iter()
        .flat_map(|window| window.causes.iter().flatten())
    {
        let sum = all.entry(*cause).or_default();
        *sum = sum.saturating_add(*count);
    }
    (!all.is_empty()).then(|| Table {
        caption: "Why attempts failed in windows, also those that a retry saved".to_owned(),
        columns: vec![
            Column::new("cause", "cause", ""),
            Column::new("attempts", "attempts", ""),
        ],
        rows: all
            .iter()
            .map(|(cause, count)| vec![Cell::Words(word(cause)), Cell::Count(*count)])
            .collect(),
        marked: None,
    })
}

pub fn mistakes(session: &Session, begun: Option<Timestamp>) -> Vec<Block> {
    if session.mistakes.is_empty() {
        return Vec::new();
    }
    let rows = session.mistakes.iter().map(|mistake| {
        vec![
            Cell::number(since(begun, mistake.at_ns), 3),
            Cell::Words(mistake.router.clone()),
            Cell::Words(word(&mistake.by)),
            match mistake.lasted_s {
                None => Cell::Missing {
                    missing: "to the end".to_owned(),
                },
                lasted => Cell::number(lasted, 1),
            },
        ]
    });
    vec![Block::Table(Table {
        caption: "Taken out of use while nothing was wrong with them".to_owned(),
        columns: vec![
            Column::new("at_s", "at", "s"),
            Column::new("router", "router", ""),
            Column::new("by", "by", ""),
            Column::new("lasted_s", "for", "s"),
        ],
        rows: rows.collect(),
        marked: None,
    })]
}

/// From intended times, and from when requests were sent.
pub fn latency(session: &Session) -> Vec<Block> {
    let row = |name: &str, told: Option<Percentiles>| {
        let told = told?;
        let mut row = vec![Cell::Words(name.to_owned())];
        row.extend(told.known(session.load.ok).map(|ms| Cell::number(ms, 2)));
        Some(row)
    };
    let rows: Vec<Vec<Cell>> = [
        row("from when they were due", session.load.latency_ms),
        row("from when they were sent", session.load.service_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = ["p50", "p90", "p99", "p99.9", "max"];
    let keys = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"];
    let mut all = vec![Column::new("from", "", "")];
    all.extend(
        keys.into_iter()
            .zip(columns)
            .map(|(key, name)| Column::new(key, name, "ms")),
    );
    vec![Block::Table(Table {
        caption: "Of requests that were answered as wanted, by the present load client".to_owned(),
        columns: all,
        rows,
        marked: None,
    })]
}
