//! PURE: things that are counted.

use router::record::{Cause, Outcome, ProbeResult};
use serde::Serialize;
use std::collections::BTreeMap;

/// What clients can get instead of an answer.
pub(super) const FAILURES: [Outcome; 8] = [
    Outcome::Http502,
    Outcome::Http503,
    Outcome::Http504,
    Outcome::HttpOther,
    Outcome::Refused,
    Outcome::Reset,
    Outcome::Eof,
    Outcome::Timeout,
];

pub(super) const CAUSES: [Cause; 9] = [
    Cause::Refused,
    Cause::Reset,
    Cause::Eof,
    Cause::ConnectTimeout,
    Cause::ResponseTimeout,
    Cause::Cut,
    Cause::Status5xx,
    Cause::Malformed,
    Cause::ClientGone,
];

pub(super) const RESULTS: [ProbeResult; 7] = [
    ProbeResult::Ok,
    ProbeResult::Refused,
    ProbeResult::Reset,
    ProbeResult::Eof,
    ProbeResult::Timeout,
    ProbeResult::Status,
    ProbeResult::Malformed,
];

/// Numbers by the word that a record uses, in alphabetical order.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(BTreeMap<String, u64>);

/// A total of processes that begin at zero again when they are restarted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Total {
    before: u64,
    /// What the present process says.
    pub now: u64,
}

impl Counts {
    /// All of them at zero.
    pub fn of(words: &[impl Serialize]) -> Counts {
        Counts(words.iter().map(|value| (word(value), 0)).collect())
    }

    pub fn add(&mut self, value: &impl Serialize, n: u64) {
        *self.0.entry(word(value)).or_default() += n;
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, u64)> {
        self.0.iter().map(|(word, n)| (word, *n))
    }
}

impl Total {
    pub fn sum(self) -> u64 {
        self.before + self.now
    }

    pub fn begin_anew(&mut self) {
        self.before = self.sum();
        self.now = 0;
    }
}

/// `response_timeout`
pub(super) fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("unknown").to_owned()
}
