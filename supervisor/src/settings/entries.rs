//! PURE: every setting in force, with its value and where that came from.

use super::{LAB_KEYS, LabSettings, ServedAt, load, restart};
use crate::process::restart::Backoff;
use lb_sim::core::Settings as LbSettings;
use lb_sim::presets::DEFAULT;
use router::settings::{Profile, Settings as RouterSettings};
use serde_json::Value;
use std::fmt;

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub group: Group,
    pub key: &'static str,
    pub value: Worth,
    pub origin: Origin,
}

/// Whose setting it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Lab,
    Router,
    Balancer,
}

/// What a setting has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// What [`LabSettings::set`] takes back.
    Word(String),
    /// Nobody said anything: what happens then.
    Open(&'static str),
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The router's profile.
    Profile(Profile),
    /// The lab's own; the real gorouter has that word in BOSH.
    Lab {
        instead_of: String,
    },
    /// The balancer's preset, by its name.
    Preset(String),
    /// Somebody set it there: `resetlab.toml:3`, `RESETLAB_FALL`, `--fall`.
    Place(String),
}

impl LabSettings {
    /// All of them: the lab's, the routers', the balancer's.
    pub fn entries(&self) -> Vec<Entry> {
        let lab = LAB_KEYS.into_iter().map(|key| (Group::Lab, key, self.worth(key)));
        let router = self.router.in_force().words().into_iter();
        let router = router.map(|(key, word)| (Group::Router, key, Worth::Word(word)));
        let lb = self.lb.words().into_iter();
        let lb = lb.map(|(key, word)| (Group::Balancer, key, Worth::Word(word)));
        let entry = |(group, key, value)| Entry {
            group,
            key,
            origin: self.origin(group, key),
            value,
        };
        lab.chain(router).chain(lb).map(entry).collect()
    }

    fn origin(&self, group: Group, key: &'static str) -> Origin {
        if let Some(place) = self.places.get(key) {
            return Origin::Place(place.clone());
        }
        if group == Group::Balancer {
            // The default preset is the defaults, unless somebody wants it by name.
            let chosen = self.places.contains_key("preset") || self.preset.name != DEFAULT;
            return match chosen && self.preset.rule(key).is_some() {
                true => Origin::Preset(self.preset.name.clone()),
                false => Origin::Default,
            };
        }
        // These are no configuration of gorouter's: no profile says anything of them.
        let ours = ["profile", "go", "routing-release", "header-race"];
        if group != Group::Router || ours.contains(&key) {
            return Origin::Default;
        }
        let profile = self.router.profile.source();
        let differs = RouterSettings::of(self.router.profile).differences(&RouterSettings::of(profile));
        match differs.into_iter().find(|(differing, ..)| *differing == key) {
            Some((_, _, instead_of)) => Origin::Lab { instead_of },
            None => Origin::Profile(profile),
        }
    }

    /// One of [`LAB_KEYS`].
    fn worth(&self, key: &str) -> Worth {
        let or = |word: Option<String>, otherwise| word.map_or(Worth::Open(otherwise), Worth::Word);
        let backoff = restart::words(&self.backoff()).into_iter();
        Worth::Word(match key {
            "routers" => self.routers.to_string(),
            "apps" => self.apps.to_string(),
            "rate" => self.rate.to_string(),
            "arrivals" => load::word(&self.arrivals),
            "method" => load::word(&self.method),
            "body-bytes" => self.body_bytes.to_string(),
            "request-path" => self.request_path.clone(),
            "connection" => load::word(&self.connection()),
            "client-timeout" => humantime::format_duration(self.client_timeout)
                .to_string()
                .replace(' ', ""),
            "seed" => {
                return or(
                    self.seed.map(|seed| seed.to_string()),
                    "up takes 1, an experiment a new one",
                );
            }
            "net" => return or(self.net.map(|net| net.to_string()), "the first free one"),
            "listen" => return or(self.listen.map(|at| at.to_string()), "127.K.0.2:8000 of its net"),
            "crash-traffic" => self
                .crash_traffic
                .map_or_else(|| "off".to_owned(), |rate| rate.to_string()),
            "metrics" if self.metrics == ServedAt::Lab => return Worth::Open("127.K.0.1:9100 of its net"),
            "metrics" => self.metrics.to_string(),
            "page" if self.page == ServedAt::Lab => return Worth::Open("127.K.0.1:8080 of its net"),
            "page" => self.page.to_string(),
            "slo" => self.slo.to_string(),
            "engine" => self.engine.to_string(),
            "preset" => self.preset.name.clone(),
            "engine-config" => {
                let file = self.engine_config.as_ref().map(|file| file.display().to_string());
                return or(file, "generated from these settings");
            }
            "out" => {
                let out = self.out.as_ref().map(|out| out.display().to_string());
                return or(out, "a new directory below ./resetlab-runs");
            }
            _ => backoff
                .filter(|(known, _)| *known == key)
                .map(|(_, word)| word)
                .collect(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Preset(name) => write!(f, "preset {name}"),
            Origin::Profile(profile) => write!(f, "profile {profile}"),
            Origin::Lab { .. } => f.write_str("lab"),
            Origin::Place(place) => f.write_str(place),
        }
    }
}

/// A word as JSON has it: counts are numbers, switches are booleans. Versions look like numbers and are none.
pub fn value(key: &str, word: &str) -> Value {
    let plain = !["go", "routing-release", "out"].contains(&key)
        && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        || ["true", "false"].contains(&word);
    let parsed = plain.then(|| serde_json::from_str(word).ok()).flatten();
    parsed.unwrap_or_else(|| Value::String(word.to_owned()))
}

/// What a running lab shows: the balancer's settings by their words, `rate`, the restart settings, the routers'.
pub fn shown(lb: &LbSettings, rate: f64, backoff: Option<Backoff>, router: &RouterSettings) -> Value {
    let mut shown = serde_json::to_value(lb).expect("settings are words");
    shown["rate"] = rate.into();
    for (key, word) in backoff.iter().flat_map(restart::words) {
        shown[key] = word.into();
    }
    if let (Value::Object(all), Value::Object(router)) = (&mut shown, document(router)) {
        all.extend(router);
    }
    shown
}

/// All that a router is configured with, as JSON.
pub fn document(router: &RouterSettings) -> Value {
    let words = router.words().into_iter();
    words
        .map(|(key, word)| (key.to_owned(), value(key, &word)))
        .collect()
}

/// `resetlab.toml` that makes the same settings: a line each, grouped. With `origins` each says where it is from.
pub fn toml(entries: &[Entry], origins: bool) -> Vec<String> {
    let line = |entry: &Entry| match &entry.value {
        // What JSON writes is TOML, too.
        Worth::Word(word) => format!("{} = {}", entry.key, value(entry.key, word)),
        Worth::Open(otherwise) => format!("# {}: {otherwise}", entry.key),
    };
    let width = entries
        .iter()
        .map(|entry| line(entry).len())
        .max()
        .unwrap_or(0)
        .min(WIDEST);
    let mut lines = Vec::new();
    let mut group = None;
    for entry in entries {
        if group != Some(entry.group) {
            lines.extend(group.map(|_| String::new()));
            lines.push(format!("# {}", entry.group.heading()));
            group = Some(entry.group);
        }
        let origin = match &entry.origin {
            Origin::Lab { instead_of } => format!("lab (gorouter: {instead_of})"),
            other => other.to_string(),
        };
        lines.push(match origins {
            true => format!("{:width$}  # {origin}", line(entry)),
            false => line(entry),
        });
    }
    lines
}

/// Longer lines are few, and push what follows: 80 columns are enough for the others.
const WIDEST: usize = 46;

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Group::Lab => "lab",
            Group::Router => "router",
            Group::Balancer => "balancer",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Group::Lab => "the lab",
            Group::Router => "its routers, in gorouter's words",
            Group::Balancer => "its balancer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(words: &[(&str, &str, &str)]) -> LabSettings {
        let mut settings = LabSettings::default();
        for (place, key, word) in words {
            settings.set(place, key, word).unwrap();
        }
        settings
    }

    fn origin(settings: &LabSettings, key: &str) -> String {
        let entries = settings.entries();
        let entry = entries.iter().find(|entry| entry.key == key).unwrap();
        entry.origin.to_string()
    }

    #[test]
    fn every_value_says_where_it_is_from() {
        let settings = changed(&[
            ("resetlab.toml:3", "fall", "3"),
            ("RESETLAB_FALL", "fall", "4"),
            ("--max-attempts", "max-attempts", "5"),
        ]);
        for (key, wanted) in [
            ("fall", "RESETLAB_FALL"),
            ("rise", "default"),
            ("rate", "default"),
            ("max-attempts", "--max-attempts"),
            ("max-conns", "profile gorouter"),
            ("endpoint-timeout", "lab"),
            ("go", "default"),
        ] {
            assert_eq!(origin(&settings, key), wanted, "{key}");
        }
        let preset = changed(&[("--preset", "preset", "haproxy"), ("--fall", "fall", "3")]);
        for (key, wanted) in [
            ("fall", "--fall"),
            ("interval", "preset haproxy"),
            ("sentinel-renew", "default"),
            ("preset", "--preset"),
            ("rate", "default"),
        ] {
            assert_eq!(origin(&preset, key), wanted, "{key}");
        }
        let go = changed(&[("--profile", "profile", "go")]);
        assert_eq!(origin(&go, "profile"), "--profile");
        assert_eq!(origin(&go, "endpoint-timeout"), "profile go");
        let lab = LabSettings::default().entries();
        let short: Vec<_> = lab
            .iter()
            .filter(|entry| matches!(entry.origin, Origin::Lab { .. }))
            .map(|entry| entry.key)
            .collect();
        assert_eq!(
            short,
            [
                "start-response-delay-interval",
                "drain-timeout",
                "endpoint-timeout",
                "read-header-timeout"
            ]
        );
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        let settings = changed(&[
            ("", "profile", "go"),
            ("", "go", "1.20"),
            ("", "disable-keep-alives", "false"),
            ("", "healthcheck-user-agent", "a \"probe\" \\ 1.0"),
            ("", "rate", "0.5"),
            ("", "restart-limit", "off"),
            ("", "restart-delay", "1m30s"),
            ("", "seed", "7"),
            ("", "mode", "tcp"),
            ("", "preset", "envoy-outlier"),
            ("", "engine", "haproxy"),
            ("", "path", "/a?b=\"c\""),
            ("", "crash-traffic", "0.5/s:continue"),
            ("", "metrics", "127.0.0.1:9100"),
            ("", "page", "127.0.0.1:8080"),
            ("", "slo", "0.9995"),
            ("", "out", "1.5"),
        ]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resetlab.toml");
        for origins in [true, false] {
            let text = toml(&settings.entries(), origins).join("\n");
            std::fs::write(&path, text).unwrap();
            let read = LabSettings::load(Some(&path), std::iter::empty()).unwrap();
            let words = |settings: &LabSettings| {
                let entries = settings.entries().into_iter();
                entries.map(|entry| (entry.key, entry.value)).collect::<Vec<_>>()
            };
            assert_eq!(words(&read), words(&settings));
        }
    }

    #[test]
    fn it_fits_a_terminal() {
        let presets = lb_sim::presets::all().iter();
        let presets = presets.map(|preset| ("--preset", "preset", preset.name.as_str()));
        let profiles = ["lab", "gorouter", "go"].map(|profile| ("--profile", "profile", profile));
        for chosen in presets.chain(profiles) {
            let settings = changed(&[chosen]);
            for line in toml(&settings.entries(), true) {
                assert!(line.len() <= 80, "{} columns: {line}", line.len());
            }
        }
    }
}
