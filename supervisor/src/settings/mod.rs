//! The settings of a lab: defaults < `resetlab.toml` < `RESETLAB_*` < flags.
//!
//! All four speak the same words, and every word goes through [`LabSettings::set`], so it is refused in the same way
//! wherever it came from.

pub mod brief;
mod file;
mod flags;
mod fleet;
pub mod load;
mod metrics;
pub mod restart;

pub use flags::StackArgs;
pub use metrics::MetricsAt;

use crate::crash::CrashRate;
use crate::experiment::load::arrivals::Arrivals;
use crate::fleet::DrainPlan;
use crate::lab::Addresses;
use crate::process::restart::{Backoff, Limit};
use lb_sim::core::Settings as LbSettings;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that `up` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct LabSettings {
    /// 1..=250.
    pub routers: u32,
    /// Instances of the app, 1..=250.
    pub apps: u32,
    /// Requests a second; 0 is idle.
    pub rate: f64,
    pub arrivals: Arrivals,
    pub method: load::Method,
    /// Of a POST.
    pub body_bytes: u64,
    /// What requests ask for; `path` is what checks ask for.
    pub request_path: String,
    /// `None`: as the balancer's mode has it, see [`LabSettings::connection`].
    pub connection: Option<load::Connection>,
    /// A request not answered by then is lost.
    pub client_timeout: Duration,
    /// From a router's death to its next start.
    pub restart_delay: Duration,
    /// Deaths in a row double the delay up to this one.
    pub restart_max_delay: Duration,
    /// Share of a delay, 0.0 to 1.0, by which it is longer or shorter at random.
    pub restart_jitter: f64,
    /// A life of this length ends a row of deaths.
    pub restart_stable: Duration,
    /// More deaths than that, and a router is given up; `None`: never.
    pub restart_limit: Option<Limit>,
    /// From SIGUSR1 until a router closes its listener.
    pub drain_wait: Duration,
    /// From then until it cuts the requests it still has.
    pub drain_timeout: Duration,
    /// `None`: `up` takes 1, an experiment a new one and prints it.
    pub seed: Option<u64>,
    /// k of 127.k.0.0/16; `None`: the first free one.
    pub net: Option<u8>,
    /// The balancer's address, when not 127.k.0.2:8000.
    pub listen: Option<SocketAddr>,
    /// What `up` sends beside the load so that routers crash by themselves; `None`: nothing.
    pub crash_traffic: Option<CrashRate>,
    /// Where Prometheus finds the figures of `up`.
    pub metrics: MetricsAt,
    /// The run directory; `None`: a new one below ./resetlab-runs.
    pub out: Option<PathBuf>,
    pub lb: LbSettings,
}

/// The lab's own words; the others are [`lb_sim::core::settings::KEYS`].
pub const LAB_KEYS: [&str; 22] = [
    "routers",
    "apps",
    "rate",
    "arrivals",
    "method",
    "body-bytes",
    "request-path",
    "connection",
    "client-timeout",
    "restart-delay",
    "restart-max-delay",
    "restart-jitter",
    "restart-stable",
    "restart-limit",
    "drain-wait",
    "drain-timeout",
    "seed",
    "net",
    "listen",
    "crash-traffic",
    "metrics",
    "out",
];

/// A setting that cannot be: where it stands and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct BadSetting {
    /// `resetlab.toml:3`, `RESETLAB_FALL`, `--fall`.
    pub place: String,
    pub problem: String,
}

impl Default for LabSettings {
    fn default() -> LabSettings {
        let backoff = Backoff::default();
        LabSettings {
            routers: 4,
            apps: 2,
            rate: 200.0,
            arrivals: Arrivals::Poisson,
            method: load::Method::Get,
            body_bytes: 0,
            request_path: "/".to_owned(),
            connection: None,
            client_timeout: Duration::from_secs(5),
            restart_delay: backoff.delay,
            restart_max_delay: backoff.max_delay,
            restart_jitter: backoff.jitter,
            restart_stable: backoff.stable,
            restart_limit: backoff.limit,
            drain_wait: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
            seed: None,
            net: None,
            listen: None,
            crash_traffic: None,
            metrics: MetricsAt::Lab,
            out: None,
            lb: LbSettings::default(),
        }
    }
}

impl LabSettings {
    /// Defaults, then the file (`config`, or ./resetlab.toml if it exists), then the environment. Flags come after.
    pub fn load(
        config: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<LabSettings, BadSetting> {
        let mut settings = LabSettings::default();
        file::apply(config, &mut settings)?;
        let mut variables: Vec<_> = environment
            .filter(|(name, _)| name.starts_with("RESETLAB_"))
            .collect();
        variables.sort();
        for (name, word) in variables {
            let key = name["RESETLAB_".len()..].to_lowercase().replace('_', "-");
            if key != "lab" && key != "config" {
                settings
                    .set(&key, &word)
                    .map_err(|problem| BadSetting { place: name, problem })?;
            }
        }
        Ok(settings)
    }

    /// Sets one setting from its word; the error says what was expected.
    pub fn set(&mut self, key: &str, word: &str) -> Result<(), String> {
        match key {
            "routers" => self.routers = count("routers", word, Addresses::MOST_ROUTERS)?,
            "apps" => self.apps = count("apps", word, Addresses::MOST_ROUTERS)?,
            "rate" => self.rate = parse_rate(word)?,
            key if load::KEYS.contains(&key) => self.set_load(key, word)?,
            "client-timeout" => {
                self.client_timeout = parse_delay("client-timeout", word)?;
                if self.client_timeout.is_zero() {
                    return Err("client-timeout cannot be 0: expected a duration such as 5s".to_owned());
                }
            }
            key if restart::KEYS.contains(&key) => {
                let mut backoff = self.backoff();
                restart::set(&mut backoff, key, word)?;
                (self.restart_delay, self.restart_max_delay) = (backoff.delay, backoff.max_delay);
                self.restart_jitter = backoff.jitter;
                (self.restart_stable, self.restart_limit) = (backoff.stable, backoff.limit);
            }
            "drain-wait" => self.drain_wait = parse_delay("drain-wait", word)?,
            "drain-timeout" => self.drain_timeout = parse_delay("drain-timeout", word)?,
            "seed" => {
                let expected = || format!("seed cannot be `{word}`: expected a whole number, such as 1");
                self.seed = Some(word.parse().map_err(|_| expected())?);
            }
            "net" => self.net = Some(count("net", word, 254)? as u8),
            "listen" => {
                let expected =
                    || format!("listen cannot be `{word}`: expected IP:PORT, such as 127.0.0.1:8000");
                let address: SocketAddr = word.parse().map_err(|_| expected())?;
                // The load and the reader must know the port beforehand.
                self.listen = Some(address).filter(|address| address.port() != 0);
                self.listen.ok_or_else(expected)?;
            }
            "crash-traffic" => self.crash_traffic = CrashRate::parse(word)?,
            "metrics" => self.metrics = word.parse()?,
            "out" => self.out = Some(word.into()),
            _ if lb_sim::core::settings::KEYS.contains(&key) => {
                self.lb.set(key, word).map_err(|e| e.to_string())?;
            }
            _ => {
                let known = LAB_KEYS.iter().chain(&lb_sim::core::settings::KEYS);
                let known: Vec<&str> = known.copied().collect();
                return Err(format!(
                    "unknown setting `{key}`: expected one of {}",
                    known.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// How a router that died is started again.
    pub fn backoff(&self) -> Backoff {
        Backoff {
            delay: self.restart_delay,
            max_delay: self.restart_max_delay,
            jitter: self.restart_jitter,
            stable: self.restart_stable,
            limit: self.restart_limit,
        }
    }

    /// How long a router takes to leave.
    pub fn drain(&self) -> DrainPlan {
        DrainPlan {
            wait: self.drain_wait,
            timeout: self.drain_timeout,
        }
    }
}

/// Requests a second.
pub fn parse_rate(word: &str) -> Result<f64, String> {
    let rate = word.parse().ok().filter(|rate| (0.0..=200_000.0).contains(rate));
    rate.ok_or_else(|| {
        format!("rate cannot be `{word}`: expected requests a second from 0 to 200000, such as 300")
    })
}

/// A duration with its unit, 0 allowed.
pub fn parse_delay(key: &str, word: &str) -> Result<Duration, String> {
    let expected =
        || format!("{key} cannot be `{word}`: expected a duration with a unit, such as 500ms or 15s");
    humantime::parse_duration(word).map_err(|_| expected())
}

fn count(key: &str, word: &str, most: u32) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{key} cannot be `{word}`: expected a whole number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, environment: &[(&str, &str)]) -> Result<LabSettings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("resetlab.toml");
        std::fs::write(&path, toml).unwrap();
        let environment = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        LabSettings::load(Some(&path), environment)
            .map_err(|e| e.to_string().replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn the_environment_beats_the_file_which_beats_the_defaults() {
        let settings = load(
            "fall = 3\nrouters = 6\ninterval = \"1s\"\n",
            &[("RESETLAB_FALL", "4"), ("PATH", "/bin")],
        )
        .unwrap();
        assert_eq!(
            (settings.routers, settings.lb.check.fall, settings.lb.check.rise),
            (6, 4, 2)
        );
        assert_eq!(settings.lb.check.interval, Duration::from_secs(1));
    }

    #[test]
    fn what_cannot_be_says_where_and_what_was_expected() {
        let error = |toml| load(toml, &[]).unwrap_err();
        assert_eq!(
            error("rise = 2\nrouters = 0\n"),
            "resetlab.toml:2: routers cannot be `0`: expected a whole number from 1 to 250"
        );
        assert!(error("routers = 251").contains("from 1 to 250"));
        assert!(
            error("\n\nintervall = \"5s\"").starts_with("resetlab.toml:3: unknown setting `intervall`"),
            "{}",
            error("\n\nintervall = 5")
        );
        assert_eq!(
            error("interval = 5"),
            "resetlab.toml:1: interval cannot be `5`: expected a duration with a unit, such as 500ms or 2s"
        );
        assert!(
            error("fall = [1]").starts_with("resetlab.toml:1: fall: expected"),
            "{}",
            error("fall = [1]")
        );
        assert!(
            error("fall = ").starts_with("resetlab.toml:1: "),
            "{}",
            error("fall = ")
        );
        assert!(
            load("", &[("RESETLAB_TIMEOUT", "0s")])
                .unwrap_err()
                .starts_with("RESETLAB_TIMEOUT: timeout cannot be `0s`")
        );
        assert!(
            load("", &[("RESETLAB_FAL", "1")])
                .unwrap_err()
                .starts_with("RESETLAB_FAL: unknown setting `fal`")
        );
    }
}
