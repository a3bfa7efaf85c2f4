//! One attempt on one connection: the request up and the responses down, both at once, neither faster than the
//! other side takes it.

use super::client::{Client, Interrupt};
use super::exchange::Request;
use super::gate::Phase;
use super::outcome::Outcome;
use super::policy::Policy;
use super::pool::Leased;
use super::running::Running;
use super::settings::ClientEof;
use crate::clock::{self, Timestamp};
use crate::http1::forward::{self, Persistence};
use crate::http1::{self, Body, BodyLength, Encoding, HeadScan, Reject, ResponseHead, Version};
use crate::record::Cause;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub(super) struct Transfer {
    down: Down,
    scan: HeadScan,
    status: Option<u16>,
    /// The backend keeps its connection open.
    reusable: bool,
    /// The response body ends with the client's connection.
    close_delimited: bool,
    /// The backend takes no more of the request; what it has answered may still be read.
    broken: bool,
    /// The client is to be reset after so many bytes of the body (`None`: after some), if at all.
    cut: Option<Option<u64>>,
    /// Bytes went somewhere since the deadline was set.
    moved: bool,
    /// When the deadline is counted from, the first time.
    since: Option<Timestamp>,
}

enum Down {
    Head,
    Body(Body),
    Switched,
}

/// Whom the next byte is awaited from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    Client,
    Backend,
}

/// Buffers of bulk transfers grow up to this.
pub(super) const BULK: usize = 64 * 1024;

impl Transfer {
    /// `since`: when the connection was there.
    pub fn new(since: Timestamp) -> Transfer {
        Transfer {
            down: Down::Head,
            scan: HeadScan::new(),
            status: None,
            reusable: false,
            close_delimited: false,
            broken: false,
            cut: None,
            moved: true,
            since: Some(since),
        }
    }

    /// Of the final response head.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    pub fn switched(&self) -> bool {
        matches!(self.down, Down::Switched)
    }

    pub fn reusable(&self) -> bool {
        self.reusable && !self.broken
    }

    pub fn close_delimited(&self) -> bool {
        self.close_delimited
    }

    pub fn poll<P: Policy>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client<P>,
        backend: &mut Leased,
        request: &mut Request,
        running: &mut Running<P>,
    ) -> Poll<Outcome> {
        if let Err(outcome) = self.upload(cx, client, backend, request) {
            return Poll::Ready(outcome);
        }
        if request.body.finished() && client.poll_gone(cx).is_ready() {
            return Poll::Ready(Outcome::ClientGone);
        }
        if let Poll::Ready(outcome) = self.download(cx, client, backend, request, running) {
            return Poll::Ready(outcome);
        }
        if std::mem::take(&mut self.moved) {
            let from = self.since.take().unwrap_or_else(clock::now);
            client.timer.set(from + self.patience(client, request).0);
        }
        let interrupt = client.poll_interrupt_at(cx, backend.key, backend.generation);
        interrupt.map(
            |interrupt| match (interrupt, self.patience(client, request).1, &self.down) {
                (Interrupt::Stopped, _, _) => Outcome::Stopped,
                (Interrupt::Severed(how), _, _) => Outcome::Severed(how),
                (Interrupt::Deadline, Blame::Backend, Down::Head) => Outcome::Failed(Cause::ResponseTimeout),
                (Interrupt::Deadline, Blame::Backend, _) => Outcome::Cut(Cause::Cut),
                (Interrupt::Deadline, Blame::Client, Down::Head) if client.output.flushed() => {
                    Outcome::BadRequest(Reject::new(408, "the request body took too long"))
                }
                (Interrupt::Deadline, Blame::Client, _) => Outcome::ClientGone,
            },
        )
    }

    /// How long the next byte may take, and from whom it must come.
    fn patience<P: Policy>(&self, client: &Client<P>, request: &Request) -> (Duration, Blame) {
        let settings = &client.settings;
        // A client that awaits `100 Continue` waits for the backend like everybody else.
        let expecting = request.expects && request.body.content() == 0;
        if !client.output.flushed() {
            (settings.client_timeout, Blame::Client)
        } else if request.body.finished() || !client.request.flushed() || self.broken || expecting {
            (settings.response_timeout, Blame::Backend)
        } else if matches!(self.down, Down::Head) {
            (settings.client_timeout, Blame::Client)
        } else {
            (
                settings.client_timeout.max(settings.response_timeout),
                Blame::Client,
            )
        }
    }

    fn upload<P: Policy>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client<P>,
        backend: &mut Leased,
        request: &mut Request,
    ) -> Result<(), Outcome> {
        loop {
            if !self.broken && !client.request.flushed() {
                let before = client.request.left();
                let result = client.request.poll_flush(cx, &mut backend.stream);
                self.moved |= client.request.left() != before;
                match result {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => self.broken = true,
                    Poll::Pending => return Ok(()),
                }
            }
            // A broken request is kept for another attempt until there is an answer to it; then the rest of it is
            // taken and dropped, so that the client gets round to reading.
            if request.body.finished() || (self.broken && matches!(self.down, Down::Head)) {
                return Ok(());
            }
            if let Some(heads) = &mut backend.heads
                && request.expects
                && heads.reading()
            {
                match heads.poll_go_on(cx) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(came) => request.expects &= !came,
                }
            }
            if !client.input.is_empty() {
                client.request.clear();
                request.replayable = false;
                let taken = request
                    .body
                    .transfer(client.input.filled(), &mut client.request.bytes)
                    .map_err(|reject| self.bad_request(client, reject))?;
                client.input.consume(taken);
                self.moved = true;
                if self.broken {
                    client.request.clear();
                }
                continue;
            }
            if client.eof {
                return Err(match client.settings.client_eof {
                    ClientEof::Abort => Outcome::ClientGone,
                    ClientEof::HalfClose => {
                        self.bad_request(client, Reject::bad("the request body is incomplete"))
                    }
                });
            }
            client.input.make_room(BULK);
            match client.input.poll_fill(cx, &mut client.stream) {
                Poll::Ready(Ok(read)) => client.eof = read == 0,
                Poll::Ready(Err(_)) => return Err(Outcome::ClientGone),
                Poll::Pending => return Ok(()),
            }
        }
    }

    fn bad_request<P: Policy>(&self, client: &Client<P>, reject: Reject) -> Outcome {
        match self.down {
            Down::Head if client.output.flushed() => Outcome::BadRequest(reject),
            _ => Outcome::ClientGone,
        }
    }

    fn download<P: Policy>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Client<P>,
        backend: &mut Leased,
        request: &mut Request,
        running: &mut Running<P>,
    ) -> Poll<Outcome> {
        loop {
            // What a bad head turns into must not follow half of an interim response.
            let ready = client.output.untouched();
            while ready && matches!(self.down, Down::Head) && !client.answer.is_empty() {
                match self.head(client, request, running) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(outcome) => return Poll::Ready(outcome),
                }
            }
            if let Down::Body(body) = &mut self.down
                && !client.answer.is_empty()
            {
                let before = client.output.bytes.len();
                let mut part = client.answer.filled();
                if let Some(Some(after)) = self.cut {
                    let left = after.saturating_sub(body.content());
                    part = &part[..part.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
                }
                match body.transfer(part, &mut client.output.bytes) {
                    Ok(taken) => client.answer.consume(taken),
                    Err(_) => return Poll::Ready(Outcome::Cut(Cause::Malformed)),
                }
                if self.cut == Some(None) && (body.content() > 0 || body.finished()) {
                    // Half of it never looks whole, whatever the framing.
                    client
                        .output
                        .bytes
                        .truncate(before.midpoint(client.output.bytes.len()));
                    self.cut = Some(Some(0));
                }
                running.finish.response_bytes = body.content();
            }
            let before = client.output.left();
            let result = client.output.poll_flush(cx, &mut client.stream);
            self.moved |= client.output.left() != before;
            if ready!(result).is_err() {
                return Poll::Ready(Outcome::ClientGone);
            }
            client.output.clear();
            match &self.down {
                Down::Body(body) if matches!(self.cut, Some(Some(after)) if body.content() >= after) => {
                    return Poll::Ready(Outcome::CutOnDemand);
                }
                Down::Body(body) if body.finished() => return Poll::Ready(Outcome::Complete),
                Down::Switched => return Poll::Ready(Outcome::Complete),
                Down::Head if !ready => continue,
                Down::Head | Down::Body(_) => {}
            }
            let room = match self.down {
                Down::Head => client.settings.limits.head_bytes,
                _ => BULK,
            };
            let elsewhere = backend.heads.as_mut().filter(|heads| heads.reading());
            let filled = match elsewhere {
                Some(heads) => heads.poll_fill(cx, &mut client.answer),
                None if client.answer.make_room(room) => client.answer.poll_fill(cx, &mut backend.stream),
                None => return Poll::Ready(Outcome::Failed(Cause::Malformed)),
            };
            let filled = ready!(filled);
            // Who has begun to answer has taken the request.
            let begun =
                matches!(filled, Ok(1..)) || backend.heads.as_ref().is_some_and(|heads| heads.interims());
            request.replayable &= !begun;
            match filled {
                Ok(0) => {
                    if let Some(outcome) = self.end_of_answer(client) {
                        return Poll::Ready(outcome);
                    }
                }
                Ok(_) => self.moved = true,
                Err(_) => {
                    return Poll::Ready(match self.down {
                        Down::Head => Outcome::Failed(Cause::Reset),
                        _ => Outcome::Cut(Cause::Cut),
                    });
                }
            }
        }
    }

    /// The backend closed its side. `None`: in order, and the response is complete by it.
    fn end_of_answer<P: Policy>(&mut self, client: &mut Client<P>) -> Option<Outcome> {
        match &mut self.down {
            // The RST was seen by the write and is gone by the time of the read.
            Down::Head if self.broken => Some(Outcome::Failed(Cause::Reset)),
            Down::Head => Some(Outcome::Failed(Cause::Eof)),
            Down::Body(body) => body
                .end_of_input(&mut client.output.bytes)
                .err()
                .map(|_| Outcome::Cut(Cause::Cut)),
            Down::Switched => None,
        }
    }

    /// Takes one response head from `answer`, if a whole one is there.
    fn head<P: Policy>(
        &mut self,
        client: &mut Client<P>,
        request: &mut Request,
        running: &mut Running<P>,
    ) -> Result<bool, Outcome> {
        let malformed = |_| Outcome::Failed(Cause::Malformed);
        let limits = client.settings.limits;
        let bytes = client.answer.filled();
        let Some(range) = self.scan.response(bytes, &limits).map_err(malformed)? else {
            return Ok(false);
        };
        let end = range.end;
        let mut slots = http1::slots();
        let head =
            ResponseHead::parse(&bytes[range], request.to_head, &mut slots, &limits).map_err(malformed)?;
        let out = &mut client.output.bytes;
        let sent = request.body.finished() && client.request.flushed() && !self.broken;
        match head.status() {
            101 => {
                if !(request.upgrade && sent && head.upgrade()) {
                    return Err(Outcome::Failed(Cause::Malformed));
                }
                forward::response(&head, Encoding::Identity, Persistence::Upgrade, out);
                running.response_head(&head);
                running.response_headers(101, out);
                out.extend_from_slice(b"\r\n");
                self.down = Down::Switched;
                self.status = Some(101);
            }
            ..=199 => {
                // HTTP/1.0 knows no interim responses.
                if request.version == Version::Http11 {
                    forward::response(&head, Encoding::Identity, Persistence::Implicit, out);
                    out.extend_from_slice(b"\r\n");
                }
                request.expects = false;
                request.replayable = false;
            }
            status => {
                let open_ended = matches!(head.body(), BodyLength::Chunked | BodyLength::UntilClose);
                let encoding = match (open_ended, request.version) {
                    (true, Version::Http11) => Encoding::Chunked,
                    _ => Encoding::Identity,
                };
                self.close_delimited = open_ended && encoding == Encoding::Identity;
                // A response before the end of its request leaves it open what the rest of that would mean.
                request.keep_alive &= sent && !self.close_delimited && client.place.phase() == Phase::Open;
                let persistence = match (request.keep_alive, request.version) {
                    (false, _) => Persistence::Close,
                    (true, Version::Http10) => Persistence::KeepAlive,
                    (true, Version::Http11) => Persistence::Implicit,
                };
                forward::response(&head, encoding, persistence, out);
                running.response_head(&head);
                running.response_headers(status, out);
                out.extend_from_slice(b"\r\n");
                self.cut = running.cuts().then(|| match head.body() {
                    BodyLength::Empty => Some(0),
                    BodyLength::Known(length) => Some(length / 2),
                    BodyLength::Chunked | BodyLength::UntilClose => None,
                });
                self.reusable = head.keep_alive();
                self.down = Down::Body(Body::new(head.body(), encoding, &limits));
                self.status = Some(status);
            }
        }
        running.finish.status = self.status.or(running.finish.status);
        client.answer.consume(end);
        self.scan.reset();
        Ok(true)
    }
}
