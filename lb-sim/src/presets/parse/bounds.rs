//! What a file says of the system beside its settings: limits and ranges.

use crate::core::Settings;
use crate::core::settings::KEYS;
use crate::presets::limit::{self, Limit, Relation};
use crate::presets::range::{Amount, Range};
use crate::presets::section::Section;
use crate::presets::{BadPreset, Grade, Preset};

/// The keys of a limit.
const OF_LIMIT: [&str; 3] = ["value", "source", "grade"];
/// The keys of a range.
const OF_RANGE: [&str; 6] = ["least", "most", "step", "only", "source", "grade"];

impl Section<'_> {
    /// `[limit.KEY]`.
    pub(super) fn limits(&self, grade: Grade) -> Result<Vec<Limit>, BadPreset> {
        let mut limits = Vec::new();
        for (name, section) in self.tables("limit", "[limit.timeout]")? {
            let known = limit::TIMES.into_iter().find(|known| *known == name);
            let known = known.ok_or_else(|| {
                let expected = limit::TIMES.join(" or ");
                section.bad(format!("limit cannot be of `{name}`: expected {expected}"))
            })?;
            limits.push(section.limit(known, grade)?);
        }
        Ok(limits)
    }

    fn limit(&self, key: &'static str, of_file: Grade) -> Result<Limit, BadPreset> {
        self.known(&OF_LIMIT)?;
        let (value, at) = self.value()?;
        let parsed = Relation::parse(&value).filter(|(_, than)| *than != key);
        let (relation, than) = parsed.ok_or_else(|| {
            let problem = format!(
                "{} cannot be `{value}`: expected such as `<= interval`",
                self.what
            );
            self.reader.bad(&at, problem)
        })?;
        Ok(Limit {
            key,
            relation,
            than,
            source: self.text("source", "where that is written")?,
            grade: self.grade_within(of_file)?,
        })
    }

    /// `[range.KEY]`.
    pub(super) fn ranges(&self, grade: Grade) -> Result<Vec<Range>, BadPreset> {
        let mut ranges = Vec::new();
        for (name, section) in self.tables("range", "[range.interval]")? {
            let known = KEYS.into_iter().find(|known| *known == name);
            let known = known.ok_or_else(|| section.bad(format!("lb-sim has no setting `{name}`")))?;
            ranges.push(section.range(known, grade)?);
        }
        Ok(ranges)
    }

    fn range(&self, key: &'static str, of_file: Grade) -> Result<Range, BadPreset> {
        self.known(&OF_RANGE)?;
        let bound = |bound: &str| match self.optional(bound)? {
            Some((word, at)) if Amount::parse(&word).is_none() => {
                let expected = "expected a number or a duration in quotes, such as \"2\" or \"5s\"";
                Err(self.reader.bad(
                    &at,
                    format!("{}.{bound} cannot be `{word}`: {expected}", self.what),
                ))
            }
            found => Ok(found.map(|(word, _)| word)),
        };
        let range = Range {
            key,
            least: bound("least")?,
            most: bound("most")?,
            step: bound("step")?,
            only: self.list("only")?,
            source: self.text("source", "where that is written")?,
            grade: self.grade_within(of_file)?,
        };
        let mut trial = Settings::default();
        if let Some(word) = range.only.iter().find(|word| trial.set(key, word).is_err()) {
            return Err(self.bad(format!(
                "{}.only cannot have `{word}`: {key} has no such word",
                self.what
            )));
        }
        let says = range.least.is_some() || range.most.is_some() || range.step.is_some();
        match says || !range.only.is_empty() {
            true => Ok(range),
            false => Err(self.bad(format!(
                "{} says nothing: expected least, most, step or only",
                self.what
            ))),
        }
    }

    fn bad(&self, problem: String) -> BadPreset {
        self.reader.bad(&self.at, problem)
    }
}

/// The limits of a base, none on firmer ground than the file that takes them.
pub(super) fn limits_lent(base: &Preset, most: Grade) -> Vec<Limit> {
    let capped = |limit: &Limit| Limit {
        grade: limit.grade.min(most),
        ..limit.clone()
    };
    base.limits.iter().map(capped).collect()
}

/// The same of its ranges.
pub(super) fn ranges_lent(base: &Preset, most: Grade) -> Vec<Range> {
    let capped = |range: &Range| Range {
        grade: range.grade.min(most),
        ..range.clone()
    };
    base.ranges.iter().map(capped).collect()
}
