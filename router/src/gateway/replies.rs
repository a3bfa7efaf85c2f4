//! PURE: gorouter's own answers, word for word, each with the value of its `X-Cf-Routererror`.
//!
//! Fields stand in the order in which Go writes them: by name.

use crate::http1::Reject;
use crate::proxy::{Reply, reason};
use crate::record::Cause;
use std::borrow::Cow;
use std::net::SocketAddr;

/// An answer, and what the access log says of it; no error for an answer that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub reply: Reply,
    pub error: Option<Cow<'static, str>>,
}

const NEVER_CACHE: Option<&str> = Some("no-cache, no-store");
const CACHE_SHORTLY: Option<&str> = Some("public,max-age=2");

/// No route has this host and path.
pub fn unknown_route(host: &str) -> Answer {
    let words = format!("Requested route ('{host}') does not exist.");
    explain(404, NEVER_CACHE, "unknown_route", &words)
}

/// The route has no such instance, or there is no route.
pub fn unknown_instance(host: &str, app: &str, index: &str) -> Answer {
    let words =
        format!("Requested instance ('{index}') with guid ('{app}') does not exist for route ('{host}')");
    explain(400, NEVER_CACHE, "unknown_route", &words)
}

pub fn invalid_app_instance() -> Answer {
    let words = "Invalid X-CF-App-Instance Header";
    explain(400, NEVER_CACHE, "invalid_cf_app_instance_header", words)
}

/// The host's route has no endpoint.
pub fn no_endpoints(host: &str) -> Answer {
    let words = format!("Requested route ('{host}') has no available endpoints.");
    explain(503, CACHE_SHORTLY, "no_endpoints", &words)
}

/// All endpoints have as many requests as they may.
pub fn connection_limit(host: &str) -> Answer {
    let words = format!("Requested route ('{host}') has reached the connection limit.");
    explain(503, None, "Connection Limit Reached", &words)
}

/// A request without a host (HTTP/1.0), or with its own address for one.
pub fn empty_host() -> Answer {
    explain(400, CACHE_SHORTLY, "empty_host", "Request had empty Host header")
}

/// The head is as large as it may not be, but was read.
pub fn too_large() -> Answer {
    let error = "max-request-size-exceeded";
    Answer {
        reply: Reply::new(431).header("X-Cf-Routererror", error),
        error: Some(error.into()),
    }
}

/// The request has come through this router before. gorouter would send it round until something breaks.
pub fn routing_loop(host: &str) -> Answer {
    let words = format!("Requested route ('{host}') leads back to this router.");
    explain(508, NEVER_CACHE, "routing_loop", &words)
}

/// What `/health` would say, on the traffic port.
pub fn health(healthy: bool) -> Answer {
    let reply = match healthy {
        true => Reply::new(200).body(&b"ok\n"[..]),
        false => Reply::new(503),
    };
    Answer {
        reply: reply
            .header("Cache-Control", "private, max-age=0")
            .header("Expires", "0"),
        error: None,
    }
}

/// The attempt failed; the error is told in Go's words.
pub fn endpoint_failure(failure: &Failure) -> Answer {
    let error = format!("endpoint_failure ({failure})");
    let words = "Registered endpoint failed to handle the request.";
    explain(502, None, error, words)
}

/// What the access log has of a request whose client went away before it got an answer: the answer that gorouter
/// writes to nobody.
pub const CLIENT_GONE: (u16, &str, u64) = (
    499,
    "endpoint_failure (context canceled)",
    "499 Request Cancelled\n".len() as u64,
);

/// Why an endpoint failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection.
    Dial(Cause, SocketAddr),
    Attempt(Cause, SocketAddr),
    /// By the endpoint, while our end waited for its answer.
    Reset(SocketAddr, SocketAddr),
    NoneLeft,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Dial(Cause::ConnectTimeout, to) => write!(f, "dial tcp {to}: i/o timeout"),
            Failure::Dial(Cause::Reset, to) => write!(f, "dial tcp {to}: connect: connection reset by peer"),
            Failure::Dial(_, to) => write!(f, "dial tcp {to}: connect: connection refused"),
            Failure::Reset(ours, theirs) => {
                write!(f, "read tcp {ours}->{theirs}: read: connection reset by peer")
            }
            Failure::Attempt(Cause::ResponseTimeout, _) => f.write_str("context deadline exceeded"),
            Failure::Attempt(Cause::ClientGone, _) => f.write_str("context canceled"),
            Failure::Attempt(Cause::Malformed | Cause::Status5xx, _) => {
                f.write_str("net/http: HTTP/1.x transport connection broken: malformed HTTP response")
            }
            Failure::Attempt(_, _) => f.write_str("EOF"),
            Failure::NoneLeft => f.write_str("No endpoints available"),
        }
    }
}

/// What Go's server says of a request it cannot read, before gorouter hears of it: without Date and length, and with
/// nothing of gorouter's. A head that took too long gets no answer at all. `date` writes the field that only an
/// expectation's refusal has: it is a response like a handler's.
pub fn refusal(reject: Reject, date: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let with = |why: &str| format!("{} {}{why}", reject.status, reason(reject.status));
    let line = match (reject.status, reject.reason) {
        (408, _) => return,
        (417, _) => {
            out.extend_from_slice(b"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n");
            date(out);
            out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
            return;
        }
        (400, "no Host") => with(": missing required Host header"),
        (400, "malformed Host") => with(": malformed Host header"),
        (400, "malformed header field name") => with(": invalid header name"),
        (400, "malformed header field value") => with(": invalid header value"),
        (400 | 501, why) if is_of_codings(why) => format!("501 {}", reason(501)),
        // gorouter would look for a route, and send the request on: these are words of our own.
        (501, why) => with(&format!(": {why}")),
        (505, _) => with(": unsupported protocol version"),
        _ => with(""),
    };
    let body = match is_of_codings(reject.reason) {
        true => "Unsupported transfer encoding",
        false => &*line,
    };
    let fields = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
    out.extend_from_slice(format!("HTTP/1.1 {line}\r\n{fields}\r\n\r\n{body}").as_bytes());
}

/// Go knows one transfer coding, once: everything else is unsupported to it, and nothing malformed.
fn is_of_codings(why: &str) -> bool {
    matches!(
        why,
        "a transfer coding besides chunked"
            | "the last transfer coding is not chunked"
            | "chunked is not the last transfer coding, or not the only chunked"
            | "malformed Transfer-Encoding"
    )
}

fn explain(
    status: u16,
    caching: Option<&'static str>,
    error: impl Into<Cow<'static, str>>,
    words: &str,
) -> Answer {
    let error = error.into();
    let mut reply = Reply::new(status);
    if let Some(caching) = caching {
        reply = reply.header("Cache-Control", caching);
    }
    Answer {
        reply: reply
            .header("Content-Type", "text/plain; charset=utf-8")
            .header("X-Cf-Routererror", error.clone())
            .header("X-Content-Type-Options", "nosniff")
            .body(format!("{status} {}: {words}\n", reason(status))),
        error: Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{Limits, RequestHead};

    #[test]
    fn answers_are_gorouters_words() {
        let Answer { reply, error } = unknown_route("nope.test");
        assert_eq!(reply.status, 404);
        assert_eq!(error.as_deref(), Some("unknown_route"));
        assert_eq!(
            &*reply.body,
            b"404 Not Found: Requested route ('nope.test') does not exist.\n"
        );
        let names: Vec<&str> = reply.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "Cache-Control",
                "Content-Type",
                "X-Cf-Routererror",
                "X-Content-Type-Options"
            ]
        );
    }

    #[test]
    fn failures_are_told_in_gos_words() {
        let to: SocketAddr = "127.0.0.1:19999".parse().unwrap();
        for (failure, words) in [
            (
                Failure::Dial(Cause::Refused, to),
                "endpoint_failure (dial tcp 127.0.0.1:19999: connect: connection refused)",
            ),
            (
                Failure::Dial(Cause::ConnectTimeout, to),
                "endpoint_failure (dial tcp 127.0.0.1:19999: i/o timeout)",
            ),
            (Failure::Attempt(Cause::Eof, to), "endpoint_failure (EOF)"),
            (
                Failure::Reset("127.0.0.1:40000".parse().unwrap(), to),
                "endpoint_failure (read tcp 127.0.0.1:40000->127.0.0.1:19999: read: connection reset by peer)",
            ),
            (
                Failure::Attempt(Cause::ResponseTimeout, to),
                "endpoint_failure (context deadline exceeded)",
            ),
            (Failure::NoneLeft, "endpoint_failure (No endpoints available)"),
        ] {
            let answer = endpoint_failure(&failure);
            assert_eq!(answer.error.as_deref(), Some(words));
            assert_eq!(answer.reply.status, 502);
        }
    }

    /// What a request of these lines gets, taken apart: status line and body.
    fn refused(line: &str, fields: &str) -> (String, String) {
        let (head, mut slots) = (format!("{line}\r\n{fields}\r\n"), crate::http1::slots());
        let reject = RequestHead::parse(head.as_bytes(), &mut slots, &Limits::default()).unwrap_err();
        let mut out = Vec::new();
        refusal(reject, |_| {}, &mut out);
        let out = String::from_utf8(out).unwrap();
        let between = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
        let (line, body) = out.split_once(between).unwrap();
        (line.to_owned(), body.to_owned())
    }

    #[test]
    fn what_cannot_be_read_is_answered_as_gos_server_does() {
        for (line, fields, said) in [
            (
                "GET / HTTP/1.1",
                "",
                "400 Bad Request: missing required Host header",
            ),
            (
                "GET / HTTP/1.1",
                "Host: a b\r\n",
                "400 Bad Request: malformed Host header",
            ),
            ("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n", "400 Bad Request"),
            (
                "GET / HTTP/1.1",
                "Host: a\r\nContent-Length: x\r\n",
                "400 Bad Request",
            ),
            (
                "POST / HTTP/1.1",
                "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                "400 Bad Request",
            ),
            (
                "CONNECT a:80 HTTP/1.1",
                "Host: a:80\r\n",
                "501 Not Implemented: CONNECT is not offered here",
            ),
            (
                "GET / HTTP/2.0",
                "Host: a\r\n",
                "505 HTTP Version Not Supported: unsupported protocol version",
            ),
        ] {
            let expected = (format!("HTTP/1.1 {said}"), said.to_owned());
            assert_eq!(refused(line, fields), expected, "{line} {fields}");
        }
        let answer = |status, reason| {
            let mut out = Vec::new();
            refusal(
                Reject::new(status, reason),
                |out| out.extend_from_slice(b"Date: d\r\n"),
                &mut out,
            );
            String::from_utf8(out).unwrap()
        };
        assert!(answer(431, "too large").starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
        assert_eq!(
            answer(417, "an expectation other than 100-continue"),
            "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nDate: d\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(answer(408, "the request head took too long"), "");
    }

    #[test]
    fn transfer_codings_other_than_chunked_are_unsupported() {
        for codings in [
            "identity",
            "xchunked",
            "gzip, chunked",
            "chunked, gzip",
            "chunked, chunked",
            "chunked\r\nTransfer-Encoding: chunked",
            "\"chunked\"",
            "",
        ] {
            let fields = format!("Host: a\r\nTransfer-Encoding: {codings}\r\n");
            let expected = ("HTTP/1.1 501 Not Implemented", "Unsupported transfer encoding");
            let (line, body) = refused("POST / HTTP/1.1", &fields);
            assert_eq!((&*line, &*body), expected, "{codings:?}");
        }
    }
}
