//! PURE: when requests are meant to leave.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use std::time::Duration;

/// How intended send times follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrivals {
    /// Exactly 1/rate apart.
    Constant,
    /// Independent, exponentially distributed gaps with mean 1/rate.
    Poisson,
}

/// Intended send times at a rate; the same seed gives the same gaps.
pub struct Schedule {
    arrivals: Arrivals,
    random: ChaCha8Rng,
    /// Where the current rate began; constant times are multiples of the gap from here, so nothing adds up.
    base: Timestamp,
    steps: u64,
    last: Timestamp,
    rate: f64,
}

impl Schedule {
    /// Idle: [`Schedule::restart`] sets a rate.
    pub fn new(arrivals: Arrivals, seed: u64) -> Schedule {
        let zero = Timestamp(0);
        let random = ChaCha8Rng::seed_from_u64(seed);
        Schedule {
            arrivals,
            random,
            base: zero,
            steps: 0,
            last: zero,
            rate: 0.0,
        }
    }

    /// From `now` on at `rate` a second (0: never). The first constant time keeps the new gap to the last time.
    pub fn restart(&mut self, now: Timestamp, rate: f64) {
        self.rate = rate;
        self.steps = 0;
        self.base = match self.arrivals {
            // Memoryless: what has passed of the old gap says nothing.
            Arrivals::Poisson => now,
            Arrivals::Constant if rate > 0.0 => self
                .last
                .max(now - Duration::from_secs_f64((1.0 / rate).min(1e6))),
            Arrivals::Constant => now,
        };
        self.last = self.base;
    }

    /// The next intended time, `None` while idle.
    pub fn advance(&mut self) -> Option<Timestamp> {
        if self.rate <= 0.0 {
            return None;
        }
        let gap_ns = 1e9 / self.rate;
        self.last = match self.arrivals {
            Arrivals::Constant => {
                self.steps += 1;
                Timestamp(self.base.0 + (self.steps as f64 * gap_ns).round() as u64)
            }
            Arrivals::Poisson => {
                // 53 random bits make a uniform number in [0, 1); 1 − u is never 0.
                let uniform = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                Timestamp(self.last.0 + (-(1.0 - uniform).ln() * gap_ns).round() as u64)
            }
        };
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(arrivals: Arrivals, seed: u64, count: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(arrivals, seed);
        schedule.restart(Timestamp(1_000_000_000_000), 200.0);
        let times: Vec<u64> = (0..count).map(|_| schedule.advance().unwrap().0).collect();
        times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64 / 1e9)
            .collect()
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_variance_of_an_exponential() {
        let gaps = gaps(Arrivals::Poisson, 7, 100_000);
        let n = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        // Standard errors at n = 100,000: mean 0.3 %, variance 0.9 %.
        assert!((mean / 0.005 - 1.0).abs() < 0.015, "mean {mean}");
        assert!(
            (variance / 0.005f64.powi(2) - 1.0).abs() < 0.045,
            "variance {variance}"
        );
    }

    #[test]
    fn same_seed_same_times_other_seed_other_times() {
        assert_eq!(gaps(Arrivals::Poisson, 1, 1000), gaps(Arrivals::Poisson, 1, 1000));
        assert_ne!(gaps(Arrivals::Poisson, 1, 1000), gaps(Arrivals::Poisson, 2, 1000));
    }

    #[test]
    fn constant_times_do_not_drift() {
        let mut schedule = Schedule::new(Arrivals::Constant, 0);
        schedule.restart(Timestamp(5), 3.0);
        let third = (0..3_000_000).filter_map(|_| schedule.advance()).last();
        // The base lies one gap before, but never before the clock's zero.
        assert_eq!(third, Some(Timestamp(1_000_000 * 1_000_000_000)));
    }

    #[test]
    fn a_new_rate_keeps_its_gap_to_the_last_time_and_zero_is_idle() {
        let mut schedule = Schedule::new(Arrivals::Constant, 0);
        schedule.restart(Timestamp(10_000_000_000), 10.0);
        let first = schedule.advance().unwrap();
        assert_eq!(first, Timestamp(10_000_000_000));
        schedule.restart(first + Duration::from_millis(1), 100.0);
        assert_eq!(schedule.advance(), Some(first + Duration::from_millis(10)));
        schedule.restart(first, 0.0);
        assert_eq!(schedule.advance(), None);
    }
}
