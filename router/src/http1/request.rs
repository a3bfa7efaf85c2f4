//! A request head: parsed strictly, borrowed from the bytes it came in.

use super::fields::Summary;
use super::target::{Target, is_host};
use super::{BodyLength, Limits, Reject, Slots, Version, is_token};

/// One valid request head.
#[derive(Debug)]
pub struct RequestHead<'a> {
    pub(super) bytes: &'a [u8],
    method: &'a str,
    target: Target<'a>,
    version: Version,
    pub(super) headers: &'a [httparse::Header<'a>],
    pub(super) summary: Summary<'a>,
    body: BodyLength,
}

impl<'a> RequestHead<'a> {
    /// `bytes` is exactly one head, as [`super::HeadScan::request`] found it.
    pub fn parse(
        bytes: &'a [u8],
        slots: &'a mut Slots<'a>,
        limits: &Limits,
    ) -> Result<RequestHead<'a>, Reject> {
        let (method, raw_target, version) = request_line(bytes)?;
        let mut parsed = httparse::Request::new(&mut []);
        let room = limits.headers.min(slots.len());
        match parsed.parse_with_uninit_headers(bytes, &mut slots[..room]) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Reject::new(431, "too many header fields")),
            Err(httparse::Error::HeaderName) => return Err(Reject::bad("malformed header field name")),
            Err(httparse::Error::HeaderValue) => return Err(Reject::bad("malformed header field value")),
            _ => return Err(Reject::bad("malformed head")),
        }
        let headers: &'a [httparse::Header<'a>] = parsed.headers;
        let target = Target::parse(method, raw_target)?;
        let summary = Summary::of(headers)?;
        match summary.host {
            None if version == Version::Http11 => return Err(Reject::bad("no Host")),
            Some(host) if !is_host(host) => return Err(Reject::bad("malformed Host")),
            _ => {}
        }
        let body = BodyLength::of_request(version, &summary)?;
        Ok(RequestHead {
            bytes,
            method,
            target,
            version,
            headers,
            summary,
            body,
        })
    }

    pub fn method(&self) -> &str {
        self.method
    }

    /// origin-form (`/path?query`), or `*`; an absolute-form target has become its origin-form.
    pub fn target(&self) -> &str {
        &self.target.path
    }

    /// Host with its port if it has one: from an absolute-form target, else from the field, else empty.
    pub fn host(&self) -> &str {
        match self.target.authority {
            Some(authority) => authority,
            None => self
                .summary
                .host
                .and_then(|host| std::str::from_utf8(host).ok())
                .unwrap_or_default(),
        }
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// The value of the first field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }

    /// All fields, as sent.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|header| (header.name, header.value))
    }

    pub fn body(&self) -> BodyLength {
        self.body
    }

    /// The client wants its connection to stay open.
    pub fn keep_alive(&self) -> bool {
        match self.version {
            Version::Http11 => !self.summary.close,
            Version::Http10 => self.summary.keep_alive && !self.summary.close,
        }
    }

    /// The client offers to change the protocol.
    pub fn upgrade(&self) -> bool {
        self.version == Version::Http11 && self.summary.upgrade && self.summary.connection_upgrade
    }

    /// The client waits for `100 Continue` before it sends its body (void in HTTP/1.0).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.summary.expects_continue
    }

    /// Hops left, for the methods that count them (RFC 9110 §7.6.2).
    pub fn max_forwards(&self) -> Result<Option<u64>, Reject> {
        match self.summary.max_forwards {
            Some(value) if matches!(self.method, "TRACE" | "OPTIONS") => {
                match super::fields::decimal(value) {
                    Some(hops) => Ok(Some(hops)),
                    None => Err(Reject::bad("malformed Max-Forwards")),
                }
            }
            _ => Ok(None),
        }
    }

    pub(super) fn replaces_host(&self) -> bool {
        self.target.authority.is_some()
    }
}

/// `method SP target SP version`, single spaces, nothing else.
fn request_line(bytes: &[u8]) -> Result<(&str, &str, Version), Reject> {
    let malformed = Reject::bad("malformed request line");
    let end = memchr::memchr(b'\r', bytes).ok_or(malformed)?;
    let line = &bytes[..end];
    let space = memchr::memchr(b' ', line).ok_or(malformed)?;
    let (method, rest) = (&line[..space], &line[space + 1..]);
    if !is_token(method) {
        return Err(Reject::bad("the method is not a token"));
    }
    let space = memchr::memrchr(b' ', rest).ok_or(malformed)?;
    let (target, version) = (&rest[..space], &rest[space + 1..]);
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Reject::new(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"));
        }
        _ => return Err(malformed),
    };
    let method = std::str::from_utf8(method).map_err(|_| malformed)?;
    let target =
        std::str::from_utf8(target).map_err(|_| Reject::bad("a byte that no request target may have"))?;
    Ok((method, target, version))
}
