//! PURE: what a lab measured, in its last lines.

use crate::budget::{Budget, DAYS};
use crate::control::LabFacts;
use crate::crash::CrashRate;
use crate::experiment::healthy::Answers;
use crate::experiment::setup::{self, Setting};
use crate::experiment::summary::{Machine, Percentiles};
use crate::fleet::StopReport;
use crate::page::traffic::{LATE_NS, LoadCount};
use crate::report::lab::session::{CrashTraffic, Lab, Load, Session};
use crate::settings::LabSettings;
use crate::story::Story;
use router::clock::Timestamp;
use router::record::{Event, Record};
use serde_json::Value;
use std::path::Path;

/// What the load did.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    count: LoadCount,
    answers: Answers,
    /// The worst 99th percentile of lateness of a tick, in nanoseconds.
    late_p99_ns: u64,
    /// What was sent beside the load, and how many requests that were.
    pub crash_traffic: Option<(CrashRate, u64)>,
}

/// What a lab was, when it has ended.
pub(super) struct Ended {
    pub facts: LabFacts,
    /// It began with these.
    pub settings: LabSettings,
    pub started_wall: String,
    pub serving_since: Timestamp,
    pub ended: Timestamp,
    /// The load's account of itself; `null`: it could not be had.
    pub load: Value,
}

impl Totals {
    pub fn new(settings: &LabSettings) -> Totals {
        let budget = Budget {
            slo: settings.slo,
            days: DAYS,
            rate: settings.rate,
        };
        Totals {
            count: LoadCount::new(budget),
            answers: Answers::default(),
            late_p99_ns: 0,
            crash_traffic: None,
        }
    }

    pub fn add(&mut self, record: &Record) {
        self.count.on_record(record);
        self.answers.on_record(record);
        if let Event::Tick { late_p99_ns, .. } = &record.event {
            self.late_p99_ns = self.late_p99_ns.max(*late_p99_ns);
        }
    }
}

pub(super) fn lines(
    story: &Story,
    totals: &Totals,
    report: &StopReport,
    session: &Session,
    page: Option<&Path>,
) -> Vec<String> {
    let Load {
        sent,
        ok,
        lost,
        unfinished,
        ..
    } = session.load;
    let outcomes = story.outcomes_words();
    let outcomes = if outcomes.is_empty() {
        outcomes
    } else {
        format!(" ({outcomes})")
    };
    let unfinished = match unfinished {
        0 => String::new(),
        n => format!(", {n} unfinished when the lab ended"),
    };
    let mut lines = vec![format!(
        "{sent} requests sent, {ok} ok, {lost} lost{outcomes}{unfinished}"
    )];
    lines.extend(totals.crash_traffic.map(|(rate, sent)| {
        format!(
            "  beside them {sent} requests that gorouter dies of ({rate}); their clients wanted no answer"
        )
    }));
    lines.extend(
        story
            .reports
            .iter()
            .map(|report| format!("  {}", report.summary())),
    );
    lines.extend(beside(session));
    lines.extend(mistakes(session));
    if totals.late_p99_ns > LATE_NS {
        lines.push(format!(
            "The load client was late (p99 up to {:.1} ms in a tick): the machine was too busy to trust the figures",
            totals.late_p99_ns as f64 / 1e6
        ));
    }
    if !report.forced.is_empty() {
        lines.push(format!(
            "did not stop when told and were killed: {}",
            report.forced.join(", ")
        ));
    }
    if report.journal.lost > 0 {
        let why = report.journal.error.as_deref().unwrap_or("unknown");
        lines.push(format!(
            "{} records could not be written: {why}",
            report.journal.lost
        ));
    }
    lines.extend(page.map(|page| format!("report   {}", page.display())));
    lines.push(match report.left.as_slice() {
        [] => "nothing left running".to_owned(),
        left => format!("STILL RUNNING: {}", left.join(", ")),
    });
    lines
}

/// What was lost beside the windows, where that was.
fn beside(session: &Session) -> Vec<String> {
    let lost = session.load.lost_where.unwrap_or_default();
    let places = lost.places().into_iter().skip(1).filter(|(_, lost)| *lost > 0);
    places
        .map(|(place, lost)| format!("  {place}: lost {lost}"))
        .collect()
}

/// Routers taken out of use while they were up.
fn mistakes(session: &Session) -> Option<String> {
    let n = session.mistakes.len();
    let plural = if n == 1 { "" } else { "s" };
    let ended = session
        .lab
        .as_ref()
        .map(|lab| lab.serving_since_ns.0 as f64 / 1e9 + lab.duration_s);
    let to_the_end = |at: Timestamp| ended.map_or(0.0, |ended| (ended - at.0 as f64 / 1e9).max(0.0));
    let lasted: f64 = session
        .mistakes
        .iter()
        .map(|mistake| mistake.lasted_s.unwrap_or_else(|| to_the_end(mistake.at_ns)))
        .fold(0.0, |sum, lasted| sum + lasted);
    let open = session
        .mistakes
        .iter()
        .filter(|mistake| mistake.lasted_s.is_none())
        .count();
    let open = match open {
        0 => String::new(),
        open => format!(", {open} of them to the end"),
    };
    (n > 0).then(|| {
        format!("{n} mistake{plural}: routers out of use while they were up, {lasted:.1} s in all{open}")
    })
}

pub(super) fn session(story: &Story, totals: &Totals, report: &StopReport, lab: Ended) -> Session {
    let mut session = Session::of(story, totals.count.sum(), totals.late_p99_ns);
    session.load.budget_spent = totals.count.budget_spent();
    session.load.latency_ms = Percentiles::of(&lab.load, "");
    session.load.service_ms = Percentiles::of(&lab.load, "service_");
    session.load.healthy_ms = totals.answers.healthy();
    session.crash_traffic = totals.crash_traffic.map(|(rate, sent)| CrashTraffic {
        rate: rate.per_second,
        with: serde_json::json!(rate.trigger),
        sent,
    });
    session.records_lost = report.journal.lost;
    session.killed_on_the_way_out = report.forced.clone();
    session.left_running = report.left.clone();
    let LabFacts {
        name,
        engine,
        engine_version,
        ..
    } = lab.facts;
    let settings = lab.settings;
    session.lab = Some(Lab {
        name,
        engine,
        engine_version,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: setup::command(),
        machine: Machine::here(),
        started_wall: Some(lab.started_wall),
        serving_since_ns: lab.serving_since,
        duration_s: lab.ended.since(lab.serving_since).as_secs_f64(),
        routers: Some(settings.routers),
        rate: Some(settings.rate),
        arrivals: Some(crate::settings::load::word(&settings.arrivals)),
        slo: Some(settings.slo),
        settings: Setting::all(&settings),
        balancer: story
            .settings()
            .words()
            .into_iter()
            .map(|(key, word)| (key.to_owned(), word))
            .collect(),
    });
    session
}
