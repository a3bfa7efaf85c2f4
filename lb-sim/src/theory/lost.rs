//! What a fault costs: the requests that are lost to it.
//!
//! λ/N requests a second, times the time until the router is out of use: of several checkers that each decide for their
//! share of the requests, the time of one of them. Where failed attempts take it out of use, what counts is their number.
//!
//! The router stays dead: retries that come back to it save nothing, they only lose the request late. One that is
//! started again sooner than `retries` × `retry-delay` after a request was first tried serves its last retry: with
//! HAProxy's three retries a second apart and no redispatch, those of the last 3 s before the restart are saved, and of
//! a router that is away for less than that all of them are. So these figures are the most that such a restart costs.

use super::case::Case;
use super::law::{self, Law};
use super::meets::{self, Meets};
use super::{Bounds, NoTheory, requests_in};
use crate::core::{Balance, OnFailure, RetryOn, RetryTo};
use crate::theory::case::Traffic;
use router::record::Fault;
use std::time::Duration;

impl Case<'_> {
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
        if self.victims > 1 && !self.panics() {
            return Err(NoTheory::SeveralVictims);
        }
        if self.retries_may_save() {
            return Err(NoTheory::RetriesSave);
        }
        if self.settings.balance == Balance::LeastConnections {
            return Err(NoTheory::UnevenShare);
        }
        if self.connections_stay() {
            return Err(NoTheory::ConnectionsStay);
        }
        let (laws, unknown) = self.laws(self.polled_share())?;
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
        let watched = self.settings.detectors.passive && self.attempts_decide();
        if let Some(Ok(passive)) = watched.then(|| self.passive()) {
            self.count_attempts(&passive, &laws, &mut lost);
        }
        if self.panics() {
            // All is used again once all of them are out of use: nothing ends that.
            (lost.mean, lost.max) = (Err(NoTheory::Panic), Err(NoTheory::Panic));
        }
        Ok(lost)
    }

    /// Whether too few routers are left for the faulty ones to stay out of use.
    fn panics(&self) -> bool {
        let left = self.traffic.routers.saturating_sub(self.victims);
        let share = f64::from(left) / f64::from(self.traffic.routers.max(1));
        self.settings
            .panic_threshold
            .is_some_and(|threshold| share < threshold.fraction())
    }

    /// Whether another router may answer what this one has not.
    fn retries_may_save(&self) -> bool {
        let retry = &self.settings.retry;
        let late = retry.time.is_some_and(|time| retry.delay > time);
        let others = self.traffic.routers > self.victims && retry.to != RetryTo::Same && !late;
        let connects = match self.settings.on_failure {
            OnFailure::Retry => retry.on == RetryOn::Connect,
            OnFailure::RetryConnect => true,
            _ => return false,
        };
        others
            && match meets::attempt(self.settings, self.spec) {
                // Its accept queue is full in the end: then no connection is made, and that may be soon enough.
                _ if self.spec.fault == Fault::Hang => true,
                Ok(Meets::Refused) | Err(NoTheory::RandomDelay) => true,
                Ok(Meets::Status) => !connects,
                // Whose client has gone is not tried again.
                Ok(Meets::Silence) => !connects && self.settings.response_timeout < self.patience.time,
                // No attempt fails, or not before the answer has begun.
                Err(_) => false,
            }
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
        let at_once = meets::attempt(self.settings, self.spec).is_ok_and(|meets| meets != Meets::Silence);
        if !at_once {
            lost.mean = Err(NoTheory::AttemptsDecide);
            return;
        }
        if others().next().is_none() || passive.max().is_ok_and(|latest| latest <= earliest) {
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

    /// Whether requests sent to the router fail.
    fn requests_fail(&self) -> Result<bool, NoTheory> {
        let requests = self.spec.on.requests();
        match self.spec.fault {
            Fault::Kill | Fault::Crash | Fault::Stop | Fault::Hang | Fault::Drain | Fault::Cut => Ok(true),
            Fault::Silent | Fault::Error => Ok(requests),
            Fault::Slow if !requests => Ok(false),
            // Whoever gives up first, the load balancer or the client.
            Fault::Slow => {
                let waits = self.settings.response_timeout.min(self.patience.time);
                match meets::late(self.spec.delay, waits, NoTheory::LateAttemptsInTime) {
                    Ok(_) => Ok(true),
                    Err(NoTheory::RandomDelay) => Err(NoTheory::RandomDelay),
                    Err(_) => Ok(false),
                }
            }
        }
    }
}
