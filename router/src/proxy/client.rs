//! One client connection, from head to head.

use super::Engine;
use super::buffer::Buffer;
use super::exchange::After;
use super::gate::{Phase, Place};
use super::output::Output;
use super::policy::{Policy, Sever};
use super::settings::{ClientEof, Settings};
use super::timer::Timer;
use crate::clock::{self, Timestamp};
use crate::http1::{HeadScan, Reject};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

pub(super) struct Client<P: Policy> {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub policy: Rc<P>,
    pub engine: Rc<Engine>,
    pub place: Place,
    /// Of the request under way.
    pub settings: Settings,
    pub timer: Timer,
    /// From the client.
    pub input: Buffer,
    /// The client has closed its sending side.
    pub eof: bool,
    /// To the client.
    pub output: Output,
    /// From the backend of the request under way; lent by the engine for as long.
    pub answer: Buffer,
    /// To the backend of the request under way; all of the request so far, as long as it can be sent again.
    pub request: Output,
    /// The same connection for interim responses that another thread passes on, once there was one who might.
    pub elsewhere: Option<Arc<socket2::Socket>>,
    /// When this connection became idle.
    pub idle_since: Timestamp,
    /// Requests that have come over it.
    requests: u64,
}

/// Why a wait ended before what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupt {
    Deadline,
    Stopped,
    /// By [`Engine::sever`].
    Severed(Sever),
}

enum Next {
    Head(Range<usize>),
    Refuse(Reject),
    Close,
}

/// A refused client gets this long, and may send this much, until it must have read our reply: closing with unread
/// bytes would send a RST that can overtake it.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 << 20;

/// A connection that is this young when draining starts still gets its first request served: who connected meant to
/// send one.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

impl<P: Policy> Client<P> {
    pub fn new(
        stream: TcpStream,
        peer: SocketAddr,
        policy: Rc<P>,
        engine: Rc<Engine>,
        place: Place,
    ) -> Client<P> {
        Client {
            stream,
            peer,
            policy,
            settings: engine.settings(),
            engine,
            place,
            timer: Timer::new(),
            input: Buffer::default(),
            eof: false,
            output: Output::default(),
            answer: Buffer::default(),
            request: Output::default(),
            elsewhere: None,
            idle_since: clock::now(),
            requests: 0,
        }
    }

    /// Serves requests until the connection ends.
    pub async fn run(mut self) {
        poll_fn(|cx| {
            self.place.register(cx);
            Poll::Ready(())
        })
        .await;
        if !self.announced().await {
            return;
        }
        loop {
            let after = match self.next_head().await {
                Next::Head(head) => self.exchange(head).await,
                Next::Refuse(reject) => {
                    self.policy.refused(self.peer, reject);
                    self.refuse(reject).await
                }
                Next::Close => After::Close,
            };
            match after {
                After::Next => {}
                After::Close => return,
                After::Linger => return self.linger().await,
                After::Reset => return self.reset(),
            }
        }
    }

    /// Waits for a whole request head.
    async fn next_head(&mut self) -> Next {
        self.settings = self.engine.settings();
        let mut scan = HeadScan::new();
        self.timer.set(self.idle_since + self.settings.idle_timeout);
        let mut begun = false;
        poll_fn(|cx| {
            loop {
                let settings = &self.settings;
                if !self.input.is_empty() {
                    match scan.request(self.input.filled(), &settings.limits) {
                        Ok(Some(head)) => {
                            self.requests += 1;
                            return Poll::Ready(Next::Head(head));
                        }
                        Ok(None) => {}
                        Err(reject) => return Poll::Ready(Next::Refuse(reject)),
                    }
                    if !begun {
                        begun = true;
                        self.timer.set(clock::now() + settings.header_timeout);
                    }
                }
                if self.eof || !self.input.make_room(settings.limits.head_bytes) {
                    return Poll::Ready(Next::Close);
                }
                match self.input.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(0)) => self.eof = true,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(Next::Close),
                    Poll::Pending => break,
                }
            }
            if self.input.is_empty() && self.place.phase() == Phase::Draining && self.may_close() {
                return Poll::Ready(Next::Close);
            }
            match self.poll_interrupt(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Interrupt::Deadline) if begun => {
                    Poll::Ready(Next::Refuse(Reject::new(408, "the request head took too long")))
                }
                Poll::Ready(_) => Poll::Ready(Next::Close),
            }
        })
        .await
    }

    /// Whether the request under way is the first of this connection.
    pub fn first(&self) -> bool {
        self.requests == 1
    }

    /// While draining, of an idle connection: whether to close it now. If not, something will wake us.
    pub fn may_close(&mut self) -> bool {
        let patience = self.idle_since + FIRST_REQUEST;
        if self.requests == 0 && clock::now() < patience {
            self.timer.set(patience);
            return false;
        }
        // What has arrived and was not announced by the runtime yet is still served.
        let peeked = socket2::SockRef::from(&self.stream).peek(&mut [std::mem::MaybeUninit::uninit()]);
        matches!(peeked, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }

    pub fn poll_interrupt(&mut self, cx: &mut Context<'_>) -> Poll<Interrupt> {
        if self.place.phase() == Phase::Stopped {
            return Poll::Ready(Interrupt::Stopped);
        }
        self.timer.poll(cx).map(|()| Interrupt::Deadline)
    }

    /// As [`Client::poll_interrupt`], with a request under way on a connection of `key` of that generation.
    pub fn poll_interrupt_at(&mut self, cx: &mut Context<'_>, key: u32, generation: u64) -> Poll<Interrupt> {
        if self.place.alarmed() {
            if self.place.phase() == Phase::Stopped {
                return Poll::Ready(Interrupt::Stopped);
            }
            if let Some(how) = self.engine.pools().severed(key, generation) {
                return Poll::Ready(Interrupt::Severed(how));
            }
        }
        self.timer.poll(cx).map(|()| Interrupt::Deadline)
    }

    /// Notices, at no cost while nothing happens, that the client has gone; keeps what it sends ahead.
    /// Ready: it has gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.eof && self.input.make_room(0) {
            match self.input.poll_fill(cx, &mut self.stream) {
                Poll::Ready(Ok(0)) => {
                    self.eof = true;
                    if self.settings.client_eof == ClientEof::Abort {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Replies to a request that cannot be understood, or no further.
    pub async fn refuse(&mut self, reject: Reject) -> After {
        self.output.clear();
        self.policy.refusal(reject, &mut self.output.bytes);
        match self.flush().await {
            true => After::Linger,
            false => After::Close,
        }
    }

    /// Gives the client all of `output`. False: it has gone, or does not take it.
    pub async fn flush(&mut self) -> bool {
        let now = clock::now();
        self.timer.set(now + self.settings.client_timeout);
        poll_fn(|cx| {
            if let Poll::Ready(result) = self.output.poll_flush(cx, &mut self.stream) {
                return Poll::Ready(result.is_ok());
            }
            self.poll_interrupt(cx).map(|_| false)
        })
        .await
    }

    /// Closes so that the client can still read what we sent.
    async fn linger(mut self) {
        if socket2::SockRef::from(&self.stream)
            .shutdown(std::net::Shutdown::Write)
            .is_err()
        {
            return;
        }
        self.timer.set(clock::now() + LINGER_TIME);
        let mut left = LINGER_BYTES;
        poll_fn(|cx| {
            while !self.eof && left > 0 {
                self.input.clear();
                self.input.make_room(0);
                match self.input.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(read)) => {
                        self.eof = read == 0;
                        left = left.saturating_sub(read);
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.poll_interrupt(cx).map(|_| ()),
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Ends with RST.
    fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }
}
