//! PURE: the setting `crash-traffic`: how often a client asks for what gorouter dies of.

use super::Trigger;
use std::fmt;
use std::str::FromStr;

/// `5/s`, `5/s:continue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrashRate {
    /// Requests a second, above 0, at most [`CrashRate::MOST`].
    pub per_second: f64,
    pub trigger: Trigger,
}

impl CrashRate {
    /// Clients stay 10 ms at most, so this many a second need few of them at a time.
    pub const MOST: f64 = 1000.0;

    /// The setting's word: a rate, or `off`.
    pub fn parse(word: &str) -> Result<Option<CrashRate>, String> {
        match word {
            "off" => Ok(None),
            _ => word.parse().map(Some),
        }
    }
}

impl fmt::Display for CrashRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s:{}", self.per_second, self.trigger)
    }
}

impl FromStr for CrashRate {
    type Err = String;
    fn from_str(word: &str) -> Result<CrashRate, String> {
        let expected = || {
            format!(
                "crash-traffic cannot be `{word}`: expected off, or requests a second up to {}, such as 5/s or \
                 5/s:continue (early-hints, continue, one-hint)",
                CrashRate::MOST
            )
        };
        let (rate, trigger) = match word.split_once(':') {
            Some((rate, trigger)) => (rate, trigger.parse().map_err(|_| expected())?),
            None => (word, Trigger::default()),
        };
        let number = rate.strip_suffix("/s").and_then(|number| number.parse().ok());
        let per_second = number.filter(|number| *number > 0.0 && *number <= CrashRate::MOST);
        Ok(CrashRate {
            per_second: per_second.ok_or_else(expected)?,
            trigger,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_wrong_ones_say_what_was_expected() {
        let rate: CrashRate = "5/s".parse().unwrap();
        assert_eq!((rate.per_second, rate.trigger), (5.0, Trigger::EarlyHints));
        let rate: CrashRate = "0.5/s:continue".parse().unwrap();
        assert_eq!(rate.to_string().parse(), Ok(rate));
        assert_eq!(CrashRate::parse("off"), Ok(None));
        assert_eq!(CrashRate::parse("5/s"), Ok("5/s:early-hints".parse().ok()));
        for wrong in ["5", "0/s", "-1/s", "1001/s", "nan/s", "5/s:102", "/s", ""] {
            let error = wrong.parse::<CrashRate>().unwrap_err();
            assert!(error.contains("such as 5/s or 5/s:continue"), "{error}");
        }
    }
}
