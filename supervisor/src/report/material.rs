//! Reads a directory of results, and refuses what it does not know. What it finds was written by a program, or edited by
//! hand, copied in the middle, or made up: nothing in it is believed before it was looked at.

mod documents;
mod sound;

use super::file::{self, Unread};
use super::model::Kind;
use crate::experiment::summary::{Standing, Summary};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};

/// Larger documents are nobody's: 100,000 trials take about 150 MB.
const LARGEST: u64 = 192 << 20;
/// The first line of a log, which says what it is.
const LONGEST_HEAD: u64 = 1 << 16;

/// A directory that holds results.
#[derive(Debug)]
pub struct Directory {
    pub path: PathBuf,
    pub kind: Kind,
    /// `summary.json` or `compare.json` as it stands there; empty where there is none that can be read.
    pub document: String,
    /// What was wrong with it, in words.
    pub doubts: Vec<String>,
}

/// A run's directory.
#[derive(Debug)]
pub struct RunMaterial {
    pub summary: Summary,
    /// What in it cannot be, in words: left out.
    pub doubts: Vec<String>,
}

/// Why there is no report. All of them are answered with exit status 2: the directory that was named is not one of
/// results, or not one that this program can read. 4 is for what a running lab does not have.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{}: there is no such directory", .0.display())]
    Missing(PathBuf),
    #[error("{}: not a directory; expected the one that a run wrote its results to, such as resetlab-runs/…", .0.display())]
    NoDirectory(PathBuf),
    #[error("{}: {why}", path.display())]
    Io { path: PathBuf, why: io::Error },
    #[error(
        "{}: no results in it; looked for summary.json (run, sweep, up), compare.json (compare) and events.ndjson (up)",
        .0.display()
    )]
    NoResults(PathBuf),
    #[error("{}: empty; a run that was killed before its first trial may leave that", .0.display())]
    Empty(PathBuf),
    #[error("{}: {} MB are too many: no document of resetlab's has more than {}", path.display(), size.div_ceil(1 << 20), LARGEST >> 20)]
    TooLarge { path: PathBuf, size: u64 },
    #[error("{}: it ends in the middle, at line {line}: half written or half copied", path.display())]
    Cut { path: PathBuf, line: usize },
    #[error("{}: not a document of resetlab's: {why}", path.display())]
    Malformed { path: PathBuf, why: String },
    #[error("{}: {found} was written by a newer resetlab; this one reads v1", path.display())]
    Newer { path: PathBuf, found: String },
    #[error(
        "{}: its schema is {found}; expected resetlab.run.v1, resetlab.sweep.v1, resetlab.compare.v1 or resetlab.summary.v1",
        path.display()
    )]
    Foreign { path: PathBuf, found: String },
    #[error("{why}\nits trials have records of their own, such as `resetlab report {}`", trial.display())]
    Trials { why: Box<Unreadable>, trial: PathBuf },
}

#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
}

impl Unreadable {
    /// The document that is half written, empty or damaged: it says nothing, and its directory may.
    fn is_broken(&self) -> Option<&Path> {
        match self {
            Unreadable::Empty(path)
            | Unreadable::TooLarge { path, .. }
            | Unreadable::Cut { path, .. }
            | Unreadable::Malformed { path, .. } => Some(path),
            _ => None,
        }
    }
}

impl Directory {
    pub fn open(path: &Path) -> Result<Directory, Unreadable> {
        let io = |why: io::Error| Unreadable::Io {
            path: path.to_owned(),
            why,
        };
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(Unreadable::NoDirectory(path.to_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(Unreadable::Missing(path.to_owned()));
            }
            Err(e) => return Err(io(e)),
        }
        std::fs::read_dir(path).map_err(io)?;
        let kinds: &[(&str, &[(&str, Kind)])] = &[
            (
                "summary.json",
                &[("run", Kind::Run), ("sweep", Kind::Sweep), ("summary", Kind::Lab)],
            ),
            ("compare.json", &[("compare", Kind::Compare)]),
        ];
        for (name, schemas) in kinds {
            let file = path.join(name);
            let document = read(&file).and_then(|text| {
                let judged = text.map(|text| judge(&file, &text, schemas).map(|kind| (kind, text)));
                judged.transpose()
            });
            match document {
                Ok(None) => {}
                Ok(Some((kind, document))) => {
                    return Ok(Directory {
                        path: path.to_owned(),
                        kind,
                        document,
                        doubts: Vec::new(),
                    });
                }
                Err(why) => return Directory::without(path, why),
            }
        }
        Directory::of_records(path)
    }

    /// The directory without its document, if that is broken and something else is there to go by; else `why`.
    pub fn without(path: &Path, why: Unreadable) -> Result<Directory, Unreadable> {
        let told = why.to_string();
        let name = match why.is_broken() {
            Some(file) => file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            None => return Err(why),
        };
        let Ok(mut directory) = Directory::of_records(path) else {
            return Err(match trial(path) {
                Some(trial) => Unreadable::Trials {
                    why: Box::new(why),
                    trial,
                },
                None => why,
            });
        };
        let end = told.rfind(&format!("{name}: ")).unwrap_or(0);
        directory.doubts.push(format!(
            "{}. What follows is made of what else is in the directory.",
            &told[end..]
        ));
        Ok(directory)
    }

    /// What a directory without a document has.
    fn of_records(path: &Path) -> Result<Directory, Unreadable> {
        let directory = |kind| Directory {
            path: path.to_owned(),
            kind,
            document: String::new(),
            doubts: Vec::new(),
        };
        // A sweep that was interrupted in its first cell has no more than this.
        if path.join("plan.json").is_file() {
            return Ok(directory(Kind::Sweep));
        }
        let log = path.join("events.ndjson");
        match first_line(&log)? {
            Some(line) => judge(&log, &line, &[("events", Kind::Lab)]).map(directory),
            None => Err(Unreadable::NoResults(path.to_owned())),
        }
    }

    /// Of a [`Kind::Run`].
    pub fn run(&self) -> Result<RunMaterial, Unreadable> {
        let path = self.path.join("summary.json");
        let mut summary: Summary = serde_json::from_str(&self.document).map_err(|e| broken(&path, &e))?;
        let mut doubts = sound::sound(&mut summary);
        match summary.standing {
            Standing::Final => doubts.extend(self.unwritten(&summary)),
            _ => doubts.extend(self.recover(&mut summary)),
        }
        Ok(RunMaterial { summary, doubts })
    }
}

/// The first of a comparison's trials.
fn trial(path: &Path) -> Option<PathBuf> {
    let trials = std::fs::read_dir(path.join("trials")).ok()?;
    let trials = trials.filter_map(|entry| Some(entry.ok()?.path()));
    trials.filter(|trial| trial.join("events.ndjson").is_file()).min()
}

/// `None`: it is not there.
fn read(path: &Path) -> Result<Option<String>, Unreadable> {
    let bytes = file::whole(path, LARGEST).map_err(|unread| match unread {
        Unread::Io(why) => Unreadable::Io {
            path: path.to_owned(),
            why,
        },
        Unread::TooLarge(size) => Unreadable::TooLarge {
            path: path.to_owned(),
            size,
        },
    })?;
    bytes.map(|bytes| text(path, bytes)).transpose()
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Unreadable> {
    let text = String::from_utf8(bytes).map_err(|e| Unreadable::Malformed {
        path: path.to_owned(),
        why: format!("no text from byte {} on", e.utf8_error().valid_up_to()),
    })?;
    match text.trim() {
        "" => Err(Unreadable::Empty(path.to_owned())),
        _ => Ok(text),
    }
}

/// Which of `schemas` a document is; `resetlab.run.v1` is `run`.
fn judge(path: &Path, text: &str, schemas: &[(&str, Kind)]) -> Result<Kind, Unreadable> {
    let head: Head = serde_json::from_str(text).map_err(|e| broken(path, &e))?;
    let found = head.schema.unwrap_or_default();
    for (name, kind) in schemas {
        let version = found
            .strip_prefix("resetlab.")
            .and_then(|rest| rest.strip_prefix(name));
        match version.and_then(|rest| rest.strip_prefix(".v")) {
            Some("1") => return Ok(*kind),
            Some(version) if version.parse::<u32>().is_ok_and(|version| version > 1) => {
                return Err(Unreadable::Newer {
                    path: path.to_owned(),
                    found,
                });
            }
            _ => {}
        }
    }
    Err(Unreadable::Foreign {
        path: path.to_owned(),
        found: match found.as_str() {
            "" => "not named".to_owned(),
            found => format!("`{}`", found.chars().take(80).collect::<String>()),
        },
    })
}

fn broken(path: &Path, error: &serde_json::Error) -> Unreadable {
    match error.classify() {
        serde_json::error::Category::Eof => Unreadable::Cut {
            path: path.to_owned(),
            line: error.line(),
        },
        _ => Unreadable::Malformed {
            path: path.to_owned(),
            why: error.to_string(),
        },
    }
}

fn first_line(path: &Path) -> Result<Option<String>, Unreadable> {
    let line = file::first_line(path, LONGEST_HEAD).map_err(|why| Unreadable::Io {
        path: path.to_owned(),
        why,
    })?;
    line.map(|line| text(path, line)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), text).unwrap();
        let error = Directory::open(dir.path())
            .map(|directory| directory.kind)
            .unwrap_err();
        error.to_string().replace(&*dir.path().to_string_lossy(), "DIR")
    }

    const LOG: &str = "{\"schema\":\"resetlab.events.v1\"}\n";

    #[test]
    fn a_broken_document_does_not_hide_what_else_is_there() {
        for (text, wanted) in [
            ("", "summary.json: empty"),
            (
                "{\"schema\":\"resetlab.summary.v1\",",
                "summary.json: it ends in the middle",
            ),
            ("[[[[", "summary.json: not a document"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("summary.json"), text).unwrap();
            std::fs::write(dir.path().join("events.ndjson"), LOG).unwrap();
            let directory = Directory::open(dir.path()).unwrap();
            assert_eq!((directory.kind, directory.document.as_str()), (Kind::Lab, ""));
            assert!(directory.doubts[0].starts_with(wanted), "{:?}", directory.doubts);
            std::fs::write(dir.path().join("plan.json"), "{}").unwrap();
            assert_eq!(Directory::open(dir.path()).unwrap().kind, Kind::Sweep);
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("compare.json"), "{").unwrap();
        let trial = dir.path().join("trials/kill-001-lb-sim");
        std::fs::create_dir_all(&trial).unwrap();
        std::fs::write(trial.join("events.ndjson"), LOG).unwrap();
        let error = Directory::open(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("trials/kill-001-lb-sim`"), "{error}");
    }

    #[test]
    fn a_document_that_is_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(dir.path().join("summary.json")).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        let error = Directory::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("193 MB are too many: no document of resetlab's has more than 192"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_known_is_refused_in_words() {
        for (name, text, wanted) in [
            ("summary.json", "", "DIR/summary.json: empty"),
            (
                "summary.json",
                "{\"schema\":\"resetlab.run.v1\",\n\"se",
                "at line 2: half written",
            ),
            ("summary.json", "[]]", "not a document of resetlab's"),
            (
                "summary.json",
                "{\"schema\":\"resetlab.run.v2\"}",
                "resetlab.run.v2 was written by a newer resetlab; this one reads v1",
            ),
            (
                "summary.json",
                "{\"schema\":\"k6.summary\"}",
                "its schema is `k6.summary`; expected resetlab.run.v1",
            ),
            ("summary.json", "{}", "its schema is not named"),
            (
                "compare.json",
                "{\"schema\":\"resetlab.compare.v12\"}",
                "newer resetlab",
            ),
            (
                "events.ndjson",
                "{\"schema\":\"resetlab.events.v2\"}\n",
                "newer resetlab",
            ),
            ("else.txt", "x", "DIR: no results in it; looked for summary.json"),
        ] {
            let error = refused(name, text);
            assert!(error.contains(wanted), "{name} {text}: {error}");
        }
        let error = Directory::open(Path::new("/nowhere/at/all"))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "/nowhere/at/all: there is no such directory");
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(
            Directory::open(file.path())
                .unwrap_err()
                .to_string()
                .contains("not a directory")
        );
    }
}
