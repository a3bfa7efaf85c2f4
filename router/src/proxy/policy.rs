//! What the engine asks of its user: where a request goes, and what becomes of a failed attempt.

use super::{ClientEof, Interims, Reply};
use crate::clock::Timestamp;
use crate::http1::{Reject, RequestHead, ResponseHead};
use crate::record::Cause;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The decisions about requests. All calls of one [`super::serve`] come from one thread, and none may block.
///
/// Per request, in this order: `start`; `poll_held` while it is held; for every attempt `request_headers` and `attempt_ended`, and
/// `waited` between two of them if that was asked for;
/// `response_head` and `response_headers` at most once for a final head; `finished` always, exactly once, even if the engine is stopped.
pub trait Policy: 'static {
    /// The state of one request.
    type Exchange;

    /// A valid request head has arrived (its body may not have).
    fn start(&self, head: &RequestHead<'_>, client: SocketAddr, now: Timestamp) -> (Self::Exchange, Verdict);

    /// After [`Verdict::Hold`]: the verdict, once there is one. Polled from the task of the request's connection.
    fn poll_held(&self, _exchange: &mut Self::Exchange, _cx: &mut Context<'_>) -> Poll<Verdict> {
        Poll::Ready(Verdict::Reset)
    }

    /// Whether the backend does not get the client's fields of this name (in any case).
    fn omits(&self, _exchange: &Self::Exchange, _name: &str) -> bool {
        false
    }

    /// Append header lines (`name: value\r\n`) to the request as the backend gets it. Asked again before every
    /// further attempt: the answer replaces the one before.
    fn request_headers(&self, _exchange: &mut Self::Exchange, _out: &mut Vec<u8>) {}

    /// For every attempt, where the engine has a [`super::HeadThread`]: who takes interim responses there. `None`: heads
    /// are read, and interim responses passed on, where the request is served.
    fn interims(&self, _exchange: &mut Self::Exchange) -> Option<Arc<dyn Interims>> {
        None
    }

    /// An attempt ended, well or not. The answer counts only for failures before a response head was sent
    /// on, and not for [`Cause::ClientGone`]; of a severed one only a reply counts, and only where its client is closed
    /// in order.
    fn attempt_ended(&self, exchange: &mut Self::Exchange, attempt: &Attempt) -> AfterFailure;

    /// The wait that [`AfterFailure::Wait`] asked for is over, and the client is still there.
    fn waited(&self, _exchange: &mut Self::Exchange, _now: Timestamp) -> AfterFailure {
        AfterFailure::Reset
    }

    /// A backend's final response head is about to be passed on; not called for a [`Reply`].
    fn response_head(&self, _exchange: &mut Self::Exchange, _head: &ResponseHead<'_>) {}

    /// Append header lines to the final response as the client gets it, forwarded or a [`Reply`].
    fn response_headers(&self, _exchange: &mut Self::Exchange, _status: u16, _out: &mut Vec<u8>) {}

    /// Whether to reset the client in the middle of the response whose head is about to be passed on: after half of
    /// its body, or of the first part of it if its length is not known.
    fn cuts(&self, _exchange: &Self::Exchange) -> bool {
        false
    }

    /// The request is over.
    fn finished(&self, _exchange: Self::Exchange, _end: &Finish) {}

    /// The drain has come that far.
    fn draining(&self, _progress: Draining) {}

    /// A request was refused before it became an exchange.
    fn refused(&self, _client: SocketAddr, _reject: Reject) {}

    /// Append the whole answer to a request that is refused; the connection ends after it.
    fn refusal(&self, reject: Reject, out: &mut Vec<u8>) {
        Reply::explain(reject.status, reject.reason).write_last(out);
    }
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draining {
    /// Nobody is accepted any more, and idle connections are told to close.
    Closed,
    /// Nothing is left, or the time is up and what is left will be cut now.
    Over,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Forward(Upstream),
    Reply(Reply),
    /// RST to the client.
    Reset,
    /// FIN to the client, without a response.
    Close,
    /// Wait for [`Policy::poll_held`], without a deadline.
    Hold(ClientEof),
}

/// What to do after an attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again there. Turned into a 502 if the attempt was not [`Attempt::replayable`].
    Retry(Upstream),
    /// Ask [`Policy::waited`] at that time.
    Wait(Timestamp),
    Reply(Reply),
    /// RST to the client.
    Reset,
    /// FIN to the client, without a response.
    Close,
}

/// What a client sees of a request under way that [`super::Engine::sever`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sever {
    /// FIN; RST where that would make a response that ended early look complete.
    Close,
    /// RST.
    Reset,
}

/// Where an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Idle connections are kept and discarded under this key.
    pub key: u32,
    pub addr: SocketAddr,
}

/// One try at one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub upstream: Upstream,
    /// Before the connection was taken or made.
    pub started: Timestamp,
    /// The response was passed on, or the attempt failed.
    pub ended: Timestamp,
    /// The connection had served a request before.
    pub reused: bool,
    /// The request is the first of its client's connection.
    pub first: bool,
    /// When a new connection was there; `None` if it was not made or not needed.
    pub connected: Option<Timestamp>,
    /// Our end of a connection that was reset before a response head.
    pub local: Option<SocketAddr>,
    /// The request is still at hand as a whole and nothing of an answer has come, so another attempt is possible.
    pub replayable: bool,
    /// Of the response head, if one came.
    pub status: Option<u16>,
    /// Ended by [`super::Engine::sever`], which says nothing about the upstream: [`Cause::Cut`] in the middle of the response,
    /// [`Cause::Reset`] before it, since the request got what a reset connection would have given it.
    pub severed: bool,
    pub result: Result<u16, Cause>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Of the response the client got at least the head of.
    pub status: Option<u16>,
    /// Content bytes of the request body taken from the client.
    pub request_bytes: u64,
    /// Content bytes of the response body given to the client.
    pub response_bytes: u64,
    /// The request head was complete.
    pub started: Timestamp,
    pub ended: Timestamp,
    pub end: End,
}

/// What became of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client was given all of it.
    Complete,
    /// The client went away, stalled or sent a broken body.
    ClientGone,
    /// The client was cut off in the middle of it.
    Cut,
    /// The client was reset on demand.
    Reset,
    /// The client's connection was closed on demand, without a response.
    Closed,
}
