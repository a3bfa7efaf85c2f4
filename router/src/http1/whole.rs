//! A whole request from pieces of any size: what property tests and the fuzzer drive. Not for serving.

use super::{
    Body, BodyLength, Encoding, HeadScan, Limits, Reject, RequestHead, ResponseHead, forward, slots,
};

/// One message, its body decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// `GET /path host`, or `200`.
    pub start: String,
    /// Fields that are passed on, as the next hop gets them.
    pub forwarded: Vec<u8>,
    pub content: Vec<u8>,
    /// The body as the next hop gets it.
    pub encoded: Vec<u8>,
    /// Bytes that belong to the message.
    pub taken: usize,
}

/// Reads one request. `Ok(None)`: it is not complete.
pub fn request<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Result<Option<Whole>, Reject> {
    read(pieces, limits, |scan, bytes| {
        let Some(range) = scan.request(bytes, limits)? else {
            return Ok(None);
        };
        let mut slots = slots();
        let head = RequestHead::parse(&bytes[range.clone()], &mut slots, limits)?;
        head.max_forwards()?;
        let mut forwarded = Vec::new();
        forward::request(&head, None, |_| false, &mut forwarded);
        forwarded.extend_from_slice(b"\r\n");
        let start = format!("{} {} {}", head.method(), head.target(), head.host());
        Ok(Some(Head {
            end: range.end,
            start,
            forwarded,
            body: head.body(),
        }))
    })
}

/// Reads one final response to a GET. `Ok(None)`: it is not complete; one that ends by close never is.
pub fn response<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Result<Option<Whole>, Reject> {
    read(pieces, limits, |scan, bytes| {
        let Some(range) = scan.response(bytes, limits)? else {
            return Ok(None);
        };
        let mut slots = slots();
        let head = ResponseHead::parse(&bytes[range.clone()], false, &mut slots, limits)?;
        let mut forwarded = Vec::new();
        let encoding = encoding(head.body());
        forward::response(&head, encoding, forward::Persistence::Implicit, &mut forwarded);
        forwarded.extend_from_slice(b"\r\n");
        Ok(Some(Head {
            end: range.end,
            start: head.status().to_string(),
            forwarded,
            body: head.body(),
        }))
    })
}

struct Head {
    end: usize,
    start: String,
    forwarded: Vec<u8>,
    body: BodyLength,
}

fn encoding(body: BodyLength) -> Encoding {
    match body {
        BodyLength::Chunked | BodyLength::UntilClose => Encoding::Chunked,
        BodyLength::Empty | BodyLength::Known(_) => Encoding::Identity,
    }
}

fn read<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
    parse: impl Fn(&mut HeadScan, &[u8]) -> Result<Option<Head>, Reject>,
) -> Result<Option<Whole>, Reject> {
    let mut buffer = Vec::new();
    let mut scan = HeadScan::new();
    let mut under_way: Option<(Whole, Body, Body)> = None;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if under_way.is_none() {
            let Some(head) = parse(&mut scan, &buffer)? else {
                continue;
            };
            buffer.drain(..head.end);
            let (start, forwarded) = (head.start, head.forwarded);
            let whole = Whole {
                start,
                forwarded,
                content: Vec::new(),
                encoded: Vec::new(),
                taken: head.end,
            };
            let decoder = Body::new(head.body, Encoding::Identity, limits);
            let encoder = Body::new(head.body, encoding(head.body), limits);
            under_way = Some((whole, decoder, encoder));
        }
        if let Some((whole, decoder, encoder)) = &mut under_way {
            let taken = encoder.transfer(&buffer, &mut whole.encoded)?;
            let same = decoder.transfer(&buffer, &mut whole.content)?;
            assert_eq!(taken, same, "both views of the body take the same bytes");
            buffer.drain(..taken);
            whole.taken += taken;
            if encoder.finished() {
                return Ok(under_way.map(|(whole, ..)| whole));
            }
        }
    }
    Ok(None)
}

/// What must hold for any bytes in any pieces: the pieces do not matter, and what is passed on is read by the next
/// parser as it was read here, to its last byte. Panics otherwise.
pub fn check(bytes: &[u8], sizes: &[usize], limits: &Limits) {
    for read in [
        (|pieces: Vec<&[u8]>, limits: &Limits| request(pieces, limits)) as fn(Vec<&[u8]>, &Limits) -> _,
        |pieces, limits| response(pieces, limits),
    ] {
        let once = read(vec![bytes], limits);
        let mut pieces = Vec::new();
        let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |size| (*size).clamp(1, rest.len()));
            let (piece, left) = rest.split_at(size);
            pieces.push(piece);
            rest = left;
        }
        let split = read(pieces, limits);
        match (&once, &split) {
            (Ok(Some(a)), Ok(Some(b))) => {
                // Chunk boundaries may move; nothing else may.
                assert_eq!(
                    (&a.start, &a.forwarded, &a.content, a.taken),
                    (&b.start, &b.forwarded, &b.content, b.taken)
                );
            }
            _ => assert_eq!(once.as_ref().map(|_| ()), split.as_ref().map(|_| ())),
        }
        for whole in [once, split].into_iter().flatten().flatten() {
            let passed = [&whole.forwarded[..], &whole.encoded].concat();
            let roomy = Limits {
                head_bytes: usize::MAX,
                line_bytes: usize::MAX,
                headers: super::MAX_HEADERS,
                ..*limits
            };
            let again = read(vec![&passed], &roomy)
                .expect("what is passed on is valid")
                .expect("and complete");
            assert_eq!((&again.start, &again.content), (&whole.start, &whole.content));
            assert_eq!(again.taken, passed.len(), "nothing is left for a next message");
        }
    }
}
