//! Where a head ends. Incremental: bytes seen once are not looked at again, so a client that sends one byte
//! at a time costs no more than one that sends all at once.

use super::{Limits, Reject};

/// Finds the end of a head in a buffer that grows at its end.
#[derive(Clone, Debug, Default)]
pub struct HeadScan {
    /// Bytes already looked at.
    seen: usize,
    /// Where the current line starts.
    line: usize,
    /// Where the head starts, after leading empty lines.
    start: usize,
}

/// Empty lines a client may send before a request line (RFC 9112 §2.2 asks for one).
const LEADING_LINES: usize = 2;

impl HeadScan {
    pub fn new() -> HeadScan {
        HeadScan::default()
    }

    /// The range of the head in `bytes` (with its final empty line), or `None` if it is not complete.
    /// `bytes` must extend those of the previous call. Every line must end in CRLF.
    pub fn request(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<std::ops::Range<usize>>, Reject> {
        self.find(bytes, limits, LEADING_LINES)
    }

    /// Like [`HeadScan::request`], for a response: no empty lines before it.
    pub fn response(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<std::ops::Range<usize>>, Reject> {
        self.find(bytes, limits, 0)
    }

    /// Forget everything: the next buffer starts a new head.
    pub fn reset(&mut self) {
        *self = HeadScan::default();
    }

    fn find(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        leading: usize,
    ) -> Result<Option<std::ops::Range<usize>>, Reject> {
        let window = &bytes[..bytes.len().min(limits.head_bytes)];
        while let Some(offset) = memchr::memchr(b'\n', window.get(self.seen..).unwrap_or_default()) {
            let lf = self.seen + offset;
            self.seen = lf + 1;
            let first = self.line == self.start;
            if first && lf - self.line >= limits.line_bytes {
                return Err(Reject::new(414, "the request line is too long"));
            }
            // After the limit: a client that sends this line bit by bit meets the limit first.
            if lf == self.line || window[lf - 1] != b'\r' {
                return Err(Reject::bad("a line does not end in CRLF"));
            }
            let empty = lf == self.line + 1;
            self.line = lf + 1;
            match (first, empty) {
                (true, true) => {
                    self.start = self.line;
                    if self.start > 2 * leading {
                        return Err(Reject::bad("too many empty lines before the head"));
                    }
                }
                (false, true) => return Ok(Some(self.start..self.line)),
                (_, false) => {}
            }
        }
        self.seen = window.len();
        if self.line == self.start && window.len() - self.line > limits.line_bytes {
            return Err(Reject::new(414, "the request line is too long"));
        }
        if bytes.len() >= limits.head_bytes {
            return Err(Reject::new(431, "the header section is too large"));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Limits {
        Limits {
            head_bytes: 64,
            line_bytes: 24,
            ..Limits::default()
        }
    }

    #[test]
    fn finds_the_end_after_leading_empty_lines() {
        let bytes = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        assert_eq!(HeadScan::new().request(bytes, &small()), Ok(Some(2..29)));
        assert_eq!(HeadScan::new().request(&bytes[..28], &small()), Ok(None));
    }

    #[test]
    fn refuses_bare_line_feeds_and_endless_empty_lines() {
        for bytes in [
            &b"\n"[..],
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r\nA: b\n\r\n",
            b"GET / HTTP/1.1\r\n\n",
        ] {
            assert_eq!(
                HeadScan::new().request(bytes, &small()).unwrap_err().status,
                400,
                "{bytes:?}"
            );
        }
        assert_eq!(
            HeadScan::new()
                .request(b"\r\n\r\n\r\n", &small())
                .unwrap_err()
                .status,
            400
        );
        assert_eq!(
            HeadScan::new()
                .response(b"\r\nHTTP/1.1 200 OK\r\n\r\n", &small())
                .unwrap_err()
                .status,
            400
        );
    }

    #[test]
    fn limits_hold_at_the_byte() {
        let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9));
        assert_eq!(line.find('\n'), Some(24));
        assert_eq!(
            HeadScan::new()
                .request(line.as_bytes(), &small())
                .unwrap_err()
                .status,
            414
        );
        assert_eq!(
            HeadScan::new().request(&[b'x'; 25], &small()).unwrap_err().status,
            414
        );
        let fits = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(64 - 16 - 3 - 4));
        assert_eq!(fits.len(), 64);
        assert_eq!(
            HeadScan::new().request(fits.as_bytes(), &small()),
            Ok(Some(0..64))
        );
        let over = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(64 - 16 - 3 - 3));
        assert_eq!(
            HeadScan::new()
                .request(over.as_bytes(), &small())
                .unwrap_err()
                .status,
            431
        );
    }
}
