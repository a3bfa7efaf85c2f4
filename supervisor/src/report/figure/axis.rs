//! PURE: axes and the lines behind a figure. Words stand level: nobody reads sideways.

use super::scale::Scale;
use super::svg::{Hold, Sheet};

/// Height that [`bottom`] takes below the line.
pub const BOTTOM: f64 = 36.0;

/// The axis below, at `y`, with what it measures at its right end.
pub fn bottom(sheet: &mut Sheet, x: &Scale, y: f64, label: &str) {
    let (start, end) = x.range();
    sheet.line("axis", (start, y), (end, y));
    let ticks = x.ticks(62.0);
    for tick in &ticks.values {
        let at = x.at(*tick);
        sheet.line("axis", (at, y), (at, y + 4.0));
        sheet.text("tick", Hold::Middle, (at, y + 17.0), &ticks.shown(*tick));
    }
    sheet.text("name", Hold::End, (end, y + 32.0), label);
}

/// Hairlines across with their values at the left.
pub fn left(sheet: &mut Sheet, y: &Scale, (start, end): (f64, f64), apart: f64) {
    let ticks = y.ticks(apart);
    for tick in &ticks.values {
        let at = y.at(*tick);
        sheet.line("grid", (start, at), (end, at));
        sheet.text("tick", Hold::End, (start - 6.0, at + 4.0), &ticks.shown(*tick));
    }
}

/// In place of a figure that has nothing to show.
pub fn nothing(sheet: &mut Sheet, why: &str) {
    sheet.height = 48.0;
    sheet.text("none", Hold::Middle, (sheet.width / 2.0, 28.0), why);
}
