//! PURE: stacked bars, each part with its figure in it where there is room.

use super::axis;
use super::label;
use super::scale::{self, Scale};
use super::svg::{Hold, Sheet};
use super::texture;
use super::{Bars, Draw};

const THICK: f64 = 20.0;
const APART: f64 = 8.0;

impl Draw for Bars {
    fn draw(&self, sheet: &mut Sheet) {
        let total = |parts: &[(String, f64)]| parts.iter().map(|(_, value)| length(*value)).sum::<f64>();
        let longest = self
            .bars
            .iter()
            .map(|(_, parts)| total(parts))
            .fold(0.0, f64::max);
        if self.bars.is_empty() || longest <= 0.0 {
            return axis::nothing(sheet, "all of them are 0");
        }
        let named = |parts: &[(String, f64)]| {
            let parts = parts.iter().filter(|(_, value)| length(*value) > 0.0);
            parts
                .map(|(name, value)| (name.clone(), length(*value)))
                .collect::<Vec<_>>()
        };
        let bars: Vec<(&str, Vec<(String, f64)>)> = self
            .bars
            .iter()
            .map(|(name, parts)| (name.as_str(), named(parts)))
            .collect();
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in bars.iter().flat_map(|(_, parts)| parts) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let textures = texture::of(&names);
        // Bars that are divided alike share a legend; otherwise each has its own under it.
        let alike = bars
            .iter()
            .filter(|(_, parts)| !parts.is_empty())
            .all(|(_, parts)| parts.len() * 2 > names.len());
        let gutter = self
            .bars
            .iter()
            .map(|(name, _)| label::width(name))
            .fold(20.0, f64::max);
        let gutter = gutter.min(sheet.width * 0.35) + 8.0;
        let digits = digits(
            bars.iter()
                .flat_map(|(_, parts)| parts.iter().map(|(_, value)| *value)),
        );
        let shown = |value: f64| scale::fixed(value, digits);
        let figure = shown(longest);
        let end = sheet.width - label::bold_width(&figure) - 14.0;
        let x = Scale::new((0.0, longest), (gutter, end));

        let texture = |part: &str| textures[names.iter().position(|name| *name == part).unwrap_or(0)];
        let mut y = 0.0;
        if alike && names.len() > 1 {
            let entries: Vec<(usize, String)> = names
                .iter()
                .map(|name| (texture(name), (*name).to_owned()))
                .collect();
            y = texture::legend(sheet, &entries, (gutter, sheet.width), 0.0) + 12.0;
        }
        for (name, parts) in &bars {
            let base = y + 14.0;
            sheet.text(
                "label",
                Hold::End,
                (gutter - 8.0, base),
                &label::shortened(name, gutter - 8.0),
            );
            let mut reached = 0.0;
            for (part, value) in parts {
                let (from, to) = (x.at(reached), x.at(reached + value));
                sheet.textured(texture(part), (from, y), (to - from, THICK));
                let figure = shown(*value);
                let room = label::width(&figure) + 12.0;
                if alike && parts.len() > 1 && room <= to - from {
                    sheet.rect("ground", ((from + to - room) / 2.0, y + 3.0), (room, THICK - 6.0));
                    sheet.text("label", Hold::Middle, ((from + to) / 2.0, base), &figure);
                }
                reached += value;
            }
            sheet.text(
                "strong",
                Hold::Start,
                (x.at(reached) + 6.0, base),
                &shown(reached),
            );
            y += THICK;
            if !alike && !parts.is_empty() {
                let entries = parts
                    .iter()
                    .map(|(part, value)| (texture(part), format!("{part} {}", shown(*value))));
                y = texture::legend(
                    sheet,
                    &entries.collect::<Vec<_>>(),
                    (gutter, sheet.width),
                    y + 4.0,
                ) + 4.0;
            }
            y += APART;
        }
        axis::bottom(sheet, &x, y, &self.x_label);
        sheet.height = y + axis::BOTTOM;
    }
}

/// Nothing is shorter than nothing.
fn length(value: f64) -> f64 {
    if value.is_finite() {
        value.clamp(0.0, 1e12)
    } else {
        0.0
    }
}

/// Digits behind the point, the same for all parts and sums, so that they add up: none of counts.
fn digits(values: impl Iterator<Item = f64>) -> usize {
    let broken = values.filter(|value| value.fract() != 0.0);
    match broken.reduce(f64::min) {
        None => 0,
        Some(least) if least < 0.05 => 2,
        Some(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(bars: &[(&str, &[(&str, f64)])]) -> String {
        let owned = |parts: &[(&str, f64)]| {
            parts
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect()
        };
        let bars = bars
            .iter()
            .map(|(name, parts)| ((*name).to_owned(), owned(parts)))
            .collect();
        let mut sheet = Sheet::new("f", 680.0);
        Bars {
            x_label: "requests".into(),
            bars,
        }
        .draw(&mut sheet);
        sheet.finish("", "")
    }

    #[test]
    fn parts_stand_one_after_the_other() {
        let svg = drawn(&[("poll", &[("reset", 150.0), ("eof", 50.0)])]);
        assert!(
            svg.contains(">150<") && svg.contains(">50<") && svg.contains(">200<"),
            "{svg}"
        );
    }

    #[test]
    fn nothing_is_said_and_not_drawn() {
        assert!(drawn(&[]).contains("all of them are 0"));
        assert!(drawn(&[("poll", &[("reset", f64::NAN), ("eof", -3.0)])]).contains("all of them are 0"));
    }

    #[test]
    fn parts_and_their_sum_have_the_same_digits() {
        let svg = drawn(&[
            ("haproxy", &[("http_503", 114.0), ("eof", 0.5)]),
            ("lb-sim", &[("http_503", 113.0), ("eof", 1.0)]),
        ]);
        assert!(
            svg.contains(">114.0<") && svg.contains(">114.5<") && !svg.contains(">114<"),
            "{svg}"
        );
    }
}
