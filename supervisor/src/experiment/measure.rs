//! PURE: records in, windows out. Every definition here is a row of the words table: `t_detect`, `t_stop`,
//! `t_clear`, `t_readmit`, lost (in flight, window). What was not observed is `None`, never 0.

use router::clock::Timestamp;
use router::record::{Belief, Cause, Event, Fault, Outcome, Record, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One trial: one death of one incarnation, and what it cost. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub fault: Fault,
    pub router: String,
    pub stamp: Stamp,
    /// Death since the last check's start (`start`) or end (`end`).
    pub phase_s: Option<f64>,
    pub detected: bool,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    pub t_stop_s: Option<f64>,
    pub t_clear_s: Option<f64>,
    pub t_readmit_s: Option<f64>,
    pub lost: Lost,
    pub causes: BTreeMap<Cause, u64>,
    pub saved_by_retry: u64,
    pub events_dropped: u64,
}

/// Requests that ended otherwise than `ok` because of the death.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Their attempt had started before the death.
    pub in_flight: u64,
    /// Their attempt was started at the dead router.
    pub window: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

/// How the phase of the check clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Checks are armed from the previous start.
    Start,
    /// Checks are armed from the previous end.
    End,
}

/// Where the check clock stood at the death.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Start of the last check before the death.
    pub started: Timestamp,
    /// Its end; later than the death when it was under way.
    pub ended: Timestamp,
}

impl Phase {
    /// Seconds from the anchor to `death`.
    pub fn seconds(&self, anchor: Anchor, death: Timestamp) -> f64 {
        match anchor {
            Anchor::End if self.ended <= death => death.seconds_after(self.ended),
            Anchor::End | Anchor::Start => death.seconds_after(self.started),
        }
    }
}

/// The last check of `router` that had started at `death`, from the balancer's log.
pub fn phase(records: &[Record], router: &str, death: Timestamp) -> Option<Phase> {
    records
        .iter()
        .filter_map(|record| match &record.event {
            Event::Probe {
                router: r,
                started_ns,
                ..
            } if r == router && *started_ns <= death => Some(Phase {
                started: *started_ns,
                ended: record.at,
            }),
            _ => None,
        })
        .max_by_key(|phase| phase.started)
}

/// Measures the death of `router` at `death`. `records` must hold the span from the check before the death to the
/// re-admission and the outcomes of all requests attempted in it; `predict` gives the predicted `t_detect` in seconds.
pub fn trial(
    records: &[Record],
    fault: Fault,
    router: &str,
    (death, stamp): (Timestamp, Stamp),
    anchor: Anchor,
    predict: impl FnOnce(&Phase, Timestamp) -> Option<f64>,
) -> Trial {
    let alive_again = first_after(records, death, |record| match &record.event {
        Event::Ready { .. } => record.from == router,
        Event::Resumed { router: r, .. } => r == router,
        _ => false,
    });
    let down = first_after(
        records,
        death,
        |record| matches!(&record.event, Event::Belief { router: r, to: Belief::Down, .. } if r == router),
    )
    .filter(|down| alive_again.is_none_or(|alive| *down <= alive));
    let attempts = failed_attempts(records, router, death, alive_again);
    let quiet = records.iter().find_map(|record| match &record.event {
        Event::Quiet {
            router: r,
            last_attempt_ns,
        } if r == router && down.is_some_and(|d| record.at >= d) => Some(*last_attempt_ns),
        _ => None,
    });
    let last_attempt = match quiet {
        Some(last) => last,
        None => attempts.iter().map(|a| a.started).max(),
    };
    let t_stop_s = (quiet.is_some() || !attempts.is_empty())
        .then(|| last_attempt.map_or(0.0, |last| last.seconds_after(death).max(0.0)));
    let (lost, t_clear_s) = lost(records, &attempts, death);
    let mut causes = BTreeMap::new();
    for attempt in &attempts {
        *causes.entry(attempt.cause).or_insert(0) += 1;
    }
    let t_readmit_s = alive_again.and_then(|alive| {
        first_after(
            records,
            alive,
            |record| matches!(&record.event, Event::Readmitted { router: r, .. } if r == router),
        )
        .map(|served| served.seconds_after(alive))
    });
    let phase = phase(records, router, death);
    Trial {
        fault,
        router: router.to_owned(),
        stamp,
        phase_s: phase.map(|p| p.seconds(anchor, death)),
        detected: down.is_some(),
        t_detect_s: down.map(|d| d.seconds_after(death)),
        predicted_t_detect_s: phase.and_then(|p| predict(&p, death)),
        t_stop_s,
        t_clear_s,
        t_readmit_s,
        lost,
        causes,
        saved_by_retry: 0,
        events_dropped: dropped(records),
    }
}

/// Records lost on the way: a trial with any is invalid.
pub fn dropped(records: &[Record]) -> u64 {
    records
        .iter()
        .map(|record| {
            if let Event::Dropped { count } = record.event {
                count
            } else {
                0
            }
        })
        .sum()
}

struct Failed {
    request: Option<u64>,
    started: Timestamp,
    cause: Cause,
}

/// Attempts at the incarnation that died: those that ended after the death and started before it lived again.
fn failed_attempts(
    records: &[Record],
    router: &str,
    death: Timestamp,
    again: Option<Timestamp>,
) -> Vec<Failed> {
    records
        .iter()
        .filter(|record| record.at >= death)
        .filter_map(|record| match &record.event {
            Event::Attempt {
                request,
                router: r,
                started_ns,
                cause,
                ..
            } if r == router && again.is_none_or(|again| *started_ns < again) => Some(Failed {
                request: *request,
                started: *started_ns,
                cause: *cause,
            }),
            _ => None,
        })
        .collect()
}

fn lost(records: &[Record], attempts: &[Failed], death: Timestamp) -> (Lost, Option<f64>) {
    let by_request: BTreeMap<u64, &Failed> = attempts.iter().filter_map(|a| Some((a.request?, a))).collect();
    let mut lost = Lost::default();
    let mut clear = None;
    for record in records {
        let Event::Outcome {
            request,
            intended_ns,
            outcome,
            ..
        } = &record.event
        else {
            continue;
        };
        let Some(attempt) = by_request.get(request) else {
            continue;
        };
        if attempt.started < death {
            lost.in_flight += 1;
            clear = later(clear, 0.0);
        } else {
            lost.window += 1;
            clear = later(clear, intended_ns.seconds_after(death));
        }
        *lost.by_outcome.entry(*outcome).or_insert(0) += 1;
    }
    (lost, clear)
}

fn later(so_far: Option<f64>, seconds: f64) -> Option<f64> {
    Some(so_far.map_or(seconds, |so_far| so_far.max(seconds)))
}

fn first_after(records: &[Record], since: Timestamp, wanted: impl Fn(&Record) -> bool) -> Option<Timestamp> {
    records
        .iter()
        .filter(|record| record.at >= since && wanted(record))
        .map(|record| record.at)
        .min()
}

#[cfg(test)]
mod tests;
