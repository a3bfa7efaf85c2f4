//! PURE: points over x, and a line to compare them with.

use super::axis;
use super::ecdf::LOOKS;
use super::label;
use super::scale::{self, Scale};
use super::svg::{Hold, Path, Sheet};
use super::{Dots, Draw};
use std::collections::BTreeSet;

const RIGHT: f64 = 16.0;
const HEIGHT: f64 = 170.0;
/// More marks than this are thinned: nobody can tell them apart, and a file has to stay small.
const MANY: usize = 3000;

impl Draw for Dots {
    fn draw(&self, sheet: &mut Sheet) {
        let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        let series: Vec<(&str, Vec<(f64, f64)>)> = self
            .series
            .iter()
            .map(|series| {
                (
                    series.name.as_str(),
                    series.points.iter().copied().filter(finite).collect(),
                )
            })
            .collect();
        let all = || series.iter().flat_map(|(_, points)| points.iter());
        let (Some(across), Some(up)) = (
            scale::extent(all().map(|point| point.0)),
            scale::extent(all().map(|point| point.1)),
        ) else {
            return axis::nothing(sheet, "nothing was measured");
        };
        let across = scale::padded(across, 0.03);
        let line = self
            .line
            .as_ref()
            .filter(|(a, b, _)| a.is_finite() && b.is_finite());
        let ends = line.map(|(a, b, _)| [a + b * across.0, a + b * across.1]);
        let up = scale::extent([up.0, up.1].into_iter().chain(ends.into_iter().flatten())).unwrap_or(up);

        let key = sheet.width - RIGHT;
        let top = legend(sheet, &series, key) + 34.0;
        let y = Scale::new(scale::padded(up, 0.06), (top + HEIGHT, top));
        let widest = y.ticks(36.0);
        let left = widest
            .values
            .iter()
            .map(|tick| label::width(&widest.shown(*tick)))
            .fold(24.0, f64::max)
            + 10.0;
        let x = Scale::new(across, (left, key));
        sheet.text(
            "name",
            Hold::Start,
            (0.0, top - 12.0),
            &label::shortened(&self.y_label, sheet.width),
        );
        axis::left(sheet, &y, (left, key), 36.0);
        if let (Some((a, b, name)), Some([from, to])) = (line, ends) {
            sheet.line("reference", (left, y.at(from)), (key, y.at(to)));
            let name = label::shortened(name, key - left);
            let places: Vec<(f64, f64)> = all().map(|point| (x.at(point.0), y.at(point.1))).collect();
            let height = |at: f64| y.at(a + b * (x.from + (at - left) / (key - left) * (x.to - x.from)));
            let (at, base) = beside_line(
                height,
                label::width(&name),
                &places,
                (left, key),
                (top, top + HEIGHT),
            );
            sheet.text("name halo", Hold::Start, (at, base), &name);
        }
        for (index, (_, points)) in series.iter().enumerate() {
            let look = index % LOOKS;
            let mut path = Path::default();
            let places: Vec<(f64, f64)> = points.iter().map(|(a, b)| (x.at(*a), y.at(*b))).collect();
            for place in thinned(&places, MANY) {
                path.mark(place, MARKS[look]);
            }
            sheet.path(&format!("dot d{look}"), &path);
        }
        axis::bottom(sheet, &x, top + HEIGHT, &self.x_label);
        sheet.height = top + HEIGHT + axis::BOTTOM;
    }
}

/// Shapes: a disc (a point with round ends), an upright cross, a lying cross, a square, a triangle.
const MARKS: [&str; LOOKS] = [
    "h0",
    "m-3.5 0h7m-3.5-3.5v7",
    "m-3-3l6 6m-6 0l6-6",
    "m-2.5-2.5h5v5h-5z",
    "m0-3.5l3.5 6h-7z",
];

/// One line of marks and names, if there is more than one series; returns its lower edge.
fn legend(sheet: &mut Sheet, series: &[(&str, Vec<(f64, f64)>)], end: f64) -> f64 {
    if series.len() < 2 {
        return -10.0;
    }
    let (mut x, mut y) = (4.0, 12.0);
    for (index, (name, points)) in series.iter().enumerate() {
        let text = label::shortened(&format!("{name}, n = {}", points.len()), end - 20.0);
        let width = label::width(&text) + 32.0;
        if x > 4.0 && x + width > end {
            (x, y) = (4.0, y + 16.0);
        }
        let look = index % LOOKS;
        let mut mark = Path::default();
        mark.mark((x + 2.0, y - 4.0), MARKS[look]);
        sheet.path(&format!("dot d{look}"), &mark);
        sheet.text("label", Hold::Start, (x + 11.0, y), &text);
        x += width;
    }
    y
}

/// Where a line's name covers the fewest points: above or below it, at the right, the left or in the middle.
fn beside_line(
    height: impl Fn(f64) -> f64,
    width: f64,
    places: &[(f64, f64)],
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) -> (f64, f64) {
    let starts = [right - width, left + 4.0, (left + right - width) / 2.0];
    let bases = starts.iter().flat_map(|at| {
        let ends = [height(*at), height(at + width)];
        [
            (*at, ends[0].min(ends[1]) - 5.0),
            (*at, ends[0].max(ends[1]) + 14.0),
        ]
    });
    let within = bases.filter(|(_, base)| base - 10.0 >= top && *base <= bottom);
    let covered = |(at, base): &(f64, f64)| {
        let (at, base) = (*at, *base);
        let near = |(x, y): &&(f64, f64)| {
            *x > at - 4.0 && *x < at + width + 4.0 && *y > base - 14.0 && *y < base + 6.0
        };
        places.iter().filter(near).count()
    };
    within.min_by_key(covered).unwrap_or((right - width, top + 10.0))
}

/// Of points that fall into one square of a grid, one; the grid is as coarse as it must be. The outermost always stay.
fn thinned(places: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if places.len() <= most {
        return places.to_vec();
    }
    let outermost = |by: fn(&(f64, f64)) -> f64| {
        let least = places.iter().copied().min_by(|a, b| by(a).total_cmp(&by(b)));
        let greatest = places.iter().copied().max_by(|a, b| by(a).total_cmp(&by(b)));
        [least, greatest].into_iter().flatten()
    };
    let mut square = 0.5;
    loop {
        let mut seen = BTreeSet::new();
        let mut kept: Vec<(f64, f64)> = outermost(|p| p.0).chain(outermost(|p| p.1)).collect();
        kept.extend(
            places
                .iter()
                .filter(|(x, y)| seen.insert(((x / square) as i64, (y / square) as i64))),
        );
        if kept.len() <= most + 4 {
            return kept;
        }
        square *= 1.5;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Points;
    use super::*;

    fn drawn(dots: &Dots) -> String {
        let mut sheet = Sheet::new("f", 680.0);
        dots.draw(&mut sheet);
        sheet.finish("", "")
    }

    fn of(points: Vec<(f64, f64)>) -> Dots {
        let series = vec![Points {
            name: "kill".into(),
            points,
        }];
        Dots {
            x_label: "trial".into(),
            y_label: "ms".into(),
            series,
            line: Some((0.0, 0.0, "predicted".into())),
        }
    }

    #[test]
    fn degenerate_points_are_no_trouble() {
        assert!(drawn(&of(vec![])).contains("nothing was measured"));
        assert!(drawn(&of(vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)])).contains("nothing was measured"));
        for points in [vec![(1.0, 0.0)], vec![(1.0, 5.0); 9]] {
            let svg = drawn(&of(points));
            assert!(
                svg.contains("dot d0") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
        }
    }

    #[test]
    fn a_hundred_thousand_points_keep_their_extremes_and_stay_small() {
        let points: Vec<(f64, f64)> = (0..100_000u32)
            .map(|n| (f64::from(n % 317), f64::from(n.wrapping_mul(2_654_435_761) >> 12)))
            .collect();
        let kept = thinned(&points, MANY);
        assert!(kept.len() <= MANY + 4, "{}", kept.len());
        assert_eq!(
            scale::extent(kept.iter().map(|p| p.1)),
            scale::extent(points.iter().map(|p| p.1))
        );
        assert_eq!(
            scale::extent(kept.iter().map(|p| p.0)),
            scale::extent(points.iter().map(|p| p.0))
        );
        assert!(drawn(&of(points)).len() < 100_000);
    }

    #[test]
    fn a_lines_name_stands_where_no_point_is() {
        let at_right_above = [(95.0, 45.0)];
        let place = beside_line(|_| 50.0, 20.0, &at_right_above, (0.0, 100.0), (0.0, 100.0));
        assert_eq!(place, (80.0, 64.0));
    }

    #[test]
    fn the_line_to_compare_with_is_on_the_sheet() {
        let svg = drawn(&of(vec![(1.0, 100.0), (2.0, 120.0)]));
        assert!(
            svg.contains("class=\"reference\"") && svg.contains(">predicted<"),
            "{svg}"
        );
    }
}
