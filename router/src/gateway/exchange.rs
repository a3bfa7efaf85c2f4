//! One request on its way through.

use super::replies::CLIENT_GONE;
use super::sticky;
use crate::access_log::{Attempts, Entry, Forwarded, Successful, Word, Words};
use crate::clock::Timestamp;
use crate::condition::Answer;
use crate::header_race;
use crate::http1::{BodyLength, RequestHead, Version};
use crate::proxy::{Attempt, End, Finish};
use crate::routes::{Endpoint, Pool, Turn};
use crate::settings::Settings;
use crate::uuid::Uuid;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

pub struct Exchange {
    pub words: Words,
    /// Bytes of the request head.
    pub size: usize,
    pub client: SocketAddr,
    pub received: SystemTime,
    pub vcap_request_id: Uuid,
    pub marks: Marks,
    /// What a request is forwarded with, once it is.
    pub forwarded: Forwarded,
    /// X-CF-APP-INSTANCE
    pub app_instance: Option<String>,
    /// The instance that its session's cookies ask for.
    pub asked: Option<String>,
    request_id: Option<u64>,
    method: usize,

    pub pool: Option<Rc<Pool>>,
    pub turn: Turn,
    pub endpoint: Option<Endpoint>,
    /// It counts among the endpoint's requests.
    occupies: bool,
    /// One instance was asked for by name: there is no other.
    pub surgical: bool,
    pub attempts_left: u32,
    /// When it was handed over, and when the last attempt ended.
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    last_failed: Option<Timestamp>,
    failed: u32,
    /// The attempt that got a response, and how long its connection took.
    dial_time: Option<Duration>,
    pub router_error: Option<Cow<'static, str>>,
    pub response: Response,

    /// What a fault makes of it, once it has waited for as long as that demands.
    pub held: Option<Pin<Box<dyn Future<Output = Answer>>>>,
    /// A fault resets the client in the middle of the response.
    pub cut: bool,
    /// What both sides of the header race see of its response, from its first attempt on.
    pub headers: Option<header_race::Response>,
}

/// What the client's fields say that matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub has_request_start: bool,
    pub has_forwarded_for: bool,
    /// It may be sent twice: its method or a key says so, and it has no body.
    pub idempotent: bool,
    /// It has come through this router before.
    pub looped: bool,
    /// Its User-Agent is that of a health check.
    pub is_check: bool,
    /// A semicolon in its target.
    semicolon: bool,
}

/// What the response lacks that the client gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub has_date: bool,
    pub lacks_vcap_request_id: bool,
    pub cookie: Option<String>,
}

impl Exchange {
    /// `own_mark`: what this router marks requests with.
    pub fn of(
        head: &RequestHead<'_>,
        client: SocketAddr,
        received: SystemTime,
        vcap_request_id: Uuid,
        own_mark: &[u8],
        settings: &Settings,
    ) -> Exchange {
        let fields = Fields::of(head, own_mark);
        let mut marks = fields.marks;
        let (method, target) = (head.method(), head.target());
        let bodiless = matches!(head.body(), BodyLength::Empty | BodyLength::Known(0));
        let safe = matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
        marks.idempotent = bodiless && (safe || marks.idempotent);
        let user_agent = fields.user_agent.unwrap_or_default();
        marks.is_check = !user_agent.is_empty() && user_agent == settings.healthcheck_user_agent.as_bytes();
        marks.semicolon = target.contains(';');
        let asked = match fields.has_cookie {
            true => sticky::asked(values(head, "cookie"), &settings.sticky_session_cookie_names),
            false => None,
        };
        Exchange {
            words: fields.words(head),
            size: head.size(),
            client,
            received,
            vcap_request_id,
            marks,
            forwarded: Forwarded {
                proto: proto(fields.forwarded_proto, settings),
            },
            app_instance: text(fields.app_instance),
            turn: Turn::of(asked.clone()),
            asked,
            request_id: fields
                .request_id
                .and_then(|id| std::str::from_utf8(id).ok()?.parse().ok()),
            method: method.len(),
            pool: None,
            endpoint: None,
            occupies: false,
            surgical: false,
            attempts_left: 0,
            started: None,
            ended: None,
            last_failed: None,
            failed: 0,
            dial_time: None,
            router_error: None,
            response: Response::default(),
            held: None,
            cut: false,
            headers: None,
        }
    }

    pub fn host(&self) -> &str {
        self.words.get(Word::Host)
    }

    /// With its query.
    pub fn target(&self) -> &str {
        let request = self.words.get(Word::Request);
        let end = request.len().saturating_sub(" HTTP/1.1".len());
        request.get(self.method + 1..end).unwrap_or_default()
    }

    /// It goes there next.
    pub fn occupy(&mut self, endpoint: Endpoint) {
        self.release();
        endpoint.take();
        self.occupies = true;
        self.endpoint = Some(endpoint);
    }

    /// Its endpoint has begun to answer, or failed to. gorouter counts until then, not to the end of the body.
    pub fn release(&mut self) {
        if std::mem::take(&mut self.occupies)
            && let Some(endpoint) = &self.endpoint
        {
            endpoint.give_back();
        }
    }

    /// What has to be decided about it is decided: from now on its endpoints are waited for.
    pub fn hand_over(&mut self, now: Timestamp) {
        self.started = Some(now);
    }

    /// Keeps what the log tells of an attempt.
    pub fn note(&mut self, attempt: &Attempt) {
        self.ended = Some(attempt.ended);
        match attempt.status {
            Some(_) => {
                let connected = attempt.connected.unwrap_or(attempt.started);
                self.dial_time = Some(connected.since(attempt.started));
            }
            None => {
                self.failed += 1;
                self.last_failed = Some(attempt.ended);
            }
        }
    }

    /// gorouter's error handler, as the header race sees it.
    pub fn handle_error(&self, error: &str) {
        if let Some(headers) = &self.headers {
            headers.handle_error(error);
        }
    }

    /// The same when the client has gone.
    pub fn abandon(&self) {
        if let Some(headers) = &self.headers {
            headers.abandon(CLIENT_GONE.1.to_owned());
        }
    }

    pub fn entry(mut self, end: &Finish, details: bool) -> Entry {
        self.release();
        let response_time = end.ended.since(end.started);
        let there = match (self.started, self.ended) {
            (Some(started), Some(ended)) => ended.since(started),
            _ => Duration::ZERO,
        };
        let attempts = details.then(|| self.attempts());
        let (mut status, mut response_bytes) = (end.status, end.response_bytes);
        if status.is_none() && end.end == End::ClientGone && self.started.is_some() {
            let (code, error, bytes) = CLIENT_GONE;
            (status, response_bytes) = (Some(code), bytes);
            self.router_error = Some(error.into());
        }
        if self.marks.semicolon && self.router_error.is_none() {
            self.router_error = Some("deprecated-semicolon-params".into());
        }
        Entry {
            started: self.received,
            words: self.words,
            status,
            request_bytes: end.request_bytes,
            response_bytes,
            client: self.client,
            forwarded: self.endpoint.is_some().then_some(self.forwarded),
            endpoint: self
                .endpoint
                .map(|endpoint| (endpoint.address, endpoint.instance)),
            vcap_request_id: self.vcap_request_id,
            response_time,
            gorouter_time: response_time.saturating_sub(there),
            attempts,
            router_error: self.router_error,
            request_id: self.request_id,
        }
    }

    fn attempts(&self) -> Attempts {
        let began = self.started.unwrap_or_default();
        let successful = self.dial_time.map(|dial_time| Successful {
            dial_time,
            backend_time: self
                .ended
                .unwrap_or_default()
                .since(self.last_failed.unwrap_or(began)),
        });
        Attempts {
            failed: self.failed,
            failed_time: self.last_failed.map(|failed| failed.since(began)),
            successful,
        }
    }
}

/// The client's fields, found in one pass; of each the first.
#[derive(Default)]
struct Fields<'a> {
    referer: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    forwarded_for: Option<&'a [u8]>,
    more_forwarded_for: bool,
    forwarded_proto: Option<&'a [u8]>,
    app_instance: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    has_cookie: bool,
    marks: Marks,
}

impl<'a> Fields<'a> {
    fn of(head: &'a RequestHead<'_>, own_mark: &[u8]) -> Fields<'a> {
        let mut fields = Fields::default();
        for (name, value) in head.headers() {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                6 if is("cookie") => fields.has_cookie = true,
                7 if is("referer") => first(&mut fields.referer, value),
                10 if is("user-agent") => first(&mut fields.user_agent, value),
                14 if is(super::VIA) => fields.marks.looped |= value == own_mark,
                15 if is("x-forwarded-for") => {
                    fields.more_forwarded_for |= fields.forwarded_for.is_some();
                    first(&mut fields.forwarded_for, value);
                }
                15 if is("x-request-start") => fields.marks.has_request_start = true,
                15 if is("idempotency-key") => fields.marks.idempotent |= !value.is_empty(),
                17 if is("x-idempotency-key") => fields.marks.idempotent |= !value.is_empty(),
                17 if is("x-forwarded-proto") => first(&mut fields.forwarded_proto, value),
                17 if is("x-cf-app-instance") => first(&mut fields.app_instance, value),
                18 if is("x-resetlab-request") => first(&mut fields.request_id, value),
                _ => {}
            }
        }
        fields.marks.has_forwarded_for = fields.forwarded_for.is_some();
        fields
    }

    fn words(&self, head: &'a RequestHead<'_>) -> Words {
        let version = match head.version() {
            Version::Http10 => " HTTP/1.0",
            Version::Http11 => " HTTP/1.1",
        };
        let (referer, user_agent) = (
            self.referer.unwrap_or_default(),
            self.user_agent.unwrap_or_default(),
        );
        let (one_for, proto) = (
            self.forwarded_for.unwrap_or_default(),
            self.forwarded_proto.unwrap_or_default(),
        );
        let others = [
            head.host().len(),
            referer.len(),
            user_agent.len(),
            one_for.len(),
            proto.len(),
        ];
        let request = head.method().len() + head.target().len() + 1 + version.len();
        let mut words = Words::with_capacity(request + others.iter().sum::<usize>());
        words.push([head.host().as_bytes()]);
        words.push([head.method(), " ", head.target(), version].map(str::as_bytes));
        words.push([referer]);
        words.push([user_agent]);
        match self.more_forwarded_for {
            false => words.push([one_for]),
            true => {
                let separators = std::iter::once(&b""[..]).chain(std::iter::repeat(&b", "[..]));
                let lines = values(head, "x-forwarded-for");
                words.push(
                    separators
                        .zip(lines)
                        .flat_map(|(separator, value)| [separator, value]),
                );
            }
        }
        words.push([proto]);
        words
    }
}

fn first<'a>(place: &mut Option<&'a [u8]>, value: &'a [u8]) {
    place.get_or_insert(value);
}

fn text(value: Option<&[u8]>) -> Option<String> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn values<'a>(head: &'a RequestHead<'_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
    head.headers()
        .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// What replaces the client's X-Forwarded-Proto.
fn proto(client: Option<&[u8]>, settings: &Settings) -> Option<&'static str> {
    if settings.force_forwarded_proto_https {
        Some("https")
    } else if settings.sanitize_forwarded_proto || client.unwrap_or_default().is_empty() {
        Some("http")
    } else {
        None
    }
}
