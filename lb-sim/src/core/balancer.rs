//! The balancer's mind: which check starts when, which has taken too long, and what the results make it believe; and
//! what it believes of routers whose attempts fail, whose sentinel connection ends, or of whom it is told.

use super::backend::{Backend, Due, Outstanding};
use super::health::Transition;
use super::schedule::Deadlines;
use super::{BackendId, CheckSettings, Health, PassiveSettings, Schedule};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::{Belief, Detector, ProbeResult};
use std::time::Duration;

/// Call [`Balancer::on_deadline`] when [`Balancer::next_deadline`] has come and [`Balancer::on_probe`] when a check
/// has ended; do what the actions say. At most one check per backend is under way, and one more that the end of a
/// sentinel connection has started: that one leaves the schedule of the others as it is.
#[derive(Clone, Debug)]
pub struct Balancer {
    pub(super) settings: CheckSettings,
    /// `None`: failed attempts eject nobody.
    pub(super) passive: Option<PassiveSettings>,
    pub(super) backends: Vec<Backend>,
    pub(super) deadlines: Deadlines,
    random: ChaCha8Rng,
    pub(super) probes: u64,
}

/// Names one check; a result for another than the one under way is late and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProbeId {
    pub backend: BackendId,
    /// Counts all checks of this balancer from 1.
    pub number: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start this check now and report its end, unless an `Expire` comes first.
    Start { probe: ProbeId, timeout: Duration },
    /// This check took too long: it counts as failed, abandon it.
    Expire(Verdict),
    /// An ejection is over.
    Return(Transition),
    /// Its time is, and one request may try the backend: see [`Balancer::trials`].
    Try(BackendId),
}

/// What one ended check did to the belief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub probe: ProbeId,
    /// Whose check it was: polling's, or the sentinel's.
    pub by: Detector,
    pub started: Timestamp,
    /// Failed checks in a row, this one included.
    pub failures: u32,
    /// Successful checks in a row, this one included.
    pub successes: u32,
    pub transition: Option<Transition>,
}

impl Balancer {
    /// Everybody is Up until checks say otherwise; the first checks are spread evenly over the first interval.
    pub fn new(settings: CheckSettings, backends: u32, now: Timestamp, seed: u64) -> Balancer {
        let mut balancer = Balancer {
            settings,
            passive: None,
            backends: Vec::with_capacity(backends as usize),
            deadlines: Deadlines::default(),
            random: ChaCha8Rng::seed_from_u64(seed),
            probes: 0,
        };
        for i in 0..backends {
            balancer.add(
                now,
                now + scale(balancer.settings.interval, i.into(), backends.into()),
            );
        }
        balancer
    }

    /// One more backend, believed Up, checked at once.
    pub fn add_backend(&mut self, now: Timestamp) -> BackendId {
        self.add(now, now)
    }

    pub fn settings(&self) -> &CheckSettings {
        &self.settings
    }

    pub fn backends(&self) -> impl Iterator<Item = (BackendId, &Health)> {
        self.backends
            .iter()
            .enumerate()
            .map(|(i, backend)| (BackendId(i as u32), &backend.health))
    }

    /// Panics when `backend` is not one of this balancer's.
    pub fn health(&self, backend: BackendId) -> &Health {
        &self.backends[backend.index()].health
    }

    /// What is believed of `backend`, polling and failed attempts taken together.
    pub fn belief(&self, backend: BackendId) -> Belief {
        self.backends[backend.index()].belief()
    }

    /// When that belief began.
    pub fn since(&self, backend: BackendId) -> Timestamp {
        self.backends[backend.index()].since
    }

    /// Whether the check that its lost sentinel connection started is under way.
    pub fn checks_urgently(&self, backend: BackendId) -> bool {
        self.backends[backend.index()].urgent.is_some()
    }

    /// When the ejection of `backend` ends.
    pub fn ejected_until(&self, backend: BackendId) -> Option<Timestamp> {
        self.backends[backend.index()].passive.ejected_until()
    }

    /// Whether `backend` belongs to the fleet.
    pub fn present(&self, backend: BackendId) -> bool {
        self.backends[backend.index()].present
    }

    /// The backends that may be picked, in order of their numbers.
    pub fn usable(&self) -> impl Iterator<Item = BackendId> {
        let backends = self.backends.iter().enumerate();
        backends
            .filter(|(_, backend)| backend.usable())
            .map(|(i, _)| BackendId(i as u32))
    }

    /// When [`Balancer::on_deadline`] has work again; `None` without backends.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next().map(|(at, _)| at)
    }

    /// Appends everything that is due at `now`, in order of time. At the same instant a check expires before the next
    /// one starts, so `timeout == interval` never costs a tick.
    pub fn on_deadline(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some((at, id)) = self.deadlines.next()
            && at <= now
        {
            let backend = &mut self.backends[id.index()];
            let action = match backend.next() {
                Some((_, Due::Tick)) => self.tick(now, id),
                Some((_, Due::Expiry)) => {
                    let probe = backend.probe.take();
                    probe.map(|probe| Action::Expire(self.conclude(now, id, probe, false)))
                }
                Some((_, Due::UrgentExpiry)) => {
                    let probe = backend.urgent.take();
                    probe.map(|probe| Action::Expire(self.conclude_urgent(now, id, probe, false)))
                }
                Some((_, Due::Return)) => self.return_is_due(now, id),
                None => {
                    self.deadlines.set(id, None);
                    None
                }
            };
            actions.extend(action);
        }
    }

    /// Counts the result of a check that ended at `now`. `None` when it is not the one under way: it came too late.
    pub fn on_probe(&mut self, now: Timestamp, id: ProbeId, result: ProbeResult) -> Option<Verdict> {
        let backend = self.backends.get_mut(id.backend.index())?;
        let healthy = result == ProbeResult::Ok;
        let is_it = |probe: &mut Outstanding| probe.number == id.number;
        if let Some(probe) = backend.probe.take_if(is_it) {
            return Some(self.conclude(now, id.backend, probe, healthy));
        }
        let probe = backend.urgent.take_if(is_it)?;
        Some(self.conclude_urgent(now, id.backend, probe, healthy))
    }

    /// Changes the settings between two checks. No belief and no count changes; what is left of each wait shrinks or
    /// grows with the interval, so backends stay spread; a check under way gets the new timeout.
    pub fn apply_settings(&mut self, now: Timestamp, settings: CheckSettings) {
        let old = std::mem::replace(&mut self.settings, settings);
        let new = &self.settings;
        for (i, backend) in self
            .backends
            .iter_mut()
            .enumerate()
            .filter(|(_, backend)| backend.present)
        {
            if let Some(urgent) = &mut backend.urgent {
                urgent.expires = now.max(urgent.started + new.timeout);
            }
            let due = backend.due.map(|due| {
                let left = scale(due.since(now), nanos(new.interval), nanos(old.interval));
                now + left.min(new.interval + new.jitter)
            });
            backend.due = match &mut backend.probe {
                None => due,
                Some(probe) => {
                    probe.expires = now.max(probe.started + new.timeout);
                    match new.schedule {
                        Schedule::End => None,
                        _ => {
                            let due = due.unwrap_or(probe.started + new.interval).max(now);
                            // A tick the shorter wait would lose to the check under way waits for it.
                            Some(if new.timeout <= new.interval {
                                due.max(probe.expires)
                            } else {
                                due
                            })
                        }
                    }
                }
            };
            self.deadlines.set(BackendId(i as u32), backend.deadline());
        }
    }

    fn add(&mut self, now: Timestamp, first: Timestamp) -> BackendId {
        let id = BackendId(self.backends.len() as u32);
        self.backends.push(Backend::new(now, first));
        self.deadlines.set(id, Some(first));
        id
    }

    /// The backend's tick has come: starts a check, unless one is under way (`timeout > interval` only).
    fn tick(&mut self, now: Timestamp, id: BackendId) -> Option<Action> {
        let gap = self.gap();
        let CheckSettings {
            interval,
            timeout,
            schedule,
            ..
        } = self.settings;
        let backend = &mut self.backends[id.index()];
        let scheduled = backend.due.unwrap_or(now);
        // A fixed rate: the next tick counts from the scheduled one, however late the driver was. One that is late by
        // a good part of an interval (a stopped process) has lost the beat and starts a new one.
        let lost_beat = now.since(scheduled) > interval / 4;
        let next = if lost_beat { now + gap } else { scheduled + gap };
        let action = if backend.probe.is_some() {
            backend.due = Some(next);
            None
        } else {
            self.probes += 1;
            let mut expires = now + timeout;
            backend.due = match schedule {
                Schedule::End => None,
                _ => {
                    if timeout <= interval {
                        expires = expires.min(next);
                    }
                    Some(next)
                }
            };
            let number = self.probes;
            backend.probe = Some(Outstanding {
                number,
                started: now,
                expires,
            });
            let timeout = expires.since(now);
            let probe = ProbeId { backend: id, number };
            Some(Action::Start { probe, timeout })
        };
        self.deadlines.set(id, backend.deadline());
        action
    }

    fn conclude(&mut self, now: Timestamp, id: BackendId, probe: Outstanding, healthy: bool) -> Verdict {
        if self.settings.schedule == Schedule::End {
            let gap = self.gap();
            self.backends[id.index()].due = Some(now + gap);
        }
        let restores = self.check_restores();
        let transition = self.change(now, id, Detector::Poll, |backend, settings| {
            if healthy && backend.health.condemned_after(probe.started) {
                return;
            }
            if healthy {
                // It lives, whatever an older check will find.
                backend.urgent.take_if(|urgent| urgent.started <= probe.started);
            }
            backend.health.observe(now, healthy, settings);
            if healthy && restores && backend.health.usable() {
                backend.passive.end();
            }
        });
        self.verdict(id, Detector::Poll, &probe, transition)
    }

    /// Does something to a backend and tells whether that changed what is believed of it.
    pub(super) fn change(
        &mut self,
        now: Timestamp,
        id: BackendId,
        by: Detector,
        what: impl FnOnce(&mut Backend, &CheckSettings),
    ) -> Option<Transition> {
        let backend = &mut self.backends[id.index()];
        let from = backend.belief();
        what(backend, &self.settings);
        // Who goes Down on trial is not tried any more: checks decide.
        if backend.passive.trial().is_some() && !backend.health.usable() {
            backend.passive.end();
        }
        let to = backend.belief();
        self.deadlines.set(id, backend.deadline());
        if from == to {
            return None;
        }
        backend.since = now;
        let change = Transition {
            backend: id,
            at: now,
            from,
            to,
            by,
        };
        if change.changes_use() && backend.usable() {
            backend.passive.use_again(now, self.passive.as_ref());
        }
        Some(change)
    }

    pub(super) fn verdict(
        &self,
        id: BackendId,
        by: Detector,
        probe: &Outstanding,
        transition: Option<Transition>,
    ) -> Verdict {
        let health = &self.backends[id.index()].health;
        Verdict {
            probe: ProbeId {
                backend: id,
                number: probe.number,
            },
            by,
            started: probe.started,
            failures: health.failures(),
            successes: health.successes(),
            transition,
        }
    }

    /// The interval and this gap's share of jitter.
    fn gap(&mut self) -> Duration {
        let jitter = nanos(self.settings.jitter);
        if jitter == 0 {
            return self.settings.interval;
        }
        // The high word of the product is uniform in [0, jitter).
        let extra = (u128::from(self.random.next_u64()) * u128::from(jitter)) >> 64;
        self.settings.interval + Duration::from_nanos(extra as u64)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `duration × numerator ÷ denominator`.
fn scale(duration: Duration, numerator: u64, denominator: u64) -> Duration {
    let scaled = duration.as_nanos() * u128::from(numerator) / u128::from(denominator.max(1));
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}
