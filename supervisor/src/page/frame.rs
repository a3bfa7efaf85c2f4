//! PURE: what the page hears: `resetlab.page.v1`, as server-sent events.
//!
//! | event | data |
//! |---|---|
//! | `hello` | a [`Hello`]: first on every connection; what was before the oldest frame is in its `base` |
//! | `frames` | an array of [`Frame`]s in the order of `seq`; the event's id is `EPOCH.SEQ` of the last one |
//! | `gap` | a [`Gap`]: frames that this reader was too slow for, or that are too old |
//! | `end` | the lab ends; nothing comes after it |
//!
//! A reader that comes back says the id it heard last (`Last-Event-ID`, or `?after=`, which takes a bare `seq` too) and
//! hears what followed; the id of another lab says nothing, and it hears all. Times are
//! milliseconds since the lab began to serve, with three digits behind the point. Words are those of the records
//! (`router::record`). What has not changed is left out.

use super::window::Window;
use crate::experiment::summary::Theory;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema named in [`Hello`].
pub const SCHEMA: &str = "resetlab.page.v1";
/// Width of a bucket of `out` and `attempts`, and how often there is a frame.
pub const BUCKET_MS: u64 = 100;

/// What stays the same while a lab lives, and where its history begins.
#[derive(Clone, Debug, Serialize)]
pub struct Hello {
    pub schema: &'static str,
    pub version: &'static str,
    /// Another one: another lab, whose `seq` and times begin anew.
    pub epoch: String,
    pub lab: String,
    /// `haproxy 2.6.12`
    pub engine: String,
    /// How this program is called from a shell, with `--lab` where it is needed.
    pub program: String,
    pub url: String,
    pub started_wall: String,
    pub now: f64,
    /// The oldest frame that is kept, and the next there will be.
    pub first_seq: u64,
    pub next_seq: u64,
    /// State just before `first_seq`.
    pub base: Base,
    /// Keys that `POST /v1/set` takes while the lab runs.
    pub live_keys: Vec<&'static str>,
    /// Share of requests that is to succeed.
    pub slo: f64,
    /// Days that the error budget is for.
    pub budget_days: f64,
}

/// What a reader has to know to understand the frames from there on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Base {
    pub t: f64,
    pub routers: BTreeMap<String, Lane>,
    pub totals: Totals,
    pub settings: Value,
    pub preset: String,
    pub theory: Option<Expected>,
    /// Those that are still open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

/// One router at a moment.
#[derive(Clone, Debug, Serialize)]
pub struct Lane {
    pub truth: String,
    pub truth_since: f64,
    /// `unknown`: a real load balancer that does not tell.
    pub belief: String,
    pub belief_since: f64,
    /// The balancer knows it.
    pub member: bool,
}

/// What happened within about 100 ms; when nothing did, there is one a second, which moves the page's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Frame {
    /// From 0, without gaps.
    pub seq: u64,
    /// Its end: nothing that is known by then is in a later one.
    pub t: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truth: Vec<TruthChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub belief: Vec<BeliefChange>,
    /// Health checks that ended: `[router, started, ended, result]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<(String, f64, f64, String)>,
    /// Requests that ended, to be added, by the 100 ms of their intended times: `[bucket, {outcome: count}]`; bucket `b`
    /// begins at `b × 100` ms. An old bucket may still grow: a request that times out was due long ago.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<(u64, BTreeMap<String, u64>)>,
    /// Failed attempts, to be added, by the 100 ms of their starts: `[router, bucket, count]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<(String, u64, u64)>,
    /// Latencies of requests that ended `ok` in this frame: `[b, count]`, bucket `b` begins at 2^(b/16) µs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<(u16, u32)>,
    /// Windows that have opened, grown or closed; the same `id` replaces the one before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// All of them, by their words, when one has changed; with `rate` and `restart-delay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// With the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theory: Option<Expected>,
    /// Router names whose membership changed: `[router, present]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<(String, bool)>,
}

/// A router became something else. `why`: `kill`, `killed by SIGKILL after 5.3 s`. The same truth once more, at the
/// same time: its reason is known better now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TruthChange {
    pub router: String,
    pub at: f64,
    pub truth: String,
    pub why: String,
}

/// The balancer changed its mind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BeliefChange {
    pub router: String,
    pub at: f64,
    pub belief: String,
    /// `poll`, `passive`, `sentinel`, `notice`.
    pub by: String,
    pub why: String,
    /// An ejection ends then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

/// A line of the story, as the terminal has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    pub at: f64,
    /// `plain`, `bad`, `warning`, `good`
    pub tone: &'static str,
    pub text: String,
}

/// Since the lab began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub sent: u64,
    pub ok: u64,
    pub lost: u64,
    /// Of `lost`.
    pub by_outcome: BTreeMap<String, u64>,
    /// How late the load's requests were sent, at the worst 99th percentile of a tick, where that is so much that the
    /// figures deserve doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_p99_ms: Option<f64>,
    /// Records that did not reach the supervisor: `by_outcome` may be too small.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records_dropped: u64,
    /// Share of the error budget that is left, below 0 when more is spent; `null` as long as there was no load. Each lost
    /// request is charged at the rate of when it was lost.
    pub budget_left: Option<f64>,
}

/// What theory says of the settings in force, or of others: `GET /v1/theory?interval=1s&fall=3`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    pub checks_per_s: Option<f64>,
    pub kill: Theory,
    pub hang: Theory,
    /// `null`: nothing is retried.
    pub lost_unretried: Option<Unretried>,
}

/// What a death would cost without retries, on average: with them it costs at most that, on average.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unretried {
    pub kill: Option<f64>,
    pub hang: Option<f64>,
}

/// Frames that a reader did not get.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    pub frames: u64,
    /// State after them.
    pub base: Option<Value>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
