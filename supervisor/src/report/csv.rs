//! PURE: the report's main table for spreadsheets and data frames: RFC 4180, keys with units in the header.

use super::Report;
use super::model::{Cell, Table};

/// The table of trials, or of a sweep's cells; `None` if the report has none.
pub fn render(report: &Report) -> Option<String> {
    report.main_table().map(table)
}

fn table(table: &Table) -> String {
    let mut lines = line(table.columns.iter().map(|column| words(&column.key)));
    for row in &table.rows {
        lines.push_str(&line(row.iter().map(cell)));
    }
    lines
}

fn line(fields: impl Iterator<Item = String>) -> String {
    fields.collect::<Vec<_>>().join(",") + "\r\n"
}

/// Missing is empty: never 0, never a word in a column of numbers.
fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Words(text) => words(text),
        Cell::Count(count) => count.to_string(),
        Cell::Number { value, .. } if !value.is_finite() => String::new(),
        Cell::Number { .. } => cell.shown(),
        Cell::Missing { .. } => String::new(),
    }
}

/// Words that a spreadsheet would take for a formula get an apostrophe in front: names may come from anywhere.
fn words(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Column;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, field) in [
            ("router-1", "router-1"),
            ("a,b", "\"a,b\""),
            ("say \"up\"", "\"say \"\"up\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1),2", "\"'@SUM(A1),2\""),
            ("-1", "'-1"),
        ] {
            assert_eq!(words(text), field);
        }
    }

    #[test]
    fn numbers_stay_numbers_and_missing_is_empty() {
        let cells = [
            Cell::Number {
                value: -1.25,
                digits: 2,
            },
            Cell::Number {
                value: f64::NAN,
                digits: 2,
            },
            Cell::Missing {
                missing: "never noticed".into(),
            },
            Cell::Count(3),
        ];
        assert_eq!(cells.iter().map(cell).collect::<Vec<_>>(), ["-1.25", "", "", "3"]);
        let columns = ["a", "b", "c", "d"].map(|key| Column::new(key, "", "")).to_vec();
        let told = Table {
            columns,
            rows: vec![cells.to_vec()],
            ..Table::default()
        };
        assert_eq!(table(&told), "a,b,c,d\r\n-1.25,,,3\r\n");
    }
}
