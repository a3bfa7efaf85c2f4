//! PURE: from values to places on a sheet, and the round values that an axis names.

/// Values beyond this are drawn here: it keeps differences finite, and nothing in a lab is that long.
const MOST: f64 = 1e12;

/// A linear scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub from: f64,
    pub to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// `from..to` in values, drawn at `start..end`. A range without width is widened.
    pub fn new((from, to): (f64, f64), (start, end): (f64, f64)) -> Scale {
        let (from, to) = widened(from, to);
        Scale { from, to, start, end }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.start + (self.end - self.start) * (value.clamp(-MOST, MOST) - self.from) / (self.to - self.from)
    }

    /// As [`Scale::at`], kept within what is drawn.
    pub fn within(&self, value: f64) -> f64 {
        self.at(value.clamp(self.from, self.to))
    }

    pub fn covers(&self, value: f64) -> bool {
        value >= self.from && value <= self.to
    }

    pub fn range(&self) -> (f64, f64) {
        (self.start, self.end)
    }

    /// Round values within the scale, about one for each `apart` of its length.
    pub fn ticks(&self, apart: f64) -> Ticks {
        let wanted = ((self.end - self.start).abs() / apart).max(1.0);
        let step = nice((self.to - self.from) / wanted);
        let digits = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let (first, last) = ((self.from / step - 1e-6).ceil(), (self.to / step + 1e-6).floor());
        let count = (last - first).clamp(0.0, 1000.0) as usize;
        let values = (0..=count).map(|index| (first + index as f64) * step);
        let values = values.filter(|value| *value <= self.to + step * 1e-6).collect();
        Ticks { values, digits }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ticks {
    pub values: Vec<f64>,
    /// Behind the point, that tells them apart.
    pub digits: usize,
}

impl Ticks {
    pub fn shown(&self, value: f64) -> String {
        fixed(value, self.digits)
    }
}

/// The least and the greatest finite value.
pub fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((least, most)) => Some((least.min(value), most.max(value))),
        })
}

/// Room on both sides, so that no point lies on the frame.
pub fn padded((from, to): (f64, f64), share: f64) -> (f64, f64) {
    let (from, to) = widened(from, to);
    let room = (to - from) * share;
    (from - room, to + room)
}

/// 1, 2 or 5 × 10ⁿ: the least that is not below `step`.
pub fn nice(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// So many digits behind the point.
pub fn fixed(value: f64, digits: usize) -> String {
    grouped(&crate::report::shown::fixed(value, digits))
}

/// A figure for people: a true minus, none before zero, and groups of three from 10,000 on.
pub fn grouped(figure: &str) -> String {
    let size = figure.strip_prefix('-').unwrap_or(figure);
    let negative = size.len() < figure.len() && size.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let (whole, fraction) = size
        .split_once('.')
        .map_or((size, None), |(whole, rest)| (whole, Some(rest)));
    let mut shown = String::from(if negative { "−" } else { "" });
    let grouped = whole.len() > 4 && whole.bytes().all(|b| b.is_ascii_digit());
    for (index, digit) in whole.chars().enumerate() {
        if grouped && index > 0 && (whole.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(fraction) = fraction {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

/// As many digits as are needed to tell three figures of it.
pub fn brief(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 || size == 0.0 => 2,
        _ => 3,
    };
    fixed(value, digits)
}

fn widened(from: f64, to: f64) -> (f64, f64) {
    let tame = |value: f64| {
        if value.is_finite() {
            value.clamp(-MOST, MOST)
        } else {
            0.0
        }
    };
    let (from, to) = (tame(from), tame(to));
    let (from, to) = (from.min(to), from.max(to));
    let least = (from.abs().max(to.abs()) * 1e-6).max(1e-9);
    if to - from >= least {
        return (from, to);
    }
    let room = ((from.abs().max(to.abs())) * 0.05).max(0.5);
    (from - room, to + room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::new((0.0, 3.2), (0.0, 300.0));
        let ticks = scale.ticks(50.0);
        assert_eq!(ticks.values, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(ticks.digits, 0);
        let ticks = Scale::new((-0.13, 0.4), (0.0, 300.0)).ticks(50.0);
        assert_eq!(
            ticks.values.iter().map(|v| ticks.shown(*v)).collect::<Vec<_>>(),
            ["−0.1", "0.0", "0.1", "0.2", "0.3", "0.4"]
        );
    }

    #[test]
    fn one_value_gets_room_on_both_sides() {
        let scale = Scale::new((3.0, 3.0), (0.0, 100.0));
        assert_eq!(scale.at(3.0), 50.0);
        assert!(!scale.ticks(50.0).values.is_empty());
    }

    #[test]
    fn figures_are_grouped_and_zero_has_no_sign() {
        for (value, digits, text) in [
            (1234567.0, 0, "1,234,567"),
            (-0.001, 2, "0.00"),
            (-1.5, 1, "−1.5"),
            (9999.0, 0, "9999"),
        ] {
            assert_eq!(fixed(value, digits), text);
        }
        assert_eq!(
            (brief(370.4), brief(7.412), brief(12.34), brief(0.0)),
            ("370".into(), "7.41".into(), "12.3".into(), "0.00".into())
        );
    }

    #[test]
    fn extent_skips_what_is_not_finite() {
        assert_eq!(extent([f64::NAN, 2.0, f64::INFINITY, -1.0]), Some((-1.0, 2.0)));
        assert_eq!(extent([f64::NAN]), None);
    }

    proptest! {
        #[test]
        fn any_range_gives_finite_places_and_few_ticks(
            from in proptest::num::f64::ANY, to in proptest::num::f64::ANY, value in proptest::num::f64::ANY
        ) {
            let scale = Scale::new((from, to), (40.0, 600.0));
            prop_assert!(scale.from < scale.to);
            let ticks = scale.ticks(60.0);
            prop_assert!(ticks.values.len() <= 25, "{} ticks", ticks.values.len());
            for tick in &ticks.values {
                let place = scale.at(*tick);
                prop_assert!((39.0..=601.0).contains(&place), "{tick} at {place}");
            }
            if value.is_finite() {
                prop_assert!(scale.at(value).is_finite());
                prop_assert!((40.0..=600.0).contains(&scale.within(value)));
            }
        }
    }
}
