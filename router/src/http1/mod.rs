//! HTTP/1.1 messages, PURE: bytes in, decisions out; no socket, no clock.
//!
//! Strictness is the point: whatever a second parser could read differently is refused (RFC 9112 §6.3, §11.2).
//! In the order that data meets them:
//!
//! - [`scan`]: where a head ends, and its limits
//! - [`request`], [`response`]: heads, parsed by httparse between strict checks
//! - [`target`]: the four forms of a request target, and `Host`
//! - [`fields`]: what the connection-level header fields say, and which are hop-by-hop
//! - [`framing`]: how long a body is
//! - [`chunked`], [`body`]: body bytes in, re-encoded body bytes out, in pieces of any size
//! - [`trailers`]: what may follow a chunked body
//! - [`forward`]: a head as the next hop gets it

pub mod body;
pub mod chunked;
pub mod fields;
pub mod forward;
pub mod framing;
#[cfg(test)]
mod properties;
pub mod request;
pub mod response;
pub mod scan;
pub mod target;
pub mod trailers;
#[doc(hidden)]
pub mod whole;

pub use body::{Body, Encoding};
pub use framing::BodyLength;
pub use request::RequestHead;
pub use response::ResponseHead;
pub use scan::HeadScan;

use std::mem::MaybeUninit;

/// What a message may cost. Over a limit of a head: 431 or 414.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, or of a trailer section.
    pub head_bytes: usize,
    /// Bytes of the request line.
    pub line_bytes: usize,
    /// Header fields of a head, or of a trailer section; at most [`MAX_HEADERS`].
    pub headers: usize,
    /// Bytes of chunk extensions in one body.
    pub chunk_extension_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: 64 * 1024,
            line_bytes: 16 * 1024,
            headers: 256,
            chunk_extension_bytes: 4096,
        }
    }
}

/// No head may have more header fields than this, whatever [`Limits`] say.
pub const MAX_HEADERS: usize = 512;

/// Room for the parsed header fields of one head; costs nothing until used.
pub type Slots<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_HEADERS];

/// Empty room.
pub fn slots<'b>() -> Slots<'b> {
    [const { MaybeUninit::uninit() }; MAX_HEADERS]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Http10,
    Http11,
}

/// Why a message is refused. For a request: the status to answer with before closing; for a response the
/// status is of no use, the backend is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Reject {
    pub status: u16,
    pub reason: &'static str,
}

impl Reject {
    pub const fn new(status: u16, reason: &'static str) -> Reject {
        Reject { status, reason }
    }

    pub const fn bad(reason: &'static str) -> Reject {
        Reject::new(400, reason)
    }
}

/// RFC 9110 §5.6.2 `tchar`.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| TOKEN[b as usize])
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        i += 1;
    }
    table
};

/// `value` without surrounding SP and HTAB.
pub(crate) fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
