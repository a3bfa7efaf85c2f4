//! The order in which a fleet goes. The load first, so that stopping costs no request; then all the rest.

use super::actor::Actor;
use super::slot::{Role, Slot, Truth};
use crate::lab::JournalReport;
use router::clock::{self, Timestamp};
use std::time::Duration;
use tokio::sync::oneshot;

/// How the end went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopReport {
    pub journal: JournalReport,
    /// Processes that did not stop when told and got SIGKILL; hung ones are not among them.
    pub forced: Vec<String>,
    /// Processes that could not be ended within 5 s; normally none.
    pub left: Vec<String>,
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The load ends what it has in flight, until then.
    Load(Timestamp),
    /// All others, until then.
    Rest(Timestamp),
    /// The kernel, until then.
    Killed(Timestamp),
}

const LOAD: Duration = Duration::from_millis(300);
const REST: Duration = Duration::from_secs(1);
const KERNEL: Duration = Duration::from_secs(5);

impl Phase {
    pub fn first(now: Timestamp) -> Phase {
        Phase::Load(now + LOAD)
    }

    pub fn deadline(self) -> Timestamp {
        match self {
            Phase::Load(at) | Phase::Rest(at) | Phase::Killed(at) => at,
        }
    }

    /// The phase after this one; `None`: give up.
    pub fn next(self, now: Timestamp) -> Option<Phase> {
        match self {
            Phase::Load(_) => Some(Phase::Rest(now + REST)),
            Phase::Rest(_) => Some(Phase::Killed(now + KERNEL)),
            Phase::Killed(_) => None,
        }
    }
}

impl Actor {
    /// Begins to stop everything; a second caller waits with the first.
    pub(super) fn stop(&mut self, reply: Option<oneshot::Sender<StopReport>>) {
        if let Some((_, waiting)) = &mut self.stopping {
            waiting.extend(reply);
            return;
        }
        let now = clock::now();
        self.stopping = Some((Phase::first(now), reply.into_iter().collect()));
        for slot in &mut self.slots {
            slot.restart_due = None;
        }
        for index in 0..self.slots.len() {
            self.spoil_crash(index, "was ended with its lab");
        }
        self.end_pauses(Timestamp(u64::MAX));
        self.signal(|slot| slot.role == Role::Load, rustix::process::Signal::TERM);
        self.sweep_orphans();
        self.skip_phase_if_done();
    }

    pub(super) fn skip_phase_if_done(&mut self) {
        let load_gone = self
            .slots
            .iter()
            .all(|slot| slot.role != Role::Load || slot.process.is_none());
        if load_gone && matches!(self.stopping, Some((Phase::Load(_), _))) {
            self.next_phase(clock::now());
        }
    }

    pub(super) fn next_phase(&mut self, now: Timestamp) {
        use rustix::process::Signal;
        let Some((phase, waiting)) = self.stopping.take() else {
            return;
        };
        let Some(next) = phase.next(now) else {
            self.stopping = Some((phase, waiting));
            self.slots.iter_mut().for_each(|slot| {
                if slot.process.take().is_some() {
                    self.forced.push(format!("{} (still there)", slot.name));
                }
            });
            if std::mem::take(&mut self.orphans) > 0 {
                self.forced.push("descendants of theirs (still there)".to_owned());
            }
            return;
        };
        match next {
            Phase::Load(_) => {}
            Phase::Rest(_) => {
                // What it still has in flight will not be answered by a hung router before its time is up.
                self.signal(
                    |slot| slot.role == Role::Load || slot.truth == Truth::Hung,
                    Signal::KILL,
                );
                self.signal(|slot| slot.truth != Truth::Hung, Signal::TERM);
            }
            Phase::Killed(_) => {
                let late = self.slots.iter().filter(|slot| slot.process.is_some());
                self.forced.extend(late.map(|slot| slot.name.clone()));
                self.signal(|_| true, Signal::KILL);
            }
        }
        self.stopping = Some((next, waiting));
    }

    pub(super) fn signal(&self, which: impl Fn(&Slot) -> bool, signal: rustix::process::Signal) {
        for slot in self.slots.iter().filter(|slot| which(slot)) {
            if let Some(process) = &slot.process {
                let _ = process.signal(signal); // an error means that it is gone already
            }
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopping.is_some() && self.orphans == 0 && self.slots.iter().all(|slot| slot.process.is_none())
    }

    pub(super) fn end(self) {
        let (still, forced) = self
            .forced
            .into_iter()
            .partition(|name| name.ends_with("(still there)"));
        let report = StopReport {
            journal: self.hub.close(),
            forced,
            left: still,
        };
        if let Some((reply, why)) = self.not_started {
            let _ = reply.send(Err(why));
        }
        for reply in self.stopping.into_iter().flat_map(|(_, waiting)| waiting) {
            let _ = reply.send(report.clone());
        }
    }
}
