//! One request: from its head to the end of its response, over as many attempts as its policy wants.

use super::client::Client;
use super::heads;
use super::outcome::Outcome;
use super::policy::{AfterFailure, Attempt, End, Policy, Sever, Upstream, Verdict};
use super::pool::Leased;
use super::reply::Reply;
use super::running::Running;
use super::transfer::Transfer;
use crate::clock::{self, Timestamp};
use crate::http1::forward;
use crate::http1::{self, Body, BodyLength, Encoding, Reject, RequestHead, Version};
use crate::record::Cause;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// What is known of the request under way once its head is gone.
pub(super) struct Request {
    pub version: Version,
    /// It is a HEAD.
    pub to_head: bool,
    /// The client wants its connection to stay open.
    pub keep_alive: bool,
    /// The client said itself that it sends no more.
    pub last: bool,
    /// The client offers to change the protocol.
    pub upgrade: bool,
    /// The client waits for `100 Continue`.
    pub expects: bool,
    pub body: Body,
    /// All of the request that was taken from the client is still in `Client::request`.
    pub replayable: bool,
    /// The policy's header lines in `Client::request`, while that is replayable.
    added: Range<usize>,
}

/// What becomes of the client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Next,
    Close,
    /// Close after the client has read what we sent.
    Linger,
    Reset,
}

/// A policy that never stops retrying is stopped.
const MAX_ATTEMPTS: u32 = 100;

impl<P: Policy> Client<P> {
    pub(super) async fn exchange(&mut self, head: Range<usize>) -> After {
        let now = clock::now();
        let (mut running, mut request, mut verdict) = match self.begin(head, now) {
            Ok(begun) => begun,
            Err(reject) => return self.refuse(reject).await,
        };
        let mut started = now;
        if let Verdict::Hold(eof) = verdict {
            (running, verdict) = match self.hold(eof, running).await {
                Ok(decided) => decided,
                Err(after) => return after,
            };
            started = clock::now();
        }
        match verdict {
            Verdict::Forward(upstream) => {
                self.answer = self.engine.lend();
                let after = self.forward(upstream, request, running, started).await;
                self.engine.take_back(std::mem::take(&mut self.answer));
                after
            }
            Verdict::Reply(reply) => self.reply(&mut request, running, &reply).await,
            Verdict::Reset | Verdict::Hold(_) => {
                running.finish(End::Reset, started);
                After::Reset
            }
            Verdict::Close => {
                running.finish(End::Closed, started);
                After::Linger
            }
        }
    }

    /// Reads the head, asks the policy, and lays out the request for a backend: its head, and what has come of its body.
    fn begin(
        &mut self,
        range: Range<usize>,
        now: Timestamp,
    ) -> Result<(Running<P>, Request, Verdict), Reject> {
        let limits = self.settings.limits;
        let end = range.end;
        let mut slots = http1::slots();
        let head = RequestHead::parse(&self.input.filled()[range], &mut slots, &limits)
            .and_then(|head| Ok((head.max_forwards()?, head)));
        let (hops, head) = head.inspect_err(|reject| self.policy.refused(self.peer, *reject))?;
        let encoding = match head.body() {
            BodyLength::Chunked => Encoding::Chunked,
            _ => Encoding::Identity,
        };
        let mut request = Request {
            version: head.version(),
            to_head: head.method() == "HEAD",
            keep_alive: head.keep_alive(),
            last: !head.keep_alive(),
            upgrade: head.upgrade(),
            expects: head.expects_continue(),
            body: Body::new(head.body(), encoding, &limits),
            replayable: true,
            added: 0..0,
        };
        let (exchange, mut verdict) = self.policy.start(&head, self.peer, now);
        let mut running = Running::new(Rc::clone(&self.policy), exchange, now);
        let forwards = |verdict: &Verdict| matches!(verdict, Verdict::Forward(_) | Verdict::Hold(_));
        if hops == Some(0) && forwards(&verdict) {
            verdict = Verdict::Reply(match head.method() {
                "OPTIONS" => Reply::new(200),
                _ => Reply::explain(405, "TRACE is not answered here").header("Allow", "OPTIONS"),
            });
        }
        self.request.clear();
        if forwards(&verdict) {
            let bytes = &mut self.request.bytes;
            forward::request(
                &head,
                hops.map(|hops| hops - 1),
                |name| running.omits(name),
                bytes,
            );
            let start = bytes.len();
            running.request_headers(bytes);
            request.added = start..bytes.len();
            bytes.extend_from_slice(b"\r\n");
        }
        self.input.consume(end);
        if forwards(&verdict) {
            match request
                .body
                .transfer(self.input.filled(), &mut self.request.bytes)
            {
                Ok(taken) => self.input.consume(taken),
                Err(reject) => {
                    running.finish.status = Some(reject.status);
                    running.finish(End::ClientGone, now);
                    return Err(reject);
                }
            }
        }
        Ok((running, request, verdict))
    }

    async fn forward(
        &mut self,
        mut upstream: Upstream,
        mut request: Request,
        mut running: Running<P>,
        mut now: Timestamp,
    ) -> After {
        let mut fresh = false;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let started = now;
            let mut attempt = Attempt {
                upstream,
                started,
                ended: now,
                reused: false,
                first: self.first(),
                connected: None,
                local: None,
                replayable: true,
                status: None,
                severed: false,
                result: Err(Cause::ClientGone),
            };
            let (outcome, close_delimited, leased) = self
                .attempt(&mut attempt, fresh, &mut request, &mut running)
                .await;
            now = clock::now();
            attempt.ended = now;
            attempt.replayable = request.replayable;
            let cause = match outcome {
                Outcome::Complete => {
                    if let Some(leased) = leased {
                        self.engine.pools().give_back(leased, now, &self.settings);
                    }
                    running.attempt_ended(&attempt);
                    running.finish(End::Complete, now);
                    self.idle_since = now;
                    self.output.rest();
                    self.request.rest();
                    self.input.rest();
                    return match (request.keep_alive, request.body.finished()) {
                        (true, true) => After::Next,
                        (_, finished)
                            if close_delimited || (request.last && finished && self.input.is_empty()) =>
                        {
                            After::Close
                        }
                        // Others may have sent something that would turn closing into a RST.
                        _ => After::Linger,
                    };
                }
                Outcome::Failed(cause) => cause,
                Outcome::Cut(cause) => {
                    attempt.result = Err(cause);
                    running.attempt_ended(&attempt);
                    running.finish(End::Cut, now);
                    // Only a RST tells a client of a body without a length that it is incomplete.
                    return if close_delimited {
                        After::Reset
                    } else {
                        After::Close
                    };
                }
                Outcome::CutOnDemand => {
                    running.attempt_ended(&attempt);
                    running.finish(End::Reset, now);
                    return After::Reset;
                }
                Outcome::ClientGone | Outcome::Stopped => {
                    attempt.result = Err(Cause::ClientGone);
                    running.attempt_ended(&attempt);
                    let end = if outcome == Outcome::Stopped {
                        End::Cut
                    } else {
                        End::ClientGone
                    };
                    running.finish(end, now);
                    return if close_delimited {
                        After::Reset
                    } else {
                        After::Close
                    };
                }
                Outcome::Severed(how) => {
                    attempt.severed = true;
                    attempt.result = Err(match attempt.status {
                        Some(_) => Cause::Cut,
                        None => Cause::Reset,
                    });
                    let next = running.attempt_ended(&attempt);
                    if let (Sever::Close, None, AfterFailure::Reply(reply)) = (how, attempt.status, next) {
                        return self.reply(&mut request, running, &reply).await;
                    }
                    running.finish(End::Cut, now);
                    return match how {
                        Sever::Close if !close_delimited => After::Linger,
                        Sever::Close | Sever::Reset => After::Reset,
                    };
                }
                Outcome::BadRequest(reject) => {
                    attempt.result = Err(Cause::ClientGone);
                    running.attempt_ended(&attempt);
                    running.finish.status = Some(reject.status);
                    running.finish(End::ClientGone, now);
                    return self.refuse(reject).await;
                }
            };
            attempt.result = Err(cause);
            let mut next = running.attempt_ended(&attempt);
            while let AfterFailure::Wait(until) = next {
                if let Err(end) = self.wait(until).await {
                    running.finish(end, clock::now());
                    return After::Close;
                }
                now = clock::now();
                next = running.waited(now);
            }
            match next {
                AfterFailure::Retry(next) if request.replayable && attempts < MAX_ATTEMPTS => {
                    // The other idle connections to the same place are as old as the one that failed.
                    fresh = next.key == upstream.key;
                    upstream = next;
                    self.request.rewind();
                    let mut lines = Vec::new();
                    running.request_headers(&mut lines);
                    let end = request.added.start + lines.len();
                    self.request.bytes.splice(request.added.clone(), lines);
                    request.added.end = end;
                }
                AfterFailure::Retry(_) => {
                    let reply = Reply::explain(502, "the request cannot be sent again");
                    return self.reply(&mut request, running, &reply).await;
                }
                AfterFailure::Reply(reply) => return self.reply(&mut request, running, &reply).await,
                AfterFailure::Reset | AfterFailure::Wait(_) => {
                    running.finish(End::Reset, now);
                    return After::Reset;
                }
                AfterFailure::Close => {
                    running.finish(End::Closed, now);
                    return After::Linger;
                }
            }
        }
    }

    /// One try at one upstream. Also tells whether the response body, if there is one, ends with the connection,
    /// and hands over the connection to the backend if it can serve another request.
    async fn attempt(
        &mut self,
        attempt: &mut Attempt,
        fresh: bool,
        request: &mut Request,
        running: &mut Running<P>,
    ) -> (Outcome, bool, Option<Leased>) {
        let upstream = attempt.upstream;
        self.answer.clear();
        self.output.clear();
        let pooled = match fresh {
            true => None,
            false => self
                .engine
                .pools()
                .take(upstream.key, upstream.addr, attempt.started, &self.settings),
        };
        let mut since = attempt.started;
        let mut leased = match pooled {
            Some(leased) => {
                attempt.reused = true;
                leased
            }
            None => {
                self.timer.set(attempt.started + self.settings.connect_timeout);
                match self.dial(upstream).await {
                    Ok(leased) => {
                        since = clock::now();
                        attempt.connected = Some(since);
                        leased
                    }
                    Err(outcome) => return (outcome, false, None),
                }
            }
        };
        self.ask_for_head(&mut leased, request, running);
        let mut transfer = Transfer::new(since);
        let mut outcome = poll_fn(|cx| transfer.poll(cx, self, &mut leased, request, running)).await;
        attempt.status = transfer.status();
        if let Some(status) = transfer.status() {
            attempt.result = Ok(status);
        }
        if outcome == Outcome::Failed(Cause::Reset) {
            attempt.local = leased.stream.local_addr().ok();
        }
        running.finish.request_bytes = request.body.content();
        if outcome == Outcome::Complete && transfer.switched() {
            outcome = self.tunnel(&mut leased, running).await;
            request.keep_alive = false;
            return (outcome, true, None);
        }
        let answers = matches!(outcome, Outcome::Failed(_) | Outcome::BadRequest(_));
        if answers && leased.heads.as_ref().is_some_and(|heads| !heads.silence()) {
            outcome = Outcome::Cut(Cause::Cut);
        }
        let sent = request.body.finished() && self.request.flushed();
        // Surplus bytes after the response belong to nobody.
        let clean = outcome == Outcome::Complete && transfer.reusable() && sent && self.answer.is_empty();
        (outcome, transfer.close_delimited(), clean.then_some(leased))
    }

    /// Has the response head read on the other thread, if there is one and the policy wants that.
    fn ask_for_head(&mut self, leased: &mut Leased, request: &Request, running: &mut Running<P>) {
        let Some(heads) = &mut leased.heads else { return };
        let Some(interims) = running.interims() else {
            return;
        };
        if self.elsewhere.is_none() {
            let Ok(same) = socket2::SockRef::from(&self.stream).try_clone() else {
                return;
            };
            self.elsewhere = Some(Arc::new(same));
        }
        let knows_interims = request.version == Version::Http11;
        let asked = heads::Request {
            interims,
            client: self.elsewhere.clone().filter(|_| knows_interims),
            to_head: request.to_head,
            expects: request.expects && !request.body.finished(),
            limits: self.settings.limits,
        };
        heads.ask(asked, std::mem::take(&mut self.answer));
    }
}
