//! PURE: lost requests as small stacked bars under the lanes.

use super::super::label;
use super::super::scale::{self, Scale};
use super::super::svg::{Hold, Sheet};
use super::super::texture;
use std::collections::BTreeMap;

const HEIGHT: f64 = 58.0;
/// What the data is counted by, in seconds.
const BIN: f64 = 0.1;
/// Narrower bars than this many pixels are merged.
const NARROW: f64 = 2.5;

/// Draws it from `top` on; returns where the axis goes.
pub(super) fn draw(sheet: &mut Sheet, lost: &[(f64, String, u64)], x: &Scale, top: f64) -> f64 {
    let (start, end) = x.range();
    let shown: Vec<&(f64, String, u64)> = lost
        .iter()
        .filter(|(at, _, count)| x.covers(*at) && *count > 0)
        .collect();
    if shown.is_empty() {
        sheet.text("note", Hold::Start, (start, top + 12.0), "no request lost");
        return top + 20.0;
    }
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, outcome, count) in &shown {
        *totals.entry(outcome.as_str()).or_default() += count;
    }
    let mut names: Vec<&str> = totals.keys().copied().collect();
    names.sort_by_key(|name| std::cmp::Reverse(totals[name]));
    let textures = texture::of(&names);

    let merged = merged(BIN * (end - start) / (x.to - x.from));
    let bin = BIN * merged as f64;
    let mut bars: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for (at, outcome, count) in &shown {
        let bar = bars
            .entry((at / bin + 1e-6).floor() as i64)
            .or_insert_with(|| vec![0; names.len()]);
        if let Some(index) = names.iter().position(|name| name == outcome) {
            bar[index] += count;
        }
    }

    let title = format!("lost requests per {:.0} ms", bin * 1000.0);
    sheet.text("name", Hold::Start, (start, top + 11.0), &title);
    let legend_start = start + label::width(&title) + 20.0;
    let entries: Vec<(usize, String)> = names
        .iter()
        .zip(&textures)
        .map(|(name, texture)| {
            (
                *texture,
                format!("{name} {}", scale::fixed(totals[name] as f64, 0)),
            )
        })
        .collect();
    let wide = entries
        .iter()
        .map(|(_, name)| label::width(name) + 32.0)
        .sum::<f64>()
        <= end - legend_start;
    let legend_end = match wide {
        true => texture::legend(sheet, &entries, (legend_start, end), top),
        false => texture::legend(sheet, &entries, (start, end), top + 16.0),
    };

    let tallest = bars
        .values()
        .map(|bar| bar.iter().sum::<u64>())
        .max()
        .unwrap_or(1);
    let base = legend_end + 8.0 + HEIGHT;
    let y = Scale::new((0.0, tallest as f64), (base, base - HEIGHT));
    sheet.line("grid", (start, y.at(y.to)), (end, y.at(y.to)));
    let tallest = scale::fixed(tallest as f64, 0);
    sheet.text("tick", Hold::End, (start - 6.0, y.at(y.to) + 4.0), &tallest);
    sheet.text("tick", Hold::End, (start - 6.0, base), "0");
    for (index, bar) in bars {
        let from = x.within(index as f64 * bin);
        let to = x.within((index + 1) as f64 * bin);
        let mut under = 0;
        for (count, texture) in bar.iter().zip(&textures) {
            let (low, high) = (y.at(under as f64), y.at((under + count) as f64));
            let width = if to - from > 4.0 {
                to - from - 1.0
            } else {
                to - from
            };
            sheet.textured(*texture, (from, high), (width, low - high));
            under += count;
        }
    }
    base
}

/// How many bins become one bar.
fn merged(pixels: f64) -> u64 {
    let mut power = 1;
    while power <= 1_000_000_000 {
        for factor in [1, 2, 5] {
            if pixels * (factor * power) as f64 >= NARROW {
                return factor * power;
            }
        }
        power *= 10;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_merged_until_they_can_be_seen() {
        assert_eq!(
            (merged(10.0), merged(1.5), merged(0.3), merged(0.0)),
            (1, 2, 10, 10_000_000_000)
        );
    }

    #[test]
    fn no_loss_is_said() {
        let mut sheet = Sheet::new("f", 400.0);
        draw(
            &mut sheet,
            &[(1.0, "reset".to_owned(), 0)],
            &Scale::new((0.0, 5.0), (60.0, 390.0)),
            0.0,
        );
        assert!(sheet.finish("", "").contains("no request lost"));
    }

    #[test]
    fn merging_keeps_the_count() {
        let lost: Vec<_> = (0..600)
            .map(|bin| (f64::from(bin) * 0.1, "reset".to_owned(), 3))
            .collect();
        let mut sheet = Sheet::new("f", 400.0);
        draw(&mut sheet, &lost, &Scale::new((0.0, 60.0), (60.0, 390.0)), 0.0);
        let svg = sheet.finish("", "");
        assert!(
            svg.contains("lost requests per 500 ms") && svg.contains("reset 1800"),
            "{svg}"
        );
        assert!(svg.contains(">15<"), "{svg}");
    }
}
