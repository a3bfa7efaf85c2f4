//! The balancer's mind: which check starts when, which has taken too long, and what the results make it believe; and
//! what it believes of routers whose attempts fail, whose sentinel connection ends, or of whom it is told.

use super::backend::{Backend, Due};
use super::checker::{Checker, Outstanding};
use super::gaps;
use super::health::Transition;
use super::rounds::Rounds;
use super::schedule::Deadlines;
use super::{Action, BackendId, CheckSettings, Health, Initial, Overdue, PassiveSettings, ProbeId, Verdict};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::{Belief, Detector, ProbeResult};

/// Call [`Balancer::on_deadline`] when [`Balancer::next_deadline`] has come and [`Balancer::on_probe`] when a check
/// has ended; do what the actions say. At most one check per backend and prober is under way, unless checks may overlap,
/// and one more that the end of a sentinel connection has started: that one leaves the schedule of the others as it is.
#[derive(Clone, Debug)]
pub struct Balancer {
    pub(super) settings: CheckSettings,
    /// `None`: failed attempts eject nobody.
    pub(super) passive: Option<PassiveSettings>,
    pub(super) backends: Vec<Backend>,
    pub(super) deadlines: Deadlines,
    /// Of each prober, where routers are checked one after the other.
    pub(super) rounds: Vec<Rounds>,
    pub(super) random: ChaCha8Rng,
    pub(super) probes: u64,
    /// No request was sent to a router yet.
    pub(super) quiet: bool,
}

impl Balancer {
    /// Everybody is what `initial` says until checks say otherwise.
    pub fn new(settings: CheckSettings, backends: u32, now: Timestamp, seed: u64) -> Balancer {
        let mut balancer = Balancer {
            settings,
            passive: None,
            backends: Vec::with_capacity(backends as usize),
            deadlines: Deadlines::default(),
            rounds: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            probes: 0,
            quiet: true,
        };
        let Balancer { settings, random, .. } = &mut balancer;
        let offsets: Vec<_> = (0..settings.probers)
            .map(|prober| gaps::offset(prober, settings, random))
            .collect();
        balancer.rounds = offsets
            .iter()
            .filter_map(|offset| {
                let first = now + gaps::first(settings, (0, 1), *offset, random);
                Rounds::new(settings.schedule, first)
            })
            .collect();
        for i in 0..backends {
            let Balancer { settings, random, .. } = &mut balancer;
            let firsts = offsets.iter();
            let firsts = firsts.map(|offset| now + gaps::first(settings, (i, backends), *offset, random));
            let firsts = firsts.collect();
            balancer.add(now, firsts);
        }
        balancer
    }

    /// One more backend, believed what `initial` says, checked at once if first checks are spread.
    pub fn add_backend(&mut self, now: Timestamp) -> BackendId {
        let firsts = self.firsts(now);
        self.add(now, firsts)
    }

    /// A request was sent to a router: the no-traffic interval is over, but for the waits that have begun.
    pub fn on_traffic(&mut self) {
        self.quiet = false;
    }

    /// Whether no request was sent to a router yet.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    pub fn settings(&self) -> &CheckSettings {
        &self.settings
    }

    pub fn backends(&self) -> impl Iterator<Item = (BackendId, &Health)> {
        self.backends
            .iter()
            .enumerate()
            .map(|(i, backend)| (BackendId(i as u32), &backend.lead.health))
    }

    /// What the first prober has counted. Panics when `backend` is not one of this balancer's.
    pub fn health(&self, backend: BackendId) -> &Health {
        &self.backends[backend.index()].lead.health
    }

    /// What each prober has counted, in their order.
    pub fn views(&self, backend: BackendId) -> impl Iterator<Item = &Health> {
        let checkers = self.backends[backend.index()].checkers();
        checkers.map(|checker| &checker.health)
    }

    /// When the belief that [`Balancer::found`] tells began; with several probers, that of [`Balancer::belief`].
    pub fn found_since(&self, backend: BackendId) -> Timestamp {
        let backend = &self.backends[backend.index()];
        if backend.others.is_empty() {
            backend.lead.health.since()
        } else {
            backend.since
        }
    }

    /// What the checks of `backend`, all probers taken together, make believe by themselves.
    pub fn found(&self, backend: BackendId) -> Belief {
        self.backends[backend.index()].found()
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

    /// Where each prober decides for its share of the requests: who may be picked for each share. Empty otherwise.
    pub fn shares(&self) -> Vec<Vec<BackendId>> {
        if !self.settings.each_decides() {
            return Vec::new();
        }
        let share = |prober: usize| {
            let backends = self.backends.iter().enumerate();
            let usable = backends.filter(|(_, backend)| backend.present && backend.usable_to(prober));
            usable.map(|(i, _)| BackendId(i as u32)).collect()
        };
        (0..self.settings.probers as usize).map(share).collect()
    }

    /// When [`Balancer::on_deadline`] has work again; `None` without backends.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let next = self.deadlines.next().map(|(at, _)| at);
        let Some(round) = self.next_turn() else {
            return next;
        };
        Some(next.map_or(round.0, |next| next.min(round.0)))
    }

    /// Appends everything that is due at `now`, in order of time. At the same instant a check expires before the next
    /// one starts, so `timeout == interval` never costs a tick.
    pub fn on_deadline(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        loop {
            let next = self.deadlines.next().filter(|(at, _)| *at <= now);
            let turn = self.next_turn().filter(|(at, _)| *at <= now);
            match (next, turn) {
                (Some((at, id)), turn) if turn.is_none_or(|turn| at <= turn.0) => {
                    actions.extend(self.attend(now, id));
                }
                (_, Some((_, prober))) => actions.extend(self.take_turn(now, prober)),
                _ => break,
            }
        }
    }

    /// Counts the result of a check that ended at `now`. `None` when it is not one under way: it came too late.
    pub fn on_probe(&mut self, now: Timestamp, id: ProbeId, result: ProbeResult) -> Option<Verdict> {
        let backend = self.backends.get_mut(id.backend.index())?;
        if let Some((prober, probe)) = backend.take(id.number) {
            return Some(self.conclude(now, id.backend, prober, probe, result));
        }
        let probe = backend.urgent.take_if(|probe| probe.number == id.number)?;
        Some(self.conclude_urgent(now, id.backend, probe, result == ProbeResult::Ok))
    }

    /// Does what backend `id` waits for.
    fn attend(&mut self, now: Timestamp, id: BackendId) -> Option<Action> {
        let backend = &mut self.backends[id.index()];
        match backend.next() {
            Some((_, Due::Tick(prober))) => self.tick(now, id, prober),
            Some((_, Due::Expiry(prober))) => {
                let checker = backend.checker_mut(prober);
                let probe = checker.expiry().and_then(|(_, number)| checker.take(number))?;
                let verdict = self.conclude(now, id, prober, probe, ProbeResult::Timeout);
                Some(Action::Expire(verdict))
            }
            Some((_, Due::UrgentExpiry)) => {
                let probe = backend.urgent.take()?;
                Some(Action::Expire(self.conclude_urgent(now, id, probe, false)))
            }
            Some((_, Due::Overdue(prober))) => {
                let change = self.change(now, id, Detector::Poll, |backend, _| {
                    let checker = backend.checker_mut(prober);
                    checker.health.fall(now);
                    checker.overdue = None;
                });
                let against = self.backends[id.index()].against();
                Some(Action::Overdue(Overdue {
                    backend: id,
                    prober: prober as u32,
                    against,
                    transition: change,
                }))
            }
            Some((_, Due::Return)) => self.end_ejection(now, id).map(Action::Return),
            None => {
                self.deadlines.set(id, None);
                None
            }
        }
    }

    fn add(&mut self, now: Timestamp, firsts: Vec<Timestamp>) -> BackendId {
        let id = BackendId(self.backends.len() as u32);
        self.backends.push(self.newcomer(now, firsts));
        self.welcome(id);
        id
    }

    /// A backend that nobody has checked yet.
    pub(super) fn newcomer(&self, now: Timestamp, firsts: Vec<Timestamp>) -> Backend {
        let settings = &self.settings;
        let checker = |first: Timestamp| {
            let health = Health::new(now, settings.initial == Initial::Up);
            let first = self.rounds.is_empty().then_some(first);
            Checker::new(now, health, first, settings)
        };
        let mut checkers = firsts.into_iter().map(checker);
        let lead = checkers.next().unwrap_or_else(|| checker(now));
        Backend::new(now, lead, checkers.collect(), settings)
    }

    /// Its checks begin.
    pub(super) fn welcome(&mut self, id: BackendId) {
        let backend = &self.backends[id.index()];
        for (rounds, checker) in self.rounds.iter_mut().zip(backend.checkers()) {
            rounds.join(id, checker.health.usable());
        }
        self.deadlines.set(id, backend.deadline());
    }

    /// When each prober checks one that joins now.
    pub(super) fn firsts(&mut self, now: Timestamp) -> Vec<Timestamp> {
        let Balancer { settings, random, .. } = self;
        let first = |prober| {
            let offset = gaps::offset(prober, settings, random);
            now + gaps::first(settings, (0, 1), offset, random)
        };
        (0..settings.probers).map(first).collect()
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
            backend.passive.use_again(now);
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
        self.verdict_of(id, 0, by, probe, transition)
    }
}
