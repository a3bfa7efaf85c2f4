//! One fault under given settings and traffic: when it is noticed, and what it costs until then.

use super::gaps::Gaps;
use super::law::{self, Law};
use super::meets::{self, Meets};
use super::polling::Polling;
use super::{Bounds, NoTheory, Phase, Window};
use crate::core::{CheckSettings, Settings};
use crate::theory::load::{Arrivals, Connections};
use router::fault::Spec;
use router::record::Fault;
use std::borrow::Cow;
use std::time::Duration;

/// What happens to one router.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub settings: &'a Settings,
    pub spec: &'a Spec,
    pub traffic: Traffic,
    /// Routers to which it happens at the same time, 1 or more.
    pub victims: u32,
    /// `drain`: how long the router serves on while its checks fail.
    pub drain_wait: Duration,
    /// Of the clients.
    pub patience: Patience,
    /// Whether anybody makes health checks.
    pub checked: bool,
}

/// What comes to the balancer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Requests a second; connections a second in `mode=tcp`.
    pub rate: f64,
    /// Routers in use.
    pub routers: u32,
    pub arrivals: Arrivals,
    pub connections: Connections,
}

/// How long a client waits for its answer, and what is left of its request when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub time: Duration,
    /// Whether its attempt goes on without it, and counts when it fails. Otherwise it ends there, and counts nowhere.
    pub outlived: bool,
}

impl Patience {
    /// Of clients that never go.
    pub const ENDLESS: Patience = Patience {
        time: Duration::MAX,
        outlived: true,
    };
}

impl Case<'_> {
    /// Death → out of use by whichever detector is first.
    pub fn t_detect(&self) -> Result<Bounds<Duration>, NoTheory> {
        let (laws, unknown) = self.laws(self.polled())?;
        let mut bounds = law::earliest(&laws);
        if let Some(why) = unknown {
            (bounds.min, bounds.mean) = (Duration::ZERO, Err(why));
        }
        Ok(bounds)
    }

    /// `t_detect` of one death, from where between the checks of its router it fell; exact when the checks keep time.
    pub fn predict(&self, phase: Phase) -> Result<Duration, NoTheory> {
        let polled = match self.polling() {
            Ok(_) if self.drains_unseen() => Err(NoTheory::RandomGaps),
            Ok(polling) if self.leaves_first(&polling)? => Err(NoTheory::LeavesFirst),
            Ok(polling) => polling.predict(phase),
            Err(why) => Err(why),
        };
        let told = self.told().map(|law| law.min());
        let by_attempts = match self.settings.detectors.passive.then(|| self.passive()) {
            Some(Ok(law)) => Some(law.min()),
            Some(Err(why)) if !why.is_never() => Some(Duration::ZERO),
            _ => None,
        };
        let first = match (polled, told) {
            (Ok(polled), Some(told)) => polled.min(told),
            (Ok(polled), None) => polled,
            // Checks that are never sure to fail may still be first, unless they cannot be.
            (Err(why), Some(told)) if why.is_never() || told.is_zero() => told,
            (Err(why), _) => return Err(why),
        };
        match by_attempts {
            Some(attempts) if attempts < first => Err(NoTheory::AttemptsDecide),
            _ => Ok(first),
        }
    }

    /// The law of each detector that will notice, and why one that might has none. Never empty.
    pub(super) fn laws(
        &self,
        polled: Result<Law, NoTheory>,
    ) -> Result<(Vec<Law>, Option<NoTheory>), NoTheory> {
        let passive = self.settings.detectors.passive.then(|| self.passive());
        let passive = match (passive, &polled) {
            (Some(Ok(law)), Ok(polled)) if !self.share_alike() && !precedes(&law, polled) => {
                // The checkers that have found it take their share of the attempts away.
                Some(Err(NoTheory::Race))
            }
            (passive, _) => passive,
        };
        let never = match (&polled, &passive) {
            // Polling's reason is half the story where attempts are watched too.
            (_, Some(Err(why))) if why.is_never() && polled.is_err() && self.spec.on.requests() => *why,
            (Err(why), _) => *why,
            _ => NoTheory::NothingFails,
        };
        let mut unknown = None;
        let mut laws: Vec<Law> = self.told().into_iter().collect();
        for law in [Some(polled), passive].into_iter().flatten() {
            match law {
                Ok(law) => laws.push(law),
                Err(why) if why.is_never() => {}
                Err(why) => unknown = Some(why),
            }
        }
        match (laws.is_empty(), unknown) {
            (true, unknown) => Err(unknown.unwrap_or(never)),
            // Nobody is before what is known at once.
            (false, _) if laws.iter().any(|law| law.max() == Ok(Duration::ZERO)) => Ok((laws, None)),
            (false, unknown) => Ok((laws, unknown)),
        }
    }

    /// When health checks find it, and all checkers have.
    fn polled(&self) -> Result<Law, NoTheory> {
        self.checked(|polling| polling.law())
    }

    /// The same for the average request.
    pub(super) fn polled_share(&self) -> Result<Law, NoTheory> {
        self.checked(|polling| polling.share())
    }

    fn checked(&self, law: impl Fn(&Polling) -> Result<Law, NoTheory>) -> Result<Law, NoTheory> {
        let polling = self.polling()?;
        let law = law(&polling)?;
        if self.drains_unseen() {
            return Ok(law.later(Window::exactly(self.drain_wait)));
        }
        if self.leaves_first(&polling)? {
            let check = &polling.check;
            let next = Gaps::new(check).wait().max.max(Gaps::falling(check).wait().max);
            let latest = self.drain_wait + next;
            return Ok(Law::Range(Bounds {
                min: law.min().min(self.drain_wait),
                mean: Err(NoTheory::LeavesFirst),
                max: law.max().map(|max| max.min(latest)),
            }));
        }
        Ok(law)
    }

    /// The checks that meet the fault. Without requests they come as they do before the first one.
    pub(super) fn polling(&self) -> Result<Polling<'_>, NoTheory> {
        if !self.checked {
            return Err(NoTheory::NobodyChecks);
        }
        let check = &self.settings.check;
        let check = match check.no_traffic_interval {
            Some(interval) if self.traffic.rate <= 0.0 => Cow::Owned(CheckSettings {
                interval,
                fall_interval: None,
                down_interval: None,
                rise_interval: None,
                ..check.clone()
            }),
            _ => Cow::Borrowed(check),
        };
        Ok(Polling {
            meets: meets::check(&check, self.spec)?,
            check,
            victims: self.victims,
        })
    }

    /// Whether all requests are sent by the same belief.
    pub(super) fn share_alike(&self) -> bool {
        let check = &self.settings.check;
        check.probers == 1 || check.agreement.is_some()
    }

    /// What the sentinel's connection or the supervisor tells: the end of the process, or of its idle connections. With
    /// nothing left to finish a drained router leaves as soon as it has closed.
    fn told(&self) -> Option<Law> {
        let detectors = self.settings.detectors;
        let at = match self.spec.fault {
            Fault::Kill | Fault::Crash | Fault::Stop => Duration::ZERO,
            Fault::Drain => self.drain_wait,
            _ => return None,
        };
        (detectors.sentinel || detectors.notice).then(|| Law::certain(at))
    }

    /// A drain that checks see only at its end.
    fn drains_unseen(&self) -> bool {
        self.spec.fault == Fault::Drain && meets::drains_unseen(&self.settings.check)
    }

    /// A drain at whose end a refused check may decide by itself, before enough have been answered with 503.
    fn leaves_first(&self, polling: &Polling) -> Result<bool, NoTheory> {
        let decides = meets::decides(&polling.check, Meets::Refused);
        let by_status = self.spec.fault == Fault::Drain && polling.meets == Meets::Status;
        Ok(by_status && decides && !polling.at_once() && polling.one()?.max > self.drain_wait)
    }
}

/// Whether `first` is never later.
fn precedes(first: &Law, second: &Law) -> bool {
    first.max().is_ok_and(|latest| latest <= second.min())
}
