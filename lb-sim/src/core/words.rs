//! The words of settings: parsing and printing of one value.

use super::answer::Answer;
use super::detect::{
    Detectors, Growth, Mode, PassiveAction, PassiveCounting, PassiveOn, PassiveReturn, ProxyProtocol,
    RetryOn, RetryTo, Share,
};
use super::settings::{
    AtOnce, Balance, Check, Counting, FirstCheck, FirstResult, Initial, OnFailure, OpenConnections, Schedule,
    SettingError,
};
use super::status::Statuses;
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

macro_rules! choice {
    ($type:ty, $expected:literal, $($word:literal => $value:expr),* $(,)?) => {
        impl Choice for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),*];
            const EXPECTED: &'static str = $expected;
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let word = <$type as Choice>::WORDS.iter().find(|(_, choice)| choice == self);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    };
}
choice!(Schedule, "start, end, batch, batch-by-state or deadline", "start" => Schedule::Start, "end" => Schedule::End,
    "batch" => Schedule::Batch, "batch-by-state" => Schedule::BatchByState, "deadline" => Schedule::Deadline);
choice!(Counting, "consecutive or cumulative", "consecutive" => Counting::Consecutive,
    "cumulative" => Counting::Cumulative);
choice!(Initial, "up or down", "up" => Initial::Up, "down" => Initial::Down);
choice!(FirstCheck, "spread, now, interval or random", "spread" => FirstCheck::Spread, "now" => FirstCheck::Now,
    "interval" => FirstCheck::Interval, "random" => FirstCheck::Random);
choice!(FirstResult, "counts or decides", "counts" => FirstResult::Counts, "decides" => FirstResult::Decides);
choice!(AtOnce, "never, status, refused or status+refused",
    "never" => AtOnce { status: false, refused: false }, "status" => AtOnce { status: true, refused: false },
    "refused" => AtOnce { status: false, refused: true }, "status+refused" => AtOnce { status: true, refused: true });
choice!(Check, "http or tcp", "http" => Check::Http, "tcp" => Check::Tcp);
choice!(Balance, "round-robin or least-connections", "round-robin" => Balance::RoundRobin,
    "least-connections" => Balance::LeastConnections);
choice!(OnFailure, "reset, 502, retry (mode=http), close or retry-connect (mode=tcp)", "reset" => OnFailure::Reset,
    "502" => OnFailure::BadGateway, "retry" => OnFailure::Retry, "close" => OnFailure::Close,
    "retry-connect" => OnFailure::RetryConnect);
choice!(OpenConnections, "keep, close or reset", "keep" => OpenConnections::Keep, "close" => OpenConnections::Close,
    "reset" => OpenConnections::Reset);
choice!(Mode, "http or tcp", "http" => Mode::Http, "tcp" => Mode::Tcp);
choice!(ProxyProtocol, "off or v2", "off" => ProxyProtocol::Off, "v2" => ProxyProtocol::V2);
choice!(PassiveCounting, "row, window or quiet", "row" => PassiveCounting::Row, "window" => PassiveCounting::Window,
    "quiet" => PassiveCounting::Quiet);
choice!(PassiveOn, "connect, broken, 5xx or gateway", "connect" => PassiveOn::Connect, "broken" => PassiveOn::Broken,
    "5xx" => PassiveOn::Any5xx, "gateway" => PassiveOn::Gateway);
choice!(PassiveAction, "eject, fail-check, fastinter, sudden-death or mark-down", "eject" => PassiveAction::Eject,
    "fail-check" => PassiveAction::FailCheck, "fastinter" => PassiveAction::FastInter,
    "sudden-death" => PassiveAction::SuddenDeath, "mark-down" => PassiveAction::MarkDown);
choice!(PassiveReturn, "time, trial, check or forgotten", "time" => PassiveReturn::Time, "trial" => PassiveReturn::Trial,
    "check" => PassiveReturn::Check, "forgotten" => PassiveReturn::Forgotten);
choice!(Growth, "linear or none", "linear" => Growth::Linear, "none" => Growth::None);
choice!(RetryOn, "connect or safe", "connect" => RetryOn::Connect, "safe" => RetryOn::Safe);
choice!(RetryTo, "other, any or same", "other" => RetryTo::Other, "any" => RetryTo::Any, "same" => RetryTo::Same);

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

/// As [`count`], or 0.
pub(super) fn number(key: &'static str, value: &str) -> Result<u32, SettingError> {
    match value.parse() {
        Ok(n @ 0..=1000) => Ok(n),
        _ => Err(bad(key, value, "a whole number from 0 to 1000")),
    }
}

/// More checkers than any load balancer's nodes would only burn the processor.
pub(super) fn probers(key: &'static str, value: &str) -> Result<u32, SettingError> {
    match value.parse() {
        Ok(n @ 1..=32) => Ok(n),
        _ => Err(bad(key, value, "a whole number from 1 to 32")),
    }
}

pub(super) fn switch(key: &'static str, value: &str) -> Result<bool, SettingError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(bad(key, value, "on or off")),
    }
}

pub(super) fn switch_word(on: &bool) -> String {
    if *on { "on" } else { "off" }.to_owned()
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

/// `0%` to `50%`.
pub(super) fn half(key: &'static str, value: &str) -> Result<Share, SettingError> {
    let share = share(key, value).ok().filter(|share| share.0 <= 5_000);
    share.ok_or_else(|| bad(key, value, "a share from 0% to 50%, such as 10%"))
}

pub(super) fn share_or_off(key: &'static str, value: &str) -> Result<Option<Share>, SettingError> {
    or("off", value, |value| share(key, value))
        .map_err(|_| bad(key, value, "a share from 0% to 100%, such as 20%, or off"))
}

pub(super) fn count_or_off(key: &'static str, value: &str) -> Result<Option<u32>, SettingError> {
    or("off", value, |value| count(key, value))
        .map_err(|_| bad(key, value, "a whole number from 1 to 1000, or off"))
}

pub(super) fn time_or_off(key: &'static str, value: &str) -> Result<Option<Duration>, SettingError> {
    or("off", value, |value| positive(key, value)).map_err(|_| {
        bad(
            key,
            value,
            "a duration from 1ms to 1day, such as 500ms or 2s, or off",
        )
    })
}

pub(super) fn or_interval(key: &'static str, value: &str) -> Result<Option<Duration>, SettingError> {
    or("interval", value, |value| positive(key, value)).map_err(|_| {
        bad(
            key,
            value,
            "a duration from 1ms to 1day, such as 500ms or 2s, or interval",
        )
    })
}

pub(super) fn or_each(key: &'static str, value: &str) -> Result<Option<u32>, SettingError> {
    or("each", value, |value| probers(key, value))
        .map_err(|_| bad(key, value, "a whole number from 1 to 32, or each"))
}

/// `None` for the word of nothing.
fn or<T>(
    nothing: &str,
    value: &str,
    parse: impl Fn(&str) -> Result<T, SettingError>,
) -> Result<Option<T>, SettingError> {
    if value == nothing {
        Ok(None)
    } else {
        parse(value).map(Some)
    }
}

pub(super) fn off_or<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "off".to_owned(), T::to_string)
}

pub(super) fn each_or(value: &Option<u32>) -> String {
    value.map_or_else(|| "each".to_owned(), |value| value.to_string())
}

pub(super) fn off_or_time(value: &Option<Duration>) -> String {
    value.as_ref().map_or_else(|| "off".to_owned(), time)
}

pub(super) fn interval_or(value: &Option<Duration>) -> String {
    value.as_ref().map_or_else(|| "interval".to_owned(), time)
}

pub(super) fn at_once(key: &'static str, value: &str) -> Result<AtOnce, SettingError> {
    one_of(key, value)
}

pub(super) fn plain<T: fmt::Display>(value: &T) -> String {
    value.to_string()
}

pub(super) fn statuses(key: &'static str, value: &str) -> Result<Statuses, SettingError> {
    let parsed = value.parse();
    parsed.map_err(|()| {
        bad(
            key,
            value,
            "statuses from 100 to 599, such as 200 or 200-399 or 200-299,404",
        )
    })
}

pub(super) fn answer(key: &'static str, value: &str) -> Result<Answer, SettingError> {
    let parsed = value.parse();
    parsed.map_err(|()| bad(key, value, "a status from 500 to 599, close or reset"))
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
pub(super) fn time(duration: &Duration) -> String {
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
