//! PURE: a bar of what a router was, or was believed to be.

use super::super::label;
use super::super::scale::Scale;
use super::super::svg::{Hold, Sheet};
use super::super::{ABSENT, UNKNOWN};

/// From then to then, what it was; only what is within the axis.
fn spells<'a>(changes: &'a [(f64, String)], x: &Scale) -> Vec<(f64, f64, &'a str)> {
    let mut changes: Vec<(f64, &str)> = changes
        .iter()
        .filter(|(at, _)| at.is_finite())
        .map(|(at, word)| (*at, word.as_str()))
        .collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    changes.dedup_by(|later, earlier| later.1 == earlier.1);
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([f64::INFINITY]);
    let spells = changes
        .iter()
        .zip(ends)
        .map(|((from, word), to)| (from.max(x.from), to.min(x.to), *word));
    spells.filter(|(from, to, _)| from < to).collect()
}

/// Those that are wide enough to be seen; runs of narrower ones become one that is `mixed`.
fn visible<'a>(spells: &[(f64, f64, &'a str)], x: &Scale) -> Vec<(f64, f64, &'a str)> {
    let mut visible: Vec<(f64, f64, &str)> = Vec::new();
    let mut run = false;
    for (from, to, word) in spells
        .iter()
        .map(|(from, to, word)| (x.at(*from), x.at(*to), *word))
    {
        let narrow = to - from < 1.0;
        match visible.last_mut() {
            Some(last) if narrow && run => (last.1, last.2) = (to, "mixed"),
            _ => visible.push((from, to, word)),
        }
        run = narrow;
    }
    visible
}

pub(super) fn draw(
    sheet: &mut Sheet,
    changes: &[(f64, String)],
    x: &Scale,
    y: f64,
    height: f64,
    named: bool,
) {
    for (left, right, word) in visible(&spells(changes, x), x) {
        let width = (right - left).max(0.5);
        let Some(look) = look(word) else {
            nothing(sheet, (left, y), (width, height), named.then_some(word));
            continue;
        };
        sheet.rect(&format!("state {look}"), (left, y), (width, height));
        let word = word.replace('_', " ");
        if named && label::width(&word) + 8.0 <= width {
            sheet.text(&format!("on-{look}"), Hold::Start, (left + 4.0, y + 13.0), &word);
        }
    }
}

/// Where there was no router, or nothing is known of it: a line and no bar.
fn nothing(sheet: &mut Sheet, (left, y): (f64, f64), (width, height): (f64, f64), word: Option<&str>) {
    let middle = y + height / 2.0;
    let room = word.filter(|word| !word.is_empty()).map(label::width);
    let from = match word.zip(room.filter(|room| room + 12.0 <= width)) {
        Some((word, room)) => {
            sheet.text("name", Hold::Start, (left + 4.0, y + 13.0), word);
            left + room + 8.0
        }
        None => left,
    };
    sheet.line("absent", (from, middle), (left + width, middle));
}

/// Not more looks than can be told apart: serving, neither, not serving; `None`: nothing to be seen.
fn look(word: &str) -> Option<&'static str> {
    match word {
        "" | ABSENT | UNKNOWN => None,
        "up" => Some("up"),
        "dead" | "hung" | "down" | "ejected" | "unreachable" => Some("off"),
        _ => Some("between"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(changes: &[(f64, &str)]) -> Vec<(f64, String)> {
        changes
            .iter()
            .map(|(at, word)| (*at, (*word).to_owned()))
            .collect()
    }

    #[test]
    fn spells_end_where_the_next_begins_and_stay_within_the_axis() {
        let x = Scale::new((-1.0, 4.0), (0.0, 100.0));
        let changes = changes(&[
            (3.0, "up"),
            (-5.0, "up"),
            (0.0, "dead"),
            (f64::NAN, "up"),
            (9.0, "dead"),
        ]);
        assert_eq!(
            spells(&changes, &x),
            [(-1.0, 0.0, "up"), (0.0, 3.0, "dead"), (3.0, 4.0, "up")]
        );
    }

    #[test]
    fn nothing_is_drawn_before_the_first_word_about_it() {
        let x = Scale::new((-1.0, 4.0), (0.0, 100.0));
        assert_eq!(spells(&changes(&[(2.0, "up")]), &x), [(2.0, 4.0, "up")]);
    }

    #[test]
    fn a_router_that_was_not_there_yet_has_no_bar() {
        let x = Scale::new((-1.0, 4.0), (0.0, 400.0));
        let mut sheet = Sheet::new("f", 400.0);
        let told = changes(&[(-1.0, ABSENT), (1.0, "starting"), (2.0, "up")]);
        draw(&mut sheet, &told, &x, 0.0, 17.0, true);
        let svg = sheet.finish("", "");
        assert!(svg.contains(">absent</text>"), "{svg}");
        assert!(svg.contains("<path class=\"absent\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert_eq!(look(""), None, "nobody uses it");
    }

    #[test]
    fn what_is_too_short_to_be_seen_is_seen_as_mixed() {
        let x = Scale::new((0.0, 100.0), (0.0, 100.0));
        let told = [
            (0.0, 10.0, "up"),
            (10.0, 10.4, "down"),
            (10.4, 10.8, "up"),
            (10.8, 11.2, "down"),
            (11.2, 50.0, "up"),
        ];
        assert_eq!(
            visible(&told, &x),
            [(0.0, 10.0, "up"), (10.0, 11.2, "mixed"), (11.2, 50.0, "up")]
        );
        let alone = [(0.0, 10.0, "up"), (10.0, 10.4, "down"), (10.4, 50.0, "up")];
        assert_eq!(visible(&alone, &x), alone);
    }
}
