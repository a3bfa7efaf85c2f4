//! One backend's failed attempts, and the ejections they lead to.

use super::{Growth, PassiveCounting, PassiveReturn, PassiveSettings};
use router::clock::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Counts failed attempts, and ejections in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passive {
    /// In a row, or since it was last quiet.
    failures: u32,
    latest: Option<Timestamp>,
    /// The latest ones of the window, no more than matter.
    recent: VecDeque<Timestamp>,
    /// Ejections in a row: each may last longer than the one before.
    ejections: u32,
    out: Option<Out>,
    /// Since when it has been in use, the last time.
    used: Timestamp,
    /// Trials it has been given.
    trials: u32,
}

/// What an ejection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Until(Timestamp),
    /// The one request that tries it.
    Trial,
    Check,
}

/// What is heard of an attempt. Those of [`Heard::Trying`]'s request say that they are its.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heard {
    /// The request that tries an ejected backend is on its way.
    Trying,
    Failed {
        trial: bool,
    },
    Succeeded {
        trial: bool,
    },
}

impl Passive {
    /// In use from now on.
    pub fn new(now: Timestamp) -> Passive {
        Passive {
            failures: 0,
            latest: None,
            recent: VecDeque::new(),
            ejections: 0,
            out: None,
            used: now,
            trials: 0,
        }
    }

    pub fn ejected(&self) -> bool {
        self.out.is_some()
    }

    /// When the ejection of now ends, or a request may try it; `None` also when something else than time ends it.
    pub fn ejected_until(&self) -> Option<Timestamp> {
        match self.out {
            Some(Out::Until(until)) => Some(until),
            Some(Out::Trial | Out::Check) | None => None,
        }
    }

    /// Which of its trials waits for a request, counted from 1.
    pub fn trial(&self) -> Option<u32> {
        (self.out == Some(Out::Trial)).then_some(self.trials)
    }

    /// Counts one ended attempt of a backend in use; whether it has earned what failed attempts lead to.
    pub fn observe(&mut self, now: Timestamp, failed: bool, settings: &PassiveSettings) -> bool {
        match settings.counting {
            PassiveCounting::Row if !failed => self.failures = 0,
            PassiveCounting::Quiet if !failed => {
                if self.latest.is_some_and(|latest| settings.quiet(latest, now)) {
                    self.failures = 0;
                }
            }
            PassiveCounting::Row | PassiveCounting::Quiet => self.failures = self.failures.saturating_add(1),
            PassiveCounting::Window if failed => self.remember(now, settings),
            PassiveCounting::Window if settings.back == PassiveReturn::Check => self.recent.clear(),
            PassiveCounting::Window => {}
        }
        if !failed {
            return false;
        }
        self.latest = Some(now);
        match settings.counting {
            PassiveCounting::Row | PassiveCounting::Quiet => self.failures >= settings.failures,
            PassiveCounting::Window => self.recent.len() >= settings.failures as usize,
        }
    }

    /// Hears of an attempt while ejected; whether that ends it.
    pub fn observe_ejected(&mut self, now: Timestamp, heard: Heard, settings: &PassiveSettings) -> bool {
        match heard {
            Heard::Succeeded { trial } => return trial,
            Heard::Trying => self.wait(now, settings),
            Heard::Failed { trial: true } => self.eject(now, settings),
            // What was under way: nginx waits for quiet, Caddy counts it.
            Heard::Failed { trial: false } if self.out == Some(Out::Check) => {}
            Heard::Failed { trial: false } => match (settings.counting, settings.back) {
                (PassiveCounting::Quiet, _) => self.wait(now, settings),
                (PassiveCounting::Window, PassiveReturn::Forgotten) => {
                    self.remember(now, settings);
                    self.wait(now, settings);
                }
                _ => {}
            },
        }
        false
    }

    /// Ejects. A backend that was in use for as long as a first ejection lasts starts a new row.
    pub fn eject(&mut self, now: Timestamp, settings: &PassiveSettings) {
        let in_a_row = self.ejected() || now.since(self.used) < settings.ejection;
        self.ejections = if in_a_row {
            self.ejections.saturating_add(1)
        } else {
            1
        };
        self.wait(now, settings);
    }

    /// The time of an ejection has passed; whether that ends it.
    pub fn time_is_up(&mut self, settings: &PassiveSettings) -> bool {
        if settings.back != PassiveReturn::Trial {
            return true;
        }
        self.trials = self.trials.wrapping_add(1);
        self.out = Some(Out::Trial);
        false
    }

    /// What is waited for is as the settings say from now on, and no longer than they allow.
    pub fn adapt(&mut self, now: Timestamp, settings: &PassiveSettings) {
        self.out = match (self.out, settings.back) {
            (Some(_), PassiveReturn::Check) => Some(Out::Check),
            (Some(Out::Trial), PassiveReturn::Trial) => Some(Out::Trial),
            (Some(Out::Until(until)), _) => Some(Out::Until(until.min(now + settings.cap))),
            (Some(Out::Trial), _) => Some(Out::Until(now)),
            (Some(Out::Check), _) => Some(Out::Until(now + self.length(settings))),
            (None, _) => None,
        };
    }

    /// The ejection is over.
    pub fn end(&mut self) {
        self.out = None;
    }

    /// It is in use again. What failed before is another story, unless time alone makes it one.
    pub fn use_again(&mut self, now: Timestamp, settings: Option<&PassiveSettings>) {
        if settings.is_none_or(|settings| settings.back != PassiveReturn::Forgotten) {
            self.forget();
        }
        self.used = now;
    }

    /// What failed counts no more.
    pub fn forget(&mut self) {
        self.failures = 0;
        self.latest = None;
        self.recent.clear();
    }

    /// Out, from now on for as long as the ejection of now lasts.
    fn wait(&mut self, now: Timestamp, settings: &PassiveSettings) {
        self.out = Some(match settings.back {
            PassiveReturn::Check => Out::Check,
            PassiveReturn::Time => Out::Until(now + self.length(settings)),
            PassiveReturn::Trial => Out::Until(more_than(now, self.length(settings))),
            PassiveReturn::Forgotten => {
                let first = self.recent.front().copied().unwrap_or(now);
                Out::Until((first + settings.window).min(now + settings.cap))
            }
        });
    }

    fn length(&self, settings: &PassiveSettings) -> Duration {
        let times = match settings.growth {
            Growth::Linear => self.ejections,
            Growth::None => 1,
        };
        settings.ejection.saturating_mul(times).min(settings.cap)
    }

    /// More than the failures that eject need not be known: the oldest of these is the first to be forgotten.
    fn remember(&mut self, now: Timestamp, settings: &PassiveSettings) {
        let recent = &mut self.recent;
        while recent.front().is_some_and(|at| now.since(*at) >= settings.window) {
            recent.pop_front();
        }
        recent.push_back(now);
        while recent.len() > settings.failures as usize {
            recent.pop_front();
        }
    }
}

impl PassiveSettings {
    /// `passive-counting=quiet`: whether the window has passed since the `latest` failure.
    pub fn quiet(&self, latest: Timestamp, now: Timestamp) -> bool {
        match self.window.subsec_nanos() {
            0 => now >= more_than(latest, self.window),
            _ => now.since(latest) > self.window,
        }
    }
}

/// When more than `time` has passed since `from` as nginx sees it: it compares whole seconds of its clock (`now - checked >
/// fail_timeout`), so that 10 s are over after 10 to 11 of them, as a second begins. What is not whole seconds, which
/// nginx cannot be told, passes as it is.
fn more_than(from: Timestamp, time: Duration) -> Timestamp {
    const SECOND: u64 = 1_000_000_000;
    match time.subsec_nanos() {
        0 => Timestamp((from.0 / SECOND + time.as_secs() + 1) * SECOND),
        _ => from + time,
    }
}

#[cfg(test)]
mod tests;
