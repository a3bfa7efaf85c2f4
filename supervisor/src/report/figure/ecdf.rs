//! PURE: which share of the trials had happened by then, between theory's bounds.

use super::axis;
use super::label::{self, Wish};
use super::scale::{self, Scale};
use super::svg::{Hold, Path, Sheet};
use super::{Draw, Ecdf, Series};

const LEFT: f64 = 46.0;
const RIGHT: f64 = 16.0;
const HEIGHT: f64 = 190.0;
const RUG: f64 = 6.0;
/// How many series can be told apart by their dashes.
pub(super) const LOOKS: usize = 5;

/// A name over the plot, with a line down to what it names.
struct Name {
    text: String,
    class: &'static str,
    at: f64,
}

impl Draw for Ecdf {
    fn draw(&self, sheet: &mut Sheet) {
        let series: Vec<Curve> = self.series.iter().map(Curve::of).collect();
        let values = series.iter().flat_map(|curve| curve.values.iter().copied());
        let bounds = self
            .bounds
            .iter()
            .flat_map(|(least, mean, most)| [Some(*least), *mean, *most]);
        let Some(extent) = scale::extent(values.chain(bounds.flatten())) else {
            return axis::nothing(sheet, "no trial has a value");
        };
        let x = Scale::new(scale::padded(extent, 0.06), (LEFT, sheet.width - RIGHT));
        let mut names = self.theory_names(&x);
        for (curve, series) in series.iter().zip(&self.series) {
            names.push(Name {
                text: format!("{}, {}", series.name, series.n()),
                class: "strong",
                at: curve.values.last().map_or(LEFT, |last| x.at(*last)),
            });
        }
        let room = (LEFT, sheet.width);
        let wishes = names
            .iter()
            .map(|name| Wish::beside(name.at, label::bold_width(&name.text), room));
        let placed = label::place(&wishes.collect::<Vec<_>>(), room);
        let top = 8.0 + 16.0 * label::rows(&placed) as f64;
        let y = Scale::new((0.0, 1.0), (top + HEIGHT, top));

        if let Some((least, _, most)) = self.bounds {
            // Without a most, it is open to the right.
            let (from, to) = (x.at(least), most.map_or(x.range().1, |most| x.at(most)));
            sheet.rect("theory", (from, top), ((to - from).max(1.0), HEIGHT));
        }
        for (share, shown) in [
            (0.0, "0 %"),
            (0.25, "25 %"),
            (0.5, "50 %"),
            (0.75, "75 %"),
            (1.0, "100 %"),
        ] {
            sheet.line("grid", (LEFT, y.at(share)), (sheet.width - RIGHT, y.at(share)));
            sheet.text("tick", Hold::End, (LEFT - 6.0, y.at(share) + 4.0), shown);
        }
        if let (Some(band), Some(curve)) = (self.band.filter(|band| band.is_finite()), series.first()) {
            sheet.path("band", &around(curve, band, &x, &y));
        }
        for (name, placed) in names.iter().zip(&placed) {
            let base = top - 6.0 - 16.0 * placed.row as f64;
            let foot = if name.class == "strong" { top } else { top + HEIGHT };
            let line = if name.class == "strong" { "lead" } else { "bound" };
            sheet.line(line, (name.at, base - 10.0), (name.at, foot));
            placed.write(sheet, &format!("{} halo", name.class), base, &name.text);
        }
        let rugs = series.len().min(LOOKS) as f64;
        for (index, curve) in series.iter().enumerate() {
            let look = index % LOOKS;
            sheet.path(&format!("step s{look}"), &steps(curve, &x, &y));
            if index < LOOKS {
                let from = top + HEIGHT + 3.0 + (RUG + 1.0) * index as f64;
                sheet.path(&format!("rug s{look}"), &rug(&curve.values, &x, from));
            }
        }
        let bottom = top + HEIGHT + 4.0 + (RUG + 1.0) * rugs;
        axis::bottom(sheet, &x, bottom, &self.x_label);
        sheet.height = bottom + axis::BOTTOM;
    }
}

impl Ecdf {
    fn theory_names(&self, x: &Scale) -> Vec<Name> {
        let Some((least, mean, most)) = self.bounds else {
            return Vec::new();
        };
        let name = |what: &str, value: f64| Name {
            text: format!("{what} {}", scale::brief(value)),
            class: "name",
            at: x.at(value),
        };
        let mut names = vec![name("theory: least", least)];
        names.extend(mean.map(|mean| name("mean", mean)));
        names.extend(most.map(|most| name("most", most)));
        names
    }
}

/// A series' values in order, and how many they are of.
struct Curve {
    values: Vec<f64>,
    of: usize,
}

impl Curve {
    fn of(series: &Series) -> Curve {
        let finite = series.values.iter().copied().filter(|value| value.is_finite());
        let mut values: Vec<f64> = finite.collect();
        values.sort_by(f64::total_cmp);
        Curve {
            of: values.len() + series.never,
            values,
        }
    }
}

/// The steps that can be seen: of those within half a pixel only the last. The first and the last always stay.
fn corners(curve: &Curve, x: &Scale) -> Vec<(f64, f64)> {
    let n = curve.of as f64;
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for (index, value) in curve.values.iter().enumerate() {
        let (at, share) = (x.at(*value), (index + 1) as f64 / n);
        match corners.last_mut() {
            Some(last) if index > 1 && at - last.0 < 0.5 && corners_may_merge(index, curve.values.len()) => {
                last.1 = share
            }
            _ => corners.push((at, share)),
        }
    }
    corners
}

/// The last step keeps its own place.
fn corners_may_merge(index: usize, n: usize) -> bool {
    index + 1 < n
}

fn steps(curve: &Curve, x: &Scale, y: &Scale) -> Path {
    let mut path = Path::default();
    for (index, (at, share)) in corners(curve, x).into_iter().enumerate() {
        match index {
            0 => path.start((at, y.at(0.0))),
            _ => path.across(at),
        }
        path.along(y.at(share));
    }
    path
}

/// The band in which the true distribution lies, with 95 % confidence as a whole.
fn around(curve: &Curve, band: f64, x: &Scale, y: &Scale) -> Path {
    let corners = corners(curve, x);
    let reached = corners.last().map_or(0.0, |(_, share)| *share);
    let (start, end) = x.range();
    let mut path = Path::default();
    let share = |share: f64| y.at(share.clamp(0.0, 1.0));
    path.start((start, share(band)));
    for (at, reached) in &corners {
        path.across(*at);
        path.along(share(reached + band));
    }
    path.across(end);
    path.along(share(reached - band));
    for (index, (at, _)) in corners.iter().enumerate().rev() {
        path.across(*at);
        let before = if index == 0 { 0.0 } else { corners[index - 1].1 };
        path.along(share(before - band));
    }
    path.across(start);
    path.close();
    path
}

fn rug(values: &[f64], x: &Scale, y: f64) -> Path {
    let mut path = Path::default();
    let mut last = f64::NEG_INFINITY;
    for value in values {
        if x.at(*value) - last >= 0.5 {
            last = x.at(*value);
            path.mark((last, y), &format!("v{RUG}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(ecdf: &Ecdf) -> String {
        let mut sheet = Sheet::new("f", 680.0);
        ecdf.draw(&mut sheet);
        sheet.finish("", "")
    }

    fn of(values: Vec<f64>) -> Ecdf {
        Ecdf {
            x_label: "s".into(),
            series: vec![Series {
                name: "t_detect".into(),
                values,
                never: 0,
            }],
            ..Ecdf::default()
        }
    }

    #[test]
    fn it_climbs_from_nothing_to_all() {
        let (x, y) = (
            Scale::new((0.0, 10.0), (0.0, 100.0)),
            Scale::new((0.0, 1.0), (100.0, 0.0)),
        );
        let mut expected = Path::default();
        expected.start((20.0, 100.0));
        expected.along(50.0);
        expected.across(40.0);
        expected.along(0.0);
        assert_eq!(steps(&curve(&[2.0, 4.0], 0), &x, &y), expected);
    }

    #[test]
    fn it_ends_below_all_where_some_never_came() {
        let (x, y) = (
            Scale::new((0.0, 10.0), (0.0, 100.0)),
            Scale::new((0.0, 1.0), (100.0, 0.0)),
        );
        let mut expected = Path::default();
        expected.start((20.0, 100.0));
        expected.along(75.0);
        expected.across(40.0);
        expected.along(50.0);
        let half = curve(&[2.0, 4.0], 2);
        assert_eq!(steps(&half, &x, &y), expected);
        let mut ecdf = of(vec![2.0, 4.0]);
        ecdf.series[0].never = 2;
        assert!(drawn(&ecdf).contains("t_detect, n = 2 of 4"));
    }

    fn curve(values: &[f64], never: usize) -> Curve {
        Curve::of(&Series {
            name: String::new(),
            values: values.to_vec(),
            never,
        })
    }

    #[test]
    fn without_a_value_it_says_so() {
        assert!(drawn(&of(vec![])).contains("no trial has a value"));
        assert!(drawn(&of(vec![f64::NAN])).contains("no trial has a value"));
    }

    #[test]
    fn only_what_is_finite_is_counted() {
        assert!(drawn(&of(vec![1.0, f64::NAN, 2.0, f64::INFINITY])).contains("t_detect, n = 2"));
    }

    #[test]
    fn equal_values_make_one_step() {
        let svg = drawn(&of(vec![3.0; 50]));
        assert!(svg.contains("n = 50") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn a_hundred_thousand_values_keep_their_extremes_and_stay_small() {
        let values: Vec<f64> = (0..100_000).map(|n| f64::from(n % 9973) * 0.001).collect();
        let x = Scale::new((0.0, 10.0), (0.0, 600.0));
        let kept = corners(&curve(&values, 0), &x);
        assert_eq!(kept.first().map(|c| c.0), Some(x.at(0.0)));
        assert_eq!(kept.last().copied(), Some((x.at(9.972), 1.0)));
        let mut ecdf = of(values);
        ecdf.band = Some(0.05);
        assert!(drawn(&ecdf).len() < 60_000);
    }
}
