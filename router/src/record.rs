//! The records every process of the lab writes: one JSON object a line, `resetlab.events.v1`.
//!
//! Times are [`Timestamp`]s: `CLOCK_MONOTONIC` nanoseconds. Unknown fields and unknown events must be skipped
//! by readers; a field is never renamed within a version.

mod fault;

pub use fault::{CrashVariant, Fault};

use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema named in the first line of `events.ndjson`.
pub const SCHEMA: &str = "resetlab.events.v1";

/// One line of the event log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened, by the clock of the process that saw it.
    #[serde(rename = "t_ns")]
    pub at: Timestamp,
    /// Who says so: `supervisor`, `lb`, `load`, `app`, `router-1` …
    pub from: String,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    // ── every child
    /// First record of a child: it serves. `addresses` by use: `http`, `health`, `control` …
    Ready {
        pid: u32,
        addresses: BTreeMap<String, String>,
    },
    /// `count` records of this child were dropped because its event pipe was full.
    Dropped { count: u64 },

    // ── router
    /// A health check arrived at `t_ns` and was answered with `status`; `null`: a connection that asked nothing.
    CheckSeen { status: Option<u16> },
    /// Stamped by the dying process just before a crash exit.
    Crash {
        message: String,
        /// Which two of the racing goroutines met, and how.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<CrashVariant>,
    },
    /// SIGUSR1 took effect; `in_flight` counts the requests under way.
    Drain { stage: DrainStage, in_flight: u64 },

    // ── lb
    /// A real load balancer stands in lb-sim's place. Whether it tells what it believes, and of its attempts: what it does
    /// not tell is nowhere, not absent. `every_attempt`: those that it tells of its attempts are all, also where one ended
    /// well; when its last one at a router started is known then.
    Engine {
        engine: String,
        version: String,
        belief: bool,
        attempts: bool,
        #[serde(default)]
        every_attempt: bool,
    },
    /// A health check ended. `failures` so far of `fall`, `successes` so far of `rise`: in a row, or since the belief last
    /// changed (`counting=cumulative`).
    Probe {
        router: String,
        probe: u64,
        started_ns: Timestamp,
        result: ProbeResult,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        failures: u32,
        fall: u32,
        successes: u32,
        rise: u32,
        /// Whose check it was, from 1, and whose counts these are, where there are several probers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prober: Option<u32>,
    },
    /// The check that the end of a sentinel connection at `lost_ns` started has ended. Not one of polling's.
    SentinelCheck {
        router: String,
        lost_ns: Timestamp,
        started_ns: Timestamp,
        result: ProbeResult,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// The balancer changed its mind. `reason` in words. Of several probers one may change its own mind while the belief
    /// stays: then `from_state` is `to`.
    Belief {
        router: String,
        from_state: Belief,
        to: Belief,
        reason: String,
        /// Who decided.
        #[serde(default)]
        by: Detector,
        /// An ejection ends then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ns: Option<Timestamp>,
    },
    /// One try at one router failed.
    Attempt {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
        router: String,
        started_ns: Timestamp,
        cause: Cause,
        /// The connection had served a request before.
        reused: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Which try of its request this was, from 1.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        nth: u32,
        /// Source port of the client's connection; joins L4 attempts with outcomes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// Nobody saw it: the balancer told how often it had tried again, and from that its time is reckoned.
        #[serde(default, skip_serializing_if = "is_false")]
        reckoned: bool,
    },
    /// No router was Up: the request was answered at once without an attempt.
    Unrouted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
    },
    /// A router that is Down has no attempt in flight any more; the last one had started at `last_attempt_ns`
    /// (`null`: it never had one).
    Quiet {
        router: String,
        last_attempt_ns: Option<Timestamp>,
    },
    /// First request served by a router that came back; its attempt had started at `started_ns`.
    Readmitted { router: String, started_ns: Timestamp },
    /// Totals since the balancer's start, at most ten times a second and only when they have changed.
    Forwarded {
        requests: u64,
        attempts: u64,
        /// Attempts after the first of their request.
        retries: u64,
        /// Retries that the budget, or the breaker, did not allow.
        over_budget: u64,
        over_breaker: u64,
    },
    /// A router was added to, or taken out of, what the balancer knows.
    Member { router: String, present: bool },
    /// Settings in force from now on.
    Settings { settings: serde_json::Value },

    // ── load
    /// A request that did not end `ok` (written to `outcomes.ndjson`).
    Outcome {
        request: u64,
        intended_ns: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_ns: Option<Timestamp>,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        router: Option<String>,
        /// Source port of its connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// Requests that *ended* since the last tick, by 10 ms bucket of their intended time: `[bucket start ns, ok, lost]`.
    /// `sent`, `ok` and `lost` are totals since the start; lateness and latency are of this tick, in nanoseconds.
    Tick {
        sent: u64,
        ok: u64,
        lost: u64,
        buckets: Vec<(u64, u32, u32)>,
        late_p99_ns: u64,
        late_max_ns: u64,
        p50_ns: u64,
        p99_ns: u64,
    },
    /// How long the requests took that ended `ok` since the last of these, from their intended times: `[bucket, count]`,
    /// where bucket `b` begins at 2^(b/16) µs.
    Latencies { buckets: Vec<(u16, u32)> },

    // ── supervisor
    /// A process was started; `incarnation` counts its lives from 1.
    Spawned {
        name: String,
        pid: u32,
        incarnation: u32,
    },
    /// A fault was injected and took effect (for `kill`: just before the signal was sent).
    /// A `crash` has only begun then: the router is sent what it dies of, until its `death`.
    Fault {
        router: String,
        incarnation: u32,
        fault: Fault,
        /// Its parameters in words: `on requests, status 503`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The end of a fault that its router outlives: `silent`, `error`, `cut`, `slow`.
    Healed {
        router: String,
        incarnation: u32,
        fault: Fault,
    },
    /// A router stood still from `started_ns` until now, and was not dead: a garbage collection, a live migration.
    /// Truth stays up; a Down because of it is a mistake.
    Paused {
        router: String,
        incarnation: u32,
        started_ns: Timestamp,
    },
    /// The death of an incarnation, as defined by `stamp`.
    Death {
        router: String,
        incarnation: u32,
        stamp: Stamp,
    },
    /// A process was reaped, in words: "exited 2 after 41 s: fatal error: concurrent map writes".
    Exited {
        name: String,
        pid: u32,
        incarnation: u32,
        code: Option<i32>,
        signal: Option<i32>,
        uptime_s: f64,
        words: String,
    },
    /// It will be started again at `due_ns`.
    RestartDue { name: String, due_ns: Timestamp },
    /// It died `deaths` times within `within_s` seconds by its own doing and is not started again.
    GaveUp {
        name: String,
        deaths: u32,
        within_s: f64,
    },
    /// The fleet was told to have that many routers.
    Scaled { before: u32, routers: u32 },
    /// A hung process runs again.
    Resumed { router: String, incarnation: u32 },
    /// Anything for people.
    Note { text: String },
    /// Written by a later version; skipped.
    #[serde(other)]
    Unknown,
}

/// What the balancer thinks of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    Up,
    GoingDown,
    Down,
    GoingUp,
    Ejected,
}

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeResult {
    Ok,
    Refused,
    Reset,
    Eof,
    Timeout,
    Status,
    Malformed,
}

/// Why an attempt failed, recorded by the balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Refused,
    Reset,
    Eof,
    ConnectTimeout,
    ResponseTimeout,
    /// Cut in the middle of the response body.
    Cut,
    #[serde(rename = "status_5xx")]
    Status5xx,
    /// Not HTTP, or HTTP that two parsers could read differently.
    Malformed,
    /// The client went away first; says nothing about the router.
    ClientGone,
}

/// What the client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    #[serde(rename = "http_502")]
    Http502,
    #[serde(rename = "http_503")]
    Http503,
    #[serde(rename = "http_504")]
    Http504,
    HttpOther,
    Refused,
    Reset,
    Eof,
    Timeout,
}

/// Who changed the balancer's mind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// Health checks.
    #[default]
    Poll,
    /// Failed attempts.
    Passive,
    /// An idle connection that ended, and a check that failed.
    Sentinel,
    /// The supervisor said so.
    Notice,
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainStage {
    /// `/health` answers 503, everything else is served.
    Unhealthy,
    /// The listener and idle connections are closed.
    Closed,
    /// Nothing is left, or the time was up: it exits.
    Done,
}

fn one() -> u32 {
    1
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_one(n: &u32) -> bool {
    *n == 1
}

/// How the moment of a death is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stamp {
    /// Just before the injected signal.
    Signal,
    /// By the dying process itself, just before its crash exit.
    Crash,
    /// At reaping: somebody else killed it.
    Exit,
}
