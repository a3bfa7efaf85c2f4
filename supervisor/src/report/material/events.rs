//! The records of a directory, one after the other, out of files that may be far larger than memory.

use memchr::memmem;
use router::record::{Event, Record, SCHEMA};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// All of `events.ndjson`, then of `outcomes.ndjson`. What is broken is skipped and counted.
pub struct Records {
    dir: PathBuf,
    lines: Option<Lines>,
    /// The files that follow.
    next: &'static [&'static str],
    /// How records begin that are passed over.
    skipped: &'static [&'static [u8]],
    warnings: Vec<String>,
}

struct Lines {
    name: &'static str,
    reader: BufReader<File>,
    line: Vec<u8>,
    broken: u64,
    header: Header,
}

/// Longer lines are nobody's.
const LONGEST_LINE: u64 = 1 << 20;

/// Most of a log, and in no picture: not worth to be understood.
const SKIPPED: &[&[u8]] = &[
    br#""event":"tick""#,
    br#""event":"latencies""#,
    br#""event":"attempt""#,
    br#""event":"forwarded""#,
];

/// The first line of a log.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Header {
    schema: String,
    /// By the wall clock.
    #[serde(default)]
    pub started_wall: Option<String>,
    /// Of resetlab.
    #[serde(default)]
    pub version: Option<String>,
}

impl Records {
    /// What pictures are made of in `dir`; an error says why there is nothing to be seen.
    pub fn open(dir: &Path) -> Result<Records, String> {
        Ok(Records {
            next: &["outcomes.ndjson"],
            skipped: SKIPPED,
            ..Records::of(dir, "events.ndjson")?
        })
    }

    /// All that one file has.
    pub fn of(dir: &Path, name: &'static str) -> Result<Records, String> {
        let lines = Lines::open(dir, name).map_err(|why| format!("{name}: {why}"))?;
        Ok(Records {
            dir: dir.to_owned(),
            lines: Some(lines),
            next: &[],
            skipped: &[],
            warnings: Vec::new(),
        })
    }

    /// What the first line of `events.ndjson` says of its lab.
    pub fn header(dir: &Path) -> Header {
        let lines = Lines::open(dir, "events.ndjson");
        lines.map_or_else(|_| Header::default(), |lines| lines.header)
    }

    /// What was wrong on the way, in words.
    pub fn warnings(self) -> Vec<String> {
        self.warnings
    }

    fn close(&mut self, why: Option<io::Error>) {
        let Some(lines) = self.lines.take() else { return };
        let name = lines.name;
        if let Some(why) = why {
            self.warnings
                .push(format!("{name} could not be read to its end: {why}"));
        }
        match lines.broken {
            0 => {}
            1 => self.warnings.push(format!("{name}: 1 broken line was skipped")),
            broken => self
                .warnings
                .push(format!("{name}: {broken} broken lines were skipped")),
        }
        if let [name, rest @ ..] = self.next {
            self.next = rest;
            match Lines::open(&self.dir, name) {
                Ok(lines) => self.lines = Some(lines),
                Err(why) => self
                    .warnings
                    .push(format!("timelines lack the lost requests: {name}: {why}")),
            }
        }
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            match self.lines.as_mut()?.next(self.skipped) {
                Ok(Some(record)) => return Some(record),
                Ok(None) => self.close(None),
                Err(why) => self.close(Some(why)),
            }
        }
    }
}

impl Lines {
    /// After its header.
    fn open(dir: &Path, name: &'static str) -> Result<Lines, String> {
        let file = File::open(dir.join(name)).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => "it is not there".to_owned(),
            _ => e.to_string(),
        })?;
        let mut lines = Lines {
            name,
            reader: BufReader::with_capacity(1 << 18, file),
            line: Vec::new(),
            broken: 0,
            header: Header::default(),
        };
        lines.read().map_err(|e| e.to_string())?;
        let header = serde_json::from_slice::<Header>(&lines.line);
        lines.header = header.map_err(|_| "its first line names no schema".to_owned())?;
        match lines.header.schema.as_str() {
            SCHEMA | "resetlab.outcomes.v1" => Ok(lines),
            other => Err(format!(
                "its schema is {}; expected {SCHEMA}",
                other.chars().take(80).collect::<String>()
            )),
        }
    }

    /// The next line, at most [`LONGEST_LINE`] of it; false at the end.
    fn read(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut limited = self.reader.by_ref().take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut self.line)?;
        if read as u64 == LONGEST_LINE && self.line.last() != Some(&b'\n') {
            skip_line(&mut self.reader)?;
        }
        Ok(read > 0)
    }

    fn next(&mut self, skipped: &[&[u8]]) -> io::Result<Option<Record>> {
        while self.read()? {
            let line = self.line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let whole = line.ends_with(b"}");
            // The kind of a record stands near its beginning; what a text quotes does not.
            let head = &line[..line.len().min(120)];
            if whole && skipped.iter().any(|kind| memmem::find(head, kind).is_some()) {
                continue;
            }
            match serde_json::from_slice::<Record>(line) {
                Ok(Record {
                    event: Event::Unknown,
                    ..
                }) => {}
                Ok(record) => return Ok(Some(record)),
                Err(_) => self.broken += 1,
            }
        }
        Ok(None)
    }
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = lines.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        match memchr::memchr(b'\n', buffer) {
            Some(end) => {
                lines.consume(end + 1);
                return Ok(());
            }
            None => {
                let all = buffer.len();
                lines.consume(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(ms: u64, text: &str) -> String {
        format!(
            "{{\"t_ns\":{},\"from\":\"supervisor\",\"event\":\"note\",\"text\":\"{text}\"}}\n",
            ms * 1_000_000
        )
    }

    /// What it says, and what it warns of.
    fn read(events: &str, outcomes: Option<&str>) -> Result<(Vec<String>, Vec<String>), String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("events.ndjson"), events).unwrap();
        if let Some(outcomes) = outcomes {
            std::fs::write(dir.path().join("outcomes.ndjson"), outcomes).unwrap();
        }
        let mut records = Records::open(dir.path())?;
        let notes = records.by_ref().filter_map(|record| match record.event {
            Event::Note { text } => Some(text),
            _ => None,
        });
        Ok((notes.collect(), records.warnings()))
    }

    #[test]
    fn broken_lines_are_skipped_and_counted() {
        let header = format!("{{\"schema\":\"{SCHEMA}\"}}\n");
        let later = "{\"t_ns\":25,\"from\":\"lb\",\"event\":\"of_a_later_version\",\"x\":1}\n";
        let quoting = note(3, r#"he said \"event\":\"tick\""#);
        let long = format!("{}\n", "x".repeat(3 << 20));
        let text = format!(
            "{header}{}{{\"t_ns\":2500\u{0}garb\n{later}\n{long}{quoting}{}",
            note(1, "first"),
            note(31, "cut").trim_end().trim_end_matches('}')
        );
        let outcomes =
            "{\"schema\":\"resetlab.outcomes.v1\"}\n".to_owned() + &note(9, "no newline").trim_end();
        let (texts, warnings) = read(&text, Some(&outcomes)).unwrap();
        assert_eq!(texts, ["first", "he said \"event\":\"tick\"", "no newline"]);
        assert_eq!(warnings, ["events.ndjson: 3 broken lines were skipped"]);
    }

    #[test]
    fn a_missing_or_a_foreign_log_says_so() {
        assert_eq!(
            read("{\"schema\":\"resetlab.events.v2\"}\n", None).unwrap_err(),
            "events.ndjson: its schema is resetlab.events.v2; expected resetlab.events.v1"
        );
        assert!(read("", None).unwrap_err().contains("names no schema"));
        let header = format!("{{\"schema\":\"{SCHEMA}\"}}\n");
        let (texts, warnings) = read(&(header + &note(5, "whole")), None).unwrap();
        assert_eq!(texts, ["whole"]);
        assert_eq!(
            warnings,
            ["timelines lack the lost requests: outcomes.ndjson: it is not there"]
        );
        let nowhere = Records::open(Path::new("/nowhere")).err();
        assert_eq!(nowhere.as_deref(), Some("events.ndjson: it is not there"));
    }
}
