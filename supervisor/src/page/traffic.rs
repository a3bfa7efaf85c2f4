//! PURE: what became of requests, in buckets and in all.

use super::frame::{BUCKET_MS, Frame, Totals};
use super::word;
use crate::budget::{Budget, Spending};
use crate::fleet::LoadTotals;
use router::clock::Timestamp;
use router::record::{Cause, Event, Outcome, Record};
use std::collections::BTreeMap;

/// What all load clients of a lab have counted: a client that is started again begins at zero. A lost request is told
/// of when it is lost, and counted by the next tick, which may never come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadCount {
    before: LoadTotals,
    present: LoadTotals,
    /// Lost requests that were told of.
    told: u64,
    /// `None`: the objective is not known, or the rate.
    spending: Option<Spending>,
}

/// Of all clients so far, and of the time since the last frame.
pub(super) struct Traffic {
    since: Timestamp,
    count: LoadCount,
    /// The worst 99th percentile of a tick.
    late_p99_ns: u64,
    by_outcome: BTreeMap<Outcome, u64>,
    out: BTreeMap<u64, BTreeMap<Outcome, u64>>,
    attempts: BTreeMap<String, BTreeMap<u64, u64>>,
    latency: BTreeMap<u16, u32>,
    /// A real load balancer that does not tell of its attempts: what is known of them is whose the failed request was.
    by_the_client: bool,
    records_dropped: u64,
    changed: bool,
}

/// Later than this, and the load's own figures deserve doubt.
pub const LATE_NS: u64 = 5_000_000;

const BUCKET_NS: u64 = BUCKET_MS * 1_000_000;

impl LoadCount {
    /// With what the load spends of a budget.
    pub fn new(budget: Budget) -> LoadCount {
        LoadCount {
            spending: Some(Spending::new(budget)),
            ..LoadCount::default()
        }
    }

    pub fn on_record(&mut self, record: &Record) {
        match &record.event {
            Event::Outcome { .. } => self.told += 1,
            Event::Settings { settings } => {
                if let (Some(spending), Some(rate)) = (&mut self.spending, rate(settings)) {
                    spending.on_rate(rate);
                }
            }
            Event::Tick { sent, ok, lost, .. } => {
                self.present = LoadTotals {
                    sent: *sent,
                    ok: *ok,
                    lost: *lost,
                };
            }
            Event::Spawned { name, .. } if name == "load" => {
                self.before = self.before + self.present;
                self.present = LoadTotals::default();
            }
            _ => {}
        }
        if let Some(spending) = &mut self.spending {
            spending.on_lost(self.told.max(self.before.lost + self.present.lost));
        }
    }

    /// `sent` is never less than what has ended.
    pub fn sum(&self) -> LoadTotals {
        let LoadTotals { sent, ok, lost } = self.before + self.present;
        let lost = lost.max(self.told);
        LoadTotals {
            sent: sent.max(ok.saturating_add(lost)),
            ok,
            lost,
        }
    }

    /// Share of the error budget.
    pub fn budget_spent(&self) -> Option<f64> {
        self.spending?.spent()
    }
}

/// Requests a second, where it is that which was set.
fn rate(settings: &serde_json::Value) -> Option<f64> {
    let rate = settings.get("rate")?;
    rate.as_f64().or_else(|| rate.as_str()?.parse().ok())
}

impl Traffic {
    pub fn new(since: Timestamp, budget: Budget) -> Traffic {
        Traffic {
            since,
            count: LoadCount::new(budget),
            late_p99_ns: 0,
            by_outcome: BTreeMap::new(),
            out: BTreeMap::new(),
            attempts: BTreeMap::new(),
            latency: BTreeMap::new(),
            by_the_client: false,
            records_dropped: 0,
            changed: false,
        }
    }

    pub fn on_record(&mut self, record: &Record) {
        let before = self.count;
        self.count.on_record(record);
        self.changed |= self.count != before;
        match &record.event {
            Event::Tick {
                buckets, late_p99_ns, ..
            } => {
                self.late_p99_ns = self.late_p99_ns.max(*late_p99_ns);
                for (start, ok, _) in buckets.iter().filter(|(_, ok, _)| *ok > 0) {
                    // The middle of its 10 ms.
                    let bucket = self.bucket(Timestamp(start + 5_000_000));
                    *self
                        .out
                        .entry(bucket)
                        .or_default()
                        .entry(Outcome::Ok)
                        .or_default() += u64::from(*ok);
                }
            }
            Event::Latencies { buckets } => {
                for (bucket, count) in buckets {
                    *self.latency.entry(*bucket).or_default() += count;
                }
            }
            Event::Outcome {
                intended_ns,
                sent_ns,
                outcome,
                router,
                ..
            } => {
                self.changed = true;
                *self.by_outcome.entry(*outcome).or_default() += 1;
                let bucket = self.bucket(*intended_ns);
                *self.out.entry(bucket).or_default().entry(*outcome).or_default() += 1;
                if let (true, Some(router)) = (self.by_the_client, router) {
                    self.failed(router, sent_ns.unwrap_or(*intended_ns));
                }
            }
            // One whose client went away says nothing about the router.
            Event::Attempt {
                router,
                started_ns,
                cause,
                ..
            } if *cause != Cause::ClientGone => self.failed(router, *started_ns),
            Event::Dropped { count } => {
                self.changed = true;
                self.records_dropped += count;
            }
            Event::Engine { attempts, .. } => self.by_the_client = !attempts,
            _ => {}
        }
    }

    /// Moves what happened since the last time into `frame`; totals only when they have changed.
    pub fn flush(&mut self, frame: &mut Frame) {
        let words =
            |counts: BTreeMap<Outcome, u64>| counts.iter().map(|(outcome, n)| (word(outcome), *n)).collect();
        let out = std::mem::take(&mut self.out).into_iter();
        frame.out = out.map(|(bucket, counts)| (bucket, words(counts))).collect();
        for (router, buckets) in &mut self.attempts {
            let counts = std::mem::take(buckets).into_iter();
            frame
                .attempts
                .extend(counts.map(|(bucket, n)| (router.clone(), bucket, n)));
        }
        frame.latency = std::mem::take(&mut self.latency).into_iter().collect();
        if std::mem::take(&mut self.changed) {
            frame.totals = Some(self.totals());
        }
    }

    pub fn totals(&self) -> Totals {
        let LoadTotals { sent, ok, lost } = self.count.sum();
        let words = self.by_outcome.iter().map(|(outcome, n)| (word(outcome), *n));
        Totals {
            sent,
            ok,
            lost,
            by_outcome: words.collect(),
            late_p99_ms: (self.late_p99_ns > LATE_NS).then(|| self.late_p99_ns as f64 / 1e6),
            records_dropped: self.records_dropped,
            budget_left: self.count.budget_spent().map(|spent| 1.0 - spent),
        }
    }

    fn failed(&mut self, router: &str, started: Timestamp) {
        let bucket = self.bucket(started);
        let buckets = match self.attempts.get_mut(router) {
            Some(buckets) => buckets,
            None => self.attempts.entry(router.to_owned()).or_default(),
        };
        *buckets.entry(bucket).or_default() += 1;
    }

    /// The first takes what the load sent before the lab served.
    fn bucket(&self, at: Timestamp) -> u64 {
        at.0.saturating_sub(self.since.0) / BUCKET_NS
    }
}
