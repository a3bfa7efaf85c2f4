//! What a router is like at present; shared by its threads. Reading it never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Condition(Arc<Inner>);

#[derive(Default)]
struct Inner {
    draining: AtomicBool,
    /// Requests under way. Written by the data thread only.
    in_flight: AtomicU64,
}

impl Condition {
    /// From now on `/health` says no.
    pub fn start_draining(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Requests whose head has come and that are not over.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// A request began. Call from the data thread only: one writer needs no locked instruction.
    pub fn began(&self) {
        self.0.in_flight.store(self.in_flight() + 1, Ordering::Relaxed);
    }

    /// A request is over. Call from the data thread only.
    pub fn ended(&self) {
        self.0
            .in_flight
            .store(self.in_flight().saturating_sub(1), Ordering::Relaxed);
    }
}
