//! The records of a few spans of time out of files that may be far larger than memory.

use router::clock::Timestamp;
use router::record::{Event, Record, SCHEMA};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Events {
    /// In order of time, for each span in turn.
    pub spans: Vec<Vec<Record>>,
    /// What was wrong on the way, in words.
    pub warnings: Vec<String>,
    /// Why there is nothing at all.
    pub missing: Option<String>,
}

/// Longer lines are nobody's.
const LONGEST_LINE: u64 = 1 << 20;
/// Of one span: what a second of a saturated machine makes, for minutes.
const MOST_RECORDS: usize = 300_000;

#[derive(Deserialize)]
struct When {
    t_ns: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    schema: String,
}

impl Events {
    /// Of `events.ndjson` and `outcomes.ndjson` in `dir`.
    pub fn read(dir: &Path, spans: &[Span]) -> Events {
        let mut events = Events {
            spans: vec![Vec::new(); spans.len()],
            ..Events::default()
        };
        if spans.is_empty() {
            return events;
        }
        for name in ["events.ndjson", "outcomes.ndjson"] {
            let trouble = match File::open(dir.join(name)) {
                Ok(file) => events.take(name, BufReader::with_capacity(1 << 18, file), spans),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Err("it is not there".to_owned()),
                Err(e) => Err(e.to_string()),
            };
            match trouble {
                Ok(()) => {}
                // Lost requests alone draw no lanes; lanes without lost requests are half of the picture.
                Err(why) if name == "events.ndjson" => {
                    events.missing = Some(format!("{name}: {why}"));
                    return events;
                }
                Err(why) => events
                    .warnings
                    .push(format!("the timelines lack lost requests: {name}: {why}")),
            }
        }
        for span in &mut events.spans {
            span.sort_by_key(|record| record.at);
        }
        events
    }

    fn take(&mut self, name: &str, mut lines: impl BufRead, spans: &[Span]) -> Result<(), String> {
        let mut line = Vec::new();
        let (mut broken, mut surplus, mut number) = (0_u64, 0_u64, 0_u64);
        loop {
            line.clear();
            let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            if read.map_err(|e| e.to_string())? == 0 {
                break;
            }
            number += 1;
            let whole = line.last() == Some(&b'\n');
            if !whole && line.len() as u64 == LONGEST_LINE {
                skip_line(&mut lines).map_err(|e| e.to_string())?;
                broken += 1;
                continue;
            }
            if number == 1
                && let Ok(header) = serde_json::from_slice::<Header>(&line)
            {
                if !is_known(&header.schema) {
                    return Err(format!("its schema is {}; expected {SCHEMA}", header.schema));
                }
                continue;
            }
            match serde_json::from_slice::<When>(&line) {
                Ok(When { t_ns }) => surplus += self.keep(&line, t_ns, spans, &mut broken),
                Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Err(_) => broken += 1,
            }
        }
        if broken > 0 {
            let lines = if broken == 1 { "line" } else { "lines" };
            self.warnings.push(format!(
                "{name}: {broken} broken {lines} left out of the timelines"
            ));
        }
        if surplus > 0 {
            self.warnings.push(format!(
                "{name}: {surplus} records more than a timeline can show are left out of it"
            ));
        }
        Ok(())
    }

    /// Keeps a record that is of one of the spans; counts those that are too many.
    fn keep(&mut self, line: &[u8], at: Timestamp, spans: &[Span], broken: &mut u64) -> u64 {
        let mut surplus = 0;
        for (span, kept) in spans.iter().zip(&mut self.spans) {
            if at < span.from || at > span.to {
                continue;
            }
            match serde_json::from_slice::<Record>(line) {
                Ok(Record {
                    event: Event::Unknown,
                    ..
                }) => {}
                Ok(_) if kept.len() >= MOST_RECORDS => surplus += 1,
                Ok(record) => kept.push(record),
                Err(_) => {
                    *broken += 1;
                    return surplus;
                }
            }
        }
        surplus
    }
}

/// `resetlab.events.v1`, and that of the outcomes.
fn is_known(schema: &str) -> bool {
    schema == SCHEMA || schema == "resetlab.outcomes.v1"
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = lines.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        match buffer.iter().position(|byte| *byte == b'\n') {
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

    fn read(events: &str, outcomes: Option<&str>, from: u64, to: u64) -> Events {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("events.ndjson"), events).unwrap();
        if let Some(outcomes) = outcomes {
            std::fs::write(dir.path().join("outcomes.ndjson"), outcomes).unwrap();
        }
        let at = |ms: u64| Timestamp(ms * 1_000_000);
        let span = Span {
            from: at(from),
            to: at(to),
        };
        Events::read(dir.path(), &[span])
    }

    fn texts(events: &Events) -> Vec<&str> {
        let notes = events.spans[0].iter().filter_map(|record| match &record.event {
            Event::Note { text } => Some(text.as_str()),
            _ => None,
        });
        notes.collect()
    }

    #[test]
    fn only_the_span_is_kept_and_broken_lines_are_counted() {
        let header = format!("{{\"schema\":\"{SCHEMA}\"}}\n");
        let later = "{\"t_ns\":25000000,\"from\":\"lb\",\"event\":\"of_a_later_version\",\"x\":1}\n";
        let text = format!(
            "{header}{}{}{{\"t_ns\":2500\u{0}garb\n{later}{}{}{}",
            note(1, "before"),
            note(30, "second"),
            note(20, "first"),
            note(99, "after"),
            note(31, "cut").trim_end().trim_end_matches('}')
        );
        let long = format!("{}{}", "x".repeat(3 << 20), "\n");
        let events = read(&(text + "\n" + &long + &note(32, "last")), Some(&header), 10, 50);
        assert_eq!(texts(&events), ["first", "second", "last"]);
        assert_eq!(events.missing, None);
        assert_eq!(
            events.warnings,
            ["events.ndjson: 3 broken lines left out of the timelines"]
        );
    }

    #[test]
    fn a_missing_or_a_foreign_log_says_so() {
        let events = read("{\"schema\":\"resetlab.events.v2\"}\n", None, 0, 9);
        assert_eq!(
            events.missing.as_deref(),
            Some("events.ndjson: its schema is resetlab.events.v2; expected resetlab.events.v1")
        );
        let half = read(&note(5, "whole"), None, 0, 9);
        assert_eq!(texts(&half), ["whole"]);
        assert_eq!(
            half.warnings,
            ["the timelines lack lost requests: outcomes.ndjson: it is not there"]
        );
        let nowhere = Events::read(
            Path::new("/nowhere"),
            &[Span {
                from: Timestamp(0),
                to: Timestamp(1),
            }],
        );
        assert_eq!(nowhere.missing.as_deref(), Some("events.ndjson: it is not there"));
    }
}
