//! The state of a fleet at one moment: what `ps` shows.

use super::crashes::Crashing;
use super::slot::{Slot, Truth};
use crate::settings::PresetNote;
use router::clock::Timestamp;
use router::record::Belief;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `resetlab.ps.v1` without the lab's own lines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub processes: Vec<ProcessState>,
    pub load: LoadTotals,
    /// The balancer's settings by their words, with `rate` and `restart-delay`.
    pub settings: serde_json::Value,
    /// What they started from, and what they have otherwise.
    #[serde(default)]
    pub preset: PresetNote,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessState {
    pub name: String,
    pub truth: Truth,
    /// What the balancer thinks of it, as far as its records have arrived; routers only.
    pub belief: Option<Belief>,
    /// How long `truth` has held, in seconds.
    pub since_s: f64,
    pub incarnation: u32,
    /// `null` when it is not running.
    pub pid: Option<u32>,
    pub restarts: u32,
    pub restart_in_s: Option<f64>,
    /// It died too often by its own doing and is not started again by itself.
    #[serde(default)]
    pub gave_up: bool,
    /// The end of the life before this one, in words.
    pub last_exit: Option<String>,
    #[serde(default)]
    pub exit_code: Option<i32>,
    #[serde(default)]
    pub exit_signal: Option<i32>,
    /// Of the running process.
    #[serde(default)]
    pub uptime_s: Option<f64>,
    /// In force now, in words: `hang`, `silent on requests`.
    #[serde(default)]
    pub fault: Option<String>,
    /// Requests sent so far to crash it, while that lasts.
    #[serde(default)]
    pub crash_attempts: Option<u64>,
    /// Stands still for a moment.
    #[serde(default)]
    pub paused: bool,
    pub addresses: BTreeMap<String, String>,
}

/// Totals of all load clients so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTotals {
    pub sent: u64,
    pub ok: u64,
    pub lost: u64,
}

impl std::ops::Add for LoadTotals {
    type Output = LoadTotals;
    fn add(self, other: LoadTotals) -> LoadTotals {
        LoadTotals {
            sent: self.sent + other.sent,
            ok: self.ok + other.ok,
            lost: self.lost + other.lost,
        }
    }
}

impl Slot {
    pub(super) fn state(&self, belief: Option<Belief>, now: Timestamp) -> ProcessState {
        ProcessState {
            name: self.name.clone(),
            truth: self.truth,
            belief,
            since_s: now.since(self.since).as_secs_f64(),
            incarnation: self.incarnation,
            pid: self.process.as_ref().map(|process| process.pid),
            restarts: self.restarts.count(),
            restart_in_s: self.restart_due.map(|due| due.since(now).as_secs_f64()),
            gave_up: self.restarts.gave_up(),
            last_exit: self.last_exit.as_ref().map(|exit| exit.words.clone()),
            exit_code: self.last_exit.as_ref().and_then(|exit| exit.code),
            exit_signal: self.last_exit.as_ref().and_then(|exit| exit.signal),
            uptime_s: self
                .process
                .as_ref()
                .map(|process| now.since(process.started).as_secs_f64()),
            fault: self.fault_words(),
            crash_attempts: self.crashing.as_ref().map(Crashing::attempts),
            paused: self.pause.is_some(),
            addresses: self.addresses.clone(),
        }
    }
}
