//! What the control thread tells the data thread, and what that counts.

use crate::core::{BackendId, Settings};
use arc_swap::ArcSwap;
use router::clock::Timestamp;
use router::record::Cause;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The link between the two threads: a table published as a whole, and a bell for a data thread without traffic.
pub struct Shared {
    table: Arc<ArcSwap<Table>>,
    news: Notify,
    /// Rung once: the first request was sent to a router.
    first_attempt: Notify,
    /// The latest version whose story is in the event pipe.
    told: AtomicU64,
    /// Requests that found no usable backend.
    pub unrouted: Counter,
    pub forwarded: Forwarded,
}

/// Totals of the data thread.
#[derive(Debug, Default)]
pub struct Forwarded {
    pub requests: Counter,
    pub attempts: Counter,
    /// Attempts after the first of their request.
    pub retries: Counter,
    /// Retries that the budget, or the breaker, did not allow.
    pub over_budget: Counter,
    pub over_breaker: Counter,
}

/// What may be picked, and how to forward.
pub struct Table {
    /// Counts what was published.
    pub version: u64,
    pub settings: Settings,
    pub members: Arc<[Arc<Member>]>,
    /// The backends that may be picked, in order of their numbers.
    pub usable: Vec<BackendId>,
    /// Where each of several probers decides for its share of the requests: who may be picked for each share. Requests
    /// are dealt over them in turn. Empty: all requests go by `usable`.
    pub shares: Vec<Vec<BackendId>>,
    /// Per backend: since when it may, or may not, be picked.
    pub since: Vec<Timestamp>,
}

/// One backend: its names for the outside, and its counters.
#[derive(Debug)]
pub struct Member {
    pub name: String,
    pub traffic: SocketAddr,
    pub health: SocketAddr,
    pub tally: Tally,
}

/// Written by the data thread, read by anybody.
#[derive(Debug, Default)]
pub struct Tally {
    /// Attempts answered with anything below 500.
    pub ok: Counter,
    failed: [Counter; CAUSES.len()],
    pub in_flight: Counter,
    /// Start of the latest attempt, 0 before the first.
    last_attempt_ns: Counter,
}

/// A number with one writer: relaxed, without a locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

const CAUSES: [Cause; 9] = [
    Cause::Refused,
    Cause::Reset,
    Cause::Eof,
    Cause::ConnectTimeout,
    Cause::ResponseTimeout,
    Cause::Cut,
    Cause::Status5xx,
    Cause::Malformed,
    Cause::ClientGone,
];

impl Shared {
    pub fn new(table: Table) -> Shared {
        Shared {
            table: Arc::new(ArcSwap::from_pointee(table)),
            news: Notify::new(),
            first_attempt: Notify::new(),
            told: AtomicU64::new(0),
            unrouted: Counter::default(),
            forwarded: Forwarded::default(),
        }
    }

    /// In force for the next request. Follow with the records that explain it and with [`Shared::told`].
    pub fn publish(&self, table: Table) {
        self.table.store(Arc::new(table));
    }

    /// The records that explain what was published up to `version` are written: what follows from it may be told too.
    /// Wakes the data thread.
    pub fn told(&self, version: u64) {
        self.told.store(version, Ordering::Release);
        self.news.notify_one();
    }

    /// Whether records about `version` can be followed by others.
    pub fn is_told(&self, version: u64) -> bool {
        self.told.load(Ordering::Acquire) >= version
    }

    pub fn table(&self) -> &Arc<ArcSwap<Table>> {
        &self.table
    }

    /// One more attempt begins. The first rings a bell; for the others that costs nothing, the number is read anyway.
    pub fn attempt_begins(&self) {
        if self.forwarded.attempts.get() == 0 {
            self.first_attempt.notify_one();
        }
        self.forwarded.attempts.add(1);
    }

    /// Returns once, when the first attempt has begun.
    pub async fn first_attempt(&self) {
        self.first_attempt.notified().await;
    }

    /// Returns when something was told since the last return.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

impl Tally {
    /// An attempt was started at `at`.
    pub fn attempted(&self, at: Timestamp) {
        self.last_attempt_ns.set(self.last_attempt_ns.get().max(at.0));
    }

    /// When the latest attempt was started.
    pub fn last_attempt(&self) -> Option<Timestamp> {
        Some(Timestamp(self.last_attempt_ns.get())).filter(|at| at.0 > 0)
    }

    pub fn count_failed(&self, cause: Cause) {
        self.failed[place(cause)].add(1);
    }

    /// Failed attempts by cause, without the causes never seen.
    pub fn failed(&self) -> impl Iterator<Item = (Cause, u64)> {
        let counts = CAUSES
            .iter()
            .zip(&self.failed)
            .map(|(cause, count)| (*cause, count.get()));
        counts.filter(|(_, count)| *count > 0)
    }
}

impl Counter {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn add(&self, more: u64) {
        self.set(self.get() + more);
    }
}

fn place(cause: Cause) -> usize {
    match cause {
        Cause::Refused => 0,
        Cause::Reset => 1,
        Cause::Eof => 2,
        Cause::ConnectTimeout => 3,
        Cause::ResponseTimeout => 4,
        Cause::Cut => 5,
        Cause::Status5xx => 6,
        Cause::Malformed => 7,
        Cause::ClientGone => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_place() {
        for (i, cause) in CAUSES.iter().enumerate() {
            assert_eq!(place(*cause), i);
        }
    }
}
