//! PURE: what is kept of lines that are none of a dump: the nearest time, and the first that has words of the bug.

use super::{Time, stamp};
use serde::Serialize;

/// Lines that have words of the bug and could not be read as lines of a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Index of the file.
    #[serde(skip)]
    pub file: usize,
    /// Number of the first.
    pub line: u64,
    pub lines: u64,
    /// How the first begins.
    pub text: String,
}

/// What was passed over before this line, as far as a time may be in it.
#[derive(Default)]
pub struct Skipped {
    pub tail: Vec<u8>,
    /// Number of its last line.
    last: u64,
    pub time: Option<Time>,
}

/// Looked through for a time.
const TAIL: usize = 4096;
/// Letters shown of a line that could not be read.
const SHOWN: usize = 160;
impl Unread {
    pub fn new(file: usize, line: u64, text: &str) -> Unread {
        let text = text.trim();
        let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(at, _)| at);
        Unread {
            file,
            line,
            lines: 1,
            text: text[..end].to_owned(),
        }
    }
}

impl Skipped {
    pub fn take(&mut self, lines: &[u8], last: u64) {
        self.last = last;
        if lines.len() >= TAIL {
            self.tail.clear();
        }
        self.tail
            .extend_from_slice(&lines[lines.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    /// The last time in it.
    pub fn time(&self) -> Option<Time> {
        let tail = self.tail.strip_suffix(b"\n").unwrap_or(&self.tail);
        let lines = tail.rsplit(|byte| *byte == b'\n').filter(|_| !tail.is_empty());
        let times = lines.enumerate().filter_map(|(back, line)| {
            Some(Time {
                text: stamp::within(&String::from_utf8_lossy(line))?.to_owned(),
                line: self.last.saturating_sub(back as u64),
            })
        });
        times.into_iter().next().or_else(|| self.time.clone())
    }
}

/// Whether a line says what only a dying Go program says.
pub fn has_words(text: &str) -> bool {
    let running = |(at, words): (usize, &str)| {
        let rest = &text[at + words.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with(" [running")
    };
    text.contains("fatal error: concurrent map") || text.match_indices("goroutine ").any(running)
}
