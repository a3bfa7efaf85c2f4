//! How routers are checked and requests forwarded. One table of words serves flags, `resetlab.toml` and `set`.

use super::answer::Answers;
pub use super::checks::{AtOnce, Check, CheckSettings, Counting, FirstCheck, FirstResult, Initial, Schedule};
use super::detect::{
    Detectors, Mode, PassiveCounting, PassiveReturn, PassiveSettings, ProxyProtocol, RetrySettings, Share,
};
pub use super::keys::{Group, KEYS, Key, TABLE};
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
    /// When a smaller share of the routers than this may be used, all are (Envoy's panic threshold). Any share above 0
    /// fails open when none may be used (ALB, NLB). `None`: never.
    pub panic_threshold: Option<Share>,
    pub balance: Balance,
    /// Cannot change while running.
    pub mode: Mode,
    /// Cannot change while running.
    pub proxy_protocol: ProxyProtocol,
    pub on_failure: OnFailure,
    pub answers: Answers,
    /// What happens to requests, and connections of `mode=tcp`, under way at a router that goes out of use.
    pub open_connections: OpenConnections,
    pub retry: RetrySettings,
    /// An attempt may take this long to connect.
    pub connect_timeout: Duration,
    /// An attempt may take this long from the sent request to the response head.
    pub response_timeout: Duration,
}

/// What happens to what is under way at a router that goes out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenConnections {
    /// It goes on.
    Keep,
    /// Its client's connection is closed (HAProxy's on-marked-down shutdown-sessions). A request that has no response yet
    /// is answered before as [`super::Answers`] has it for a router that ended the connection, but with
    /// `on-failure=reset`.
    Close,
    /// Its client's connection is reset (AWS NLB).
    Reset,
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
            panic_threshold: None,
            balance: Balance::RoundRobin,
            mode: Mode::Http,
            proxy_protocol: ProxyProtocol::Off,
            on_failure: OnFailure::Reset,
            answers: Answers::default(),
            open_connections: OpenConnections::Keep,
            retry: RetrySettings::default(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// Sets one setting from its word; `self` is unchanged on error. Follow with [`Settings::consistent`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let known = TABLE.iter().find(|known| known.name == key);
        known
            .ok_or_else(|| SettingError::UnknownKey { key: key.to_owned() })?
            .set(self, value)
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
        let check = &self.check;
        let wrong = wrong.or_else(|| {
            (check.agreement.is_some_and(|agreement| agreement > check.probers)).then_some(
                "agreement cannot be more than probers: as many as there are must be able to agree",
            )
        });
        let wrong = wrong.or_else(|| {
            (check.schedule == Schedule::Deadline && check.timeout <= check.interval).then_some(
                "schedule=deadline needs a timeout above the interval, as a router would be Down between two checks that \
                 pass: F5 takes three intervals and a second, such as interval=5s timeout=16s",
            )
        });
        let passive = &self.passive;
        let forgets = passive.counting == PassiveCounting::Window;
        let wrong = wrong.or_else(|| {
            (passive.back == PassiveReturn::Forgotten && !forgets).then_some(
                "passive-return=forgotten needs passive-counting=window: nothing else forgets failures one by one",
            )
        });
        wrong.map_or(Ok(()), |wrong| Err(SettingError::Together(wrong)))
    }

    /// Every setting as its key and word, in the order of [`KEYS`]; what [`Settings::set`] takes back.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        TABLE.iter().map(|key| (key.name, key.word(self))).collect()
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
        for key in TABLE {
            let word = key.word(self);
            match word.parse::<u32>() {
                Ok(count) if key.shape == "N" => map.serialize_entry(key.name, &count)?,
                _ => map.serialize_entry(key.name, &word)?,
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
