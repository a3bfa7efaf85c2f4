//! PURE: order statistics of what was measured.

use serde::{Deserialize, Serialize};

/// Of the values that were observed; percentiles count those, too, that never came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub min: f64,
    pub mean: f64,
    /// By the nearest rank. `null`: it is among those that never came.
    pub p50: Option<f64>,
    /// `null` also for fewer than 20, of which it would be the largest;
    pub p95: Option<f64>,
    /// and for fewer than 100.
    #[serde(default)]
    pub p99: Option<f64>,
    pub max: f64,
}

/// |measured − predicted| of `t_detect`, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Order statistics by the nearest-rank rule; `None` for no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        Spread::censored(values, 0)
    }

    /// The same, where `never` more had none by the end of what was watched: they are above all that came.
    pub fn censored(values: impl IntoIterator<Item = f64>, never: usize) -> Option<Spread> {
        let mut v: Vec<f64> = values.into_iter().collect();
        v.sort_by(f64::total_cmp);
        let n = v.len() + never;
        // One in `part` lies above it: of fewer than that the rank is the last.
        let rank = |part: usize| {
            (n >= part)
                .then(|| v.get((n - n / part).max(1) - 1).copied())
                .flatten()
        };
        let (min, max) = (*v.first()?, *v.last()?);
        Some(Spread {
            min,
            mean: v.iter().sum::<f64>() / v.len() as f64,
            p50: v.get(n.div_ceil(2) - 1).copied(),
            p95: rank(20),
            p99: rank(100),
            max,
        })
    }
}

impl Residual {
    /// Of the sizes of all residuals.
    pub fn of(sizes: Spread) -> Option<Residual> {
        Some(Residual {
            median: sizes.p50?,
            max: sizes.max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_uses_nearest_rank() {
        let spread = Spread::of((1..=20).map(f64::from)).expect("values");
        assert_eq!(
            (spread.min, spread.p50, spread.p95, spread.p99, spread.max),
            (1.0, Some(10.0), Some(19.0), None, 20.0)
        );
        assert_eq!(spread.mean, 10.5);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_percentile_that_is_the_largest_by_nature_is_none() {
        let of = |n: u32| Spread::of((1..=n).map(f64::from)).expect("values");
        assert_eq!(
            (of(1).p50, of(1).p95, of(19).p95, of(99).p99),
            (Some(1.0), None, None, None)
        );
        assert_eq!(
            (of(100).p95, of(100).p99, of(101).p99),
            (Some(95.0), Some(99.0), Some(100.0))
        );
    }

    #[test]
    fn what_never_came_is_above_every_percentile_that_did() {
        let half = Spread::censored((1..=10).map(f64::from), 10).expect("values");
        assert_eq!((half.p50, half.p95, half.max), (Some(10.0), None, 10.0));
        let most = Spread::censored((1..=9).map(f64::from), 11).expect("values");
        assert_eq!((most.p50, most.mean), (None, 5.0));
        assert_eq!(Spread::censored([], 3), None);
    }
}
