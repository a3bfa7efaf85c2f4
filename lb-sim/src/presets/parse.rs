//! A preset from the text of its file: its rules and limits, and those that the preset it extends lends it. Everything
//! that can be wrong with a file is wrong here.

use super::limit::{self, Limit, Relation};
use super::section::{BadPreset, Reader, Section};
use super::{Grade, Preset, Rule, nearest};
use crate::core::Settings;
use crate::core::settings::KEYS;
use std::ops::Range;
use toml::de::DeTable;

/// The keys of a file.
const FIELDS: [&str; 11] = [
    "title",
    "versions",
    "about",
    "grade",
    "engine",
    "extends",
    "without",
    "traps",
    "leaves-out",
    "rule",
    "limit",
];
/// The keys of a rule.
const OF_RULE: [&str; 4] = ["value", "word", "source", "grade"];
/// The keys of a limit.
const OF_LIMIT: [&str; 3] = ["value", "source", "grade"];

/// What `without` calls the traps of the base.
const TRAPS: &str = "traps";

/// Reads the file.
pub(super) fn preset(name: &str, file: &str, text: &str) -> Result<Preset, BadPreset> {
    let reader = Reader { file, text };
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().unwrap_or(0..0);
        let expected = "expected a preset in TOML, such as `resetlab presets show kb --toml` prints";
        reader.bad(&at, format!("{}; {expected}", e.message()))
    })?;
    let top = Section {
        reader: &reader,
        what: "a preset".to_owned(),
        at: 0..0,
        table: table.get_ref(),
    };
    top.known(&FIELDS)?;
    let base = top.base()?;
    let grade = top.grade()?;
    let (grade, at) = grade.ok_or_else(|| top.missing("grade", "measured, source or documented"))?;
    if grade == Grade::Assumed {
        let problem = "grade cannot be `assumed` for a whole preset: expected measured, source or documented";
        return Err(reader.bad(&at, problem.to_owned()));
    }
    let without = top.without(base)?;
    let lends = |part: &str| !without.iter().any(|dropped| dropped == part);
    let mut rules = base.map(|base| lent(base, grade)).unwrap_or_default();
    rules.retain(|rule| lends(rule.key));
    let mut settings = Settings::default();
    for rule in &rules {
        let again = settings.set(rule.key, &rule.value);
        again.expect("a rule keeps its value as it was set from it");
    }
    let traps = base.filter(|_| lends(TRAPS)).map(|base| base.traps.clone());
    let mut preset = Preset {
        name: name.to_owned(),
        title: top.text("title", "the system's name")?,
        versions: top.text("versions", "the versions it speaks for, such as \"2.6.12\"")?,
        about: top.text("about", "a sentence on what of the system this is")?,
        grade,
        engine: top.optional("engine")?.map(|(engine, _)| engine),
        rules,
        limits: base.map(|base| limits_lent(base, grade)).unwrap_or_default(),
        traps: traps.unwrap_or_default(),
        leaves_out: base.map(|base| base.leaves_out.clone()).unwrap_or_default(),
        settings,
    };
    preset.traps.extend(top.list("traps")?);
    preset.leaves_out.extend(top.list("leaves-out")?);
    for rule in top.rules(grade, &mut preset.settings)? {
        preset.rules.retain(|inherited| inherited.key != rule.key);
        preset.rules.push(rule);
    }
    for limit in top.limits(grade)? {
        preset.limits.retain(|inherited| inherited.key != limit.key);
        preset.limits.push(limit);
    }
    let place = |key: &str| KEYS.iter().position(|known| *known == key);
    preset.rules.sort_by_key(|rule| place(rule.key));
    let together = preset.settings.consistent();
    together.map_err(|e| reader.bad(&(0..0), format!("its rules cannot be in force together: {e}")))?;
    let allowed = preset.allows(&preset.settings);
    allowed.map_err(|e| reader.bad(&(0..0), format!("its rules break its limits: {e}")))?;
    Ok(preset)
}

impl Section<'_> {
    fn grade(&self) -> Result<Option<(Grade, Range<usize>)>, BadPreset> {
        let Some((word, at)) = self.optional("grade")? else {
            return Ok(None);
        };
        let grade = Grade::ALL.into_iter().find(|grade| grade.name() == word);
        let grade = grade.ok_or_else(|| {
            let expected = "measured, source, documented, or for a rule assumed";
            self.reader
                .bad(&at, format!("grade cannot be `{word}`: expected {expected}"))
        })?;
        Ok(Some((grade, at)))
    }

    /// The preset that this one starts from: one that starts from none, so that there is no circle.
    fn base(&self) -> Result<Option<&'static Preset>, BadPreset> {
        let Some((name, at)) = self.optional("extends")? else {
            return Ok(None);
        };
        base_named(&name).map(Some).ok_or_else(|| {
            let known = super::FILES.iter().map(|(name, _)| *name);
            let near = nearest(&name, known, 3).join(", ");
            let problem = format!(
                "extends cannot be `{name}`: expected a built-in preset that itself extends none, such as {near}"
            );
            self.reader.bad(&at, problem)
        })
    }

    /// What of its base does not hold: keys of its rules, or its traps.
    fn without(&self, base: Option<&Preset>) -> Result<Vec<String>, BadPreset> {
        let without = self.list("without")?;
        let known = |word: &String| word == TRAPS || base.is_some_and(|base| base.rule(word).is_some());
        match (without.iter().find(|word| !known(word)), self.get("without")) {
            (Some(unknown), Some(value)) => {
                let problem = format!(
                    "without cannot be `{unknown}`: expected a rule of the preset it extends, or traps"
                );
                Err(self.reader.bad(&value.span(), problem))
            }
            _ => Ok(without),
        }
    }

    /// `[rule.KEY]`, each applied to `settings`.
    fn rules(&self, grade: Grade, settings: &mut Settings) -> Result<Vec<Rule>, BadPreset> {
        let mut rules = Vec::new();
        for (name, section) in self.tables("rule", "[rule.interval]")? {
            let known = KEYS.into_iter().find(|known| *known == name);
            let known = known.ok_or_else(|| {
                let near = nearest(name, KEYS, 3).join(", ");
                let problem = format!("lb-sim has no setting `{name}`: expected one of {near} …");
                self.reader.bad(&section.at, problem)
            })?;
            rules.push(section.rule(known, grade, settings)?);
        }
        Ok(rules)
    }

    /// `[limit.KEY]`.
    fn limits(&self, grade: Grade) -> Result<Vec<Limit>, BadPreset> {
        let mut limits = Vec::new();
        for (name, section) in self.tables("limit", "[limit.timeout]")? {
            let known = limit::TIMES.into_iter().find(|known| *known == name);
            let known = known.ok_or_else(|| {
                let expected = limit::TIMES.join(" or ");
                self.reader.bad(
                    &section.at,
                    format!("limit cannot be of `{name}`: expected {expected}"),
                )
            })?;
            limits.push(section.limit(known, grade)?);
        }
        Ok(limits)
    }

    fn rule(&self, key: &'static str, of_file: Grade, settings: &mut Settings) -> Result<Rule, BadPreset> {
        self.known(&OF_RULE)?;
        let (value, at) = self.value()?;
        let set = settings.set(key, &value);
        set.map_err(|e| self.reader.bad(&at, e.to_string()))?;
        let source = self.text("source", "where that is written, or what was done to know it")?;
        let grade = self.grade_within(of_file)?;
        Ok(Rule {
            key,
            value: said(settings, key),
            word: self.optional("word")?.map(|(word, _)| word),
            source,
            grade,
        })
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

    /// The grade of what stands on no firmer ground than its file.
    fn grade_within(&self, of_file: Grade) -> Result<Grade, BadPreset> {
        match self.grade()? {
            Some((grade, at)) if grade > of_file => {
                let problem = format!(
                    "{}: a rule cannot be {grade} in a preset that is {of_file}: expected a weaker grade, or none",
                    self.what
                );
                Err(self.reader.bad(&at, problem))
            }
            own => Ok(own.map_or(of_file, |(grade, _)| grade)),
        }
    }
}

/// The rules of a base, none on firmer ground than the file that takes them.
fn lent(base: &Preset, most: Grade) -> Vec<Rule> {
    let capped = |rule: &Rule| Rule {
        grade: rule.grade.min(most),
        ..rule.clone()
    };
    base.rules.iter().map(capped).collect()
}

/// The same of its limits.
fn limits_lent(base: &Preset, most: Grade) -> Vec<Limit> {
    let capped = |limit: &Limit| Limit {
        grade: limit.grade.min(most),
        ..limit.clone()
    };
    base.limits.iter().map(capped).collect()
}

/// As it is printed: `2000ms` is `2s`.
fn said(settings: &Settings, key: &str) -> String {
    let words = settings.words().into_iter();
    words
        .filter(|(known, _)| *known == key)
        .map(|(_, word)| word)
        .collect()
}

/// Of the built-in ones. Looked up in the files while the list of all is still being made.
fn base_named(name: &str) -> Option<&'static Preset> {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;
    static BASES: LazyLock<BTreeMap<&str, Preset>> = LazyLock::new(|| {
        let plain = super::FILES
            .iter()
            .filter(|(_, text)| !text.lines().any(|line| line.starts_with("extends")));
        let load = |(name, text): &(&'static str, &str)| {
            Some((*name, preset(name, &format!("{name}.toml"), text).ok()?))
        };
        plain.filter_map(load).collect()
    });
    BASES.get(name)
}
