//! PURE: what a run has found, in one sentence.

use crate::experiment::summary::{Spread, Summary};
use crate::report::advice::Facts;
use crate::report::shown;

/// A mean that theory's is nearer to than this is as theory says.
const NEAR: f64 = 0.1;
/// Less than this lost requests, or seconds, are no difference.
const NEAR_REQUESTS: f64 = 2.0;
const NEAR_S: f64 = 0.1;

pub fn sentence(s: &Summary, facts: Option<&Facts>) -> String {
    let Some(first) = s.trials.first() else {
        return "No trial was completed: nothing was measured but the load.".to_owned();
    };
    let t = &s.summary;
    let victims = s.setup.as_ref().map_or(1, |setup| setup.victims);
    let one = shown::one(first.fault);
    let with = facts.map_or(String::new(), |facts| format!(" with {}", facts.in_force()));
    let subject = format!(
        "{}, {}{with}",
        shown::when(first.fault, victims),
        super::engine(s)
    );
    let lost = t.lost_per_trial.map_or(String::new(), |lost| {
        format!("{} lost a {one}", shown::counted(lost.mean, "request"))
    });
    let missed = match t.detected {
        Some(detected) if detected < t.n => t.n - detected,
        _ => 0,
    };
    let noticed = match (t.t_stop_s, t.t_detect_s) {
        _ if missed == t.n => format!("never notices it (n = {})", t.n),
        (Some(stop), _) => format!(
            "sends {} requests for {}",
            them(victims),
            ranged(stop, s.trials.iter().filter(|t| t.t_stop_s.is_some()).count())
        ),
        (None, Some(detect)) => format!(
            "notices it after {}",
            ranged(detect, s.trials.iter().filter(|t| t.t_detect_s.is_some()).count())
        ),
        (None, None) => format!("does not tell when it notices (n = {})", t.n),
    };
    let saved = match t.saved_by_retry {
        Some(saved) if saved > 0 => format!(
            "; retries saved {} more",
            shown::mean(saved as f64 / t.n.max(1) as f64)
        ),
        _ => String::new(),
    };
    let but = match missed {
        0 => String::new(),
        all if all == t.n => String::new(),
        some => format!("; {some} of {} it never noticed", t.n),
    };
    format!("{subject} {noticed}: {lost}{}{saved}{but}.", theory(s))
}

fn them(victims: u32) -> &'static str {
    if victims > 1 { "them" } else { "it" }
}

/// `7.4 s (5.0 to 9.9, n = 20)`
fn ranged(spread: Spread, n: usize) -> String {
    let (mean, range) = shown::time_range(spread.mean, spread.min, spread.max);
    match n {
        1 => format!("{mean} (n = 1)"),
        _ => format!("{mean} ({range}, n = {n})"),
    }
}

/// `, as theory says (7.5 s, 375)`. Each mean is as theory's when it is within a tenth of it.
fn theory(s: &Summary) -> String {
    let expected = s.theory.t_detect_s.and_then(|bounds| bounds.mean);
    let measured = s.summary.t_detect_s.map(|spread| spread.mean);
    let lost = (
        s.summary.lost_per_trial.map(|lost| lost.mean),
        s.theory.lost_per_trial,
    );
    let mut figures = Vec::new();
    let mut agrees = Vec::new();
    if let Some(expected) = expected {
        figures.push(shown::time(expected));
        agrees.extend(measured.map(|measured| near(measured, expected, NEAR_S)));
    }
    if let (Some(measured), Some(expected)) = lost {
        figures.push(shown::mean(expected));
        agrees.push(near(measured, expected, NEAR_REQUESTS));
    }
    if figures.is_empty() || agrees.is_empty() {
        return String::new();
    }
    let how = match agrees.iter().all(|agrees| *agrees) {
        true => "as theory says",
        false => "where theory says",
    };
    match how {
        "as theory says" => format!(", {how} ({})", figures.join(", ")),
        _ => format!(", {how} {}", figures.join(" and ")),
    }
}

fn near(measured: f64, expected: f64, least: f64) -> bool {
    (measured - expected).abs() <= (expected.abs() * NEAR).max(least)
}
