//! When failed attempts take a router out of use: at the K-th that counts.
//!
//! Round robin gives a router every N-th request, and retries at others pass nobody's turn. Constant arrivals make the
//! K-th attempt uniform in [(K−1)·g, K·g), g = N/rate. Of Poisson arrivals the first that is ours is as likely to be any
//! of the next N: (K−1)·g + (g + 1/rate)/2 on average, without a longest.
//!
//! | `passive-counting` | constant arrivals | Poisson arrivals |
//! |---|---|---|
//! | `row`, `quiet` (all of a dead router's attempts fail: nothing forgets) | the K-th | the K-th |
//! | `window` W | the K-th where (K−1)·g < W, otherwise never | the K-th where W is never too short for K, otherwise at the earliest |
//!
//! | `passive-action` | out of use |
//! |---|---|
//! | `eject`, `mark-down` | at the K-th attempt |
//! | `fastinter` | F checks later, each after the fall interval: the K-th attempt + F·If, and what hanging checks take |
//! | `fail-check`, `sudden-death` | F = 1: at the K-th attempt; otherwise between the first that says something and F·K attempts (`sudden-death`: 2·K), or the K-th and the checks it hastens |

use super::case::Case;
use super::gaps::Gaps;
use super::law::{self, Law};
use super::meets::{self, Meets};
use super::polling::Polling;
use super::{Bounds, NoTheory};
use crate::core::{
    Balance, Mode, OnFailure, PassiveAction, PassiveCounting, PassiveReturn, RetryTo, Schedule,
};
use crate::theory::load::{Arrivals, Connections};
use router::record::Fault;
use std::cmp::Ordering;
use std::time::Duration;

/// What is less likely than this does not happen.
const NEVER: f64 = 1e-9;
/// More seconds than this do not pass: a thousand years.
const LONGEST: f64 = 3.2e10;
/// As long as a response may take: it stands for no limit.
const WITHOUT_LIMIT: Duration = Duration::from_secs(86_400);

impl Case<'_> {
    /// When failed attempts take the router out of use, or why they never do.
    pub(super) fn passive(&self) -> Result<Law, NoTheory> {
        let passive = &self.settings.passive;
        let law = self.failure(passive.failures)?;
        if self.attempts_decide() {
            return Ok(law);
        }
        let polling = match self.polling() {
            Ok(polling) => polling,
            Err(why) if !why.is_never() => return Err(why),
            Err(_) if passive.action == PassiveAction::FastInter => return Err(NoTheory::ChecksPass),
            Err(_) => return Err(NoTheory::ChecksForgive),
        };
        if passive.action == PassiveAction::FastInter {
            self.hastened(law, &polling)
        } else {
            self.counted(law, &polling)
        }
    }

    /// Whether the K-th failed attempt is all that it takes.
    pub(super) fn attempts_decide(&self) -> bool {
        match self.settings.passive.action {
            PassiveAction::Eject | PassiveAction::MarkDown => true,
            PassiveAction::FailCheck | PassiveAction::SuddenDeath => self.settings.check.fall == 1,
            PassiveAction::FastInter => false,
        }
    }

    /// The K-th failed attempt brings the next check after the fall interval, and those after it come as they do anyway.
    fn hastened(&self, attempts: Law, polling: &Polling) -> Result<Law, NoTheory> {
        let check = &*polling.check;
        let (sooner, fall) = (Gaps::falling(check).gap(), polling.fall());
        match check.schedule {
            // HAProxy brings a check forward where fastinter is set.
            _ if check.fall_interval.is_none() => return Err(NoTheory::ChecksPass),
            Schedule::Deadline if !polling.at_once() => return Err(NoTheory::ChecksPass),
            Schedule::Start | Schedule::Deadline
                if polling.meets == Meets::Silence && check.timeout > sooner.min =>
            {
                return Ok(between(attempts.min(), polling.law()?.max()));
            }
            Schedule::Start | Schedule::End | Schedule::Deadline if check.probers == 1 => {}
            // Whose check is brought forward, and what that does to the round, is not said: sooner than by polling alone.
            _ => {
                let polled = polling.law()?;
                return Ok(between(attempts.min().min(polled.min()), polled.max()));
            }
        }
        let more = polling.start_of(fall - 1)? + polling.last();
        Ok(attempts.later(sooner + more))
    }

    /// The K-th failed attempt counts as a failed check and brings the next after the fall interval, and so does every
    /// K-th after it.
    fn counted(&self, attempts: Law, polling: &Polling) -> Result<Law, NoTheory> {
        let passive = &self.settings.passive;
        let rows = match passive.action {
            PassiveAction::SuddenDeath => 2,
            _ => polling.check.fall,
        };
        let polled = polling.law()?;
        let by_attempts = self.failure(passive.failures.saturating_mul(rows))?.max();
        let mut most = vec![by_attempts, polled.max()];
        if polling.check.probers == 1 && polling.check.schedule != Schedule::Deadline {
            // At worst no check is under way at the K-th, and each that follows hangs.
            let each = Gaps::falling(&polling.check).gap().max + polling.last().max;
            most.push(attempts.max().map(|max| max + each * (rows - 1)));
        }
        let known = most.iter().filter_map(|max| max.ok()).min();
        let min = attempts.min().min(polled.min());
        Ok(between(min, known.ok_or(NoTheory::NoLongestGap)))
    }

    /// When the K-th attempt that counts has failed, K = `failures`.
    pub(super) fn failure(&self, failures: u32) -> Result<Law, NoTheory> {
        let traffic = &self.traffic;
        let meets = meets::failed_attempt(self.settings, self.spec)?;
        let allowed = self.may_be_ejected();
        if allowed == 0 {
            return Err(NoTheory::NoneMayBeEjected);
        }
        if traffic.rate <= 0.0 {
            return Err(NoTheory::NoTraffic);
        }
        if f64::from(failures) * f64::from(traffic.routers) / traffic.rate > LONGEST {
            return Err(NoTheory::AttemptsTooSeldom);
        }
        if self.connections_stay() {
            return Err(NoTheory::ConnectionsStay);
        }
        let forgets = self.forgets(failures)?;
        let mut after = if self.spec.fault == Fault::Drain {
            self.drain_wait
        } else {
            Duration::ZERO
        };
        if meets == Meets::Silence {
            after += self.gives_up()?;
        }
        let arrivals = |n: f64| Duration::from_secs_f64(n / traffic.rate);
        let (n, more) = (f64::from(traffic.routers), f64::from(failures - 1));
        let unknown = |fewest: f64, most: Result<f64, NoTheory>, why: NoTheory| {
            Law::Range(Bounds {
                min: match traffic.arrivals {
                    Arrivals::Constant => after + arrivals(fewest),
                    Arrivals::Poisson => after,
                },
                mean: Err(why),
                max: match (traffic.arrivals, most) {
                    (Arrivals::Constant, Ok(most)) => Ok(after + arrivals(most)),
                    (Arrivals::Constant, Err(why)) => Err(why),
                    (Arrivals::Poisson, _) => Err(NoTheory::NoLongestGap),
                },
            })
        };
        let whole = n * (more + 1.0);
        if let Some(why) = forgets {
            return Ok(unknown(more, Err(why), why));
        }
        if self.settings.balance == Balance::LeastConnections {
            return Ok(unknown(more, Err(NoTheory::UnevenShare), NoTheory::UnevenShare));
        }
        if self.victims > allowed {
            return Ok(unknown(more, Err(NoTheory::SomeStay), NoTheory::SomeStay));
        }
        if self.retries_come_back() {
            return Ok(unknown(0.0, Ok(whole), NoTheory::RetriesComeBack));
        }
        if self.victims > 1 {
            // Those that are noticed first leave their share to the others.
            return Ok(unknown(more, Ok(whole), NoTheory::SeveralVictims));
        }
        let before = traffic.routers.saturating_mul(failures - 1);
        Ok(match traffic.arrivals {
            Arrivals::Constant => Law::Uniform {
                from: after + arrivals(before.into()),
                to: after + arrivals(whole),
            },
            Arrivals::Poisson => Law::Arrival {
                after,
                rate: traffic.rate,
                first: before + 1,
                spread: traffic.routers,
            },
        })
    }

    /// How long an attempt without an answer lasts until it has failed.
    fn gives_up(&self) -> Result<Duration, NoTheory> {
        let (timeout, patience) = (self.settings.response_timeout, self.patience);
        match patience.time.cmp(&timeout) {
            _ if patience.outlived => {}
            Ordering::Less => return Err(NoTheory::ClientsLeaveFirst),
            Ordering::Equal => return Err(NoTheory::SamePatience),
            Ordering::Greater => {}
        }
        (timeout < WITHOUT_LIMIT)
            .then_some(timeout)
            .ok_or(NoTheory::AttemptsWait)
    }

    /// How many routers failed attempts may take out of use at a time.
    fn may_be_ejected(&self) -> u32 {
        let passive = &self.settings.passive;
        let routers = self.traffic.routers;
        if passive.back == PassiveReturn::Trial && routers == 1 {
            // nginx keeps the only one.
            0
        } else if passive.action == PassiveAction::Eject {
            let share = passive.max_ejected.of(routers as usize) as u32;
            share.max(passive.least_ejected).min(routers)
        } else {
            routers
        }
    }

    /// Whether requests go where their connections went.
    pub(super) fn connections_stay(&self) -> bool {
        self.settings.mode == Mode::Tcp && self.traffic.connections == Connections::Kept
    }

    /// Whether some of the attempts are made at the router that failed already.
    fn retries_come_back(&self) -> bool {
        let retries = matches!(
            self.settings.on_failure,
            OnFailure::Retry | OnFailure::RetryConnect
        );
        retries && (self.traffic.routers == 1 || self.settings.retry.to != RetryTo::Other)
    }

    /// Why the first of `failures` may be forgotten before the last has come; an error where it always is.
    fn forgets(&self, failures: u32) -> Result<Option<NoTheory>, NoTheory> {
        let passive = &self.settings.passive;
        if passive.counting != PassiveCounting::Window || failures == 1 {
            return Ok(None);
        }
        // Arrivals from the first of them to the last, and how many the window has.
        let arrivals = self.traffic.routers.saturating_mul(failures - 1);
        let fit = passive.window.as_secs_f64() * self.traffic.rate;
        match self.traffic.arrivals {
            Arrivals::Constant if f64::from(arrivals) < fit => Ok(None),
            Arrivals::Constant if self.retries_come_back() => Ok(Some(NoTheory::RetriesComeBack)),
            Arrivals::Constant => Err(NoTheory::AttemptsTooRare),
            Arrivals::Poisson => {
                let late = law::arrivals_missing(fit, arrivals, 1);
                Ok((late > NEVER).then_some(NoTheory::WindowForgets))
            }
        }
    }
}

/// What attempts and checks decide together.
fn between(min: Duration, max: Result<Duration, NoTheory>) -> Law {
    Law::Range(Bounds {
        min,
        mean: Err(NoTheory::CountedTogether),
        max,
    })
}
