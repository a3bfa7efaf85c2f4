//! Accepts connections until told to drain, then sees them out.

use super::Engine;
use super::client::Client;
use super::gate::{Gate, Phase};
use super::policy::{Draining, Policy};
use super::timer::Timer;
use crate::clock;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How often idle connections to backends are looked through.
const SWEEP: Duration = Duration::from_secs(1);
/// A listener that fails for want of descriptors or memory is asked again after this.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Serves clients of `listener` until `drain` is ready; then closes the listener and idle connections, finishes what
/// is under way, and cuts what is left after `drain_timeout`. Dropping the future cuts everything at once.
///
/// Call within a `LocalSet` on a `current_thread` runtime with I/O and time enabled.
pub async fn serve<P: Policy>(
    listener: TcpListener,
    policy: Rc<P>,
    engine: Rc<Engine>,
    drain: impl Future<Output = ()>,
) -> io::Result<()> {
    let gate = Rc::new(Gate::default());
    let _cutter = Cutter(Rc::clone(&gate));
    engine.watch(&gate);
    // On Linux accepted sockets inherit it, which saves a system call for each.
    socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
    let mut enter = |stream, peer| {
        let client = Client::new(stream, peer, Rc::clone(&policy), Rc::clone(&engine), gate.enter());
        tokio::task::spawn_local(client.run());
    };
    accept_until(drain, &listener, &gate, &mut enter, &engine).await;
    close(listener, &mut enter);
    gate.turn(Phase::Draining);
    policy.draining(Draining::Closed);
    let mut timer = Timer::new();
    timer.set(clock::now() + engine.settings().drain_timeout);
    poll_fn(|cx| match poll_empty(cx, &gate) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => timer.poll(cx),
    })
    .await;
    policy.draining(Draining::Over);
    gate.turn(Phase::Stopped);
    poll_fn(|cx| poll_empty(cx, &gate)).await;
    engine.pools().clear();
    Ok(())
}

async fn accept_until(
    drain: impl Future<Output = ()>,
    listener: &TcpListener,
    gate: &Rc<Gate>,
    enter: &mut impl FnMut(TcpStream, SocketAddr),
    engine: &Engine,
) {
    let mut drain = pin!(drain);
    let mut timer = Timer::new();
    let mut sweep_due = clock::now() + SWEEP;
    let mut blocked_until = None;
    let mut failing = false;
    poll_fn(|cx| {
        loop {
            if drain.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            timer.set(blocked_until.map_or(sweep_due, |until| sweep_due.min(until)));
            if timer.poll(cx).is_ready() {
                let now = clock::now();
                blocked_until = blocked_until.filter(|until| now < *until);
                if now >= sweep_due {
                    engine.pools().sweep(now, &engine.settings());
                    sweep_due = now + SWEEP;
                }
                continue;
            }
            gate.watch(cx);
            if blocked_until.is_some() || gate.open() >= engine.settings().max_connections {
                return Poll::Pending;
            }
            match listener.poll_accept(cx) {
                Poll::Ready(Ok((stream, peer))) => {
                    failing = false;
                    enter(stream, peer);
                }
                Poll::Ready(Err(error)) if is_of_one_connection(&error) => {}
                Poll::Ready(Err(error)) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "cannot accept connections");
                    }
                    // Idle connections hold descriptors that clients need more.
                    engine.pools().clear();
                    blocked_until = Some(clock::now() + BACK_OFF);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// Closes the listener after taking in who had connected before: closing resets what is in its backlog. Asks the
/// kernel itself, since the runtime may not have heard of them yet.
fn close(listener: TcpListener, enter: &mut impl FnMut(TcpStream, SocketAddr)) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, peer)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            enter(stream, peer);
        }
    }
}

/// The error is that of a connection that died in the backlog, not of the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn poll_empty(cx: &mut Context<'_>, gate: &Gate) -> Poll<()> {
    gate.watch(cx);
    match gate.open() {
        0 => Poll::Ready(()),
        _ => Poll::Pending,
    }
}

/// Cuts all connections when `serve` ends, however it does.
struct Cutter(Rc<Gate>);

impl Drop for Cutter {
    fn drop(&mut self) {
        self.0.turn(Phase::Stopped);
    }
}
