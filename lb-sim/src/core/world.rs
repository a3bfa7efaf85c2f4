//! A world in virtual time for tests: routers that live, refuse or hang, and the balancer that checks them.

use super::{Action, BackendId, Balancer, Check, CheckSettings, ProbeId, Verdict};
use router::clock::Timestamp;
use router::record::{Belief, Detector, ProbeResult};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Alive,
    Refusing,
    /// Checks wait for its end, and are answered then. The kernel goes on completing handshakes.
    Hung,
    /// Checks are lost, as packets are.
    Silent,
    /// Checks over HTTP are answered with a status that is not healthy.
    Failing,
}

impl Truth {
    /// How a check ends now; `None`: it gets no answer.
    fn result(self, check: Check) -> Option<ProbeResult> {
        match (self, check) {
            (Truth::Alive, _) | (Truth::Hung | Truth::Failing, Check::Tcp) => Some(ProbeResult::Ok),
            (Truth::Failing, Check::Http) => Some(ProbeResult::Status),
            (Truth::Refusing, _) => Some(ProbeResult::Refused),
            (Truth::Hung, Check::Http) | (Truth::Silent, _) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Started(Timestamp, ProbeId),
    Ended(Timestamp, Verdict),
    Overdue(Timestamp, BackendId),
}

pub(crate) struct World {
    pub balancer: Balancer,
    pub now: Timestamp,
    pub log: Vec<Note>,
    pub truth: Vec<Truth>,
    /// A router that answers takes this long to, unless it refuses.
    pub latency: Duration,
    /// The balancer reads what a living router has answered so much later, whatever becomes of the router meanwhile.
    pub reading: Duration,
    /// What is still to be read.
    unread: BTreeMap<(Timestamp, u64), ProbeId>,
    /// Checks under way that will be answered.
    answers: BTreeMap<(Timestamp, u64), ProbeId>,
    /// Checks under way at hung routers, and all others, abandoned or not.
    sent: Vec<ProbeId>,
    /// Those of them that nobody will answer.
    lost: Vec<ProbeId>,
}

/// Far enough from zero to look back.
pub(crate) const BIRTH: Timestamp = Timestamp(1_000_000_000_000);

impl World {
    pub fn new(settings: CheckSettings, backends: u32, seed: u64) -> World {
        World {
            balancer: Balancer::new(settings, backends, BIRTH, seed),
            now: BIRTH,
            log: Vec::new(),
            truth: vec![Truth::Alive; backends as usize],
            latency: Duration::ZERO,
            reading: Duration::ZERO,
            unread: BTreeMap::new(),
            answers: BTreeMap::new(),
            sent: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Runs everything that happens up to and including `end`.
    pub fn run_until(&mut self, end: Timestamp) {
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// Runs until `backend` is believed `belief`; `None` if it is not by `limit`.
    pub fn run_to_belief(
        &mut self,
        backend: BackendId,
        belief: Belief,
        limit: Timestamp,
    ) -> Option<Timestamp> {
        loop {
            if self.balancer.found(backend) == belief {
                return Some(self.balancer.found_since(backend));
            }
            let at = self.next_event().filter(|at| *at <= limit)?;
            self.now = self.now.max(at);
            self.step();
        }
    }

    /// Changes what a router is now. Checks under way there: refused at once, answered at once, or left waiting.
    pub fn set_truth(&mut self, backend: BackendId, truth: Truth) {
        self.truth[backend.index()] = truth;
        let waiting: Vec<_> = self
            .sent
            .iter()
            .copied()
            .filter(|probe| probe.backend == backend && !self.lost.contains(probe))
            .collect();
        self.answers.retain(|_, probe| probe.backend != backend);
        for probe in waiting {
            self.answer(probe);
        }
    }

    /// Takes `backend` out of the fleet, or in again.
    pub fn swap(&mut self, backend: BackendId) {
        self.answers.retain(|_, probe| probe.backend != backend);
        self.sent.retain(|probe| probe.backend != backend);
        if self.balancer.present(backend) {
            self.balancer.remove_backend(self.now, backend);
        } else {
            self.balancer.restore_backend(self.now, backend);
        }
    }

    /// The sentinel connection of `backend` ends; a live or refusing router answers the check it starts at once.
    pub fn lose_sentinel(&mut self, backend: BackendId) -> Option<Verdict> {
        let Some(Action::Start { probe, .. }) = self.balancer.on_connection_lost(self.now, backend) else {
            return None;
        };
        // Always over HTTP.
        let result = self.truth[backend.index()].result(Check::Http)?;
        self.balancer.on_probe(self.now, probe, result)
    }

    /// Whether the balancer still waits for this check.
    pub fn under_way(&self, probe: ProbeId) -> bool {
        self.sent.contains(&probe)
    }

    fn result(&self, truth: Truth) -> Option<ProbeResult> {
        truth.result(self.balancer.settings().check)
    }

    fn next_event(&self) -> Option<Timestamp> {
        let first = |map: &BTreeMap<(Timestamp, u64), ProbeId>| map.keys().next().map(|(at, _)| *at);
        [
            first(&self.unread),
            first(&self.answers),
            self.balancer.next_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn step(&mut self) {
        while let Some(entry) = self
            .unread
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let probe = entry.remove();
            self.hear(probe, ProbeResult::Ok);
        }
        while let Some(entry) = self
            .answers
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let probe = entry.remove();
            self.answer(probe);
        }
        let mut actions = Vec::new();
        self.balancer.on_deadline(self.now, &mut actions);
        for action in actions {
            match action {
                Action::Start { probe, .. } => {
                    self.log.push(Note::Started(self.now, probe));
                    let truth = self.truth[probe.backend.index()];
                    if truth == Truth::Alive && !self.reading.is_zero() {
                        self.unread.insert((self.now + self.reading, probe.number), probe);
                        continue;
                    }
                    self.sent.push(probe);
                    match self.result(truth) {
                        None if truth == Truth::Silent => self.lost.push(probe),
                        None => {}
                        Some(ProbeResult::Refused) => self.answer(probe),
                        Some(_) if self.latency.is_zero() => self.answer(probe),
                        Some(_) => {
                            self.answers
                                .insert((self.now + self.latency, probe.number), probe);
                        }
                    }
                }
                Action::Return(_) | Action::Try(_) => {}
                Action::Overdue(overdue) => self.log.push(Note::Overdue(self.now, overdue.backend)),
                Action::Expire(verdict) if verdict.by != Detector::Poll => {}
                Action::Expire(verdict) => {
                    self.sent.retain(|probe| *probe != verdict.probe);
                    self.lost.retain(|probe| *probe != verdict.probe);
                    self.log.push(Note::Ended(self.now, verdict));
                }
            }
        }
    }

    fn answer(&mut self, probe: ProbeId) {
        let Some(result) = self.result(self.truth[probe.backend.index()]) else {
            return;
        };
        self.sent.retain(|sent| *sent != probe);
        self.hear(probe, result);
    }

    fn hear(&mut self, probe: ProbeId, result: ProbeResult) {
        if let Some(verdict) = self.balancer.on_probe(self.now, probe, result) {
            self.log.push(Note::Ended(self.now, verdict));
        }
    }
}
