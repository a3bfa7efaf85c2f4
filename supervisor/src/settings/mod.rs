//! The settings of a lab: defaults < `resetlab.toml` < `RESETLAB_*` < flags.
//!
//! All four speak the same words, and every word goes through [`LabSettings::set`], so it is refused in the same way
//! wherever it came from, and known by where it came from: [`entries`] tells.

pub mod brief;
mod engine_config;
pub mod entries;
mod file;
mod flags;
mod fleet;
pub mod load;
pub mod preset;
pub mod restart;
mod served;
#[cfg(test)]
mod tests;
pub mod text;

pub use flags::StackArgs;
pub use preset::PresetNote;
pub use served::ServedAt;

use crate::crash::CrashRate;
use crate::engine::{Beyond, Engine};
use crate::experiment::load::arrivals::Arrivals;
use crate::lab::Addresses;
use crate::process::restart::{Backoff, Limit};
use lb_sim::core::Settings as LbSettings;
use lb_sim::presets::{Preset, similar};
use router::settings::Settings as RouterSettings;
use std::collections::BTreeMap;
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
    /// `None`: `up` takes 1, an experiment a new one and prints it.
    pub seed: Option<u64>,
    /// k of 127.k.0.0/16; `None`: the first free one.
    pub net: Option<u8>,
    /// The balancer's address, when not 127.k.0.2:8000.
    pub listen: Option<SocketAddr>,
    /// What `up` sends beside the load so that routers crash by themselves; `None`: nothing.
    pub crash_traffic: Option<CrashRate>,
    /// Where Prometheus finds the figures of `up`.
    pub metrics: ServedAt,
    /// Where browsers find the page of `up`.
    pub page: ServedAt,
    /// The share of requests that is to succeed, 0.0 to 1.0: what the page reckons its error budget with.
    pub slo: f64,
    /// The run directory; `None`: a new one below ./resetlab-runs.
    pub out: Option<PathBuf>,
    /// What every router is configured with.
    pub router: RouterSettings,
    /// What stands in the load balancer's place.
    pub engine: Engine,
    /// A configuration of the real one's own, whose backends become the lab's routers.
    pub engine_config: Option<PathBuf>,
    /// What `lb` starts from.
    pub preset: Preset,
    pub lb: LbSettings,
    /// What `engine_config` says that theory has no words for.
    pub beyond: Beyond,
    /// Where each setting that is no default came from, by its key: `resetlab.toml:3`, `RESETLAB_FALL`, `--fall`.
    places: BTreeMap<String, String>,
}

/// The lab's own words; the others are [`router::settings::KEYS`] and [`lb_sim::core::settings::KEYS`], and none of
/// them means two things.
pub const LAB_KEYS: [&str; 25] = [
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
    "seed",
    "net",
    "listen",
    "crash-traffic",
    "metrics",
    "page",
    "slo",
    "out",
    "engine",
    "engine-config",
    "preset",
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
            seed: None,
            net: None,
            listen: None,
            crash_traffic: None,
            metrics: ServedAt::Lab,
            page: ServedAt::Lab,
            slo: 0.999,
            out: None,
            router: RouterSettings::default(),
            engine: Engine::LbSim,
            engine_config: None,
            preset: Preset::kb().clone(),
            lb: Preset::kb().settings.clone(),
            beyond: Beyond::default(),
            places: BTreeMap::new(),
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
            let key = name["RESETLAB_".len()..].to_lowercase();
            // Not settings: which lab, which file, and where programs are.
            let paths = Engine::ALL.into_iter().filter_map(Engine::program);
            let mut paths = paths.map(|program| program.variable());
            if key != "lab" && key != "config" && !paths.any(|path| path == name) {
                settings.set(&name, &key, &word)?;
            }
        }
        Ok(settings)
    }

    /// Sets one setting from the word that stands at `place`; the error says what was expected. `_` in a key is as
    /// good as `-`.
    pub fn set(&mut self, place: &str, key: &str, word: &str) -> Result<(), BadSetting> {
        let key = key.replace('_', "-");
        self.change(&key, word).map_err(|problem| BadSetting {
            place: place.to_owned(),
            problem,
        })?;
        self.places.insert(key, place.to_owned());
        Ok(())
    }

    fn change(&mut self, key: &str, word: &str) -> Result<(), String> {
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
            "metrics" => self.metrics = ServedAt::parse(key, word, 9100)?,
            "page" => self.page = ServedAt::parse(key, word, 8080)?,
            "slo" => self.slo = parse_slo(word)?,
            "out" => self.out = Some(word.into()),
            "engine" => {
                self.engine = word.parse()?;
                self.preset_of_engine()?;
            }
            "engine-config" => self.engine_config = Some(word.into()),
            "preset" => self.choose_preset(word)?,
            "profile" => {
                let mut all = self.router.clone();
                all.set(key, word).map_err(|e| e.to_string())?;
                // What was set one by one stays, wherever a profile is chosen.
                let chosen = |key: &str| self.places.contains_key(key);
                self.router = self.router.with_profile(all.profile, chosen);
            }
            _ if router::settings::KEYS.contains(&key) => {
                self.router.set(key, word).map_err(|e| e.to_string())?;
            }
            _ if lb_sim::core::settings::KEYS.contains(&key) => {
                self.lb.set(key, word).map_err(|e| e.to_string())?;
            }
            _ => {
                let known = LAB_KEYS.iter().chain(&router::settings::KEYS);
                let known = known.chain(&lb_sim::core::settings::KEYS);
                let near = match similar(key, known.copied()).join(", ") {
                    none if none.is_empty() => none,
                    near => format!("perhaps {near}; "),
                };
                return Err(format!(
                    "unknown setting `{key}`: {near}`resetlab config show` lists them all"
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
}

/// Requests a second: none, or at least one in 1000 s.
pub fn parse_rate(word: &str) -> Result<f64, String> {
    let possible = |rate: &f64| *rate == 0.0 || (0.001..=200_000.0).contains(rate);
    word.parse().ok().filter(possible).ok_or_else(|| {
        format!("rate cannot be `{word}`: expected requests a second from 0.001 to 200000, such as 300, or 0")
    })
}

/// A share of all requests: `0.999`, `99.9%`.
pub fn parse_slo(word: &str) -> Result<f64, String> {
    let share = match word.strip_suffix('%') {
        Some(percent) => percent.parse().map(|percent: f64| percent / 100.0),
        None => word.parse(),
    };
    let share = share.ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| format!("slo cannot be `{word}`: expected a share below 1, such as 0.999 or 99.9%"))
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
