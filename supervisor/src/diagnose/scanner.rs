//! PURE: blocks of a log → deaths, with memory that does not grow and little work for lines that do not matter.

use super::dump::Line;
use super::fold::{self, Joined};
use super::prefix::{self, Bare};
use super::skipped::{self, Skipped, Unread};
use super::trace::{Begin, Trace, Whose};
use super::{Crash, Time};
use super::{seam, stamp};
use memchr::{memchr, memchr_iter, memmem::Finder, memrchr};
use std::borrow::Cow;

/// Reads logs one after the other, each as blocks of whole lines.
pub struct Scanner {
    file: usize,
    /// Lines of this file so far.
    number: u64,
    /// Deaths being printed, by process.
    open: Vec<Open>,
    /// The file had something else than a dump before this line.
    begun: bool,
    /// Deaths that the last file ended in; what this one begins with tells whether they go on.
    carried: bool,
    skipped: Skipped,
    /// The last line of a file when it has no end: the next file may go on in the middle of it.
    half: Vec<u8>,
    /// A line of a dump that `fold` may have broken, of a process: the next goes on with it.
    folded: Option<(u64, String)>,
    /// Files that have ended since.
    ended: usize,
    found: Vec<Crash>,
    unread: Vec<Unread>,
    anchors: [Finder<'static>; 4],
}

struct Open {
    source: u64,
    /// A line after the first came with the same prefix.
    settled: bool,
    trace: Trace,
}

/// Every line that begins a dump has one of these somewhere.
const ANCHORS: [&str; 4] = ["fatal error: ", "panic: ", "goroutine ", "SIG"];
/// Processes that can be dying into one log at a time.
const OPEN: usize = 16;
/// A dump is over after that many foreign lines in a row.
const PATIENCE: u32 = 1000;
/// Longer lines are not put together over two files.
const HALF: usize = 1 << 16;
/// Kept of a first line: values in panics can be long.
const HEAD: usize = 4096;

impl Scanner {
    #[expect(clippy::new_without_default, reason = "building the searchers is work")]
    pub fn new() -> Scanner {
        Scanner {
            file: 0,
            number: 0,
            open: Vec::new(),
            begun: false,
            carried: false,
            skipped: Skipped::default(),
            half: Vec::new(),
            folded: None,
            ended: 0,
            found: Vec::new(),
            unread: Vec::new(),
            anchors: ANCHORS.map(Finder::new),
        }
    }

    /// Reads whole lines.
    pub fn block(&mut self, block: &[u8]) {
        if block.is_empty() {
            return; // it does not tell whether a line goes on
        }
        let mut next = [0; ANCHORS.len()];
        let mut at = if self.half.is_empty() { 0 } else { self.join(block) };
        while at < block.len() {
            if self.open.is_empty() {
                let start = self.anchored(block, at, &mut next);
                self.skip(&block[at..start]);
                at = start;
                if at == block.len() {
                    return;
                }
            }
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |length| at + length);
            self.line(&block[at..end]);
            at = end + 1;
        }
    }

    /// Reads what stands behind the last end of a line in a file.
    pub fn rest(&mut self, rest: &[u8]) {
        if rest.len() > HALF {
            self.block(rest);
            return;
        }
        // A file may hold nothing but the middle of a line.
        if !rest.is_empty() && !self.half.is_empty() && !seam::goes_on(&self.half, rest) {
            let half = std::mem::take(&mut self.half);
            self.line(&half);
            self.turn();
        }
        self.half.extend_from_slice(rest);
    }

    /// The deaths found since the last call.
    pub fn found(&mut self) -> Vec<Crash> {
        std::mem::take(&mut self.found)
    }

    /// The log has ended, and another may follow: a dump that it ended in can go on there.
    pub fn next_file(&mut self) {
        self.ended += 1;
        if self.half.is_empty() {
            self.turn();
        }
    }

    /// To the file that is read now.
    fn turn(&mut self) {
        self.close(|open| !open.trace.is_open());
        self.carried = !self.open.is_empty();
        self.file += std::mem::take(&mut self.ended);
        self.number = 0;
        self.begun = false;
        self.skipped = Skipped::default();
        self.folded = None;
    }

    /// There is nothing more.
    pub fn finish(&mut self) {
        let half = std::mem::take(&mut self.half);
        if !half.is_empty() {
            self.line(&half);
        }
        self.close(|_| true);
    }

    /// Reads the last line of the file before, with what goes on of it here: so many bytes.
    fn join(&mut self, block: &[u8]) -> usize {
        let half = std::mem::take(&mut self.half);
        let first = &block[..memchr(b'\n', block).unwrap_or(block.len())];
        if !seam::goes_on(&half, first) {
            self.line(&half);
            self.turn();
            return 0;
        }
        self.line(&[&half, first].concat());
        self.turn();
        self.number = 1;
        first.len() + 1
    }

    /// The start of the next line that has an anchor. `next`: where each anchor was seen last.
    fn anchored(&self, block: &[u8], at: usize, next: &mut [usize; ANCHORS.len()]) -> usize {
        for (finder, next) in self.anchors.iter().zip(next.iter_mut()) {
            if *next <= at {
                *next = finder
                    .find(&block[at..])
                    .map_or(block.len(), |offset| at + offset);
            }
        }
        let first = next.iter().copied().min().unwrap_or(block.len());
        if first == block.len() {
            return first;
        }
        memrchr(b'\n', &block[at..first]).map_or(at, |end| at + end + 1)
    }

    fn skip(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        self.number += memchr_iter(b'\n', lines).count() as u64;
        self.number += u64::from(!lines.ends_with(b"\n"));
        self.begun = self.begun || lines.iter().any(|byte| *byte > b' ');
        self.skipped.take(lines, self.number);
    }

    fn line(&mut self, raw: &[u8]) {
        self.number += 1;
        let text = std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::from);
        let mut dump = false;
        prefix::lines(&text, |bare| {
            let broken = self.folded.take().filter(|(source, _)| *source == bare.source);
            let joined = broken.and_then(|(_, begin)| fold::join(&begin, &bare));
            match &joined {
                Some(Joined::Call(text)) => {
                    let line = Line::of(text);
                    dump |= self.bare(&Bare { text, line, ..bare });
                }
                Some(Joined::Part(text)) => {
                    dump = true;
                    self.folded = Some((bare.source, text.clone()));
                }
                None => {
                    if !self.open.is_empty() && fold::is_part(&bare) {
                        self.folded = Some((bare.source, bare.text.to_owned()));
                    }
                    dump |= self.bare(&bare);
                }
            }
        });
        if dump {
            return;
        }
        self.begun = self.begun || raw.iter().any(|byte| *byte > b' ');
        if skipped::has_words(&text) {
            match self.unread.last_mut() {
                Some(known) if known.file == self.file => known.lines += 1,
                _ => self.unread.push(Unread::new(self.file, self.number, &text)),
            }
        }
        if let Some(time) = stamp::within(&text) {
            let time = Time {
                text: time.to_owned(),
                line: self.number,
            };
            for open in self
                .open
                .iter_mut()
                .filter(|open| open.trace.begin.file == self.file)
            {
                open.trace.begin.time.get_or_insert_with(|| time.clone());
            }
            self.skipped.time = Some(time);
            self.skipped.tail.clear();
        }
    }

    /// What was passed over, one for each file that has some.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Whether the line was one of a dump.
    fn bare(&mut self, bare: &Bare) -> bool {
        let line = bare.line;
        if self.carried && line != Line::Blank {
            self.carry_on(line);
        }
        let slot = self.slot(bare.source, line);
        match (line, slot) {
            (Line::Head(text), slot) => {
                let text = clipped(text);
                let begin = self.begin(bare);
                if let Some(at) = slot {
                    if self.open[at].trace.head(text, begin.clone(), bare.indented) == Whose::Mine {
                        return true;
                    }
                    self.close_at(at);
                }
                self.open(bare.source, Trace::new(Some(text), begin));
            }
            (Line::Goroutine(goroutine), Some(at)) => {
                let open = &mut self.open[at];
                open.settled |= open.source == bare.source;
                if let Some(begin) = open.trace.goroutine(goroutine) {
                    let head = open.trace.message().map(str::to_owned);
                    self.close_at(at);
                    let mut trace = Trace::new(head.as_deref(), begin);
                    trace.goroutine(goroutine);
                    self.open(bare.source, trace);
                }
            }
            (Line::Goroutine(goroutine), None) if goroutine.runs() => {
                let mut trace = Trace::new(None, self.begin(bare));
                trace.at_start = !self.begun;
                trace.goroutine(goroutine);
                self.open(bare.source, trace);
            }
            (Line::Noise, _) => {
                self.open.iter_mut().for_each(|open| open.trace.line(line));
                self.close(|open| open.trace.noise > PATIENCE);
                return false;
            }
            (_, Some(at)) => {
                let open = &mut self.open[at];
                open.settled |= open.source == bare.source && line != Line::Blank;
                open.trace.line(line);
            }
            (_, None) => return false,
        }
        true
    }

    /// The death that a line of this process belongs to.
    fn slot(&self, source: u64, line: Line) -> Option<usize> {
        let own = self.open.iter().position(|open| open.source == source);
        if own.is_some() || matches!(line, Line::Head(_)) {
            return own;
        }
        // Some collectors mark only the first line, or every line differently.
        let newest = self.open.len().checked_sub(1)?;
        (source == 0 || (newest == 0 && !self.open[newest].settled)).then_some(newest)
    }

    fn open(&mut self, source: u64, trace: Trace) {
        if self.open.len() == OPEN {
            self.close_at(0);
        }
        self.open.push(Open {
            source,
            settled: false,
            trace,
        });
    }

    fn begin(&self, bare: &Bare) -> Begin {
        let own = bare.time.map(|text| Time {
            text: text.to_owned(),
            line: self.number,
        });
        Begin {
            file: self.file,
            line: self.number,
            time: own.or_else(|| self.skipped.time()),
        }
    }

    fn carry_on(&mut self, first: Line) {
        self.carried = false;
        match first {
            Line::Noise | Line::Head(_) => self.close(|_| true),
            _ => self.open.iter_mut().for_each(|open| open.trace.continued = true),
        }
    }

    fn close_at(&mut self, at: usize) {
        let closed = self.open.remove(at);
        self.found.extend(closed.trace.crashes());
    }

    fn close(&mut self, over: impl Fn(&Open) -> bool) {
        while let Some(at) = self.open.iter().position(&over) {
            self.close_at(at);
        }
    }
}

fn clipped(text: &str) -> &str {
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| *at <= HEAD)
        .last();
    if text.len() <= HEAD {
        text
    } else {
        &text[..end.unwrap_or(0)]
    }
}
