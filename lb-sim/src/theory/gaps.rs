//! The gaps between checks as random variables.

use super::{NoTheory, Window};
use crate::core::{CheckSettings, Schedule};
use std::time::Duration;

/// Skipped ticks are counted exactly up to this many per check (Irwin–Hall stays accurate in an `f64`).
pub(super) const EXACT_TICKS: u32 = 16;

/// Gaps of G = I·(1 ± S) + J·V: one uniform random share of the spread, one of the jitter.
pub(super) struct Gaps {
    least: Duration,
    /// From the least to the most that the spread makes of I.
    spread: Duration,
    jitter: Duration,
    timeout: Duration,
}

impl Gaps {
    /// Of an Up router without pending failures.
    pub fn new(check: &CheckSettings) -> Gaps {
        Gaps::of(check, check.interval)
    }

    /// Of an Up router with failures pending. Rounds are the same for all that are Up.
    pub fn falling(check: &CheckSettings) -> Gaps {
        let own = check.fall_interval.filter(|_| !in_rounds(check));
        Gaps::of(check, own.unwrap_or(check.interval))
    }

    /// Of a Down router.
    pub fn down(check: &CheckSettings) -> Gaps {
        let own = check.down_interval.filter(|_| check.schedule != Schedule::Batch);
        Gaps::of(check, own.unwrap_or(check.interval))
    }

    /// Of a Down router with successes pending.
    pub fn rising(check: &CheckSettings) -> Gaps {
        if in_rounds(check) {
            return Gaps::down(check);
        }
        Gaps::of(check, check.rise_interval.unwrap_or(check.interval))
    }

    fn of(check: &CheckSettings, interval: Duration) -> Gaps {
        let to_either_side = interval.mul_f64(check.spread.fraction());
        Gaps {
            least: interval - to_either_side,
            spread: to_either_side * 2,
            jitter: check.jitter,
            timeout: check.timeout,
        }
    }

    /// One gap.
    pub fn gap(&self) -> Window {
        Window {
            min: self.least,
            mean: self.least + (self.spread + self.jitter) / 2,
            max: self.most(),
        }
    }

    /// From a random moment to the next check's start; and from the last one's to a random moment.
    pub fn wait(&self) -> Window {
        let mean = if self.fixed() {
            self.least / 2
        } else {
            Duration::from_secs_f64(self.square_less(Duration::ZERO) / (2.0 * self.mean()))
        };
        Window {
            min: Duration::ZERO,
            mean,
            max: self.most(),
        }
    }

    /// From one hanging check's start to the next under `start`: the first tick at which it has expired.
    pub fn hung_cycle(&self) -> Result<Window, NoTheory> {
        if self.timeout <= self.least {
            return Ok(self.gap());
        }
        let fewest = ticks(self.timeout, self.most());
        let most = ticks(self.timeout, self.least);
        let mean = if self.fixed() {
            self.least * most
        } else if most > EXACT_TICKS || self.two_fold() {
            return Err(NoTheory::RandomSkips);
        } else {
            // Wald: the mean sum is the mean number of gaps times the mean gap; the number exceeds k exactly when k
            // gaps fall short of the timeout.
            let gaps = 1.0 + (1..=most).map(|k| self.sum_falls_short(k)).sum::<f64>();
            Duration::from_secs_f64(gaps * self.mean())
        };
        let longest = self.timeout.min(self.most() * (most - 1)) + self.most();
        Ok(Window {
            min: self.timeout.max(self.least * fewest),
            mean,
            max: if self.fixed() { mean } else { longest },
        })
    }

    /// One gap, or `least` where that is longer: the rounds of a batch that takes so long.
    pub fn at_least(&self, least: Duration) -> Result<Window, NoTheory> {
        let gap = self.gap();
        let mean = if least <= gap.min || least >= gap.max {
            gap.mean.max(least)
        } else if self.two_fold() {
            return Err(NoTheory::RandomSkips);
        } else {
            let [from, to, least] = [gap.min, gap.max, least].map(|time| time.as_secs_f64());
            let longer = (to * to - least * least) / 2.0;
            Duration::from_secs_f64((least * (least - from) + longer) / (to - from))
        };
        Ok(Window {
            min: gap.min.max(least),
            mean,
            max: gap.max.max(least),
        })
    }

    /// The shortest in seconds, and the widths of the two uniforms that are added.
    pub fn uniform(&self) -> (f64, [f64; 2]) {
        let widths = [self.spread, self.jitter].map(|width| width.as_secs_f64());
        (self.least.as_secs_f64(), widths)
    }

    /// Whether they keep time.
    pub fn fixed(&self) -> bool {
        self.spread.is_zero() && self.jitter.is_zero()
    }

    /// E[G], seconds.
    pub fn mean(&self) -> f64 {
        self.least.as_secs_f64() + (self.spread.as_secs_f64() + self.jitter.as_secs_f64()) / 2.0
    }

    /// E[(G − `less`)²], seconds².
    pub fn square_less(&self, less: Duration) -> f64 {
        let mean = self.mean() - less.as_secs_f64();
        mean * mean + self.variance()
    }

    fn most(&self) -> Duration {
        self.least + self.spread + self.jitter
    }

    fn variance(&self) -> f64 {
        (self.spread.as_secs_f64().powi(2) + self.jitter.as_secs_f64().powi(2)) / 12.0
    }

    /// Not uniform: a sum of two that are.
    fn two_fold(&self) -> bool {
        !self.spread.is_zero() && !self.jitter.is_zero()
    }

    /// P(k gaps together < T): the Irwin–Hall distribution of k uniforms at (T − k·least) / width.
    fn sum_falls_short(&self, k: u32) -> f64 {
        let n = f64::from(k);
        let width = (self.spread + self.jitter).as_secs_f64();
        let x = (self.timeout.as_secs_f64() - n * self.least.as_secs_f64()) / width;
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

/// Whether routers are checked one after the other.
pub(super) fn in_rounds(check: &CheckSettings) -> bool {
    matches!(check.schedule, Schedule::Batch | Schedule::BatchByState)
}

/// Whether what is believed makes a difference to the gap.
pub(super) fn by_belief(check: &CheckSettings) -> bool {
    check.fall_interval.is_some() || check.down_interval.is_some() || check.rise_interval.is_some()
}

/// Whether a check starts although one is under way.
pub(super) fn overlaps(check: &CheckSettings) -> bool {
    match check.schedule {
        Schedule::Start => check.overlap,
        Schedule::Deadline => true,
        Schedule::End | Schedule::Batch | Schedule::BatchByState => false,
    }
}

/// From the start of a check that ends at that `age` to the next one's, where ticks come at a fixed rate, those before
/// it ended every `before` and the next one `after`: a tick that was armed is moved when what is believed changes.
pub(super) fn next_tick(age: Duration, before: Duration, after: Duration) -> Duration {
    let passed = ticks(age, before).max(1) - 1;
    age.max(before * passed + after)
}

/// ⌈time / gap⌉.
pub(super) fn ticks(time: Duration, gap: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(gap.as_nanos().max(1))).unwrap_or(u32::MAX)
}
