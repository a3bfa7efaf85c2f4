//! Balancing requests: who gets one, whether it may be tried again, and what a client sees when an attempt fails.

use super::traffic::{Driver, Ended, Target, Ticket, Traffic};
use crate::core::{Answer, Answers, BackendId, OnFailure, OpenConnections, Settings};
use router::clock::Timestamp;
use router::http1::RequestHead;
use router::proxy::{self, AfterFailure, Attempt, Engine, Finish, Policy, Reply, Sever, Upstream, Verdict};
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
    /// Why the last attempt failed, and whether its request was the first of its client's connection.
    failed: Option<(Cause, bool)>,
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
    fn out_of_use(&self, backend: BackendId, open: OpenConnections) {
        match open {
            OpenConnections::Keep => self.0.pools().discard(backend.0),
            OpenConnections::Close => self.0.sever(backend.0, Sever::Close),
            OpenConnections::Reset => self.0.sever(backend.0, Sever::Reset),
        }
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
            failed: None,
        };
        let verdict = match target {
            Some(target) => Verdict::Forward(upstream(target)),
            None => match self
                .0
                .settings(|settings| (settings.on_failure, settings.answers.unrouted))
            {
                (OnFailure::Reset, _) | (_, Answer::Reset) => Verdict::Reset,
                (_, Answer::Close) => Verdict::Close,
                (_, Answer::Status(status)) => {
                    Verdict::Reply(Reply::explain(status, "no router is believed Up"))
                }
            },
        };
        (exchange, verdict)
    }

    fn attempt_ended(&self, exchange: &mut Exchange, attempt: &Attempt) -> AfterFailure {
        let ended = Ended {
            started: attempt.started,
            ended: attempt.ended,
            reused: attempt.reused,
            severed: attempt.severed,
            status: attempt.result.ok().or(attempt.status),
            result: attempt.result.map(drop),
        };
        self.0.ended(&mut exchange.ticket, &ended);
        let cause = match attempt.result {
            // Nobody asks what to do then: a retry would be counted and never made.
            Ok(_) | Err(Cause::Cut | Cause::ClientGone) => return AfterFailure::Reset,
            Err(cause) => cause,
        };
        exchange.failed = Some((cause, attempt.first));
        let (on_failure, retry_on) = self
            .0
            .settings(|settings| (settings.on_failure, settings.retry.on));
        if on_failure == OnFailure::Reset {
            return AfterFailure::Reset;
        }
        if attempt.severed {
            // HAProxy answers as if the server had done it; it does not try another.
            return self.give_up(exchange);
        }
        let connected = !matches!(cause, Cause::Refused | Cause::ConnectTimeout);
        if on_failure == OnFailure::Retry
            && retry_on.allows(connected, exchange.idempotent)
            && attempt.replayable
            && let Some(start) = self.0.may_retry(&mut exchange.ticket, attempt.ended)
        {
            return match start > attempt.ended {
                true => AfterFailure::Wait(start),
                false => self.waited(exchange, attempt.ended),
            };
        }
        self.give_up(exchange)
    }

    fn waited(&self, exchange: &mut Exchange, now: Timestamp) -> AfterFailure {
        match self.0.retry(&mut exchange.ticket, now) {
            Some(target) => AfterFailure::Retry(upstream(target)),
            None => self.give_up(exchange),
        }
    }

    fn finished(&self, exchange: Exchange, _end: &Finish) {
        // As when the engine is stopped in the middle.
        self.0.dropped(exchange.ticket);
    }
}

impl Forward {
    /// What the client gets for the last attempt.
    fn give_up(&self, exchange: &Exchange) -> AfterFailure {
        let Some((cause, first)) = exchange.failed else {
            return AfterFailure::Reset;
        };
        match self
            .0
            .settings(|settings| answer(&settings.answers, cause, first))
        {
            Answer::Status(status) => AfterFailure::Reply(Reply::explain(
                status,
                match cause {
                    Cause::ResponseTimeout => "the router did not answer in time",
                    _ => "the router failed",
                },
            )),
            Answer::Close => AfterFailure::Close,
            Answer::Reset => AfterFailure::Reset,
        }
    }
}

fn answer(answers: &Answers, cause: Cause, first: bool) -> Answer {
    match cause {
        Cause::Refused => answers.refused,
        Cause::ConnectTimeout => answers.connect_timeout,
        Cause::Reset | Cause::Eof if !first => answers.reused,
        Cause::Reset | Cause::Eof | Cause::Malformed => answers.reset,
        Cause::ResponseTimeout => answers.timeout,
        // Nobody is asked about these: the client has had its response, or is gone.
        Cause::Cut | Cause::Status5xx | Cause::ClientGone => answers.reset,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_the_answer_that_was_set_for_it() {
        let status = Answer::Status;
        let answers = Answers {
            refused: status(501),
            connect_timeout: status(502),
            reset: status(503),
            reused: status(504),
            timeout: status(505),
            unrouted: status(506),
        };
        for (cause, first, later) in [
            (Cause::Refused, 501, 501),
            (Cause::ConnectTimeout, 502, 502),
            (Cause::Reset, 503, 504),
            (Cause::Eof, 503, 504),
            (Cause::Malformed, 503, 503),
            (Cause::ResponseTimeout, 505, 505),
        ] {
            assert_eq!(answer(&answers, cause, true), status(first), "{cause:?}");
            assert_eq!(answer(&answers, cause, false), status(later), "{cause:?}");
        }
    }
}
