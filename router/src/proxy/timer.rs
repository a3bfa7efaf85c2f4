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
            if sleep.is_elapsed() {
                let now = clock::now();
                if now >= self.deadline {
                    self.armed = None;
                    return Poll::Ready(());
                }
                self.arm(now);
                continue;
            }
            if self
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                return Poll::Pending;
            }
            // Without budget the sleep only asks to be polled again and is not registered.
            let registers = tokio::task::coop::has_budget_remaining();
            if sleep.as_mut().poll(cx).is_pending() {
                self.waker = registers.then(|| cx.waker().clone());
                return Poll::Pending;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test]
    async fn fires_at_the_latest_setting_and_never_early() {
        let mut timer = Timer::new();
        let soon = |ms| clock::now() + Duration::from_millis(ms);
        for _ in 0..2 {
            timer.set(soon(3_600_000));
            assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx).is_pending())).await);
            let sooner = soon(10);
            timer.set(sooner);
            poll_fn(|cx| timer.poll(cx)).await;
            assert!(clock::now() >= sooner);
        }
        // Armed, then moved later. A machine that is late may have passed it before it was armed.
        loop {
            let at = soon(10);
            timer.set(at);
            if poll_fn(|cx| Poll::Ready(timer.poll(cx).is_pending())).await {
                break;
            }
            assert!(clock::now() >= at);
        }
        let later = soon(40);
        timer.set(later);
        poll_fn(|cx| timer.poll(cx)).await;
        assert!(clock::now() >= later);
        timer.set(NEVER);
        assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx).is_pending())).await);
    }

    #[tokio::test]
    async fn a_spent_budget_does_not_lose_the_wake_up() {
        // A machine that is late may have passed the deadline before it was asked for the first time.
        let mut polls = 0;
        while polls <= 1 {
            let mut timer = Timer::new();
            timer.set(clock::now() + Duration::from_millis(20));
            polls = 0;
            poll_fn(|cx| {
                polls += 1;
                while polls == 1 && tokio::task::coop::has_budget_remaining() {
                    let mut spend = std::pin::pin!(tokio::task::coop::consume_budget());
                    let _ = spend.as_mut().poll(cx);
                }
                timer.poll(cx)
            })
            .await;
            assert!(timer.deadline <= clock::now());
        }
    }
}
