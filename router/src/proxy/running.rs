//! An exchange under way. However it ends, its policy hears of it exactly once.

use super::Interims;
use super::policy::{AfterFailure, Attempt, End, Finish, Policy, Verdict};
use crate::clock::{self, Timestamp};
use crate::http1::ResponseHead;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(super) struct Running<P: Policy> {
    policy: Rc<P>,
    exchange: Option<P::Exchange>,
    pub finish: Finish,
}

impl<P: Policy> Running<P> {
    pub fn new(policy: Rc<P>, exchange: P::Exchange, started: Timestamp) -> Running<P> {
        let finish = Finish {
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            started,
            ended: started,
            end: End::Cut,
        };
        Running {
            policy,
            exchange: Some(exchange),
            finish,
        }
    }

    pub fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        match &mut self.exchange {
            Some(exchange) => self.policy.poll_held(exchange, cx),
            None => Poll::Ready(Verdict::Reset),
        }
    }

    pub fn cuts(&self) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| self.policy.cuts(exchange))
    }

    pub fn omits(&self, name: &str) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| self.policy.omits(exchange, name))
    }

    pub fn request_headers(&mut self, out: &mut Vec<u8>) {
        if let Some(exchange) = &mut self.exchange {
            self.policy.request_headers(exchange, out);
        }
    }

    pub fn response_head(&mut self, head: &ResponseHead<'_>) {
        if let Some(exchange) = &mut self.exchange {
            self.policy.response_head(exchange, head);
        }
    }

    pub fn interims(&mut self) -> Option<Arc<dyn Interims>> {
        self.policy.interims(self.exchange.as_mut()?)
    }

    pub fn response_headers(&mut self, status: u16, out: &mut Vec<u8>) {
        if let Some(exchange) = &mut self.exchange {
            self.policy.response_headers(exchange, status, out);
        }
    }

    pub fn attempt_ended(&mut self, attempt: &Attempt) -> AfterFailure {
        match &mut self.exchange {
            Some(exchange) => self.policy.attempt_ended(exchange, attempt),
            None => AfterFailure::Reset,
        }
    }

    pub fn waited(&mut self, now: Timestamp) -> AfterFailure {
        match &mut self.exchange {
            Some(exchange) => self.policy.waited(exchange, now),
            None => AfterFailure::Reset,
        }
    }

    pub fn finish(mut self, end: End, ended: Timestamp) {
        self.finish.end = end;
        self.end(ended);
    }

    fn end(&mut self, ended: Timestamp) {
        if let Some(exchange) = self.exchange.take() {
            self.finish.ended = ended;
            self.policy.finished(exchange, &self.finish);
        }
    }
}

impl<P: Policy> Drop for Running<P> {
    fn drop(&mut self) {
        if self.exchange.is_some() {
            self.end(clock::now());
        }
    }
}
