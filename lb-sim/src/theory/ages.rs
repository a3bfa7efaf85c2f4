//! How old a router's last check is at a random moment, where the gaps between checks are random.

use super::gaps::Gaps;
use crate::core::CheckSettings;
use std::time::Duration;

/// The age of the last check of an Up router as a random variable: from its start, under `end` from its end.
///
/// A moment falls into a gap G with a probability in proportion to its length, and anywhere in it alike: the age has the
/// density P(G > a) / E\[G\]. Whoever waits so long after a check, and begins anew after the next one if that comes first,
/// has met a gap as a random moment meets it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ages {
    /// Seconds: of the shortest gap, and the widths of what spread and jitter add.
    least: f64,
    widths: [f64; 2],
    /// Few gaps are longer: an age beyond it would be waited for through too many of them.
    most: f64,
}

/// So many gaps are longer than the greatest age that is asked for.
const LONGER: f64 = 0.05;
/// Halvings of an interval: below a nanosecond of a day.
const HALVINGS: u32 = 50;

impl Ages {
    /// `None`: gaps keep time, and each age up to theirs is as likely; or several check, each at its own time.
    pub fn of(check: &CheckSettings) -> Option<Ages> {
        let gaps = Gaps::new(check);
        if gaps.fixed() || check.probers > 1 {
            return None;
        }
        let (least, widths) = gaps.uniform();
        let mut ages = Ages {
            least,
            widths,
            most: least + widths[0] + widths[1],
        };
        ages.most = ages.first(|ages, age| ages.longer(age) <= LONGER);
        Some(ages)
    }

    /// The age that a `share` of random moments does not exceed.
    pub fn at(&self, share: f64) -> Duration {
        let age = self.first(|ages, age| ages.rest(age) <= (1.0 - share) * ages.rest(0.0));
        Duration::from_secs_f64(age)
    }

    /// The greatest that [`Ages::at`] gives.
    pub fn most(&self) -> Duration {
        Duration::from_secs_f64(self.most)
    }

    /// The least age at which `holds`, which it does for all that are greater; the greatest if for none.
    fn first(&self, holds: impl Fn(&Ages, f64) -> bool) -> f64 {
        let (mut from, mut to) = (0.0, self.most);
        for _ in 0..HALVINGS {
            let middle = (from + to) / 2.0;
            match holds(self, middle) {
                true => to = middle,
                false => from = middle,
            }
        }
        to
    }

    /// P(G > `age`).
    fn longer(&self, age: f64) -> f64 {
        let y = age - self.least;
        if y <= 0.0 {
            return 1.0;
        }
        match self.widths {
            [0.0, w] | [w, 0.0] => ((w - y) / w).max(0.0),
            [s, j] => (self.power(y, 2) / (2.0 * s * j)).clamp(0.0, 1.0),
        }
    }

    /// E\[(G − `age`)₊\], seconds.
    fn rest(&self, age: f64) -> f64 {
        let y = age - self.least;
        let [s, j] = self.widths;
        if y <= 0.0 {
            return (s + j) / 2.0 - y;
        }
        match self.widths {
            [0.0, w] | [w, 0.0] => (w - y).max(0.0).powi(2) / (2.0 * w),
            _ => (self.power(y, 3) / (6.0 * s * j)).max(0.0),
        }
    }

    /// (s + j − y)₊ⁿ − (s − y)₊ⁿ − (j − y)₊ⁿ: the sum of two uniforms.
    fn power(&self, y: f64, n: i32) -> f64 {
        let [s, j] = self.widths;
        let over = |width: f64| (width - y).max(0.0).powi(n);
        over(s + j) - over(s) - over(j)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Settings;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn of(words: &str) -> CheckSettings {
        words.parse::<Settings>().unwrap().check
    }

    /// As a run does it: `n` ages, evenly over their shares; each waited for from check to check until a gap is long enough.
    /// Means of the age and of what was left of the gap, and how many gaps it took.
    fn struck(check: &CheckSettings, n: u32) -> (f64, f64, f64) {
        let (ages, gaps) = (Ages::of(check).unwrap(), Gaps::new(check));
        let (least, [s, j]) = gaps.uniform();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut age, mut left, mut tries) = (0.0, 0.0, 0.0);
        for k in 0..n {
            let wait = ages
                .at((f64::from(k) + random.random::<f64>()) / f64::from(n))
                .as_secs_f64();
            loop {
                tries += 1.0;
                let gap = least + s * random.random::<f64>() + j * random.random::<f64>();
                if gap > wait {
                    age += wait;
                    left += gap - wait;
                    break;
                }
            }
        }
        let n = f64::from(n);
        (age / n, left / n, tries / n)
    }

    #[test]
    fn who_waits_so_long_meets_gaps_as_a_random_moment_does() {
        for words in [
            "interval=1s jitter=1s",
            "interval=1s jitter=5s",
            "interval=2s spread=50%",
            "interval=1s spread=20% jitter=300ms",
            "interval=1s spread=50% jitter=1s",
        ] {
            let check = of(words);
            let wanted = Gaps::new(&check).wait().mean.as_secs_f64();
            let (age, left, tries) = struck(&check, 40_000);
            for mean in [age, left] {
                assert!((mean / wanted - 1.0).abs() < 0.01, "{words}: {mean} for {wanted}");
            }
            assert!(tries < 2.5, "{words}: {tries} gaps a fault");
        }
    }

    #[test]
    fn ages_grow_from_nothing_to_nearly_the_longest_gap() {
        let ages = Ages::of(&of("interval=1s jitter=1s")).unwrap();
        assert_eq!(ages.at(0.0), Duration::ZERO);
        // Up to the shortest gap each is as likely: 1 s of a mean of 1.5 s.
        let third = ages.at(1.0 / 3.0).as_secs_f64();
        assert!((third - 0.5).abs() < 1e-6, "{third}");
        assert_eq!(ages.at(1.0), ages.most());
        let most = ages.most().as_secs_f64();
        assert!((most - 1.95).abs() < 1e-6, "{most}");
    }

    #[test]
    fn of_gaps_that_keep_time_there_is_nothing_to_draw() {
        assert_eq!(Ages::of(&of("interval=1s")), None);
        assert_eq!(Ages::of(&of("interval=1s jitter=1s probers=3")), None);
    }
}
