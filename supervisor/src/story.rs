//! PURE: the lab told as it happens. Records go in with `now`, lines for people come out.
//!
//! A death is told when its reason is known, each failed check as it comes, Down beside what the phase of the checks
//! predicted, and the window once the balancer has nothing in flight at the router any more. What was found out on the
//! way stays in [`Story::reports`], [`Story::mistakes`] and [`Story::readmissions`].

mod beliefs;
mod checks;
mod faults;
mod forwarding;
mod joins;
mod late;
mod mistakes;
mod opening;
mod pending;
mod prediction;
mod rest;
mod standing;
mod truth;
mod window;
mod words;

pub use mistakes::Mistake;
pub use rest::LostWhere;
pub use truth::{Condition, TRUTHS, subject};
pub use window::{Began, Lost, RECKONED, WindowReport};

use joins::{FailedAttempt, Joins};
use late::{Closed, Ended};
use rest::Rest;
use router::clock::Timestamp;
use router::record::{Event, Fault, Outcome, ProbeResult, Record};
use standing::{CHECKS, Check, Router};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use window::Window;

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it happened; not always in order, since some things are known later than others.
    pub at: Timestamp,
    pub tone: Tone,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Bad,
    Warning,
    Good,
}

/// The teller.
pub struct Story {
    settings: lb_sim::core::Settings,
    routers: BTreeMap<String, Router>,
    joins: Joins,
    rest: Rest,
    /// A real load balancer stands in lb-sim's place.
    real: bool,
    denied: forwarding::Denied,
    /// Balancer, load or app, ended and not ready again yet.
    gone: BTreeSet<String>,
    /// Routers of which the balancer has said nothing since it, or they, were there.
    unspoken: BTreeSet<String>,
    /// What each window so far has cost, in order of their ends.
    pub reports: Vec<WindowReport>,
    /// Places of reports each time that one has changed, and those that may still.
    pub grown: Vec<usize>,
    closed: VecDeque<Closed>,
    pub mistakes: Vec<Mistake>,
    pub readmissions: Vec<Readmission>,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

/// A router serves again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readmission {
    pub router: String,
    /// What it had gone by.
    pub fault: Fault,
    pub t_readmit: Duration,
}

/// The exit record follows a death at once; longer than this nobody should wait for the reason.
const REASON: Duration = Duration::from_millis(150);
/// The client's view of a failed request, and the reaping of a killed router, arrive after the balancer's view.
const SETTLE: Duration = Duration::from_millis(200);

impl Story {
    pub fn new(settings: lb_sim::core::Settings, routers: u32) -> Story {
        let router = |n| (format!("router-{n}"), Router::serving());
        let routers: BTreeMap<_, _> = (1..=routers).map(router).collect();
        Story {
            settings,
            unspoken: routers.keys().cloned().collect(),
            routers,
            joins: Joins::default(),
            rest: Rest::default(),
            real: false,
            denied: forwarding::Denied::default(),
            gone: BTreeSet::new(),
            reports: Vec::new(),
            grown: Vec::new(),
            closed: VecDeque::new(),
            mistakes: Vec::new(),
            readmissions: Vec::new(),
            by_outcome: BTreeMap::new(),
        }
    }

    /// The balancer's, as it said them last.
    pub fn settings(&self) -> &lb_sim::core::Settings {
        &self.settings
    }

    /// When to call [`Story::on_deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let routers = self.routers.values().filter_map(Router::next_deadline);
        routers.chain(self.closed.iter().filter_map(Closed::due)).min()
    }

    /// What can be said now because nothing more is expected.
    pub fn on_deadline(&mut self, now: Timestamp) -> Vec<Line> {
        let mut lines = Vec::new();
        let names: Vec<String> = self.routers.keys().cloned().collect();
        for name in names {
            let due = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
            if self.window(&name).is_some_and(|window| due(window.reason_due)) {
                lines.extend(self.tell_death(&name, None));
            }
            if self.window(&name).is_some_and(|window| due(window.report_due)) {
                let over = self.window(&name).and_then(|window| window.over);
                lines.extend(self.close(&name, now));
                lines.extend(self.goes_on(&name, over));
            }
            lines.extend(self.judge(&name, now));
        }
        lines.extend(self.tell_late(now));
        lines
    }

    /// The lab ended at `at`: windows that are still open are closed as they are, and say so.
    pub fn finish(&mut self, at: Timestamp) {
        let names: Vec<String> = self.routers.keys().cloned().collect();
        for name in names {
            let open = self.window(&name).filter(|window| window.is_open());
            let so_far = open.map(|window| at.since(window.death));
            self.close(&name, at);
            if let (Some(so_far), Some(report)) = (so_far, self.reports.last_mut()) {
                report.open_for = Some(so_far);
            }
        }
    }

    /// Takes what arrives while the lab stops: it completes figures, but is no story.
    pub fn join(&mut self, record: &Record) {
        if matches!(
            record.event,
            Event::Attempt { .. } | Event::Outcome { .. } | Event::Unrouted { .. }
        ) {
            self.on_record(record.at, record);
        }
    }

    /// `reset 370, eof 2`: what clients got instead of an answer.
    pub fn outcomes_words(&self) -> String {
        words::counts(&self.by_outcome)
    }

    pub fn on_record(&mut self, now: Timestamp, record: &Record) -> Vec<Line> {
        let at = record.at;
        if let Some(router) = subject(record).and_then(|name| self.routers.get_mut(name)) {
            router.condition.on_record(record);
        }
        match &record.event {
            Event::Fault { .. }
            | Event::Drain { .. }
            | Event::Death { .. }
            | Event::Exited { .. }
            | Event::RestartDue { .. }
            | Event::GaveUp { .. }
            | Event::Ready { .. }
            | Event::Resumed { .. }
            | Event::Healed { .. }
            | Event::Paused { .. } => self.on_fate(now, record),
            Event::Probe {
                router,
                started_ns,
                result,
                failures,
                fall,
                successes,
                rise,
                status,
                ..
            } => {
                let count = if *result == ProbeResult::Ok {
                    (*successes, *rise)
                } else {
                    (*failures, *fall)
                };
                self.on_probe(at, now, router, *started_ns, *result, *status, count)
            }
            Event::Belief {
                router,
                to,
                reason,
                by,
                until_ns,
                ..
            } => {
                let why = beliefs::Why {
                    reason,
                    by: *by,
                    until: *until_ns,
                };
                self.on_belief(at, now, router, *to, why)
            }
            Event::Attempt {
                request,
                router,
                started_ns,
                cause,
                port,
                reckoned,
                ..
            } => {
                self.on_attempt(
                    now,
                    FailedAttempt {
                        at,
                        request: *request,
                        port: *port,
                        router: router.clone(),
                        started: *started_ns,
                        cause: *cause,
                        reckoned: *reckoned,
                    },
                );
                Vec::new()
            }
            Event::Outcome {
                request,
                outcome,
                port,
                intended_ns,
                sent_ns,
                ..
            } => {
                *self.by_outcome.entry(*outcome).or_default() += 1;
                let sent = sent_ns.unwrap_or(*intended_ns);
                self.forget();
                self.joins.outcome(*request, *port, *outcome, (sent, at));
                self.late_outcome(now, Ended::new(*request, *port, *outcome, (sent, at)));
                Vec::new()
            }
            Event::Quiet {
                router,
                last_attempt_ns,
            } => {
                if let Some(window) = self.window(router) {
                    window.is_quiet(*last_attempt_ns, now + SETTLE);
                }
                Vec::new()
            }
            Event::Readmitted { router, started_ns } => self.on_readmitted(at, router, *started_ns),
            Event::Settings { settings } => self.on_settings(at, &record.from, settings),
            Event::Forwarded {
                over_budget,
                over_breaker,
                ..
            } => self.on_denied(at, *over_budget, *over_breaker),
            Event::Spawned { name, .. } => {
                if name == "lb" {
                    self.denied = forwarding::Denied::default(); // its totals begin anew
                    self.begin_anew();
                }
                Vec::new()
            }
            Event::Scaled { before, routers } => {
                let plural = if *routers == 1 { "" } else { "s" };
                let text = format!("{routers} router{plural} now, {before} before");
                Line::one(at, Tone::Plain, text)
            }
            Event::Unrouted { request } => {
                self.on_unrouted(*request);
                Vec::new()
            }
            Event::Member { router, present } => self.on_member(at, now, router, *present),
            Event::Dropped { count } => {
                let from = &record.from;
                let text = format!("{count} records of {from} were lost: figures may be too small");
                Line::one(at, Tone::Warning, text)
            }
            Event::Note { text } => Line::one(at, Tone::Warning, text.clone()),
            Event::Engine {
                attempts,
                every_attempt,
                ..
            } => {
                self.real = true;
                self.joins.by_the_client(*attempts, *every_attempt);
                Vec::new()
            }
            Event::CheckSeen { status } => {
                if self.real {
                    self.on_check_seen(at, now, &record.from, *status);
                }
                Vec::new()
            }
            Event::Crash { .. }
            | Event::SentinelCheck { .. }
            | Event::Tick { .. }
            | Event::Latencies { .. }
            | Event::Unknown => Vec::new(),
        }
    }

    /// Routers with a window that is not over yet.
    pub fn open_windows(&self) -> impl Iterator<Item = &str> {
        let open = self.routers.iter().filter(|(_, router)| router.window.is_some());
        open.map(|(name, _)| name.as_str())
    }

    /// What the open window of a router has cost so far, and how many entries had to be read to know it. Its prediction
    /// stands there before the detection does.
    pub fn so_far(&self, name: &str) -> Option<(WindowReport, usize)> {
        let router = self.routers.get(name)?;
        let window = router.window.as_ref()?;
        let (mut report, read) = self
            .joins
            .so_far(name, window, self.retries(), &self.rest.nowhere);
        if window.detected.is_none() {
            report.predicted = prediction::predict(&self.settings.check, router).ok();
        }
        Some((report, read))
    }

    /// The window is over: what it cost.
    fn close(&mut self, name: &str, now: Timestamp) -> Vec<Line> {
        let Some(window) = self.routers.get_mut(name).and_then(|router| router.window.take()) else {
            return Vec::new();
        };
        let (report, pending) = self
            .joins
            .report(name, &window, self.retries(), &self.rest.nowhere);
        let (tone, text) = (report.tone(), format!("{name} {report}"));
        self.reports.push(report);
        self.keep(window, pending, now);
        Line::one(now, tone, text)
    }

    fn window(&mut self, name: &str) -> Option<&mut Window> {
        self.routers.get_mut(name)?.window.as_mut()
    }
}

impl Line {
    fn one(at: Timestamp, tone: Tone, text: String) -> Vec<Line> {
        vec![Line { at, tone, text }]
    }
}

#[cfg(test)]
mod tests;
