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
        let head = RequestHead {
            bytes,
            method,
            target,
            version,
            headers,
            summary,
            body,
        };
        match head.header("expect") {
            Some(value) if is_other_expectation(value) => {
                Err(Reject::new(417, "an expectation other than 100-continue"))
            }
            _ => Ok(head),
        }
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

    /// Bytes of the head as it was sent, with its final empty line.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// All fields, as sent.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
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

/// RFC 9110 §10.1.1 lets a server refuse what it does not know; a proxy that passed it on would promise it.
fn is_other_expectation(value: &[u8]) -> bool {
    let mut members = value
        .split(|b| matches!(b, b' ' | b'\t' | b','))
        .filter(|member| !member.is_empty())
        .peekable();
    members.peek().is_some() && !members.any(|member| member.eq_ignore_ascii_case(b"100-continue"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{slots, whole};

    fn status(request: &[u8]) -> u16 {
        let mut slots = slots();
        RequestHead::parse(request, &mut slots, &Limits::default()).map_or_else(|reject| reject.status, |_| 0)
    }

    #[test]
    fn every_octet_in_every_place() {
        for octet in 0..=255u8 {
            let method = [b"G", &[octet][..], b"T / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            assert_eq!(
                status(&method) == 0,
                is_token(&[octet]),
                "{octet:#x} in the method"
            );
            let target = [b"GET /", &[octet][..], b"x HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            assert_eq!(
                status(&target) == 0,
                octet.is_ascii_graphic() && octet != b'#',
                "{octet:#x} in the target"
            );
            let name = [b"GET / HTTP/1.1\r\nHost: a\r\nA", &[octet][..], b"B: c\r\n\r\n"].concat();
            assert_eq!(
                status(&name) == 0,
                is_token(&[octet]) || octet == b':',
                "{octet:#x} in a name"
            );
            let value = [b"GET / HTTP/1.1\r\nHost: a\r\nA: b", &[octet][..], b"c\r\n\r\n"].concat();
            let allowed = octet == b'\t' || (octet >= b' ' && octet != 0x7f);
            // A line feed is refused by the scan before this.
            let found = whole::request([&value[..]], &Limits::default());
            assert_eq!(found.is_ok(), allowed, "{octet:#x} in a value");
            let version = [b"GET / HTTP/1.", &[octet][..], b"\r\nHost: a\r\n\r\n"].concat();
            let expected = match octet {
                b'0' | b'1' => 0,
                b'2'..=b'9' => 505,
                _ => 400,
            };
            assert_eq!(status(&version), expected, "{octet:#x} in the version");
        }
    }

    #[test]
    fn what_a_head_says() {
        let bytes = b"GET http://a:1/x HTTP/1.1\r\nHost: b\r\nconnection: UPGRADE\r\nUpgrade: c\r\nExpect: 100-Continue\r\n\r\n";
        let mut slots = slots();
        let head = RequestHead::parse(bytes, &mut slots, &Limits::default()).unwrap();
        assert_eq!((head.method(), head.target(), head.host()), ("GET", "/x", "a:1"));
        assert!(head.upgrade() && head.expects_continue() && head.keep_alive());
        assert_eq!(head.header("HOST"), Some(&b"b"[..]));
        assert_eq!(head.headers().count(), 4);
    }

    #[test]
    fn persistence_by_version() {
        for (head, open) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n",
                false,
            ),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
            (
                "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
                false,
            ),
        ] {
            let mut slots = slots();
            let parsed = RequestHead::parse(head.as_bytes(), &mut slots, &Limits::default()).unwrap();
            assert_eq!(parsed.keep_alive(), open, "{head}");
        }
    }

    #[test]
    fn which_lines_and_fields_are_refused() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nA\t: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n A: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\tc\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
            ("GET /\r\n\r\n", 400),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: odd\r\n\r\n", 417),
            ("GET / HTTP/1.0\r\nExpect: 100-continued\r\n\r\n", 417),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nExpect: odd\r\nExpect: 100-continue\r\n\r\n",
                417,
            ),
            ("GET / HTTP/1.1\r\nExpect: odd\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", 0),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nExpect: odd, 100-CONTINUE\r\n\r\n",
                0,
            ),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }
}
