//! How routers are checked and requests forwarded. One table of words serves flags, `resetlab.toml` and `set`.

use super::detect::{Detectors, Mode, PassiveSettings, ProxyProtocol, RetrySettings};
use super::words::{self, duration_words};
use serde::de::Deserializer;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Everything that can be set, while running too. The default is the article's load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub check: CheckSettings,
    /// What notices a dead router beside polling.
    pub detectors: Detectors,
    pub passive: PassiveSettings,
    /// A sentinel connection that ended is renewed after this time at the earliest.
    pub sentinel_renew: Duration,
    pub balance: Balance,
    /// Cannot change while running.
    pub mode: Mode,
    /// Cannot change while running.
    pub proxy_protocol: ProxyProtocol,
    pub on_failure: OnFailure,
    pub retry: RetrySettings,
    /// An attempt may take this long to connect.
    pub connect_timeout: Duration,
    /// An attempt may take this long from the sent request to the response head.
    pub response_timeout: Duration,
}

/// How a router is checked; HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// From one check to the next, counted as `schedule` says.
    pub interval: Duration,
    /// A check without an answer for this long has failed.
    pub timeout: Duration,
    /// Failures in a row that make an Up router Down.
    pub fall: u32,
    /// Successes in a row that make a Down router Up.
    pub rise: u32,
    pub schedule: Schedule,
    /// Each gap is lengthened by a random time in `[0, jitter)`.
    pub jitter: Duration,
    pub check: Check,
    /// What an HTTP check asks for.
    pub path: String,
}

/// Where the interval is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// From the previous start: a fixed rate (ALB, kubelet, Caddy). A tick that finds a check under way is skipped.
    Start,
    /// From the previous end: a check that hangs delays the next (HAProxy, Envoy).
    End,
}

/// What a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// `GET path`; 2xx and 3xx are healthy.
    Http,
    /// A connection that opens is healthy. Cannot see a hung process: the kernel completes the handshake.
    Tcp,
}

/// How the router of a request is chosen among those that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Balance {
    RoundRobin,
    LeastConnections,
}

/// What a client sees when an attempt failed before its response began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// Its connection is reset (the article).
    Reset,
    /// An answer: 502, 504 after a response timeout, 503 when no router may be used. HTTP only.
    BadGateway,
    /// Another router gets what is safe to send again; then as `BadGateway`. HTTP only.
    Retry,
    /// Its connection is closed in order (HAProxy's TCP mode). TCP only.
    Close,
    /// Another router is connected to, as long as no connection was made; then as `Reset`. TCP only.
    RetryConnect,
}

/// The settings by name, in the order they are printed.
pub const KEYS: [&str; 23] = [
    "interval",
    "timeout",
    "fall",
    "rise",
    "schedule",
    "jitter",
    "check",
    "path",
    "detector",
    "passive-failures",
    "passive-ejection",
    "passive-ejection-cap",
    "passive-max-ejected",
    "sentinel-renew",
    "balance",
    "mode",
    "proxy-protocol",
    "on-failure",
    "retries",
    "retry-budget",
    "retry-breaker",
    "connect-timeout",
    "response-timeout",
];

/// A setting that cannot be: which, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("unknown setting `{key}`: expected one of {}", KEYS.join(", "))]
    UnknownKey { key: String },
    #[error("{key} cannot be `{value}`: expected {expected}")]
    BadValue {
        key: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("{0}")]
    Together(&'static str),
    #[error("`{word}` is not a setting: expected KEY=VALUE, for example interval=500ms")]
    NotAPair { word: String },
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            check: CheckSettings::default(),
            detectors: Detectors::default(),
            passive: PassiveSettings::default(),
            sentinel_renew: Duration::from_millis(100),
            balance: Balance::RoundRobin,
            mode: Mode::Http,
            proxy_protocol: ProxyProtocol::Off,
            on_failure: OnFailure::Reset,
            retry: RetrySettings::default(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
        }
    }
}

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fall: 2,
            rise: 2,
            schedule: Schedule::Start,
            jitter: Duration::ZERO,
            check: Check::Http,
            path: "/health".to_owned(),
        }
    }
}

impl Settings {
    /// Sets one setting from its word; `self` is unchanged on error. Follow with [`Settings::consistent`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let check = &mut self.check;
        match key {
            "interval" => check.interval = words::positive("interval", value)?,
            "timeout" => check.timeout = words::positive("timeout", value)?,
            "fall" => check.fall = words::count("fall", value)?,
            "rise" => check.rise = words::count("rise", value)?,
            "schedule" => check.schedule = words::one_of("schedule", value)?,
            "jitter" => check.jitter = words::duration("jitter", value)?,
            "check" => check.check = words::one_of("check", value)?,
            "path" => check.path = words::path("path", value)?,
            "detector" => self.detectors = words::detectors("detector", value)?,
            "passive-failures" => self.passive.failures = words::count("passive-failures", value)?,
            "passive-ejection" => self.passive.ejection = words::positive("passive-ejection", value)?,
            "passive-ejection-cap" => self.passive.cap = words::positive("passive-ejection-cap", value)?,
            "passive-max-ejected" => self.passive.max_ejected = words::share("passive-max-ejected", value)?,
            "sentinel-renew" => self.sentinel_renew = words::positive("sentinel-renew", value)?,
            "mode" => self.mode = words::one_of("mode", value)?,
            "proxy-protocol" => self.proxy_protocol = words::one_of("proxy-protocol", value)?,
            "retries" => self.retry.retries = words::count("retries", value)?,
            "retry-budget" => self.retry.budget = words::or_off("retry-budget", value, words::share)?,
            "retry-breaker" => self.retry.breaker = words::or_off("retry-breaker", value, words::count)?,
            "balance" => self.balance = words::one_of("balance", value)?,
            "on-failure" => self.on_failure = words::one_of("on-failure", value)?,
            "connect-timeout" => self.connect_timeout = words::positive("connect-timeout", value)?,
            "response-timeout" => self.response_timeout = words::positive("response-timeout", value)?,
            _ => return Err(SettingError::UnknownKey { key: key.to_owned() }),
        }
        Ok(())
    }

    /// Sets what a JSON object names (`{"interval":"500ms","fall":3}`): all of it, or on error nothing.
    pub fn set_json(
        &mut self,
        patch: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), SettingError> {
        let mut next = self.clone();
        for (key, value) in patch {
            match value {
                serde_json::Value::String(word) => next.set(key, word)?,
                other => next.set(key, &other.to_string())?,
            }
        }
        next.consistent()?;
        *self = next;
        Ok(())
    }

    /// Whether the settings can be in force together.
    pub fn consistent(&self) -> Result<(), SettingError> {
        use OnFailure::{BadGateway, Close, Reset, Retry, RetryConnect};
        let wrong = match (self.mode, self.on_failure) {
            (Mode::Http, Reset | BadGateway | Retry) | (Mode::Tcp, Reset | Close | RetryConnect) => None,
            (Mode::Tcp, BadGateway) => Some(
                "on-failure=502 needs mode=http: mode=tcp relays bytes and can reset, close or retry-connect",
            ),
            (Mode::Tcp, Retry) => Some(
                "on-failure=retry needs mode=http: mode=tcp relays bytes and can reset, close or retry-connect",
            ),
            (Mode::Http, Close) => Some("on-failure=close needs mode=tcp: mode=http can reset, 502 or retry"),
            (Mode::Http, RetryConnect) => {
                Some("on-failure=retry-connect needs mode=tcp: mode=http can reset, 502 or retry")
            }
        };
        let wrong = wrong.or_else(|| {
            (self.proxy_protocol == ProxyProtocol::V2 && self.mode == Mode::Http).then_some(
                "proxy-protocol=v2 needs mode=tcp: mode=http says who the client is in X-Forwarded-For",
            )
        });
        wrong.map_or(Ok(()), |wrong| Err(SettingError::Together(wrong)))
    }

    /// Every setting as its key and word, in the order of [`KEYS`]; what [`Settings::set`] takes back.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let check = &self.check;
        let values = [
            duration_words(check.interval),
            duration_words(check.timeout),
            check.fall.to_string(),
            check.rise.to_string(),
            check.schedule.to_string(),
            duration_words(check.jitter),
            check.check.to_string(),
            check.path.clone(),
            self.detectors.to_string(),
            self.passive.failures.to_string(),
            duration_words(self.passive.ejection),
            duration_words(self.passive.cap),
            self.passive.max_ejected.to_string(),
            duration_words(self.sentinel_renew),
            self.balance.to_string(),
            self.mode.to_string(),
            self.proxy_protocol.to_string(),
            self.on_failure.to_string(),
            self.retry.retries.to_string(),
            words::off_or(self.retry.budget),
            words::off_or(self.retry.breaker),
            duration_words(self.connect_timeout),
            duration_words(self.response_timeout),
        ];
        KEYS.into_iter().zip(values).collect()
    }

    /// Whether every value could have been set by its word; for settings built field by field.
    pub fn validate(&self) -> Result<(), SettingError> {
        let mut copy = self.clone();
        self.words()
            .iter()
            .try_for_each(|(key, word)| copy.set(key, word))?;
        self.consistent()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, word)) in self.words().iter().enumerate() {
            write!(f, "{}{key}={word}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// `interval=500ms fall=3`: the rest keeps its default.
impl FromStr for Settings {
    type Err = SettingError;
    fn from_str(text: &str) -> Result<Settings, SettingError> {
        let mut settings = Settings::default();
        for word in text.split_whitespace() {
            let pair = word.split_once('=');
            let (key, value) = pair.ok_or_else(|| SettingError::NotAPair {
                word: word.to_owned(),
            })?;
            settings.set(key, value)?;
        }
        settings.consistent()?;
        Ok(settings)
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(KEYS.len()))?;
        for (key, word) in self.words() {
            match key {
                "fall" => map.serialize_entry(key, &self.check.fall)?,
                "rise" => map.serialize_entry(key, &self.check.rise)?,
                "passive-failures" => map.serialize_entry(key, &self.passive.failures)?,
                "retries" => map.serialize_entry(key, &self.retry.retries)?,
                _ => map.serialize_entry(key, &word)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        let patch = serde_json::Map::deserialize(deserializer)?;
        let mut settings = Settings::default();
        settings.set_json(&patch).map_err(serde::de::Error::custom)?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests;
