//! PURE: every trial, a row each.

use super::{seconds, text, words};
use crate::experiment::measure::Trial;
use crate::experiment::summary::{Summary, detector};
use crate::report::Extent;
use crate::report::model::{Block, Cell, Column, Section, Table};

/// Nobody reads more.
const MOST: usize = 1000;

pub fn section(s: &Summary, extent: Extent) -> Section {
    let n = s.trials.len();
    let most = match extent {
        Extent::Readable => MOST,
        Extent::Whole => n,
    };
    let mut blocks = Vec::new();
    if n > most {
        blocks.push(text(format!(
            "The first {most} of {n} rows; `--format csv` has all of them. Every other figure is of all {n}."
        )));
    }
    // For a program a table without rows is one, too.
    if n > 0 || extent == Extent::Whole {
        let mut table = Table {
            caption: "Every trial".to_owned(),
            columns: columns(),
            rows: s.trials.iter().take(most).map(row).collect(),
            marked: None,
        };
        if extent == Extent::Readable {
            narrow(&mut table, s);
        }
        blocks.push(Block::Table(table));
    }
    Section {
        id: "trials",
        title: "Trials".to_owned(),
        blocks,
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("trial", "trial", ""),
        Column::new("router", "router", ""),
        Column::new("phase_s", "phase", "s"),
        Column::new("detected", "noticed", ""),
        Column::new("t_detect_s", "t_detect", "s"),
        Column::new("predicted_t_detect_s", "predicted", "s"),
        Column::new("residual_ms", "residual", "ms"),
        Column::new("detected_by", "by", ""),
        Column::new("t_stop_s", "t_stop", "s"),
        Column::new("t_lost_s", "t_lost", "s"),
        Column::new("t_clear_s", "t_clear", "s"),
        Column::new("t_readmit_s", "t_readmit", "s"),
        Column::new("in_flight", "in flight", ""),
        Column::new("window", "window", ""),
        Column::new("unserved", "no router", ""),
        Column::new("saved_by_retry", "saved", ""),
        Column::new("valid", "valid", ""),
    ]
}

/// Leaves out what a page has no room for: what says nothing here, or stands elsewhere.
fn narrow(table: &mut Table, s: &Summary) {
    let saved = s.trials.iter().any(|trial| trial.saved_by_retry > Some(0));
    let kept: Vec<bool> = table
        .columns
        .iter()
        .map(|column| match column.key.as_str() {
            "phase_s" | "detected" | "t_lost_s" | "t_clear_s" => false,
            "valid" => s.summary.invalid > 0,
            "saved_by_retry" => saved,
            "unserved" => s.trials.iter().any(|trial| trial.lost.unserved > 0),
            _ => true,
        })
        .collect();
    let keep = |n: usize| kept.get(n).copied().unwrap_or(true);
    let mut n = 0..;
    table.columns.retain(|_| n.next().is_none_or(keep));
    for row in &mut table.rows {
        let mut n = 0..;
        row.retain(|_| n.next().is_none_or(keep));
    }
}

fn row(t: &Trial) -> Vec<Cell> {
    let never = || Cell::Missing {
        missing: "never".to_owned(),
    };
    let residual = t.t_detect_s.zip(t.predicted_t_detect_s);
    vec![
        Cell::Count(u64::from(t.trial)),
        words(&t.router),
        seconds(t.phase_s),
        match t.detected {
            Some(detected) => words(yes(detected)),
            None => Cell::Missing {
                missing: "not told".to_owned(),
            },
        },
        match t.detected {
            Some(false) => never(),
            _ => seconds(t.t_detect_s),
        },
        seconds(t.predicted_t_detect_s),
        Cell::number(
            residual.map(|(measured, predicted)| (measured - predicted) * 1e3),
            1,
        ),
        t.detected_by.map_or_else(Cell::missing, |by| words(detector(by))),
        seconds(t.t_stop_s),
        seconds(t.t_lost_s),
        seconds(t.t_clear_s),
        seconds(t.t_readmit_s),
        Cell::Count(t.lost.in_flight),
        Cell::Count(t.lost.window),
        Cell::Count(t.lost.unserved),
        t.saved_by_retry.map_or_else(Cell::missing, Cell::Count),
        words(yes(!t.is_invalid())),
    ]
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
