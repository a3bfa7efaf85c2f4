//! PURE: what theory says of settings, those in force and those that somebody thinks of.

use super::frame::{Expected, Unretried};
use crate::experiment::forecast::Forecast;
use crate::settings::{LabSettings, entries};
use lb_sim::core::OnFailure;
use lb_sim::core::settings::KEYS;
use lb_sim::theory::load;
use router::fault::Spec;
use router::record::Fault;
use serde_json::Value;
use std::collections::BTreeSet;

impl Expected {
    pub fn of(settings: &LabSettings) -> Expected {
        let theory = |fault| Forecast::new(settings, Spec::new(fault), 1).theory();
        let checks = || load::checks_per_second(&settings.lb.check, settings.routers);
        Expected {
            checks_per_s: settings.has_checks().then(checks),
            kill: theory(Fault::Kill),
            hang: theory(Fault::Hang),
            lost_unretried: unretried(settings),
        }
    }
}

/// A retry loses no request that would not have been lost without it.
fn unretried(settings: &LabSettings) -> Option<Unretried> {
    let retries = [OnFailure::Retry, OnFailure::RetryConnect].contains(&settings.lb.on_failure);
    let mut without = settings.clone();
    without.lb.on_failure = OnFailure::Reset;
    let lost = |fault| {
        Forecast::new(&without, Spec::new(fault), 1)
            .theory()
            .lost_per_trial
    };
    retries.then(|| Unretried {
        kill: lost(Fault::Kill),
        hang: lost(Fault::Hang),
    })
}

/// As `ps` shows them: by their words, with `rate` and `restart-delay`.
pub fn shown(settings: &LabSettings) -> Value {
    let router = settings.router.in_force();
    entries::shown(&settings.lb, settings.rate, Some(settings.backoff()), &router)
}

/// What of a lab theory asks for, beside the balancer's.
const ASKED: [&str; 5] = ["rate", "routers", "arrivals", "client-timeout", "preset"];

/// `settings` with those words over them; the error says what was expected.
pub fn with(settings: &LabSettings, words: &[(String, String)]) -> Result<LabSettings, String> {
    let mut settings = settings.clone();
    let mut said = BTreeSet::new();
    for (key, word) in words {
        let key = key.replace('_', "-");
        if !said.insert(key.clone()) {
            return Err(format!("`{key}` is asked for twice: which of them is meant?"));
        }
        // Anybody on this machine may ask: nothing that names a file.
        if !KEYS.contains(&key.as_str()) && !ASKED.contains(&key.as_str()) {
            return Err(format!(
                "theory does not ask for `{key}`: expected a setting of the balancer or one of {}",
                ASKED.join(", ")
            ));
        }
        if key == "preset" && lb_sim::presets::named(word).is_none() {
            return Err(format!(
                "preset cannot be `{word}`: expected the name of one; `resetlab presets` lists them"
            ));
        }
        settings.set("?", &key, word).map_err(|bad| bad.problem)?;
    }
    settings.possible_together()?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, word): &(&str, &str)| ((*key).to_owned(), (*word).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn other_settings_have_another_theory_and_files_are_not_read() {
        let lab = LabSettings::default();
        let other = with(
            &lab,
            &words(&[("interval", "1s"), ("timeout", "1s"), ("fall", "3")]),
        )
        .unwrap();
        let expected = Expected::of(&other);
        assert_eq!(expected.kill.t_detect_s.unwrap().max, Some(3.0));
        assert_eq!(expected.checks_per_s, Some(4.0));
        assert_eq!(shown(&other)["fall"], 3);
        let silent = with(&lab, &words(&[("preset", "nginx")])).unwrap();
        assert_eq!(Expected::of(&silent).checks_per_s, None);
        assert_eq!(Expected::of(&other).lost_unretried, None);
        let retried = with(&other, &words(&[("on-failure", "retry")])).unwrap();
        let (with_retries, without) = (Expected::of(&retried), Expected::of(&other));
        assert_eq!(with_retries.kill.lost_per_trial, None);
        let lost = with_retries.lost_unretried.unwrap();
        assert_eq!(
            (lost.kill, lost.hang),
            (without.kill.lost_per_trial, without.hang.lost_per_trial)
        );
        assert!(lost.kill.unwrap() > 100.0 && lost.hang > lost.kill);
        for (key, word) in [
            ("preset", "/etc/passwd"),
            ("preset", "./mine.toml"),
            ("engine-config", "/etc/passwd"),
            ("out", "/tmp"),
            ("fall", "0"),
            ("nonsense", "1"),
        ] {
            assert!(with(&lab, &words(&[(key, word)])).is_err(), "{key}={word}");
        }
        let twice = words(&[("fall", "2"), ("fall", "2")]);
        let why = with(&lab, &twice).unwrap_err();
        assert_eq!(why, "`fall` is asked for twice: which of them is meant?");
    }
}
