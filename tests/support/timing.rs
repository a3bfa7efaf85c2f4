//! What kept a prediction from coming true on a machine with other work, by the balancer's own log of its checks.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use serde_json::Value;
use std::path::Path;

/// How a balancer was told to check.
pub struct Checks {
    pub interval_s: f64,
    pub timeout_s: f64,
    /// Each is armed from the end of the one before, not from its start.
    pub from_end: bool,
}

/// A fault, and when it was noticed.
pub struct Death<'a> {
    router: &'a str,
    at_ns: u64,
    t_detect_s: f64,
}

impl Death<'_> {
    /// Of a trial of a run, or a death of a sweep.
    pub fn of(trial: &Value) -> Death<'_> {
        Death {
            router: trial["router"].as_str().unwrap(),
            at_ns: trial["at_ns"].as_u64().unwrap(),
            t_detect_s: trial["t_detect_s"].as_f64().unwrap(),
        }
    }
}

/// One check, in seconds after the fault.
struct Check {
    started: f64,
    ended: f64,
    result: String,
}

/// The records of a directory, without their first line. A line without its end is none: its writer was killed.
pub fn events(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("events.ndjson")).unwrap();
    let (whole, _) = text.rsplit_once('\n').unwrap();
    let lines = whole.lines().skip(1);
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Checks {
    /// Seconds by which the death may have been noticed at another time than predicted: its checks started later than
    /// due, or were read later than they ended; one that passed says that the fault took effect later than its stamp.
    pub fn untimely(&self, events: &[Value], death: &Death<'_>) -> f64 {
        let checks = made(events, death);
        let last_before = checks.iter().rposition(|check| check.started <= 0.0);
        let checks = &checks[last_before.expect("no check before the fault")..];
        let late = checks.windows(2).map(|pair| {
            let before = if self.from_end {
                pair[0].ended
            } else {
                pair[0].started
            };
            (pair[1].started - before - self.interval_s).max(0.0)
        });
        let slow = checks.iter().filter(|check| check.ended >= 0.0).map(|check| {
            let due = if check.result == "timeout" {
                self.timeout_s
            } else {
                0.0
            };
            (check.ended - check.started - due).max(0.0)
        });
        let passed = checks
            .iter()
            .filter(|check| check.started > 0.0 && check.result == "ok");
        let decided = death.t_detect_s - checks.last().map_or(0.0, |check| check.ended);
        late.sum::<f64>() + slow.sum::<f64>() + passed.count() as f64 * self.interval_s + decided.max(0.0)
    }
}

/// Those of the router that had started when its death was noticed, in their order.
fn made(events: &[Value], death: &Death<'_>) -> Vec<Check> {
    let after = |stamp: &Value| (stamp.as_u64().unwrap() as f64 - death.at_ns as f64) / 1e9;
    let ours = events
        .iter()
        .filter(|record| record["event"] == "probe" && record["router"] == death.router);
    let mut checks: Vec<Check> = ours
        .map(|record| Check {
            started: after(&record["started_ns"]),
            ended: after(&record["t_ns"]),
            result: record["result"].as_str().unwrap().to_owned(),
        })
        .collect();
    checks.retain(|check| check.started <= death.t_detect_s);
    checks.sort_by(|a, b| a.started.total_cmp(&b.started));
    checks
}
