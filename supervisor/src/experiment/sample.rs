//! PURE: which trials count, and how many of them are draws of their own: one definition for terminal, report and JSON.
//!
//! `n` counts victims of valid trials: each of them is a router that went. Victims of one trial went at the same moment,
//! so that how sure a figure is goes by trials: those are the draws.

use super::measure::Trial;
use std::collections::BTreeMap;

/// Fewer draws say little of a spread: their empirical distribution is known to ±43 percentage points and worse.
pub const FEW: usize = 10;

/// The victims of valid trials: what every figure is of.
pub fn valid(trials: &[Trial]) -> Vec<&Trial> {
    trials.iter().filter(|trial| !trial.is_invalid()).collect()
}

/// Trials, whatever the number of their victims.
pub fn draws(victims: &[&Trial]) -> usize {
    by_trial(victims).len()
}

/// The mean of each trial's victims; of trials in which none has the value there is none.
pub fn means(victims: &[&Trial], value: impl Fn(&Trial) -> Option<f64>) -> Vec<f64> {
    let values = by_trial(victims)
        .into_values()
        .map(|victims| victims.into_iter().filter_map(&value).collect::<Vec<f64>>());
    values
        .filter(|values| !values.is_empty())
        .map(|values| values.iter().sum::<f64>() / values.len() as f64)
        .collect()
}

/// The first victim of each trial, to whom its planned phase belongs: draws from the law of any victim.
pub fn firsts<'a>(victims: &[&'a Trial]) -> Vec<&'a Trial> {
    let all = by_trial(victims).into_values();
    all.filter_map(|victims| victims.first().copied()).collect()
}

/// An older program gave no numbers: then each is a trial.
fn by_trial<'a>(victims: &[&'a Trial]) -> BTreeMap<(u32, usize), Vec<&'a Trial>> {
    let mut trials: BTreeMap<(u32, usize), Vec<&Trial>> = BTreeMap::new();
    for (place, trial) in victims.iter().enumerate() {
        let own = if trial.trial == 0 { place } else { 0 };
        trials.entry((trial.trial, own)).or_default().push(trial);
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: u32, t_detect: f64) -> Trial {
        serde_json::from_value(serde_json::json!({
            "trial": number, "fault": "kill", "router": "router-1", "stamp": "signal", "detected": true,
            "t_detect_s": t_detect, "lost": {"in_flight": 0, "window": 0, "by_outcome": {}}, "causes": {},
            "saved_by_retry": 0, "events_dropped": 0
        }))
        .unwrap()
    }

    #[test]
    fn victims_of_a_trial_are_one_draw_and_invalid_trials_are_none() {
        let mut all = vec![trial(1, 1.0), trial(1, 3.0), trial(2, 5.0), trial(3, 9.0)];
        all[3].disturbed.push("load exited".to_owned());
        let valid = valid(&all);
        assert_eq!((valid.len(), draws(&valid)), (3, 2));
        assert_eq!(means(&valid, |trial| trial.t_detect_s), [2.0, 5.0]);
        let firsts = firsts(&valid).into_iter().map(|trial| trial.t_detect_s.unwrap());
        assert_eq!(firsts.collect::<Vec<_>>(), [1.0, 5.0]);
        let old = [trial(0, 1.0), trial(0, 2.0)];
        assert_eq!(draws(&old.iter().collect::<Vec<_>>()), 2);
    }
}
