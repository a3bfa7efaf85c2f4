//! PURE: the deaths of many logs → one answer.

use super::skipped::Unread;
use super::{Crash, Verdict};
use serde::Serialize;

/// `resetlab.diagnose.v1`. The verdict is the strongest of all logs; logs and, in each, deaths come strongest first (as
/// [`Verdict`] orders them, undecided ones before decided ones), otherwise in the order given and read.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    /// `None`: no log could be read.
    pub verdict: Option<Verdict>,
    pub deaths: Counts,
    pub files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
pub struct FileReport {
    pub file: String,
    /// `None`: it could not be read, or only in part and nothing was found there.
    pub verdict: Option<Verdict>,
    pub error: Option<String>,
    pub deaths: Counts,
    /// Lines with words of the bug that could not be read as a dump.
    pub unread: Option<Unread>,
    /// At most [`KEPT`] of them.
    pub crashes: Vec<Crash>,
}

/// Deaths by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    #[serde(rename = "match")]
    pub matches: u64,
    pub variant: u64,
    #[serde(rename = "other-crash")]
    pub other_crash: u64,
}

/// Deaths of one log that are told one by one; all are counted.
pub const KEPT: usize = 500;

impl Report {
    pub fn of(mut files: Vec<FileReport>) -> Report {
        let mut deaths = Counts::default();
        for file in &mut files {
            file.strongest_first();
            file.verdict = file.crashes.first().map(|crash| crash.verdict);
            if file.error.is_none() {
                file.verdict.get_or_insert(Verdict::None);
            }
            deaths.matches += file.deaths.matches;
            deaths.variant += file.deaths.variant;
            deaths.other_crash += file.deaths.other_crash;
        }
        files.sort_by_key(|file| std::cmp::Reverse(file.verdict));
        Report {
            schema: "resetlab.diagnose.v1",
            verdict: files.first().and_then(|file| file.verdict),
            deaths,
            files,
        }
    }

    /// A death that could be the bug; what is left of its trace does not tell.
    pub fn is_undecided(&self) -> bool {
        self.files
            .iter()
            .flat_map(|file| &file.crashes)
            .any(|crash| crash.undecided)
    }

    /// A gorouter died of the bug; otherwise a program that nothing names did.
    pub fn names_gorouter(&self) -> bool {
        let mut crashes = self.files.iter().flat_map(|file| &file.crashes);
        crashes.any(|crash| crash.verdict.is_the_bug() && crash.program == Some("gorouter"))
    }

    /// As grep's: 2 if a log could not be read, even if another holds the bug; 0 found; 1 not found.
    pub fn exit_code(&self) -> u8 {
        if self.files.iter().any(|file| file.error.is_some()) {
            return 2;
        }
        u8::from(!self.verdict.is_some_and(Verdict::is_the_bug))
    }
}

impl FileReport {
    pub fn new(file: String) -> FileReport {
        FileReport {
            file,
            verdict: None,
            error: None,
            deaths: Counts::default(),
            unread: None,
            crashes: Vec::new(),
        }
    }

    pub fn add(&mut self, crash: Crash) {
        match crash.verdict {
            Verdict::Match => self.deaths.matches += 1,
            Verdict::Variant => self.deaths.variant += 1,
            Verdict::OtherCrash => self.deaths.other_crash += 1,
            Verdict::None => return,
        }
        self.crashes.push(crash);
        if self.crashes.len() >= 2 * KEPT {
            self.strongest_first();
        }
    }

    fn strongest_first(&mut self) {
        self.crashes
            .sort_by_key(|crash| (std::cmp::Reverse((crash.verdict, crash.undecided)), crash.line));
        self.crashes.truncate(KEPT);
    }
}

impl Counts {
    pub fn all(&self) -> u64 {
        self.matches + self.variant + self.other_crash
    }
}
