//! PURE: what a report says, before anybody thinks of its looks.

use super::figure::Figure;
use super::figure::scale::grouped;
use super::shown::fixed;
use serde::Serialize;

/// The schema of `resetlab report --format json`.
pub const SCHEMA: &str = "resetlab.report.v1";

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub kind: Kind,
    /// `20 kills of 4 routers behind lb-sim`
    pub title: String,
    /// Where, when: `run-…, 2026-11-26`.
    pub subtitle: String,
    /// `false`: interrupted; the first warning says so.
    pub complete: bool,
    pub verdict: Verdict,
    /// Above everything else: small n, a late generator, lost events, an interruption.
    pub warnings: Vec<String>,
    /// In the order of reading.
    pub sections: Vec<Section>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Run,
    Sweep,
    Compare,
    /// A session of `up`.
    Lab,
}

/// What was found, in one sentence, and what to change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub sentence: String,
    /// Each a whole sentence with the figures that speak for it; the most worthwhile first.
    pub advice: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// `timeline`, `detection`, `lost`, `budget`, `latency`, `settings` …: the anchor in HTML. `trials` has the table
    /// that `--format csv` is.
    pub id: &'static str,
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph; what is typed stands between back-ticks, here as in captions, advice and the verdict.
    Text {
        text: String,
    },
    /// To be copied: a command line.
    Command {
        text: String,
    },
    Table(Table),
    Figure(Figure),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    /// As many cells as columns.
    pub rows: Vec<Vec<Cell>>,
    /// A row to be marked: the settings in force, the cell that was chosen.
    pub marked: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    pub name: String,
    /// `s`, `ms`, `%`, `requests`; empty for words.
    pub unit: String,
    /// Which column of `--format csv` it is: `t_detect_s`.
    pub key: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    Words(String),
    Count(u64),
    /// Shown with so many digits behind the point.
    Number {
        value: f64,
        digits: u8,
    },
    /// Not observed, or no theory; never 0. Why, if that fits.
    Missing {
        missing: String,
    },
}

impl Report {
    /// The table that `--format csv` is: the first of the section `trials`.
    pub fn main_table(&self) -> Option<&Table> {
        let section = self.sections.iter().find(|section| section.id == "trials")?;
        section.blocks.iter().find_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }
}

impl Table {
    /// A column of numbers, whether all of them were observed or none; those stand right-aligned.
    pub fn is_number(&self, column: usize) -> bool {
        let cells = || self.rows.iter().filter_map(|row| row.get(column));
        // Only numbers have a unit.
        let measured = self
            .columns
            .get(column)
            .is_some_and(|column| !column.unit.is_empty());
        (measured || cells().any(|cell| matches!(cell, Cell::Count(_) | Cell::Number { .. })))
            && !cells().any(|cell| matches!(cell, Cell::Words(_)))
    }
}

impl Column {
    pub fn new(key: &str, name: &str, unit: &str) -> Column {
        Column {
            name: name.to_owned(),
            unit: unit.to_owned(),
            key: key.to_owned(),
        }
    }
}

impl Cell {
    pub fn number(value: Option<f64>, digits: u8) -> Cell {
        value.map_or_else(Cell::missing, |value| Cell::Number { value, digits })
    }

    pub fn missing() -> Cell {
        Cell::Missing {
            missing: String::new(),
        }
    }

    /// As people read it; `–` where it is missing.
    pub fn shown(&self) -> String {
        match self {
            Cell::Words(words) => words.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number { value, .. } if !value.is_finite() => "–".to_owned(),
            Cell::Number { value, digits } => fixed(*value, usize::from(*digits)),
            Cell::Missing { missing } if missing.is_empty() => "–".to_owned(),
            Cell::Missing { missing } => format!("– ({missing})"),
        }
    }
}

impl Cell {
    /// As [`Cell::shown`], with groups of three from 10,000 on: for pages, not for programs.
    pub fn grouped(&self) -> String {
        match self {
            Cell::Count(_) | Cell::Number { .. } => grouped(&self.shown()),
            _ => self.shown(),
        }
    }
}
