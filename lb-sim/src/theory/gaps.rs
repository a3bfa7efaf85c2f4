//! The gaps between checks as random variables.

use super::{NoTheory, Window};
use crate::core::CheckSettings;
use std::time::Duration;

/// Skipped ticks are counted exactly up to this many per check (Irwin–Hall stays accurate in an `f64`).
pub(super) const EXACT_TICKS: u32 = 16;

/// Gaps uniform in [I, I+J), in seconds.
pub(super) struct Gaps {
    interval: Duration,
    jitter: Duration,
    timeout: Duration,
}

impl Gaps {
    pub fn new(check: &CheckSettings) -> Gaps {
        Gaps {
            interval: check.interval,
            jitter: check.jitter,
            timeout: check.timeout,
        }
    }

    /// One gap.
    pub fn gap(&self) -> Window {
        Window {
            min: self.interval,
            mean: self.interval + self.jitter / 2,
            max: self.interval + self.jitter,
        }
    }

    /// From a random moment to the next check's start.
    pub fn wait(&self) -> Window {
        self.wait_with(Duration::ZERO)
    }

    /// The same where each cycle is a check of `length` and a gap.
    pub fn wait_with(&self, length: Duration) -> Window {
        let mean = if self.jitter.is_zero() {
            (self.interval + length) / 2
        } else {
            let cycle = self.mean() + length.as_secs_f64();
            Duration::from_secs_f64((cycle * cycle + self.variance()) / (2.0 * cycle))
        };
        Window {
            min: Duration::ZERO,
            mean,
            max: self.interval + self.jitter + length,
        }
    }

    /// From one hanging check's start to the next under `start`: the first tick at which it has expired.
    pub fn hung_cycle(&self) -> Result<Window, NoTheory> {
        if self.timeout <= self.interval {
            return Ok(self.gap());
        }
        let fewest = ticks(self.timeout, self.interval + self.jitter);
        let most = ticks(self.timeout, self.interval);
        let mean = if self.jitter.is_zero() {
            self.interval * most
        } else if most > EXACT_TICKS {
            return Err(NoTheory::RandomSkips);
        } else {
            // Wald: the mean sum is the mean number of gaps times the mean gap; the number exceeds k exactly when k
            // gaps fall short of the timeout.
            let gaps = 1.0 + (1..=most).map(|k| self.sum_falls_short(k)).sum::<f64>();
            Duration::from_secs_f64(gaps * self.mean())
        };
        let longest =
            self.timeout.min((self.interval + self.jitter) * (most - 1)) + self.interval + self.jitter;
        Ok(Window {
            min: self.timeout.max(self.interval * fewest),
            mean,
            max: if self.jitter.is_zero() { mean } else { longest },
        })
    }

    /// E[G], seconds.
    pub fn mean(&self) -> f64 {
        self.interval.as_secs_f64() + self.jitter.as_secs_f64() / 2.0
    }

    /// E[(G − `less`)²], seconds².
    pub fn square_less(&self, less: Duration) -> f64 {
        let mean = self.mean() - less.as_secs_f64();
        mean * mean + self.variance()
    }

    fn variance(&self) -> f64 {
        self.jitter.as_secs_f64().powi(2) / 12.0
    }

    /// P(k gaps together < T): the Irwin–Hall distribution of k uniforms at (T − kI) / J.
    fn sum_falls_short(&self, k: u32) -> f64 {
        let n = f64::from(k);
        let x = (self.timeout.as_secs_f64() - n * self.interval.as_secs_f64()) / self.jitter.as_secs_f64();
        if x <= 0.0 {
            return 0.0;
        }
        if x >= n {
            return 1.0;
        }
        let (mut sum, mut binomial) = (0.0, 1.0);
        for j in 0..=k {
            let rest = x - f64::from(j);
            if rest <= 0.0 {
                break;
            }
            sum += binomial * rest.powi(k as i32);
            binomial *= -(n - f64::from(j)) / f64::from(j + 1);
        }
        let factorial: f64 = (1..=k).map(f64::from).product();
        (sum / factorial).clamp(0.0, 1.0)
    }
}

/// ⌈time / gap⌉.
pub(super) fn ticks(time: Duration, gap: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(gap.as_nanos().max(1))).unwrap_or(u32::MAX)
}
