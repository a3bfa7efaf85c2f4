//! How routers are checked and requests forwarded. One table of words serves flags, `resetlab.toml` and `set`.

use super::answer::Answers;
use super::detect::{
    Detectors, Mode, PassiveCounting, PassiveReturn, PassiveSettings, ProxyProtocol, RetrySettings, Share,
};
pub use super::keys::{Group, KEYS, Key, TABLE};
use super::status::Statuses;
use router::record::ProbeResult;
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

/// How a router is checked; HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// From one check to the next, counted as `schedule` says.
    pub interval: Duration,
    /// The same of an Up router while failures are pending (HAProxy's fastinter, Envoy's unhealthy_edge_interval);
    /// `None`: the interval.
    pub fall_interval: Option<Duration>,
    /// Of a Down router (HAProxy's downinter, Envoy's unhealthy_interval; Traefik's unhealthyInterval, from one round of
    /// those that are Down to the next); `None`: the interval.
    pub down_interval: Option<Duration>,
    /// Of a Down router while successes are pending (HAProxy's fastinter, Envoy's healthy_edge_interval); `None`: the
    /// interval.
    pub rise_interval: Option<Duration>,
    /// Until the first request was sent to a router (Envoy's no_traffic_interval), whatever the belief; `None`: no
    /// difference. A wait that has begun is not shortened.
    pub no_traffic_interval: Option<Duration>,
    /// A check without an answer for this long has failed. Under [`Schedule::Deadline`]: without a success for this long
    /// the router is Down (F5's default of 16 s is three intervals of 5 s and one).
    pub timeout: Duration,
    /// `timeout` is the interval, and follows it (HAProxy without `timeout check`).
    pub timeout_is_interval: bool,
    /// Failures that make an Up router Down.
    pub fall: u32,
    /// Successes that make a Down router Up.
    pub rise: u32,
    pub counting: Counting,
    pub schedule: Schedule,
    /// Each gap is longer or shorter by a random share up to this (HAProxy's spread-checks).
    pub spread: Share,
    /// Each gap is lengthened by a random time in `[0, jitter)`.
    pub jitter: Duration,
    /// [`Schedule::Start`] with a timeout above the interval: a check starts although one is under way (Caddy), instead of
    /// the tick being skipped (kubelet).
    pub overlap: bool,
    pub initial: Initial,
    pub first_check: FirstCheck,
    pub first_result: FirstResult,
    /// Which failed checks make a router Down whatever `fall` says.
    pub down_at_once: AtOnce,
    /// Independent checkers, each with a rhythm and counts of its own: each beyond the first starts at a random time
    /// within an interval.
    pub probers: u32,
    /// How many of them must find a router Down for all of them to; it is Up again when fewer do. `None`: each decides
    /// for its share of the requests, and it is believed Down when all of them find it so.
    pub agreement: Option<u32>,
    pub check: Check,
    /// What an HTTP check asks for.
    pub path: String,
    /// The statuses of an HTTP check that are healthy.
    pub healthy_status: Statuses,
}

/// Where the interval is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// From the previous start: a fixed rate (ALB, kubelet, Caddy). A tick that finds a check under way is skipped.
    Start,
    /// From the previous end: a check that hangs delays the next (HAProxy, Envoy).
    End,
    /// One router after the other, the next round an interval after the start of this one or at its end (pingora).
    Batch,
    /// The same with rounds of their own for routers that are Down (Traefik).
    BatchByState,
    /// As `start`, but nothing is counted: Down when `timeout` has passed without a success (F5 BIG-IP).
    Deadline,
}

/// What becomes of a count when a check says the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counting {
    /// It starts again.
    Consecutive,
    /// It stays until the belief changes (Caddy).
    Cumulative,
}

/// What is believed of a router nobody has checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initial {
    Up,
    /// Out of use (Envoy, kubelet).
    Down,
}

/// When a router is checked first; under [`Schedule::Batch`], when the first round begins. A router that joins later is
/// checked at once where the first ones are spread, or in the next round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstCheck {
    /// Spread evenly over the first interval (HAProxy). A first round begins at once.
    Spread,
    /// At once (Caddy, pingora).
    Now,
    /// After one interval (Traefik).
    Interval,
    /// At a random time within the first interval (kubelet).
    Random,
}

/// What the first check of a router decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstResult {
    /// It counts as any other.
    Counts,
    /// The belief, by itself (HAProxy: one failure; Envoy, ALB: one success).
    Decides,
}

/// Which failed checks make a router Down whatever `fall` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AtOnce {
    /// A status that is not healthy (Envoy, Azure).
    pub status: bool,
    /// A connection refused, reset, or closed without an answer (F5, Azure).
    pub refused: bool,
}

impl AtOnce {
    /// Whether a check that ended so decides by itself.
    pub fn applies(self, result: ProbeResult) -> bool {
        match result {
            ProbeResult::Status => self.status,
            ProbeResult::Refused | ProbeResult::Reset | ProbeResult::Eof => self.refused,
            ProbeResult::Ok | ProbeResult::Timeout | ProbeResult::Malformed => false,
        }
    }
}

/// What happens to what is under way at a router that goes out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpenConnections {
    /// It goes on.
    Keep,
    /// Its client's connection is closed (HAProxy's on-marked-down shutdown-sessions).
    Close,
    /// Its client's connection is reset (AWS NLB).
    Reset,
}

/// What a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// `GET path`; `healthy_status` is healthy.
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

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            interval: Duration::from_secs(5),
            fall_interval: None,
            down_interval: None,
            rise_interval: None,
            no_traffic_interval: None,
            timeout: Duration::from_secs(2),
            timeout_is_interval: false,
            fall: 2,
            rise: 2,
            counting: Counting::Consecutive,
            schedule: Schedule::Start,
            spread: Share(0),
            jitter: Duration::ZERO,
            overlap: false,
            initial: Initial::Up,
            first_check: FirstCheck::Spread,
            first_result: FirstResult::Counts,
            down_at_once: AtOnce::default(),
            probers: 1,
            agreement: None,
            check: Check::Http,
            path: "/health".to_owned(),
            healthy_status: Statuses::default(),
        }
    }
}

impl CheckSettings {
    /// Whether each of several probers decides for its share of the requests.
    pub fn each_decides(&self) -> bool {
        self.probers > 1 && self.agreement.is_none()
    }

    /// Whether a check starts although one is under way.
    pub fn overlaps(&self) -> bool {
        match self.schedule {
            Schedule::Start => self.overlap,
            Schedule::Deadline => true,
            Schedule::End | Schedule::Batch | Schedule::BatchByState => false,
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
