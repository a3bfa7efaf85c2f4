//! A timer that is precise to less than a millisecond, as pausing a process for 300 ms needs; tokio's wheel is not.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use router::clock::Timestamp;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Rings once at the moment set last.
pub struct Alarm {
    timer: TimerFd,
    ringing: AsyncFd<OwnedFd>,
    set: Option<Timestamp>,
}

impl Alarm {
    #[expect(unsafe_code, reason = "AsyncFd wants a descriptor that stays open")]
    pub fn new() -> io::Result<Alarm> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let handle = timer.as_fd().try_clone_to_owned()?;
        // SAFETY: an OwnedFd is one open descriptor until it is dropped, and the AsyncFd owns it.
        let ringing = unsafe { AsyncFd::register(handle) }?;
        Ok(Alarm {
            timer,
            ringing,
            set: None,
        })
    }

    /// Rings at `deadline` instead; `None`: not at all.
    pub fn set(&mut self, deadline: Option<Timestamp>) {
        if self.set == deadline {
            return;
        }
        let done = match deadline {
            // A moment of 0 would disarm it.
            Some(at) => self.timer.set(
                Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(at.0.max(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            ),
            None => self.timer.unset(),
        };
        done.expect("a timer can be set to any time");
        self.set = deadline;
    }

    /// Resolves when it rings. Cancel-safe.
    pub async fn ring(&mut self) {
        loop {
            let Ok(mut ready) = self.ringing.readable().await else {
                return std::future::pending().await; // the runtime ends
            };
            // What it rang for before it was set anew is read away by `EAGAIN`.
            if self.timer.wait().is_ok() {
                self.set = None;
                return;
            }
            ready.clear_ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock;

    #[tokio::test]
    async fn it_rings_when_set_last_and_never_early() {
        let mut alarm = Alarm::new().unwrap();
        let deadline = clock::now() + Duration::from_millis(20);
        alarm.set(Some(clock::now() + Duration::from_secs(100)));
        alarm.set(Some(deadline));
        alarm.ring().await;
        assert!(clock::now() >= deadline);
        alarm.set(Some(Timestamp(0)));
        alarm.ring().await;
    }
}
