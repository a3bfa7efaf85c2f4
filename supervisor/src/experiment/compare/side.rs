//! PURE: what one engine showed of one fault.
//!
//! Windows and losses are the clients' (`measure::Seen`), for every engine alike; detection and causes are the engine's
//! own word, and `null` where it gives none.

use crate::experiment::measure::{Seen, Teller, Trial};
use crate::experiment::summary::{Residual, Spread};
use router::record::{Cause, Fault, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One trial of one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    #[serde(flatten)]
    pub teller: Teller,
    pub clients: Clients,
    /// 99 of 100 requests were sent at most so much later than intended.
    pub late_p99_ms: Option<f64>,
    pub trial: Trial,
}

/// What a fault cost, from the clients' side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clients {
    /// Fault → intended time of the last lost request; 0: only requests in flight were lost, `null`: none.
    pub window_s: Option<f64>,
    /// Lost requests that had been sent before the fault.
    pub in_flight: BTreeMap<Outcome, u64>,
    /// And after it.
    pub window: BTreeMap<Outcome, u64>,
}

/// All trials of one fault on one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    #[serde(flatten)]
    pub teller: Teller,
    /// Valid trials.
    pub n: usize,
    /// Trials that lost events: in no figure.
    pub invalid: usize,
    /// `null`: the engine does not tell.
    pub detected: Option<usize>,
    pub t_detect_s: Option<Spread>,
    pub t_stop_s: Option<Spread>,
    pub residual_ms: Option<Residual>,
    /// Trials with a residual.
    pub residual_n: usize,
    pub window_s: Option<Spread>,
    /// Requests sent after the fault and lost, a trial.
    pub lost: Option<Spread>,
    /// Lost ÷ (window × rate ÷ routers).
    pub lost_over_window: Option<Share>,
    pub outcomes: BTreeMap<Outcome, Count>,
    /// `null`: the engine does not tell.
    pub causes: Option<BTreeMap<Cause, u64>>,
    pub saved_by_retry: Option<u64>,
    pub late_p99_ms: Option<f64>,
}

/// A share of the requests sent into windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// All trials together.
    pub pooled: f64,
    /// Of single ones.
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

/// Lost requests of all trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub in_flight: u64,
    pub window: u64,
}

impl Clients {
    pub fn of(seen: Seen) -> Clients {
        let mut in_flight = seen.lost.by_outcome;
        for (outcome, later) in &seen.window {
            if let Some(count) = in_flight.get_mut(outcome) {
                *count -= later;
            }
        }
        in_flight.retain(|_, count| *count > 0);
        Clients {
            window_s: seen.clear,
            in_flight,
            window: seen.window,
        }
    }

    fn lost(&self) -> u64 {
        self.window.values().sum()
    }
}

impl Side {
    /// Of `done`, the trials of one fault on one engine (at least one); `share` is the load of one router, in requests a
    /// second.
    pub fn of(done: &[&Done], share: f64) -> Option<Side> {
        let teller = done.first()?.teller.clone();
        let valid: Vec<&Done> = done
            .iter()
            .copied()
            .filter(|done| !done.trial.is_invalid())
            .collect();
        let spread =
            |value: &dyn Fn(&Done) -> Option<f64>| Spread::of(valid.iter().filter_map(|done| value(done)));
        let residual = |done: &Done| {
            let trial = &done.trial;
            Some((trial.t_detect_s? - trial.predicted_t_detect_s?).abs() * 1e3)
        };
        let residuals = spread(&residual);
        let mut outcomes: BTreeMap<Outcome, Count> = BTreeMap::new();
        for done in &valid {
            for (outcome, count) in &done.clients.in_flight {
                outcomes.entry(*outcome).or_default().in_flight += count;
            }
            for (outcome, count) in &done.clients.window {
                outcomes.entry(*outcome).or_default().window += count;
            }
        }
        Some(Side {
            n: valid.len(),
            invalid: done.len() - valid.len(),
            detected: all(&valid, |trial| trial.detected)
                .map(|all| all.into_iter().filter(|detected| *detected).count()),
            t_detect_s: spread(&|done| done.trial.t_detect_s),
            t_stop_s: spread(&|done| done.trial.t_stop_s),
            residual_ms: residuals.map(|r| Residual {
                median: r.p50,
                max: r.max,
            }),
            residual_n: valid.iter().filter(|done| residual(done).is_some()).count(),
            window_s: spread(&|done| done.clients.window_s),
            lost: spread(&|done| Some(done.clients.lost() as f64)),
            lost_over_window: Share::of(&valid, share),
            outcomes,
            causes: causes(&valid),
            saved_by_retry: all(&valid, |trial| trial.saved_by_retry).map(|all| all.into_iter().sum()),
            late_p99_ms: spread(&|done| done.late_p99_ms).map(|late| late.max),
            teller,
        })
    }

    /// Requests sent after the fault and lost, a trial.
    pub fn lost_a_trial(&self) -> f64 {
        self.lost.map_or(0.0, |lost| lost.mean)
    }
}

impl Share {
    /// `None` without a window of at least one request's gap: shorter ones say nothing of a rate.
    fn of(valid: &[&Done], share: f64) -> Option<Share> {
        let windows: Vec<(f64, f64)> = valid
            .iter()
            .filter_map(|done| Some((done.clients.lost() as f64, done.clients.window_s?)))
            .filter(|(_, window)| window * share >= 1.0)
            .collect();
        let expected: f64 = windows.iter().map(|(_, window)| window * share).sum();
        let single = Spread::of(windows.iter().map(|(lost, window)| lost / (window * share)))?;
        Some(Share {
            pooled: windows.iter().map(|(lost, _)| lost).sum::<f64>() / expected,
            min: single.min,
            median: single.p50,
            max: single.max,
        })
    }
}

/// What every trial tells.
fn all<T>(valid: &[&Done], value: impl Fn(&Trial) -> Option<T>) -> Option<Vec<T>> {
    valid.iter().map(|done| value(&done.trial)).collect()
}

fn causes(valid: &[&Done]) -> Option<BTreeMap<Cause, u64>> {
    let mut sum = BTreeMap::new();
    for causes in all(valid, |trial| trial.causes.clone())? {
        for (cause, count) in causes {
            *sum.entry(cause).or_insert(0) += count;
        }
    }
    Some(sum)
}

/// A fault in a word, as flags have it.
pub fn word(fault: Fault) -> String {
    match serde_json::to_value(fault) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
