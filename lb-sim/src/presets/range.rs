//! PURE: what the real system can be set to, setting by setting. The lab may go further: scaled-down times are what it
//! is for. Advice stays within.

use super::Grade;
use super::limit::{TIMES, time};
use crate::core::Settings;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// `interval from 5s to 300s in steps of 1s`, `detector only poll`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    pub key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<String>,
    /// A time is a whole number of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The words that there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Where that is written.
    pub source: String,
    pub grade: Grade,
}

/// A count or a time: of one setting always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Amount {
    Count(u32),
    Time(Duration),
}

impl Range {
    /// Whether the real system takes what `settings` have.
    pub(super) fn holds(&self, settings: &Settings) -> bool {
        let amount = amount_of(settings, self.key);
        let bound = |word: &Option<String>| word.as_deref().and_then(Amount::parse);
        let within = match amount {
            Some(amount) => {
                bound(&self.least).is_none_or(|least| amount >= least)
                    && bound(&self.most).is_none_or(|most| amount <= most)
                    && bound(&self.step).is_none_or(|step| amount.is_whole(step))
            }
            // `off`, and other words that are no number.
            None => self.least.is_none() && self.most.is_none() && self.step.is_none(),
        };
        let word = word_of(settings, self.key);
        within && (self.only.is_empty() || self.only.contains(&word))
    }
}

impl Amount {
    pub(super) fn parse(word: &str) -> Option<Amount> {
        match word.parse() {
            Ok(count) => Some(Amount::Count(count)),
            Err(_) => humantime::parse_duration(word).ok().map(Amount::Time),
        }
    }

    fn is_whole(self, step: Amount) -> bool {
        match (self, step) {
            (Amount::Count(count), Amount::Count(step)) => step > 0 && count.is_multiple_of(step),
            (Amount::Time(time), Amount::Time(step)) => {
                !step.is_zero() && time.as_nanos().is_multiple_of(step.as_nanos())
            }
            _ => false,
        }
    }
}

/// What a setting amounts to; `None`: it is a word.
pub(super) fn amount_of(settings: &Settings, key: &str) -> Option<Amount> {
    match TIMES.contains(&key) {
        // `timeout=interval` is a time, too.
        true => Some(Amount::Time(time(settings, key))),
        false => Amount::parse(&word_of(settings, key)),
    }
}

fn word_of(settings: &Settings, key: &str) -> String {
    let words = settings.words().into_iter();
    words
        .filter(|(known, _)| *known == key)
        .map(|(_, word)| word)
        .collect()
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)?;
        if let Some(least) = &self.least {
            write!(f, " from {least}")?;
        }
        if let Some(most) = &self.most {
            write!(f, " to {most}")?;
        }
        if let Some(step) = &self.step {
            write!(f, " by {step}")?;
        }
        if !self.only.is_empty() {
            write!(f, " only {}", self.only.join(", "))?;
        }
        Ok(())
    }
}
