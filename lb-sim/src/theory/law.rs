//! The moment at which one detector decides, as a random variable, and the earliest of several.

use super::{Bounds, NoTheory, Window};
use std::time::Duration;

/// Steps of the integration between two breaks: exact for polynomials to the third degree, and far below a
/// microsecond's error for arrivals.
const STEPS: u32 = 512;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Law {
    /// Uniform in `[from, to]`; certain where they are equal.
    Uniform { from: Duration, to: Duration },
    /// `after` the arrival number `first + n` of a Poisson stream of `rate` a second, each n below `spread` being as
    /// likely.
    Arrival {
        after: Duration,
        rate: f64,
        first: u32,
        spread: u32,
    },
    /// The `rank`-th of `of` independent moments that are each uniform in `[from, to]`.
    Ranked {
        from: Duration,
        to: Duration,
        rank: u32,
        of: u32,
    },
    /// More is not known.
    Range(Bounds<Duration>),
}

/// The earliest of independent `laws`, which are not empty.
pub(super) fn earliest(laws: &[Law]) -> Bounds<Duration> {
    beyond(laws, Duration::ZERO)
}

/// How far the earliest of `laws` lies beyond `from`; 0 where it does not.
pub(super) fn beyond(laws: &[Law], from: Duration) -> Bounds<Duration> {
    let less = |time: Duration| time.saturating_sub(from);
    let max = laws
        .iter()
        .map(Law::max)
        .min_by_key(|max| max.unwrap_or(Duration::MAX));
    let max = max.unwrap_or(Err(NoTheory::NeverEnds)).map(less);
    let min = laws.iter().map(Law::min).min().map_or(Duration::ZERO, less);
    // Who cannot be first does not matter.
    let latest = max.unwrap_or(Duration::MAX);
    let racers: Vec<&Law> = laws.iter().filter(|law| less(law.min()) < latest).collect();
    if racers.is_empty() {
        // All that is left is certain.
        return Bounds::exactly(latest);
    }
    let mean = match racers[..] {
        [law] if law.min() >= from && law.max().map(less) == max => law.mean().map(less),
        _ => max.and_then(|max| integral(&racers, from, from + max)),
    };
    Bounds { min, mean, max }
}

/// P(`law` comes before a moment uniform in [`from`, `to`]).
pub(super) fn before(law: &Law, from: Duration, to: Duration) -> Result<f64, NoTheory> {
    if to == from {
        return Ok(1.0 - law.survival(from.as_secs_f64()));
    }
    let open = integral(&[law], from, to)?;
    Ok(1.0 - open.as_secs_f64() / (to - from).as_secs_f64())
}

/// ∫ P(all laws > t) dt over t in [`from`, `until`].
fn integral(laws: &[&Law], from: Duration, until: Duration) -> Result<Duration, NoTheory> {
    for law in laws {
        if let Law::Range(bounds) = law {
            return Err(match bounds.mean {
                Err(why) => why,
                Ok(_) => NoTheory::Race,
            });
        }
    }
    let mut breaks: Vec<f64> = laws
        .iter()
        .flat_map(|law| law.breaks())
        .chain([from, until])
        .map(|time| time.clamp(from, until).as_secs_f64())
        .collect();
    breaks.sort_by(f64::total_cmp);
    let open = |t: f64| laws.iter().map(|law| law.survival(t)).product::<f64>();
    let sum: f64 = breaks
        .windows(2)
        .map(|piece| simpson(piece[0], piece[1], open))
        .sum();
    Ok(Duration::from_secs_f64(sum.max(0.0)))
}

fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let width = to - from;
    if width <= 0.0 {
        return 0.0;
    }
    let step = width / f64::from(STEPS);
    // A law jumps only at a break: look at each piece from within.
    let inside = width * 1e-12;
    let at = |i: u32| f((from + step * f64::from(i)).clamp(from + inside, to - inside));
    let middle: f64 = (1..STEPS)
        .map(|i| at(i) * if i % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    (at(0) + middle + at(STEPS)) * step / 3.0
}

impl Law {
    pub fn certain(at: Duration) -> Law {
        Law::Uniform { from: at, to: at }
    }

    /// As likely to be anywhere in `window`.
    pub fn uniform(window: Window) -> Law {
        Law::Uniform {
            from: window.min,
            to: window.max,
        }
    }

    /// So much later.
    pub fn later(self, by: Window) -> Law {
        let sure = (by.min == by.max).then_some(by.min);
        match (self, sure) {
            (Law::Uniform { from, to }, Some(by)) => Law::Uniform {
                from: from + by,
                to: to + by,
            },
            (Law::Ranked { from, to, rank, of }, Some(by)) => Law::Ranked {
                from: from + by,
                to: to + by,
                rank,
                of,
            },
            (
                Law::Arrival {
                    after,
                    rate,
                    first,
                    spread,
                },
                Some(by),
            ) => Law::Arrival {
                after: after + by,
                rate,
                first,
                spread,
            },
            (law, _) => Law::Range(Bounds {
                min: law.min() + by.min,
                mean: law.mean().map(|mean| mean + by.mean),
                max: law.max().map(|max| max + by.max),
            }),
        }
    }

    pub fn min(&self) -> Duration {
        match self {
            Law::Uniform { from, .. } | Law::Ranked { from, .. } => *from,
            Law::Arrival { after, .. } => *after,
            Law::Range(bounds) => bounds.min,
        }
    }

    pub fn max(&self) -> Result<Duration, NoTheory> {
        match self {
            Law::Uniform { to, .. } | Law::Ranked { to, .. } => Ok(*to),
            Law::Arrival { .. } => Err(NoTheory::NoLongestGap),
            Law::Range(bounds) => bounds.max,
        }
    }

    pub fn mean(&self) -> Result<Duration, NoTheory> {
        match self {
            Law::Uniform { from, to } => Ok((*from + *to) / 2),
            Law::Ranked { from, to, rank, of } => Ok(*from + (*to - *from) * *rank / (*of + 1)),
            Law::Arrival {
                after,
                rate,
                first,
                spread,
            } => {
                let arrivals = f64::from(*first) + f64::from(spread - 1) / 2.0;
                Ok(*after + Duration::from_secs_f64(arrivals / rate))
            }
            Law::Range(bounds) => bounds.mean,
        }
    }

    /// P(later than `t` seconds). A [`Law::Range`] has none and is asked by nobody.
    fn survival(&self, t: f64) -> f64 {
        match self {
            Law::Uniform { from, to } => 1.0 - passed(*from, *to, t),
            Law::Ranked { from, to, rank, of } => fewer(passed(*from, *to, t), *rank, *of),
            Law::Arrival {
                after,
                rate,
                first,
                spread,
            } => arrivals_missing((t - after.as_secs_f64()) * rate, *first, *spread),
            Law::Range(_) => 0.0,
        }
    }

    fn breaks(&self) -> Vec<Duration> {
        match self {
            Law::Uniform { from, to } | Law::Ranked { from, to, .. } => vec![*from, *to],
            // Where the arrivals are likely, however long another law goes on.
            Law::Arrival {
                after,
                rate,
                first,
                spread,
            } => {
                let usual = Duration::from_secs_f64(f64::from(first + spread) / rate);
                [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0]
                    .map(|times| *after + usual.mul_f64(times))
                    .to_vec()
            }
            Law::Range(_) => Vec::new(),
        }
    }
}

/// The share of `[from, to]` that is over at `t`.
fn passed(from: Duration, to: Duration, t: f64) -> f64 {
    let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
    if t < from {
        0.0
    } else if t >= to {
        1.0
    } else {
        (t - from) / (to - from)
    }
}

/// P(fewer than `rank` of `of` moments have come) when each has with chance `p`.
fn fewer(p: f64, rank: u32, of: u32) -> f64 {
    let mut binomial = 1.0;
    let mut sum = 0.0;
    for come in 0..rank {
        sum += binomial * p.powi(come as i32) * (1.0 - p).powi((of - come) as i32);
        binomial *= f64::from(of - come) / f64::from(come + 1);
    }
    sum.min(1.0)
}

/// P(a Poisson count of that `mean` is below `first + n`), averaged over n below `spread`.
pub(super) fn arrivals_missing(mean: f64, first: u32, spread: u32) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let mut sum = 0.0;
    let mut log = -mean;
    for count in 0..first + spread - 1 {
        // How many of the arrival numbers are still to come after `count` arrivals.
        let waiting = (first + spread - 1 - count).min(spread);
        sum += log.exp() * f64::from(waiting) / f64::from(spread);
        log += (mean / f64::from(count + 1)).ln();
    }
    sum.min(1.0)
}
