//! What balancing requests and balancing connections have in common: following what the control thread publishes,
//! choosing a backend, counting, telling, and the gate that retries go through. Lives on the data thread.
//!
//! A driver calls [`Traffic::begin`] for each request (or connection), then [`Traffic::ended`] for each attempt, after
//! a failed one perhaps [`Traffic::may_retry`] and at the time that says [`Traffic::retry`], and [`Traffic::dropped`] when
//! all is over.

mod state;

use self::state::{Pending, State};
use super::judge::{Judge, Seen};
use super::shares::Shares;
use super::table::{Member, Shared, Table};
use crate::core::retry::Tries;
use crate::core::{BackendId, Denied, OnFailure, OpenConnections, Picker, RetryGate, RetryTo, Settings};
use arc_swap::Cache;
use router::clock::{self, Timestamp};
use router::dice;
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
    state: RefCell<State>,
}

/// What a driver does when the table changes.
pub trait Driver {
    fn settings(&self, settings: &Settings);
    /// No new attempt goes to `backend`; what becomes of those under way.
    fn out_of_use(&self, backend: BackendId, open: OpenConnections);
}

/// One request, or connection, on its way.
#[derive(Debug)]
pub struct Ticket {
    request: Option<u64>,
    /// Source port of a relayed connection.
    port: Option<u16>,
    /// Where its attempt is, until that has ended.
    at: Option<BackendId>,
    /// Where it is still counted after a failed attempt, until the next one starts or none does.
    held: Option<BackendId>,
    tried: Vec<BackendId>,
    tries: Tries,
    /// Which prober decides for it, where each does for a share.
    share: Option<usize>,
    /// The attempt under way, or the wait for it, went through the retry gate.
    retrying: bool,
    /// The attempt under way tries an ejected backend.
    trial: bool,
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
    /// By us, because its backend went out of use.
    pub severed: bool,
    /// Of the response head, if one came.
    pub status: Option<u16>,
    /// `Ok`: whole; a status of 500 or more counts as failed.
    pub result: Result<(), Cause>,
}

impl Traffic {
    pub fn new(
        shared: Arc<Shared>,
        events: Events,
        seen: UnboundedSender<Seen>,
        driver: Box<dyn Driver>,
        seed: u64,
    ) -> Rc<Traffic> {
        let table = shared.table().load_full();
        driver.settings(&table.settings);
        let mut judge = Judge::new(seen);
        judge.resize(table.members.len());
        let state = State {
            published: Cache::new(shared.table().clone()),
            picker: Picker::new(table.settings.balance, &table.usable),
            shares: Shares::new(&table),
            retries: RetryGate::new(clock::now()),
            random: dice::seeded(seed, "retries", 0),
            pending: vec![Pending::Nothing; table.members.len()],
            judge,
            trials: Vec::new(),
            tried: vec![0; table.members.len()],
            table,
        };
        Rc::new(Traffic {
            shared,
            events,
            driver,
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
            at: None,
            held: None,
            tried: Vec::new(),
            tries: Tries { begun: now, made: 0 },
            share: None,
            retrying: false,
            trial: false,
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

    /// When the next attempt may start: [`Traffic::retry`]. `None`: it is not allowed, or there is nobody.
    pub fn may_retry(&self, ticket: &mut Ticket, now: Timestamp) -> Option<Timestamp> {
        let state = &mut *self.state.borrow_mut();
        self.refresh(state);
        let start = self.allowed(state, ticket, now);
        if start.is_none() {
            self.release(state, ticket);
        }
        start
    }

    fn allowed(&self, state: &mut State, ticket: &mut Ticket, now: Timestamp) -> Option<Timestamp> {
        let settings = state.table.settings.retry;
        let start = ticket.tries.next(now, &settings, &mut state.random)?;
        // After a wait somebody may be back.
        let nobody = state.table.usable.is_empty() && state.trials.is_empty();
        if nobody && start <= now && settings.to != RetryTo::Same {
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
        Some(start)
    }

    /// The next attempt starts now, wherever `retry-to` wants it. `None`: there is nobody.
    pub fn retry(&self, ticket: &mut Ticket, now: Timestamp) -> Option<Target> {
        let state = &mut *self.state.borrow_mut();
        self.refresh(state);
        let to = state.table.settings.retry.to;
        if to != RetryTo::Same {
            // Not where it was: that one's count says nothing of this pick.
            self.release(state, ticket);
        }
        let Some(backend) = state.picker(ticket).pick_again(to, &ticket.tried) else {
            ticket.retrying = false;
            state.retries.ended();
            self.release(state, ticket);
            return None;
        };
        self.shared.forwarded.retries.add(1);
        let target = self.start(state, ticket, backend, now);
        // After the start: between two attempts at the same router it is never quiet.
        self.release(state, ticket);
        Some(target)
    }

    /// The request is over; an attempt still under way is cut off without a word about its backend.
    pub fn dropped(&self, mut ticket: Ticket) {
        self.leave(&mut ticket, None);
    }

    fn start(&self, state: &mut State, ticket: &mut Ticket, backend: BackendId, now: Timestamp) -> Target {
        ticket.at = Some(backend);
        ticket.tries.made += 1;
        ticket.trial = !state.trials.is_empty() && state.try_out(backend);
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
        if ticket.at.is_none() && ticket.held.is_none() && !ticket.retrying {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        if std::mem::take(&mut ticket.retrying) {
            state.retries.ended();
        }
        let Some(backend) = ticket.at.take() else {
            return self.release(state, ticket);
        };
        ticket.held = Some(backend);
        let member = &state.table.members[backend.index()];
        if let Some(attempt) = attempt {
            member.tally.attempted(attempt.started);
            self.count(member, ticket, attempt);
            let settings = &state.table.settings;
            if settings.detectors.passive {
                state
                    .judge
                    .ended(backend, attempt, ticket.trial, &settings.passive);
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
        let stays = attempt.is_some_and(|attempt| !attempt.succeeded() && !attempt.severed)
            && stays_counted(&state.table.settings);
        if !stays {
            self.release(state, ticket);
        }
    }

    /// It is not counted any more where its last attempt was.
    fn release(&self, state: &mut State, ticket: &mut Ticket) {
        let Some(backend) = ticket.held.take() else { return };
        state.picker.ended(backend);
        state.shares.ended(ticket.share, backend);
        let member = &state.table.members[backend.index()];
        member.tally.in_flight.set(state.picker.in_flight(backend).into());
        if state.pending[backend.index()] != Pending::Nothing {
            self.tell(state, backend);
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
                nth: ticket.tries.made,
                port: ticket.port,
                reckoned: false,
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
        self.driver.settings(&table.settings);
        state.pending.resize(table.members.len(), Pending::Nothing);
        state.judge.resize(table.members.len());
        state.tried.resize(table.members.len(), 0);
        state.trials.clear();
        let open = table.trials.iter();
        let open = open.filter(|(backend, number)| state.tried[backend.index()] != *number);
        state.trials.extend(open);
        state.aim();
        for (i, since) in table.since.iter().enumerate() {
            let backend = BackendId(i as u32);
            let (was, is) = (old.uses(backend), table.uses(backend));
            if was == is && old.since.get(i) == Some(since) {
                continue;
            }
            let pending = &mut state.pending[i];
            if !is {
                let open = match table.present[i] {
                    true => table.settings.open_connections,
                    false => OpenConnections::Keep,
                };
                self.driver.out_of_use(backend, open);
                *pending = Pending::Quiet;
                continue;
            }
            // Up from the start is not back again.
            let known = i < old.members.len();
            // In use although Down: when it serves again, it has come back.
            let in_panic = table.panic && *pending == Pending::Nothing;
            if known && (!was || in_panic) {
                *pending = Pending::Readmission(*since);
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

/// Whether a request that waits for its next attempt counts as in flight where the last one failed. HAProxy keeps the
/// server assigned through its turn-around, so `leastconn` avoids it, redispatch or not; and a router to which the retry
/// goes has not heard the last of it.
fn stays_counted(settings: &Settings) -> bool {
    let retry = &settings.retry;
    let retries = matches!(settings.on_failure, OnFailure::Retry | OnFailure::RetryConnect);
    retries && (retry.to == RetryTo::Same || !retry.delay.is_zero())
}

impl Ended {
    fn succeeded(&self) -> bool {
        self.result.is_ok() && self.status.is_none_or(|status| status < 500)
    }
}
