//! The preset that a balancer's settings start from: found, put under what was set one by one, told.

use super::LabSettings;
use super::brief::SELDOM;
use crate::engine::Engine;
use lb_sim::core::settings::KEYS;
use lb_sim::core::{Check, Settings};
use lb_sim::presets::{self, Preset, nearest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// What is said of the preset wherever a lab or a result is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetNote {
    pub name: String,
    /// `measured`, `source`, `documented`.
    pub grade: String,
    /// The system and its versions that it speaks for.
    pub versions: String,
    /// What is in force otherwise, by key.
    #[serde(rename = "with")]
    pub overridden: BTreeMap<String, String>,
}

/// The preset of that name, or of a user's own file: what contains a `/` or ends in `.toml`.
pub fn find(word: &str) -> Result<Preset, String> {
    if word.contains('/') || word.ends_with(".toml") {
        let text = super::text::read(Path::new(word));
        let text = text.map_err(|e| {
            format!("preset cannot be `{word}`: {e}; expected a file such as {EXAMPLE} makes")
        })?;
        return Preset::parse(word, word, &text).map_err(|e| e.to_string());
    }
    presets::named(word).cloned().ok_or_else(|| {
        let names = presets::all().iter().map(|preset| preset.name.as_str());
        let near = nearest(word, names, 3).join(", ");
        format!(
            "preset cannot be `{word}`: expected one of {near} … (all: `resetlab presets`) or a file of your own, such as ./mine.toml"
        )
    })
}

/// How a file of one's own begins.
const EXAMPLE: &str = "`resetlab presets show haproxy --toml > mine.toml`";

/// What is in force while nobody names a preset: the real program's own.
fn own(engine: Engine) -> &'static str {
    match engine {
        Engine::LbSim => presets::DEFAULT,
        Engine::Haproxy => "haproxy",
        Engine::Nginx => "nginx",
        Engine::Envoy => "envoy",
    }
}

impl LabSettings {
    /// The defaults, with another preset's balancer.
    pub fn of(preset: &Preset) -> LabSettings {
        LabSettings {
            lb: preset.settings.clone(),
            preset: preset.clone(),
            ..LabSettings::default()
        }
    }

    /// `--preset`.
    pub(super) fn choose_preset(&mut self, word: &str) -> Result<(), String> {
        let preset = find(word)?;
        self.start_from(preset)
    }

    /// The engine's own, unless a preset was named.
    pub(super) fn preset_of_engine(&mut self) -> Result<(), String> {
        match self.places.contains_key("preset") {
            true => Ok(()),
            false => self.choose_preset(own(self.engine)),
        }
    }

    /// What was set one by one stays, wherever a preset is chosen.
    fn start_from(&mut self, preset: Preset) -> Result<(), String> {
        let mut lb = preset.settings.clone();
        for (key, word) in self.lb.words() {
            if self.places.contains_key(key) {
                lb.set(key, &word).map_err(|e| e.to_string())?;
            }
        }
        (self.lb, self.preset) = (lb, preset);
        Ok(())
    }

    /// Refuses settings that cannot be in force together: here, in the real system the preset is of, or in the load.
    pub fn possible_together(&self) -> Result<(), String> {
        self.lb.consistent().map_err(|e| e.to_string())?;
        self.preset.allows(&self.lb).map_err(|e| e.to_string())?;
        self.consistent_load()
    }

    /// Whether anybody checks the routers. Where a system makes no checks its preset has the lab's come once a day,
    /// and nginx makes none of ours.
    pub fn has_checks(&self) -> bool {
        let by_us = self.engine != Engine::Nginx || self.engine_config.is_some();
        by_us && self.lb.check.interval < SELDOM
    }

    /// Whether each check is told of, by the balancer or by the router that it reaches. HAProxy ends a check of the
    /// connection alone with a reset before the router's kernel has handed that connection over.
    pub fn shows_checks(&self) -> bool {
        let untold = self.engine == Engine::Haproxy && self.lb.check.check == Check::Tcp;
        self.has_checks() && !(untold && self.engine_config.is_none())
    }

    /// How long it takes until something more may be noticed: the interval, if there are checks.
    pub fn rhythm(&self) -> Duration {
        match self.has_checks() {
            true => self.lb.check.interval,
            false => Duration::from_secs(1),
        }
    }

    /// What is said of its preset.
    pub fn preset_note(&self) -> PresetNote {
        PresetNote::new(&self.preset, &self.lb)
    }
}

impl PresetNote {
    /// Of `settings` that started from `preset`.
    pub fn new(preset: &Preset, settings: &Settings) -> PresetNote {
        let overridden = preset.overridden(settings).into_iter();
        PresetNote {
            name: preset.name.clone(),
            grade: preset.grade.to_string(),
            versions: preset.speaks_for(),
            overridden: overridden.map(|(key, word)| (key.to_owned(), word)).collect(),
        }
    }
}

/// `haproxy (measured; HAProxy 2.6.12), with interval=1s`.
impl fmt::Display for PresetNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}; {})", self.name, self.grade, self.versions)?;
        let mut before = ", with";
        for key in KEYS {
            if let Some(word) = self.overridden.get(key) {
                write!(f, "{before} {key}={word}")?;
                before = "";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[(&str, &str)]) -> LabSettings {
        let mut settings = LabSettings::default();
        for (key, word) in words {
            settings.set("a test", key, word).unwrap();
        }
        settings
    }

    #[test]
    fn what_was_set_one_by_one_stays_wherever_a_preset_is_named() {
        let before = set(&[("interval", "1s"), ("preset", "haproxy")]);
        let after = set(&[("preset", "haproxy"), ("interval", "1s")]);
        assert_eq!(before.lb, after.lb);
        // Without a timeout of its own a check of HAProxy's may last its interval, whoever chose that.
        assert_eq!(after.lb.check.timeout, Duration::from_secs(1));
        assert_eq!(after.lb.check.fall, 3);
        assert_eq!(
            after.preset_note().to_string(),
            "haproxy (measured; HAProxy 2.6.12), with interval=1s"
        );
        // As the preset has it is no exception to it.
        let same = set(&[("fall", "3"), ("preset", "haproxy")]);
        assert_eq!(
            same.preset_note().to_string(),
            "haproxy (measured; HAProxy 2.6.12)"
        );
        let last = set(&[("preset", "haproxy"), ("preset", "kb")]);
        assert_eq!(last.lb, Settings::default());
    }

    #[test]
    fn a_real_program_brings_its_own_preset_and_a_named_one_wins() {
        let engine = set(&[("engine", "haproxy"), ("rise", "5")]);
        assert_eq!(engine.preset.name, "haproxy");
        assert_eq!((engine.lb.check.fall, engine.lb.check.rise), (3, 5));
        for words in [
            [("preset", "kb"), ("engine", "envoy")],
            [("engine", "envoy"), ("preset", "kb")],
        ] {
            assert_eq!(set(&words).preset.name, "kb");
        }
        let back = set(&[("engine", "envoy"), ("engine", "lb-sim")]);
        assert_eq!(back.lb, Settings::default());
        assert!(engine.has_checks() && back.has_checks());
        assert!(!set(&[("preset", "nginx")]).has_checks() && !set(&[("engine", "nginx")]).has_checks());
        assert!(set(&[("preset", "nginx"), ("interval", "5s")]).has_checks());
        let told = |words: &str| {
            let words: Vec<_> = words.split(' ').filter_map(|word| word.split_once('=')).collect();
            set(&words).shows_checks()
        };
        assert!(told("engine=haproxy") && told("engine=envoy check=tcp") && told("check=tcp"));
        assert!(!told("engine=haproxy check=tcp") && !told("engine=nginx"));
        for engine in Engine::ALL {
            assert!(presets::named(own(engine)).is_some(), "{engine}");
        }
        for preset in presets::all() {
            let engine = preset.engine.as_deref().map(str::parse::<Engine>);
            assert!(engine.is_none_or(|engine| engine.is_ok()), "{}", preset.name);
        }
    }

    #[test]
    fn what_the_real_system_forbids_is_refused_by_its_name() {
        let refused = |words| set(words).possible_together().unwrap_err();
        let error = refused(&[("preset", "gcp"), ("timeout", "6s")]);
        assert!(
            error.starts_with("preset=gcp needs timeout <= interval (google-cloud-compute"),
            "{error}"
        );
        assert!(error.contains("timeout is 6s, interval is 5s"), "{error}");
        assert!(
            refused(&[("timeout", "30s"), ("preset", "aws-clb")])
                .contains("preset=aws-clb needs timeout < interval")
        );
        // Only both together count, in whatever order they come.
        let both = set(&[("preset", "gcp"), ("interval", "1s"), ("timeout", "500ms")]);
        assert_eq!(both.possible_together(), Ok(()));
        // The kubelet and Caddy take what comes.
        for preset in ["kubernetes", "caddy", "kb"] {
            assert_eq!(
                set(&[("preset", preset), ("timeout", "1h")]).possible_together(),
                Ok(())
            );
        }
    }

    #[test]
    fn a_file_of_ones_own_goes_through_the_same_checks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let path = path.to_str().unwrap();
        assert!(find(path).unwrap_err().contains("No such file"));
        std::fs::write(path, presets::text("haproxy").unwrap()).unwrap();
        let mine = set(&[("preset", path)]);
        assert_eq!(mine.lb, presets::named("haproxy").unwrap().settings);
        assert_eq!(mine.preset.name, path);
        std::fs::write(path, "title = \"x\"\nspeed = 1\n").unwrap();
        let error = find(path).unwrap_err();
        assert!(
            error.starts_with(&format!("{path}:2: a preset has no key `speed`")),
            "{error}"
        );
        let error = find("haprox").unwrap_err();
        assert!(error.contains("expected one of haproxy, haproxy-"), "{error}");
    }
}
