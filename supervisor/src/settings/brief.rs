//! PURE: settings on one line that fits a terminal.

use lb_sim::core::Settings;
use lb_sim::core::settings::KEYS;
use serde_json::{Map, Value};

/// What decides how long a dead router is used, and what that costs.
const SAID: [&str; 8] = [
    "interval",
    "timeout",
    "fall",
    "rise",
    "schedule",
    "detector",
    "mode",
    "on-failure",
];

/// How a router is checked, what else notices, what a client sees. What differs from the preset stands beside its name:
/// [`PresetNote`](super::PresetNote).
pub fn brief(settings: &Settings) -> String {
    let said = settings.words().into_iter().filter(|(key, _)| SAID.contains(key));
    let words: Vec<String> = said.map(|(key, word)| format!("{key}={word}")).collect();
    words.join(" ")
}

/// [`brief`] of the settings that a running lab shows. Words of another version are not ours to judge: all are said.
pub fn brief_of(shown: &Value) -> String {
    let known = shown.as_object().into_iter().flatten();
    let known = known.filter(|(key, _)| KEYS.contains(&key.as_str()));
    let known: Map<String, Value> = known.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut settings = Settings::default();
    match settings.set_json(&known) {
        Ok(()) => brief(&settings),
        Err(_) => pairs(shown).map(|(key, word)| format!("{key}={word} ")).collect(),
    }
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
        for preset in lb_sim::presets::all() {
            let line = brief(&preset.settings);
            assert!(line.len() <= 110, "{}: {line}", preset.name);
            let mut shown = serde_json::to_value(&preset.settings).unwrap();
            shown["rate"] = 200.0.into();
            assert_eq!(brief_of(&shown), line, "{}", preset.name);
        }
    }
}
