//! PURE: which failed attempts and failed requests a window explains.

use super::pending::Pending;
use super::rest::{LostWhere, Rest, Spans};
use super::window::{Began, Lost, Window, WindowReport, keeps_waiting};
use router::clock::Timestamp;
use router::record::{Cause, Detector, Fault, Outcome};
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
    /// Requests that the balancer had no router for, and whose ends are not known yet.
    unrouted: BTreeSet<u64>,
    /// A real load balancer's word on its attempts: whose a failed request was is known by its time only.
    by_the_client: Option<Told>,
}

/// What a real balancer tells of its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// All of them (Envoy, nginx): its last one at a router is known.
    Every,
    /// Failed ones, and some that are in no log (HAProxy): a later one than those may have been the last.
    Some,
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
    /// Nobody saw it.
    pub reckoned: bool,
}

#[derive(Debug)]
struct FailedRequest {
    outcome: Outcome,
    sent: Timestamp,
    ended: Timestamp,
    /// A window has counted it.
    counted: bool,
    /// The balancer had no router for it.
    unrouted: bool,
}

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
    pub fn by_the_client(&mut self, attempts: bool, every: bool) {
        self.by_the_client = Some(match (attempts, every) {
            (true, true) => Told::Every,
            (true, false) => Told::Some,
            (false, _) => Told::Nothing,
        });
    }

    /// The balancer had no router for a request.
    pub fn unrouted(&mut self, request: u64) {
        if let Some(failed) = self.outcomes.get_mut(&request) {
            failed.unrouted = true;
            return;
        }
        if self.unrouted.len() == KEPT {
            self.unrouted.pop_first();
        }
        self.unrouted.insert(request);
    }

    /// It failed at once, at no router.
    pub fn is_refused(&self, request: u64, sent: Timestamp, nowhere: &Spans) -> bool {
        let unrouted = self.outcomes.get(&request).is_some_and(|failed| failed.unrouted);
        unrouted || self.is_nowhere(sent, nowhere)
    }

    /// Of a balancer that tells nothing of its attempts, what was sent while no router was in use is no router's.
    fn is_nowhere(&self, sent: Timestamp, nowhere: &Spans) -> bool {
        self.by_the_client == Some(Told::Nothing) && nowhere.covers(sent)
    }

    /// Where requests were lost that no window has counted.
    pub fn rest(&self, rest: &Rest) -> LostWhere {
        let attempted = self.attempted();
        let mut lost = LostWhere::default();
        for (request, failed) in &self.outcomes {
            *self.place(*request, failed, &attempted, rest, &mut lost) += 1;
        }
        lost
    }

    /// Forgets the older half when there are too many: where those were lost.
    pub fn forget(&mut self, rest: &Rest) -> LostWhere {
        let mut lost = LostWhere::default();
        if self.outcomes.len() < KEPT {
            return lost;
        }
        let attempted = self.attempted();
        let Some(middle) = self.outcomes.keys().nth(KEPT / 2).copied() else {
            return lost;
        };
        let younger = self.outcomes.split_off(&middle);
        let older = std::mem::replace(&mut self.outcomes, younger);
        for (request, failed) in &older {
            *self.place(*request, failed, &attempted, rest, &mut lost) += 1;
        }
        lost
    }

    /// Requests of which an attempt failed outside all windows.
    fn attempted(&self) -> BTreeSet<u64> {
        let by_port = |attempt: &FailedAttempt| self.ports.get(&attempt.port?).copied();
        let attempts = self.attempts.iter();
        attempts
            .filter_map(|attempt| attempt.request.or_else(|| by_port(attempt)))
            .collect()
    }

    fn place<'a>(
        &self,
        request: u64,
        failed: &FailedRequest,
        attempted: &BTreeSet<u64>,
        rest: &Rest,
        lost: &'a mut LostWhere,
    ) -> &'a mut u64 {
        match () {
            () if failed.counted => &mut lost.windows,
            () if failed.unrouted => &mut lost.no_router,
            () if rest.balancer.covers(failed.ended) => &mut lost.balancer_away,
            () if rest.app.covers(failed.ended) => &mut lost.app_away,
            () if attempted.contains(&request) => &mut lost.at_routers,
            () if rest.nowhere.covers(failed.sent) => &mut lost.no_router,
            () => &mut lost.not_known,
        }
    }

    /// A request that was sent, and ended, then.
    pub fn outcome(
        &mut self,
        request: u64,
        port: Option<u16>,
        outcome: Outcome,
        (sent, ended): (Timestamp, Timestamp),
    ) {
        let unrouted = self.unrouted.remove(&request);
        let failed = FailedRequest {
            outcome,
            sent,
            ended,
            counted: false,
            unrouted,
        };
        self.outcomes.insert(request, failed);
        if let Some(port) = port {
            self.ports.insert(port, request);
        }
    }

    /// Takes what belongs to `window`, and what may still become of it. With `retries`, a request without a failure was
    /// saved by one.
    pub fn report(
        &mut self,
        router: &str,
        window: &Window,
        retries: bool,
        nowhere: &Spans,
    ) -> (WindowReport, Pending) {
        let Counted {
            report,
            requests,
            pending,
            ..
        } = self.count(router, window, retries, nowhere);
        for request in requests {
            if let Some(failed) = self.outcomes.get_mut(&request) {
                failed.counted = true;
            }
        }
        self.attempts.retain(|attempt| !belongs(attempt, router, window));
        (report, pending)
    }

    /// What became of the request of an attempt, if that is known and no window has counted it; one has now.
    pub fn take(&mut self, attempt: &FailedAttempt) -> Option<Outcome> {
        let by_port = || self.ports.get(&attempt.port?).copied();
        let request = attempt.request.or_else(by_port)?;
        let failed = self.outcomes.get_mut(&request).filter(|failed| !failed.counted)?;
        failed.counted = self.by_the_client.is_none();
        Some(failed.outcome)
    }

    /// A window has counted a request.
    pub fn counted(&mut self, request: u64) {
        if let Some(failed) = self.outcomes.get_mut(&request) {
            failed.counted = true;
        }
    }

    /// An attempt of it failed, and no window has taken that.
    pub fn has_attempt(&self, request: u64) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.request == Some(request))
    }

    pub fn is_by_the_client(&self) -> bool {
        self.by_the_client.is_some()
    }

    /// What belongs to `window` by now, and how many entries had to be read to know it.
    pub fn so_far(
        &self,
        router: &str,
        window: &Window,
        retries: bool,
        nowhere: &Spans,
    ) -> (WindowReport, usize) {
        let counted = self.count(router, window, retries, nowhere);
        (counted.report, counted.read)
    }

    /// `nowhere`: no router was in use.
    fn count(&self, router: &str, window: &Window, retries: bool, nowhere: &Spans) -> Counted {
        let mut lost = Lost::default();
        let mut causes = BTreeMap::new();
        let mut saved = BTreeSet::new();
        let mut requests = BTreeSet::new();
        let mut pending = Pending::default();
        let (mut gave_up, mut reckoned) = (0, 0);
        let mut read = self.attempts.len();
        let mut last = window.last_attempt;
        let own = |attempt: &&FailedAttempt| belongs(attempt, router, window);
        for attempt in self.attempts.iter().filter(own) {
            *causes.entry(attempt.cause).or_default() += 1;
            reckoned += u64::from(attempt.reckoned);
            last = last.max(Some(attempt.started));
            let by_port = || self.ports.get(&attempt.port?).copied();
            let request = attempt.request.or_else(by_port);
            match request.and_then(|request| Some((request, self.outcomes.get(&request)?))) {
                Some(_) if self.by_the_client.is_some() => {}
                Some((request, failed)) => {
                    if !failed.counted && requests.insert(request) {
                        lost.add(failed.outcome, attempt.started < window.death);
                    }
                }
                None => {
                    pending.add(attempt, attempt.started < window.death);
                    saved.extend(request);
                }
            }
        }
        // Of a router that is silent a client may despair before the balancer does: no attempt failed then.
        let silent = keeps_waiting(window.fault);
        if self.by_the_client.is_some() || silent {
            let all = self.by_the_client.is_some();
            let others = self.attempts.iter().filter(|attempt| !own(attempt));
            let others: BTreeSet<u64> = others.filter_map(|attempt| attempt.request).collect();
            // What fails at once because nothing is in use is no router's.
            let refused = |failed: &FailedRequest| failed.unrouted || self.is_nowhere(failed.sent, nowhere);
            let over = window.over.unwrap_or(Timestamp(u64::MAX));
            let meanwhile = |request: u64, failed: &FailedRequest| {
                let whose = all || failed.outcome == Outcome::Timeout && !others.contains(&request);
                let meant = failed.ended >= window.earliest() && failed.sent <= over;
                whose && meant && !failed.counted && !refused(failed)
            };
            read += self.outcomes.len();
            for (request, failed) in &self.outcomes {
                if !meanwhile(*request, failed) || !requests.insert(*request) {
                    continue;
                }
                if !all {
                    gave_up += 1;
                    last = last.max(Some(failed.sent));
                }
                lost.add(failed.outcome, failed.sent < window.death);
            }
        }
        let last = last.filter(|last| *last >= window.death);
        let told = self.by_the_client != Some(Told::Nothing);
        let every = matches!(self.by_the_client, None | Some(Told::Every));
        // Where nothing is answered the last attempt is the last that failed.
        let mute = window.fault.fails_all() || window.fault == Fault::Hang && window.over.is_none();
        let ends = mute && last.is_some();
        let out = window.detected.is_some() || window.began == Began::OutOfUse;
        let known = every && (window.said && out || ends);
        let polled = window.detected_by == Some(Detector::Poll);
        let report = WindowReport {
            router: router.to_owned(),
            fault: window.fault,
            stamp: window.stamp,
            death: window.death,
            began: window.began,
            t_detect: window.detected.map(|at| at.since(window.death)),
            detected_by: window.detected_by,
            predicted: window.predicted.filter(|_| polled),
            over: window.over.is_some(),
            until: window.until.map(|(_, fault)| fault),
            removed: window.removed,
            open_for: None,
            attempted: match (last, known) {
                (Some(_), _) => Some(true),
                (None, true) => Some(false),
                (None, false) => None,
            },
            t_stop: match last {
                Some(last) if known => Some(last.since(window.death)),
                None if known && window.began != Began::OutOfUse => Some(Duration::ZERO),
                _ => None,
            },
            told,
            lost,
            gave_up,
            saved: if retries { saved.len() as u64 } else { 0 },
            causes,
            reckoned,
        };
        Counted {
            report,
            requests,
            pending,
            read,
        }
    }
}

/// What was counted for a window.
struct Counted {
    report: WindowReport,
    /// Those that are lost because of it.
    requests: BTreeSet<u64>,
    pending: Pending,
    /// Entries that were looked at.
    read: usize,
}

/// As of a window that is closed: what starts after its fault is over is not its, nor what fails after another one that
/// ended it.
fn belongs(attempt: &FailedAttempt, router: &str, window: &Window) -> bool {
    let begun = window.removed || window.over.is_none_or(|over| attempt.started <= over);
    let before = |(upon, _): (Timestamp, _)| attempt.at < upon;
    attempt.router == router && attempt.at >= window.earliest() && begun && window.until.is_none_or(before)
}
