//! The records of a lab's directory one after the other, however many there are: `events.ndjson`, then `outcomes.ndjson`.
//!
//! They may have been cut in the middle, copied in parts or edited: a line that is none of ours is left out and counted,
//! and so is one that is too long to be anybody's.

use super::file;
use router::record::{Event, Record, SCHEMA};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Goes over the records of a directory.
pub struct Records {
    /// Files that are still to be read, the next one last.
    files: Vec<PathBuf>,
    reading: Option<Reading>,
    /// Events that nobody wants, by their words.
    unwanted: &'static [&'static str],
    /// What was wrong on the way, in words.
    pub warnings: Vec<String>,
}

/// What the first line of a log says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Header {
    pub schema: String,
    #[serde(default)]
    pub started_wall: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
}

struct Reading {
    name: String,
    lines: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    broken: u64,
}

/// Longer lines are nobody's.
const LONGEST_LINE: u64 = 1 << 20;
const OUTCOMES: &str = "resetlab.outcomes.v1";

impl Records {
    /// Of `dir`; `unwanted` events are passed over without a closer look, which is quicker by far.
    pub fn of(dir: &Path, unwanted: &'static [&'static str]) -> Records {
        Records {
            files: ["outcomes.ndjson", "events.ndjson"]
                .map(|name| dir.join(name))
                .into(),
            reading: None,
            unwanted,
            warnings: Vec::new(),
        }
    }

    /// All that one of the two files has.
    pub fn of_file(dir: &Path, name: &str) -> Records {
        Records {
            files: vec![dir.join(name)],
            ..Records::of(dir, &[])
        }
    }

    /// Passes over `unwanted` events.
    pub fn without(self, unwanted: &'static [&'static str]) -> Records {
        Records { unwanted, ..self }
    }

    /// The first line of `events.ndjson`.
    pub fn header(dir: &Path) -> Option<Header> {
        let line = file::first_line(&dir.join("events.ndjson"), LONGEST_LINE);
        serde_json::from_slice(&line.ok()??).ok()
    }

    /// Opens the next file; `false`: there is none.
    fn open(&mut self) -> bool {
        while let Some(path) = self.files.pop() {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            match file::open(&path) {
                Ok(file) => {
                    self.reading = Some(Reading {
                        name,
                        lines: BufReader::with_capacity(1 << 18, file),
                        line: Vec::new(),
                        number: 0,
                        broken: 0,
                    });
                    return true;
                }
                Err(e) => {
                    let why = match e.kind() {
                        io::ErrorKind::NotFound => "it is not there".to_owned(),
                        _ => e.to_string(),
                    };
                    self.warnings.push(format!("{name} could not be read: {why}"));
                }
            }
        }
        false
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if self.reading.is_none() && !self.open() {
                return None;
            }
            let reading = self.reading.as_mut()?;
            let end = match reading.read() {
                Ok(Line::Whole) => match reading.record(self.unwanted) {
                    Ok(Some(record)) => return Some(record),
                    Ok(None) => continue,
                    Err(why) => Some(why),
                },
                Ok(Line::Broken) => {
                    reading.broken += 1;
                    continue;
                }
                Ok(Line::End) if reading.number == 1 => Some("it is empty".to_owned()),
                Ok(Line::End) => None,
                Err(e) => Some(e.to_string()),
            };
            let (name, broken) = (&reading.name, reading.broken);
            if let Some(why) = end {
                self.warnings.push(format!("{name} could not be read: {why}"));
            }
            if broken > 0 {
                let lines = if broken == 1 { "line" } else { "lines" };
                self.warnings
                    .push(format!("{name}: {broken} broken {lines} left out"));
            }
            self.reading = None;
        }
    }
}

enum Line {
    Whole,
    /// Too long, or without its end.
    Broken,
    End,
}

impl Reading {
    fn read(&mut self) -> io::Result<Line> {
        self.line.clear();
        let read = self
            .lines
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.line)?;
        self.number += 1;
        if read == 0 {
            return Ok(Line::End);
        }
        if self.line.last() == Some(&b'\n') {
            return Ok(Line::Whole);
        }
        while self.line.last() != Some(&b'\n') {
            self.line.clear();
            if self
                .lines
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.line)?
                == 0
            {
                break;
            }
        }
        Ok(Line::Broken)
    }

    /// `None`: nothing that is wanted. An error: the whole file is none of ours.
    fn record(&mut self, unwanted: &[&str]) -> Result<Option<Record>, String> {
        if self.number == 1
            && let Ok(header) = serde_json::from_slice::<Header>(&self.line)
        {
            return match header.schema.as_str() {
                SCHEMA | OUTCOMES => Ok(None),
                other => Err(format!("its schema is {other}; expected {SCHEMA}")),
            };
        }
        if event(&self.line).is_some_and(|event| unwanted.iter().any(|word| word.as_bytes() == event)) {
            return Ok(None);
        }
        match serde_json::from_slice::<Record>(&self.line) {
            Ok(Record {
                event: Event::Unknown,
                ..
            }) => Ok(None),
            Ok(record) => Ok(Some(record)),
            Err(_) => {
                let blank = self.line.iter().all(u8::is_ascii_whitespace);
                self.broken += u64::from(!blank);
                Ok(None)
            }
        }
    }
}

/// The word of a line's event, where it stands as this program writes it.
fn event(line: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"event\":\"";
    let begin = memchr::memmem::find(line, KEY)? + KEY.len();
    let length = memchr::memchr(b'"', &line[begin..])?;
    Some(&line[begin..begin + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(ms: u64, text: &str) -> String {
        format!(
            "{{\"t_ns\":{}000000,\"from\":\"supervisor\",\"event\":\"note\",\"text\":\"{text}\"}}\n",
            ms
        )
    }

    fn told(events: &str, outcomes: Option<&str>) -> (Vec<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("events.ndjson"), events).unwrap();
        if let Some(outcomes) = outcomes {
            std::fs::write(dir.path().join("outcomes.ndjson"), outcomes).unwrap();
        }
        let mut records = Records::of(dir.path(), &["tick"]);
        let texts = records.by_ref().map(|record| match record.event {
            Event::Note { text } => text,
            other => format!("{other:?}"),
        });
        (texts.collect(), records.warnings)
    }

    #[test]
    fn what_is_broken_is_left_out_and_counted() {
        let tick = "{\"t_ns\":1,\"from\":\"load\",\"event\":\"tick\",\"anything\":true}\n";
        let later = "{\"t_ns\":1,\"from\":\"lb\",\"event\":\"of_a_later_version\",\"x\":1}\n";
        let long = format!("{}\n", "x".repeat(3 << 20));
        let events = format!(
            "{{\"schema\":\"{SCHEMA}\"}}\n{}{tick}{later}\n{long}{{\"t_ns\":2500\u{0}garb\n{}{}",
            note(1, "first"),
            note(2, "second"),
            note(3, "cut").trim_end()
        );
        let outcomes = format!("{{\"schema\":\"{OUTCOMES}\"}}\n{}", note(9, "of another file"));
        let (texts, warnings) = told(&events, Some(&outcomes));
        assert_eq!(texts, ["first", "second", "of another file"]);
        assert_eq!(warnings, ["events.ndjson: 3 broken lines left out"]);
    }

    #[test]
    fn what_is_missing_or_newer_is_said_and_the_rest_is_read() {
        let (texts, warnings) = told("{\"schema\":\"resetlab.events.v2\"}\n", Some(&note(5, "whole")));
        assert_eq!(texts, ["whole"]);
        assert_eq!(
            warnings,
            [
                "events.ndjson could not be read: its schema is resetlab.events.v2; expected resetlab.events.v1"
            ]
        );
        let (_, warnings) = told(&note(5, "whole"), None);
        assert_eq!(warnings, ["outcomes.ndjson could not be read: it is not there"]);
    }
}
