//! PURE: a bar of what a router was, or was believed to be.

use super::super::label;
use super::super::scale::Scale;
use super::super::svg::{Hold, Sheet};

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
        let (look, width) = (look(word), (right - left).max(0.5));
        sheet.rect(&format!("state {look}"), (left, y), (width, height));
        let word = word.replace('_', " ");
        if named && label::width(&word) + 8.0 <= width {
            sheet.text(&format!("on-{look}"), Hold::Start, (left + 4.0, y + 13.0), &word);
        }
    }
}

/// Not more looks than can be told apart: serving, neither, not serving.
fn look(word: &str) -> &'static str {
    match word {
        "up" => "up",
        "dead" | "hung" | "down" | "ejected" | "unreachable" => "off",
        _ => "between",
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
