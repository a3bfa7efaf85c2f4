//! PURE: the lab as Prometheus sees it. Records and what the story found out go in, a page of text comes out.
//!
//! A series exists from the start, at zero, as far as its labels are known then: the first increment would be
//! invisible to `rate` otherwise. Labels are routers and words of the records, never anything that grows with traffic.

mod counts;
mod figures;
mod histogram;
mod page;

use crate::story::{self, Story};
use counts::{Counts, Total};
use figures::Figures;
use histogram::Histogram;
use lb_sim::core::Settings;
use router::record::{Event, Fault, Record, Stamp};
use std::collections::BTreeMap;

pub use page::CONTENT_TYPE;

/// What a lab has counted so far.
#[derive(Clone, Debug)]
pub struct Metrics {
    settings: Settings,
    routers: BTreeMap<String, Figures>,
    /// By outcome, `ok` excepted.
    failed: Counts,
    sent: Total,
    ok: Total,
    requests: Total,
    attempts: Total,
    retries: Total,
    over_budget: Total,
    over_breaker: Total,
    unrouted: u64,
    /// The load's latest tick.
    load: Option<Load>,
    /// By process.
    dropped: Counts,
    /// Of the app, the balancer and the load: by process and reason.
    exits: BTreeMap<(String, &'static str), u64>,
    /// By fault.
    faults: BTreeMap<String, Windows>,
    /// How much of the story is in here.
    told: (usize, usize, usize),
}

/// What windows of one fault took and cost.
#[derive(Clone, Debug)]
struct Windows {
    /// Windows by who noticed.
    noticed: Counts,
    t_detect: Histogram,
    t_stop: Histogram,
    t_readmit: Histogram,
    in_flight: u64,
    window: u64,
    saved: u64,
}

/// How punctual the load is, and what it sees; seconds.
#[derive(Clone, Copy, Debug)]
struct Load {
    late_p99: f64,
    late_max: f64,
    p50: f64,
    p99: f64,
}

/// Who can notice a window. `out_before`: the router was out of use already when it went.
const NOTICED: [&str; 6] = ["nobody", "notice", "out_before", "passive", "poll", "sentinel"];

impl Default for Windows {
    fn default() -> Windows {
        Windows {
            noticed: Counts::of(&NOTICED),
            t_detect: Histogram::default(),
            t_stop: Histogram::default(),
            t_readmit: Histogram::default(),
            in_flight: 0,
            window: 0,
            saved: 0,
        }
    }
}

impl Metrics {
    /// Of a lab that has just come up with router-1 … router-`routers`.
    pub fn new(settings: Settings, routers: u32) -> Metrics {
        Metrics {
            settings,
            routers: (1..=routers)
                .map(|n| (format!("router-{n}"), Figures::serving()))
                .collect(),
            failed: Counts::of(&counts::FAILURES),
            sent: Total::default(),
            ok: Total::default(),
            requests: Total::default(),
            attempts: Total::default(),
            retries: Total::default(),
            over_budget: Total::default(),
            over_breaker: Total::default(),
            unrouted: 0,
            load: None,
            dropped: Counts::default(),
            exits: BTreeMap::new(),
            faults: BTreeMap::new(),
            told: (0, 0, 0),
        }
    }

    pub fn on_record(&mut self, record: &Record) {
        if let Event::Member {
            router,
            present: true,
        } = &record.event
        {
            self.routers.entry(router.clone()).or_default();
        }
        if let Some(router) = figures::about(record).and_then(|name| self.routers.get_mut(name)) {
            router.on_record(record);
        }
        match &record.event {
            Event::Outcome { outcome, .. } => self.failed.add(outcome, 1),
            Event::Tick {
                sent,
                ok,
                late_p99_ns,
                late_max_ns,
                p50_ns,
                p99_ns,
                ..
            } => {
                self.sent.now = *sent;
                self.ok.now = *ok;
                let seconds = |ns: &u64| *ns as f64 / 1e9;
                self.load = Some(Load {
                    late_p99: seconds(late_p99_ns),
                    late_max: seconds(late_max_ns),
                    p50: seconds(p50_ns),
                    p99: seconds(p99_ns),
                });
            }
            Event::Forwarded {
                requests,
                attempts,
                retries,
                over_budget,
                over_breaker,
            } => {
                self.requests.now = *requests;
                self.attempts.now = *attempts;
                self.retries.now = *retries;
                self.over_budget.now = *over_budget;
                self.over_breaker.now = *over_breaker;
            }
            Event::Unrouted { .. } => self.unrouted += 1,
            Event::Dropped { count } => self.dropped.add(&record.from, *count),
            Event::Settings { settings } if record.from == "lb" => {
                // What a newer balancer knows beyond our words is not ours to tell.
                let _ = settings
                    .as_object()
                    .map(|settings| self.settings.set_json(settings));
            }
            Event::Spawned { name, .. } => match name.as_str() {
                "load" => {
                    self.sent.begin_anew();
                    self.ok.begin_anew();
                }
                "lb" => self.on_new_balancer(),
                _ => {}
            },
            Event::Exited {
                name, code, signal, ..
            } if !self.routers.contains_key(name) => {
                let reason = figures::reason(*code, *signal, false);
                *self.exits.entry((name.clone(), reason)).or_default() += 1;
            }
            Event::Fault { fault, .. } => {
                self.faults.entry(counts::word(fault)).or_default();
            }
            Event::Death {
                stamp: Stamp::Exit, ..
            } => {
                // By somebody else's hand, there was no fault record.
                self.faults.entry(counts::word(&Fault::Kill)).or_default();
            }
            _ => {}
        }
    }

    /// Takes what the story has found out since the last time: windows, mistakes, readmissions.
    pub fn on_story(&mut self, story: &Story) {
        let (windows, mistakes, readmissions) = self.told;
        for report in &story.reports[windows..] {
            self.on_window(report);
        }
        for mistake in &story.mistakes[mistakes..] {
            if let Some(router) = self.routers.get_mut(&mistake.router) {
                router.mistakes.add(&mistake.by, 1);
            }
        }
        for readmission in &story.readmissions[readmissions..] {
            let fault = self.faults.entry(counts::word(&readmission.fault)).or_default();
            fault.t_readmit.observe(readmission.t_readmit);
        }
        self.told = (
            story.reports.len(),
            story.mistakes.len(),
            story.readmissions.len(),
        );
    }

    /// The page, in the text format of Prometheus.
    pub fn text(&self) -> String {
        page::text(self)
    }

    fn on_window(&mut self, report: &story::WindowReport) {
        let noticed = match (report.t_detect, &report.detected_by) {
            (None, _) if report.began == story::Began::OutOfUse => "out_before".to_owned(),
            (None, _) | (_, None) => "nobody".to_owned(),
            (Some(_), Some(by)) => counts::word(by),
        };
        let fault = self.faults.entry(counts::word(&report.fault)).or_default();
        fault.noticed.add(&noticed, 1);
        if let Some(t_detect) = report.t_detect {
            fault.t_detect.observe(t_detect);
        }
        if let Some(t_stop) = report.t_stop {
            fault.t_stop.observe(t_stop);
        }
        fault.in_flight += report.lost.in_flight;
        fault.window += report.lost.window;
        fault.saved += report.saved;
    }

    /// Its totals and beliefs begin anew.
    fn on_new_balancer(&mut self) {
        for total in [
            &mut self.requests,
            &mut self.attempts,
            &mut self.retries,
            &mut self.over_budget,
            &mut self.over_breaker,
        ] {
            total.begin_anew();
        }
        for router in self.routers.values_mut() {
            router.on_new_balancer();
        }
    }
}

#[cfg(test)]
mod tests;
