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
    /// Fault → intended time of the last lost request that was sent after it; `null`: none was.
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
    /// `null`: the engine does not tell of every attempt.
    pub t_stop_s: Option<Spread>,
    /// Of how many trials each of these figures is; `null`: by an older program.
    #[serde(default)]
    pub of: Option<Of>,
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
    /// So many of these attempts nobody saw: its log names only how often a request was tried again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reckoned: u64,
    pub saved_by_retry: Option<u64>,
    pub late_p99_ms: Option<f64>,
}

/// Trials that have a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    pub t_detect_s: usize,
    pub t_stop_s: usize,
    pub window_s: usize,
    /// Trials whose window was long enough for a share.
    pub lost_over_window: usize,
    /// Trials of which it is known where the checks stood; `null`: by an older program.
    #[serde(default)]
    pub phase_s: Option<usize>,
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
        let missed = valid
            .iter()
            .filter(|done| done.trial.detected == Some(false))
            .count();
        let residual = |done: &Done| {
            let trial = &done.trial;
            Some((trial.t_detect_s? - trial.predicted_t_detect_s?).abs() * 1e3)
        };
        let residuals = spread(&residual);
        let having = |value: &dyn Fn(&Done) -> bool| valid.iter().filter(|done| value(done)).count();
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
            t_detect_s: Spread::censored(valid.iter().filter_map(|done| done.trial.t_detect_s), missed),
            t_stop_s: spread(&|done| done.trial.t_stop_s),
            of: Some(Of {
                t_detect_s: having(&|done| done.trial.t_detect_s.is_some()),
                t_stop_s: having(&|done| done.trial.t_stop_s.is_some()),
                window_s: having(&|done| done.clients.window_s.is_some()),
                lost_over_window: having(&|done| Share::one(done, share).is_some()),
                phase_s: Some(having(&|done| done.trial.phase_s.is_some())),
            }),
            residual_ms: residuals.and_then(Residual::of),
            residual_n: having(&|done| residual(done).is_some()),
            window_s: spread(&|done| done.clients.window_s),
            lost: spread(&|done| Some(done.clients.lost() as f64)),
            lost_over_window: Share::of(&valid, share),
            outcomes,
            causes: causes(&valid),
            reckoned: valid.iter().map(|done| done.trial.reckoned).sum(),
            saved_by_retry: all(&valid, |trial| trial.saved_by_retry).map(|all| all.into_iter().sum()),
            late_p99_ms: spread(&|done| done.late_p99_ms).map(|late| late.max),
            teller,
        })
    }

    /// `, 3 of 5`: the trials that a figure is of, where these are not all of them.
    pub fn of_some(&self, of: impl Fn(&Of) -> usize) -> String {
        match self.of.as_ref().map(of) {
            Some(some) if some > 0 && some < self.n => format!(", {some} of {}", self.n),
            _ => String::new(),
        }
    }

    /// Requests sent after the fault and lost, a trial.
    pub fn lost_a_trial(&self) -> f64 {
        self.lost.map_or(0.0, |lost| lost.mean)
    }
}

impl Share {
    /// `None` without a window of at least one request's gap: shorter ones say nothing of a rate.
    fn of(valid: &[&Done], share: f64) -> Option<Share> {
        let windows: Vec<(f64, f64)> = valid.iter().filter_map(|done| Share::one(done, share)).collect();
        let expected: f64 = windows.iter().map(|(_, window)| window * share).sum();
        let single = Spread::of(windows.iter().map(|(lost, window)| lost / (window * share)))?;
        Some(Share {
            pooled: windows.iter().map(|(lost, _)| lost).sum::<f64>() / expected,
            min: single.min,
            median: single.p50?,
            max: single.max,
        })
    }
}

impl Share {
    /// Lost requests and window of a trial.
    fn one(done: &Done, share: f64) -> Option<(f64, f64)> {
        let (lost, window) = (done.clients.lost() as f64, done.clients.window_s?);
        (window * share >= 1.0).then_some((lost, window))
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

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A fault in a word, as flags have it.
pub fn word(fault: Fault) -> String {
    match serde_json::to_value(fault) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
