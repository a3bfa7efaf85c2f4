//! A response head: parsed as strictly as a request.

use super::fields::{Field, Summary, nominated};
use super::{BodyLength, Limits, Reject, Slots, Version};

/// One valid response head.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    pub(super) bytes: &'a [u8],
    /// `200 OK`: what follows `HTTP/1.1 `.
    pub(super) status_line: &'a [u8],
    version: Version,
    status: u16,
    pub(super) headers: &'a [httparse::Header<'a>],
    pub(super) summary: Summary<'a>,
    body: BodyLength,
}

impl<'a> ResponseHead<'a> {
    /// `bytes` is exactly one head, as [`super::HeadScan::response`] found it; `to_head`: it answers a HEAD request.
    pub fn parse(
        bytes: &'a [u8],
        to_head: bool,
        slots: &'a mut Slots<'a>,
        limits: &Limits,
    ) -> Result<ResponseHead<'a>, Reject> {
        let malformed = Reject::bad("malformed status line");
        let version = match bytes.get(..9) {
            Some(b"HTTP/1.1 ") => Version::Http11,
            Some(b"HTTP/1.0 ") => Version::Http10,
            _ => return Err(malformed),
        };
        let end = memchr::memchr(b'\r', bytes).ok_or(malformed)?;
        let status_line = &bytes[9..end];
        let status = match status_line {
            [a @ b'1'..=b'5', b, c] | [a @ b'1'..=b'5', b, c, b' ', ..]
                if b.is_ascii_digit() && c.is_ascii_digit() =>
            {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(malformed),
        };
        let mut parsed = httparse::Response::new(&mut []);
        let room = limits.headers.min(slots.len());
        let result = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut parsed,
            bytes,
            &mut slots[..room],
        );
        match result {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Reject::new(431, "too many header fields")),
            _ => return Err(Reject::bad("malformed head")),
        }
        let headers: &'a [httparse::Header<'a>] = parsed.headers;
        let summary = Summary::of(headers)?;
        let body = BodyLength::of_response(version, &summary, status, to_head)?;
        Ok(ResponseHead {
            bytes,
            status_line,
            version,
            status,
            headers,
            summary,
            body,
        })
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn body(&self) -> BodyLength {
        self.body
    }

    /// The Content-Length it states, also where it has no body (HEAD, 304).
    pub fn stated_length(&self) -> Option<u64> {
        self.summary.content_length
    }

    /// The backend lets its connection be used again.
    pub fn keep_alive(&self) -> bool {
        let asked = match self.version {
            Version::Http11 => !self.summary.close,
            Version::Http10 => self.summary.keep_alive && !self.summary.close,
        };
        asked && self.body != BodyLength::UntilClose
    }

    /// It names the protocol it switches to.
    pub fn upgrade(&self) -> bool {
        self.summary.upgrade && self.summary.connection_upgrade
    }

    /// All fields, as sent.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|header| (header.name, header.value))
    }

    /// The fields that go on to the client as they are.
    pub fn end_to_end(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let nominates = self.summary.nominated > 0;
        let kept = move |header: &&httparse::Header<'a>| {
            let kind = Field::of(header.name);
            let ours = matches!(
                kind,
                Field::Host | Field::Expect | Field::MaxForwards | Field::Other
            );
            ours && !(nominates && nominated(self.headers, header.name))
        };
        self.headers
            .iter()
            .filter(kept)
            .map(|header| (header.name, header.value))
    }

    /// The value of the first field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }
}
