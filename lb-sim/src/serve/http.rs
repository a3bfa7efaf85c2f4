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
            self.refresh(&mut self.state.borrow_mut());
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
                    Pending::Readmitted(*since)
                } else {
                    Pending::Nothing
                };
            } else {
                // Attempts under way go on; their connections are not used again.
                self.engine.pools().discard(backend.0);
                state.pending[i] = Pending::Quiet;
                self.tell_if_quiet(state, backend);
            }
        }
    }

    fn tell_if_quiet(&self, state: &mut State, backend: BackendId) {
        let pending = &mut state.pending[backend.index()];
        if *pending == Pending::Quiet && state.picker.in_flight(backend) == 0 {
            *pending = Pending::Nothing;
            let member = &state.table.members[backend.index()];
            self.events.emit(Event::Quiet {
                router: member.name.clone(),
                last_attempt_ns: member.tally.last_attempt(),
            });
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
            if let Pending::Readmitted(since) = state.pending[backend.index()]
                && attempt.started >= since
                && succeeded(attempt)
            {
                state.pending[backend.index()] = Pending::Nothing;
                let (router, started_ns) = (member.name.clone(), attempt.started);
                self.events.emit(Event::Readmitted { router, started_ns });
            }
        }
        self.tell_if_quiet(state, backend);
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
                OnFailure::BadGateway => Verdict::Reply(Reply::explain(503, "no router is believed Up")),
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
            (OnFailure::BadGateway, Err(Cause::ResponseTimeout)) => {
                AfterFailure::Reply(Reply::explain(504, "the router did not answer in time"))
            }
            (OnFailure::BadGateway, _) => AfterFailure::Reply(Reply::explain(502, "the router failed")),
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
