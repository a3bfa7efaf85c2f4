//! PURE: the `resetlab.summary.v1` document: what a session of `up` measured. `up --json` ends with it, and it is the
//! session's `summary.json`.
//!
//! Its figures are those of the [`Story`] that page and terminal told, so that all of them agree. What a reader may lack,
//! because it was not observed or the program that wrote it was older, is `null`.

use super::changes::Change;
use crate::experiment::healthy::Healthy;
use crate::experiment::setup::Setting;
use crate::experiment::summary::{Machine, Percentiles};
use crate::fleet::LoadTotals;
use crate::story::{Began, LostWhere, Story, WindowReport};
use router::clock::Timestamp;
use router::record::{Cause, Detector, Fault, Outcome, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

pub const SCHEMA: &str = "resetlab.summary.v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub schema: String,
    /// `false`: nobody ended it; made of its records.
    #[serde(default = "yes")]
    pub complete: bool,
    /// It still goes on.
    #[serde(skip)]
    pub running: bool,
    pub load: Load,
    #[serde(default)]
    pub crash_traffic: Option<CrashTraffic>,
    pub windows: Vec<Window>,
    #[serde(default)]
    pub mistakes: Vec<Mistake>,
    #[serde(default)]
    pub readmissions: Vec<Readmission>,
    #[serde(default)]
    pub records_lost: u64,
    #[serde(default)]
    pub killed_on_the_way_out: Vec<String>,
    #[serde(default)]
    pub left_running: Vec<String>,
    /// What was changed while it ran; the records tell.
    #[serde(skip)]
    pub changes: Vec<Change>,
    /// What the session was; `null`: by an older program.
    #[serde(default)]
    pub lab: Option<Lab>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Load {
    pub sent: u64,
    pub ok: u64,
    pub lost: u64,
    /// Neither answered nor lost when it ended: `sent` is all three.
    #[serde(default)]
    pub unfinished: u64,
    #[serde(default)]
    pub by_outcome: BTreeMap<Outcome, u64>,
    /// The same requests by where they were lost; `null`: by an older program.
    #[serde(default)]
    pub lost_where: Option<LostWhere>,
    /// Share of the error budget that they spent; `null`: no objective, no load, or a rate that is not known.
    #[serde(default)]
    pub budget_spent: Option<f64>,
    /// The worst of the ticks.
    #[serde(default)]
    pub late_p99_ms: Option<f64>,
    /// Of requests that ended `ok`: from their intended times,
    #[serde(default)]
    pub latency_ms: Option<Percentiles>,
    /// and from when they were sent.
    #[serde(default)]
    pub service_ms: Option<Percentiles>,
    /// Of those that healthy routers answered.
    #[serde(default)]
    pub healthy_ms: Option<Healthy>,
}

/// What was sent beside the load so that routers crash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrashTraffic {
    pub rate: f64,
    pub with: serde_json::Value,
    pub sent: u64,
}

/// What one window cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    pub router: String,
    pub fault: Fault,
    /// `taken_back`: it begins when the balancer used the router again although it could not serve.
    #[serde(default)]
    pub began: Began,
    pub stamp: Stamp,
    pub death_ns: Timestamp,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    pub t_stop_s: Option<f64>,
    /// An attempt was started there meanwhile; `null`: the balancer does not tell.
    #[serde(default)]
    pub attempted: Option<bool>,
    pub detected_by: Option<Detector>,
    pub saved_by_retry: Option<u64>,
    pub causes: Option<BTreeMap<Cause, u64>>,
    pub lost: Lost,
    /// The session ended in it: what it would have cost is not known,
    #[serde(default)]
    pub open: bool,
    /// The router was taken out of the fleet in it.
    #[serde(default)]
    pub removed: bool,
    /// Nobody had noticed it when this fault, which checks see, came upon it: that one has a window of its own.
    #[serde(default)]
    pub until: Option<Fault>,
    /// only that it had lasted so long; `null`: it was over.
    #[serde(default)]
    pub open_for_s: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub in_flight: u64,
    pub window: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    pub router: String,
    pub at_ns: Timestamp,
    pub by: Detector,
    pub lasted_s: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readmission {
    pub router: String,
    pub fault: Fault,
    pub t_readmit_s: f64,
}

/// What stayed the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lab {
    pub name: String,
    pub engine: String,
    pub engine_version: Option<String>,
    /// Of resetlab.
    pub version: String,
    pub command: String,
    pub machine: Option<Machine>,
    /// By the wall clock, and by that of the records.
    pub started_wall: Option<String>,
    pub serving_since_ns: Timestamp,
    pub duration_s: f64,
    /// At its beginning; requests a second of the load, the share of them that is to succeed.
    pub routers: Option<u32>,
    pub rate: Option<f64>,
    pub arrivals: Option<String>,
    pub slo: Option<f64>,
    /// Every setting it began with, and who said so.
    #[serde(default)]
    pub settings: Vec<Setting>,
    /// The balancer's settings at the end.
    #[serde(default)]
    pub balancer: BTreeMap<String, String>,
}

impl Session {
    /// `late_ns` is the worst lateness of a tick.
    pub fn of(story: &Story, load: LoadTotals, late_ns: u64) -> Session {
        let LoadTotals { sent, ok, lost } = load;
        let mut lost_where = story.lost_where();
        // The load has counted more than it could tell of.
        lost_where.not_known += lost.saturating_sub(lost_where.total());
        let seconds = |time: Duration| time.as_secs_f64();
        let mistakes = story.mistakes.iter().map(|mistake| Mistake {
            router: mistake.router.clone(),
            at_ns: mistake.at,
            by: mistake.by,
            lasted_s: mistake.lasted.map(seconds),
        });
        let readmissions = story.readmissions.iter().map(|back| Readmission {
            router: back.router.clone(),
            fault: back.fault,
            t_readmit_s: seconds(back.t_readmit),
        });
        Session {
            schema: SCHEMA.to_owned(),
            complete: true,
            running: false,
            load: Load {
                sent,
                ok,
                lost,
                unfinished: sent.saturating_sub(ok.saturating_add(lost)),
                lost_where: Some(lost_where),
                budget_spent: None,
                by_outcome: story.by_outcome.clone(),
                late_p99_ms: Some(late_ns as f64 / 1e6),
                latency_ms: None,
                service_ms: None,
                healthy_ms: None,
            },
            crash_traffic: None,
            windows: story.reports.iter().map(Window::of).collect(),
            mistakes: mistakes.collect(),
            readmissions: readmissions.collect(),
            records_lost: 0,
            killed_on_the_way_out: Vec::new(),
            left_running: Vec::new(),
            changes: Vec::new(),
            lab: None,
        }
    }

    /// Windows that the session ended in.
    pub fn open(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter().filter(|window| window.open)
    }

    /// Of the requests that ended.
    pub fn success(&self) -> Option<f64> {
        let ended = self.load.ok.saturating_add(self.load.lost);
        (ended > 0).then(|| self.load.ok as f64 / ended as f64)
    }
}

impl Window {
    fn of(report: &WindowReport) -> Window {
        let seconds = |time: Duration| time.as_secs_f64();
        Window {
            router: report.router.clone(),
            fault: report.fault,
            began: report.began,
            stamp: report.stamp,
            death_ns: report.death,
            t_detect_s: report.t_detect.map(seconds),
            predicted_t_detect_s: report.predicted.map(seconds),
            t_stop_s: report.t_stop.map(seconds),
            attempted: report.attempted,
            detected_by: report.detected_by,
            saved_by_retry: report.told.then_some(report.saved),
            causes: report.told.then(|| report.causes.clone()),
            lost: Lost {
                in_flight: report.lost.in_flight,
                window: report.lost.window,
                by_outcome: report.lost.by_outcome.clone(),
            },
            open: report.open_for.is_some(),
            removed: report.removed,
            until: report.until,
            open_for_s: report.open_for.map(seconds),
        }
    }

    pub fn lost(&self) -> u64 {
        self.lost.in_flight.saturating_add(self.lost.window)
    }
}

fn yes() -> bool {
    true
}
