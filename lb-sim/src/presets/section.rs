//! The tables of a preset's file: what stands at a key, or where in the file what is wrong and what was expected there.

use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that is no preset: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct BadPreset {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub problem: String,
}

/// A table of the file: the whole, or one rule.
pub(super) struct Section<'a> {
    pub reader: &'a Reader<'a>,
    /// What it is, for errors.
    pub what: String,
    /// Where it begins.
    pub at: Range<usize>,
    pub table: &'a DeTable<'a>,
}

/// The file, so that an error can say where in it.
pub(super) struct Reader<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Reader<'_> {
    pub fn bad(&self, at: &Range<usize>, problem: String) -> BadPreset {
        let before = self.text.bytes().take(at.start);
        BadPreset {
            file: self.file.to_owned(),
            line: 1 + before.filter(|byte| *byte == b'\n').count(),
            problem,
        }
    }
}

impl<'a> Section<'a> {
    /// Refuses keys that nobody reads.
    pub fn known(&self, keys: &[&str]) -> Result<(), BadPreset> {
        let unknown = self
            .table
            .keys()
            .find(|key| !keys.contains(&key.get_ref().as_ref()));
        unknown.map_or(Ok(()), |key| {
            let expected = keys.join(", ");
            let problem = format!(
                "{} has no key `{}`: expected {expected}",
                self.what,
                key.get_ref()
            );
            Err(self.reader.bad(&key.span(), problem))
        })
    }

    pub fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    pub fn missing(&self, key: &str, expected: &str) -> BadPreset {
        let problem = format!("{} has no `{key}`: expected {expected}", self.what);
        self.reader.bad(&self.at, problem)
    }

    /// A text that says something.
    pub fn text(&self, key: &str, expected: &str) -> Result<String, BadPreset> {
        let found = self.optional(key)?;
        found
            .map(|(text, _)| text)
            .ok_or_else(|| self.missing(key, expected))
    }

    /// The same, where it may be missing; and where it stands.
    pub fn optional(&self, key: &str) -> Result<Option<(String, Range<usize>)>, BadPreset> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => {
                Ok(Some((text.trim().to_owned(), value.span())))
            }
            _ => {
                let problem = format!("{key}: expected a text that is not empty");
                Err(self.reader.bad(&value.span(), problem))
            }
        }
    }

    /// Sentences; none where the key is missing.
    pub fn list(&self, key: &str) -> Result<Vec<String>, BadPreset> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = |at| {
            self.reader
                .bad(&at, format!("{key}: expected a list of sentences"))
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(wrong(value.span()));
        };
        let sentence = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(wrong(item.span())),
        };
        items.iter().map(sentence).collect()
    }

    /// The tables below `what`, by their names.
    pub fn tables(&self, what: &str, such_as: &str) -> Result<Vec<(&'a str, Section<'a>)>, BadPreset> {
        let Some(value) = self.get(what) else {
            return Ok(Vec::new());
        };
        let expected = format!("{what}: expected tables such as {such_as}");
        let DeValue::Table(tables) = value.get_ref() else {
            return Err(self.reader.bad(&value.span(), expected));
        };
        let section = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let DeValue::Table(table) = value.get_ref() else {
                return Err(self.reader.bad(&value.span(), expected.clone()));
            };
            let name: &'a Cow<'a, str> = key.get_ref();
            let section = Section {
                reader: self.reader,
                what: format!("{what}.{name}"),
                at: key.span(),
                table,
            };
            Ok((name.as_ref(), section))
        };
        tables.iter().map(section).collect()
    }

    /// The value as a word: counts may stand as numbers.
    pub fn value(&self) -> Result<(String, Range<usize>), BadPreset> {
        let expected = "a value as its flag has it, such as \"2s\" or 3";
        let value = self.get("value").ok_or_else(|| self.missing("value", expected))?;
        let word = match value.get_ref() {
            DeValue::String(word) => word.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            _ => {
                let problem = format!("{}: expected {expected}", self.what);
                return Err(self.reader.bad(&value.span(), problem));
            }
        };
        Ok((word, value.span()))
    }
}
