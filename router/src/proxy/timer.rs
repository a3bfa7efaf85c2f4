//! One deadline per connection. Moving it later is a store; the runtime's timer is touched only when it fires early
//! or must fire earlier, so a busy connection registers a timer once per timeout and not once per request.

use crate::clock::{self, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::time::{Instant, Sleep};

pub(super) struct Timer {
    deadline: Timestamp,
    /// When the runtime will wake us, if it is armed.
    armed: Option<Timestamp>,
    sleep: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

/// No deadline.
pub(super) const NEVER: Timestamp = Timestamp(u64::MAX);

impl Timer {
    pub fn new() -> Timer {
        Timer {
            deadline: NEVER,
            armed: None,
            sleep: None,
            waker: None,
        }
    }

    pub fn set(&mut self, deadline: Timestamp) {
        self.deadline = deadline;
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline == NEVER {
            return Poll::Pending;
        }
        if self.armed.is_none_or(|armed| self.deadline < armed) {
            let now = clock::now();
            if now >= self.deadline {
                return Poll::Ready(());
            }
            self.arm(now);
        }
        loop {
            let Some(sleep) = &mut self.sleep else {
                return Poll::Pending;
            };
            let known = self
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()));
            if known && !sleep.is_elapsed() {
                return Poll::Pending;
            }
            if sleep.as_mut().poll(cx).is_pending() {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let now = clock::now();
            if now >= self.deadline {
                self.armed = None;
                return Poll::Ready(());
            }
            self.arm(now);
        }
    }

    fn arm(&mut self, now: Timestamp) {
        let at = Instant::now() + self.deadline.since(now);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(at))),
        }
        self.armed = Some(self.deadline);
        self.waker = None;
    }
}
