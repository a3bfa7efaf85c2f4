//! PURE: what a lab measured, in its last lines.

use crate::crash::CrashRate;
use crate::fleet::{LoadTotals, StopReport};
use crate::page::traffic::LoadCount;
use crate::story::Story;
use router::record::{Event, Record};
use serde_json::{Value, json};

/// What the load did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Totals {
    count: LoadCount,
    /// The worst 99th percentile of lateness of a tick, in nanoseconds.
    late_p99_ns: u64,
    /// What was sent beside the load, and how many requests that were.
    pub crash_traffic: Option<(CrashRate, u64)>,
}

/// Later than this, and the load's own figures deserve doubt.
const LATE_NS: u64 = 5_000_000;

impl Totals {
    pub fn add(&mut self, record: &Record) {
        self.count.on_record(record);
        if let Event::Tick { late_p99_ns, .. } = &record.event {
            self.late_p99_ns = self.late_p99_ns.max(*late_p99_ns);
        }
    }
}

pub(super) fn lines(story: &Story, totals: &Totals, report: &StopReport) -> Vec<String> {
    let LoadTotals { sent, ok, lost } = totals.count.sum();
    let outcomes = story.outcomes_words();
    let outcomes = if outcomes.is_empty() {
        outcomes
    } else {
        format!(" ({outcomes})")
    };
    let unfinished = match sent.saturating_sub(ok + lost) {
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
    lines.extend(mistakes(story));
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
    lines.push(match report.left.as_slice() {
        [] => "nothing left running".to_owned(),
        left => format!("STILL RUNNING: {}", left.join(", ")),
    });
    lines
}

/// Routers taken out of use while they were up.
fn mistakes(story: &Story) -> Option<String> {
    let n = story.mistakes.len();
    let plural = if n == 1 { "" } else { "s" };
    let lasted: f64 = story
        .mistakes
        .iter()
        .filter_map(|mistake| mistake.lasted)
        .map(|lasted| lasted.as_secs_f64())
        .sum();
    (n > 0)
        .then(|| format!("{n} mistake{plural}: routers out of use while they were up, {lasted:.1} s in all"))
}

pub(super) fn json(story: &Story, totals: &Totals, report: &StopReport) -> Value {
    let LoadTotals { sent, ok, lost } = totals.count.sum();
    let seconds = |duration: std::time::Duration| duration.as_secs_f64();
    let windows = story.reports.iter().map(|window| {
        json!({
            "router": window.router, "fault": window.fault, "stamp": window.stamp, "death_ns": window.death,
            "t_detect_s": window.t_detect.map(seconds), "predicted_t_detect_s": window.predicted.map(seconds),
            "t_stop_s": window.t_stop.map(seconds), "detected_by": window.detected_by,
            "saved_by_retry": window.told.then_some(window.saved), "causes": window.told.then_some(&window.causes),
            "lost": { "in_flight": window.lost.in_flight, "window": window.lost.window,
                      "by_outcome": window.lost.by_outcome },
        })
    });
    let mistakes = story.mistakes.iter().map(|mistake| {
        json!({
            "router": mistake.router, "at_ns": mistake.at, "by": mistake.by,
            "lasted_s": mistake.lasted.map(seconds),
        })
    });
    json!({
        "schema": "resetlab.summary.v1",
        "load": { "sent": sent, "ok": ok, "lost": lost, "by_outcome": story.by_outcome,
                  "late_p99_ms": totals.late_p99_ns as f64 / 1e6 },
        "crash_traffic": totals.crash_traffic.map(|(rate, sent)| json!({
            "rate": rate.per_second, "with": rate.trigger, "sent": sent,
        })),
        "windows": windows.collect::<Vec<_>>(),
        "mistakes": mistakes.collect::<Vec<_>>(),
        "records_lost": report.journal.lost,
        "killed_on_the_way_out": report.forced,
        "left_running": report.left,
    })
}
