//! PURE: the lab told as it happens. Records go in with `now`, lines for people come out.
//!
//! A death is told when its reason is known, each failed check as it comes, Down beside what the phase of the checks
//! predicted, and the window once the balancer has nothing in flight at the router any more.

mod checks;
mod faults;
mod window;
mod words;

pub use window::{Lost, WindowReport};

use router::clock::Timestamp;
use router::record::{Event, Fault, Outcome, ProbeResult, Record, Stamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use window::{Joins, Window};
use words::seconds;

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
    /// Balancer, load or app, ended and not ready again yet.
    gone: BTreeSet<String>,
    /// What each window so far has cost, in order of their deaths.
    pub reports: Vec<WindowReport>,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

/// What is known of one router.
#[derive(Default)]
struct Router {
    checks: VecDeque<Check>,
    believed_up: bool,
    /// Believed Down, and no request served since.
    was_down: bool,
    window: Option<Window>,
    /// The fault that this life will die of.
    killer: Option<(u32, Fault)>,
    ready: Option<Timestamp>,
}

/// A health check that ended.
struct Check {
    started: Timestamp,
    ended: Timestamp,
    /// Failures in a row with this one.
    failures: u32,
}

/// The exit record follows a death at once; longer than this nobody should wait for the reason.
const REASON: Duration = Duration::from_millis(150);
/// The client's view of a failed request arrives after the balancer's.
const SETTLE: Duration = Duration::from_millis(200);
const CHECKS: usize = 16;

impl Story {
    pub fn new(settings: lb_sim::core::Settings, routers: u32) -> Story {
        let router = |n| {
            (
                format!("router-{n}"),
                Router {
                    believed_up: true,
                    ..Router::default()
                },
            )
        };
        Story {
            settings,
            routers: (1..=routers).map(router).collect(),
            joins: Joins::default(),
            gone: BTreeSet::new(),
            reports: Vec::new(),
            by_outcome: BTreeMap::new(),
        }
    }

    /// When to call [`Story::on_deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.routers
            .values()
            .filter_map(|router| router.window.as_ref()?.next_deadline())
            .min()
    }

    /// What can be said now because nothing more is expected.
    pub fn on_deadline(&mut self, now: Timestamp) -> Vec<Line> {
        let mut lines = Vec::new();
        let names: Vec<String> = self.routers.keys().cloned().collect();
        for name in names {
            let Some(window) = self.window(&name) else {
                continue;
            };
            if window.reason_due.is_some_and(|due| due <= now) {
                lines.extend(self.tell_death(&name, None));
            }
            if self
                .window(&name)
                .is_some_and(|window| window.report_due.is_some_and(|due| due <= now))
            {
                lines.extend(self.close(&name, now));
            }
        }
        lines
    }

    /// The lab ends: windows that are still open are closed as they are.
    pub fn finish(&mut self, now: Timestamp) {
        let names: Vec<String> = self.routers.keys().cloned().collect();
        for name in names {
            self.close(&name, now);
        }
    }

    /// Takes what arrives while the lab stops: it completes figures, but is no story.
    pub fn join(&mut self, record: &Record) {
        if matches!(record.event, Event::Attempt { .. } | Event::Outcome { .. }) {
            self.on_record(record.at, record);
        }
    }

    /// `reset 370, eof 2`: what clients got instead of an answer.
    pub fn outcomes_words(&self) -> String {
        words::counts(&self.by_outcome)
    }

    pub fn on_record(&mut self, now: Timestamp, record: &Record) -> Vec<Line> {
        let at = record.at;
        let line = |tone, text: String| vec![Line { at, tone, text }];
        match &record.event {
            Event::Fault {
                router,
                incarnation,
                fault,
                detail,
            } => self.on_fault(at, now, router, *incarnation, *fault, detail.as_deref()),
            Event::Death {
                router,
                incarnation,
                stamp,
            } => self.on_death(at, now, router, *incarnation, *stamp),
            Event::Exited { name, words, .. } => {
                if self
                    .window(name)
                    .is_some_and(|window| window.reason_due.is_some())
                {
                    self.tell_death(name, Some(words))
                } else if self.routers.contains_key(name) {
                    Vec::new()
                } else {
                    self.gone.insert(name.clone());
                    line(Tone::Bad, format!("{name} is gone: {words}"))
                }
            }
            Event::RestartDue { name, due_ns } => {
                let delay = due_ns.since(at);
                line(
                    Tone::Plain,
                    format!("{name} will be restarted in {}", seconds(delay)),
                )
            }
            Event::Ready { .. } => self.on_ready(at, &record.from, "is ready again"),
            Event::Resumed { router, .. } => self.on_ready(at, router, "runs again"),
            Event::Healed { router, .. } => self.on_ready(at, router, "is healed"),
            Event::Drain { stage, in_flight } => self.on_drain(at, &record.from, *stage, *in_flight),
            Event::Paused {
                router, started_ns, ..
            } => {
                let stood = seconds(at.since(*started_ns));
                line(
                    Tone::Plain,
                    format!("{router} stood still for {stood}; it was not dead"),
                )
            }
            Event::Scaled { before, routers } => {
                let mut lines = self.part(now, *routers, *before);
                let text = format!("{}, {before} before", words::routers(*routers));
                let tone = Tone::Plain;
                lines.push(Line { at, tone, text });
                lines
            }
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
                router, to, reason, ..
            } => self.on_belief(at, router, *to, reason),
            Event::Attempt {
                request,
                router,
                started_ns,
                cause,
                ..
            } => {
                self.joins.attempt(at, *request, router, *started_ns, *cause);
                Vec::new()
            }
            Event::Outcome {
                request,
                intended_ns,
                outcome,
                ..
            } => {
                *self.by_outcome.entry(*outcome).or_default() += 1;
                self.joins.outcome(*request, *intended_ns, *outcome);
                Vec::new()
            }
            Event::Quiet {
                router,
                last_attempt_ns,
            } => {
                if let Some(window) = self.window(router) {
                    window.last_attempt = *last_attempt_ns;
                    window.report_due = Some(now + SETTLE);
                }
                Vec::new()
            }
            Event::Readmitted { router, started_ns } => self.on_readmitted(at, router, *started_ns),
            Event::Settings { settings } => self.on_settings(at, &record.from, settings),
            Event::Dropped { count } => line(
                Tone::Warning,
                format!(
                    "{count} records of {} were lost: figures may be too small",
                    record.from
                ),
            ),
            Event::Note { text } => line(Tone::Warning, text.clone()),
            Event::GaveUp {
                name,
                deaths,
                within_s,
            } => line(
                Tone::Bad,
                format!(
                    "{name} GIVEN UP: it died {deaths} times within {within_s:.1} s and is not started again by itself; \
                     `resetlab logs {name}` says why, `resetlab restart {name}` tries once more"
                ),
            ),
            Event::Spawned { name, .. } => {
                self.meet(name);
                Vec::new()
            }
            Event::CheckSeen { .. }
            | Event::Crash { .. }
            | Event::SentinelCheck { .. }
            | Event::Forwarded { .. }
            | Event::Member { .. }
            | Event::Unrouted { .. }
            | Event::Tick { .. }
            | Event::Unknown => Vec::new(),
        }
    }

    fn on_death(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        incarnation: u32,
        stamp: Stamp,
    ) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        let told = router.killer.take().filter(|(life, _)| *life == incarnation);
        let fault = match (told, stamp) {
            (Some((_, fault)), _) => fault,
            (None, Stamp::Crash) => Fault::Crash,
            (None, Stamp::Signal | Stamp::Exit) => Fault::Kill,
        };
        let hung = router
            .window
            .take_if(|open| open.incarnation == incarnation && open.fault == Fault::Hang);
        // A hung router that is killed has been silent since it hung: one window.
        let mut window = hung.unwrap_or_else(|| Window::new(at, incarnation, fault, stamp));
        window.reason_due = Some(now + REASON);
        window.told_at = at;
        if !router.believed_up && window.detected.is_none() {
            // Down already: a second death, or one that was reaped after the last check had failed.
            window.detected = Some(at);
            window.report_due = Some(now + SETTLE);
        }
        router.window = Some(window);
        router.ready = None;
        Vec::new()
    }

    fn tell_death(&mut self, name: &str, words: Option<&str>) -> Vec<Line> {
        let Some(window) = self.window(name) else {
            return Vec::new();
        };
        window.reason_due = None;
        let (at, detected) = (window.told_at, window.detected.is_some());
        let why = words.map_or(String::new(), |words| format!(" ({words})"));
        let expectation = if detected {
            String::new()
        } else {
            self.expectation(name, at)
        };
        vec![Line {
            at,
            tone: Tone::Bad,
            text: format!("{name} DEAD{why}{expectation}"),
        }]
    }

    fn on_ready(&mut self, at: Timestamp, name: &str, how: &str) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            let text = format!("{name} {how}");
            let back = self.gone.remove(name);
            return if back {
                vec![Line {
                    at,
                    tone: Tone::Plain,
                    text,
                }]
            } else {
                Vec::new()
            };
        };
        let first = router.ready.is_none() && router.believed_up && router.window.is_none();
        router.ready = Some(at);
        let text = match &mut router.window {
            Some(window) => {
                window.over = Some(at);
                format!("{name} {how}, {} after it went", seconds(at.since(window.death)))
            }
            None if first => return Vec::new(),
            None => format!("{name} {how}; the balancer has to notice that, too"),
        };
        vec![Line {
            at,
            tone: Tone::Plain,
            text,
        }]
    }

    fn on_readmitted(&mut self, at: Timestamp, name: &str, started: Timestamp) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        if !std::mem::take(&mut router.was_down) {
            return Vec::new();
        }
        let after = router.ready.map_or(String::new(), |ready| {
            format!(
                ": first request {} after it was ready (t_readmit)",
                seconds(started.since(ready))
            )
        });
        vec![Line {
            at,
            tone: Tone::Good,
            text: format!("{name} UP{after}"),
        }]
    }

    /// The window is over: what it cost.
    fn close(&mut self, name: &str, now: Timestamp) -> Vec<Line> {
        let Some(window) = self.routers.get_mut(name).and_then(|router| router.window.take()) else {
            return Vec::new();
        };
        let report = self.joins.report(name, &window);
        let line = Line {
            at: now,
            tone: Tone::Bad,
            text: format!("{name} {report}"),
        };
        self.reports.push(report);
        vec![line]
    }

    fn window(&mut self, name: &str) -> Option<&mut Window> {
        self.routers.get_mut(name)?.window.as_mut()
    }
}

#[cfg(test)]
mod tests;
