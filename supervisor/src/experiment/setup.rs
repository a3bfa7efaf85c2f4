//! What a run was asked for and where it ran, so that a report can say how to repeat it.

use crate::settings::LabSettings;
use crate::settings::entries::Worth;
use router::clock;
use router::fault::Spec;
use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Of resetlab.
    pub version: String,
    /// By the wall clock: `2026-11-26T17:23:21Z`.
    pub started: String,
    pub fault: Spec,
    /// How many trials.
    pub trials: u32,
    /// Routers hit in each.
    pub victims: u32,
    pub routers: u32,
    /// Faults come at any moment of the gap between checks also where that is random. `false`: by an older program, only
    /// within the shortest.
    #[serde(default)]
    pub whole_gap: bool,
    /// Every setting in force, and who said so.
    pub settings: Vec<Setting>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// `lab`, `router`, `balancer`
    pub group: String,
    pub key: String,
    pub value: String,
    /// `default`, `preset haproxy`, `--fall`
    pub origin: String,
}

/// A machine, as far as it matters to the figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `Linux 6.1.0-13-amd64 x86_64`
    pub kernel: String,
    /// Processors that this program may use.
    pub cpus: Option<usize>,
}

impl Setup {
    pub fn new(settings: &LabSettings, fault: Spec, trials: u32, victims: u32) -> Setup {
        Setup {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: humantime::format_rfc3339_seconds(clock::wall()).to_string(),
            fault,
            trials,
            victims,
            routers: settings.routers,
            whole_gap: true,
            settings: Setting::all(settings),
        }
    }
}

impl Setting {
    /// Every setting in force.
    pub fn all(settings: &LabSettings) -> Vec<Setting> {
        let entries = settings.entries().into_iter().map(|entry| Setting {
            group: entry.group.name().to_owned(),
            key: entry.key.to_owned(),
            value: match entry.value {
                Worth::Word(word) => word,
                Worth::Open(otherwise) => otherwise.to_owned(),
            },
            origin: entry.origin.to_string(),
        });
        entries.collect()
    }
}

impl Machine {
    /// This one.
    pub fn here() -> Option<Machine> {
        let of = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
            text.map(|text| text.trim().to_owned()).ok()
        };
        Some(Machine {
            kernel: format!(
                "{} {} {}",
                of("ostype")?,
                of("osrelease")?,
                std::env::consts::ARCH
            ),
            cpus: std::thread::available_parallelism().ok().map(usize::from),
        })
    }
}

/// The command line that this program was started with, as a shell takes it.
pub fn command() -> String {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    // Where it lies is another place elsewhere.
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<String> = std::iter::once(program)
        .chain(words)
        .map(|word| quoted(&word))
        .collect();
    words.join(" ")
}

/// One word of a shell's command line.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+,./:@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_said() {
        for (word, wanted) in [
            ("--interval", "--interval"),
            ("interval=1s", "interval=1s"),
            ("a b", "'a b'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("", "''"),
            ("~", "'~'"),
            ("a\nb", "'a\nb'"),
            ("*", "'*'"),
        ] {
            assert_eq!(quoted(word), wanted);
        }
    }

    #[test]
    fn every_setting_in_force_has_an_origin() {
        let mut settings = LabSettings::default();
        settings.set("--fall", "fall", "3").unwrap();
        let setup = Setup::new(&settings, Spec::new(router::record::Fault::Kill), 5, 1);
        let fall = setup
            .settings
            .iter()
            .find(|setting| setting.key == "fall")
            .unwrap();
        assert_eq!((fall.value.as_str(), fall.origin.as_str()), ("3", "--fall"));
        assert!(setup.settings.iter().all(|setting| !setting.origin.is_empty()));
        assert!(Machine::here().unwrap().kernel.starts_with("Linux "));
    }
}
