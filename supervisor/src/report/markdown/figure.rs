//! PURE: the values behind a figure, where it cannot be drawn.

use super::{escape, grid, spans};
use crate::experiment::summary::Spread;
use crate::report::figure::{Bars, Dots, Ecdf, Figure, HeatMap, Picture, Timeline};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Events of a timeline that are told; the others are counted.
const TOLD: usize = 60;

pub(super) fn render(figure: &Figure) -> String {
    let values = match &figure.picture {
        Picture::Timeline(timeline) => events(timeline),
        Picture::Ecdf(ecdf) => distribution(ecdf),
        Picture::Dots(dots) => spread(dots),
        Picture::Bars(bars) => parts(bars),
        Picture::HeatMap(map) => cells(map),
    };
    format!("{}\n\n{values}", spans(&figure.caption))
}

/// One line for each thing that happened; checks that passed are only counted.
fn events(timeline: &Timeline) -> String {
    let mut events: Vec<(f64, String, String)> = Vec::new();
    let within = |at: f64| at >= timeline.from && at <= timeline.to;
    let mut passed = 0;
    for lane in &timeline.lanes {
        let router = escape(&lane.router);
        let mut tell = |at: f64, what: String| {
            if within(at) {
                events.push((at, router.clone(), what));
            }
        };
        for (at, word) in &lane.truth {
            tell(*at, format!("is {}", escape(word)));
        }
        for (at, word) in &lane.belief {
            tell(*at, format!("is believed {}", escape(&word.replace('_', " "))));
        }
        for gap in &lane.gaps {
            let (from, to, text) = gap;
            let begins = match timeline.length(gap) {
                Some(length) => format!("gap of {length:.3} s begins"),
                None if *from <= timeline.from => "gap has begun before".to_owned(),
                None => "gap begins".to_owned(),
            };
            tell(*from, format!("**{begins}** ({})", escape(text)));
            if *to < timeline.to {
                tell(*to, "gap ends".to_owned());
            }
        }
        for (start, end, result) in &lane.checks {
            match result.as_str() {
                "ok" => passed += usize::from(within(*end)),
                result => tell(
                    *end,
                    format!("check failed: {} after {:.3} s", escape(result), end - start),
                ),
            }
        }
    }
    for mark in timeline.marks.iter().filter(|mark| within(mark.at)) {
        events.push((mark.at, String::new(), escape(&mark.name)));
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let heads = ["at (s)", "router", "what"].map(str::to_owned);
    let rows = events
        .iter()
        .take(TOLD)
        .map(|(at, router, what)| vec![fixed(*at, 3), router.clone(), what.clone()]);
    let mut text = grid(&heads, &[true, false, false], rows);
    if events.len() > TOLD {
        let _ = write!(text, "\nand {} more.\n", events.len() - TOLD);
    }
    let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, outcome, count) in timeline.lost.iter().filter(|(at, ..)| within(*at)) {
        *lost.entry(outcome.as_str()).or_default() += count;
    }
    let lost: Vec<String> = lost
        .iter()
        .map(|(outcome, count)| format!("{} {count}", escape(outcome)))
        .collect();
    let lost = if lost.is_empty() {
        "no request".to_owned()
    } else {
        lost.join(", ")
    };
    let _ = write!(text, "\nLost: {lost}. Checks passed: {passed}.\n");
    text
}

fn distribution(ecdf: &Ecdf) -> String {
    let heads = ["", "n", "min", "p50", "p95", "max"].map(str::to_owned);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for series in &ecdf.series {
        let finite = series.values.iter().copied().filter(|value| value.is_finite());
        let spread = Spread::censored(finite, series.never);
        let n = series.n().replace("n = ", "");
        rows.push(
            [escape(&series.name), n]
                .into_iter()
                .chain(order(spread))
                .collect(),
        );
    }
    let mut text = grid(&heads, &[false, true, true, true, true, true], rows.into_iter());
    let _ = write!(text, "\n{}", escape(&ecdf.x_label));
    if let Some((least, mean, most)) = ecdf.bounds {
        let known = |value: Option<f64>| value.map_or("–".to_owned(), |value| fixed(value, 3));
        let _ = write!(
            text,
            "; theory: least {}, mean {}, most {}",
            fixed(least, 3),
            known(mean),
            known(most)
        );
    }
    text + "\n"
}

fn spread(dots: &Dots) -> String {
    let heads = ["", "n", "min", "p50", "p95", "max"].map(str::to_owned);
    let rows = dots.series.iter().map(|series| {
        let finite = series
            .points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite());
        let values: Vec<f64> = finite.map(|(_, y)| *y).collect();
        let n = values.len().to_string();
        [escape(&series.name), n]
            .into_iter()
            .chain(order(Spread::of(values)))
            .collect()
    });
    let table = grid(&heads, &[false, true, true, true, true, true], rows);
    format!(
        "{table}\n{} over {}\n",
        escape(&dots.y_label),
        escape(&dots.x_label)
    )
}

/// Least, median, p95, most.
fn order(spread: Option<Spread>) -> [String; 4] {
    let figures = spread.map_or([None; 4], |of| [Some(of.min), of.p50, of.p95, Some(of.max)]);
    figures.map(|figure| figure.map_or("–".to_owned(), |value| fixed(value, 3)))
}

fn parts(bars: &Bars) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in bars.bars.iter().flat_map(|(_, parts)| parts) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let heads: Vec<String> = [String::new()]
        .into_iter()
        .chain(names.iter().map(|name| escape(name)))
        .collect();
    let numbers: Vec<bool> = (0..heads.len()).map(|column| column > 0).collect();
    let rows = bars.bars.iter().map(|(bar, parts)| {
        let part = |name: &&str| {
            let value = parts
                .iter()
                .find(|(part, _)| part == name)
                .map(|(_, value)| *value);
            value.map_or("–".to_owned(), short)
        };
        [escape(bar)].into_iter().chain(names.iter().map(part)).collect()
    });
    format!("{}\n{}\n", grid(&heads, &numbers, rows), escape(&bars.x_label))
}

fn cells(map: &HeatMap) -> String {
    let corner = format!("{} \\ {}", escape(&map.y_label), escape(&map.x_label)).replace(" \\ ", " ╲ ");
    let heads: Vec<String> = [corner]
        .into_iter()
        .chain(map.columns.iter().map(|name| escape(name)))
        .collect();
    let numbers: Vec<bool> = (0..heads.len()).map(|column| column > 0).collect();
    let rows = map.rows.iter().enumerate().map(|(row, name)| {
        let cell = |column: usize| {
            let value = map
                .values
                .get(row)
                .and_then(|row| row.get(column))
                .copied()
                .flatten();
            let value = value.map_or("–".to_owned(), |value| {
                fixed(value, usize::from(map.digits.min(9)))
            });
            if map.marked == Some((row, column)) {
                format!("▸ **{value}**")
            } else {
                value
            }
        };
        [escape(name)]
            .into_iter()
            .chain((0..map.columns.len()).map(cell))
            .collect()
    });
    let unit = if map.unit.is_empty() {
        String::new()
    } else {
        format!("\nin {}\n", escape(&map.unit))
    };
    grid(&heads, &numbers, rows) + &unit
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        fixed(value, 0)
    } else {
        fixed(value, 3)
    }
}

/// As a table's cells are written.
fn fixed(value: f64, digits: usize) -> String {
    crate::report::model::Cell::Number {
        value,
        digits: u8::try_from(digits).unwrap_or(u8::MAX),
    }
    .shown()
}
