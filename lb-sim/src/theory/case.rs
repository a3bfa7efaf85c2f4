//! One fault under given settings and traffic: when it is noticed, and what it costs until then.

use super::law::{self, Law};
use super::meets::{self, Meets};
use super::{Bounds, NoTheory, Phase, phase, polled, requests_in};
use crate::core::{Balance, Check, OnFailure, Settings};
use crate::theory::load::Arrivals;
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// What happens to one router.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub settings: &'a Settings,
    pub spec: &'a Spec,
    pub traffic: Traffic,
    /// `drain`: how long the router serves on while its checks fail.
    pub drain_wait: Duration,
}

/// What comes to the balancer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Requests a second; connections a second in `mode=tcp`.
    pub rate: f64,
    /// Routers in use.
    pub routers: u32,
    pub arrivals: Arrivals,
}

impl Case<'_> {
    /// Death → out of use by whichever detector is first.
    pub fn t_detect(&self) -> Result<Bounds<Duration>, NoTheory> {
        let (laws, unknown) = self.laws()?;
        let mut bounds = law::earliest(&laws);
        if let Some(why) = unknown {
            (bounds.min, bounds.mean) = (Duration::ZERO, Err(why));
        }
        Ok(bounds)
    }

    /// `t_detect` of one death, from where between the checks of its router it fell; exact when the checks keep time.
    pub fn predict(&self, phase: Phase) -> Result<Duration, NoTheory> {
        let check = &self.settings.check;
        let polled = meets::check(check, self.spec).and_then(|meets| phase::predicted(check, meets, phase));
        let polled = match polled {
            Ok(_) if self.tcp_drain() => Err(NoTheory::RandomGaps),
            polled => polled,
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

    /// Requests lost to the fault: those sent to the router until it is out of use, and for a drain from the closing of
    /// its listener on. Bounds of their *expected* number.
    pub fn lost(&self) -> Result<Bounds<f64>, NoTheory> {
        let Traffic { rate, routers, .. } = self.traffic;
        if !self.requests_fail()? {
            return Ok(Bounds {
                min: 0.0,
                mean: Ok(0.0),
                max: Ok(0.0),
            });
        }
        if matches!(
            self.settings.on_failure,
            OnFailure::Retry | OnFailure::RetryConnect
        ) {
            return Err(NoTheory::RetriesSave);
        }
        if self.settings.balance == Balance::LeastConnections {
            return Err(NoTheory::UnevenShare);
        }
        let (laws, unknown) = self.laws()?;
        let served = if self.spec.fault == Fault::Drain {
            self.drain_wait
        } else {
            Duration::ZERO
        };
        let beyond = law::beyond(&laws, served);
        let mut lost = beyond.map(|time| requests_in(time, rate, routers));
        if let Some(why) = unknown {
            (lost.min, lost.mean) = (0.0, Err(why));
        }
        if let Some(Ok(passive)) = self.settings.detectors.passive.then(|| self.passive()) {
            self.count_attempts(&passive, &laws, &mut lost);
        }
        Ok(lost)
    }

    /// The attempts that eject are the ones that are lost: then it is their number that counts, not the time.
    fn count_attempts(&self, passive: &Law, laws: &[Law], lost: &mut Bounds<f64>) {
        let others = || laws.iter().filter(|law| *law != passive);
        let sure = others()
            .filter_map(|law| law.max().ok())
            .min()
            .unwrap_or(Duration::MAX);
        if passive.min() >= sure {
            return; // never first
        }
        let earliest = others().map(Law::min).min().unwrap_or(Duration::MAX);
        let failures = self.settings.passive.failures;
        let counted = f64::from(failures);
        let at_once = meets::attempt(self.settings, self.spec) == Ok(Meets::Failure);
        if !at_once {
            lost.mean = Err(NoTheory::AttemptsDecide);
            return;
        }
        if passive.max().is_ok_and(|latest| latest <= earliest) {
            *lost = Bounds {
                min: counted,
                mean: Ok(counted),
                max: Ok(counted),
            };
            return;
        }
        // The k-th is lost if it comes before the others have noticed.
        lost.min = lost.min.min(counted);
        lost.max = Ok(lost.max.map_or(counted, |max| max.min(counted)));
        let others: Vec<&Law> = others().collect();
        lost.mean = match others[..] {
            [Law::Uniform { from, to }] => (1..=failures)
                .map(|k| law::before(&self.failure(k)?, *from, *to))
                .sum(),
            _ => Err(NoTheory::AttemptsDecide),
        };
    }

    /// The law of each detector that will notice, and why one that might has none. Never empty.
    fn laws(&self) -> Result<(Vec<Law>, Option<NoTheory>), NoTheory> {
        let polled = self.polled();
        let passive = self.settings.detectors.passive.then(|| self.passive());
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

    fn polled(&self) -> Result<Law, NoTheory> {
        let check = &self.settings.check;
        let after = if self.tcp_drain() {
            self.drain_wait
        } else {
            Duration::ZERO
        };
        let window = polled(check, meets::check(check, self.spec)?)? + after;
        Ok(if check.jitter.is_zero() {
            Law::Uniform {
                from: window.min,
                to: window.max,
            }
        } else {
            Law::Range(window.into())
        })
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

    /// A TCP check sees no 503, only that the router has gone.
    fn tcp_drain(&self) -> bool {
        self.spec.fault == Fault::Drain && self.settings.check.check == Check::Tcp
    }

    /// Whether requests sent to the router fail.
    fn requests_fail(&self) -> Result<bool, NoTheory> {
        let requests = self.spec.on.requests();
        match self.spec.fault {
            Fault::Kill | Fault::Crash | Fault::Stop | Fault::Hang | Fault::Drain | Fault::Cut => Ok(true),
            Fault::Silent | Fault::Error => Ok(requests),
            Fault::Slow if !requests => Ok(false),
            Fault::Slow => match meets::attempt(self.settings, self.spec) {
                Ok(_) => Ok(true),
                Err(NoTheory::RandomDelay) => Err(NoTheory::RandomDelay),
                Err(_) => Ok(false),
            },
        }
    }
}
