//! What the connection-level header fields of one head say together, and which fields end at this hop.

use super::{Reject, is_token, trim_ows};

/// The fields this engine acts upon; everything else is passed on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    Upgrade,
    Expect,
    MaxForwards,
    /// Always removed: Keep-Alive, Proxy-Connection, TE, Proxy-Authenticate, Proxy-Authorization.
    HopByHop,
    Other,
}

impl Field {
    pub fn of(name: &str) -> Field {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is("te") => Field::HopByHop,
            4 if is("host") => Field::Host,
            6 if is("expect") => Field::Expect,
            7 if is("upgrade") => Field::Upgrade,
            10 if is("connection") => Field::Connection,
            10 if is("keep-alive") => Field::HopByHop,
            12 if is("max-forwards") => Field::MaxForwards,
            14 if is("content-length") => Field::ContentLength,
            16 if is("proxy-connection") => Field::HopByHop,
            17 if is("transfer-encoding") => Field::TransferEncoding,
            18 if is("proxy-authenticate") => Field::HopByHop,
            19 if is("proxy-authorization") => Field::HopByHop,
            _ => Field::Other,
        }
    }
}

/// The connection-level fields of one head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary<'b> {
    pub host: Option<&'b [u8]>,
    pub content_length: Option<u64>,
    /// Transfer-Encoding was present and said exactly `chunked`.
    pub chunked: bool,
    /// Connection options.
    pub close: bool,
    pub keep_alive: bool,
    pub connection_upgrade: bool,
    /// Further fields that Connection names, which end at this hop.
    pub nominated: usize,
    /// An Upgrade field is present.
    pub upgrade: bool,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    pub max_forwards: Option<&'b [u8]>,
    codings: Codings,
}

/// Each is compared with the name of each field, so there must not be many.
const MAX_NOMINATED: usize = 64;

/// Transfer codings seen so far, in order, over all lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    Absent,
    /// Only unknown ones so far.
    Unknown,
    Chunked,
    UnknownThenChunked,
}

impl<'b> Summary<'b> {
    /// Reads all fields; refuses what is contradictory in itself.
    pub fn of(headers: &[httparse::Header<'b>]) -> Result<Summary<'b>, Reject> {
        let mut summary = Summary::default();
        for header in headers {
            match Field::of(header.name) {
                Field::Other | Field::HopByHop => {}
                Field::Host => {
                    if summary.host.replace(header.value).is_some() {
                        return Err(Reject::bad("more than one Host"));
                    }
                }
                Field::ContentLength => summary.add_length(header.value)?,
                Field::TransferEncoding => summary.add_codings(header.value)?,
                Field::Connection => summary.add_options(header.value)?,
                Field::Upgrade => summary.upgrade = true,
                Field::Expect => {
                    summary.expects_continue |= header.value.eq_ignore_ascii_case(b"100-continue")
                }
                Field::MaxForwards => summary.max_forwards = Some(header.value),
            }
        }
        match summary.codings {
            Codings::Absent => {}
            Codings::Chunked => summary.chunked = true,
            Codings::Unknown => return Err(Reject::bad("the last transfer coding is not chunked")),
            Codings::UnknownThenChunked => return Err(Reject::new(501, "a transfer coding besides chunked")),
        }
        if summary.chunked && summary.content_length.is_some() {
            return Err(Reject::bad("both Content-Length and Transfer-Encoding"));
        }
        Ok(summary)
    }

    /// RFC 9112 §6.3 rule 5: identical repeats are one, anything else is an error; so is a length that a reader of
    /// signed numbers takes for a negative one.
    fn add_length(&mut self, value: &[u8]) -> Result<(), Reject> {
        for element in value.split(|&b| b == b',') {
            let length = decimal(trim_ows(element)).filter(|length| *length <= i64::MAX as u64);
            let length = length.ok_or(Reject::bad("malformed Content-Length"))?;
            if self
                .content_length
                .replace(length)
                .is_some_and(|other| other != length)
            {
                return Err(Reject::bad("differing Content-Lengths"));
            }
        }
        Ok(())
    }

    fn add_codings(&mut self, value: &[u8]) -> Result<(), Reject> {
        for element in value.split(|&b| b == b',') {
            let element = trim_ows(element);
            let name = element
                .split(|&b| b == b';' || b == b' ' || b == b'\t')
                .next()
                .unwrap_or_default();
            if !is_token(name) {
                return Err(Reject::bad("malformed Transfer-Encoding"));
            }
            let chunked = element.eq_ignore_ascii_case(b"chunked");
            self.codings = match (self.codings, chunked) {
                (Codings::Absent, true) => Codings::Chunked,
                (Codings::Absent | Codings::Unknown, false) if !name.eq_ignore_ascii_case(b"chunked") => {
                    Codings::Unknown
                }
                (Codings::Unknown, true) => Codings::UnknownThenChunked,
                _ => {
                    return Err(Reject::bad(
                        "chunked is not the last transfer coding, or not the only chunked",
                    ));
                }
            };
        }
        Ok(())
    }

    fn add_options(&mut self, value: &[u8]) -> Result<(), Reject> {
        for option in value.split(|&b| b == b',') {
            let option = trim_ows(option);
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.connection_upgrade = true;
            } else if !option.is_empty() {
                self.nominated += 1;
            }
        }
        if self.nominated > MAX_NOMINATED {
            return Err(Reject::bad("too many Connection options"));
        }
        Ok(())
    }
}

/// Whether a `Connection` field among `headers` names `name`.
pub fn nominated(headers: &[httparse::Header<'_>], name: &str) -> bool {
    headers
        .iter()
        .filter(|header| Field::of(header.name) == Field::Connection)
        .flat_map(|header| header.value.split(|&b| b == b','))
        .any(|option| trim_ows(option).eq_ignore_ascii_case(name.as_bytes()))
}

/// `1*DIGIT` that fits; no sign, no space.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary<'b>(fields: &[(&'static str, &'b str)]) -> Result<Summary<'b>, Reject> {
        let headers: Vec<_> = fields
            .iter()
            .map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        Summary::of(&headers)
    }

    fn status(fields: &[(&'static str, &'static str)]) -> u16 {
        summary(fields).map_or_else(|reject| reject.status, |_| 0)
    }

    #[test]
    fn lengths() {
        for good in ["5", "5, 5", "5,5,5", "05"] {
            assert_eq!(
                summary(&[("Content-Length", good)]).unwrap().content_length,
                Some(5),
                "{good}"
            );
        }
        for bad in [
            "",
            "+5",
            "-1",
            "0x5",
            "5,",
            ",5",
            "5 5",
            "5, 6",
            "5;5",
            "1e3",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "5,,5",
            "\u{a0}5",
        ] {
            assert_eq!(status(&[("Content-Length", bad)]), 400, "{bad:?}");
        }
        assert_eq!(
            summary(&[("Content-Length", "9223372036854775807")])
                .unwrap()
                .content_length,
            Some(i64::MAX as u64)
        );
        assert_eq!(status(&[("content-length", "5"), ("CONTENT-LENGTH", "6")]), 400);
        assert_eq!(status(&[("content-length", "5"), ("CONTENT-LENGTH", "5")]), 0);
    }

    #[test]
    fn codings() {
        for good in ["chunked", "Chunked", " chunked "] {
            assert!(summary(&[("Transfer-Encoding", good)]).unwrap().chunked, "{good}");
        }
        for bad in [
            "",
            "identity",
            "gzip",
            "chunked, gzip",
            "chunked, chunked",
            "chunked,",
            ",chunked",
            "chunked;a=b",
            "xchunked",
            "chunked x",
            "\"chunked\"",
            "chunked, identity",
            "gzip, chunked, chunked",
            "\u{b}chunked",
        ] {
            assert_eq!(status(&[("Transfer-Encoding", bad)]), 400, "{bad:?}");
        }
        assert_eq!(status(&[("Transfer-Encoding", "gzip, chunked")]), 501);
        assert_eq!(
            status(&[
                ("Transfer-Encoding", "gzip;q=1"),
                ("Transfer-Encoding", "chunked")
            ]),
            501
        );
        assert_eq!(
            status(&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]),
            400
        );
        assert_eq!(
            status(&[("Transfer-Encoding", "chunked"), ("Content-Length", "5")]),
            400
        );
        assert_eq!(
            status(&[("Content-Length", "0"), ("Transfer-Encoding", "chunked")]),
            400
        );
    }

    #[test]
    fn connection_options() {
        let s = summary(&[
            ("Connection", "Close, X-A"),
            ("connection", "Upgrade , keep-alive"),
        ])
        .unwrap();
        assert!(s.close && s.keep_alive && s.connection_upgrade && s.nominated == 1);
        let headers = [httparse::Header {
            name: "Connection",
            value: b"close, X-a",
        }];
        assert!(nominated(&headers, "x-A") && !nominated(&headers, "x"));
        assert_eq!(status(&[("Host", "a"), ("host", "a")]), 400);
    }
}
