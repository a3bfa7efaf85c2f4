//! PURE: one reset window, and which failed requests it explains.

use super::words::{counts, seconds};
use router::clock::Timestamp;
use router::record::{Cause, Fault, Outcome, Stamp};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A death that is being told.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// The moment it went: of the hang, when it hung before it died.
    pub death: Timestamp,
    pub incarnation: u32,
    pub fault: Fault,
    pub stamp: Stamp,
    /// The moment that its DEAD line names.
    pub told_at: Timestamp,
    pub detected: Option<Timestamp>,
    pub predicted: Option<Duration>,
    /// The settings have stayed as they were at the death.
    pub predictable: bool,
    /// Start of the last attempt there, from the balancer's `quiet`.
    pub last_attempt: Option<Timestamp>,
    /// Ready, or running, again.
    pub over: Option<Timestamp>,
    /// Tell the death by then, with or without its reason.
    pub reason_due: Option<Timestamp>,
    /// Tell what it cost.
    pub report_due: Option<Timestamp>,
}

/// What a window cost.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowReport {
    pub router: String,
    pub fault: Fault,
    pub stamp: Stamp,
    pub death: Timestamp,
    /// `None`: the balancer never believed Down.
    pub t_detect: Option<Duration>,
    pub predicted: Option<Duration>,
    /// Ready or running again before the lab ended.
    pub over: bool,
    /// Zero if no attempt was started after the death.
    pub t_stop: Duration,
    pub lost: Lost,
    /// Why attempts failed, also those that the client got over.
    pub causes: BTreeMap<Cause, u64>,
}

/// Requests that a death cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Started before the death.
    pub in_flight: u64,
    /// Started after it.
    pub window: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

/// Failed attempts and failed requests on their way to a window. They come from two processes in any order.
#[derive(Debug, Default)]
pub(super) struct Joins {
    attempts: Vec<FailedAttempt>,
    outcomes: BTreeMap<u64, (Timestamp, Outcome)>,
}

#[derive(Clone, Debug)]
struct FailedAttempt {
    at: Timestamp,
    request: Option<u64>,
    router: String,
    started: Timestamp,
    cause: Cause,
}

/// An exit is stamped at reaping, when the sockets are closed already.
const REAPING: Duration = Duration::from_millis(100);
/// More failed requests than this are not kept for windows to come.
const KEPT: usize = 200_000;

impl Window {
    pub fn new(death: Timestamp, incarnation: u32, fault: Fault, stamp: Stamp) -> Window {
        Window {
            death,
            incarnation,
            fault,
            stamp,
            told_at: death,
            detected: None,
            predicted: None,
            predictable: true,
            last_attempt: None,
            over: None,
            reason_due: None,
            report_due: None,
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.reason_due.into_iter().chain(self.report_due).min()
    }
}

impl Joins {
    pub fn attempt(
        &mut self,
        at: Timestamp,
        request: Option<u64>,
        router: &str,
        started: Timestamp,
        cause: Cause,
    ) {
        if cause == Cause::ClientGone {
            return; // says nothing about the router
        }
        if self.attempts.len() == KEPT {
            self.attempts.drain(..KEPT / 2);
        }
        self.attempts.push(FailedAttempt {
            at,
            request,
            router: router.to_owned(),
            started,
            cause,
        });
    }

    pub fn outcome(&mut self, request: u64, intended: Timestamp, outcome: Outcome) {
        if self.outcomes.len() == KEPT {
            self.outcomes.pop_first();
        }
        self.outcomes.insert(request, (intended, outcome));
    }

    /// Takes what belongs to `window`.
    pub fn report(&mut self, router: &str, window: &Window) -> WindowReport {
        let earliest = match window.stamp {
            Stamp::Exit => window.death - REAPING,
            Stamp::Signal | Stamp::Crash => window.death,
        };
        let mut lost = Lost::default();
        let mut causes = BTreeMap::new();
        let mut last = window.last_attempt;
        let belongs = |attempt: &FailedAttempt| attempt.router == router && attempt.at >= earliest;
        for attempt in self.attempts.extract_if(.., |attempt| belongs(attempt)) {
            *causes.entry(attempt.cause).or_default() += 1;
            last = last.max(Some(attempt.started));
            let failed = attempt.request.and_then(|request| self.outcomes.remove(&request));
            if let Some((_, outcome)) = failed {
                *lost.by_outcome.entry(outcome).or_default() += 1;
                if attempt.started < window.death {
                    lost.in_flight += 1;
                } else {
                    lost.window += 1;
                }
            }
        }
        WindowReport {
            router: router.to_owned(),
            fault: window.fault,
            stamp: window.stamp,
            death: window.death,
            t_detect: window.detected.map(|at| at.since(window.death)),
            predicted: window.predicted,
            over: window.over.is_some(),
            t_stop: last.map_or(Duration::ZERO, |last| last.since(window.death)),
            lost,
            causes,
        }
    }
}

impl Lost {
    pub fn total(&self) -> u64 {
        self.in_flight + self.window
    }
}

impl WindowReport {
    /// The window in one line, for the end.
    pub fn summary(&self) -> String {
        let detect = match self.t_detect {
            Some(t) => format!("t_detect {}", seconds(t)),
            None if self.over => "back before it was noticed".to_owned(),
            None => "not noticed yet when the lab ended".to_owned(),
        };
        let predicted = self
            .predicted
            .map_or(String::new(), |t| format!(" (predicted {})", seconds(t)));
        let Lost {
            in_flight, window, ..
        } = self.lost;
        let fault = super::words::word(self.fault);
        let stop = seconds(self.t_stop);
        format!(
            "{} {fault}: {detect}{predicted}, t_stop {stop}, lost {in_flight} in flight + {window} in the window",
            self.router
        )
    }
}

/// The sentence after the router's name.
impl fmt::Display for WindowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.t_detect {
            Some(_) => write!(
                f,
                "reset window: last attempt {} after it went (t_stop), ",
                seconds(self.t_stop)
            )?,
            None => write!(f, "was back before the balancer noticed: ")?,
        }
        let lost = &self.lost;
        let requests = if lost.total() == 1 { "request" } else { "requests" };
        write!(f, "{} {requests} lost", lost.total())?;
        if lost.total() > 0 {
            write!(
                f,
                ", {} in flight + {} in the window: {}",
                lost.in_flight,
                lost.window,
                counts(&lost.by_outcome)
            )?;
        }
        if !self.causes.is_empty() {
            write!(f, " (attempts: {})", counts(&self.causes))?;
        }
        Ok(())
    }
}
