//! PURE: lost requests of which the balancer told no failed attempt.
//!
//! A client that gives up before its balancer does (a hang, `client-timeout` below `response-timeout`) loses its request
//! while the attempt goes on, and may even be answered when the router runs again. Such a request is held against the
//! victim in whose spell it was under way, as [`super::client`] does with all; of victims hit together the first gets
//! it.

use super::Teller;
use super::client::Request;
use super::spell::Spell;
use router::clock::Timestamp;
use router::record::{Event, Outcome, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Which victim each of the `left` outcomes belongs to, without those that something else explains.
///
/// lb-sim tells of every attempt that ended: only a client's own timeout needs no failed attempt there. A real
/// balancer does not tell of all.
pub(super) fn whose(
    records: &[Record],
    spells: &[Spell],
    left: &[&Record],
    teller: &Teller,
) -> Vec<(usize, Request, Outcome)> {
    let explained = Explained::by(records);
    let tells_all = teller.tells_all();
    let victim = |record: &&Record| {
        let (request, outcome) = Request::lost(record)?;
        let silent = outcome == Outcome::Timeout || !tells_all;
        let victim = spells.iter().position(|spell| spell.holds(request))?;
        (silent && !explained.has(record, request)).then_some((victim, request, outcome))
    };
    left.iter().filter_map(victim).collect()
}

/// The `left` outcomes of requests for which no router was in use, and the first victim in whose spell they were: they
/// were lost because of its fault, though it never met them.
pub(super) fn unserved(
    records: &[Record],
    spells: &[Spell],
    left: &[&Record],
) -> Vec<(usize, Request, Outcome)> {
    let unrouted = records.iter().filter_map(|record| match &record.event {
        Event::Unrouted { request } => *request,
        _ => None,
    });
    let unrouted: BTreeSet<u64> = unrouted.collect();
    // A router that is back is no help before it is used again.
    let used = |spell: &Spell| {
        let waited = spell.readmitted_after(records).unwrap_or(0.0);
        Some(spell.over?.seconds_after(spell.fault) + waited)
    };
    let used: Vec<Option<f64>> = spells.iter().map(used).collect();
    let victim = |record: &&Record| {
        let (life, outcome) = Request::lost(record)?;
        let Event::Outcome { request, .. } = &record.event else {
            return None;
        };
        unrouted.contains(request).then_some(())?;
        let waits = |(spell, used): (&Spell, &Option<f64>)| {
            life.ended >= spell.fault && used.is_none_or(|used| life.sent.seconds_after(spell.fault) < used)
        };
        let victim = spells.iter().zip(&used).position(waits)?;
        Some((victim, life, outcome))
    };
    left.iter().filter_map(victim).collect()
}

/// What failed at other routers, or found none in use.
struct Explained {
    requests: BTreeSet<u64>,
    /// Start and end of the failed attempts of each client's port.
    ports: BTreeMap<u16, Vec<(Timestamp, Timestamp)>>,
}

impl Explained {
    fn by(records: &[Record]) -> Explained {
        let mut explained = Explained {
            requests: BTreeSet::new(),
            ports: BTreeMap::new(),
        };
        for record in records {
            match &record.event {
                Event::Unrouted { request } => explained.requests.extend(request),
                Event::Attempt {
                    request,
                    port,
                    started_ns,
                    ..
                } => match (request, port) {
                    (Some(request), _) => drop(explained.requests.insert(*request)),
                    (None, Some(port)) => {
                        let attempts = explained.ports.entry(*port).or_default();
                        attempts.push((*started_ns, record.at));
                    }
                    (None, None) => {}
                },
                _ => {}
            }
        }
        explained
    }

    fn has(&self, record: &Record, life: Request) -> bool {
        let Event::Outcome { request, port, .. } = &record.event else {
            return false;
        };
        let meanwhile =
            |(started, ended): &(Timestamp, Timestamp)| *started <= life.ended && *ended >= life.intended;
        let attempts = port.and_then(|port| self.ports.get(&port));
        self.requests.contains(request) || attempts.is_some_and(|attempts| attempts.iter().any(meanwhile))
    }
}
