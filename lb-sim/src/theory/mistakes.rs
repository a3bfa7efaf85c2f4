//! How often health checks eject a router that lives but stands still now and then, and for how long.
//!
//! A router is paused for P at exponential gaps of mean g, so for the share s = P/(P+g) of the time. A check that starts
//! at age x of a pause is answered at its end: it fails where x < P−T. Seen at the starts of its checks, a router is a
//! Markov chain: between two pauses, or at an age of one. Where one pause covers F checks in a row, or where at most one
//! check falls into a pause and the others are independent of it, it has the well-known answers ((1−p^F)/((1−p)·p^F)
//! checks, p = (P−T)/(P+g)); the chain knows those and everything between them, exact up to the width of an age.
//!
//! With `counting=cumulative` failures are not forgiven: F/p independent checks, 60 instead of 8,420 at p = 0.05 and
//! F = 3. The fall, down and rise intervals are gaps of their own.

use super::NoTheory;
use super::gaps::{self, Gaps};
use crate::core::{Check, Counting, PassiveOn, Schedule, Settings};
use std::time::Duration;

mod chain;

use chain::{Chain, Course};

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
    // A deadline is missed when a pause outlasts what is left of it after the longest time since a success.
    let bearable = match check.schedule {
        Schedule::Deadline => check.timeout.saturating_sub(Gaps::new(check).gap().max),
        _ => check.timeout,
    };
    if check.check == Check::Tcp || pauses.length <= bearable || pauses.share <= 0.0 {
        return Err(NoTheory::PausesUnseen);
    }
    let attempts = settings.detectors.passive && settings.passive.on != PassiveOn::Connect;
    if attempts && pauses.length > settings.response_timeout {
        return Err(NoTheory::PausesFailAttempts);
    }
    if !Gaps::new(check).fixed() {
        return Err(NoTheory::JitteredPauses);
    }
    let mut gaps = [Gaps::new, Gaps::falling, Gaps::down, Gaps::rising].map(|of| of(check).gap().mean);
    let [interval, falling, down, rising] = gaps;
    gaps.sort();
    // Overlapping checks are none while each ends before the next starts.
    let apart = !gaps::overlaps(check) || check.timeout <= gaps[0];
    let counts = matches!(check.schedule, Schedule::Start | Schedule::End);
    if check.probers > 1 || !counts || !apart {
        return Err(NoTheory::OtherPauses);
    }
    let in_a_row = check.counting == Counting::Consecutive;
    let to_down = Course {
        wanted: check.fall,
        failing: true,
        in_a_row,
        calm: interval,
        pending: falling,
    };
    let to_up = Course {
        wanted: check.rise,
        failing: false,
        in_a_row,
        calm: down,
        pending: rising,
    };
    let chain = Chain::new(check, pauses);
    let timeout = check.timeout.as_secs_f64();
    let up = chain.run(to_down, |_| timeout);
    // From the failed check that made it Down, on.
    let back = chain.run(to_up, |answer| answer);
    let last_gap = if check.fall == 1 { interval } else { falling };
    let first_down = chain.link(last_gap, down);
    let after = first_down.following(&back);
    let down = chain.absorbed(to_down, |at| first_down.step[at] - timeout + after[at]);
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

#[cfg(test)]
mod tests;
