//! PURE: the gap between truth and belief.

use super::super::Lane;
use super::super::label::{self, Wish};
use super::super::scale::Scale;
use super::super::svg::{Hold, Sheet};
use std::collections::BTreeSet;

/// Labels beyond these would only cover each other.
const NAMED: usize = 12;

struct Gap<'a> {
    from: f64,
    to: f64,
    text: &'a str,
    /// The router served, and was not believed to.
    up: bool,
}

/// The gaps in a strip between truth and belief, each with its label in or beside it; returns where belief begins. A router
/// that serves and is not believed to costs nobody a request: that gap is drawn quietly.
pub(super) fn draw(sheet: &mut Sheet, lane: &Lane, x: &Scale, y: f64) -> f64 {
    let mut truth: Vec<(f64, &str)> = lane.truth.iter().map(|(at, word)| (*at, word.as_str())).collect();
    truth.sort_by(|a, b| a.0.total_cmp(&b.0));
    let up = |at: f64| {
        let known = truth.partition_point(|(from, _)| *from <= at);
        known > 0 && truth[known - 1].1 == "up"
    };
    let mut gaps: Vec<Gap> = lane
        .gaps
        .iter()
        .map(|(from, to, text)| Gap {
            from: x.within(*from),
            to: x.within(*to),
            text,
            up: up(*from),
        })
        .filter(|gap| gap.to > gap.from)
        .collect();
    // The widest are named; of those that cannot be seen apart one is drawn.
    gaps.sort_by(|a, b| (b.to - b.from).total_cmp(&(a.to - a.from)));
    let named = &gaps[..gaps.len().min(NAMED)];
    if gaps.is_empty() {
        return y;
    }
    let wishes = named.iter().map(|gap| {
        let width = label::bold_width(gap.text) + 8.0;
        match width <= gap.to - gap.from {
            true => Wish {
                at: (gap.from + gap.to) / 2.0,
                width,
                hold: Hold::Middle,
            },
            false => Wish {
                at: gap.from,
                width,
                hold: Hold::Start,
            },
        }
    });
    let placed = label::place(&wishes.collect::<Vec<_>>(), x.range());
    let height = 16.0 * label::rows(&placed) as f64 + 2.0;
    boxes(sheet, &gaps, y, height);
    for (gap, placed) in named.iter().zip(&placed) {
        let top = y + 16.0 * placed.row as f64;
        let class = if gap.up { "aside" } else { "loud" };
        sheet.rect(
            "ground",
            (placed.left, top + 2.0),
            (placed.right - placed.left, 14.0),
        );
        placed.write(sheet, class, top + 13.0, gap.text);
    }
    y + height + 2.0
}

/// In a lane without room for labels.
pub(super) fn draw_low(sheet: &mut Sheet, lane: &Lane, x: &Scale, y: f64, height: f64) {
    let gaps = lane.gaps.iter().map(|(from, to, text)| Gap {
        from: x.within(*from),
        to: x.within(*to),
        text,
        up: false,
    });
    boxes(
        sheet,
        &gaps.filter(|gap| gap.to > gap.from).collect::<Vec<_>>(),
        y,
        height,
    );
}

fn boxes(sheet: &mut Sheet, gaps: &[Gap], y: f64, height: f64) {
    let mut seen = BTreeSet::new();
    for gap in gaps.iter().filter(|gap| seen.insert((gap.from as i64, gap.up))) {
        let (at, size) = ((gap.from, y), (gap.to - gap.from, height));
        match gap.up {
            true => sheet.hushed("gap hushed", at, size),
            false => sheet.hatched("gap", at, size),
        }
    }
}
