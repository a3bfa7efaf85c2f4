//! PURE: values as people read them.

use router::record::Detector;
use serde::Serialize;
use std::time::Duration;

/// `7.412 s`: measured.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

/// `15.0 s`, `250 ms`: planned, or not worth three digits.
pub(super) fn about(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.0} ms", duration.as_secs_f64() * 1e3)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// `1 request`, `2 requests`
pub(super) fn requests(n: u64) -> String {
    format!("{n} request{}", if n == 1 { "" } else { "s" })
}

/// ` by sentinel`; polling, which always runs, is not worth a word.
pub(super) fn by(detector: Option<Detector>) -> String {
    match detector {
        None | Some(Detector::Poll) => String::new(),
        Some(other) => format!(" by {}", word(other)),
    }
}

/// The word that a record uses, with spaces: `response timeout`.
pub(super) fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("?").replace('_', " ")
}

/// `reset 370, eof 2`, the most frequent first.
pub(super) fn counts<'a, K: Serialize + 'a>(counts: impl IntoIterator<Item = (&'a K, &'a u64)>) -> String {
    let mut counts: Vec<(String, u64)> = counts.into_iter().map(|(key, n)| (word(key), *n)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let words: Vec<String> = counts
        .into_iter()
        .map(|(word, n)| format!("{word} {n}"))
        .collect();
    words.join(", ")
}

pub(super) fn settings(patch: &serde_json::Map<String, serde_json::Value>) -> String {
    let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words: Vec<String> = patch
        .iter()
        .map(|(key, value)| format!("{key}={}", word(value)))
        .collect();
    words.join(" ")
}
