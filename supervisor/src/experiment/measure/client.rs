//! PURE: what a fault cost, from the client's side alone: for a balancer that does not tell of its attempts, and to
//! measure two balancers alike.
//!
//! Every request that did not end `ok` and was under way in the victim's spell is held against the victim. With one
//! fault at a time nothing else fails requests; of victims hit together nobody can tell the requests apart, and the
//! first gets all.

use super::Lost;
use super::spell::Spell;
use router::clock::Timestamp;
use router::record::{Event, Outcome, Record};
use std::collections::BTreeMap;

/// A victim's lost requests, as its clients saw them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub lost: Lost,
    /// Of the requests that were sent after the fault.
    pub window: BTreeMap<Outcome, u64>,
    /// Intended time of the last of them, in seconds after the fault.
    pub clear: Option<f64>,
}

/// One [`Seen`] for each of `spells`.
pub(super) fn seen(records: &[Record], spells: &[Spell]) -> Vec<Seen> {
    let mut all: Vec<Seen> = spells.iter().map(|_| Seen::default()).collect();
    for record in records {
        let Some((request, outcome)) = Request::lost(record) else {
            continue;
        };
        if let Some(victim) = spells.iter().position(|spell| spell.holds(request)) {
            all[victim].count(&spells[victim], request, outcome);
        }
    }
    all
}

/// The life of a lost request.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub intended: Timestamp,
    pub sent: Timestamp,
    pub ended: Timestamp,
}

impl Request {
    /// Of an outcome's record, with what the client got.
    pub fn lost(record: &Record) -> Option<(Request, Outcome)> {
        match &record.event {
            Event::Outcome {
                intended_ns,
                sent_ns,
                outcome,
                ..
            } => Some((
                Request {
                    intended: *intended_ns,
                    sent: sent_ns.unwrap_or(*intended_ns),
                    ended: record.at,
                },
                *outcome,
            )),
            _ => None,
        }
    }
}

impl Spell {
    /// Sent before the victim served again, and lost after it had stopped to.
    pub(super) fn holds(&self, request: Request) -> bool {
        request.ended >= self.fault && self.over.is_none_or(|over| request.sent < over)
    }
}

impl Seen {
    fn count(&mut self, spell: &Spell, request: Request, outcome: Outcome) {
        if request.sent < spell.harmful() {
            self.lost.in_flight += 1;
        } else {
            self.lost.window += 1;
            *self.window.entry(outcome).or_insert(0) += 1;
            let clear = request.intended.seconds_after(spell.fault);
            self.clear = Some(self.clear.map_or(clear, |so_far| so_far.max(clear)));
        }
        *self.lost.by_outcome.entry(outcome).or_insert(0) += 1;
    }
}
