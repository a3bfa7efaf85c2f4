//! PURE: what a trial did, and to whom.

use super::{Anchor, Teller};
use router::clock::Timestamp;
use router::record::{CrashVariant, Fault, Stamp};
use std::time::Duration;

/// What a trial did.
#[derive(Clone, Copy, Debug)]
pub struct Strike<'a> {
    /// Which of the run's, from 1.
    pub trial: u32,
    pub fault: Fault,
    pub victims: &'a [Victim],
    /// The victims were brought back from then on.
    pub held_until: Timestamp,
    pub anchor: Anchor,
    /// From one check's anchor to the next check's start, where that is always the same.
    pub interval: Option<Duration>,
    pub teller: &'a Teller,
}

/// A fault that took effect at a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    pub router: String,
    pub at: Timestamp,
    pub stamp: Stamp,
    pub crash: Option<Crash>,
}

/// What it took to crash a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    pub attempts: u64,
    pub variant: Option<CrashVariant>,
}
