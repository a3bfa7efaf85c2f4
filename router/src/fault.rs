//! PURE: a fault with its parameters, as it travels: from the command line to the router that shows it, to the
//! theory that predicts what it costs.

use crate::record::Fault;
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
