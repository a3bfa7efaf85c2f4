//! Was it this bug? Logs are read for what Go prints when it dies, and each death is judged by the frames of the goroutine
//! that died; what is asked for by versions is answered by [`affected`].
//!
//! In the order that data meets them:
//! - [`reader`]: files and pipes → blocks of whole lines (the only part that touches the world); [`encoding`]: gzip, UTF-16
//! - [`scanner`], pure: finds the few lines that matter, tells processes apart; [`prefix`], [`record`], [`stamp`]: what stands before them;
//!   [`seam`]: from one file to the next; [`fold`]: broken lines; [`skipped`]: the rest
//! - [`dump`], pure: one line; [`trace`]: one death; [`proof`], [`cause`]: its judgement; [`origin`]: which build
//! - [`report`], pure: many files → one answer; [`words`]: for people
//! - [`affected`], pure: versions → answer; [`version`], [`buildinfo`]
//!
//! What must never happen: words alone count as the bug; memory grows with the length of a log; a value is made up.

pub mod affected;
pub mod buildinfo;
pub mod cause;
pub mod dump;
pub mod encoding;
pub mod fold;
pub mod origin;
pub mod prefix;
pub mod proof;
pub mod reader;
pub mod record;
pub mod report;
pub mod scanner;
pub mod seam;
pub mod skipped;
pub mod stamp;
pub mod trace;
pub mod version;
pub mod words;

#[cfg(test)]
mod tests;

use router::record::CrashVariant;
use serde::Serialize;
use std::cmp::Ordering;

/// What a log or a death in it is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No Go program died.
    None,
    /// One died of another cause, or of one that the frames do not prove.
    OtherCrash,
    /// The same race, another stack.
    Variant,
    /// The article's own stack.
    Match,
}

/// One death in a log. What is not known is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Crash {
    /// Index of the file it began in.
    #[serde(skip)]
    pub file: usize,
    pub verdict: Verdict,
    pub variant: Option<CrashVariant>,
    /// What is left of the trace neither proves the bug nor rules it out: only of other crashes.
    pub undecided: bool,
    /// One clause: who was caught doing what, or what another crash is.
    pub cause: String,
    /// As the log writes it; a note says so when it is a neighbouring line's.
    pub time: Option<String>,
    /// Of the first line of the trace, from 1.
    pub line: u64,
    /// The first line of the trace.
    pub message: Option<String>,
    pub goroutine: Option<u64>,
    /// The compiler, as far as paths tell: `1.21`.
    pub go: Option<String>,
    pub paths: origin::Paths,
    /// Innermost first: those that prove the verdict, or the first few of another crash.
    pub frames: Vec<dump::Frame>,
    /// `gorouter` or `other`, by what names it in all goroutines.
    pub program: Option<&'static str>,
    /// Which gorouter, by its line numbers.
    pub release: Option<&'static str>,
    /// The stack has no end.
    pub truncated: bool,
    pub notes: Vec<String>,
}

/// A time and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    pub text: String,
    /// Number of the line it stands in.
    pub line: u64,
}

impl Verdict {
    pub const STRONGEST_FIRST: [Verdict; 4] = [
        Verdict::Match,
        Verdict::Variant,
        Verdict::OtherCrash,
        Verdict::None,
    ];

    /// The article's bug, in one shape or another.
    pub fn is_the_bug(self) -> bool {
        self >= Verdict::Variant
    }

    pub fn name(self) -> &'static str {
        match self {
            Verdict::None => "none",
            Verdict::OtherCrash => "other-crash",
            Verdict::Variant => "variant",
            Verdict::Match => "match",
        }
    }
}

impl Time {
    /// Says so when it is not the own time of a trace that begins on line `begin`.
    fn note(&self, begin: u64) -> Option<String> {
        let line = self.line;
        match line.cmp(&begin) {
            Ordering::Less => Some(format!(
                "the time is that of line {line}, the last before it that has one"
            )),
            Ordering::Equal => None,
            Ordering::Greater => Some(format!(
                "the time is that of line {line}, the first after it that has one"
            )),
        }
    }
}
