//! What the balancer wants done, and what an ended check did.

use super::{BackendId, Transition};
use router::clock::Timestamp;
use router::record::{Belief, Detector};
use std::time::Duration;

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
