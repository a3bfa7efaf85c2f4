//! PURE: whether two engines did the same.

use super::side::Side;
use crate::engine::Engine;
use router::record::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An outcome counts from this share of an engine's lost requests on: fewer say more of the moment than of the engine.
pub const NOISE: f64 = 0.02;
/// So many requests a trial, or fewer, are single ones: a connection that its balancer had not yet seen to be closed,
/// for one. They are no loss of an engine's, and no outcome of its.
pub const SINGLE: f64 = 1.0;
/// Shares of lost requests may differ by so much of the first.
pub const APART: f64 = 0.05;
/// A median residual may be so long.
pub const RESIDUAL_MS: f64 = 50.0;

/// One engine beside another, for one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub engine: String,
    /// What it was compared with.
    pub against: String,
    /// All that could be judged; `null` when nothing could.
    pub agree: Option<bool>,
    /// The same outcomes of requests sent after the fault.
    pub classes: Judged,
    /// The same share of the requests sent into the window was lost.
    pub numbers: Judged,
    /// Both did what theory predicts from each router's own last check.
    pub residuals: Judged,
}

/// `null`: there is nothing to judge by, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub agree: Option<bool>,
    pub reason: String,
}

impl Verdict {
    /// `first` is what `other` is compared with; `no_theory` says why there are no predictions, where that is known.
    pub fn of(first: &Side, other: &Side, no_theory: Option<&str>) -> Verdict {
        let (classes, numbers) = (classes(first, other), numbers(first, other));
        let residuals = residuals(first, other, no_theory);
        let judged: Vec<bool> = [&classes, &numbers, &residuals]
            .into_iter()
            .filter_map(|judged| judged.agree)
            .collect();
        Verdict {
            engine: other.teller.engine.clone(),
            against: first.teller.engine.clone(),
            agree: (!judged.is_empty()).then(|| judged.iter().all(|agree| *agree)),
            classes,
            numbers,
            residuals,
        }
    }
}

impl Judged {
    fn new(agree: bool, reason: String) -> Judged {
        Judged {
            agree: Some(agree),
            reason,
        }
    }

    fn unknown(reason: String) -> Judged {
        Judged { agree: None, reason }
    }
}

impl Side {
    /// It lost nothing but single requests after its faults.
    fn is_quiet(&self) -> bool {
        self.lost_a_trial() <= SINGLE
    }

    /// Requests a trial that were sent after the fault and ended so.
    fn each(&self, outcome: Outcome) -> f64 {
        let count = self.outcomes.get(&outcome).map_or(0, |count| count.window);
        count as f64 / self.n.max(1) as f64
    }

    /// Nobody knows where its checks stood at any fault, and why that is.
    pub fn hides_checks(&self) -> bool {
        let unseen = self.of.is_some_and(|of| of.phase_s == Some(0));
        unseen && self.n > 0 && self.teller.engine == Engine::Haproxy.name()
    }

    /// The outcomes that count of requests sent after the fault.
    pub fn classes(&self) -> BTreeSet<Outcome> {
        let all: u64 = self.outcomes.values().map(|count| count.window).sum();
        let least = (NOISE * all as f64).max(SINGLE * self.n as f64);
        let counts = self
            .outcomes
            .iter()
            .filter(|(_, count)| count.window as f64 > least);
        counts.map(|(outcome, _)| *outcome).collect()
    }
}

fn classes(first: &Side, other: &Side) -> Judged {
    if first.n == 0 || other.n == 0 {
        return Judged::unknown(NO_TRIAL.to_owned());
    }
    let (a, b) = (first.classes(), other.classes());
    let apart = |outcome: &Outcome| (first.each(*outcome) - other.each(*outcome)).abs() > SINGLE;
    let agree = !a.symmetric_difference(&b).any(apart);
    let reason = match (agree, a.is_empty() && b.is_empty()) {
        (true, true) => "none of either more than once a trial after the fault".to_owned(),
        (true, false) => words(&a.union(&b).copied().collect()),
        (false, _) => format!(
            "{}: {}; {}: {}",
            first.teller.engine,
            words(&a),
            other.teller.engine,
            words(&b)
        ),
    };
    Judged::new(agree, reason)
}

fn numbers(first: &Side, other: &Side) -> Judged {
    if first.n == 0 || other.n == 0 {
        return Judged::unknown(NO_TRIAL.to_owned());
    }
    let (quiet, also) = (first.is_quiet(), other.is_quiet());
    if quiet && also {
        return Judged::new(
            true,
            "neither lost more than one request a trial after the fault".to_owned(),
        );
    }
    if quiet || also {
        let (a, b) = (first.lost_a_trial(), other.lost_a_trial());
        return Judged::new(
            (a - b).abs() <= SINGLE,
            format!("{a:.1} and {b:.1} requests lost a trial after the fault; one apart is allowed"),
        );
    }
    let (Some(a), Some(b)) = (first.lost_over_window, other.lost_over_window) else {
        return Judged::unknown("no window is long enough to count requests in".to_owned());
    };
    let apart = (b.pooled / a.pooled - 1.0).abs();
    let one = one_request(first.lost_a_trial().min(other.lost_a_trial()));
    let allowed = APART.max(one);
    let within = match allowed > APART {
        true => "one request a trial is",
        false => "allowed are",
    };
    let reason = format!(
        "{:.3} and {:.3}, {:.1} % apart; {within} {:.0} %",
        a.pooled,
        b.pooled,
        apart * 100.0,
        allowed * 100.0
    );
    Judged::new(apart <= allowed, reason)
}

/// How far shares of so many lost requests a trial are apart when one of them is due to where the fault fell: n requests
/// span n − 1 gaps and a part of one, and their window is known to that part only.
fn one_request(lost: f64) -> f64 {
    1.0 / (lost - 1.0).max(1.0)
}

fn residuals(first: &Side, other: &Side, no_theory: Option<&str>) -> Judged {
    for side in [first, other] {
        let engine = &side.teller.engine;
        if !side.teller.belief {
            return Judged::unknown(format!("{engine} does not tell what it believes"));
        }
        if side.residual_ms.is_none() {
            return Judged::unknown(match (side.detected, no_theory) {
                (_, Some(why)) => format!("no prediction: {why}"),
                (Some(0), None) => format!("{engine} noticed no fault"),
                (_, None) if side.hides_checks() => format!("no prediction: {UNSEEN}"),
                (_, None) => format!(
                    "theory foretells no single death of {engine}: gaps between its checks are random, or checks are \
                     not all that notices"
                ),
            });
        }
    }
    let median = |side: &Side| side.residual_ms.map_or(f64::INFINITY, |residual| residual.median);
    let (a, b) = (median(first), median(other));
    let missed = |side: &Side| side.detected.is_some_and(|detected| detected < side.n);
    if missed(first) != missed(other) {
        return Judged::new(
            false,
            format!(
                "{} noticed {} of {}, {} {} of {}",
                first.teller.engine,
                first.detected.unwrap_or(0),
                first.n,
                other.teller.engine,
                other.detected.unwrap_or(0),
                other.n
            ),
        );
    }
    Judged::new(
        a <= RESIDUAL_MS && b <= RESIDUAL_MS,
        format!("medians {a:.1} and {b:.1} ms; allowed are {RESIDUAL_MS:.0}"),
    )
}

/// Of HAProxy's `check=tcp`.
pub const UNSEEN: &str = "haproxy resets its connection checks (check=tcp) before the router accepts them, so that where \
    they stood at a fault is not seen";
const NO_TRIAL: &str = "there is no valid trial of both";

/// `http_502, http_503`.
pub fn words(classes: &BTreeSet<Outcome>) -> String {
    let words: Vec<String> = classes.iter().map(|outcome| name(*outcome)).collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}

/// An outcome as the records have it.
pub fn name(outcome: Outcome) -> String {
    match serde_json::to_value(outcome) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
