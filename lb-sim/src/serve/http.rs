//! Balancing requests: who gets one, whether it may be tried again, and what a client sees when an attempt fails.

use super::traffic::{Driver, Ended, Target, Ticket, Traffic};
use crate::core::{BackendId, OnFailure, Settings};
use router::clock::Timestamp;
use router::http1::RequestHead;
use router::proxy::{self, AfterFailure, Attempt, Engine, Finish, Policy, Reply, Upstream, Verdict};
use router::record::Cause;
use std::net::SocketAddr;
use std::rc::Rc;

/// The header that carries the load's request number.
pub const REQUEST_HEADER: &str = "x-resetlab-request";

/// The policy of the forwarding engine.
pub struct Forward(pub Rc<Traffic>);

/// One request on its way.
pub struct Exchange {
    ticket: Ticket,
    /// Sending it twice does what sending it once does (RFC 9110 §9.2.2).
    idempotent: bool,
}

/// Keeps the engine's timeouts and connections as the table says.
pub struct Follower(pub Rc<Engine>);

impl Driver for Follower {
    fn settings(&self, settings: &Settings) {
        self.0.set_settings(proxy::Settings {
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            ..self.0.settings()
        });
    }

    /// Its connections are not used again.
    fn out_of_use(&self, backend: BackendId) {
        self.0.pools().discard(backend.0);
    }
}

impl Policy for Forward {
    type Exchange = Exchange;

    fn start(&self, head: &RequestHead<'_>, _client: SocketAddr, now: Timestamp) -> (Exchange, Verdict) {
        let request = head
            .header(REQUEST_HEADER)
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
        let (ticket, target) = self.0.begin(request, None, now);
        let exchange = Exchange {
            ticket,
            idempotent: idempotent(head.method()),
        };
        let verdict = match target {
            Some(target) => Verdict::Forward(upstream(target)),
            None if self.0.settings(|settings| settings.on_failure) == OnFailure::Reset => Verdict::Reset,
            None => Verdict::Reply(Reply::explain(503, "no router is believed Up")),
        };
        (exchange, verdict)
    }

    fn attempt_ended(&self, exchange: &mut Exchange, attempt: &Attempt) -> AfterFailure {
        let ended = Ended {
            started: attempt.started,
            ended: attempt.ended,
            reused: attempt.reused,
            status: attempt.result.ok().or(attempt.status),
            result: attempt.result.map(drop),
        };
        self.0.ended(&mut exchange.ticket, &ended);
        let cause = match attempt.result {
            // Nobody asks what to do then: a retry would be counted and never made.
            Ok(_) | Err(Cause::Cut | Cause::ClientGone) => return AfterFailure::Reset,
            Err(cause) => cause,
        };
        let on_failure = self.0.settings(|settings| settings.on_failure);
        if on_failure == OnFailure::Reset {
            return AfterFailure::Reset;
        }
        // Where no connection was made, the router has not seen the request.
        let harmless = matches!(cause, Cause::Refused | Cause::ConnectTimeout) || exchange.idempotent;
        if on_failure == OnFailure::Retry
            && harmless
            && attempt.replayable
            && let Some(target) = self.0.again(&mut exchange.ticket, attempt.ended)
        {
            return AfterFailure::Retry(upstream(target));
        }
        AfterFailure::Reply(match cause {
            Cause::ResponseTimeout => Reply::explain(504, "the router did not answer in time"),
            _ => Reply::explain(502, "the router failed"),
        })
    }

    fn finished(&self, exchange: Exchange, _end: &Finish) {
        // As when the engine is stopped in the middle.
        self.0.dropped(exchange.ticket);
    }
}

fn upstream(target: Target) -> Upstream {
    Upstream {
        key: target.backend.0,
        addr: target.addr,
    }
}

fn idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}
