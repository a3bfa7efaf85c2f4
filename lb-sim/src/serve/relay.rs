//! Bytes both ways between two connections, each direction with an end of its own. What one side does not take, the
//! other is not asked for: a direction holds at most one read.

use router::record::Cause;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

pub struct Relay<'a> {
    client: &'a mut TcpStream,
    router: &'a mut TcpStream,
    up: Direction,
    down: Direction,
    /// The router takes nothing any more, for this reason; what it has said may still be read.
    broken: Option<io::ErrorKind>,
    response_timeout: Duration,
    /// Runs while the client waits for the first byte.
    patience: Option<Pin<Box<Sleep>>>,
}

/// How a relayed connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides closed in order, and the client got something or had not asked for anything.
    Closed,
    /// By the router; after [`Cause::Eof`] the client has got the router's FIN.
    Failed(Cause),
    /// The client reset its connection, or took nothing any more.
    ClientGone,
}

/// One read's worth.
const READ: usize = 64 * 1024;

thread_local! {
    /// What is read goes through here, so that a connection without unsent bytes holds no buffer. Nothing of it
    /// outlives a poll.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

impl<'a> Relay<'a> {
    /// The router gets `first` before anything of the client; it is not counted as the client's.
    pub fn new(
        client: &'a mut TcpStream,
        router: &'a mut TcpStream,
        first: Vec<u8>,
        response_timeout: Duration,
    ) -> Relay<'a> {
        let up = Direction {
            unsent: first,
            ..Direction::default()
        };
        Relay {
            client,
            router,
            up,
            down: Direction::default(),
            broken: None,
            response_timeout,
            patience: None,
        }
    }

    pub async fn run(&mut self) -> Verdict {
        poll_fn(|cx| SCRATCH.with_borrow_mut(|scratch| self.poll(cx, scratch))).await
    }

    fn poll(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Verdict> {
        let moved = self.up.moved;
        if self.broken.is_none() && !self.up.done {
            match self.up.poll(cx, self.client, self.router, scratch) {
                Poll::Ready(Err(Trouble::From)) => return Poll::Ready(Verdict::ClientGone),
                Poll::Ready(Err(Trouble::To(error))) => self.broken = Some(error),
                Poll::Ready(Ok(())) => self.up.pass_end(cx, self.router),
                Poll::Pending => {}
            }
        }
        if !self.down.done {
            match self.down.poll(cx, self.router, self.client, scratch) {
                Poll::Ready(Err(Trouble::From)) => return Poll::Ready(self.reset()),
                Poll::Ready(Err(Trouble::To(_))) => return Poll::Ready(Verdict::ClientGone),
                // The RST was seen by the write and is gone by the time of the read. (After a FIN it is EPIPE.)
                Poll::Ready(Ok(())) if self.broken == Some(io::ErrorKind::ConnectionReset) => {
                    return Poll::Ready(self.reset());
                }
                Poll::Ready(Ok(())) => self.down.pass_end(cx, self.client),
                Poll::Pending => {}
            }
        }
        if self.down.done && (self.up.done || self.broken.is_some()) {
            return Poll::Ready(self.closed());
        }
        if self.up.moved != moved {
            self.patience = None;
        }
        match self.waits() {
            false => Poll::Pending,
            true => self.poll_patience(cx),
        }
    }

    /// The client has asked, and nothing has come back.
    fn waits(&self) -> bool {
        self.up.read > 0 && self.down.read == 0 && !self.down.eof
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let timeout = self.response_timeout;
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + timeout)));
        patience
            .as_mut()
            .poll(cx)
            .map(|()| Verdict::Failed(Cause::ResponseTimeout))
    }

    fn reset(&self) -> Verdict {
        Verdict::Failed(self.cut_off())
    }

    /// What it is to the client when it ends now, but for an end in order.
    pub fn cut_off(&self) -> Cause {
        match self.down.read {
            0 => Cause::Reset,
            _ => Cause::Cut,
        }
    }

    fn closed(&self) -> Verdict {
        match (self.down.read, self.up.read) {
            (0, 1..) => Verdict::Failed(Cause::Eof),
            _ => Verdict::Closed,
        }
    }
}

/// Who failed.
enum Trouble {
    From,
    To(io::ErrorKind),
}

#[derive(Default)]
struct Direction {
    /// Read, and from `sent` on not yet taken by the other side.
    unsent: Vec<u8>,
    sent: usize,
    /// Bytes from the one side, and to the other.
    read: u64,
    moved: u64,
    /// The one side has said all.
    eof: bool,
    /// And the other was told.
    done: bool,
}

impl Direction {
    /// Ready: all that there will ever be was passed on; its end was not.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        to: &mut TcpStream,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Trouble>> {
        loop {
            while self.sent < self.unsent.len() {
                match ready!(write(cx, to, &self.unsent[self.sent..])) {
                    Ok(written) => {
                        self.sent += written;
                        self.moved += written as u64;
                    }
                    Err(error) => return Poll::Ready(Err(Trouble::To(error))),
                }
            }
            self.unsent = Vec::new();
            self.sent = 0;
            if self.eof {
                return Poll::Ready(Ok(()));
            }
            let mut room = ReadBuf::new(scratch);
            if ready!(Pin::new(&mut *from).poll_read(cx, &mut room)).is_err() {
                return Poll::Ready(Err(Trouble::From));
            }
            let bytes = room.filled();
            self.eof = bytes.is_empty();
            self.read += bytes.len() as u64;
            if self.eof {
                return Poll::Ready(Ok(()));
            }
            let written = match write(cx, to, bytes) {
                Poll::Pending => 0,
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Trouble::To(error))),
            };
            self.moved += written as u64;
            self.unsent.extend_from_slice(&bytes[written..]);
        }
    }

    /// A FIN for a FIN. One that cannot be sent is found out by the other direction.
    fn pass_end(&mut self, cx: &mut Context<'_>, to: &mut TcpStream) {
        let _ = Pin::new(to).poll_shutdown(cx);
        self.done = true;
    }
}

fn write(cx: &mut Context<'_>, to: &mut TcpStream, bytes: &[u8]) -> Poll<Result<usize, io::ErrorKind>> {
    Pin::new(to).poll_write(cx, bytes).map_err(|error| error.kind())
}
