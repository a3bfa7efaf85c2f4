//! PURE: what belongs to a window that was told already. A client may wait for ten seconds more than its balancer, and a
//! busy machine may deliver a record late: the window's figures grow, and that is told once for all that came together.

use super::joins::FailedAttempt;
use super::pending::Pending;
use super::window::{Window, keeps_waiting};
use super::words::requests;
use super::{Line, SETTLE, Story, Tone};
use router::clock::Timestamp;
use router::record::{Cause, Outcome};
use std::time::Duration;

/// A window that was told.
pub(super) struct Closed {
    /// Its place in [`Story::reports`].
    place: usize,
    window: Window,
    /// What starts later is not its.
    until: Timestamp,
    pending: Pending,
    /// Lost requests that have not been told, and when they are.
    untold: u64,
    due: Option<Timestamp>,
}

/// So many windows may still grow, the latest.
const KEPT: usize = 64;

/// A request that ended otherwise than `ok`.
#[derive(Clone, Copy)]
pub(super) struct Ended {
    pub request: u64,
    pub port: Option<u16>,
    pub outcome: Outcome,
    pub sent: Timestamp,
    pub at: Timestamp,
}

impl Ended {
    pub fn new(
        request: u64,
        port: Option<u16>,
        outcome: Outcome,
        (sent, at): (Timestamp, Timestamp),
    ) -> Ended {
        Ended {
            request,
            port,
            outcome,
            sent,
            at,
        }
    }
}

impl Closed {
    pub fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// What started and failed then is its. What fails after another fault came upon its own is that one's.
    fn spans(&self, started: Timestamp, failed: Timestamp) -> bool {
        let before = |(upon, _): (Timestamp, _)| failed < upon;
        failed >= self.window.earliest() && started <= self.until && self.window.until.is_none_or(before)
    }

    fn tells_at(&mut self, now: Timestamp) {
        self.untold += 1;
        self.due.get_or_insert(now + SETTLE);
    }
}

impl Story {
    /// The last report is of `window`, which was closed at `at`.
    pub(super) fn keep(&mut self, window: Window, pending: Pending, at: Timestamp) {
        if self.closed.len() == KEPT {
            self.closed.pop_front();
        }
        self.closed.push_back(Closed {
            place: self.reports.len() - 1,
            until: window.over.unwrap_or(at),
            window,
            pending,
            untold: 0,
            due: None,
        });
    }

    pub(super) fn on_attempt(&mut self, now: Timestamp, attempt: FailedAttempt) {
        if !self.late_attempt(now, &attempt) {
            self.joins.attempt(attempt);
        }
    }

    /// Takes an attempt that belongs to a window which was told; `false`: it does not.
    fn late_attempt(&mut self, now: Timestamp, attempt: &FailedAttempt) -> bool {
        let (retries, real) = (self.retries(), self.joins.is_by_the_client());
        let open = self
            .routers
            .get(&attempt.router)
            .and_then(|router| router.window.as_ref());
        if attempt.cause == Cause::ClientGone || open.is_some_and(|open| open.death <= attempt.started) {
            return false;
        }
        let reports = &self.reports;
        let its = |closed: &&mut Closed| {
            reports[closed.place].router == attempt.router && closed.spans(attempt.started, attempt.at)
        };
        let Some(closed) = self.closed.iter_mut().find(its) else {
            return false;
        };
        let report = &mut self.reports[closed.place];
        *report.causes.entry(attempt.cause).or_default() += 1;
        report.reckoned += u64::from(attempt.reckoned);
        report.attempted_at(attempt.started);
        let in_flight = attempt.started < closed.window.death;
        match self.joins.take(attempt) {
            Some(_) if real => {}
            Some(outcome) => {
                report.lost.add(outcome, in_flight);
                closed.tells_at(now);
            }
            None => {
                let new = closed.pending.add(attempt, in_flight);
                report.saved += u64::from(new && retries);
            }
        }
        self.grown.push(closed.place);
        true
    }

    /// Counts a lost request for a window that was told, if it is one of its.
    pub(super) fn late_outcome(&mut self, now: Timestamp, ended: Ended) {
        if self.closed.is_empty() {
            return;
        }
        let retries = self.retries();
        let real = self.joins.is_by_the_client();
        let refused = self
            .joins
            .is_refused(ended.request, ended.sent, &self.rest.nowhere);
        // By time alone an open window has the better claim.
        let claimed = self
            .routers
            .values()
            .filter_map(|router| router.window.as_ref())
            .any(|window| ended.at >= window.earliest() && window.over.is_none_or(|over| ended.sent <= over));
        let by_time = |closed: &Closed| !claimed && closed.spans(ended.sent, ended.at);
        for closed in &mut self.closed {
            let report = &mut self.reports[closed.place];
            let silent = keeps_waiting(closed.window.fault);
            let pending = (!real).then(|| closed.pending.take(&ended)).flatten();
            let in_flight = match pending {
                Some(in_flight) => {
                    report.saved = report.saved.saturating_sub(u64::from(retries));
                    in_flight
                }
                None if real && !refused && by_time(closed) => ended.sent < closed.window.death,
                None if silent
                    && !real
                    && ended.outcome == Outcome::Timeout
                    && by_time(closed)
                    && !self.joins.has_attempt(ended.request) =>
                {
                    report.gave_up += 1;
                    report.attempted_at(ended.sent);
                    ended.sent < closed.window.death
                }
                None => continue,
            };
            report.lost.add(ended.outcome, in_flight);
            closed.tells_at(now);
            self.joins.counted(ended.request);
            self.grown.push(closed.place);
            return;
        }
    }

    /// What windows have cost since they were told.
    pub(super) fn tell_late(&mut self, now: Timestamp) -> Vec<Line> {
        let mut lines = Vec::new();
        for closed in &mut self.closed {
            if closed.due.is_none_or(|due| due > now) {
                continue;
            }
            closed.due = None;
            let more = std::mem::take(&mut closed.untold);
            let report = &self.reports[closed.place];
            let text = format!(
                "{} has cost {} more, which ended late: its window lost {} in all",
                report.router,
                requests(more),
                report.lost.total()
            );
            lines.extend(Line::one(now, Tone::Bad, text));
        }
        lines
    }
}

impl super::WindowReport {
    /// An attempt there started then.
    fn attempted_at(&mut self, started: Timestamp) {
        if started < self.death {
            return;
        }
        let after: Duration = started.since(self.death);
        // What was said to have been none, or the last, was not: this was.
        if self.t_stop.is_some() || self.attempted == Some(false) {
            self.t_stop = self.t_stop.max(Some(after));
        }
        self.attempted = Some(true);
    }
}
