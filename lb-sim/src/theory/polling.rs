//! When health checks find a router Down: one checker, and several.

use super::gaps::{self, Gaps};
use super::law::Law;
use super::meets::{self, Meets};
use super::{Bounds, NoTheory, Window};
use crate::core::{CheckSettings, Schedule};
use std::borrow::Cow;
use std::time::Duration;

/// The checks of a router since it became faulty.
#[derive(Clone, Debug)]
pub(super) struct Polling<'a> {
    pub check: Cow<'a, CheckSettings>,
    pub meets: Meets,
    /// Routers that met with the same at the same time, this one among them.
    pub victims: u32,
}

impl Polling<'_> {
    /// First sign of the fault → Down, as one checker finds it.
    pub fn one(&self) -> Result<Window, NoTheory> {
        let gaps = Gaps::new(&self.check);
        let wait = gaps.wait();
        if self.check.schedule == Schedule::Deadline && !self.at_once() {
            return self.deadline(&gaps.gap(), &wait);
        }
        Ok(wait + self.start_of(self.fall() - 1)? + self.last())
    }

    /// The same as all checkers find it who have a say: every one, or as many as must agree.
    pub fn law(&self) -> Result<Law, NoTheory> {
        let one = self.one()?;
        let of = self.check.probers;
        let rank = self.check.agreement.unwrap_or(of);
        Ok(match (self.irregular(), of) {
            (None, 1) => Law::uniform(one),
            (None, _) => Law::Ranked {
                from: one.min,
                to: one.max,
                rank,
                of,
            },
            (Some(_), 1) => Law::Range(one.into()),
            (Some(why), _) => Law::Range(Bounds {
                min: one.min,
                mean: Err(why),
                max: Ok(one.max),
            }),
        })
    }

    /// The same as seen by the requests: where each checker decides for its share of them, the average share waits for
    /// one checker.
    pub fn share(&self) -> Result<Law, NoTheory> {
        match (self.check.agreement, self.irregular()) {
            (Some(_), _) => self.law(),
            (None, None) => Ok(Law::uniform(self.one()?)),
            (None, Some(_)) => Ok(Law::Range(self.one()?.into())),
        }
    }

    /// Failed checks that it takes.
    pub fn fall(&self) -> u32 {
        if self.at_once() { 1 } else { self.check.fall }
    }

    /// From the start of the first failing check to that of the `n`-th after it.
    pub fn start_of(&self, n: u32) -> Result<Window, NoTheory> {
        let check = &*self.check;
        let (gaps, falling, timeout) = (Gaps::new(check), Gaps::falling(check), check.timeout);
        let in_time = timeout <= gaps.gap().min.min(falling.gap().min);
        match (self.meets, check.schedule) {
            _ if n == 0 => Ok(Window::ZERO),
            (Meets::Refused | Meets::Status, _) => Ok(falling.gap() * n),
            (Meets::Silence, Schedule::End) => Ok((falling.gap() + timeout) * n),
            (Meets::Silence, Schedule::Batch | Schedule::BatchByState) => {
                let round = timeout * self.victims;
                // A ticker counts on while a round takes longer: one tick that was late makes the next gap shorter.
                if check.schedule == Schedule::BatchByState && !gaps.fixed() && round > gaps.gap().min {
                    return Err(NoTheory::RandomSkips);
                }
                Ok(gaps.at_least(round)? * n)
            }
            (Meets::Silence, _) if in_time => Ok(falling.gap() * n),
            (Meets::Silence, _) if check.fall_interval.is_none() && gaps::overlaps(check) => {
                Ok(gaps.gap() * n)
            }
            (Meets::Silence, _) if check.fall_interval.is_none() => Ok(gaps.hung_cycle()? * n),
            (Meets::Silence, _) if !gaps.fixed() => Err(NoTheory::TwoRhythms),
            (Meets::Silence, _) => {
                let (interval, fast) = (check.interval, falling.gap().mean);
                let first = gaps::next_tick(timeout, interval, fast);
                // With overlap some have started before the first was known to fail.
                let blind = gaps::ticks(timeout, interval) - 1;
                Ok(Window::exactly(match gaps::overlaps(check) {
                    true if n <= blind => interval * n,
                    true => first + fast * (n - 1 - blind),
                    false => first + falling.hung_cycle()?.mean * (n - 1),
                }))
            }
        }
    }

    /// From the start of the last failing check, or of its round, to its end.
    pub fn last(&self) -> Window {
        let CheckSettings {
            timeout, schedule, ..
        } = *self.check;
        match (self.meets, schedule) {
            (Meets::Refused | Meets::Status, _) => Window::ZERO,
            (Meets::Silence, Schedule::Batch | Schedule::BatchByState) => Window {
                min: timeout,
                mean: timeout * (self.victims + 1) / 2,
                max: timeout * self.victims,
            },
            (Meets::Silence, _) => Window::exactly(timeout),
        }
    }

    /// Why the time is not as likely to be anywhere in its window.
    pub fn irregular(&self) -> Option<NoTheory> {
        let batch = gaps::in_rounds(&self.check);
        if !Gaps::new(&self.check).fixed() {
            Some(NoTheory::RandomGaps)
        } else if batch && self.meets == Meets::Silence && self.victims > 1 {
            Some(NoTheory::PlaceInRound)
        } else {
            None
        }
    }

    pub fn at_once(&self) -> bool {
        meets::decides(&self.check, self.meets)
    }

    /// A deadline later than the last success, which was as long ago as the next check is ahead.
    fn deadline(&self, gap: &Window, wait: &Window) -> Result<Window, NoTheory> {
        let deadline = self.check.timeout;
        let rest = |ago: Duration| deadline.checked_sub(ago).ok_or(NoTheory::DeadlineTooShort);
        Ok(Window {
            min: rest(gap.max)?,
            mean: rest(wait.mean)?,
            max: deadline,
        })
    }
}
