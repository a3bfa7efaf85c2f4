//! What balancing requests and balancing connections have in common: following what the control thread publishes,
//! choosing a backend, counting, telling, and the gate that retries go through. Lives on the data thread.
//!
//! A driver calls [`Traffic::begin`] for each request (or connection), then [`Traffic::ended`] for each attempt, after
//! a failed one perhaps [`Traffic::again`], and [`Traffic::dropped`] when all is over.

use super::shares::Shares;
use super::table::{Member, Shared, Table};
use crate::core::{BackendId, Denied, Picker, RetryGate, Settings};
use arc_swap::{ArcSwap, Cache};
use router::clock::{self, Timestamp};
use router::record::{Cause, Event};
use router::worker::Events;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// Reads what the control thread has published and never waits for it.
pub struct Traffic {
    shared: Arc<Shared>,
    events: Events,
    driver: Box<dyn Driver>,
    /// For the control thread: attempts that say something about a backend.
    seen: UnboundedSender<Seen>,
    state: RefCell<State>,
}

/// What a driver does when the table changes.
pub trait Driver {
    fn settings(&self, settings: &Settings);
    /// No new attempt goes to `backend`; those under way go on.
    fn out_of_use(&self, backend: BackendId);
}

/// An ended attempt in the eyes of passive detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub backend: BackendId,
    pub at: Timestamp,
    pub failed: bool,
}

/// One request, or connection, on its way.
#[derive(Debug, Default)]
pub struct Ticket {
    request: Option<u64>,
    /// Source port of a relayed connection.
    port: Option<u16>,
    /// Where its attempt is, until that has ended.
    at: Option<BackendId>,
    tried: Vec<BackendId>,
    nth: u32,
    /// Which prober decides for it, where each does for a share.
    share: Option<usize>,
    /// The attempt under way went through the retry gate.
    retrying: bool,
}

/// Where an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub backend: BackendId,
    pub addr: SocketAddr,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub started: Timestamp,
    pub ended: Timestamp,
    pub reused: bool,
    /// Of the response head, if one came.
    pub status: Option<u16>,
    /// `Ok`: whole; a status of 500 or more counts as failed.
    pub result: Result<(), Cause>,
}

struct State {
    published: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    /// The table in force here.
    table: Arc<Table>,
    /// Counts what is in flight, and picks unless the table has shares.
    picker: Picker,
    shares: Shares,
    retries: RetryGate,
    /// Per backend: what is still to be told about its last change.
    pending: Vec<Pending>,
    /// Per backend: its last attempt failed, as far as the control thread knows.
    failing: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// Not usable any more, and attempts are in flight.
    Quiet,
    /// Usable again since then, and no attempt started since has succeeded.
    Readmission(Timestamp),
    /// Usable again; the attempt started then was the first to succeed.
    Readmitted(Timestamp),
}

impl Traffic {
    pub fn new(
        shared: Arc<Shared>,
        events: Events,
        seen: UnboundedSender<Seen>,
        driver: Box<dyn Driver>,
    ) -> Rc<Traffic> {
        let table = shared.table().load_full();
        driver.settings(&table.settings);
        let state = State {
            published: Cache::new(shared.table().clone()),
            picker: Picker::new(table.settings.balance, &table.usable),
            shares: Shares::new(&table),
            retries: RetryGate::new(clock::now()),
            pending: vec![Pending::Nothing; table.members.len()],
            failing: vec![false; table.members.len()],
            table,
        };
        Rc::new(Traffic {
            shared,
            events,
            driver,
            seen,
            state: RefCell::new(state),
        })
    }

    /// Follows what is published even when no request comes by.
    pub async fn follow(&self) {
        loop {
            self.shared.news().await;
            let state = &mut *self.state.borrow_mut();
            self.refresh(state);
            for i in 0..state.pending.len() {
                self.tell(state, BackendId(i as u32));
            }
        }
    }

    /// The table in force for what has begun.
    pub fn table(&self) -> Arc<Table> {
        self.state.borrow().table.clone()
    }

    /// Reads something of the settings in force.
    pub fn settings<T>(&self, read: impl FnOnce(&Settings) -> T) -> T {
        read(&self.state.borrow().table.settings)
    }

    /// A request has come; its first attempt starts now at the target. `None`: no backend may be used.
    pub fn begin(&self, request: Option<u64>, port: Option<u16>, now: Timestamp) -> (Ticket, Option<Target>) {
        let state = &mut *self.state.borrow_mut();
        self.refresh(state);
        let mut ticket = Ticket {
            request,
            port,
            ..Ticket::default()
        };
        self.shared.forwarded.requests.add(1);
        state.retries.request(now, &state.table.settings.retry);
        ticket.share = state.shares.deal();
        let Some(backend) = state.picker(&ticket).pick() else {
            self.shared.unrouted.add(1);
            self.events.emit_at(now, Event::Unrouted { request });
            return (ticket, None);
        };
        let target = self.start(state, &mut ticket, backend, now);
        (ticket, Some(target))
    }

    /// The attempt under way is over, however it ended.
    pub fn ended(&self, ticket: &mut Ticket, attempt: &Ended) {
        self.leave(ticket, Some(attempt));
    }

    /// One more attempt, elsewhere if there is an elsewhere. `None`: it is not allowed, or there is nobody.
    pub fn again(&self, ticket: &mut Ticket, now: Timestamp) -> Option<Target> {
        let state = &mut *self.state.borrow_mut();
        self.refresh(state);
        let settings = state.table.settings.retry;
        if ticket.nth > settings.retries || state.table.usable.is_empty() {
            return None;
        }
        if let Err(denied) = state.retries.begin(now, &settings) {
            match denied {
                Denied::Budget => self.shared.forwarded.over_budget.add(1),
                Denied::Breaker => self.shared.forwarded.over_breaker.add(1),
            }
            return None;
        }
        ticket.retrying = true;
        let Some(backend) = state.picker(ticket).pick_other(&ticket.tried) else {
            ticket.retrying = false;
            state.retries.ended();
            return None;
        };
        self.shared.forwarded.retries.add(1);
        Some(self.start(state, ticket, backend, now))
    }

    /// The request is over; an attempt still under way is cut off without a word about its backend.
    pub fn dropped(&self, mut ticket: Ticket) {
        self.leave(&mut ticket, None);
    }

    fn start(&self, state: &mut State, ticket: &mut Ticket, backend: BackendId, now: Timestamp) -> Target {
        ticket.at = Some(backend);
        ticket.nth += 1;
        state.picker.started(backend);
        state.shares.started(ticket.share, backend);
        self.shared.attempt_begins();
        let member = &state.table.members[backend.index()];
        member.tally.in_flight.set(state.picker.in_flight(backend).into());
        member.tally.attempted(now);
        Target {
            backend,
            addr: member.traffic,
        }
    }

    fn leave(&self, ticket: &mut Ticket, attempt: Option<&Ended>) {
        let Some(backend) = ticket.at.take() else { return };
        let state = &mut *self.state.borrow_mut();
        if std::mem::take(&mut ticket.retrying) {
            state.retries.ended();
        }
        state.picker.ended(backend);
        state.shares.ended(ticket.share, backend);
        let member = &state.table.members[backend.index()];
        member.tally.in_flight.set(state.picker.in_flight(backend).into());
        if let Some(attempt) = attempt {
            member.tally.attempted(attempt.started);
            self.count(member, ticket, attempt);
            if state.table.settings.detectors.passive {
                self.judge(&mut state.failing[backend.index()], backend, attempt);
            }
            if let Pending::Readmission(since) = state.pending[backend.index()]
                && attempt.started >= since
                && attempt.succeeded()
            {
                state.pending[backend.index()] = Pending::Readmitted(attempt.started);
            }
            if !attempt.succeeded() {
                ticket.tried.push(backend);
            }
        }
        if state.pending[backend.index()] != Pending::Nothing {
            self.tell(state, backend);
        }
    }

    /// Tells the control thread of failures, and of the first success after one.
    fn judge(&self, failing: &mut bool, backend: BackendId, attempt: &Ended) {
        let failed = match attempt.result {
            Err(Cause::Cut | Cause::ClientGone) => return,
            Err(_) => true,
            Ok(()) => matches!(attempt.status, Some(502..=504)),
        };
        if failed || *failing {
            *failing = failed;
            let at = attempt.ended;
            // The receiver lives as long as the control thread, and this process not longer.
            let _ = self.seen.send(Seen { backend, at, failed });
        }
    }

    fn count(&self, member: &Member, ticket: &Ticket, attempt: &Ended) {
        let cause = match attempt.result {
            Ok(()) if attempt.succeeded() => return member.tally.ok.add(1),
            Ok(()) => Cause::Status5xx,
            Err(cause) => cause,
        };
        member.tally.count_failed(cause);
        if self.events.wanted() {
            self.events.emit(Event::Attempt {
                request: ticket.request,
                router: member.name.clone(),
                started_ns: attempt.started,
                cause,
                reused: attempt.reused,
                status: attempt.status,
                nth: ticket.nth,
                port: ticket.port,
            });
        }
    }

    /// Takes over a newly published table.
    fn refresh(&self, state: &mut State) {
        let table = state.published.load();
        if Arc::ptr_eq(table, &state.table) {
            return;
        }
        let table = table.clone();
        let old = std::mem::replace(&mut state.table, table.clone());
        state.picker.update(table.settings.balance, &table.usable);
        state.shares.update(&table);
        self.driver.settings(&table.settings);
        state.pending.resize(table.members.len(), Pending::Nothing);
        state.failing.resize(table.members.len(), false);
        for (i, since) in table.since.iter().enumerate() {
            if old.since.get(i) == Some(since) {
                continue;
            }
            let backend = BackendId(i as u32);
            if table.usable.binary_search(&backend).is_ok() {
                // Up from the start is not back again.
                let came_back = i < old.members.len() && old.usable.binary_search(&backend).is_err();
                state.pending[i] = if came_back {
                    Pending::Readmission(*since)
                } else {
                    Pending::Nothing
                };
            } else {
                self.driver.out_of_use(backend);
                state.pending[i] = Pending::Quiet;
            }
        }
    }

    /// Writes the record a backend's last change still owes, once the change itself is in the log.
    fn tell(&self, state: &mut State, backend: BackendId) {
        let member = &state.table.members[backend.index()];
        let router = || member.name.clone();
        let event = match state.pending[backend.index()] {
            Pending::Quiet if state.picker.in_flight(backend) == 0 => Event::Quiet {
                router: router(),
                last_attempt_ns: member.tally.last_attempt(),
            },
            Pending::Readmitted(started_ns) => Event::Readmitted {
                router: router(),
                started_ns,
            },
            Pending::Nothing | Pending::Quiet | Pending::Readmission(_) => return,
        };
        if self.shared.is_told(state.table.version) {
            state.pending[backend.index()] = Pending::Nothing;
            self.events.emit(event);
        }
    }
}

impl State {
    /// Who chooses for that request.
    fn picker(&mut self, ticket: &Ticket) -> &mut Picker {
        self.shares.picker(ticket.share).unwrap_or(&mut self.picker)
    }
}

impl Ended {
    fn succeeded(&self) -> bool {
        self.result.is_ok() && self.status.is_none_or(|status| status < 500)
    }
}
