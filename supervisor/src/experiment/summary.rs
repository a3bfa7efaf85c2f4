//! PURE: the `resetlab.run.v1` document and the statistics in it.

pub use super::setup::{Machine, Setup};
pub use super::spread::{Residual, Spread};
pub use super::standing::Standing;

use super::healthy::Healthy;
use super::measure::{Forwarded, Trial};
use super::sample;
use crate::settings::LabSettings;
use lb_sim::core::{OnFailure, RetryTo};
use router::fault::Spec;
use router::record::{Detector, Fault, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `resetlab run --json` prints and `summary.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub schema: String,
    pub seed: String,
    /// What stood in the load balancer's place.
    pub engine: String,
    #[serde(default)]
    pub engine_version: String,
    /// What the balancer's settings started from,
    pub preset: String,
    /// how sure we are of it,
    #[serde(default)]
    pub preset_grade: String,
    /// what it speaks for,
    #[serde(default)]
    pub preset_versions: String,
    /// and what was set otherwise, by key.
    #[serde(default)]
    pub preset_with: BTreeMap<String, String>,
    /// `false`: interrupted before all trials were done.
    pub complete: bool,
    /// How it came to be of this moment.
    #[serde(default, skip_serializing_if = "Standing::is_final")]
    pub standing: Standing,
    /// What the fault cost that was under way then; in no other figure but the load's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<Interrupted>,
    /// Records that could not be written: the event log lacks them, the figures do not.
    #[serde(default)]
    pub records_lost: u64,
    /// Every setting of the balancer by its word, and some as numbers: `interval_s`, `fall`.
    pub check: serde_json::Value,
    /// What the routers were configured with, by gorouter's names.
    #[serde(default)]
    pub router: serde_json::Value,
    pub load: LoadReport,
    /// Share of the requests that was to succeed, if one was asked for.
    #[serde(default)]
    pub slo: Option<f64>,
    pub trials: Vec<Trial>,
    pub summary: Totals,
    pub theory: Theory,
    /// As a shell takes it.
    pub command: String,
    /// What was asked for; `null`: by an older program.
    #[serde(default)]
    pub setup: Option<Setup>,
    /// Where it ran; `null`: not known.
    #[serde(default)]
    pub machine: Option<Machine>,
}

/// A trial that was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    pub trial: u32,
    /// Requests that were under way at its fault or later, and lost.
    pub lost: u64,
}

/// The load generator's account of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// Requests per second asked for.
    pub rate: f64,
    pub arrivals: String,
    #[serde(default)]
    pub method: String,
    #[serde(default)]
    pub connection: String,
    /// These are `null` in a summary of before the first request.
    #[serde(deserialize_with = "or_none")]
    pub sent: u64,
    #[serde(deserialize_with = "or_none")]
    pub ok: u64,
    #[serde(deserialize_with = "or_none")]
    pub lost: u64,
    /// From intended send time to the completed socket write.
    pub late_p99_ms: Option<f64>,
    pub late_max_ms: Option<f64>,
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

fn or_none<'a, D: serde::Deserializer<'a>>(document: D) -> Result<u64, D::Error> {
    Option::deserialize(document).map(Option::unwrap_or_default)
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Percentiles {
    /// p50, p90, p99, p99.9 and the longest; of `n` values those that are not the longest by their nature.
    pub fn known(&self, n: u64) -> [Option<f64>; 5] {
        let of = |least: u64, ms: f64| (n >= least).then_some(ms);
        [
            of(1, self.p50),
            of(10, self.p90),
            of(100, self.p99),
            of(1000, self.p999),
            of(1, self.max),
        ]
    }

    /// From the load's account of itself, where `p50_ns` stands as `{prefix}p50_ns`; `None` where nothing ended `ok`.
    pub fn of(report: &serde_json::Value, prefix: &str) -> Option<Percentiles> {
        let ms = |name: &str| report[format!("{prefix}{name}_ns")].as_f64().map(|ns| ns / 1e6);
        Some(Percentiles {
            p50: ms("p50")?,
            p90: ms("p90")?,
            p99: ms("p99")?,
            p999: ms("p999")?,
            max: ms("max")?,
        })
    }
}

/// Of all victims of all valid trials; `success` is of the load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totals {
    /// `null`: the balancer does not tell what it believes.
    pub detected: Option<usize>,
    /// Victims.
    pub n: usize,
    /// Of so many trials: victims of one went at the same moment, and are no draws of their own.
    #[serde(default)]
    pub draws: usize,
    /// Victims of invalid trials: in no figure.
    #[serde(default)]
    pub invalid: usize,
    /// How many each detector was first to notice.
    #[serde(default)]
    pub detected_by: BTreeMap<String, usize>,
    pub t_detect_s: Option<Spread>,
    pub t_stop_s: Option<Spread>,
    #[serde(default)]
    pub t_lost_s: Option<Spread>,
    pub t_clear_s: Option<Spread>,
    pub t_readmit_s: Option<Spread>,
    pub residual_ms: Option<Residual>,
    pub lost_per_trial: Option<Mean>,
    /// Lost because of faults that the balancer never noticed; `null` as `detected`.
    #[serde(default)]
    pub lost_unnoticed: Option<u64>,
    /// Whether anything was lost to a noticed fault otherwise than in flight or within `t_detect`.
    #[serde(default)]
    pub lost_after_detect: Option<AfterDetect>,
    #[serde(default)]
    pub by_outcome: BTreeMap<Outcome, u64>,
    /// `null`: the balancer does not tell of attempts.
    #[serde(default)]
    pub saved_by_retry: Option<u64>,
    /// What the balancer forwarded from each fault until its last victim served again, and how many attempts that took
    /// per request. Of attempts that had begun before the fault only their retries are in it.
    #[serde(default)]
    pub forwarded: Option<Forwarded>,
    #[serde(default)]
    pub attempts_per_request: Option<f64>,
    /// Lost in windows ÷ (Σ time that attempts failed × rate ÷ routers): 1 when every request sent into the window
    /// failed and only those. Where retries come back to the router nothing new is sent there once it is out of use: its
    /// window ends at `t_detect`, however long they go on. `null` for a fault that fails only some, and for several
    /// victims.
    pub lost_over_expected: Option<f64>,
    /// Served ÷ sent over the measured time.
    pub success: Option<f64>,
}

/// What theory says; `null` where no figure exists, and a reason why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Theory {
    pub t_detect_s: Option<Bounds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Expected for one victim, on average.
    pub lost_per_trial: Option<f64>,
    #[serde(default)]
    pub lost: Option<Bounds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub min: f64,
    pub mean: Option<f64>,
    pub max: Option<f64>,
}

/// Noticed faults in which the attempt of a lost request had started after `t_detect`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AfterDetect {
    pub trials: usize,
    /// The longest `t_lost` − `t_detect`: negative when all were within it, by how long the last one was. A fault that
    /// lost nothing, or nobody noticed, is not in it; `lost_after_detect` is `null` without any other.
    pub max_ms: f64,
}

/// How much of the load meets a router whose attempts all fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exposure {
    /// So many requests a second.
    Rate(f64),
    /// The same, but retries come back to the router: what is made there after it was noticed is of requests that were
    /// sent before.
    Returning(f64),
    /// Not known: the fault fails only some requests, or the share changes while other victims go out of use.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    pub mean: f64,
}

impl Summary {
    /// The victims that figures are of.
    pub fn valid(&self) -> Vec<&Trial> {
        sample::valid(&self.trials)
    }

    /// Whether retries go to the router that failed, and to no other.
    pub fn retries_return(&self) -> bool {
        let is =
            |key: &str, words: &[&str]| self.check[key].as_str().is_some_and(|word| words.contains(&word));
        is("on-failure", &["retry", "retry-connect"]) && is("retry-to", &["same"])
    }
}

impl Exposure {
    pub fn of(spec: Spec, victims: u32, settings: &LabSettings) -> Exposure {
        match spec.fault {
            Fault::Slow | Fault::Cut => Exposure::Unknown,
            _ if !spec.on.requests() => Exposure::Unknown,
            _ if victims > 1 => Exposure::Unknown,
            _ => {
                let rate = settings.rate / f64::from(settings.routers.max(1));
                let retries = matches!(settings.lb.on_failure, OnFailure::Retry | OnFailure::RetryConnect);
                match retries && settings.lb.retry.to == RetryTo::Same {
                    true => Exposure::Returning(rate),
                    false => Exposure::Rate(rate),
                }
            }
        }
    }
}

/// Statistics of the valid ones of `all_trials`.
pub fn totals(all_trials: &[Trial], load: &LoadReport, exposure: Exposure) -> Totals {
    let trials = &sample::valid(all_trials)[..];
    let spread = |value: fn(&Trial) -> Option<f64>| Spread::of(trials.iter().filter_map(|t| value(t)));
    let missed = trials.iter().filter(|t| t.detected == Some(false)).count();
    let residuals = spread(|t| Some((t.t_detect_s? - t.predicted_t_detect_s?).abs() * 1e3));
    let lost: u64 = trials.iter().map(|t| t.lost.total()).sum();
    let mut detected_by = BTreeMap::new();
    for by in trials.iter().filter_map(|t| t.detected_by) {
        *detected_by.entry(detector(by).to_owned()).or_insert(0) += 1;
    }
    let mut by_outcome = BTreeMap::new();
    for (outcome, count) in trials.iter().flat_map(|t| &t.lost.by_outcome) {
        *by_outcome.entry(*outcome).or_insert(0) += count;
    }
    let forwarded = forwarded(trials);
    Totals {
        detected: all(trials, |t| t.detected).map(|all| all.iter().filter(|detected| **detected).count()),
        n: trials.len(),
        draws: sample::draws(trials),
        invalid: all_trials.len() - trials.len(),
        detected_by,
        t_detect_s: Spread::censored(trials.iter().filter_map(|t| t.t_detect_s), missed),
        t_stop_s: spread(|t| t.t_stop_s),
        t_lost_s: spread(|t| t.t_lost_s),
        t_clear_s: spread(|t| t.t_clear_s),
        t_readmit_s: spread(|t| t.t_readmit_s),
        residual_ms: residuals.and_then(Residual::of),
        lost_per_trial: (!trials.is_empty()).then(|| Mean {
            mean: lost as f64 / trials.len() as f64,
        }),
        lost_unnoticed: all(trials, |t| {
            t.detected
                .map(|detected| if detected { 0 } else { t.lost.total() })
        })
        .map(|all| all.iter().sum()),
        lost_after_detect: after_detect(trials),
        by_outcome,
        saved_by_retry: all(trials, |t| t.saved_by_retry).map(|all| all.iter().sum()),
        attempts_per_request: forwarded.and_then(|f| f.attempts_per_request()),
        forwarded,
        lost_over_expected: over_expected(trials, exposure),
        success: (load.ok + load.lost > 0).then(|| load.ok as f64 / (load.ok + load.lost) as f64),
    }
}

/// What each trial knows; `None` when one of them does not, or there is none.
fn all<T>(trials: &[&Trial], value: impl Fn(&Trial) -> Option<T>) -> Option<Vec<T>> {
    (!trials.is_empty()).then_some(())?;
    trials.iter().map(|t| value(t)).collect()
}

pub fn detector(by: Detector) -> &'static str {
    match by {
        Detector::Poll => "poll",
        Detector::Passive => "passive",
        Detector::Sentinel => "sentinel",
        Detector::Notice => "notice",
    }
}

/// A draining router fails nothing before it has closed.
fn over_expected(trials: &[&Trial], exposure: Exposure) -> Option<f64> {
    let (rate, returning) = match exposure {
        Exposure::Rate(rate) => (rate, false),
        Exposure::Returning(rate) => (rate, true),
        Exposure::Unknown => return None,
    };
    let exposed = |t: &Trial| Some((t.window_s(returning)? - t.t_closed_s.unwrap_or(0.0)).max(0.0));
    let expected = rate * trials.iter().filter_map(|t| exposed(t)).sum::<f64>();
    let window: u64 = trials.iter().map(|t| t.lost.window).sum();
    (expected > 0.0).then(|| window as f64 / expected)
}

fn after_detect(trials: &[&Trial]) -> Option<AfterDetect> {
    let over = Spread::of(
        trials
            .iter()
            .filter_map(|t| Some((t.t_lost_s? - t.t_detect_s?) * 1e3)),
    )?;
    let late =
        |t: &&&Trial| matches!((t.t_lost_s, t.t_detect_s), (Some(lost), Some(detect)) if lost > detect);
    Some(AfterDetect {
        trials: trials.iter().filter(late).count(),
        max_ms: over.max,
    })
}

/// Once for each trial: its victims share the figure.
fn forwarded(trials: &[&Trial]) -> Option<Forwarded> {
    let by_trial: BTreeMap<u32, Forwarded> = trials
        .iter()
        .filter_map(|t| Some((t.trial, t.forwarded?)))
        .collect();
    by_trial.into_values().reduce(|sum, more| sum + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy without a redispatch: noticed after 0.75 s, and its retries go on for three seconds more.
    #[test]
    fn retries_at_the_dead_router_do_not_widen_its_window() {
        let trial = |n: u32| {
            serde_json::json!({
                "trial": n, "fault": "kill", "router": "router-1", "stamp": "signal", "detected": true,
                "t_detect_s": 0.6, "t_stop_s": 3.6, "lost": {"in_flight": 0, "window": 30, "by_outcome": {"http_503": 30}},
                "causes": {"refused": 120}, "saved_by_retry": 0, "events_dropped": 0
            })
        };
        let trials: Vec<Trial> = serde_json::from_value([trial(1), trial(2)].into()).expect("trials");
        let trials: Vec<&Trial> = trials.iter().collect();
        let share = |exposure| over_expected(&trials, exposure).expect("a share");
        assert!((share(Exposure::Returning(50.0)) - 1.0).abs() < 1e-9);
        assert!((share(Exposure::Rate(50.0)) - 1.0 / 6.0).abs() < 1e-9);
        assert_eq!(over_expected(&trials, Exposure::Unknown), None);
    }
}
