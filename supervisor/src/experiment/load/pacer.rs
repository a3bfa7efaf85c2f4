//! The pacing thread: hands every request over at its intended time, whatever happened to those before it.

use super::arrivals::Schedule;
use super::punctual::{Realtime, make_punctual};
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use router::clock::{self, Timestamp};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request to be sent: its id (from 1, in order of intended times) and when it was meant to leave.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub id: u64,
    pub intended: Timestamp,
}

/// Changes the rate of a running pacer and stops it.
#[derive(Clone)]
pub struct Pace(Arc<(Mutex<Wanted>, Condvar)>);

#[derive(Clone, Copy)]
struct Wanted {
    rate: f64,
    /// Counts changes, so that setting the same rate twice restarts nothing needlessly.
    version: u64,
    stop: bool,
}

/// Up to this close to a deadline the thread can be woken for a change; from there on it sleeps precisely.
const PRECISE: Duration = Duration::from_millis(20);

impl Pace {
    /// Starts the thread. The receiver yields requests as they become due and ends after [`Pace::stop`].
    pub fn start(
        schedule: Schedule,
        rate: f64,
        first: u64,
        realtime: Realtime,
    ) -> std::io::Result<(Pace, UnboundedReceiver<Due>)> {
        let wanted = Wanted {
            rate,
            version: 1,
            stop: false,
        };
        let pace = Pace(Arc::new((Mutex::new(wanted), Condvar::new())));
        let (sender, receiver) = unbounded_channel();
        let own = pace.clone();
        std::thread::Builder::new()
            .name("pacer".into())
            .spawn(move || own.pace(schedule, first, realtime, &sender))?;
        Ok((pace, receiver))
    }

    /// Requests a second from now on; 0 is idle.
    pub fn set_rate(&self, rate: f64) {
        self.change(|wanted| {
            if wanted.rate != rate {
                wanted.rate = rate;
                wanted.version += 1;
            }
        });
    }

    pub fn rate(&self) -> f64 {
        self.wanted().rate
    }

    /// No request becomes due after this.
    pub fn stop(&self) {
        self.change(|wanted| wanted.stop = true);
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn wanted(&self) -> Wanted {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self, mut schedule: Schedule, first: u64, realtime: Realtime, sender: &UnboundedSender<Due>) {
        make_punctual(realtime);
        let (mut version, mut next, mut id) = (0, None, first);
        loop {
            let wanted = self.wanted();
            if wanted.stop {
                return;
            }
            if wanted.version != version {
                version = wanted.version;
                schedule.restart(clock::now(), wanted.rate);
                next = schedule.advance();
            }
            let Some(intended) = next else {
                self.wait(version, None);
                continue;
            };
            let left = intended.since(clock::now());
            if left > PRECISE {
                self.wait(version, Some(left - PRECISE));
                continue;
            }
            sleep_until(intended);
            if sender.send(Due { id, intended }).is_err() {
                return;
            }
            id += 1;
            next = schedule.advance();
        }
    }

    /// Waits for a change, at most `limit`.
    fn wait(&self, version: u64, limit: Option<Duration>) {
        let wanted = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = |wanted: &mut Wanted| !wanted.stop && wanted.version == version;
        match limit {
            None => drop(self.0.1.wait_while(wanted, unchanged)),
            Some(limit) => drop(self.0.1.wait_timeout_while(wanted, limit, unchanged)),
        }
    }
}

/// Sleeps until `deadline`; at once if it has passed.
fn sleep_until(deadline: Timestamp) {
    let spec = nix::sys::time::TimeSpec::new(
        (deadline.0 / 1_000_000_000) as nix::libc::time_t,
        (deadline.0 % 1_000_000_000) as nix::libc::c_long,
    );
    let absolute = ClockNanosleepFlags::TIMER_ABSTIME;
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, absolute, &spec) == Err(nix::errno::Errno::EINTR) {}
}
