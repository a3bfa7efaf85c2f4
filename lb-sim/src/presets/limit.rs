//! PURE: what a system demands of its settings together, and which are refused because of that.

use super::Grade;
use crate::core::Settings;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// `timeout <= interval`: one demand of a real system, as a preset's file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    pub key: &'static str,
    pub relation: Relation,
    /// The setting that `key` is held against.
    pub than: &'static str,
    /// Where that is written.
    pub source: String,
    pub grade: Grade,
}

/// How the first has to stand to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Relation {
    #[serde(rename = "<")]
    Below,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = "=")]
    Equal,
}

/// Settings that the real system refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "preset={preset} needs {limit} ({}), and {} is {}, {} is {}: set both so, or start from another preset",
    limit.source, limit.key, key, limit.than, than
)]
pub struct Forbidden {
    pub preset: String,
    pub limit: Box<Limit>,
    /// What the two settings are, in their words.
    pub key: String,
    pub than: String,
}

/// The settings that limits speak of.
pub(super) const TIMES: [&str; 2] = ["interval", "timeout"];

impl Limit {
    /// Refuses `settings` that the system called `preset` refuses.
    pub(super) fn check(&self, preset: &str, settings: &Settings) -> Result<(), Forbidden> {
        let (key, than) = (time(settings, self.key), time(settings, self.than));
        let holds = match self.relation {
            Relation::Below => key < than,
            Relation::AtMost => key <= than,
            Relation::Equal => key == than,
        };
        holds.then_some(()).ok_or_else(|| Forbidden {
            preset: preset.to_owned(),
            limit: Box::new(self.clone()),
            key: said(settings, self.key),
            than: said(settings, self.than),
        })
    }
}

/// `timeout=interval` says nothing beside `interval`: both are told as times.
fn said(settings: &Settings, key: &str) -> String {
    humantime::format_duration(time(settings, key)).to_string()
}

/// One of [`TIMES`].
pub(super) fn time(settings: &Settings, key: &str) -> Duration {
    match key {
        "timeout" => settings.check.timeout,
        _ => settings.check.interval,
    }
}

impl Relation {
    const ALL: [Relation; 3] = [Relation::Below, Relation::AtMost, Relation::Equal];

    /// `<= interval`: the relation, and the setting on its right.
    pub(super) fn parse(words: &str) -> Option<(Relation, &'static str)> {
        let (sign, than) = words.split_once(' ')?;
        let relation = Relation::ALL
            .into_iter()
            .find(|relation| relation.sign() == sign)?;
        let than = TIMES.into_iter().find(|known| *known == than.trim())?;
        Some((relation, than))
    }

    fn sign(self) -> &'static str {
        match self {
            Relation::Below => "<",
            Relation::AtMost => "<=",
            Relation::Equal => "=",
        }
    }
}

/// `timeout <= interval`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.key, self.relation.sign(), self.than)
    }
}
