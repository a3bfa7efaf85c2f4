//! Error handlers of clients that have gone, on a thread of their own: what gorouter does before it reaches its error
//! handler takes time, and no other request may wait for it here.

use super::Response;
use crate::clock::{self, Timestamp};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Hands over to the thread. Cheap to clone.
#[derive(Clone)]
pub struct LateHandlers(Sender<Late>);

struct Late {
    due: Timestamp,
    response: Response,
    error: String,
}

/// From the moment gorouter closes its connection to the backend to its error handler: goroutines are woken, an event is
/// sent, a line logged. Not measured there, but bounded by what was: hooks that were over sooner never met the handler
/// (one 103 of 10 fields: 111,549 attempts, of 100 fields: 66,761), longer ones did (of 200 fields: 17 to 439). At this
/// value the attempts of the three kinds are of the real ones' size (`scripts/crash-attempts`); at zero, one 103 of 10
/// fields is enough after a thousand.
const ERROR_PATH: Duration = Duration::from_micros(150);

impl LateHandlers {
    pub fn start() -> io::Result<LateHandlers> {
        let (handlers, late) = channel();
        std::thread::Builder::new()
            .name("error-handlers".into())
            .spawn(move || run(&late))?;
        Ok(LateHandlers(handlers))
    }

    /// The client has gone: its error is handled a little later, then its connection is closed.
    pub fn push(&self, response: Response, error: String) {
        let due = clock::now() + ERROR_PATH;
        // The thread lives as long as anybody who can push.
        let _ = self.0.send(Late { due, response, error });
    }
}

/// All wait equally long, so the first to come is the first to be due.
fn run(late: &Receiver<Late>) {
    // Timers are late by 50 µs otherwise.
    let _ = nix::sys::prctl::set_timerslack(1);
    while let Ok(Late { due, response, error }) = late.recv() {
        let due = TimeSpec::from_duration(Duration::from_nanos(due.0));
        while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &due).is_err() {}
        response.handle_error(&error);
        response.close();
    }
}
