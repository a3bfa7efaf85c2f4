//! PURE: which failed attempts and which lost requests belong to which victim.
//!
//! The balancer tells of attempts, the client of requests. Both name the request's id, or in `mode=tcp` the source
//! port of the client's connection, and ports are used again. A client that gives up before its balancer does leaves no
//! failed attempt behind: `untold` finds whose its request was.

use super::client::Request;
use super::spell::Spell;
use super::{Lost, Teller, untold};
use router::clock::Timestamp;
use router::record::{Cause, Event, Outcome, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of the requests of one victim. Times in seconds after its fault.
#[derive(Default)]
pub(super) struct Joined {
    pub lost: Lost,
    pub causes: BTreeMap<Cause, u64>,
    /// Attempts that nobody saw.
    pub reckoned: u64,
    pub saved: u64,
    /// Start of the last failed attempt.
    pub last_failed: Option<Timestamp>,
    /// Lost requests of which no failed attempt was told.
    pub untold: u64,
    /// Start of the last attempt whose request was lost, without those in flight.
    pub last_lost: Option<f64>,
    /// When those were sent of which no attempt was told, in seconds, without those in flight.
    untold_sent: Vec<f64>,
    /// When the last of these was sent whose client despaired: its attempt goes on.
    last_despaired: Option<Timestamp>,
    /// Intended time of the last lost request, without those in flight.
    pub clear: Option<f64>,
}

/// A failed attempt at a victim.
struct Failed {
    victim: usize,
    request: Option<u64>,
    port: Option<u16>,
    nth: u32,
    started: Timestamp,
    ended: Timestamp,
    cause: Cause,
    reckoned: bool,
}

/// What a client asked for: its failed attempts in order.
struct Asked {
    /// The first decides whose the request is.
    attempts: Vec<Failed>,
    outcome: Option<(Timestamp, Outcome)>,
}

/// A connection's next attempt follows the failed one at once.
const AT_ONCE: Duration = Duration::from_secs(1);

/// One [`Joined`] for each of `spells`.
pub(super) fn join(records: &[Record], spells: &[Spell], teller: &Teller) -> Vec<Joined> {
    let mut asked = ask(failed_attempts(records, spells));
    let left = give_outcomes(records, &mut asked);
    asked.iter_mut().for_each(Asked::not_before_it_was_due);
    let mut joined: Vec<Joined> = spells.iter().map(|_| Joined::default()).collect();
    for asked in &asked {
        for attempt in &asked.attempts {
            let joined = &mut joined[attempt.victim];
            *joined.causes.entry(attempt.cause).or_insert(0) += 1;
            joined.reckoned += u64::from(attempt.reckoned);
            joined.last_failed = joined.last_failed.max(Some(attempt.started));
        }
        if let Some(first) = asked.attempts.first() {
            joined[first.victim].count(&spells[first.victim], first, asked);
        }
        // Also those after the first, which a balancer may have started at the same router seconds later.
        for attempt in asked.attempts.iter().filter(|_| asked.outcome.is_some()) {
            joined[attempt.victim].lost_at(&spells[attempt.victim], attempt.started);
        }
    }
    for (victim, request, outcome) in untold::whose(records, spells, &left, teller) {
        joined[victim].count_untold(&spells[victim], request, outcome);
    }
    for (victim, request, outcome) in untold::unserved(records, spells, &left) {
        let joined = &mut joined[victim];
        joined.lost.unserved += 1;
        *joined.lost.by_outcome.entry(outcome).or_insert(0) += 1;
        let clear = request.intended.seconds_after(spells[victim].fault);
        joined.clear = later(joined.clear, clear);
    }
    joined
}

impl Joined {
    fn count(&mut self, spell: &Spell, first: &Failed, asked: &Asked) {
        let Some((intended, outcome)) = asked.outcome else {
            // A client that went away is not helped; one that cannot be found is not known to be.
            let known = first.request.is_some() || first.port.is_some();
            let waits = asked
                .attempts
                .iter()
                .all(|attempt| attempt.cause != Cause::ClientGone);
            self.saved += u64::from(known && waits);
            return;
        };
        self.lose(spell, first.started, intended, outcome);
    }

    /// An attempt of a lost request started then.
    fn lost_at(&mut self, spell: &Spell, started: Timestamp) {
        if started >= spell.harmful() {
            self.last_lost = later(self.last_lost, started.seconds_after(spell.fault));
        }
    }

    /// The balancer has told nothing: its attempt is taken to have started when the request was sent.
    fn count_untold(&mut self, spell: &Spell, request: Request, outcome: Outcome) {
        self.untold += 1;
        let sent = self.lose(spell, request.sent, request.intended, outcome);
        self.untold_sent.extend(sent);
        if outcome == Outcome::Timeout {
            self.last_despaired = self.last_despaired.max(Some(request.sent));
        }
    }

    /// Start of the last attempt that failed, or of which its client despaired.
    pub fn last_in_vain(&self) -> Option<Timestamp> {
        self.last_failed.max(self.last_despaired)
    }

    /// `t_lost`. No attempt was made there after `last`, so that none was for a request that was sent later.
    pub fn t_lost(&self, last: Option<f64>) -> Option<f64> {
        let untold = self.untold_sent.iter().copied();
        let untold = untold.filter(|sent| last.is_none_or(|last| *sent <= last));
        untold.fold(self.last_lost, later)
    }

    /// When its attempt started, in seconds; `None`: it was in flight, and is of no window.
    fn lose(
        &mut self,
        spell: &Spell,
        started: Timestamp,
        intended: Timestamp,
        outcome: Outcome,
    ) -> Option<f64> {
        *self.lost.by_outcome.entry(outcome).or_insert(0) += 1;
        if started < spell.harmful() {
            self.lost.in_flight += 1;
            return None;
        }
        self.lost.window += 1;
        self.clear = later(self.clear, intended.seconds_after(spell.fault));
        Some(started.seconds_after(spell.fault))
    }
}

/// In the order of their starts.
fn failed_attempts(records: &[Record], spells: &[Spell]) -> Vec<Failed> {
    let mut failed: Vec<Failed> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Attempt {
                request,
                router,
                started_ns,
                cause,
                nth,
                port,
                reckoned,
                ..
            } => {
                let harmed = |spell: &Spell| {
                    spell.router == *router
                        && record.at >= spell.fault
                        && spell.over.is_none_or(|over| *started_ns < over)
                };
                Some(Failed {
                    victim: spells.iter().position(harmed)?,
                    request: *request,
                    port: *port,
                    nth: *nth,
                    started: *started_ns,
                    ended: record.at,
                    cause: *cause,
                    reckoned: *reckoned,
                })
            }
            _ => None,
        })
        .collect();
    failed.sort_by_key(|attempt| attempt.started);
    failed
}

/// Attempts of the same request, or of the same connection, together.
fn ask(failed: Vec<Failed>) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    let mut by_request: BTreeMap<u64, usize> = BTreeMap::new();
    let mut by_port: BTreeMap<u16, usize> = BTreeMap::new();
    for attempt in failed {
        let known = match (attempt.request, attempt.port) {
            (Some(request), _) => by_request.get(&request).copied(),
            (None, Some(port)) => by_port
                .get(&port)
                .copied()
                .filter(|known| asked[*known].goes_on(&attempt)),
            (None, None) => None,
        };
        let place = known.unwrap_or(asked.len());
        match (attempt.request, attempt.port) {
            (Some(request), _) => {
                by_request.insert(request, place);
            }
            (None, Some(port)) => {
                by_port.insert(port, place);
            }
            (None, None) => {}
        }
        match known {
            Some(known) => asked[known].attempts.push(attempt),
            None => asked.push(Asked {
                attempts: vec![attempt],
                outcome: None,
            }),
        }
    }
    asked
}

impl Asked {
    /// `next`, from the same port, is of the same connection: not of a later one that got that port again.
    fn goes_on(&self, next: &Failed) -> bool {
        self.attempts
            .last()
            .is_some_and(|last| next.nth > last.nth && next.started.since(last.ended) < AT_ONCE)
    }

    /// A log of whole milliseconds (nginx's) has attempts begin a moment before the request that they are for.
    fn not_before_it_was_due(&mut self) {
        let Some((intended, _)) = self.outcome else { return };
        for attempt in &mut self.attempts {
            attempt.started = attempt.started.max(intended);
        }
    }

    /// The attempts fall into the life of a request from `intended` to `ended`.
    fn lived(&self, intended: Timestamp, ended: Timestamp) -> bool {
        let first = self.attempts.first().map(|attempt| attempt.started);
        let last = self.attempts.last().map(|attempt| attempt.ended);
        first.is_some_and(|first| first <= ended) && last.is_some_and(|last| last >= intended)
    }
}

/// A request's outcome is found by its id, otherwise by its port: the nearest connection before it. Returns the outcomes
/// that belong to none of `asked`.
fn give_outcomes<'a>(records: &'a [Record], asked: &mut [Asked]) -> Vec<&'a Record> {
    let mut left = Vec::new();
    let mut by_request: BTreeMap<u64, usize> = BTreeMap::new();
    let mut by_port: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (place, asked) in asked.iter().enumerate() {
        match asked.attempts.first().map(|first| (first.request, first.port)) {
            Some((Some(request), _)) => {
                by_request.insert(request, place);
            }
            Some((None, Some(port))) => by_port.entry(port).or_default().push(place),
            _ => {}
        }
    }
    for record in records {
        let Event::Outcome {
            request,
            intended_ns,
            outcome,
            port,
            ..
        } = &record.event
        else {
            continue;
        };
        let found = by_request.get(request).copied().or_else(|| {
            let places = by_port.get(&(*port)?)?;
            let lived = |place: &&usize| asked[**place].lived(*intended_ns, record.at);
            places.iter().rev().find(lived).copied()
        });
        match found {
            Some(found) => drop(asked[found].outcome.get_or_insert((*intended_ns, *outcome))),
            None => left.push(record),
        }
    }
    left
}

fn later(so_far: Option<f64>, seconds: f64) -> Option<f64> {
    Some(so_far.map_or(seconds, |so_far| so_far.max(seconds)))
}
