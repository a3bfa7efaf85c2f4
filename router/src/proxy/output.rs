//! Bytes on their way out, kept until they are no longer needed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

#[derive(Default)]
pub(super) struct Output {
    pub bytes: Vec<u8>,
    /// Of these, given to the kernel.
    sent: usize,
}

/// More than this is not kept between requests.
const KEPT: usize = 32 * 1024;

impl Output {
    pub fn flushed(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Nothing of it has been given to the kernel: it can still be replaced by something else.
    pub fn untouched(&self) -> bool {
        self.sent == 0
    }

    /// Bytes not yet given to the kernel.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// Clears, and gives back what a big message needed.
    pub fn rest(&mut self) {
        self.clear();
        self.bytes.shrink_to(KEPT);
    }

    /// The same bytes again, to another connection.
    pub fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Ready when all is given to the kernel.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<io::Result<()>> {
        while self.sent < self.bytes.len() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        Poll::Ready(Ok(()))
    }
}
