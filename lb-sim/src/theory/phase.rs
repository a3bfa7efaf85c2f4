//! One death's own prediction, from where in the check's rhythm it fell.

use super::meets::{self, Meets};
use super::{NoTheory, Window, gaps};
use crate::core::{CheckSettings, Schedule};
use router::clock::Timestamp;
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// Where a death fell between the checks of its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The last check had started and ended this long before the death.
    Between {
        since_start: Duration,
        since_end: Duration,
    },
    /// A check was under way; it had started this long before.
    InFlight { since_start: Duration },
}

impl Phase {
    /// `started` and `ended` are of the last check that started before the death.
    pub fn of(death: Timestamp, started: Timestamp, ended: Timestamp) -> Phase {
        let since_start = death.since(started);
        if ended < death {
            let since_end = death.since(ended);
            Phase::Between {
                since_start,
                since_end,
            }
        } else {
            Phase::InFlight { since_start }
        }
    }
}

/// `t_detect` of one death by health checks alone, exact when the checks keep time.
pub fn predict(check: &CheckSettings, fault: Fault, phase: Phase) -> Result<Duration, NoTheory> {
    predicted(check, meets::check(check, &Spec::new(fault))?, phase)
}

/// A check under way fails at once where those after it do, and runs into its timeout where they do.
pub(super) fn predicted(check: &CheckSettings, meets: Meets, phase: Phase) -> Result<Duration, NoTheory> {
    if !check.jitter.is_zero() {
        return Err(NoTheory::RandomGaps);
    }
    let CheckSettings {
        interval,
        timeout,
        fall,
        schedule,
        ..
    } = *check;
    let hung = meets == Meets::Silence;
    let cycle = match (schedule, hung) {
        (Schedule::End, true) => interval + timeout,
        (_, true) => interval * gaps::ticks(timeout, interval),
        (_, false) => interval,
    };
    // What the last of `fall` failing checks costs from its start.
    let last = if hung { timeout } else { Duration::ZERO };
    Ok(match (phase, schedule) {
        (Phase::Between { since_end, .. }, Schedule::End) => {
            interval.saturating_sub(since_end) + cycle * (fall - 1) + last
        }
        (Phase::Between { since_start, .. }, _) => {
            interval.saturating_sub(since_start) + cycle * (fall - 1) + last
        }
        (Phase::InFlight { since_start }, _) if hung => {
            (cycle * (fall - 1) + last).saturating_sub(since_start)
        }
        (Phase::InFlight { .. }, Schedule::End) => cycle * (fall - 1),
        (Phase::InFlight { .. }, _) if fall == 1 => Duration::ZERO,
        (Phase::InFlight { since_start }, _) => {
            let next_tick = interval * gaps::ticks(since_start, interval).max(1);
            next_tick.saturating_sub(since_start) + cycle * (fall - 2)
        }
    })
}

impl Window {
    /// Whether `time` lies in the window, give or take `slack`.
    pub fn contains(&self, time: Duration, slack: Duration) -> bool {
        time + slack >= self.min && time <= self.max + slack
    }
}
