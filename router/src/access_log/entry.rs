//! One request as a line, field for field as gorouter writes it.

use crate::routes::Instance;
use crate::uuid::Uuid;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One request. Everything that takes time is done when the line is written, on the log's own thread.
#[derive(Clone, Debug)]
pub struct Entry {
    pub started: SystemTime,
    pub words: Words,
    pub status: Option<u16>,
    /// Content bytes from the client.
    pub request_bytes: u64,
    /// Content bytes to the client.
    pub response_bytes: u64,
    pub client: SocketAddr,
    /// The one of the last attempt.
    pub endpoint: Option<(SocketAddr, Arc<Instance>)>,
    /// What the request got on its way to an endpoint.
    pub forwarded: Option<Forwarded>,
    pub vcap_request_id: Uuid,
    /// From the complete request head to the end of the response.
    pub response_time: Duration,
    /// The part of it that was spent here.
    pub gorouter_time: Duration,
    /// With `enable_attempts_details`.
    pub attempts: Option<Attempts>,
    pub router_error: Option<Cow<'static, str>>,
    /// `x-resetlab-request`
    pub request_id: Option<u64>,
}

/// What a request was forwarded with, beside the client's own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// X-Forwarded-Proto, if it replaced the client's.
    pub proto: Option<&'static str>,
}

/// How the attempts of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    pub failed: u32,
    /// From the first one's start to the end of the last that failed.
    pub failed_time: Option<Duration>,
    pub successful: Option<Successful>,
}

/// The attempt that got a response. Addresses are numbers and connections plain: no time goes into DNS and TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successful {
    /// Zero where a connection was used again.
    pub dial_time: Duration,
    /// To the end of its response.
    pub backend_time: Duration,
}

/// Texts of a request head, in one piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Words {
    text: String,
    ends: [usize; WORDS],
    count: usize,
}

/// Which text; pushed in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Host,
    /// `GET /path?query HTTP/1.1`
    Request,
    Referer,
    UserAgent,
    /// The client's, all lines joined.
    ForwardedFor,
    ForwardedProto,
}

const WORDS: usize = 6;

impl Words {
    /// Room for `bytes` of text.
    pub fn with_capacity(bytes: usize) -> Words {
        Words {
            text: String::with_capacity(bytes),
            ..Words::default()
        }
    }

    /// The next word, in parts. Absent ones are empty.
    pub fn push<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        for part in parts {
            self.text.push_str(&String::from_utf8_lossy(part));
        }
        if let Some(end) = self.ends.get_mut(self.count) {
            *end = self.text.len();
            self.count += 1;
        }
    }

    pub fn get(&self, word: Word) -> &str {
        let index = word as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..self.ends[index]).unwrap_or_default()
    }
}

impl Entry {
    pub(super) fn write(&self, out: &mut String) {
        quote_into(out, self.words.get(Word::Host));
        let _ = write!(out, " - [{}] \"", humantime::format_rfc3339_nanos(self.started));
        quote_into(out, self.words.get(Word::Request));
        out.push_str("\" ");
        match self.status {
            Some(status) => drop(write!(out, "{status}")),
            None => out.push_str("\"-\""),
        }
        let _ = write!(out, " {} {} ", self.request_bytes, self.response_bytes);
        quoted(out, self.words.get(Word::Referer));
        out.push(' ');
        quoted(out, self.words.get(Word::UserAgent));
        let _ = write!(out, " \"{}\" ", self.client);
        match &self.endpoint {
            Some((address, _)) => drop(write!(out, "\"{address}\"")),
            None => out.push_str("\"-\""),
        }
        self.write_forwarded(out);
        let _ = write!(
            out,
            " vcap_request_id:\"{}\" response_time:{:.6} gorouter_time:{:.6}",
            self.vcap_request_id,
            self.response_time.as_secs_f64(),
            self.gorouter_time.as_secs_f64()
        );
        let instance = self.endpoint.as_ref().map(|(_, instance)| &**instance);
        for (name, value) in [
            (" app_id:", instance.map(|instance| &instance.app)),
            (" app_index:", instance.map(|instance| &instance.index)),
            (" instance_id:", instance.map(|instance| &instance.id)),
        ] {
            out.push_str(name);
            quoted(out, value.map_or("", |value| value));
        }
        if let Some(attempts) = &self.attempts {
            attempts.write(out);
        }
        out.push_str(" x_cf_routererror:");
        quoted(out, self.router_error.as_deref().unwrap_or_default());
        out.push_str(" x_resetlab_request:");
        match self.request_id {
            Some(id) => drop(writeln!(out, "\"{id}\"")),
            None => out.push_str("\"-\"\n"),
        }
    }

    /// As the endpoint got them; of a request that none got, as the client sent them.
    fn write_forwarded(&self, out: &mut String) {
        let client = self.words.get(Word::ForwardedFor);
        out.push_str(" x_forwarded_for:");
        match (self.forwarded.is_some(), client) {
            (false, client) => quoted(out, client),
            (true, "") => drop(write!(out, "\"{}\"", self.client.ip())),
            (true, earlier) => {
                out.push('"');
                quote_into(out, earlier);
                let _ = write!(out, ", {}\"", self.client.ip());
            }
        }
        out.push_str(" x_forwarded_proto:");
        let replaced = self.forwarded.and_then(|forwarded| forwarded.proto);
        quoted(out, replaced.unwrap_or(self.words.get(Word::ForwardedProto)));
    }
}

impl Attempts {
    fn write(&self, out: &mut String) {
        let _ = write!(out, " failed_attempts:{} failed_attempts_time:", self.failed);
        seconds(out, self.failed_time);
        let of = |part: fn(&Successful) -> Duration| self.successful.as_ref().map(part);
        for (name, time) in [
            (" dns_time:", of(|_| Duration::ZERO)),
            (" dial_time:", of(|successful| successful.dial_time)),
            (" tls_time:", of(|_| Duration::ZERO)),
            (" backend_time:", of(|successful| successful.backend_time)),
        ] {
            out.push_str(name);
            seconds(out, time);
        }
    }
}

fn seconds(out: &mut String, time: Option<Duration>) {
    match time {
        Some(time) => drop(write!(out, "{:.6}", time.as_secs_f64())),
        None => out.push_str("\"-\""),
    }
}

/// In quotes; `"-"` if there is nothing to quote.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    quote_into(out, if text.is_empty() { "-" } else { text });
    out.push('"');
}

/// Without anything that could end the quotes or the line, written as Go's `strconv.Quote` does.
fn quote_into(out: &mut String, text: &str) {
    let plain = |c: char| !c.is_control() && !"\"\\".contains(c);
    if text.chars().all(plain) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\u{7}' => write!(out, "\\a"),
            '\u{8}' => write!(out, "\\b"),
            '\t' => write!(out, "\\t"),
            '\n' => write!(out, "\\n"),
            '\u{b}' => write!(out, "\\v"),
            '\u{c}' => write!(out, "\\f"),
            '\r' => write!(out, "\\r"),
            c if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn entry() -> Entry {
        let mut words = Words::default();
        let user_agent = b"cu\"rl\n\x1b";
        for word in [
            &b"app.test"[..],
            b"GET /hello?x=1 HTTP/1.1",
            b"",
            user_agent,
            b"",
            b"",
        ] {
            words.push([word]);
        }
        let instance = Instance {
            app: "1111".to_owned(),
            id: "inst-19001".to_owned(),
            index: "0".to_owned(),
            ..Instance::default()
        };
        Entry {
            started: SystemTime::UNIX_EPOCH,
            words,
            status: Some(200),
            request_bytes: 0,
            response_bytes: 594,
            client: "127.0.0.1:45882".parse().unwrap(),
            endpoint: Some(("127.0.0.1:19001".parse().unwrap(), Arc::new(instance))),
            forwarded: Some(Forwarded { proto: Some("http") }),
            vcap_request_id: Uuid::new(&mut crate::dice::seeded(0, "", 0)),
            response_time: Duration::from_micros(3853),
            gorouter_time: Duration::from_micros(504),
            attempts: None,
            router_error: None,
            request_id: Some(7),
        }
    }

    fn line(entry: &Entry) -> String {
        let mut line = String::new();
        entry.write(&mut line);
        let uuid = entry.vcap_request_id.to_string();
        line.replace(&uuid, "UUID")
    }

    #[test]
    fn a_line_is_gorouters_field_for_field() {
        assert_eq!(
            line(&entry()),
            "app.test - [1970-01-01T00:00:00.000000000Z] \"GET /hello?x=1 HTTP/1.1\" 200 0 594 \"-\" \
             \"cu\\\"rl\\n\\x1b\" \"127.0.0.1:45882\" \"127.0.0.1:19001\" x_forwarded_for:\"127.0.0.1\" \
             x_forwarded_proto:\"http\" vcap_request_id:\"UUID\" response_time:0.003853 gorouter_time:0.000504 \
             app_id:\"1111\" app_index:\"0\" instance_id:\"inst-19001\" x_cf_routererror:\"-\" \
             x_resetlab_request:\"7\"\n"
        );
    }

    #[test]
    fn details_of_attempts_stand_before_the_error() {
        let successful = Some(Successful {
            dial_time: Duration::from_micros(151),
            backend_time: Duration::from_micros(3349),
        });
        let attempts = Some(Attempts {
            failed: 0,
            failed_time: None,
            successful,
        });
        let with = line(&Entry { attempts, ..entry() });
        assert!(
            with.contains(
                " instance_id:\"inst-19001\" failed_attempts:0 failed_attempts_time:\"-\" dns_time:0.000000 \
                 dial_time:0.000151 tls_time:0.000000 backend_time:0.003349 x_cf_routererror:\"-\" "
            ),
            "{with}"
        );
        let failed_time = Some(Duration::from_millis(2));
        let attempts = Some(Attempts {
            failed: 2,
            failed_time,
            successful: None,
        });
        let with = line(&Entry { attempts, ..entry() });
        assert!(
            with.contains(
                " failed_attempts:2 failed_attempts_time:0.002000 dns_time:\"-\" dial_time:\"-\" tls_time:\"-\" \
                 backend_time:\"-\" x_cf_routererror"
            ),
            "{with}"
        );
    }

    #[test]
    fn what_no_endpoint_got_is_written_as_the_client_sent_it() {
        let mut words = Words::default();
        for word in [&b""[..], b"GET / HTTP/1.0", b"", b"", b"10.0.0.1, 10.0.0.2", b""] {
            words.push([word]);
        }
        let refused = Entry {
            words,
            status: None,
            endpoint: None,
            forwarded: None,
            router_error: Some("empty_host".into()),
            request_id: None,
            ..entry()
        };
        let refused = line(&refused);
        assert!(refused.starts_with(" - [1970-"), "{refused}");
        for part in [
            "\"GET / HTTP/1.0\" \"-\" 0 594 \"-\" \"-\" \"127.0.0.1:45882\" \"-\" ",
            "x_forwarded_for:\"10.0.0.1, 10.0.0.2\" x_forwarded_proto:\"-\" ",
            "app_id:\"-\" app_index:\"-\" instance_id:\"-\" x_cf_routererror:\"empty_host\" x_resetlab_request:\"-\"\n",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}
