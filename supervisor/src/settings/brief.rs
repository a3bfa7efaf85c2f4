//! PURE: settings on one line that fits a terminal.

use lb_sim::core::Settings;
use lb_sim::core::settings::{Group, KEYS, Key, TABLE};
use serde_json::{Map, Value};
use std::time::Duration;

/// What decides how long a dead router is used, and what that costs.
pub const SAID: [&str; 8] = [
    "interval",
    "timeout",
    "fall",
    "rise",
    "schedule",
    "detector",
    "mode",
    "on-failure",
];

/// Checks that come more seldom than that are as good as none: presets of systems without checks have the lab's come
/// once a day.
pub const SELDOM: Duration = Duration::from_secs(3600);

/// Whether `key` says something of a balancer of these settings.
pub fn means_something(key: &str, settings: &Settings) -> bool {
    let detectors = ["detector", "sentinel-renew"];
    let of_checks = |known: &Key| known.group == Group::Checks && !detectors.contains(&known.name);
    settings.check.interval < SELDOM || !TABLE.iter().any(|known| known.name == key && of_checks(known))
}

/// How a router is checked, what else notices, what a client sees. What differs from the preset stands beside its name:
/// [`PresetNote`](super::PresetNote).
pub fn brief(settings: &Settings) -> String {
    let said = settings.words().into_iter().filter(|(key, _)| SAID.contains(key));
    let said = said.filter(|(key, _)| means_something(key, settings));
    let none = settings.check.interval >= SELDOM;
    let none = none.then(|| "no health checks".to_owned());
    let words = said.map(|(key, word)| format!("{key}={word}"));
    none.into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// [`brief`] of the settings that a running lab shows. Words of another version are not ours to judge: all are said.
pub fn brief_of(shown: &Value) -> String {
    match of(shown) {
        Some(settings) => brief(&settings),
        None => pairs(shown).map(|(key, word)| format!("{key}={word} ")).collect(),
    }
}

/// The balancer's settings that a running lab shows; `None`: they are in words of another version.
pub fn of(shown: &Value) -> Option<Settings> {
    let known = shown.as_object().into_iter().flatten();
    let known = known.filter(|(key, _)| KEYS.contains(&key.as_str()));
    let known: Map<String, Value> = known.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut settings = Settings::default();
    settings.set_json(&known).ok()?;
    Some(settings)
}

/// Every setting that a running lab shows, with its word.
pub fn pairs(shown: &Value) -> impl Iterator<Item = (&str, String)> {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = shown.as_object().into_iter().flatten();
    all.map(move |(key, value)| (key.as_str(), word(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_for_every_preset() {
        let line = brief(&Settings::default());
        assert_eq!(
            line,
            "interval=5s timeout=2s fall=2 rise=2 schedule=start detector=poll mode=http on-failure=reset"
        );
        let nginx = &lb_sim::presets::named("nginx").unwrap().settings;
        assert_eq!(
            brief(nginx),
            "no health checks detector=passive mode=http on-failure=retry"
        );
        for preset in lb_sim::presets::all() {
            let line = brief(&preset.settings);
            assert!(line.len() <= 110, "{}: {line}", preset.name);
            let mut shown = serde_json::to_value(&preset.settings).unwrap();
            shown["rate"] = 200.0.into();
            assert_eq!(brief_of(&shown), line, "{}", preset.name);
        }
    }
}
