//! A reusable read buffer: filled at its end, taken from its front.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

#[derive(Default)]
pub(super) struct Buffer {
    data: Vec<u8>,
    start: usize,
    end: usize,
    /// The last read left no room.
    filled_up: bool,
}

/// Size at rest. Enough for a small message; a bulk reader grows it.
const SMALL: usize = 8 * 1024;

impl Buffer {
    pub fn filled(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    pub fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        debug_assert!(self.start <= self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Makes room for more, up to `max` bytes in all (or the size at rest, if that is more). False: it is full.
    /// A buffer that a read has filled grows: there is more where that came from.
    pub fn make_room(&mut self, max: usize) -> bool {
        let grow = self.data.is_empty() || self.end == self.data.len() || (self.filled_up && self.is_empty());
        if grow && self.data.len() < max.max(SMALL) {
            let size = (self.data.len() * 2).clamp(SMALL, max.max(SMALL));
            self.data.resize(size, 0);
            self.filled_up = false;
        }
        if self.end == self.data.len() && self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.end < self.data.len()
    }

    /// Gives back what a big message needed.
    pub fn rest(&mut self) {
        if self.is_empty() && self.data.len() > 2 * SMALL {
            *self = Buffer::default();
        }
    }

    /// Reads once into the room there is, which must not be none. `Ok(0)` is end of file. A read that does not fill
    /// the room clears tokio's readiness, so that the next poll costs no system call.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<io::Result<usize>> {
        debug_assert!(self.end < self.data.len());
        let mut room = ReadBuf::new(&mut self.data[self.end..]);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        self.end += read;
        self.filled_up = self.end == self.data.len();
        Poll::Ready(Ok(read))
    }
}
