//! The words of settings: parsing and printing of one value.

use super::detect::{Detectors, Mode, ProxyProtocol, Share};
use super::settings::{Balance, Check, OnFailure, Schedule, SettingError};
use std::fmt;
use std::time::Duration;

/// Timers have a precision of a millisecond; a shorter interval would only burn the processor.
const SHORTEST: Duration = Duration::from_millis(1);
/// Keeps every product of `interval` and `fall` far from overflow.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A closed set of words.
pub(super) trait Choice: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
    const EXPECTED: &'static str;
}

impl Choice for Schedule {
    const WORDS: &'static [(&'static str, Self)] = &[("start", Schedule::Start), ("end", Schedule::End)];
    const EXPECTED: &'static str = "start or end";
}

impl Choice for Check {
    const WORDS: &'static [(&'static str, Self)] = &[("http", Check::Http), ("tcp", Check::Tcp)];
    const EXPECTED: &'static str = "http or tcp";
}

impl Choice for Balance {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("round-robin", Balance::RoundRobin),
        ("least-connections", Balance::LeastConnections),
    ];
    const EXPECTED: &'static str = "round-robin or least-connections";
}

impl Choice for OnFailure {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("reset", OnFailure::Reset),
        ("502", OnFailure::BadGateway),
        ("retry", OnFailure::Retry),
        ("close", OnFailure::Close),
        ("retry-connect", OnFailure::RetryConnect),
    ];
    const EXPECTED: &'static str = "reset, 502, retry (mode=http), close or retry-connect (mode=tcp)";
}

impl Choice for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[("http", Mode::Http), ("tcp", Mode::Tcp)];
    const EXPECTED: &'static str = "http or tcp";
}

impl Choice for ProxyProtocol {
    const WORDS: &'static [(&'static str, Self)] = &[("off", ProxyProtocol::Off), ("v2", ProxyProtocol::V2)];
    const EXPECTED: &'static str = "off or v2";
}

macro_rules! display_by_word {
    ($($choice:ty),*) => {$(
        impl fmt::Display for $choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let word = <$choice as Choice>::WORDS.iter().find(|(_, choice)| choice == self);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    )*};
}
display_by_word!(Schedule, Check, Balance, OnFailure, Mode, ProxyProtocol);

impl fmt::Display for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detectors {
            passive,
            sentinel,
            notice,
        } = *self;
        let names = [("passive", passive), ("sentinel", sentinel), ("notice", notice)];
        let on: Vec<_> = names
            .into_iter()
            .filter_map(|(name, on)| on.then_some(name))
            .collect();
        f.write_str(if on.is_empty() { "poll" } else { "" })?;
        f.write_str(&on.join("+"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 100.0)
    }
}

pub(super) fn one_of<C: Choice>(key: &'static str, value: &str) -> Result<C, SettingError> {
    let found = C::WORDS.iter().find(|(word, _)| *word == value);
    found
        .map(|(_, choice)| *choice)
        .ok_or_else(|| bad(key, value, C::EXPECTED))
}

pub(super) fn count(key: &'static str, value: &str) -> Result<u32, SettingError> {
    match value.parse() {
        Ok(n @ 1..=1000) => Ok(n),
        _ => Err(bad(key, value, "a whole number from 1 to 1000")),
    }
}

/// `sentinel`, `passive+notice`, `poll`: polling runs anyway.
pub(super) fn detectors(key: &'static str, value: &str) -> Result<Detectors, SettingError> {
    let mut detectors = Detectors::default();
    for word in value.split(['+', ',']) {
        match word.trim() {
            "poll" => {}
            "passive" => detectors.passive = true,
            "sentinel" => detectors.sentinel = true,
            "notice" => detectors.notice = true,
            _ => {
                let expected = "poll, passive, sentinel, notice, or several joined by +";
                return Err(bad(key, value, expected));
            }
        }
    }
    Ok(detectors)
}

/// `20%`, `33.3%`.
pub(super) fn share(key: &'static str, value: &str) -> Result<Share, SettingError> {
    let percent = value.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Share((percent * 100.0).round() as u32)),
        _ => Err(bad(key, value, "a share from 0% to 100%, such as 20%")),
    }
}

/// What `parse` takes, or `off`.
pub(super) fn or_off<T>(
    key: &'static str,
    value: &str,
    parse: fn(&'static str, &str) -> Result<T, SettingError>,
) -> Result<Option<T>, SettingError> {
    if value == "off" {
        return Ok(None);
    }
    let expected = |error| match error {
        SettingError::BadValue { expected, .. } if expected.starts_with("a share") => {
            bad(key, value, "a share from 0% to 100%, such as 20%, or off")
        }
        _ => bad(key, value, "a whole number from 1 to 1000, or off"),
    };
    parse(key, value).map(Some).map_err(expected)
}

pub(super) fn off_or<T: fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "off".to_owned(), |value| value.to_string())
}

/// A duration that may be zero.
pub(super) fn duration(key: &'static str, value: &str) -> Result<Duration, SettingError> {
    let parsed = humantime::parse_duration(value);
    let parsed = parsed.map_err(|_| bad(key, value, "a duration with a unit, such as 500ms or 2s"))?;
    if parsed > LONGEST {
        return Err(bad(key, value, "a duration of at most 1day, such as 500ms or 2s"));
    }
    Ok(parsed)
}

pub(super) fn positive(key: &'static str, value: &str) -> Result<Duration, SettingError> {
    let parsed = duration(key, value)?;
    if parsed < SHORTEST {
        return Err(bad(
            key,
            value,
            "a duration from 1ms to 1day, such as 500ms or 2s",
        ));
    }
    Ok(parsed)
}

/// A path that can stand in a request line as it is.
pub(super) fn path(key: &'static str, value: &str) -> Result<String, SettingError> {
    if value.starts_with('/') && value.len() <= 2048 && value.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(value.to_owned());
    }
    Err(bad(
        key,
        value,
        "a path that starts with / and has no blanks, such as /health",
    ))
}

/// `5s`, `1500ms`, `250us`: one number and one unit, so that it can stand in a list of words.
pub(super) fn duration_words(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let exact = units.iter().find(|(size, _)| nanos.is_multiple_of(*size));
    exact.map_or_else(String::new, |(size, unit)| format!("{}{unit}", nanos / size))
}

fn bad(key: &'static str, value: &str, expected: &'static str) -> SettingError {
    SettingError::BadValue {
        key,
        value: value.to_owned(),
        expected,
    }
}
