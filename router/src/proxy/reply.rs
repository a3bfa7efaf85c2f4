//! A response of our own.

use super::client::Client;
use super::exchange::{After, Request};
use super::gate::Phase;
use super::policy::{End, Policy};
use super::running::Running;
use crate::clock;
use crate::http1::Version;
use crate::http1::forward::{self, Persistence};
use std::borrow::Cow;

/// A whole response; Content-Length and Connection are added by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Without a body.
    pub fn new(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With a sentence for people: `502 Bad Gateway: …`.
    pub fn explain(status: u16, words: &str) -> Reply {
        Reply::new(status)
            .header("Content-Type", "text/plain; charset=utf-8")
            .body(format!("{status} {}: {words}\n", reason(status)))
    }

    /// CR, LF and NUL in `value` become spaces.
    pub fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Reply {
        let mut value = value.into();
        if value.contains(['\r', '\n', '\0']) {
            value = Cow::Owned(value.replace(['\r', '\n', '\0'], " "));
        }
        self.headers.push((name, value));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    /// Appends head and body as the last response of a connection.
    pub(super) fn write_last(&self, out: &mut Vec<u8>) {
        self.write(Persistence::Close, false, out, |_| {});
    }

    /// Appends head and body; `extra` adds header lines; a reply to HEAD has no body.
    pub(super) fn write(
        &self,
        persistence: Persistence,
        to_head: bool,
        out: &mut Vec<u8>,
        extra: impl FnOnce(&mut Vec<u8>),
    ) {
        out.extend_from_slice(format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).as_bytes());
        for (name, value) in &self.headers {
            forward::field(name.as_bytes(), value.as_bytes(), out);
        }
        if self.status >= 200 && self.status != 204 && self.status != 304 {
            forward::number(b"Content-Length", self.body.len() as u64, out);
        }
        extra(out);
        forward::persistence(persistence, out);
        out.extend_from_slice(b"\r\n");
        if !to_head && self.status != 204 && self.status != 304 {
            out.extend_from_slice(&self.body);
        }
    }
}

impl<P: Policy> Client<P> {
    /// A response of our own; the connection stays open if the request is complete.
    pub(super) async fn reply(
        &mut self,
        request: &mut Request,
        mut running: Running<P>,
        reply: &Reply,
    ) -> After {
        self.request.clear();
        let swallowed = request
            .body
            .transfer(self.input.filled(), &mut self.request.bytes);
        if let Ok(taken) = swallowed {
            self.input.consume(taken);
        }
        self.request.clear();
        let draining = self.place.phase() != Phase::Open;
        let keep = request.keep_alive && swallowed.is_ok() && request.body.finished() && !draining;
        let persistence = match (keep, request.version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::KeepAlive,
            (true, Version::Http11) => Persistence::Implicit,
        };
        self.output.clear();
        reply.write(persistence, request.to_head, &mut self.output.bytes, |out| {
            running.response_headers(reply.status, out);
        });
        running.finish.status = Some(reply.status);
        running.finish.request_bytes = request.body.content();
        running.finish.response_bytes = if request.to_head {
            0
        } else {
            reply.body.len() as u64
        };
        let flushed = self.flush().await;
        let now = clock::now();
        self.idle_since = now;
        running.finish(if flushed { End::Complete } else { End::ClientGone }, now);
        match (flushed, keep) {
            (false, _) => After::Close,
            (true, true) => After::Next,
            (true, false) if request.last && request.body.finished() && self.input.is_empty() => After::Close,
            (true, false) => After::Linger,
        }
    }
}

/// The registered reason phrase of a status this lab uses.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "Unassigned",
    }
}
