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
    if n > 0 {
        blocks.push(Block::Table(Table {
            caption: "Every trial".to_owned(),
            columns: columns(),
            rows: s.trials.iter().take(most).map(row).collect(),
            marked: None,
        }));
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
        Column::new("t_detect_s", "t_detect", "s"),
        Column::new("predicted_t_detect_s", "predicted", "s"),
        Column::new("residual_ms", "residual", "ms"),
        Column::new("detected_by", "by", ""),
        Column::new("t_stop_s", "t_stop", "s"),
        Column::new("t_clear_s", "t_clear", "s"),
        Column::new("t_readmit_s", "t_readmit", "s"),
        Column::new("in_flight", "in flight", ""),
        Column::new("window", "window", ""),
        Column::new("saved_by_retry", "saved", ""),
    ]
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
        seconds(t.t_clear_s),
        seconds(t.t_readmit_s),
        Cell::Count(t.lost.in_flight),
        Cell::Count(t.lost.window),
        t.saved_by_retry.map_or_else(Cell::missing, Cell::Count),
    ]
}
