//! One death's own prediction, from where in the check's rhythm it fell.

use super::meets::{self, Meets};
use super::polling::Polling;
use super::{NoTheory, Window, gaps};
use crate::core::{CheckSettings, Schedule};
use router::clock::Timestamp;
use router::fault::Spec;
use router::record::Fault;
use std::borrow::Cow;
use std::time::Duration;

/// Where a death fell between the checks of its router. Of a load balancer that does not tell when its checks end, the
/// router's own log of their arrival does for both: it answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The last check had started and ended this long before the death.
    Between {
        since_start: Duration,
        since_end: Duration,
    },
    /// A check was under way; it had started this long before.
    InFlight { since_start: Duration },
    /// The same, but the router had answered before it died: the balancer read the answer `after` the death, and took it
    /// for a success.
    Answered { since_start: Duration, after: Duration },
}

impl Phase {
    /// `started` and `ended` are of the last check that started before the death, `passed` is what came of it.
    pub fn of(death: Timestamp, started: Timestamp, ended: Timestamp, passed: bool) -> Phase {
        let since_start = death.since(started);
        if ended < death {
            let since_end = death.since(ended);
            Phase::Between {
                since_start,
                since_end,
            }
        } else if passed {
            let after = ended.since(death);
            Phase::Answered { since_start, after }
        } else {
            Phase::InFlight { since_start }
        }
    }
}

/// `t_detect` of one death by health checks alone, exact when the checks keep time.
pub fn predict(check: &CheckSettings, fault: Fault, phase: Phase) -> Result<Duration, NoTheory> {
    let polling = Polling {
        check: Cow::Borrowed(check),
        meets: meets::check(check, &Spec::new(fault))?,
        victims: 1,
    };
    polling.predict(phase)
}

impl Polling<'_> {
    /// First sign of the fault → Down for one fault. A check under way fails at once where those after it do, and runs
    /// into its timeout where they do.
    pub(super) fn predict(&self, phase: Phase) -> Result<Duration, NoTheory> {
        if self.check.probers > 1 {
            return Err(NoTheory::SeveralCheckers);
        }
        if let Some(why) = self.irregular() {
            return Err(why);
        }
        let CheckSettings {
            interval,
            timeout,
            schedule,
            ..
        } = *self.check;
        if schedule == Schedule::Deadline && !self.at_once() {
            return Ok(match phase {
                Phase::Answered { after, .. } => timeout + after,
                _ => timeout.saturating_sub(phase.since_success(interval)),
            });
        }
        let more = self.fall() - 1;
        let rest = || Ok::<_, NoTheory>(self.start_of(more)?.mean + self.last().mean);
        let hung = self.meets == Meets::Silence;
        Ok(match (phase, schedule) {
            (Phase::Between { since_end, .. }, Schedule::End) => interval.saturating_sub(since_end) + rest()?,
            (Phase::Between { since_start, .. }, _) => interval.saturating_sub(since_start) + rest()?,
            (Phase::Answered { after, .. }, Schedule::End) => after + interval + rest()?,
            (Phase::Answered { since_start, after }, _) => {
                let age = since_start + after;
                let next = match gaps::in_rounds(&self.check) {
                    true => interval.max(age),
                    false => gaps::next_tick(age, interval, interval),
                };
                next - since_start + rest()?
            }
            (Phase::InFlight { since_start }, _) if hung => rest()?.saturating_sub(since_start),
            (Phase::InFlight { .. }, Schedule::End) => rest()?,
            (Phase::InFlight { .. }, _) if more == 0 => Duration::ZERO,
            (Phase::InFlight { since_start }, _) => {
                let fast = self.check.fall_interval.unwrap_or(interval);
                let next = match gaps::in_rounds(&self.check) {
                    true => interval.max(since_start),
                    false => gaps::next_tick(since_start, interval, fast),
                };
                next - since_start + self.start_of(more - 1)?.mean
            }
        })
    }
}

impl Phase {
    /// How long before the death a check was last known to have succeeded, under a steady rhythm.
    fn since_success(self, interval: Duration) -> Duration {
        match self {
            Phase::Between { since_end, .. } => since_end,
            Phase::InFlight { since_start } => since_start + interval,
            Phase::Answered { .. } => Duration::ZERO,
        }
    }
}

impl Window {
    /// Whether `time` lies in the window, give or take `slack`.
    pub fn contains(&self, time: Duration, slack: Duration) -> bool {
        time + slack >= self.min && time <= self.max + slack
    }
}
