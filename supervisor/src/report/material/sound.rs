//! PURE: figures that cannot be are taken out of a summary, and named.

use crate::experiment::measure::Trial;
use crate::experiment::summary::{Bounds, LoadReport, Percentiles, Spread, Summary};

/// Three years: no trial takes longer.
const LONGEST_S: f64 = 1e8;

/// Makes every figure of `summary` one that can be shown; says what could not be.
pub fn sound(summary: &mut Summary) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut trials: Vec<String> = Vec::new();
    for trial in &mut summary.trials {
        if !sound_trial(trial) {
            trials.push(trial.trial.to_string());
        }
    }
    if !trials.is_empty() {
        let some = trials.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if trials.len() > 5 { " and more" } else { "" };
        doubts.push(format!(
            "summary.json: impossible times of trial {some}{more} are left out"
        ));
    }
    let totals = &mut summary.summary;
    let mut spreads = [
        &mut totals.t_detect_s,
        &mut totals.t_stop_s,
        &mut totals.t_lost_s,
        &mut totals.t_clear_s,
        &mut totals.t_readmit_s,
    ];
    let mut kept = spreads.iter_mut().map(|spread| keep(spread, spread_is_sound));
    let mut fine = kept.by_ref().fold(true, |fine, kept| fine & kept);
    drop(kept);
    fine &= keep(&mut totals.residual_ms, |r| {
        time(r.median * 1e-3) && time(r.max * 1e-3)
    });
    fine &= keep(&mut totals.lost_per_trial, |lost| {
        (0.0..1e15).contains(&lost.mean)
    });
    fine &= keep(&mut totals.success, |success| (0.0..=1.0).contains(success));
    fine &= keep(&mut summary.slo, |slo| (0.0..=1.0).contains(slo));
    fine &= keep(&mut summary.theory.t_detect_s, bounds_are_sound);
    fine &= keep(&mut summary.theory.lost, bounds_are_sound);
    fine &= keep(&mut summary.theory.lost_per_trial, |lost| {
        (0.0..1e15).contains(lost)
    });
    fine &= sound_load(&mut summary.load);
    if !fine {
        doubts.push("summary.json: totals that cannot be are left out".to_owned());
    }
    doubts
}

fn sound_trial(trial: &mut Trial) -> bool {
    let mut times = [
        &mut trial.phase_s,
        &mut trial.t_detect_s,
        &mut trial.predicted_t_detect_s,
        &mut trial.t_stop_s,
        &mut trial.t_lost_s,
        &mut trial.t_clear_s,
        &mut trial.t_readmit_s,
        &mut trial.t_closed_s,
    ];
    times
        .iter_mut()
        .fold(true, |fine, value| fine & keep(value, |seconds| time(*seconds)))
}

fn sound_load(load: &mut LoadReport) -> bool {
    let rate = (0.0..=1e9).contains(&load.rate);
    if !rate {
        load.rate = 0.0;
    }
    let late = |ms: &f64| time(ms * 1e-3);
    rate & keep(&mut load.late_p99_ms, late)
        & keep(&mut load.late_max_ms, late)
        & keep(&mut load.latency_ms, percentiles_are_sound)
        & keep(&mut load.service_ms, percentiles_are_sound)
}

/// Whether it stayed.
fn keep<T>(value: &mut Option<T>, is_sound: impl Fn(&T) -> bool) -> bool {
    let fine = value.as_ref().is_none_or(is_sound);
    if !fine {
        *value = None;
    }
    fine
}

fn time(seconds: f64) -> bool {
    seconds.is_finite() && seconds.abs() <= LONGEST_S
}

fn spread_is_sound(s: &Spread) -> bool {
    let percentiles = [s.p50, s.p95, s.p99].into_iter().flatten();
    [s.min, s.mean, s.max].into_iter().chain(percentiles).all(time)
}

fn bounds_are_sound(b: &Bounds) -> bool {
    let figures = [Some(b.min), b.mean, b.max];
    figures
        .into_iter()
        .flatten()
        .all(|figure| figure.is_finite() && figure.abs() < 1e15)
}

fn percentiles_are_sound(p: &Percentiles) -> bool {
    [p.p50, p.p90, p.p99, p.p999, p.max]
        .into_iter()
        .all(|ms| time(ms * 1e-3))
}
