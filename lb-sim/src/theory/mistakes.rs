//! How often health checks eject a router that lives but stands still now and then, and for how long.
//!
//! A router is paused for P at exponential gaps of mean g, so for the share s = P/(P+g) of the time. A check that starts
//! at age x of a pause is answered at its end: it fails where x < P−T. Seen at the starts of its checks, a router is a
//! Markov chain: between two pauses, or at an age of one. Where one pause covers F checks in a row, or where at most one
//! check falls into a pause and the others are independent of it, it has the well-known answers ((1−p^F)/((1−p)·p^F)
//! checks, p = (P−T)/(P+g)); the chain knows those and everything between them, exact up to the width of an age.

use super::{NoTheory, gaps};
use crate::core::{Check, CheckSettings, Schedule, Settings};
use std::time::Duration;

mod chain;

use chain::Chain;

/// How a router stands still, without being dead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pauses {
    pub length: Duration,
    /// Of the time, above 0 and below 1.
    pub share: f64,
}

/// A Down while the router lives; Chen's, Toueg's and Aguilera's words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistakes {
    /// T_MR: from one mistake about a router to the next.
    pub recurrence: Duration,
    /// T_M: how long one lasts.
    pub duration: Duration,
}

/// Above this nothing is said: a thousand years.
const LONGEST: f64 = 3.2e10;

/// The mistakes that health checks make about one router that pauses.
pub fn by_pauses(settings: &Settings, pauses: Pauses) -> Result<Mistakes, NoTheory> {
    let check = &settings.check;
    if check.check == Check::Tcp || pauses.length <= check.timeout || pauses.share <= 0.0 {
        return Err(NoTheory::PausesUnseen);
    }
    if !check.jitter.is_zero() {
        return Err(NoTheory::JitteredPauses);
    }
    if settings.detectors.passive && pauses.length > settings.response_timeout {
        return Err(NoTheory::PausesFailAttempts);
    }
    let chain = Chain::new(check, pauses);
    let up = chain.run(check.fall, true, |_, _| check.timeout.as_secs_f64());
    // From the failed check that made it Down, on.
    let back = chain.run(check.rise, false, |_, answer| answer);
    let after = chain.following(&back);
    let down = chain.absorbed(check.fall, true, |at| {
        chain.step(at) - check.timeout.as_secs_f64() + after[at]
    });
    // Its last successful check found it between two pauses.
    let (up, down) = (up[Chain::GAP], down[Chain::GAP]);
    if !(up.is_finite() && down.is_finite() && up > 0.0 && down > 0.0 && up + down < LONGEST) {
        return Err(NoTheory::MistakesTooRare);
    }
    Ok(Mistakes {
        recurrence: Duration::from_secs_f64(up + down),
        duration: Duration::from_secs_f64(down),
    })
}

impl Pauses {
    /// From the end of one to the start of the next.
    pub fn mean_gap(&self) -> Duration {
        self.length.mul_f64((1.0 - self.share) / self.share)
    }

    /// How likely a check at a random moment fails: p.
    pub fn failing_share(&self, timeout: Duration) -> f64 {
        let failing = self.length.saturating_sub(timeout).as_secs_f64();
        failing / (self.length.as_secs_f64() / self.share)
    }
}

impl Mistakes {
    /// False ejections an hour at `routers` routers.
    pub fn per_hour(&self, routers: u32) -> f64 {
        f64::from(routers) * 3600.0 / self.recurrence.as_secs_f64()
    }
}

/// The counts between which a Poisson count of that mean lies with at least 95 %: at most 2.5 % are below, and at most
/// 2.5 % above.
pub fn poisson_95(mean: f64) -> (u64, u64) {
    if mean.is_nan() || mean <= 0.0 {
        return (0, 0);
    }
    let (mut count, mut below, mut log) = (0u64, 0.0, -mean);
    let mut low = None;
    loop {
        let upto = below + log.exp();
        if low.is_none() && upto > 0.025 {
            low = Some(count);
        }
        if 1.0 - upto <= 0.025 {
            return (low.unwrap_or(count), count);
        }
        (below, count) = (upto, count + 1);
        log += (mean / count as f64).ln();
    }
}

/// `end` − `start` of a check that takes `takes`, to the next one's start.
fn cycle(check: &CheckSettings, takes: Duration) -> Duration {
    match check.schedule {
        Schedule::End => check.interval + takes,
        _ => check.interval * gaps::ticks(takes, check.interval).max(1),
    }
}

#[cfg(test)]
mod tests;
