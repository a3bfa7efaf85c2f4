//! PURE: what a program tells, in the words of the records.

use router::clock::Timestamp;
use router::record::{Belief, Cause, Detector};
use std::time::Duration;

/// One thing that a log line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A request (mode=tcp: a connection) is over, after so many attempts (0: no router could be used).
    Request { attempts: u32 },
    /// A try at a router is over, failed or not.
    Attempt(Attempt),
    /// No router could be used.
    Unrouted { request: Option<u64>, at: Timestamp },
    /// It has changed its mind just now.
    Belief(Seen),
}

/// A try at a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub request: Option<u64>,
    pub router: String,
    pub started: Timestamp,
    /// `None`: it succeeded.
    pub cause: Option<Cause>,
    /// Its connection had served a request before, as far as the program tells.
    pub reused: bool,
    pub status: Option<u16>,
    /// Which try of its request, from 1.
    pub nth: u32,
    /// Source port of the client's connection, in mode=tcp.
    pub port: Option<u16>,
    /// The log names how often it tried again, and not when: its start is reckoned.
    pub reckoned: bool,
}

/// What it believes of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub router: String,
    pub belief: Belief,
    /// In words: "2 of 3 checks failed".
    pub reason: String,
    pub by: Detector,
    /// When it changed its mind, where the program says so; otherwise it is when the guard heard it.
    pub at: Option<Timestamp>,
}

/// What goes to a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    pub router: String,
    /// Requests (connections) under way there.
    pub under_way: u64,
    /// All that it has had so far, if that is counted.
    pub total: Option<u64>,
}

/// The wall clock, which programs stamp their logs with, beside the lab's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall {
    /// `CLOCK_REALTIME` − `CLOCK_MONOTONIC` in nanoseconds.
    offset: u64,
}

impl Wall {
    /// From one moment, read on both clocks: wall time since 1970, and the lab's.
    pub fn new(wall: Duration, now: Timestamp) -> Wall {
        let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        let offset = wall.saturating_sub(now.0);
        Wall { offset }
    }

    /// The lab's time of a wall time since 1970.
    pub fn at(self, wall: Duration) -> Timestamp {
        let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        Timestamp(wall.saturating_sub(self.offset))
    }
}

#[cfg(test)]
impl Wall {
    /// A machine that was started in 1970.
    pub const fn since_boot() -> Wall {
        Wall { offset: 0 }
    }
}
