//! The event log of a run: `events.ndjson` and `outcomes.ndjson`, appended as records arrive.
//!
//! A thread of its own writes, so a slow disk delays nothing, and it writes whenever it has something, so a SIGKILL
//! costs at most the line being written: readers skip a last line without its newline.

use crate::process::Entry;
use nix::fcntl::{Flock, FlockArg};
use router::clock;
use router::record::{Event, SCHEMA};
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Cheap to clone; the last clone's [`Journal::close`] ends it.
pub struct Journal {
    to: mpsc::Sender<Entry>,
    writer: JoinHandle<JournalReport>,
    /// Held as long as this journal, or the process, lives: a reader of the directory asks [`is_kept`]. `None`: a file
    /// system without locks.
    _kept: Option<Flock<File>>,
}

/// Whether somebody still writes the log of this directory.
pub fn is_kept(dir: &Path) -> bool {
    let path = dir.join(EVENTS);
    // Anything else may keep whoever opens it.
    let Some(file) = path.is_file().then(|| File::open(path).ok()).flatten() else {
        return false;
    };
    matches!(
        Flock::lock(file, FlockArg::LockSharedNonblock),
        Err((_, nix::Error::EWOULDBLOCK))
    )
}

const EVENTS: &str = "events.ndjson";

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalReport {
    pub written: u64,
    /// Lines that could not be written, with the first reason.
    pub lost: u64,
    pub error: Option<String>,
}

impl Journal {
    /// Creates both files with their header lines: a full disk or an unwritable directory fails here.
    /// `warn` hears once, from the writer's thread, when a line is lost later.
    pub fn open(dir: &Path, warn: impl FnOnce(String) + Send + 'static) -> io::Result<Journal> {
        let mut events = Log::create(dir, EVENTS, SCHEMA)?;
        let kept = events.file.try_clone().ok();
        let kept = kept.and_then(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).ok());
        let mut outcomes = Log::create(dir, "outcomes.ndjson", "resetlab.outcomes.v1")?;
        let (to, from) = mpsc::channel::<Entry>();
        let writer = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                let mut report = JournalReport::default();
                let mut warn = Some(warn);
                while let Ok(first) = from.recv() {
                    for entry in std::iter::once(first).chain(from.try_iter()) {
                        let log = if matches!(entry.record.event, Event::Outcome { .. }) {
                            &mut outcomes
                        } else {
                            &mut events
                        };
                        log.add(&entry.line);
                    }
                    for log in [&mut events, &mut outcomes] {
                        if let Err(e) = log.flush(&mut report) {
                            let words = format!("{}: {e}", log.name);
                            if let Some(warn) = warn.take() {
                                warn(words.clone());
                            }
                            report.error.get_or_insert(words);
                        }
                    }
                }
                report
            })?;
        Ok(Journal {
            to,
            writer,
            _kept: kept,
        })
    }

    pub fn write(&self, entry: &Entry) {
        // The writer ends only after this sender is gone.
        let _ = self.to.send(entry.clone());
    }

    /// Writes what is left and tells how it went.
    pub fn close(self) -> JournalReport {
        drop(self.to);
        self.writer.join().unwrap_or_default()
    }
}

struct Log {
    name: String,
    file: File,
    /// Whole lines not written yet.
    pending: Vec<u8>,
    /// A failed write may have cut a line: the next one starts afresh.
    cut: bool,
}

impl Log {
    fn create(dir: &Path, name: &str, schema: &str) -> io::Result<Log> {
        let path = dir.join(name);
        let hint = |e: io::Error| {
            io::Error::new(
                e.kind(),
                format!(
                    "cannot write {}: {e}; --out DIR puts results elsewhere",
                    path.display()
                ),
            )
        };
        let mut file = File::create_new(&path).map_err(hint)?;
        let header = json!({
            "schema": schema,
            "clock": "CLOCK_MONOTONIC",
            "started_ns": clock::now(),
            "started_wall": humantime::format_rfc3339_millis(clock::wall()).to_string(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        file.write_all(format!("{header}\n").as_bytes()).map_err(hint)?;
        Ok(Log {
            name: path.display().to_string(),
            file,
            pending: Vec::new(),
            cut: false,
        })
    }

    fn add(&mut self, line: &str) {
        self.pending.extend_from_slice(line.as_bytes());
        self.pending.push(b'\n');
    }

    fn flush(&mut self, report: &mut JournalReport) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut rest = self.pending.as_slice();
        if self.cut && self.file.write(b"\n").is_ok() {
            self.cut = false;
        }
        let mut result = Ok(());
        while !rest.is_empty() && result.is_ok() {
            match self.file.write(rest) {
                Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => rest = &rest[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => result = Err(e),
            }
        }
        report.written += lines(&self.pending) - lines(rest);
        report.lost += lines(rest);
        let done = self.pending.len() - rest.len();
        self.cut |= done > 0 && self.pending[done - 1] != b'\n';
        self.pending.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock::Timestamp;
    use router::record::{Outcome, Record};

    fn entry(event: Event) -> Entry {
        Entry::new(Record {
            at: Timestamp(1),
            from: "load".into(),
            event,
        })
    }

    #[test]
    fn outcomes_go_to_a_file_of_their_own_and_headers_come_first() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), |_| {}).unwrap();
        assert!(is_kept(dir.path()));
        journal.write(&entry(Event::Note { text: "hello".into() }));
        journal.write(&entry(Event::Outcome {
            request: 1,
            intended_ns: Timestamp(1),
            sent_ns: None,
            outcome: Outcome::Reset,
            status: None,
            router: None,
            port: None,
        }));
        assert_eq!(
            journal.close(),
            JournalReport {
                written: 2,
                lost: 0,
                error: None
            }
        );
        assert!(!is_kept(dir.path()), "nobody writes it any more");
        let events = std::fs::read_to_string(dir.path().join("events.ndjson")).unwrap();
        let lines: Vec<&str> = events.lines().collect();
        assert!(lines[0].contains(r#""schema":"resetlab.events.v1""#), "{events}");
        assert!(lines.len() == 2 && lines[1].contains("hello"), "{events}");
        let outcomes = std::fs::read_to_string(dir.path().join("outcomes.ndjson")).unwrap();
        assert!(
            outcomes.lines().nth(1).unwrap().contains(r#""outcome":"reset""#),
            "{outcomes}"
        );
        assert!(
            Journal::open(dir.path(), |_| {}).is_err(),
            "results are never overwritten"
        );
    }

    #[test]
    fn a_full_disk_is_counted_and_said_once() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut log = Log {
            name: "full".into(),
            file: full,
            pending: Vec::new(),
            cut: false,
        };
        let mut report = JournalReport::default();
        log.add("a");
        log.add("b");
        assert_eq!(
            log.flush(&mut report).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!((report.written, report.lost), (0, 2));
    }
}
