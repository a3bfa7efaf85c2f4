//! The chunked transfer coding (RFC 9112 §7.1), decoded byte by byte so that no split of the input can matter.

use super::{Limits, Reject};

/// Decodes one chunked body.
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    extension_left: usize,
    trailer_limit: usize,
    /// Raw trailer lines, without the final empty line.
    trailers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `digits` of the chunk size so far.
    Size {
        size: u64,
        digits: u8,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// At the start of a trailer line, or within one.
    LineStart,
    Line,
    LineLf,
    EndLf,
    Done,
}

/// What [`ChunkedDecoder::step`] found: `skip` bytes of framing, then `data` bytes of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub skip: usize,
    pub data: usize,
}

impl ChunkedDecoder {
    pub fn new(limits: &Limits) -> ChunkedDecoder {
        ChunkedDecoder {
            state: State::Size { size: 0, digits: 0 },
            extension_left: limits.chunk_extension_bytes,
            trailer_limit: limits.head_bytes,
            trailers: Vec::new(),
        }
    }

    pub fn finished(&self) -> bool {
        self.state == State::Done
    }

    /// Raw trailer lines, each with its CRLF; complete once finished.
    pub fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Takes framing and then content from the front of `input`; call again with the rest until it takes nothing.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Reject> {
        if let State::Data { left } = self.state {
            return Ok(self.data(0, input.len(), left));
        }
        for (at, &byte) in input.iter().enumerate() {
            if self.state == State::Done {
                return Ok(Step { skip: at, data: 0 });
            }
            self.state = self.byte(byte)?;
            if let State::Data { left } = self.state {
                return Ok(self.data(at + 1, input.len(), left));
            }
        }
        Ok(Step {
            skip: input.len(),
            data: 0,
        })
    }

    fn data(&mut self, skip: usize, available: usize, left: u64) -> Step {
        let data = ((available - skip) as u64).min(left);
        self.state = if data == left {
            State::DataCr
        } else {
            State::Data { left: left - data }
        };
        Step {
            skip,
            data: data as usize,
        }
    }

    fn byte(&mut self, byte: u8) -> Result<State, Reject> {
        Ok(match (self.state, byte) {
            (State::Size { digits: 16, .. }, b) if b.is_ascii_hexdigit() => {
                return Err(Reject::bad("a chunk size of more than 16 digits"));
            }
            (State::Size { size, digits }, b) if b.is_ascii_hexdigit() => {
                let digit = char::from(b).to_digit(16).unwrap_or_default();
                State::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Reject::bad("a chunk without a size")),
            (State::Size { size, .. }, b'\r') => State::SizeLf { size },
            (State::Size { size, .. }, b';') => self.extension(size)?,
            (State::Size { .. }, _) => return Err(Reject::bad("malformed chunk size")),
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Extension { size }, b'\t' | 0x20..=0x7e) => self.extension(size)?,
            (State::Extension { .. }, _) => return Err(Reject::bad("malformed chunk extension")),
            (State::SizeLf { size: 0 }, b'\n') => State::LineStart,
            (State::SizeLf { size }, b'\n') => State::Data { left: size },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::DataCr | State::DataLf, _) => return Err(Reject::bad("chunk data not followed by CRLF")),
            (State::LineStart, b'\r') => State::EndLf,
            (State::EndLf, b'\n') => State::Done,
            (State::Line, b'\r') => self.trailer(byte, State::LineLf)?,
            (State::LineLf, b'\n') => self.trailer(byte, State::LineStart)?,
            (State::LineStart | State::Line, b) if b != b'\n' => self.trailer(byte, State::Line)?,
            _ => return Err(Reject::bad("a line of a chunked body does not end in CRLF")),
        })
    }

    fn extension(&mut self, size: u64) -> Result<State, Reject> {
        self.extension_left = self
            .extension_left
            .checked_sub(1)
            .ok_or(Reject::bad("chunk extensions are too long"))?;
        Ok(State::Extension { size })
    }

    fn trailer(&mut self, byte: u8, next: State) -> Result<State, Reject> {
        if self.trailers.len() >= self.trailer_limit {
            return Err(Reject::new(431, "the trailer section is too large"));
        }
        self.trailers.push(byte);
        Ok(next)
    }
}

/// Appends one chunk; nothing for empty `data`, which would end the body.
pub fn encode(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let mut digits = [0; 16];
    let mut at = digits.len();
    let mut rest = data.len();
    while rest > 0 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content, trailers and bytes taken, with the input cut into pieces of `size`.
    pub fn decode(input: &[u8], size: usize) -> Result<(Vec<u8>, Vec<u8>, usize), u16> {
        let mut decoder = ChunkedDecoder::new(&Limits {
            chunk_extension_bytes: 16,
            head_bytes: 32,
            ..Limits::default()
        });
        let (mut content, mut taken) = (Vec::new(), 0);
        for piece in input.chunks(size) {
            let mut at = 0;
            while at < piece.len() && !decoder.finished() {
                let step = decoder.step(&piece[at..]).map_err(|reject| reject.status)?;
                content.extend_from_slice(&piece[at + step.skip..at + step.skip + step.data]);
                at += step.skip + step.data;
            }
            taken += at;
        }
        if !decoder.finished() {
            return Err(0);
        }
        Ok((content, decoder.trailers().to_vec(), taken))
    }

    #[test]
    fn bodies() {
        type Case<'a> = (&'a [u8], &'a [u8], &'a [u8], usize);
        let cases: [Case<'_>; 5] = [
            (b"0\r\n\r\n", b"", b"", 0),
            (b"3\r\nabc\r\n0\r\n\r\nGET", b"abc", b"", 3),
            (
                b"003;a=\"b\"\r\nabc\r\nA\r\n0123456789\r\n0;x\r\n\r\n",
                b"abc0123456789",
                b"",
                0,
            ),
            (
                b"1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nxx",
                b"x",
                b"A: b\r\nC: d\r\n",
                2,
            ),
            (b"0000000000000001\r\n\n\r\n0\r\n\r\n", b"\n", b"", 0),
        ];
        for (input, content, trailers, left) in cases {
            for size in 1..=input.len() {
                let expected = (content.to_vec(), trailers.to_vec(), input.len() - left);
                assert_eq!(decode(input, size), Ok(expected), "{input:?} by {size}");
            }
        }
    }

    #[test]
    fn refused() {
        let cases: [&[u8]; 24] = [
            b"\r\n",
            b"+3\r\nabc\r\n",
            b"-3\r\nabc\r\n",
            b"0x3\r\nabc\r\n",
            b" 3\r\nabc\r\n",
            b"3 \r\nabc\r\n",
            b"3 ;a\r\nabc\r\n",
            b"3\nabc\r\n",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n",
            b"3\r\nabc\rx",
            b"3\rx",
            b"g\r\n",
            b"00000000000000001\r\nx\r\n",
            b"10000000000000000\r\n",
            b"3;\n",
            b"3;a\x00\r\n",
            b"3;a\x7f\r\n",
            b"3;aaaaaaaaaaaaaaaaaaaa\r\nabc\r\n0\r\n\r\n",
            b"0\r\n\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA\rb\r\n\r\n",
            b"3\r\nabc0\r\n\r\n",
            b"3,3\r\n",
        ];
        for input in cases {
            for size in 1..=input.len() {
                assert_eq!(decode(input, size), Err(400), "{input:?} by {size}");
            }
        }
        assert_eq!(
            decode(b"0\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n", 7),
            Err(431)
        );
        assert_eq!(decode(b"5\r\nabc", 7), Err(0));
    }

    #[test]
    fn encodes() {
        let mut out = Vec::new();
        encode(b"", &mut out);
        encode(&[b'x'; 26], &mut out);
        assert_eq!(out, [b"1a\r\n".as_slice(), &[b'x'; 26], b"\r\n"].concat());
    }
}
