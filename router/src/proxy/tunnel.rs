//! After `101 Switching Protocols`: bytes both ways, each direction with an end of its own.

use super::buffer::Buffer;
use super::client::{Client, Interrupt};
use super::outcome::Outcome;
use super::policy::Policy;
use super::pool::Leased;
use super::running::Running;
use super::timer::NEVER;
use super::transfer::BULK;
use crate::record::Cause;
use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

impl<P: Policy> Client<P> {
    /// Relays until both sides have closed. What was read ahead on either side comes first.
    pub(super) async fn tunnel(&mut self, leased: &mut Leased, running: &mut Running<P>) -> Outcome {
        let (key, generation, backend) = (leased.key, leased.generation, &mut leased.stream);
        self.timer.set(NEVER);
        let mut up = Direction {
            eof: self.eof,
            done: false,
            bytes: 0,
        };
        let mut down = Direction::default();
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(Err(side)) = up.poll(cx, &mut self.stream, &mut self.input, backend) {
                return Poll::Ready(side.outcome(Outcome::ClientGone, Outcome::Cut(Cause::Cut)));
            }
            if let Poll::Ready(Err(side)) = down.poll(cx, backend, &mut self.answer, &mut self.stream) {
                return Poll::Ready(side.outcome(Outcome::Cut(Cause::Cut), Outcome::ClientGone));
            }
            if up.done && down.done {
                return Poll::Ready(Outcome::Complete);
            }
            let interrupt = self.poll_interrupt_at(cx, key, generation);
            interrupt.map(|interrupt| match interrupt {
                Interrupt::Severed(how) => Outcome::Severed(how),
                Interrupt::Deadline | Interrupt::Stopped => Outcome::Stopped,
            })
        })
        .await;
        running.finish.request_bytes += up.bytes;
        running.finish.response_bytes += down.bytes;
        if outcome != Outcome::Complete {
            let _ = backend.set_zero_linger();
        }
        outcome
    }
}

/// Which side of a direction failed.
enum Side {
    From,
    To,
}

impl Side {
    fn outcome(self, from: Outcome, to: Outcome) -> Outcome {
        match self {
            Side::From => from,
            Side::To => to,
        }
    }
}

#[derive(Default)]
struct Direction {
    eof: bool,
    /// The end was passed on.
    done: bool,
    bytes: u64,
}

impl Direction {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        buffer: &mut Buffer,
        to: &mut TcpStream,
    ) -> Poll<Result<(), Side>> {
        while !self.done {
            while !buffer.is_empty() {
                match ready!(Pin::new(&mut *to).poll_write(cx, buffer.filled())) {
                    Ok(written) if written > 0 => {
                        buffer.consume(written);
                        self.bytes += written as u64;
                    }
                    _ => return Poll::Ready(Err(Side::To)),
                }
            }
            if self.eof {
                let _ = socket2::SockRef::from(&*to).shutdown(Shutdown::Write);
                self.done = true;
                break;
            }
            buffer.make_room(BULK);
            match ready!(buffer.poll_fill(cx, from)) {
                Ok(read) => self.eof = read == 0,
                Err(_) => return Poll::Ready(Err(Side::From)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
