//! gorouter's part: which endpoint a request goes to, what is added to it, what a client is told when it fails.

mod replies;

use crate::access_log::{AccessLog, Entry};
use crate::clock::{self, Timestamp};
use crate::condition::{Answer, Condition};
use crate::fault::Place;
use crate::header_race::{self, HeaderRace};
use crate::http1::{RequestHead, Version};
use crate::proxy::{
    AfterFailure, Attempt, ClientEof, Draining, Finish, Interims, Policy, Reply, Upstream, Verdict,
};
use crate::record::{Cause, DrainStage, Event, Fault};
use crate::routes::{Miss, Table};
use crate::worker::Events;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The decisions of one router. One per data thread.
pub struct Gateway {
    routes: Table,
    condition: Condition,
    log: AccessLog,
    events: Events,
    /// `x-resetlab-router: NAME\r\n`
    name_line: Vec<u8>,
    max_attempts: u32,
    /// `None`: this gorouter does not have the bug.
    race: Option<HeaderRace>,
}

/// One request on its way through.
pub struct Exchange {
    host: String,
    request: String,
    referer: Option<String>,
    user_agent: Option<String>,
    client: SocketAddr,
    forwarded_for: String,
    forwarded_proto: Option<String>,
    has_request_start: bool,
    request_id: Option<u64>,
    idempotent: bool,
    attempts: u32,
    endpoint: Option<SocketAddr>,
    backend_time: std::time::Duration,
    router_error: Option<String>,
    /// What a fault makes of it, once it has waited for as long as that demands.
    held: Option<Pin<Box<dyn Future<Output = Answer>>>>,
    /// A fault resets the client in the middle of the response.
    cut: bool,
    /// What both sides of the race see of it, from its first attempt on.
    response: Option<header_race::Response>,
}

impl Gateway {
    /// `name` goes into every response; a request is tried at most `max_attempts` times.
    pub fn new(
        name: &str,
        routes: Table,
        max_attempts: u32,
        condition: Condition,
        log: AccessLog,
        events: Events,
    ) -> Gateway {
        let name_line = format!("x-resetlab-router: {name}\r\n").into_bytes();
        Gateway {
            routes,
            condition,
            log,
            events,
            name_line,
            max_attempts: max_attempts.max(1),
            race: None,
        }
    }

    /// The same with the bug.
    pub fn with_header_race(self, race: Option<HeaderRace>) -> Gateway {
        Gateway { race, ..self }
    }

    /// Says how far a drain has come.
    pub fn record_drain(&self, stage: DrainStage) {
        self.events.emit(Event::Drain {
            stage,
            in_flight: self.condition.in_flight(),
        });
    }

    fn route(&self, exchange: &mut Exchange) -> Verdict {
        if exchange.host.is_empty() {
            return exchange.reply(replies::empty_host());
        }
        match self.pick(exchange) {
            Ok(upstream) => Verdict::Forward(upstream),
            Err(Miss::UnknownHost) => exchange.reply(replies::unknown_route(&exchange.host)),
            Err(Miss::NoEndpoint) => exchange.reply(replies::no_endpoints(&exchange.host)),
        }
    }

    fn pick(&self, exchange: &mut Exchange) -> Result<Upstream, Miss> {
        let endpoint = self.routes.pick(&exchange.host)?;
        exchange.endpoint = Some(endpoint.address);
        exchange.attempts += 1;
        Ok(Upstream {
            key: endpoint.key,
            addr: endpoint.address,
        })
    }
}

impl Policy for Gateway {
    type Exchange = Exchange;

    fn start(&self, head: &RequestHead<'_>, client: SocketAddr, _now: Timestamp) -> (Exchange, Verdict) {
        self.condition.began();
        let mut exchange = Exchange::of(head, client);
        let verdict = match self.condition.fault() {
            None => self.route(&mut exchange),
            Some(spec) => {
                let condition = self.condition.clone();
                exchange.held = Some(Box::pin(async move { condition.wait(Place::Requests).await }));
                Verdict::Hold(match spec.fault {
                    // It may last for hours: nobody waits behind a connection that was given up.
                    Fault::Silent => ClientEof::Abort,
                    _ => ClientEof::HalfClose,
                })
            }
        };
        (exchange, verdict)
    }

    fn poll_held(&self, exchange: &mut Exchange, cx: &mut Context<'_>) -> Poll<Verdict> {
        let answer = match &mut exchange.held {
            Some(held) => ready!(held.as_mut().poll(cx)),
            None => Answer::Honest,
        };
        exchange.held = None;
        exchange.cut = answer == Answer::Cut;
        Poll::Ready(match answer {
            Answer::Error(status) => Verdict::Reply(Reply::explain(status, "a fault was injected")),
            Answer::Honest | Answer::Cut => self.route(exchange),
        })
    }

    fn cuts(&self, exchange: &Exchange) -> bool {
        exchange.cut
    }

    fn request_headers(&self, exchange: &mut Exchange, out: &mut Vec<u8>) {
        // A further line of this field is a further element of its list (RFC 9110 §5.3).
        line(out, "X-Forwarded-For", &exchange.client.ip().to_string());
        if exchange.forwarded_proto.is_none() {
            line(out, "X-Forwarded-Proto", "http");
        }
        if !exchange.has_request_start {
            let since_epoch = clock::wall()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            line(out, "X-Request-Start", &since_epoch.as_millis().to_string());
        }
    }

    fn attempt_ended(&self, exchange: &mut Exchange, attempt: &Attempt) -> AfterFailure {
        exchange.backend_time += attempt.ended.since(attempt.started);
        let Err(cause) = attempt.result else {
            return AfterFailure::Reset;
        };
        let retriable = match cause {
            // Nothing was sent: any request may go elsewhere.
            Cause::Refused | Cause::ConnectTimeout => true,
            Cause::Eof => exchange.idempotent,
            _ => false,
        };
        if retriable
            && attempt.replayable
            && exchange.attempts < self.max_attempts
            && let Ok(upstream) = self.pick(exchange)
        {
            return AfterFailure::Retry(upstream);
        }
        let (reply, error) = replies::endpoint_failure(cause, attempt.upstream.addr);
        if let Some(response) = &exchange.response {
            match cause {
                Cause::ClientGone => response.abandon(error.clone()),
                _ => response.handle_error(&error),
            }
        }
        exchange.router_error = Some(error);
        AfterFailure::Reply(reply)
    }

    fn response_headers(&self, _: &mut Exchange, _status: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name_line);
    }

    fn interims(&self, exchange: &mut Exchange) -> Option<Arc<dyn Interims>> {
        let race = self.race.as_ref()?;
        let response = exchange.response.get_or_insert_with(|| race.response());
        Some(Arc::new(response.clone()))
    }

    fn finished(&self, exchange: Exchange, end: &Finish) {
        self.condition.ended();
        let response_time = end.ended.since(end.started);
        let now = clock::now();
        self.log.request(Entry {
            started: clock::wall() - now.since(end.started),
            host: exchange.host,
            request: exchange.request,
            status: end.status,
            request_bytes: end.request_bytes,
            response_bytes: end.response_bytes,
            referer: exchange.referer,
            user_agent: exchange.user_agent,
            client: exchange.client,
            endpoint: exchange.endpoint,
            forwarded_for: exchange.forwarded_for,
            forwarded_proto: exchange.forwarded_proto.unwrap_or_else(|| "http".to_owned()),
            response_time,
            gorouter_time: response_time.saturating_sub(exchange.backend_time),
            failed_attempts: exchange
                .attempts
                .saturating_sub(u32::from(exchange.router_error.is_none())),
            router_error: exchange.router_error,
            request_id: exchange.request_id,
        });
    }

    fn draining(&self, progress: Draining) {
        self.record_drain(match progress {
            Draining::Closed => DrainStage::Closed,
            Draining::Over => DrainStage::Done,
        });
    }
}

impl Exchange {
    fn of(head: &RequestHead<'_>, client: SocketAddr) -> Exchange {
        let text = |name: &str| {
            head.header(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let version = match head.version() {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        };
        let forwarded_for = match text("x-forwarded-for") {
            Some(earlier) => format!("{earlier}, {}", client.ip()),
            None => client.ip().to_string(),
        };
        let safe = matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE");
        Exchange {
            host: head.host().to_owned(),
            request: format!("{} {} {version}", head.method(), head.target()),
            referer: text("referer"),
            user_agent: text("user-agent"),
            client,
            forwarded_for,
            forwarded_proto: text("x-forwarded-proto"),
            has_request_start: head.header("x-request-start").is_some(),
            request_id: text("x-resetlab-request").and_then(|id| id.parse().ok()),
            idempotent: safe || head.header("idempotency-key").is_some(),
            attempts: 0,
            endpoint: None,
            backend_time: std::time::Duration::ZERO,
            router_error: None,
            held: None,
            cut: false,
            response: None,
        }
    }

    fn reply(&mut self, (reply, error): (Reply, &str)) -> Verdict {
        self.router_error = Some(error.to_owned());
        Verdict::Reply(reply)
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
