//! PURE: a report as one file that can be mailed, printed and archived: no script, nothing from the network.

use super::Report;
use super::figure::Figure;
use super::model::{Block, Cell, Section, Table};
use askama::Template;

/// Columns that figures are drawn for: a page or a screen, and a phone.
const WIDE: f64 = 680.0;
const NARROW: f64 = 358.0;
/// Words no longer than this are not broken at their hyphens.
const SHORT: usize = 24;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    sections: Vec<Part<'a>>,
    advice: Vec<Vec<Span<'a>>>,
    sentence: Vec<Span<'a>>,
}

/// A section as the template wants it.
struct Part<'a> {
    id: &'a str,
    title: &'a str,
    views: Vec<View<'a>>,
}

enum View<'a> {
    Text(Vec<Span<'a>>),
    Command(&'a str),
    Grid(Grid<'a>),
    Picture {
        id: &'a str,
        caption: Vec<Span<'a>>,
        wide: String,
        narrow: String,
    },
}

/// Text, or a word that is typed: between back-ticks.
#[derive(Debug, PartialEq)]
pub(super) struct Span<'a> {
    pub(super) text: &'a str,
    pub(super) code: bool,
}

struct Grid<'a> {
    id: String,
    caption: Vec<Span<'a>>,
    heads: Vec<Head<'a>>,
    rows: Vec<Row>,
}

impl Grid<'_> {
    fn has_mark(&self) -> bool {
        self.rows.iter().any(|row| row.marked)
    }
}

struct Head<'a> {
    name: &'a str,
    unit: &'a str,
    number: bool,
}

struct Row {
    marked: bool,
    cells: Vec<Shown>,
}

struct Shown {
    text: String,
    class: &'static str,
}

pub fn render(report: &Report) -> String {
    let mut count = 0;
    let sections = report
        .sections
        .iter()
        .map(|section| part(section, &mut count))
        .collect();
    let advice = report.verdict.advice.iter().map(|advice| spans(advice)).collect();
    let page = Page {
        report,
        sections,
        advice,
        sentence: spans(&report.verdict.sentence),
    };
    page.render().expect("writing to a string does not fail")
}

fn part<'a>(section: &'a Section, count: &mut usize) -> Part<'a> {
    let views = section.blocks.iter().map(|block| {
        *count += 1;
        match block {
            Block::Text { text } => View::Text(spans(text)),
            Block::Command { text } => View::Command(text),
            Block::Table(table) => View::Grid(grid(table, *count)),
            Block::Figure(figure) => picture(figure, *count),
        }
    });
    Part {
        id: section.id,
        title: &section.title,
        views: views.collect(),
    }
}

fn picture(figure: &Figure, number: usize) -> View<'_> {
    View::Picture {
        id: &figure.id,
        caption: spans(&figure.caption),
        wide: figure.svg(&format!("f{number}w"), WIDE),
        narrow: figure.svg(&format!("f{number}n"), NARROW),
    }
}

fn grid(table: &Table, number: usize) -> Grid<'_> {
    let numbers: Vec<bool> = (0..table.columns.len())
        .map(|column| table.is_number(column))
        .collect();
    let heads = table
        .columns
        .iter()
        .zip(&numbers)
        .map(|(column, number)| Head {
            name: &column.name,
            unit: &column.unit,
            number: *number,
        })
        .collect();
    let rows = table.rows.iter().enumerate().map(|(index, row)| Row {
        marked: table.marked == Some(index),
        cells: row
            .iter()
            .zip(&numbers)
            .map(|(cell, number)| shown(cell, *number))
            .collect(),
    });
    Grid {
        id: format!("table-{number}"),
        caption: spans(&table.caption),
        heads,
        rows: rows.collect(),
    }
}

fn shown(cell: &Cell, number: bool) -> Shown {
    let class = match (cell, number) {
        (Cell::Missing { .. }, true) => "number missing",
        (Cell::Missing { .. }, false) => "missing",
        (_, true) => "number",
        (Cell::Words(text), false) if text.chars().count() <= SHORT => "words short",
        (_, false) => "words",
    };
    Shown {
        text: cell.shown(),
        class,
    }
}

/// Splits at back-ticks. An odd one out is a back-tick.
pub(super) fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('`') {
        let Some(length) = rest[open + 1..].find('`').filter(|length| *length > 0) else {
            break;
        };
        let close = open + 1 + length;
        spans.push(Span {
            text: &rest[..open],
            code: false,
        });
        spans.push(Span {
            text: &rest[open + 1..close],
            code: true,
        });
        rest = &rest[close + 1..];
    }
    spans.push(Span {
        text: rest,
        code: false,
    });
    spans.retain(|span| !span.text.is_empty());
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_stand_between_back_ticks() {
        let span = |text, code| Span { text, code };
        assert_eq!(
            spans("set `fall=2` now"),
            [span("set ", false), span("fall=2", true), span(" now", false)]
        );
        assert_eq!(spans("an odd ` one"), [span("an odd ` one", false)]);
        assert_eq!(spans("`` a"), [span("`` a", false)]);
    }
}
