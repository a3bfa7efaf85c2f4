//! The data thread's decisions: who gets a request, and what a client sees when an attempt fails.

use super::table::{Member, Shared, Table};
use crate::core::{BackendId, OnFailure, Picker, Settings};
use arc_swap::{ArcSwap, Cache};
use router::clock::Timestamp;
use router::http1::RequestHead;
use router::proxy::{self, AfterFailure, Attempt, Engine, Finish, Policy, Reply, Upstream, Verdict};
use router::record::{Cause, Event};
use router::worker::Events;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// The header that carries the load's request number.
pub const REQUEST_HEADER: &str = "x-resetlab-request";

/// Lives on the data thread; reads what the control thread has published and never waits for it.
pub struct Forward {
    shared: Arc<Shared>,
    events: Events,
    engine: Rc<Engine>,
    state: RefCell<State>,
}

struct State {
    published: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    /// The table in force here.
    table: Arc<Table>,
    picker: Picker,
    /// Per backend: what is still to be told about its last change.
    pending: Vec<Pending>,
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

/// One request on its way.
pub struct Exchange {
    request: Option<u64>,
    /// Where its attempt is, until that has ended.
    at: Option<BackendId>,
}

impl Forward {
    pub fn new(shared: Arc<Shared>, events: Events, engine: Rc<Engine>) -> Rc<Forward> {
        let table = shared.table().load_full();
        let state = State {
            published: Cache::new(shared.table().clone()),
            picker: Picker::new(table.settings.balance, &table.usable),
            pending: vec![Pending::Nothing; table.members.len()],
            table,
        };
        let forward = Forward {
            shared,
            events,
            engine,
            state: RefCell::new(state),
        };
        forward.engine.set_settings(engine_settings(
            forward.engine.settings(),
            &forward.state.borrow().table.settings,
        ));
        Rc::new(forward)
    }

    /// Follows what is published even when no request comes by. Run beside [`proxy::serve`].
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

    /// Takes over a newly published table.
    fn refresh(&self, state: &mut State) {
        let table = state.published.load();
        if Arc::ptr_eq(table, &state.table) {
            return;
        }
        let table = table.clone();
        let old = std::mem::replace(&mut state.table, table.clone());
        state.picker.update(table.settings.balance, &table.usable);
        self.engine
            .set_settings(engine_settings(self.engine.settings(), &table.settings));
        state.pending.resize(table.members.len(), Pending::Nothing);
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
                // Attempts under way go on; their connections are not used again.
                self.engine.pools().discard(backend.0);
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

    /// The attempt is over, however it ended.
    fn leave(&self, exchange: &mut Exchange, attempt: Option<&Attempt>) {
        let Some(backend) = exchange.at.take() else { return };
        let state = &mut *self.state.borrow_mut();
        state.picker.ended(backend);
        let member = &state.table.members[backend.index()];
        member.tally.in_flight.set(state.picker.in_flight(backend).into());
        if let Some(attempt) = attempt {
            member.tally.attempted(attempt.started);
            self.count(member, exchange.request, attempt);
            if let Pending::Readmission(since) = state.pending[backend.index()]
                && attempt.started >= since
                && succeeded(attempt)
            {
                state.pending[backend.index()] = Pending::Readmitted(attempt.started);
            }
        }
        if state.pending[backend.index()] != Pending::Nothing {
            self.tell(state, backend);
        }
    }

    fn count(&self, member: &Member, request: Option<u64>, attempt: &Attempt) {
        let (cause, status) = match attempt.result {
            Ok(status) if status < 500 => return member.tally.ok.add(1),
            Ok(status) => (Cause::Status5xx, Some(status)),
            Err(cause) => (cause, attempt.status),
        };
        member.tally.count_failed(cause);
        if self.events.wanted() {
            let attempt = Event::Attempt {
                request,
                router: member.name.clone(),
                started_ns: attempt.started,
                cause,
                reused: attempt.reused,
                status,
                nth: 1,
                port: None,
            };
            self.events.emit(attempt);
        }
    }
}

impl Policy for Forward {
    type Exchange = Exchange;

    fn start(&self, head: &RequestHead<'_>, _client: SocketAddr, now: Timestamp) -> (Exchange, Verdict) {
        let state = &mut *self.state.borrow_mut();
        self.refresh(state);
        let request = head
            .header(REQUEST_HEADER)
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        let Some(backend) = state.picker.pick() else {
            self.shared.unrouted.add(1);
            self.events.emit_at(now, Event::Unrouted { request });
            let verdict = match state.table.settings.on_failure {
                OnFailure::Reset => Verdict::Reset,
                _ => Verdict::Reply(Reply::explain(503, "no router is believed Up")),
            };
            return (Exchange { request, at: None }, verdict);
        };
        state.picker.started(backend);
        let member = &state.table.members[backend.index()];
        member.tally.in_flight.set(state.picker.in_flight(backend).into());
        member.tally.attempted(now);
        let upstream = Upstream {
            key: backend.0,
            addr: member.traffic,
        };
        (
            Exchange {
                request,
                at: Some(backend),
            },
            Verdict::Forward(upstream),
        )
    }

    fn attempt_ended(&self, exchange: &mut Exchange, attempt: &Attempt) -> AfterFailure {
        self.leave(exchange, Some(attempt));
        match (self.state.borrow().table.settings.on_failure, attempt.result) {
            (OnFailure::Reset, _) => AfterFailure::Reset,
            (_, Err(Cause::ResponseTimeout)) => {
                AfterFailure::Reply(Reply::explain(504, "the router did not answer in time"))
            }
            (_, _) => AfterFailure::Reply(Reply::explain(502, "the router failed")),
        }
    }

    fn finished(&self, mut exchange: Exchange, _end: &Finish) {
        // Cut off without a word about its attempt, as when the engine is stopped.
        self.leave(&mut exchange, None);
    }
}

fn succeeded(attempt: &Attempt) -> bool {
    matches!(attempt.result, Ok(status) if status < 500)
}

fn engine_settings(engine: proxy::Settings, settings: &Settings) -> proxy::Settings {
    proxy::Settings {
        connect_timeout: settings.connect_timeout,
        response_timeout: settings.response_timeout,
        ..engine
    }
}
