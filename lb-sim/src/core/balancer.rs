//! The balancer's mind: which check starts when, which has taken too long, and what the results make it believe; and
//! what it believes of routers whose attempts fail, whose sentinel connection ends, or of whom it is told.

use super::backend::{Backend, Due};
use super::checker::{Checker, Outstanding};
use super::gaps::{self, Chance};
use super::health::Transition;
use super::rounds::Rounds;
use super::schedule::Deadlines;
use super::{BackendId, CheckSettings, Health, Initial, PassiveSettings, Schedule};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::{Belief, Detector, ProbeResult};
use std::time::Duration;

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
    /// No check has succeeded for too long ([`Schedule::Deadline`]).
    Overdue(Overdue),
}

/// A prober finds a router Down because time has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub backend: BackendId,
    /// Which of the probers, from 0.
    pub prober: u32,
    /// How many probers now find it Down.
    pub against: u32,
    pub transition: Option<Transition>,
}

/// What one ended check did to the belief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub probe: ProbeId,
    /// Whose check it was: polling's, or the sentinel's.
    pub by: Detector,
    pub started: Timestamp,
    /// Which of the probers, from 0.
    pub prober: u32,
    /// Failed checks of that prober that count, this one included.
    pub failures: u32,
    /// Successful checks of that prober that count, this one included.
    pub successes: u32,
    /// How many probers now find it Down.
    pub against: u32,
    /// That prober has changed its own mind: who may be picked by its share of the requests, too.
    pub flipped: bool,
    /// What is believed now, all taken together.
    pub belief: Belief,
    pub transition: Option<Transition>,
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
            Some((_, Due::Return)) => self.return_is_due(now, id),
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

    /// The tick of that prober has come: starts a check, unless one is under way.
    fn tick(&mut self, now: Timestamp, id: BackendId, prober: usize) -> Option<Action> {
        let settings = &self.settings;
        let checker = self.backends[id.index()].checker_mut(prober);
        let scheduled = checker.due.unwrap_or(now);
        let mut not_after = None;
        if settings.schedule == Schedule::End {
            checker.due = None;
        } else {
            let belief = checker.health.belief();
            let wait = gaps::wait(settings, belief, self.quiet);
            let gap = Chance::draw(settings, &mut self.random).applied(wait);
            // A fixed rate: the next tick counts from the scheduled one, however late the driver was. One that is late by
            // a good part of an interval (a stopped process) has lost the beat and starts a new one.
            let from = if now.since(scheduled) > wait / 4 {
                now
            } else {
                scheduled
            };
            let waits_for_traffic = self.quiet && settings.no_traffic_interval.is_some();
            checker.counted = (!waits_for_traffic).then_some((from, belief));
            checker.due = Some(from + gap);
            not_after = (settings.timeout <= gap).then_some(from + gap);
        }
        if checker.probe.is_some() && !settings.overlaps() {
            let deadline = self.backends[id.index()].deadline();
            self.deadlines.set(id, deadline);
            return None;
        }
        Some(self.start(now, id, prober, not_after))
    }

    /// Starts a check.
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        id: BackendId,
        prober: usize,
        not_after: Option<Timestamp>,
    ) -> Action {
        self.probes += 1;
        let number = self.probes;
        let expires = now + self.settings.timeout;
        let expires = not_after.map_or(expires, |at| expires.min(at));
        let backend = &mut self.backends[id.index()];
        let checker = backend.checker_mut(prober);
        let probe = Outstanding {
            number,
            started: now,
            expires,
        };
        checker.older.extend(checker.probe.replace(probe));
        self.deadlines.set(id, backend.deadline());
        Action::Start {
            probe: ProbeId { backend: id, number },
            timeout: expires.since(now),
        }
    }

    fn conclude(
        &mut self,
        now: Timestamp,
        id: BackendId,
        prober: usize,
        probe: Outstanding,
        result: ProbeResult,
    ) -> Verdict {
        let Balancer { settings, random, .. } = self;
        let (after_end, recount) = match settings.schedule {
            Schedule::End => (true, false),
            Schedule::Start | Schedule::Deadline => (false, gaps::depend_on_belief(settings)),
            Schedule::Batch | Schedule::BatchByState => (false, false),
        };
        let chance = (after_end || recount).then(|| Chance::draw(settings, random));
        let restores = self.check_restores();
        let quiet = self.quiet;
        let was_usable = self.backends[id.index()].checker(prober).health.usable();
        let transition = self.change(now, id, Detector::Poll, |backend, settings| {
            let healthy = result == ProbeResult::Ok;
            if healthy {
                // It lives, whatever an older check will find.
                backend.urgent.take_if(|urgent| urgent.started <= probe.started);
            }
            let checker = backend.checker_mut(prober);
            if !(healthy && checker.health.condemned_after(probe.started)) {
                checker.count(now, result, settings);
            }
            if healthy && restores && backend.checks_pass() {
                backend.passive.end();
            }
            let checker = backend.checker_mut(prober);
            let Some(chance) = chance else { return };
            let belief = checker.health.belief();
            let gap = chance.applied(gaps::wait(settings, belief, quiet));
            if after_end {
                checker.due = Some(now + gap);
            } else if let Some((from, _)) = checker.counted.take_if(|(_, counted)| *counted != belief) {
                // Once the check has changed the belief the tick comes when it would have come with that belief.
                checker.due = Some(now.max(from + gap));
            }
        });
        let usable = self.backends[id.index()].checker(prober).health.usable();
        if let Some(rounds) = self.rounds.get_mut(prober) {
            rounds.ended(now, id, usable);
        }
        Verdict {
            flipped: usable != was_usable,
            ..self.verdict_of(id, prober, Detector::Poll, &probe, transition)
        }
    }

    /// The next turn in a round: when, and of which prober's.
    fn next_turn(&self) -> Option<(Timestamp, usize)> {
        let rounds = self.rounds.iter().enumerate();
        rounds
            .filter_map(|(prober, rounds)| Some((rounds.next()?, prober)))
            .min()
    }

    fn take_turn(&mut self, now: Timestamp, prober: usize) -> Option<Action> {
        let Balancer {
            settings,
            random,
            quiet,
            ..
        } = self;
        let gap = |up: bool| {
            let belief = if up { Belief::Up } else { Belief::Down };
            Chance::draw(settings, random).applied(gaps::wait(settings, belief, *quiet))
        };
        let id = self.rounds[prober].step(now, gap)?;
        // A check that another schedule has begun is as good.
        let under_way = self.backends[id.index()].checker(prober).probe.is_some();
        (!under_way).then(|| self.start(now, id, prober, None))
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
        if backend.passive.trial().is_some() && !backend.checks_pass() {
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
        self.verdict_of(id, 0, by, probe, transition)
    }

    fn verdict_of(
        &self,
        id: BackendId,
        prober: usize,
        by: Detector,
        probe: &Outstanding,
        transition: Option<Transition>,
    ) -> Verdict {
        let backend = &self.backends[id.index()];
        let health = &backend.checker(prober).health;
        Verdict {
            probe: ProbeId {
                backend: id,
                number: probe.number,
            },
            by,
            started: probe.started,
            prober: prober as u32,
            against: backend.against(),
            belief: backend.belief(),
            flipped: transition.is_some_and(|change| change.changes_use()),
            failures: health.failures(),
            successes: health.successes(),
            transition,
        }
    }
}
