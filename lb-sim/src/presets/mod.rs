//! PURE: real load balancers as data: every rule with its source, and how sure we are of it.
//!
//! One system is one file in this directory, found when the crate is built; its name is the file's. A user's own file
//! has the same form and goes through the same checks:
//!
//! ```toml
//! title    = "HAProxy"                       # the system
//! versions = "2.6.12"                        # that the file speaks for
//! about    = "Server checks as `check` and `option httpchk` alone make them."
//! grade    = "measured"                      # or source, documented: see Grade
//! engine   = "haproxy"                       # optional: the real program that can take lb-sim's place
//! extends  = "nginx"                         # optional: that preset's rules, limits, traps and leaves-out hold, too
//! without  = ["retries", "traps"]            # optional: rules of that preset, or its traps, that do not hold here
//! traps    = ["What the documentation or the obvious reading gets wrong."]
//! leaves-out = ["What of the system the lab does not show."]
//!
//! [rule.interval]                            # one of lb-sim's settings
//! value  = "2s"                              # as the flag has it; a bare number for counts
//! word   = "inter"                           # optional: the vendor's word for it
//! source = "haproxy include/haproxy/defaults.h:284"
//! grade  = "source"                          # optional: where this rule stands on weaker ground than the file
//!
//! [limit.timeout]                            # what the system demands, whoever overrides its settings
//! value  = "<= interval"                     # or `< interval`, `= interval`
//! source = "its API reference"               # and a grade, as a rule has it
//! ```
//!
//! What no rule names has lb-sim's default. `value` and `source` are never optional: a figure whose origin nobody can
//! tell is `grade = "assumed"` and says so in its source.

mod limit;
mod nearest;
mod parse;
mod section;
#[cfg(test)]
mod tests;

pub use limit::{Forbidden, Limit, Relation};
pub use nearest::{nearest, similar};
pub use section::BadPreset;

use crate::core::Settings;
use serde::Serialize;
use std::fmt;
use std::sync::LazyLock;

/// A load balancer's semantics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What `--preset` takes: the file's name without `.toml`; of a user's own file its path.
    pub name: String,
    /// The system.
    pub title: String,
    /// Those the file speaks for.
    pub versions: String,
    /// One sentence on what of the system this is.
    pub about: String,
    pub grade: Grade,
    /// The real program that can take lb-sim's place, by the word of `--engine`.
    pub engine: Option<String>,
    /// In the order of [`crate::core::settings::KEYS`].
    pub rules: Vec<Rule>,
    /// What the system demands of settings, its own or overridden ones.
    pub limits: Vec<Limit>,
    /// What its documentation or the obvious reading gets wrong.
    pub traps: Vec<String>,
    /// What of the system the lab does not show.
    pub leaves_out: Vec<String>,
    /// lb-sim's defaults with every rule applied; consistent.
    pub settings: Settings,
}

/// One setting of a preset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub key: &'static str,
    /// As [`Settings::words`] has it.
    pub value: String,
    /// The vendor's word for it.
    pub word: Option<String>,
    /// Where that is written, or what was done to know it.
    pub source: String,
    pub grade: Grade,
}

/// How it is known, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Nobody has verified it. Of rules only: never the grade of a whole preset.
    Assumed,
    /// Read in the vendor's documentation or API model.
    Documented,
    /// Read in the source code of the versions named.
    Source,
    /// Seen on the real program of the versions named.
    Measured,
}

/// What is in force when nobody names a preset: the article's load balancer.
pub const DEFAULT: &str = "kb";

/// Those of this directory, by the build script.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/presets.rs"));

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let load = |(name, text): &(&str, &str)| {
        let preset = Preset::parse(name, &format!("{name}.toml"), text);
        preset.expect("every file of this directory loads: a test says so")
    };
    let mut all: Vec<Preset> = FILES.iter().map(load).collect();
    // The article first; the others are in the order of their names.
    all.sort_by_key(|preset| (preset.name != DEFAULT, preset.name.clone()));
    all
});

/// Every preset that is built in, [`DEFAULT`] first.
pub fn all() -> &'static [Preset] {
    &ALL
}

/// The built-in preset of that name.
pub fn named(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name == name)
}

/// The file of the built-in preset of that name: where one of your own can start from.
pub fn text(name: &str) -> Option<&'static str> {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map(|(_, text)| *text)
}

impl Preset {
    /// Reads a preset from the text of its file; `file` is what an error calls it.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Preset, BadPreset> {
        parse::preset(name, file, text)
    }

    /// The default.
    pub fn kb() -> &'static Preset {
        named(DEFAULT).expect("kb.toml is in this directory: a test says so")
    }

    /// `measured; HAProxy 2.6.12`: what is to be known wherever its name is said.
    pub fn standing(&self) -> String {
        format!("{}; {}", self.grade, self.speaks_for())
    }

    /// `HAProxy 2.6.12`.
    pub fn speaks_for(&self) -> String {
        format!("{} {}", self.title, self.versions)
    }

    /// What `settings` have otherwise: key and word, in the order of [`crate::core::settings::KEYS`].
    pub fn overridden(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let own = self.settings.words().into_iter();
        let pairs = settings.words().into_iter().zip(own);
        pairs
            .filter_map(|((key, word), (_, own))| (word != own).then_some((key, word)))
            .collect()
    }

    /// Refuses what the system itself refuses, where its settings were overridden.
    pub fn allows(&self, settings: &Settings) -> Result<(), Forbidden> {
        let mut limits = self.limits.iter();
        limits.try_for_each(|limit| limit.check(&self.name, settings))
    }

    /// The rule for a setting; `None`: lb-sim's default.
    pub fn rule(&self, key: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.key == key)
    }
}

impl Grade {
    pub const ALL: [Grade; 4] = [Grade::Assumed, Grade::Documented, Grade::Source, Grade::Measured];

    pub fn name(self) -> &'static str {
        match self {
            Grade::Assumed => "assumed",
            Grade::Documented => "documented",
            Grade::Source => "source",
            Grade::Measured => "measured",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
