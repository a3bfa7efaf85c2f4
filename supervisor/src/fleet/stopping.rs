//! PURE: the order in which a fleet goes. The load first, so that stopping costs no request; then all the rest.

use crate::lab::JournalReport;
use router::clock::Timestamp;
use std::time::Duration;

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
