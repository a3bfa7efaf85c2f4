//! PURE: a value for each pair, as a figure on a ground that darkens with what is worse.

use super::axis;
use super::label;
use super::scale;
use super::svg::{Hold, Sheet};
use super::{Draw, HeatMap};

const HIGH: f64 = 28.0;
/// Grounds from light to dark; `report.css` has as many.
const GROUNDS: usize = 6;

impl Draw for HeatMap {
    fn draw(&self, sheet: &mut Sheet) {
        if self.columns.is_empty() || self.rows.is_empty() {
            return axis::nothing(sheet, "nothing was measured");
        }
        let extent = scale::extent(self.values.iter().flatten().flatten().copied());
        let shown = |value: f64| scale::fixed(value, usize::from(self.digits.min(9)));
        let gutter = self
            .rows
            .iter()
            .chain([&self.y_label])
            .map(|row| label::width(row))
            .fold(20.0, f64::max)
            .min(sheet.width * 0.3)
            + 8.0;
        let widest = self
            .values
            .iter()
            .flatten()
            .flatten()
            .filter(|v| v.is_finite())
            .map(|v| label::width(&shown(*v)));
        let widest = widest
            .chain(self.columns.iter().map(|name| label::width(name).min(90.0)))
            .fold(20.0, f64::max);
        let room = (sheet.width - gutter - 2.0) / self.columns.len() as f64;
        let wide = room.min(110.0).max(widest + 10.0);
        // As wide as the figures in it; a page lets it be scrolled.
        sheet.width = sheet.width.max(gutter + wide * self.columns.len() as f64 + 2.0);

        sheet.text("name", Hold::Start, (gutter, 11.0), &self.x_label);
        sheet.text(
            "name",
            Hold::End,
            (gutter + wide * self.columns.len() as f64, 11.0),
            &self.unit,
        );
        sheet.text(
            "name",
            Hold::End,
            (gutter - 8.0, 28.0),
            &label::shortened(&self.y_label, gutter - 8.0),
        );
        for (column, name) in self.columns.iter().enumerate() {
            let middle = gutter + wide * (column as f64 + 0.5);
            sheet.text(
                "label",
                Hold::Middle,
                (middle, 28.0),
                &label::shortened(name, wide - 4.0),
            );
        }
        let top = 36.0;
        for (row, name) in self.rows.iter().enumerate() {
            let y = top + HIGH * row as f64;
            sheet.text(
                "label",
                Hold::End,
                (gutter - 8.0, y + 18.0),
                &label::shortened(name, gutter - 8.0),
            );
            for column in 0..self.columns.len() {
                let at = (gutter + wide * column as f64, y);
                let size = (wide - 2.0, HIGH - 2.0);
                let value = self
                    .values
                    .get(row)
                    .and_then(|row| row.get(column))
                    .copied()
                    .flatten();
                match value.filter(|value| value.is_finite()) {
                    Some(value) => {
                        let ground = ground(value, extent, self.more_is_better);
                        sheet.rect(&format!("heat q{ground}"), at, size);
                        let middle = (at.0 + size.0 / 2.0, y + 17.5);
                        sheet.text(&format!("on-q{ground}"), Hold::Middle, middle, &shown(value));
                    }
                    None => sheet.hushed("unmeasured", at, size),
                }
                if self.marked == Some((row, column)) {
                    sheet.rect("chosen", (at.0 - 1.0, at.1 - 1.0), (size.0 + 2.0, size.1 + 2.0));
                }
            }
        }
        sheet.height = top + HIGH * self.rows.len() as f64 + 4.0;
    }
}

fn ground(value: f64, extent: Option<(f64, f64)>, more_is_better: bool) -> usize {
    let Some((least, most)) = extent.filter(|(least, most)| most > least) else {
        return 0;
    };
    let share = (value / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0);
    let share = if more_is_better { 1.0 - share } else { share };
    ((share * GROUNDS as f64) as usize).min(GROUNDS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grounds_go_from_best_to_worst() {
        let extent = Some((0.0, 12.0));
        assert_eq!(
            [0.0, 3.9, 6.0, 12.0].map(|value| ground(value, extent, false)),
            [0, 1, 3, 5]
        );
        assert_eq!(
            [0.0, 3.9, 6.0, 12.0].map(|value| ground(value, extent, true)),
            [5, 4, 3, 0]
        );
        assert_eq!(ground(4.0, Some((4.0, 4.0)), true), 0);
        assert_eq!(ground(f64::MAX, Some((f64::MIN, f64::MAX)), false), 5);
    }

    #[test]
    fn one_that_outgrows_its_column_keeps_its_size() {
        let columns: Vec<String> = (0..12).map(|n| format!("interval {n}")).collect();
        let map = HeatMap {
            values: vec![vec![Some(1.0); columns.len()]],
            columns,
            rows: vec!["1".into()],
            ..HeatMap::default()
        };
        let drawn = |column| {
            let mut sheet = Sheet::new("f", column);
            map.draw(&mut sheet);
            sheet.finish_for(column, "", "")
        };
        assert!(drawn(358.0).contains("style=\"min-width:"), "{}", drawn(358.0));
        assert!(!drawn(2000.0).contains("style="));
    }

    #[test]
    fn every_cell_is_there_even_where_values_are_not() {
        let map = HeatMap {
            columns: vec!["1s".into(), "2s".into()],
            rows: vec!["1".into(), "2".into()],
            values: vec![vec![Some(1.0), None], vec![Some(f64::NAN)]],
            marked: Some((0, 0)),
            ..HeatMap::default()
        };
        let mut sheet = Sheet::new("f", 400.0);
        map.draw(&mut sheet);
        let svg = sheet.finish("", "");
        assert_eq!(svg.matches("class=\"unmeasured\"").count(), 3, "{svg}");
        assert_eq!(svg.matches("class=\"heat q").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"chosen\"").count(), 1, "{svg}");
    }
}
