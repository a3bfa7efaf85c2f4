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
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.bars.iter().flat_map(|(_, parts)| parts) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let textures = texture::of(&names);
        let gutter = self
            .bars
            .iter()
            .map(|(name, _)| label::width(name))
            .fold(20.0, f64::max);
        let gutter = gutter.min(sheet.width * 0.35) + 8.0;
        let figure = shown(longest);
        let end = sheet.width - label::bold_width(&figure) - 14.0;
        let x = Scale::new((0.0, longest), (gutter, end));

        let entries: Vec<(usize, String)> = textures
            .iter()
            .zip(&names)
            .map(|(texture, name)| (*texture, (*name).to_owned()))
            .collect();
        let mut y = texture::legend(sheet, &entries, (gutter, sheet.width), 0.0) + 12.0;
        for (name, parts) in &self.bars {
            let base = y + 14.0;
            sheet.text(
                "label",
                Hold::End,
                (gutter - 8.0, base),
                &label::shortened(name, gutter - 8.0),
            );
            let mut reached = 0.0;
            for (part, value) in parts {
                let value = length(*value);
                let (from, to) = (x.at(reached), x.at(reached + value));
                let index = names.iter().position(|name| name == part).unwrap_or(0);
                sheet.textured(textures[index], (from, y), (to - from, THICK));
                let shown = shown(value);
                if parts.len() > 1 && label::width(&shown) + 10.0 <= to - from {
                    sheet.text("label halo", Hold::Middle, ((from + to) / 2.0, base), &shown);
                }
                reached += value;
            }
            sheet.text(
                "strong",
                Hold::Start,
                (x.at(reached) + 6.0, base),
                &shown(reached),
            );
            y += THICK + APART;
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

/// Counts as counts.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 {
        scale::fixed(value, 0)
    } else {
        scale::brief(value)
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
}
