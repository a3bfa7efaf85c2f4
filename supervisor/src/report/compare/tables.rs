//! PURE: engines in columns, and every trial in a row.

use crate::experiment::compare::document::{Compared, Document};
use crate::experiment::compare::side::{Count, Done, Side};
use crate::experiment::compare::verdict::{Judged, name};
use crate::experiment::summary::{Bounds, Spread};
use crate::report::model::{Block, Cell, Column, Section, Table};
use crate::report::shown;
use crate::story::RECKONED;
use router::record::{Cause, Outcome};
use std::collections::BTreeSet;
use std::fmt::Write;

/// What each engine showed, theory in the last column.
pub fn beside(document: &Document, fault: &Compared) -> Table {
    let sides = &fault.engines;
    let mut columns = vec![Column::new("figure", "", "")];
    columns.extend(sides.iter().map(|side| {
        let engine = &side.teller.engine;
        Column::new(engine, &format!("{engine} {}", side.teller.version), "")
    }));
    columns.push(Column::new("theory", "theory", ""));
    let theory = &fault.theory;
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |name: String, of: &dyn Fn(&Side) -> Cell, theory: Cell| {
        let mut cells = vec![Cell::Words(name)];
        cells.extend(sides.iter().map(of));
        cells.push(theory);
        rows.push(cells);
    };
    row(
        "valid trials".to_owned(),
        &|side| Cell::Count(side.n as u64),
        Cell::missing(),
    );
    row("noticed".to_owned(), &noticed, Cell::missing());
    row(
        "t_detect, s: median (least to most)".to_owned(),
        &|side| told(side, range(side.t_detect_s, 3, side.of_some(|of| of.t_detect_s))),
        bounds(theory.t_detect_s, theory.reason.as_ref()),
    );
    row("t_stop, s".to_owned(), &stop, Cell::missing());
    let residual = |side: &Side| match side.residual_ms {
        Some(residual) => Cell::Words(format!(
            "{:.1} (most {:.1}){}",
            residual.median,
            residual.max,
            side.of_some(|_| side.residual_n)
        )),
        None => told(side, Cell::missing()),
    };
    row(
        "|measured − predicted|, ms: median".to_owned(),
        &residual,
        Cell::missing(),
    );
    row(
        "window, s".to_owned(),
        &|side| range(side.window_s, 3, side.of_some(|of| of.window_s)),
        Cell::missing(),
    );
    row(
        "lost in it, requests".to_owned(),
        &|side| range(side.lost, 0, String::new()),
        bounds(theory.lost, theory.lost_reason.as_ref()),
    );
    let share = |side: &Side| {
        side.lost_over_window.map_or_else(Cell::missing, |share| {
            Cell::Words(format!(
                "{:.3} ({:.3} to {:.3}){}",
                share.pooled,
                share.min,
                share.max,
                side.of_some(|of| of.lost_over_window)
            ))
        })
    };
    let a_router = document.rate / f64::from(document.routers.max(1));
    row(
        format!("lost ÷ (window × {a_router:.0}/s)"),
        &share,
        Cell::missing(),
    );
    let outcomes: BTreeSet<Outcome> = sides
        .iter()
        .flat_map(|side| side.outcomes.keys().copied())
        .collect();
    for outcome in outcomes {
        let of = |side: &Side| count(side.outcomes.get(&outcome).copied().unwrap_or_default(), side.n);
        row(format!("{} a trial", name(outcome)), &of, Cell::missing());
    }
    Table {
        caption: "Windows and losses are the clients', for every engine alike; a figure that is not of all valid trials says \
                  of how many"
            .to_owned(),
        columns,
        rows,
        marked: None,
    }
}

fn noticed(side: &Side) -> Cell {
    match side.detected {
        Some(n) => Cell::Words(format!("{n} of {}", side.n)),
        None => told(side, Cell::missing()),
    }
}

/// Missing because the engine does not tell.
fn told(side: &Side, cell: Cell) -> Cell {
    match (side.teller.belief, cell) {
        (false, Cell::Missing { .. }) => Cell::Missing {
            missing: "not told".to_owned(),
        },
        (_, cell) => cell,
    }
}

/// Some of an engine's attempts say nothing of its last one.
fn stop(side: &Side) -> Cell {
    match side.t_stop_s {
        None if !side.teller.every_attempt => Cell::Missing {
            missing: "it does not tell of every attempt".to_owned(),
        },
        spread => range(spread, 3, side.of_some(|of| of.t_stop_s)),
    }
}

/// The median, from least to most, and of how many trials.
fn range(spread: Option<Spread>, digits: usize, some: String) -> Cell {
    spread.map_or_else(Cell::missing, |s| {
        let median = s
            .p50
            .map_or("never".to_owned(), |median| format!("{median:.digits$}"));
        Cell::Words(format!(
            "{median} ({:.digits$} to {:.digits$}){some}",
            s.min, s.max
        ))
    })
}

/// Theory's mean, and from least to most.
fn bounds(bounds: Option<Bounds>, reason: Option<&String>) -> Cell {
    let Some(bounds) = bounds else {
        return Cell::Missing {
            missing: reason.cloned().unwrap_or_default(),
        };
    };
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    Cell::Words(format!(
        "mean {} ({:.3} to {})",
        figure(bounds.mean),
        bounds.min,
        figure(bounds.max)
    ))
}

fn count(count: Count, n: usize) -> Cell {
    let a_trial = |count: u64| count as f64 / n.max(1) as f64;
    Cell::Words(match count.in_flight {
        0 => format!("{:.1}", a_trial(count.window)),
        in_flight => format!(
            "{:.1} + {:.1} in flight",
            a_trial(count.window),
            a_trial(in_flight)
        ),
    })
}

/// The verdicts, and what decided them.
pub fn judged(fault: &Compared) -> Table {
    let rows = fault.verdicts.iter().flat_map(|verdict| {
        let pair = format!("{} and {}", verdict.against, verdict.engine);
        let row = |what: &str, judged: &Judged| {
            let word = match judged.agree {
                Some(true) => "agree",
                Some(false) => "disagree",
                None => "cannot be judged",
            };
            [pair.as_str(), what, word, judged.reason.as_str()]
                .map(|word| Cell::Words(word.to_owned()))
                .to_vec()
        };
        [
            row("outcomes", &verdict.classes),
            row("numbers", &verdict.numbers),
            row("residuals", &verdict.residuals),
        ]
    });
    let words = [
        ("engines", "engines"),
        ("what", "what"),
        ("agree", ""),
        ("reason", "because"),
    ];
    Table {
        caption: "Do they agree?".to_owned(),
        columns: words
            .into_iter()
            .map(|(key, name)| Column::new(key, name, ""))
            .collect(),
        rows: rows.collect(),
        marked: None,
    }
}

/// Why attempts failed, where an engine tells.
pub fn causes(fault: &Compared) -> Option<Table> {
    let all: BTreeSet<Cause> = fault
        .engines
        .iter()
        .flat_map(|side| side.causes.iter().flat_map(|causes| causes.keys().copied()))
        .collect();
    let mut columns = vec![Column::new("cause", "cause", "")];
    columns.extend(fault.engines.iter().map(|side| {
        let engine = &side.teller.engine;
        Column::new(engine, engine, "a trial")
    }));
    let row = |cause: &Cause| {
        let of = |side: &Side| match &side.causes {
            Some(causes) => {
                let count = causes.get(cause).copied().unwrap_or(0);
                Cell::number(Some(count as f64 / side.n.max(1) as f64), 1)
            }
            None => Cell::Missing {
                missing: "not told".to_owned(),
            },
        };
        let mut cells = vec![Cell::Words(shown::word(cause))];
        cells.extend(fault.engines.iter().map(of));
        cells
    };
    let mut caption = "Why attempts failed, also those that a retry saved".to_owned();
    for side in fault.engines.iter().filter(|side| side.reckoned > 0) {
        let all: u64 = side.causes.iter().flat_map(|causes| causes.values()).sum();
        let engine = &side.teller.engine;
        let _ = write!(caption, ". {engine}: {} of {all} are {RECKONED}", side.reckoned);
    }
    (!all.is_empty()).then(|| Table {
        caption,
        columns,
        rows: all.iter().map(row).collect(),
        marked: None,
    })
}

/// Every trial in a row.
pub fn trials(document: &Document) -> Option<Section> {
    let row = |done: &Done, fault: &str| {
        let trial = &done.trial;
        let sum = |counts: &std::collections::BTreeMap<Outcome, u64>| Cell::Count(counts.values().sum());
        vec![
            Cell::Words(fault.to_owned()),
            Cell::Words(done.teller.engine.clone()),
            Cell::Count(u64::from(trial.trial)),
            Cell::Words(trial.router.clone()),
            Cell::number(trial.phase_s, 3),
            Cell::number(trial.t_detect_s, 3),
            Cell::number(trial.predicted_t_detect_s, 3),
            Cell::number(trial.t_stop_s, 3),
            Cell::number(done.clients.window_s, 3),
            sum(&done.clients.in_flight),
            sum(&done.clients.window),
            Cell::number(done.late_p99_ms, 2),
            Cell::Words(if trial.is_invalid() { "no" } else { "yes" }.to_owned()),
        ]
    };
    let rows: Vec<Vec<Cell>> = document
        .faults
        .iter()
        .flat_map(|fault| fault.trials.iter().map(|done| row(done, &fault.fault)))
        .collect();
    let columns = [
        ("fault", "fault", ""),
        ("engine", "engine", ""),
        ("trial", "trial", ""),
        ("router", "router", ""),
        ("phase_s", "phase", "s"),
        ("t_detect_s", "t_detect", "s"),
        ("predicted_t_detect_s", "predicted", "s"),
        ("t_stop_s", "t_stop", "s"),
        ("window_s", "window", "s"),
        ("lost_in_flight", "in flight", ""),
        ("lost_in_window", "lost", ""),
        ("late_p99_ms", "late", "ms"),
        ("valid", "valid", ""),
    ];
    (!rows.is_empty()).then(|| Section {
        id: "trials",
        title: "All trials".to_owned(),
        blocks: vec![Block::Table(Table {
            caption:
                "Requests lost in flight and after the fault, as their clients saw it; late: the load, at p99"
                    .to_owned(),
            columns: columns
                .map(|(key, name, unit)| Column::new(key, name, unit))
                .into(),
            rows,
            marked: None,
        })],
    })
}
