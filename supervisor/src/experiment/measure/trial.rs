//! PURE: what is measured of a victim.

use super::Forwarded;
use router::clock::Timestamp;
use router::record::{Cause, CrashVariant, Detector, Fault, Outcome, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One victim of one trial: one fault of one incarnation, and what it cost. Times in seconds from the fault: the
/// death, or for a drain its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which of the run's trials, from 1: the victims of one have the same number.
    #[serde(default)]
    pub trial: u32,
    pub fault: Fault,
    /// Its parameters in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub router: String,
    pub stamp: Stamp,
    /// When it took effect, by the clock of `events.ndjson`. A trial without it is of an older program.
    #[serde(default)]
    pub at_ns: Option<Timestamp>,
    /// Fault since the last check's start (`start`) or end (`end`).
    pub phase_s: Option<f64>,
    /// `crash`: how many requests it took; `null` otherwise.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// `crash`: how the bug showed; `null` otherwise.
    #[serde(default)]
    pub variant: Option<CrashVariant>,
    /// `null`: the balancer does not tell what it believes.
    pub detected: Option<bool>,
    /// Who was first.
    #[serde(default)]
    pub detected_by: Option<Detector>,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    /// 0 if `no_attempt`. `null` when the balancer tells of some attempts only, or has not said which one was the last.
    pub t_stop_s: Option<f64>,
    /// None was started there after the fault: there is no last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_attempt: bool,
    /// Start of the last attempt whose request was lost; 0 if only requests in flight were, `null` if none. Never after
    /// `t_stop`.
    #[serde(default)]
    pub t_lost_s: Option<f64>,
    pub t_clear_s: Option<f64>,
    pub t_readmit_s: Option<f64>,
    /// `drain`: its listener was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_closed_s: Option<f64>,
    pub lost: Lost,
    /// Of failed attempts; `null`: the balancer does not tell of attempts.
    pub causes: Option<BTreeMap<Cause, u64>>,
    /// Failed attempts that nobody saw: the balancer's log names only how often a request was tried again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reckoned: u64,
    /// Lost requests without a failed attempt: their clients gave up first, or a real balancer told of none. They are in
    /// `lost`, by when they were sent, and in no cause; `null` as `causes`.
    #[serde(default)]
    pub lost_without_attempt: Option<u64>,
    /// Requests that failed here and were answered after a retry; `null` as `causes`.
    pub saved_by_retry: Option<u64>,
    /// What the balancer forwarded, to all routers, from the fault until the last victim served again.
    #[serde(default)]
    pub forwarded: Option<Forwarded>,
    pub events_dropped: u64,
    /// The balancer's own checks started so much later than they were due, at most, from two intervals before the fault
    /// on; `null` where it does not tell of its checks, or their gaps are random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_late_ms: Option<f64>,
    /// The balancer, the load or the app ended in the middle of the trial: how, in words. Then it measured something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<String>,
}

/// Requests that ended otherwise than `ok` because of the fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Their attempt had started before the death, or before a draining router closed its listener.
    pub in_flight: u64,
    /// Their attempt was started at the dead router.
    pub window: u64,
    /// No router was in use meanwhile: no attempt was made anywhere. Of victims hit together the first has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unserved: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

impl Trial {
    /// How long requests were sent there. `returning`: retries come back to the router, also when it is known to be dead.
    pub fn window_s(&self, returning: bool) -> Option<f64> {
        match (self.t_stop_s?, self.t_detect_s) {
            (stop, Some(detect)) if returning => Some(stop.min(detect)),
            (stop, _) => Some(stop),
        }
    }

    /// Its figures say nothing: records of it are missing, or something else than the victim ended.
    pub fn is_invalid(&self) -> bool {
        self.events_dropped > 0 || !self.disturbed.is_empty()
    }
}

impl Lost {
    pub fn total(&self) -> u64 {
        self.at_routers().saturating_add(self.unserved)
    }

    /// Those of which an attempt was made: what theory of one router's window speaks of.
    pub fn at_routers(&self) -> u64 {
        self.in_flight.saturating_add(self.window)
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
