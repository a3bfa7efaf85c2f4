//! gorouter's measured behaviour, line by line: the real program against raw bytes, one row for each fact.
//!
//! Facts are those measured on the gorouter of October 2024 and read in its source. Rows are named after them.
//!
//! Not here, and why:
//! - TLS on either side, client certificates, 496, 525 and 526: no TLS is offered; NATS: registrations come over HTTP
//!   instead; route services, HTTP/2 and B3 or W3C trace fields: not offered.
//! - What draining promises beside gorouter's order of things, and the PROXY protocol: `tests/router`.
//! - Sitting out, pruning and keeping empty routes for so long: `routes::tests`, in virtual time.
//! - What the lab adds to every answer (`x-resetlab-router`) and request (`x-resetlab-via`) is taken for granted; field
//!   names are compared without case (RFC 9110 §5.1).
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod attempts;
mod fields;
mod life;
mod log;
mod loops;
#[path = "../router/process.rs"]
#[allow(dead_code, reason = "its other user needs the rest")]
mod process;
mod registrations;
mod replies;
mod sessions;

use process::exchange;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// As in production, but serving at once.
const PRODUCTION: [&str; 4] = ["--profile", "gorouter", "--start-response-delay-interval", "0s"];

const HELLO: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: Mon, 23 Nov 2026 06:05:07 GMT\r\n\r\nhello";

fn production<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&PRODUCTION[..], more].concat()
}

/// A request over a connection of its own.
fn get(host: &str, fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n")
}

/// A message taken apart: what varies from run to run is checked and taken out.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    start: String,
    /// By name in lower case.
    fields: BTreeMap<String, Vec<String>>,
    body: String,
}

impl Message {
    fn of(text: &str) -> Message {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("{line:?} in {text}"));
            let values = fields.entry(name.to_ascii_lowercase()).or_default();
            values.push(value.trim().to_owned());
        }
        let body = body.to_owned();
        Message { start, fields, body }
    }

    fn one(&self, name: &str) -> Option<&str> {
        match &self.fields.get(name)?[..] {
            [value] => Some(value),
            several => panic!("{name}: {several:?}"),
        }
    }

    /// An answer of the router's own: exactly these fields, beside those that every answer has.
    fn assert_is(&self, fact: &str, start: &str, fields: &[(&str, &str)], body: &str) {
        assert_eq!(self.start, format!("HTTP/1.1 {start}"), "{fact}");
        assert_eq!(self.body, body, "{fact}");
        let date = self.one("date").unwrap_or_else(|| panic!("{fact}: {self:?}"));
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{fact}: {date}");
        assert_eq!(self.one("x-resetlab-router"), Some("router-2"), "{fact}");
        assert_eq!(
            self.one("content-length"),
            Some(&*body.len().to_string()),
            "{fact}"
        );
        let common = ["date", "x-resetlab-router", "content-length", "connection"];
        let found: Vec<(&str, &str)> = self
            .fields
            .keys()
            .filter(|name| !common.contains(&&***name))
            .map(|name| (&**name, self.one(name).unwrap()))
            .collect();
        let mut expected = fields.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{fact}");
    }
}

fn ask(address: SocketAddr, request: &str) -> Message {
    Message::of(&exchange(address, request))
}

/// A version 4 UUID.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.as_bytes()[14] == b'4'
        && text.replace('-', "").chars().all(|c| c.is_ascii_hexdigit())
}

/// POST to the registration API: the status, and the sentence.
fn post(address: SocketAddr, path: &str, json: &str) -> (String, String) {
    let length = json.len();
    let answer = ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: api\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
        ),
    );
    (answer.start["HTTP/1.1 ".len()..].to_owned(), answer.body)
}
