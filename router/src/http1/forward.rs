//! A head as the next hop gets it: hop-by-hop fields removed, framing written anew, everything else byte for byte.

use super::fields::{Field, nominated};
use super::{BodyLength, Encoding, RequestHead, ResponseHead};

/// Appends the request head for the next hop, without its final empty line, so that fields can be added.
/// `hops` replaces Max-Forwards. Fields whose name `omits` are left out; it is not asked about those that frame the
/// message or belong to this hop.
pub fn request(head: &RequestHead<'_>, hops: Option<u64>, omits: impl Fn(&str) -> bool, out: &mut Vec<u8>) {
    out.extend_from_slice(head.method().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.target().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let upgrade = head.upgrade();
    if head.replaces_host() || head.summary.host.is_none() {
        field(b"Host", head.host().as_bytes(), out);
    }
    copy(
        head.bytes,
        head.headers,
        head.summary.nominated > 0,
        out,
        |kind, name| match kind {
            Field::Host => !head.replaces_host(),
            Field::Upgrade => upgrade,
            Field::Expect => head.version() == super::Version::Http11,
            Field::MaxForwards => hops.is_none(),
            Field::Other => !omits(name),
            Field::ContentLength | Field::TransferEncoding | Field::Connection | Field::HopByHop => false,
        },
    );
    match head.body() {
        BodyLength::Known(length) => number(b"Content-Length", length, out),
        BodyLength::Chunked => field(b"Transfer-Encoding", b"chunked", out),
        BodyLength::Empty | BodyLength::UntilClose => {}
    }
    if let Some(hops) = hops {
        number(b"Max-Forwards", hops, out);
    }
    if upgrade {
        field(b"Connection", b"upgrade", out);
    }
}

/// What the client is told about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Open, as HTTP/1.1 has it without a word.
    Implicit,
    /// Open, said aloud to an HTTP/1.0 client.
    KeepAlive,
    Close,
    /// After `101`.
    Upgrade,
}

/// Appends the response head for the client, without its final empty line, so that fields can be added.
pub fn response(head: &ResponseHead<'_>, encoding: Encoding, persistence: Persistence, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status_line);
    if head.status_line.len() == 3 {
        out.push(b' ');
    }
    out.extend_from_slice(b"\r\n");
    copy(
        head.bytes,
        head.headers,
        head.summary.nominated > 0,
        out,
        |kind, _| match kind {
            Field::Host | Field::Expect | Field::MaxForwards | Field::Other => true,
            Field::Upgrade => persistence == Persistence::Upgrade,
            Field::ContentLength | Field::TransferEncoding | Field::Connection | Field::HopByHop => false,
        },
    );
    match head.body() {
        BodyLength::Known(length) => number(b"Content-Length", length, out),
        BodyLength::Chunked | BodyLength::UntilClose if encoding == Encoding::Chunked => {
            field(b"Transfer-Encoding", b"chunked", out);
        }
        BodyLength::Chunked | BodyLength::UntilClose => {}
        // To HEAD and in 304 the length is that of the body which is not sent; elsewhere it would be a lie.
        BodyLength::Empty if head.status() != 204 && head.status() >= 200 => {
            if let Some(length) = head.stated_length() {
                number(b"Content-Length", length, out);
            }
        }
        BodyLength::Empty => {}
    }
    self::persistence(persistence, out);
}

/// Appends the Connection field, where one is needed.
pub fn persistence(persistence: Persistence, out: &mut Vec<u8>) {
    match persistence {
        Persistence::Implicit => {}
        Persistence::KeepAlive => field(b"Connection", b"keep-alive", out),
        Persistence::Close => field(b"Connection", b"close", out),
        Persistence::Upgrade => field(b"Connection", b"upgrade", out),
    }
}

/// Appends one header line.
pub fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends one header line with a decimal value.
pub fn number(name: &[u8], value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    field(name, &digits[at..], out);
}

/// Copies the lines of the fields that `keep` wants, neighbouring ones at once.
fn copy(
    bytes: &[u8],
    headers: &[httparse::Header<'_>],
    nominates: bool,
    out: &mut Vec<u8>,
    keep: impl Fn(Field, &str) -> bool,
) {
    let start_of = |index: usize| match headers.get(index) {
        Some(header) => header.name.as_ptr() as usize - bytes.as_ptr() as usize,
        None => bytes.len() - 2,
    };
    let mut run = start_of(0);
    for (index, header) in headers.iter().enumerate() {
        let kind = Field::of(header.name);
        // Host, framing and Upgrade are decided by `keep` alone: naming them in Connection changes nothing.
        let nominable = matches!(kind, Field::Other | Field::Expect | Field::MaxForwards);
        let kept = keep(kind, header.name) && !(nominates && nominable && nominated(headers, header.name));
        if !kept {
            out.extend_from_slice(&bytes[run..start_of(index)]);
            run = start_of(index + 1);
        }
    }
    out.extend_from_slice(&bytes[run..bytes.len() - 2]);
}
