//! Body bytes in, re-encoded body bytes out.

use super::chunked::{self, ChunkedDecoder};
use super::{BodyLength, Limits, Reject, trailers};

/// How the next hop learns where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes as they are: a known length, or until close.
    Identity,
    Chunked,
}

/// One body on its way through.
#[derive(Debug)]
pub struct Body {
    source: Source,
    encoding: Encoding,
    limits: Limits,
    /// Bytes of content so far.
    content: u64,
}

#[derive(Debug)]
enum Source {
    Known { left: u64 },
    Chunked(ChunkedDecoder),
    UntilClose,
    Done,
}

impl Body {
    pub fn new(length: BodyLength, encoding: Encoding, limits: &Limits) -> Body {
        let source = match length {
            BodyLength::Empty | BodyLength::Known(0) => Source::Done,
            BodyLength::Known(left) => Source::Known { left },
            BodyLength::Chunked => Source::Chunked(ChunkedDecoder::new(limits)),
            BodyLength::UntilClose => Source::UntilClose,
        };
        Body {
            source,
            encoding,
            limits: *limits,
            content: 0,
        }
    }

    /// All of it, with its end, has been appended.
    pub fn finished(&self) -> bool {
        matches!(self.source, Source::Done)
    }

    /// Bytes of content moved so far.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Takes what belongs to the body from the front of `input`, appends it re-encoded to `out`, and returns
    /// how many bytes were taken. What follows the body is left alone.
    pub fn transfer(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Reject> {
        match &mut self.source {
            Source::Done => Ok(0),
            Source::UntilClose => {
                self.put(input, out);
                Ok(input.len())
            }
            Source::Known { left } => {
                let taken = (*left).min(input.len() as u64) as usize;
                *left -= taken as u64;
                let done = *left == 0;
                self.put(&input[..taken], out);
                if done {
                    self.end(&[], out)?;
                }
                Ok(taken)
            }
            Source::Chunked(_) => self.transfer_chunks(input, out),
        }
    }

    /// The sender closed its side in order. An error if the body is not complete by that.
    pub fn end_of_input(&mut self, out: &mut Vec<u8>) -> Result<(), Reject> {
        match self.source {
            Source::Done => Ok(()),
            Source::UntilClose => self.end(&[], out),
            Source::Known { .. } | Source::Chunked(_) => Err(Reject::bad("the body is incomplete")),
        }
    }

    fn transfer_chunks(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Reject> {
        let mut at = 0;
        while let Source::Chunked(decoder) = &mut self.source {
            let step = decoder.step(&input[at..])?;
            let finished = decoder.finished();
            let data = &input[at + step.skip..at + step.skip + step.data];
            at += step.skip + step.data;
            if finished {
                let Source::Chunked(decoder) = std::mem::replace(&mut self.source, Source::Done) else {
                    break;
                };
                self.end(decoder.trailers(), out)?;
            } else if at == input.len() {
                self.put(data, out);
                break;
            } else {
                self.put(data, out);
            }
        }
        Ok(at)
    }

    fn put(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.content += data.len() as u64;
        match self.encoding {
            Encoding::Identity => out.extend_from_slice(data),
            Encoding::Chunked => chunked::encode(data, out),
        }
    }

    fn end(&mut self, raw_trailers: &[u8], out: &mut Vec<u8>) -> Result<(), Reject> {
        if self.encoding == Encoding::Chunked {
            let start = out.len();
            out.extend_from_slice(b"0\r\n");
            if let Err(reject) = trailers::forward(raw_trailers, &self.limits, out) {
                // A last chunk must not get out: the body is not complete.
                out.truncate(start);
                return Err(reject);
            }
            out.extend_from_slice(b"\r\n");
        }
        self.source = Source::Done;
        Ok(())
    }
}
