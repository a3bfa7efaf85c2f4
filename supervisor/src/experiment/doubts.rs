//! PURE: what makes figures doubtful, in words: one rule for terminal and report, run, sweep and comparison.

use super::measure::Trial;
use super::sample::{self, FEW};
use super::summary::Summary;
use crate::report::statistics::band;
use router::record::Detector;

/// A load is late for nothing that is measured below the first, and for any figure above the second.
const LATE_MS: std::ops::RangeInclusive<f64> = 1.0..=5.0;
/// And in between where it is more than this share of the shortest window that requests met.
const LATE_SHARE: f64 = 0.1;
/// A residual of less than this, or than this share of the interval, is no doubt.
const RESIDUAL_S: f64 = 0.02;
const RESIDUAL_SHARE: f64 = 0.1;
/// A fault so near to a check may be before or after it: then a whole interval is to spare.
const TIE_S: f64 = 0.002;

/// The lateness at the 99th percentile that is too much beside windows of which this is the shortest. `None`: no request
/// met one; what was noticed without any, as by a sentinel, does not depend on the load.
fn late_limit_ms(shortest_window_s: Option<f64>) -> f64 {
    let share = shortest_window_s.map_or(f64::INFINITY, |window| window * 1e3 * LATE_SHARE);
    share.clamp(*LATE_MS.start(), *LATE_MS.end())
}

/// What is said of a run's load that was late.
pub fn late_load(s: &Summary) -> Option<String> {
    let valid = s.valid();
    late(
        s.load.late_p99_ms,
        valid
            .iter()
            .filter_map(|trial| trial.t_stop_s.or(trial.t_clear_s)),
    )
}

/// What is said of a load that was so late beside these `windows`.
pub fn late(p99_ms: Option<f64>, windows: impl Iterator<Item = f64>) -> Option<String> {
    let shortest = windows.filter(|window| *window > 0.0).reduce(f64::min);
    p99_ms.filter(|late| *late > late_limit_ms(shortest)).map(|late| {
        format!(
            "the load generator was late: 1 % of the requests by more than {late:.1} ms; this machine was too busy: doubt \
             differences smaller than that"
        )
    })
}

/// What is said of so few draws; `n` names them. Without any there is nothing to doubt.
pub fn few(n: &str, draws: usize) -> Option<String> {
    let points = |draws| band(draws).unwrap_or(1.0) * 100.0;
    (0 < draws && draws < FEW).then(|| {
        format!(
            "{n}: too few to speak of a spread: a share is known to ±{:.0} points (of 20 trials: ±{:.0})",
            points(draws),
            points(20)
        )
    })
}

/// What is said of records that could not be written. What was measured was heard, and not read from there.
pub fn unwritten(records: u64) -> Option<String> {
    let (plural, they) = if records == 1 { ("", "it") } else { ("s", "them") };
    (records > 0).then(|| {
        format!(
            "{records} record{plural} could not be written, as on a full disk: the logs and the timelines lack {they}, the \
             figures do not"
        )
    })
}

/// The same of a run.
pub fn few_trials(s: &Summary) -> Option<String> {
    let valid = s.valid();
    let draws = sample::draws(&valid);
    let n = match valid.len() == draws {
        true => format!("n = {draws}"),
        false => format!(
            "n = {} victims of {draws} {}, which fell together",
            valid.len(),
            if draws == 1 { "trial" } else { "trials" }
        ),
    };
    few(&n, draws)
}

/// What is said of checks that kept no time.
pub fn late_checks(s: &Summary) -> Option<String> {
    let interval = s.check["interval_s"]
        .as_f64()
        .filter(|interval| *interval > 0.0)?;
    let far = RESIDUAL_S.max(interval * RESIDUAL_SHARE);
    let late = |trial: &&Trial| residual_s(trial, interval).is_some_and(|residual| residual.abs() > far);
    let all: Vec<&Trial> = s.valid().into_iter().filter(late).collect();
    let worst = all.iter().copied().max_by(|a, b| {
        let size = |trial| residual_s(trial, interval).map_or(0.0, f64::abs);
        size(a).total_cmp(&size(b))
    })?;
    let residual = residual_s(worst, interval)?;
    let (which, why) = match residual > 0.0 {
        true => (
            "later",
            "the balancer's own checks were late, or the machine stood still",
        ),
        false => ("earlier", "its checks did not keep their time"),
    };
    let more = match all.len() {
        1 => String::new(),
        n => format!(" ({} more likewise, by less)", n - 1),
    };
    Some(format!(
        "trial {}: t_detect came {:.0} ms {which} than its checks predict{more}: {why}",
        worst.trial,
        residual.abs() * 1e3
    ))
}

/// Measured minus predicted; `None` also where the log cannot tell which was first, the fault or a check.
fn residual_s(trial: &Trial, interval: f64) -> Option<f64> {
    let residual = trial.t_detect_s? - trial.predicted_t_detect_s?;
    (trial.detected_by.is_none_or(|by| by == Detector::Poll)).then_some(())?;
    let to_check = trial
        .phase_s
        .map_or(f64::INFINITY, |phase| phase.min((interval - phase).abs()));
    let whole = (residual.abs() - interval).abs() < RESIDUAL_S.max(interval * RESIDUAL_SHARE);
    (!(whole && to_check < TIE_S)).then_some(residual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(n: u32, phase: f64, late: f64) -> Trial {
        serde_json::from_value(serde_json::json!({
            "trial": n, "fault": "kill", "router": "router-1", "stamp": "signal", "phase_s": phase, "detected": true,
            "detected_by": "poll", "t_detect_s": 0.6 + late, "predicted_t_detect_s": 0.6,
            "lost": {"in_flight": 0, "window": 0, "by_outcome": {}}, "causes": {}, "saved_by_retry": 0, "events_dropped": 0
        }))
        .unwrap()
    }

    #[test]
    fn a_balancer_that_stood_still_is_told_and_a_tie_is_none() {
        let mut s = crate::report::run::tests::summary(&[]);
        s.check = serde_json::json!({"interval_s": 0.4});
        s.trials = vec![trial(10, 0.1, 0.002), trial(11, 0.1, 0.248), trial(12, 0.1, 0.05)];
        assert_eq!(
            late_checks(&s).unwrap(),
            "trial 11: t_detect came 248 ms later than its checks predict (1 more likewise, by less): the balancer's own \
             checks were late, or the machine stood still"
        );
        s.trials = vec![trial(1, 0.0004, -0.399), trial(2, 0.2, 0.03)];
        assert_eq!(late_checks(&s), None);
        s.trials = vec![trial(1, 0.2, -0.399)];
        assert!(late_checks(&s).unwrap().contains("399 ms earlier"));
    }

    #[test]
    fn a_load_is_late_beside_what_requests_met_and_never_below_a_millisecond() {
        let mut s = crate::report::run::tests::summary(&[Some(0.02)]);
        let says = |s: &mut Summary, late, stop: Option<f64>| {
            s.load.late_p99_ms = Some(late);
            s.trials[0].t_stop_s = stop;
            late_load(s).is_some()
        };
        assert!(!says(&mut s, 0.99, Some(0.001)));
        assert!(says(&mut s, 1.3, Some(0.010)));
        assert!(!says(&mut s, 1.3, Some(0.75)));
        // A sentinel: no request met the dead router.
        assert!(!says(&mut s, 1.3, Some(0.0)));
        assert!(says(&mut s, 5.1, Some(7.5)));
    }
}
