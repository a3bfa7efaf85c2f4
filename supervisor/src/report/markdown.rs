//! PURE: a report for pull requests and tickets: GitHub-flavoured, the same numbers, figures as the values behind them.

mod figure;

use super::Report;
use super::model::{Block, Column, Table};
use super::prose;
use std::fmt::Write;

pub fn render(report: &Report) -> String {
    let mut page = format!("# {}\n\n{}\n", escape(&report.title), escape(&report.subtitle));
    for warning in &report.warnings {
        let _ = write!(page, "\n> **Warning:** {}\n", spans(warning));
    }
    let _ = write!(page, "\n**{}**\n", spans(&report.verdict.sentence));
    if !report.verdict.advice.is_empty() {
        page.push_str("\n## What to change\n\n");
    }
    for (index, advice) in report.verdict.advice.iter().enumerate() {
        let _ = writeln!(page, "{}. {}", index + 1, spans(advice));
    }
    for section in &report.sections {
        let _ = write!(page, "\n## {}\n", escape(&section.title));
        for block in &section.blocks {
            page.push('\n');
            match block {
                Block::Text { text } => page.push_str(&(spans(text) + "\n")),
                Block::Command { text } => page.push_str(&command(text)),
                Block::Table(data) => page.push_str(&table(data)),
                Block::Figure(drawn) => page.push_str(&figure::render(drawn)),
            }
        }
    }
    prose::harmless(&page)
}

/// With the unit in the header, as everywhere.
fn table(table: &Table) -> String {
    let head = |column: &Column| match column.unit.as_str() {
        "" => escape(&column.name),
        unit => format!("{} ({})", escape(&column.name), escape(unit)),
    };
    let numbers: Vec<bool> = (0..table.columns.len())
        .map(|column| table.is_number(column))
        .collect();
    let rows = table.rows.iter().enumerate().map(|(index, row)| {
        let cells = row.iter().map(|cell| escape(&cell.grouped()));
        match table.marked == Some(index) {
            true => cells
                .enumerate()
                .map(|(column, cell)| marked(column, &cell))
                .collect(),
            false => cells.collect(),
        }
    });
    let caption = if table.caption.is_empty() {
        String::new()
    } else {
        spans(&table.caption) + "\n\n"
    };
    caption
        + &grid(
            &table.columns.iter().map(head).collect::<Vec<_>>(),
            &numbers,
            rows,
        )
}

/// A row that is marked has a sign, too: bold alone is lost where it is read as text.
fn marked(column: usize, cell: &str) -> String {
    match (column, cell) {
        (0, cell) => format!("▸ **{cell}**"),
        (_, "") => String::new(),
        (_, cell) => format!("**{cell}**"),
    }
}

/// Cells are escaped already.
fn grid(heads: &[String], numbers: &[bool], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rules = numbers.iter().map(|number| if *number { "---:" } else { "---" });
    let mut lines = format!(
        "| {} |\n| {} |\n",
        heads.join(" | "),
        rules.collect::<Vec<_>>().join(" | ")
    );
    for row in rows {
        let _ = writeln!(lines, "| {} |", row.join(" | "));
    }
    lines
}

/// Fenced by more back-ticks than it has in a row.
fn command(text: &str) -> String {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}sh\n{}\n{fence}\n", text.replace('\r', ""))
}

/// Text whose typed words stand between back-ticks, which Markdown happens to understand.
fn spans(text: &str) -> String {
    let parts = prose::spans(text.trim());
    let part = |part: prose::Span| match part.code {
        // A pipe ends a table's cell even in code.
        true => format!("`{}`", flat(part.text).trim().replace('|', "\\|")),
        false => plain(part.text),
    };
    parts.into_iter().map(part).collect()
}

/// Text that stays text: no markup, no HTML, no end of a table's cell, one line.
fn escape(text: &str) -> String {
    plain(text.trim())
}

fn plain(text: &str) -> String {
    let text = flat(text);
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // `t_detect` is no emphasis, and is easier to read as it is.
            '_' if inside => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // What would begin a heading or a list.
            '#' | '+' | '-' | '='
                if escaped.is_empty() && rest.peek().is_none_or(|next| *next == c || *next == ' ') =>
            {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

fn flat(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, written) in [
            ("a|b", "a\\|b"),
            ("<script>", "&lt;script&gt;"),
            ("t_detect", "t_detect"),
            ("_so_", "\\_so\\_"),
            ("two\nlines ", "two lines"),
            ("# 1", "\\# 1"),
            ("-1.5", "-1.5"),
            ("[x](http://a)", "\\[x\\](http://a)"),
        ] {
            assert_eq!(escape(text), written);
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(command("ls"), "```sh\nls\n```\n");
        assert_eq!(command("echo ````"), "`````sh\necho ````\n`````\n");
    }

    #[test]
    fn typed_words_stay_typed() {
        assert_eq!(spans("set `a|b` *now*"), "set `a\\|b` \\*now\\*");
    }
}
