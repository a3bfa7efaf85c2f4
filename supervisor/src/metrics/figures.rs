//! PURE: the figures of one router.

use super::counts::{CAUSES, Counts, RESULTS};
use crate::story::{self, Condition};
use router::record::{Belief, Detector, Event, Record};

/// Why a process ended.
pub(super) const REASONS: [&str; 6] = ["clean", "crash", "error", "killed", "not_started", "signal"];
pub(super) const DETECTORS: [Detector; 4] = [
    Detector::Poll,
    Detector::Passive,
    Detector::Sentinel,
    Detector::Notice,
];
pub(super) const BELIEFS: [Belief; 5] = [
    Belief::Up,
    Belief::GoingDown,
    Belief::Down,
    Belief::GoingUp,
    Belief::Ejected,
];

#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub condition: Condition,
    pub belief: Belief,
    /// Who decided that.
    pub by: Detector,
    /// The balancer knows it.
    pub present: bool,
    pub incarnation: u32,
    pub restarts: u64,
    pub exits: Counts,
    /// Failed attempts by cause.
    pub failed: Counts,
    /// Health checks by result.
    pub probes: Counts,
    /// Checks that the end of a sentinel connection started, by result.
    pub sentinel: Counts,
    /// Mistakes by who decided.
    pub mistakes: Counts,
    /// It has said so, and not exited yet.
    crashed: bool,
}

impl Default for Figures {
    /// One that has not been started yet, and that the balancer does not know.
    fn default() -> Figures {
        Figures {
            condition: Condition::default(),
            belief: Belief::Up,
            by: Detector::Poll,
            present: false,
            incarnation: 0,
            restarts: 0,
            exits: Counts::of(&REASONS),
            failed: Counts::of(&CAUSES),
            probes: Counts::of(&RESULTS),
            sentinel: Counts::of(&RESULTS),
            mistakes: Counts::of(&DETECTORS),
            crashed: false,
        }
    }
}

impl Figures {
    /// One that the lab began with.
    pub fn serving() -> Figures {
        Figures {
            condition: Condition::ready(),
            present: true,
            incarnation: 1,
            ..Figures::default()
        }
    }

    /// Takes a record [about] this router.
    pub fn on_record(&mut self, record: &Record) {
        if story::subject(record).is_some() {
            self.condition.on_record(record);
        }
        match &record.event {
            Event::Spawned { incarnation, .. } => {
                self.restarts += u64::from(*incarnation > 1);
                self.incarnation = *incarnation;
                self.crashed = false;
            }
            Event::Crash { .. } => self.crashed = true,
            Event::Exited { code, signal, .. } => {
                self.exits.add(&reason(*code, *signal, self.crashed), 1);
            }
            Event::Probe { result, .. } => self.probes.add(result, 1),
            Event::SentinelCheck { result, .. } => self.sentinel.add(result, 1),
            Event::Attempt { cause, .. } => self.failed.add(cause, 1),
            Event::Belief { to, by, .. } => (self.belief, self.by) = (*to, *by),
            Event::Member { present, .. } => self.present = *present,
            _ => {}
        }
    }

    pub fn on_new_balancer(&mut self) {
        (self.belief, self.by) = (Belief::Up, Detector::Poll);
    }
}

/// The router, or the process, that a record is about.
pub(super) fn about(record: &Record) -> Option<&str> {
    match &record.event {
        Event::Crash { .. } => Some(&record.from),
        Event::Probe { router, .. }
        | Event::SentinelCheck { router, .. }
        | Event::Attempt { router, .. }
        | Event::Belief { router, .. }
        | Event::Member { router, .. } => Some(router),
        _ => story::subject(record),
    }
}

/// One of [`REASONS`].
pub(super) fn reason(code: Option<i32>, signal: Option<i32>, crashed: bool) -> &'static str {
    match (code, signal) {
        (Some(0), _) => "clean",
        (Some(_), _) if crashed => "crash",
        (Some(_), _) => "error",
        (None, Some(9)) => "killed",
        (None, Some(_)) => "signal",
        (None, None) => "not_started",
    }
}
