//! PURE: a table that fits into a terminal.

use comfy_table::{CellAlignment, Table};

/// The widest table.
pub const WIDTH: usize = 100;

/// A title and a cell for each row.
pub struct Column {
    pub title: &'static str,
    /// The highest is left out first; 0 never.
    pub rank: u8,
    pub cells: Vec<String>,
}

/// The columns that fit, as text.
pub fn table(mut columns: Vec<Column>) -> String {
    while columns.iter().map(Column::width).sum::<usize>() > WIDTH {
        let last = columns.iter().enumerate().max_by_key(|(_, column)| column.rank);
        match last {
            Some((last, column)) if column.rank > 0 => drop(columns.remove(last)),
            _ => break,
        }
    }
    let mut table = Table::new();
    table.load_style(comfy_table::TableStyle::new());
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.title));
    let rows = columns.first().map_or(0, |column| column.cells.len());
    for row in 0..rows {
        table.add_row(columns.iter().map(|column| column.cells[row].clone()));
    }
    for (n, column) in columns.iter().enumerate() {
        if let (true, Some(cells)) = (column.is_numeric(), table.column_mut(n)) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .to_string()
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Column {
    /// With a blank on each side.
    fn width(&self) -> usize {
        let widest = self.cells.iter().map(String::len).max().unwrap_or(0);
        2 + widest.max(self.title.len())
    }

    fn is_numeric(&self) -> bool {
        let number =
            |cell: &String| matches!(cell.as_str(), "" | "-" | "never") || cell.parse::<f64>().is_ok();
        self.cells.iter().all(number)
    }
}
