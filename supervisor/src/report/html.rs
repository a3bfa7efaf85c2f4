//! PURE: a report as one file that can be mailed, printed and archived: no script, nothing from the network.

use super::Report;
use super::figure::{Figure, Picture};
use super::model::{Block, Cell, Section, Table};
use super::prose::{Span, harmless, spans};
use askama::Template;

/// Columns that figures are drawn for: a page or a screen, and a phone; and what time runs through on a desk.
const WIDE: f64 = 680.0;
const NARROW: f64 = 358.0;
const BROAD: f64 = 1080.0;
/// Words no longer than this are not broken at their hyphens.
const SHORT: usize = 24;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    sections: Vec<Part<'a>>,
    warnings: Vec<Vec<Span<'a>>>,
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
    /// Lines of words: a browser may break them between words, not within a flag.
    Command(Vec<Vec<&'a str>>),
    Grid(Grid<'a>),
    Picture {
        id: &'a str,
        caption: Vec<Span<'a>>,
        wide: String,
        narrow: String,
        broad: Option<String>,
    },
}

struct Grid<'a> {
    id: String,
    caption: Vec<Span<'a>>,
    heads: Vec<Head<'a>>,
    rows: Vec<Row>,
}

/// More columns than this are set smaller on paper.
const MANY: usize = 9;

impl Grid<'_> {
    fn classes(&self) -> &'static str {
        match (self.has_mark(), self.heads.len() > MANY) {
            (true, true) => " class=\"with-mark many\"",
            (true, false) => " class=\"with-mark\"",
            (false, true) => " class=\"many\"",
            (false, false) => "",
        }
    }

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
    let page = Page {
        report,
        sections,
        warnings: each(&report.warnings),
        advice: each(&report.verdict.advice),
        sentence: spans(&report.verdict.sentence),
    };
    let page = page.render().expect("writing to a string does not fail");
    harmless(&page) + "\n"
}

fn each(texts: &[String]) -> Vec<Vec<Span<'_>>> {
    texts.iter().map(|text| spans(text)).collect()
}

fn part<'a>(section: &'a Section, count: &mut usize) -> Part<'a> {
    let views = section.blocks.iter().map(|block| {
        *count += 1;
        match block {
            Block::Text { text } => View::Text(spans(text)),
            Block::Command { text } => {
                View::Command(text.lines().map(|line| line.split(' ').collect()).collect())
            }
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
        broad: matches!(figure.picture, Picture::Timeline(_))
            .then(|| figure.svg(&format!("f{number}b"), BROAD)),
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
        text: cell.grouped(),
        class,
    }
}
