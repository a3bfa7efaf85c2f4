//! PURE: how far a few trials can be trusted. The band and the median's interval hold whatever the law of what was measured
//! is; the mean's, by Student's t, as far as means of so many are normal.
//!
//! Values are draws: one of each trial (`experiment::sample`). Where the phases of a run's trials cover the gap between two
//! checks evenly on purpose, what is said here with 95 % is wider than it need be, never narrower.

/// Half-width of the 95 % band around an empirical distribution of `n` values, by the inequality of Dvoretzky, Kiefer and
/// Wolfowitz with Massart's constant (Annals of Probability 18, 1990): √(ln(2/0.05) / 2n).
pub fn band(n: usize) -> Option<f64> {
    (n > 0).then(|| ((2.0_f64 / 0.05).ln() / (2.0 * n as f64)).sqrt().min(1.0))
}

/// The narrowest pair of order statistics, as far from both ends, that has the median between them with at least 95 %:
/// exact, by the binomial distribution. `None` for fewer than 6 values: not even their range is that sure. What never came
/// is infinite.
pub fn median_interval(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len();
    let below = outside(n)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some((sorted[below], sorted[n - 1 - below]))
}

/// Of the mean with 95 %, by Student's t. `None` for fewer than 5 values: they say too little of their own spread.
pub fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    (values.len() >= 5).then_some(())?;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student(n - 1.0) * (variance / n).sqrt();
    Some((mean - half, mean + half))
}

/// The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher: right to 0.3 % from 4 degrees of freedom on.
fn student(freedom: f64) -> f64 {
    let z: f64 = 1.959_963_985;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// How many values may be left out at each end: the largest k with P(B ≤ k) ≤ 2.5 % for B of n fair coins.
fn outside(n: usize) -> Option<usize> {
    // In logarithms: 2^-n is no number for long runs.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut found = None;
    for k in 0..n {
        below += log_term.exp();
        if below > 0.025 {
            break;
        }
        found = Some(k);
        log_term += ((n - k) as f64 / (k + 1) as f64).ln();
    }
    found
}

/// Which value the median is by the nearest rank, as in [`crate::experiment::summary::Spread`]: its place in `values`.
pub fn median_place(values: &[f64]) -> Option<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let rank = (values.len() as f64 * 0.5).ceil() as usize;
    places.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::summary::Spread;

    #[test]
    fn the_band_is_massart_s() {
        assert_eq!(band(0), None);
        assert_eq!(band(1), Some(1.0));
        assert!((band(20).unwrap() - 0.30369).abs() < 1e-4);
        assert!((band(100).unwrap() - 0.135_81).abs() < 1e-4);
    }

    /// The table in every textbook: which order statistics bound the median with 95 %.
    #[test]
    fn the_median_s_interval_is_the_textbook_s() {
        for (n, lower) in [
            (6, 1),
            (8, 1),
            (9, 2),
            (10, 2),
            (12, 3),
            (15, 4),
            (20, 6),
            (30, 10),
            (50, 18),
        ] {
            assert_eq!(outside(n), Some(lower - 1), "n = {n}");
        }
        assert_eq!(outside(5), None);
        // Normal approximation far out: n/2 − 0.98 √n.
        let far = outside(100_000).unwrap() as f64;
        assert!(
            (far - (50_000.0 - 0.98 * 100_000_f64.sqrt())).abs() < 3.0,
            "{far}"
        );
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(median_interval(&values), Some((6.0, 15.0)));
    }

    #[test]
    fn the_mean_s_interval_is_student_s() {
        for (freedom, wanted) in [
            (4.0, 2.776),
            (7.0, 2.365),
            (9.0, 2.262),
            (19.0, 2.093),
            (99.0, 1.984),
        ] {
            assert!((student(freedom) / wanted - 1.0).abs() < 0.003, "{freedom}");
        }
        // Standard deviation 3.0277, over √10 and times 2.262.
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let (low, high) = mean_interval(&values).unwrap();
        assert!(
            (low - 3.334).abs() < 1e-2 && (high - 7.666).abs() < 1e-2,
            "{low} to {high}"
        );
        assert_eq!(mean_interval(&values[..4]), None);
        assert_eq!(mean_interval(&[5.0; 8]), Some((5.0, 5.0)));
    }

    #[test]
    fn the_median_s_place_is_that_of_the_summary() {
        for n in 1..40 {
            let values: Vec<f64> = (0..n).map(|k| f64::from(k * 7 % 41)).collect();
            let place = median_place(&values).unwrap();
            assert_eq!(Some(values[place]), Spread::of(values.clone()).unwrap().p50);
        }
        assert_eq!(median_place(&[]), None);
    }
}
