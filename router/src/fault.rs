//! PURE: a fault with its parameters, as it travels: from the command line to the router that shows it, to the
//! theory that predicts what it costs.

use crate::record::Fault;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What is done to a router. Parameters that mean nothing to its kind are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    pub fault: Fault,
    /// `silent`, `error`, `slow`: what it shows at. `cut` shows at requests only.
    #[serde(default)]
    pub on: On,
    /// `error`: the status of its answers, 500 to 599.
    #[serde(default = "unavailable")]
    pub status: u16,
    /// `slow`: how late its answers are.
    #[serde(default)]
    pub delay: Delay,
}

/// Where a fault shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    Health,
    Requests,
    #[default]
    Both,
}

/// What can be asked of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/health`; the fault does not show at other paths of the health port.
    Health,
    Requests,
}

/// What a fault does to one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nothing.
    Honest,
    /// It never comes, as long as the fault lasts. What waited is answered when it is over: a router that was silent
    /// behaves like one that stood still.
    Silent,
    Late(Duration),
    Error(u16),
    /// RST in the middle of it.
    Cut,
}

/// How late an answer is; drawn anew for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Delay {
    /// `300ms`
    Fixed(Duration),
    /// `100ms..500ms`
    Uniform(Duration, Duration),
    /// `exp:300ms`, its mean.
    Exponential(Duration),
}

impl Spec {
    pub fn new(fault: Fault) -> Spec {
        Spec {
            fault,
            on: On::Both,
            status: unavailable(),
            delay: Delay::default(),
        }
    }

    /// What becomes of one answer; `dice` are thrown only for a delay that is drawn.
    pub fn manner(&self, place: Place, dice: &mut impl Rng) -> Manner {
        let shows = match place {
            Place::Health => self.on.health(),
            Place::Requests => self.on.requests(),
        };
        match self.fault {
            Fault::Cut if place == Place::Requests => Manner::Cut,
            Fault::Silent if shows => Manner::Silent,
            Fault::Error if shows => Manner::Error(self.status),
            Fault::Slow if shows => Manner::Late(self.delay.draw(dice)),
            _ => Manner::Honest,
        }
    }

    /// Whether a router can show it to itself and others on request.
    pub fn check(&self) -> Result<(), String> {
        if !self.fault.is_behaviour() {
            return Err(
                "a router shows silent, error, cut or slow; others are done to its process".to_owned(),
            );
        }
        if !(500..=599).contains(&self.status) {
            return Err(format!("status {}: expected 500 to 599", self.status));
        }
        Ok(())
    }

    /// What stands in the `fault` record: `on requests, status 503`; `None` for a kind without parameters.
    pub fn detail(&self) -> Option<String> {
        let Spec {
            on, status, delay, ..
        } = self;
        match self.fault {
            Fault::Silent => Some(format!("on {on}")),
            Fault::Error => Some(format!("on {on}, status {status}")),
            Fault::Slow => Some(format!("on {on}, by {delay}")),
            _ => None,
        }
    }
}

impl On {
    pub fn health(self) -> bool {
        self != On::Requests
    }

    pub fn requests(self) -> bool {
        self != On::Health
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            On::Health => "health",
            On::Requests => "requests",
            On::Both => "both",
        })
    }
}

impl FromStr for On {
    type Err = String;
    fn from_str(word: &str) -> Result<On, String> {
        match word {
            "health" => Ok(On::Health),
            "requests" => Ok(On::Requests),
            "both" => Ok(On::Both),
            _ => Err("expected health, requests or both".to_owned()),
        }
    }
}

impl Delay {
    fn draw(self, dice: &mut impl Rng) -> Duration {
        // In [0, 1), all 53 bits of it.
        let mut share = || (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        match self {
            Delay::Fixed(time) => time,
            Delay::Uniform(least, most) => least + (most - least).mul_f64(share()),
            Delay::Exponential(mean) => mean.mul_f64(-(1.0 - share()).ln()),
        }
    }
}

impl Default for Delay {
    fn default() -> Delay {
        Delay::Fixed(Duration::from_millis(300))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |time: &Duration| humantime::format_duration(*time).to_string().replace(' ', "");
        match self {
            Delay::Fixed(time) => f.write_str(&words(time)),
            Delay::Uniform(least, most) => write!(f, "{}..{}", words(least), words(most)),
            Delay::Exponential(mean) => write!(f, "exp:{}", words(mean)),
        }
    }
}

impl FromStr for Delay {
    type Err = String;
    fn from_str(word: &str) -> Result<Delay, String> {
        let expected = || format!("delay `{word}`: expected 300ms, 100ms..500ms or exp:300ms, at most 1h");
        let time = |word: &str| {
            let time = humantime::parse_duration(word).ok();
            time.filter(|time| *time <= Duration::from_secs(3600))
                .ok_or_else(expected)
        };
        if let Some(mean) = word.strip_prefix("exp:") {
            return Ok(Delay::Exponential(time(mean)?));
        }
        match word.split_once("..") {
            None => Ok(Delay::Fixed(time(word)?)),
            Some((least, most)) => {
                let (least, most) = (time(least)?, time(most)?);
                (least <= most)
                    .then_some(Delay::Uniform(least, most))
                    .ok_or_else(expected)
            }
        }
    }
}

impl TryFrom<String> for Delay {
    type Error = String;
    fn try_from(word: String) -> Result<Delay, String> {
        word.parse()
    }
}

impl From<Delay> for String {
    fn from(delay: Delay) -> String {
        delay.to_string()
    }
}

fn unavailable() -> u16 {
    503
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_where_it_should_and_delays_have_their_mean() {
        use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
        let mut dice = ChaCha8Rng::seed_from_u64(7);
        let mut manner = |json: &str, place| {
            let spec: Spec = serde_json::from_str(json).unwrap();
            spec.manner(place, &mut dice)
        };
        let silent = r#"{"fault":"silent","on":"health"}"#;
        assert_eq!(manner(silent, Place::Health), Manner::Silent);
        assert_eq!(manner(silent, Place::Requests), Manner::Honest);
        assert_eq!(
            manner(r#"{"fault":"error"}"#, Place::Requests),
            Manner::Error(503)
        );
        assert_eq!(manner(r#"{"fault":"cut"}"#, Place::Requests), Manner::Cut);
        assert_eq!(manner(r#"{"fault":"cut"}"#, Place::Health), Manner::Honest);
        for (delay, mean) in [("300ms", 0.3), ("100ms..500ms", 0.3), ("exp:300ms", 0.3)] {
            let json = format!(r#"{{"fault":"slow","delay":"{delay}"}}"#);
            let all: f64 = (0..10_000)
                .map(|_| match manner(&json, Place::Requests) {
                    Manner::Late(delay) => delay.as_secs_f64(),
                    other => panic!("{other:?}"),
                })
                .sum();
            assert!((all / 10_000.0 - mean).abs() < 0.01, "{delay}: {all}");
        }
        assert!(Spec::new(Fault::Kill).check().is_err());
        let status = |status| {
            Spec {
                status,
                ..Spec::new(Fault::Error)
            }
            .check()
        };
        assert!(status(500).is_ok() && status(499).unwrap_err().contains("500 to 599"));
    }

    #[test]
    fn words_round_trip_and_defaults_need_not_be_said() {
        let spec: Spec =
            serde_json::from_str(r#"{"fault":"slow","on":"requests","delay":"exp:1m 30s"}"#).unwrap();
        assert_eq!(spec.delay, Delay::Exponential(Duration::from_secs(90)));
        assert_eq!(spec.detail().unwrap(), "on requests, by exp:1m30s");
        let again = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&again).unwrap(), spec);
        let error: Spec = serde_json::from_str(r#"{"fault":"error"}"#).unwrap();
        assert_eq!(error, Spec::new(Fault::Error));
        assert_eq!(error.detail().unwrap(), "on both, status 503");
        for wrong in ["5", "5ms..1ms", "exp:", "2h"] {
            assert!(
                wrong.parse::<Delay>().unwrap_err().contains("expected 300ms"),
                "{wrong}"
            );
        }
    }
}
