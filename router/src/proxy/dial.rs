//! A new connection to a backend.

use super::client::{Client, Interrupt};
use super::outcome::Outcome;
use super::policy::{Policy, Upstream};
use super::pool::Leased;
use crate::record::Cause;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::net::TcpSocket;

impl<P: Policy> Client<P> {
    /// Connects before the timer's deadline, unless the client goes away first.
    pub(super) async fn dial(&mut self, upstream: Upstream) -> Result<Leased, Outcome> {
        // Before connecting: a discard meanwhile counts for this connection, too.
        let generation = self.engine.pools().generation(upstream.key);
        let socket = match upstream.addr.is_ipv4() {
            true => TcpSocket::new_v4(),
            false => TcpSocket::new_v6(),
        }
        .map_err(|error| Outcome::Failed(cause(&error)))?;
        let _ = socket.set_nodelay(true);
        let mut connecting = pin!(socket.connect(upstream.addr));
        let stream = poll_fn(|cx| {
            if let Poll::Ready(result) = connecting.as_mut().poll(cx) {
                return Poll::Ready(result.map_err(|error| Outcome::Failed(cause(&error))));
            }
            if self.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Outcome::ClientGone));
            }
            let interrupt = self.poll_interrupt_at(cx, upstream.key, generation);
            interrupt.map(|interrupt| match interrupt {
                Interrupt::Deadline => Err(Outcome::Failed(Cause::ConnectTimeout)),
                Interrupt::Stopped => Err(Outcome::Stopped),
                Interrupt::Severed(how) => Err(Outcome::Severed(how)),
            })
        })
        .await?;
        // On loopback a connection to a dead ephemeral port can meet itself.
        if stream.local_addr().is_ok_and(|local| local == upstream.addr) {
            let _ = stream.set_zero_linger();
            return Err(Outcome::Failed(Cause::Refused));
        }
        Ok(Leased {
            heads: self
                .engine
                .heads
                .as_ref()
                .and_then(|thread| thread.watch(&stream))
                .map(Box::new),
            stream,
            key: upstream.key,
            addr: upstream.addr,
            generation,
        })
    }
}

/// What an error of a connection attempt says. Local trouble (no descriptor, no port) counts as refused.
fn cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Cause::Reset,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Cause::ConnectTimeout
        }
        _ => Cause::Refused,
    }
}
