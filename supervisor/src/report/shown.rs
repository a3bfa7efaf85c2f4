//! PURE: figures and words as a report says them, the same in every sentence.

use router::record::{Fault, Outcome};
use serde::Serialize;

/// So many digits behind the point, half away from zero: `1.95` is `2.0`, though the nearest number that a machine has is
/// below it, and `280.5` is `281`. Never `-0.0`. Every figure is rounded here, so that text and table agree.
pub fn fixed(value: f64, digits: usize) -> String {
    let scale = 10_f64.powi(digits.min(300) as i32);
    let scaled = (value * scale).abs();
    // Beyond that each number has fewer digits than are asked for.
    if scaled.is_nan() || scaled >= 1e15 {
        return format!("{value:.digits$}");
    }
    // What is a half but for the machine's rounding is one.
    let whole = (scaled * (1.0 + 4.0 * f64::EPSILON)).round();
    let sign = if value < 0.0 && whole > 0.0 { "-" } else { "" };
    format!("{sign}{:.digits$}", whole / scale)
}

/// A time in seconds: `7.4 s`, `412 ms`, `1.3 ms`, `4 min`, `3.2 h`.
pub fn time(seconds: f64) -> String {
    let Scale { per, unit, digits } = scale(seconds);
    format!("{} {unit}", fixed(seconds * per, digits))
}

/// A time with its range in the same unit: `7.4 s (5.0 to 9.9`; what follows closes the bracket.
pub fn time_range(mean: f64, min: f64, max: f64) -> (String, String) {
    let Scale { per, unit, digits } = scale(mean.abs().max(max.abs() / 10.0));
    (
        format!("{} {unit}", fixed(mean * per, digits)),
        format!("{} to {}", fixed(min * per, digits), fixed(max * per, digits)),
    )
}

struct Scale {
    per: f64,
    unit: &'static str,
    digits: usize,
}

fn scale(seconds: f64) -> Scale {
    let of = |per, unit, digits| Scale { per, unit, digits };
    match seconds.abs() {
        0.0 => of(1.0, "s", 0),
        s if s < 0.01 => of(1e3, "ms", 1),
        s if s < 1.0 => of(1e3, "ms", 0),
        s if s < 100.0 => of(1.0, "s", 1),
        s if s < 600.0 => of(1.0, "s", 0),
        s if s < 7200.0 => of(1.0 / 60.0, "min", 0),
        _ => of(1.0 / 3600.0, "h", 1),
    }
}

/// A mean of counts: `370`, `36.5`, `0.5`, `0.03`: what is not nothing is not shown as nothing.
pub fn mean(count: f64) -> String {
    match count.abs() {
        c if c >= 100.0 || c == c.round() => fixed(count, 0),
        c if c >= 0.05 => fixed(count, 1),
        c => fixed(count, (-c.log10().floor()).clamp(1.0, 300.0) as usize),
    }
}

/// A count with its noun: `1 request`, `12 requests`.
pub fn counted(count: f64, noun: &str) -> String {
    let figure = mean(count);
    match figure == "1" {
        true => format!("1 {noun}"),
        false => format!("{figure} {noun}s"),
    }
}

/// The same with its verb: `1 request is`, `12 requests are`.
pub fn counted_are(count: f64, noun: &str) -> String {
    let verb = if mean(count) == "1" { "is" } else { "are" };
    format!("{} {verb}", counted(count, noun))
}

/// `interval 5s`, `interval 5s and fall 2`, `inter 2s, fall 3 and detector passive`.
pub fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A large whole number: `518,400`.
pub fn grouped(count: f64) -> String {
    let digits = fixed(count, 0);
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A share that somebody has set, with as many nines as it has: `99.9 %`, `99.95 %`, `2.4 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = (0..=6).find(|digits| {
        let scale = 10_f64.powi(*digits);
        ((percent * scale).round() / scale - percent).abs() < 1e-9
    });
    match digits {
        Some(digits) => format!("{} %", fixed(percent, digits as usize)),
        None => success(share, 3),
    }
}

/// A share of requests that succeeded, with at least so many digits: more where something is missing that they would not
/// show. `99.86 %`, `99.9997 %`; `100.00 %` only where nothing is.
pub fn success(share: f64, digits: usize) -> String {
    format!("{} %", fixed(share * 100.0, success_digits(share, digits)))
}

/// How many digits that takes.
pub fn success_digits(share: f64, least: usize) -> usize {
    let shows = |digits: &usize| share >= 1.0 || fixed(share * 100.0, *digits).parse() != Ok(100.0);
    (least..=12).find(shows).unwrap_or(least)
}

/// A share beside an objective that it misses or reaches: with so many digits that they differ where they do.
pub fn beside(share: f64, objective: f64) -> String {
    let differs = |digits: &usize| {
        share == objective || fixed(share * 100.0, *digits) != fixed(objective * 100.0, *digits)
    };
    let digits = (success_digits(share, 2)..=12).find(differs).unwrap_or(12);
    success(share, digits)
}

/// The word that a value of the records has: `http_502`.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// What happens to a router: `When a router is killed`.
pub fn when(fault: Fault, victims: u32) -> String {
    let (one, many) = match fault {
        Fault::Kill => ("is killed", "are killed"),
        Fault::Hang => ("hangs", "hang"),
        Fault::Crash => ("crashes by the article's bug", "crash by the article's bug"),
        Fault::Drain => ("is drained", "are drained"),
        Fault::Stop => ("is stopped", "are stopped"),
        Fault::Silent => ("accepts and never answers", "accept and never answer"),
        Fault::Error => ("answers with errors", "answer with errors"),
        Fault::Cut => ("cuts its answers short", "cut their answers short"),
        Fault::Slow => ("answers late", "answer late"),
    };
    match victims {
        0 | 1 => format!("When a router {one}"),
        several => format!("When {several} routers {many} at once"),
    }
}

/// One of them: `kill`, `a death`.
pub fn one(fault: Fault) -> &'static str {
    match fault {
        Fault::Kill | Fault::Crash => "death",
        Fault::Hang => "hang",
        Fault::Drain => "drain",
        Fault::Stop => "stop",
        Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => "fault",
    }
}

/// `20 kills`
pub fn several(fault: Fault, n: usize) -> String {
    let noun = match fault {
        Fault::Kill => "kill",
        Fault::Hang => "hang",
        Fault::Crash => "crash",
        Fault::Drain => "drain",
        Fault::Stop => "stop",
        Fault::Silent => "silence",
        Fault::Error => "error fault",
        Fault::Cut => "cut fault",
        Fault::Slow => "slow fault",
    };
    match (n, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "crash") => format!("{n} crashes"),
        _ => format!("{n} {noun}s"),
    }
}

/// What a client got, in words beside its word.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "answered",
        Outcome::Http502 => "bad gateway: an attempt failed",
        Outcome::Http503 => "unavailable: no router in use, retries ended, or so said the router",
        Outcome::Http504 => "gateway timeout",
        Outcome::HttpOther => "another error status",
        Outcome::Refused => "connection refused",
        Outcome::Reset => "connection reset",
        Outcome::Eof => "connection closed without an answer",
        Outcome::Timeout => "no answer within the client's patience",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_and_the_digits_that_fit_it() {
        for (seconds, wanted) in [
            (0.0, "0 s"),
            (0.00134, "1.3 ms"),
            (0.4117, "412 ms"),
            (7.412, "7.4 s"),
            (127.4, "127 s"),
            (900.0, "15 min"),
            (86_400.0, "24.0 h"),
            (-0.002, "-2.0 ms"),
        ] {
            assert_eq!(time(seconds), wanted);
        }
        let (mean, range) = time_range(7.41, 5.02, 9.91);
        assert_eq!(format!("{mean} ({range})"), "7.4 s (5.0 to 9.9)");
    }

    #[test]
    fn a_half_is_rounded_up_everywhere() {
        for (value, digits, wanted) in [
            (1.95, 1, "2.0"),
            (280.5, 0, "281"),
            (130.5, 0, "131"),
            (-0.25, 1, "-0.3"),
            (-0.0001, 2, "0.00"),
            (7.4499, 1, "7.4"),
            (1e18, 1, "1000000000000000000.0"),
        ] {
            assert_eq!(fixed(value, digits), wanted);
            let cell = crate::report::model::Cell::Number {
                value,
                digits: digits as u8,
            };
            assert_eq!(cell.shown(), wanted);
        }
        assert_eq!(
            (time(1.95), mean(280.5), time(f64::NAN).contains("NaN")),
            ("2.0 s".into(), "281".into(), true)
        );
    }

    #[test]
    fn what_is_not_nothing_is_shown_and_so_is_what_is_missing_of_all() {
        assert_eq!(
            (mean(0.03), mean(0.0004), mean(0.049)),
            ("0.03".into(), "0.0004".into(), "0.05".into())
        );
        assert_eq!(
            (success(1.0, 3), success(0.999_999_8, 3)),
            ("100.000 %".into(), "99.99998 %".into())
        );
        assert_eq!(percent(0.999_999_999_5), "99.99999995 %");
        assert_eq!(
            (beside(0.998_576, 0.998_58), beside(0.9986, 0.9986)),
            ("99.8576 %".into(), "99.86 %".into())
        );
    }

    #[test]
    fn counts_and_shares_have_no_false_digits() {
        assert_eq!(grouped(518_400_000.0), "518,400,000");
        assert_eq!(grouped(999.0), "999");
        assert_eq!(counted(370.4, "request"), "370 requests");
        assert_eq!(counted(1.0, "request"), "1 request");
        assert_eq!(counted(0.5, "request"), "0.5 requests");
        assert_eq!(counted_are(1.0, "request"), "1 request is");
        assert_eq!(counted_are(0.0, "request"), "0 requests are");
        let words: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(
            [1, 2, 3].map(|n| joined(&words[..n])),
            ["a", "a and b", "a, b and c"]
        );
        assert_eq!(percent(0.999), "99.9 %");
        assert_eq!(percent(0.9995), "99.95 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.05), "5 %");
    }
}
