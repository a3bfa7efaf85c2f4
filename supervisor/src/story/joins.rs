//! PURE: which failed attempts and failed requests a window explains.

use super::window::{Lost, Window, WindowReport};
use router::clock::Timestamp;
use router::record::{Cause, Detector, Fault, Outcome, Stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Failed attempts and failed requests on their way to a window. They come from two processes in any order.
#[derive(Debug, Default)]
pub(super) struct Joins {
    attempts: Vec<FailedAttempt>,
    /// By number of the request.
    outcomes: BTreeMap<u64, FailedRequest>,
    /// The latest failed request of a client's port: L4 attempts know no more.
    ports: BTreeMap<u16, u64>,
    /// A real load balancer's word on its attempts: whose a failed request was is known by its time only.
    by_the_client: Option<Told>,
}

/// Whether a balancer tells of its failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Attempts,
    Nothing,
}

/// What the balancer saw fail.
#[derive(Clone, Debug)]
pub(super) struct FailedAttempt {
    pub at: Timestamp,
    pub request: Option<u64>,
    pub port: Option<u16>,
    pub router: String,
    pub started: Timestamp,
    pub cause: Cause,
}

#[derive(Debug)]
struct FailedRequest {
    outcome: Outcome,
    sent: Timestamp,
    ended: Timestamp,
    /// A window has counted it.
    counted: bool,
}

/// An exit is stamped at reaping, when the sockets are closed already.
const REAPING: Duration = Duration::from_millis(100);
/// More failed requests than this are not kept for windows to come.
const KEPT: usize = 200_000;

impl Joins {
    pub fn attempt(&mut self, attempt: FailedAttempt) {
        if attempt.cause == Cause::ClientGone {
            return; // says nothing about the router
        }
        if self.attempts.len() == KEPT {
            self.attempts.drain(..KEPT / 2);
        }
        self.attempts.push(attempt);
    }

    /// Requests are a window's from now on by when they were sent: what a balancer tells of its attempts is not all of them.
    pub fn by_the_client(&mut self, attempts: bool) {
        self.by_the_client = Some(if attempts { Told::Attempts } else { Told::Nothing });
    }

    /// A request that was sent, and ended, then.
    pub fn outcome(
        &mut self,
        request: u64,
        port: Option<u16>,
        outcome: Outcome,
        (sent, ended): (Timestamp, Timestamp),
    ) {
        if self.outcomes.len() == KEPT {
            self.outcomes.pop_first();
        }
        let failed = FailedRequest {
            outcome,
            sent,
            ended,
            counted: false,
        };
        self.outcomes.insert(request, failed);
        if let Some(port) = port {
            self.ports.insert(port, request);
        }
    }

    /// Takes what belongs to `window`. With `retries`, a request without a failure was saved by one.
    pub fn report(&mut self, router: &str, window: &Window, retries: bool) -> WindowReport {
        let earliest = match window.stamp {
            Stamp::Exit => window.death - REAPING,
            Stamp::Signal | Stamp::Crash => window.death,
        };
        let mut lost = Lost::default();
        let mut causes = BTreeMap::new();
        let mut saved = BTreeSet::new();
        let mut gave_up = 0;
        let mut last = window.last_attempt;
        let belongs = |attempt: &FailedAttempt| attempt.router == router && attempt.at >= earliest;
        for attempt in self.attempts.extract_if(.., |attempt| belongs(attempt)) {
            *causes.entry(attempt.cause).or_default() += 1;
            last = last.max(Some(attempt.started));
            let by_port = || self.ports.get(&attempt.port?).copied();
            let request = attempt.request.or_else(by_port);
            match request.and_then(|request| self.outcomes.get_mut(&request)) {
                Some(_) if self.by_the_client.is_some() => {}
                Some(failed) if !failed.counted => {
                    failed.counted = true;
                    *lost.by_outcome.entry(failed.outcome).or_default() += 1;
                    if attempt.started < window.death {
                        lost.in_flight += 1;
                    } else {
                        lost.window += 1;
                    }
                }
                Some(_) => {}
                None => saved.extend(request),
            }
        }
        // Of a router that is silent a client may despair before the balancer does: no attempt failed then.
        let silent = matches!(window.fault, Fault::Hang | Fault::Silent);
        if self.by_the_client.is_some() || silent {
            let all = self.by_the_client.is_some();
            let others: BTreeSet<u64> = self
                .attempts
                .iter()
                .filter_map(|attempt| attempt.request)
                .collect();
            let over = window.over.unwrap_or(Timestamp(u64::MAX));
            let meanwhile = |request: u64, failed: &FailedRequest| {
                let whose = all || failed.outcome == Outcome::Timeout && !others.contains(&request);
                whose && failed.ended >= earliest && failed.sent <= over && !failed.counted
            };
            for (request, failed) in &mut self.outcomes {
                if !meanwhile(*request, failed) {
                    continue;
                }
                failed.counted = true;
                if !all {
                    gave_up += 1;
                    last = last.max(Some(failed.sent));
                }
                *lost.by_outcome.entry(failed.outcome).or_default() += 1;
                if failed.sent < window.death {
                    lost.in_flight += 1;
                } else {
                    lost.window += 1;
                }
            }
        }
        let last = last.filter(|last| *last >= window.death);
        let told = self.by_the_client != Some(Told::Nothing);
        let watched = window.detected.is_some();
        let polled = window.detected_by == Some(Detector::Poll);
        WindowReport {
            router: router.to_owned(),
            fault: window.fault,
            stamp: window.stamp,
            death: window.death,
            t_detect: window.detected.map(|at| at.since(window.death)),
            detected_by: window.detected_by,
            predicted: window.predicted.filter(|_| polled),
            over: window.over.is_some(),
            attempted: last.is_some(),
            t_stop: last
                .map(|last| last.since(window.death))
                .or((watched && told && window.quiet).then_some(Duration::ZERO)),
            told,
            lost,
            gave_up,
            saved: if retries { saved.len() as u64 } else { 0 },
            causes,
        }
    }
}
