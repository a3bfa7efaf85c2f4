//! gorouter's part: which endpoint a request goes to, what is added to it, what a client is told when it fails.
//!
//! - [`exchange`]: one request, and what the log will tell of it
//! - [`lookup`]: its endpoint, or why it has none
//! - [`sticky`]: PURE: sessions that stay with an instance
//! - [`replies`]: PURE: gorouter's own answers

mod exchange;
mod lookup;
mod replies;
mod sticky;

pub use exchange::Exchange;

use crate::access_log::AccessLog;
use crate::clock::{self, Timestamp};
use crate::condition::{self, Condition};
use crate::dice;
use crate::fault::Place;
use crate::header_race::HeaderRace;
use crate::http1::{Limits, MAX_HEADERS, Reject, RequestHead, ResponseHead};
use crate::proxy::{
    AfterFailure, Attempt, ClientEof, Draining, Finish, Interims, Policy, Reply, Upstream, Verdict,
};
use crate::record::{Cause, DrainStage, Event, Fault};
use crate::routes::{Endpoint, Table};
use crate::settings::Settings;
use crate::uuid::Uuid;
use crate::worker::Events;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use replies::Failure;
use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::UNIX_EPOCH;

/// The decisions of one router. One per data thread.
pub struct Gateway {
    routes: Rc<RefCell<Table>>,
    settings: Settings,
    condition: Condition,
    log: AccessLog,
    events: Events,
    /// `x-resetlab-router: NAME\r\n`
    name_line: Vec<u8>,
    /// What marks the requests that came through here: another for every life of a router.
    mark: Vec<u8>,
    dice: RefCell<ChaCha8Rng>,
    date: Cell<Date>,
    /// `None`: this gorouter does not have the bug.
    race: Option<HeaderRace>,
}

/// The field that routers mark what they forward in, a line each. A router that finds its own mark has found a loop,
/// however long. Not Via: applications change their answers for it (nginx does not compress them), and gorouter, which
/// has none, would look different to them.
const VIA: &str = "x-resetlab-via";

/// The value of `Date` for one second.
#[derive(Clone, Copy)]
struct Date {
    /// Since 1970.
    second: u64,
    text: [u8; 29],
}

/// Go's server reads so much more than it was told, for the sake of its buffer.
const GO_SLACK: usize = 4096;
/// What gorouter passes on, whatever its settings say.
const LARGEST_HEAD: usize = 1 << 20;

/// What a message may cost, as Go's server has it: a head has no limit but its size. (Go has none on the number of
/// fields; the engine's highest is taken.)
pub fn limits(settings: &Settings) -> Limits {
    let head_bytes = max_header_bytes(settings).saturating_add(GO_SLACK);
    Limits {
        head_bytes,
        line_bytes: head_bytes,
        headers: MAX_HEADERS,
        ..Limits::default()
    }
}

/// Zero is gorouter's word for its default.
fn max_header_bytes(settings: &Settings) -> usize {
    match settings.max_header_kb {
        0 => LARGEST_HEAD,
        kb => kb.saturating_mul(1024),
    }
}

impl Gateway {
    /// `name` goes into every response.
    pub fn new(
        name: &str,
        settings: &Settings,
        routes: Rc<RefCell<Table>>,
        condition: Condition,
        log: AccessLog,
        events: Events,
    ) -> std::io::Result<Gateway> {
        let mut dice = dice::unpredictable()?;
        Ok(Gateway {
            routes,
            settings: settings.clone(),
            condition,
            log,
            events,
            name_line: format!("x-resetlab-router: {name}\r\n").into_bytes(),
            mark: format!("{:016x}", dice.next_u64()).into_bytes(),
            dice: RefCell::new(dice),
            date: Cell::new(Date {
                second: u64::MAX,
                text: [b' '; 29],
            }),
            race: None,
        })
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

    fn route(&self, exchange: &mut Exchange, now: Timestamp) -> Verdict {
        match self.lookup(exchange, now) {
            Ok(endpoint) => {
                let upstream = upstream(&endpoint);
                exchange.occupy(endpoint);
                exchange.hand_over(clock::now());
                Verdict::Forward(upstream)
            }
            Err(answer) => {
                exchange.router_error = answer.error;
                Verdict::Reply(answer.reply)
            }
        }
    }

    /// Of the endpoint of the exchange, before a response head.
    fn failed(&self, exchange: &mut Exchange, attempt: &Attempt, cause: Cause) -> AfterFailure {
        let dialled = attempt.reused || attempt.connected.is_some();
        // An endpoint that closed a kept connection has not failed; Go's transport sends the request again by itself.
        if attempt.reused
            && attempt.replayable
            && exchange.marks.idempotent
            && matches!(cause, Cause::Eof | Cause::Reset)
        {
            return AfterFailure::Retry(attempt.upstream);
        }
        exchange.note(attempt);
        exchange.release();
        let pool = exchange.pool.clone();
        if let Some(pool) = &pool
            && let Some(endpoint) = &exchange.endpoint
            && !exchange.surgical
            && (!dialled || cause == Cause::Reset)
        {
            pool.failed(endpoint, attempt.ended);
        }
        let retriable = !dialled || (cause == Cause::Eof && exchange.marks.idempotent);
        if retriable
            && attempt.replayable
            && exchange.attempts_left > 0
            && let Some(pool) = &pool
            && let Some(endpoint) = self
                .routes
                .borrow_mut()
                .next(pool, &mut exchange.turn, attempt.ended)
        {
            exchange.attempts_left -= 1;
            let upstream = upstream(&endpoint);
            exchange.occupy(endpoint);
            return AfterFailure::Retry(upstream);
        }
        let to = attempt.upstream.addr;
        let answer = replies::endpoint_failure(&match (dialled, attempt.local) {
            (false, _) => Failure::Dial(cause, to),
            (true, Some(ours)) => Failure::Reset(ours, to),
            (true, None) => Failure::Attempt(cause, to),
        });
        exchange.handle_error(answer.error.as_deref().unwrap_or_default());
        exchange.router_error = answer.error;
        AfterFailure::Reply(answer.reply)
    }

    fn write_date(&self, out: &mut Vec<u8>) {
        let now = clock::wall();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut date = self.date.get();
        if date.second != second {
            date.second = second;
            date.text.copy_from_slice(httpdate::fmt_http_date(now).as_bytes());
            self.date.set(date);
        }
        field(out, "Date", &date.text);
    }
}

impl Policy for Gateway {
    type Exchange = Exchange;

    fn start(&self, head: &RequestHead<'_>, client: SocketAddr, now: Timestamp) -> (Exchange, Verdict) {
        self.condition.began();
        let vcap_request_id = Uuid::new(&mut self.dice.borrow_mut());
        let received = clock::wall();
        let mut exchange = Exchange::of(
            head,
            client,
            received,
            vcap_request_id,
            &self.mark,
            &self.settings,
        );
        let verdict = match self.condition.fault() {
            None => self.route(&mut exchange, now),
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
            None => condition::Answer::Honest,
        };
        exchange.held = None;
        exchange.cut = answer == condition::Answer::Cut;
        Poll::Ready(match answer {
            condition::Answer::Error(status) => {
                Verdict::Reply(Reply::explain(status, "a fault was injected"))
            }
            condition::Answer::Honest | condition::Answer::Cut => self.route(exchange, clock::now()),
        })
    }

    fn cuts(&self, exchange: &Exchange) -> bool {
        exchange.cut
    }

    /// The fields that [`Policy::request_headers`] writes anew, and X-CF-APP-INSTANCE, which ends here.
    fn omits(&self, exchange: &Exchange, name: &str) -> bool {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            15 => is("x-forwarded-for") || is("x-cf-instanceid"),
            17 if exchange.forwarded.proto.is_some() && is("x-forwarded-proto") => true,
            17 => is("x-vcap-request-id") || is("x-cf-app-instance"),
            18 => is("x-cf-applicationid") || is("x-cf-instanceindex"),
            _ => false,
        }
    }

    fn request_headers(&self, exchange: &mut Exchange, out: &mut Vec<u8>) {
        let earlier = exchange.words.get(crate::access_log::Word::ForwardedFor);
        let separator = if exchange.marks.has_forwarded_for {
            ", "
        } else {
            ""
        };
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            "X-Forwarded-For: {earlier}{separator}{}\r\n",
            exchange.client.ip()
        );
        if let Some(proto) = exchange.forwarded.proto {
            field(out, "X-Forwarded-Proto", proto.as_bytes());
        }
        if !exchange.marks.has_request_start {
            let since_epoch = exchange.received.duration_since(UNIX_EPOCH).unwrap_or_default();
            let _ = write!(out, "X-Request-Start: {}\r\n", since_epoch.as_millis());
        }
        field(out, "X-Vcap-Request-Id", exchange.vcap_request_id.as_bytes());
        if let Some(endpoint) = &exchange.endpoint {
            let instance = &*endpoint.instance;
            field(out, "X-Cf-Applicationid", instance.app.as_bytes());
            field(out, "X-Cf-Instanceindex", instance.index.as_bytes());
            match &*instance.id {
                "" => drop(write!(out, "X-Cf-Instanceid: {}\r\n", endpoint.address)),
                id => field(out, "X-Cf-Instanceid", id.as_bytes()),
            }
        }
        field(out, VIA, &self.mark);
    }

    fn attempt_ended(&self, exchange: &mut Exchange, attempt: &Attempt) -> AfterFailure {
        match attempt.result {
            Err(cause) if attempt.status.is_none() && cause != Cause::ClientGone => {
                self.failed(exchange, attempt, cause)
            }
            _ => {
                exchange.note(attempt);
                exchange.release();
                // The client left before there was a response: gorouter's handler runs for nobody.
                if attempt.status.is_none() {
                    exchange.abandon();
                }
                AfterFailure::Reset
            }
        }
    }

    fn response_head(&self, exchange: &mut Exchange, head: &ResponseHead<'_>) {
        exchange.release();
        let names = &self.settings.sticky_session_cookie_names;
        let mut session = sticky::Session::default();
        let mut has_vcap_request_id = false;
        for (name, value) in head.headers() {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                4 if is("date") => exchange.response.has_date = true,
                10 if is("set-cookie") => session.see(value, names),
                16 if is("x-cf-routererror") => {
                    // Of a router behind this one: gorouter logs whatever the client gets.
                    exchange.router_error = Some(String::from_utf8_lossy(value).into_owned().into());
                }
                17 if is("x-vcap-request-id") => has_vcap_request_id = true,
                _ => {}
            }
        }
        exchange.response.lacks_vcap_request_id = !has_vcap_request_id;
        if let Some(endpoint) = &exchange.endpoint
            && let Some(pool) = &exchange.pool
        {
            let (asked, id) = (exchange.asked.as_deref(), &*endpoint.instance.id);
            exchange.response.cookie = session.cookie(asked, id, pool.context_path());
        }
    }

    fn response_headers(&self, exchange: &mut Exchange, _status: u16, out: &mut Vec<u8>) {
        if let Some(cookie) = &exchange.response.cookie {
            field(out, "Set-Cookie", cookie.as_bytes());
        }
        if exchange.response.lacks_vcap_request_id {
            field(out, "X-Vcap-Request-Id", exchange.vcap_request_id.as_bytes());
        }
        if !exchange.response.has_date {
            self.write_date(out);
        }
        out.extend_from_slice(&self.name_line);
    }

    fn interims(&self, exchange: &mut Exchange) -> Option<Arc<dyn Interims>> {
        let race = self.race.as_ref()?;
        let headers = exchange.headers.get_or_insert_with(|| race.response());
        Some(Arc::new(headers.clone()))
    }

    fn finished(&self, exchange: Exchange, end: &Finish) {
        self.condition.ended();
        self.log
            .request(exchange.entry(end, self.settings.enable_attempts_details));
    }

    fn draining(&self, progress: Draining) {
        self.record_drain(match progress {
            Draining::Closed => DrainStage::Closed,
            Draining::Over => DrainStage::Done,
        });
    }

    fn refusal(&self, reject: Reject, out: &mut Vec<u8>) {
        replies::refusal(reject, |out| self.write_date(out), out);
    }
}

fn upstream(endpoint: &Endpoint) -> Upstream {
    Upstream {
        key: endpoint.key(),
        addr: endpoint.address,
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    crate::http1::forward::field(name.as_bytes(), value, out);
}
