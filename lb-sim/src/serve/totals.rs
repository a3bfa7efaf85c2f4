//! Running counts: checks a second, and what the data thread has done.

use super::table::Shared;
use router::clock::Timestamp;
use router::record::Event;
use router::worker::Events;
use std::collections::BTreeMap;
use std::time::Duration;

/// Checks that ended per second, over the last ten whole seconds.
#[derive(Default)]
pub struct Rate {
    /// Second of the monotonic clock → checks in it.
    seconds: BTreeMap<u64, u32>,
    first: Option<u64>,
}

impl Rate {
    const SPAN: u64 = 10;

    pub fn count(&mut self, at: Timestamp) {
        let second = at.0 / 1_000_000_000;
        self.first.get_or_insert(second);
        *self.seconds.entry(second).or_default() += 1;
        while self.seconds.len() as u64 > Self::SPAN + 1 {
            self.seconds.pop_first();
        }
    }

    /// 0 in the first second.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let second = now.0 / 1_000_000_000;
        let from = second
            .saturating_sub(Self::SPAN)
            .max(self.first.unwrap_or(second));
        let checks: u32 = self.seconds.range(from..second).map(|(_, count)| count).sum();
        if from == second {
            0.0
        } else {
            f64::from(checks) / (second - from) as f64
        }
    }
}

/// Tells the data thread's totals at most ten times a second, and only when they have changed.
#[derive(Default)]
pub struct Totals {
    told: [u64; 5],
    at: Timestamp,
}

const GAP: Duration = Duration::from_millis(100);

impl Totals {
    /// When to look again; never if nobody reads.
    pub fn next_deadline(&self, events: &Events) -> Option<Timestamp> {
        events.wanted().then_some(self.at + GAP)
    }

    pub fn tell(&mut self, at: Timestamp, shared: &Shared, events: &Events) {
        let totals = now(shared);
        if at < self.at + GAP {
            return;
        }
        self.at = at;
        if std::mem::replace(&mut self.told, totals) == totals {
            return;
        }
        let [requests, attempts, retries, over_budget, over_breaker] = totals;
        events.emit_at(
            at,
            Event::Forwarded {
                requests,
                attempts,
                retries,
                over_budget,
                over_breaker,
            },
        );
    }
}

fn now(shared: &Shared) -> [u64; 5] {
    let forwarded = &shared.forwarded;
    [
        &forwarded.requests,
        &forwarded.attempts,
        &forwarded.retries,
        &forwarded.over_budget,
        &forwarded.over_breaker,
    ]
    .map(|counter| counter.get())
}
