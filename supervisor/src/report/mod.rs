//! A directory of results as a page to read, print and send: `report.html`, `report.md`.
//!
//! In the order that data meets them: `material` reads a directory and refuses what it does not know; `pictures` takes
//! timelines out of its `records`; `run`, `sweep`, `compare` and `lab` make a [`Report`] of it (PURE); `html`, `markdown`,
//! `json` and `csv` write it (PURE). All formats have the same numbers because they have the same [`Report`].

pub mod advice;
pub mod compare;
pub mod csv;
pub mod figure;
mod file;
pub mod html;
pub mod json;
pub mod lab;
pub mod markdown;
pub mod material;
pub mod method;
pub mod model;
pub mod pictures;
mod prose;
pub mod records;
pub mod run;
pub mod shown;
pub mod statistics;
pub mod sweep;
pub mod timeline;
pub mod warnings;
mod write;

#[cfg(test)]
mod tests;

pub use model::Report;
pub use write::{Unwritten, Written, write};

use material::{Directory, Unreadable};
use pictures::Whole;
use run::Pictures;
use std::path::{Path, PathBuf};

/// How much of long tables is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As much as somebody reads.
    Readable,
    /// For programs.
    Whole,
}

/// The report of a directory.
pub fn of(dir: &Path, extent: Extent) -> Result<Report, Unreadable> {
    let directory = Directory::open(dir)?;
    let mut report = match of_kind(&directory, extent) {
        // What is wrong with a document may show only when it is read as what it says it is.
        Err(why) if !directory.document.is_empty() => {
            let directory = Directory::without(dir, why)?;
            let mut report = of_kind(&directory, extent)?;
            report.warnings.splice(0..0, directory.doubts);
            return Ok(report);
        }
        report => report?,
    };
    report.warnings.splice(0..0, directory.doubts);
    Ok(report)
}

fn of_kind(directory: &Directory, extent: Extent) -> Result<Report, Unreadable> {
    match directory.kind {
        model::Kind::Run => of_run(directory, extent),
        model::Kind::Sweep => of_sweep(directory),
        model::Kind::Compare => of_compare(directory),
        model::Kind::Lab => of_lab(directory),
    }
}

/// Writes the report of a directory whose results are whole by then; where it is, for its line in the terminal. A
/// measurement is no worse for a report that cannot be written: that is said by `verb`, and changes no exit code.
pub fn leave(dir: &Path, verb: &str) -> Option<PathBuf> {
    let written = of(dir, Extent::Readable)
        .map_err(|e| e.to_string())
        .and_then(|report| write(&report, dir).map_err(|e| e.to_string()));
    match written {
        Ok(written) => Some(written.html),
        Err(why) => {
            eprintln!("resetlab {verb}: no report: {why}");
            None
        }
    }
}

fn of_run(directory: &Directory, extent: Extent) -> Result<Report, Unreadable> {
    let material::RunMaterial { summary, doubts } = directory.run()?;
    let chosen = run::chosen(&summary);
    let told = summary.records_lost == 0 && summary.trials.iter().all(|trial| trial.events_dropped == 0);
    let whole = Whole {
        ended: summary.complete && summary.records_lost == 0,
        lost: (summary.complete && told).then_some(summary.load.lost),
    };
    let (figures, warnings) = pictures::take(&directory.path, &chosen.trials, whole);
    let pictures = Pictures { figures, warnings };
    let name = name(&directory.path);
    Ok(run::report(&name, &summary, &chosen, pictures, doubts, extent))
}

fn of_sweep(directory: &Directory) -> Result<Report, Unreadable> {
    let (document, mut doubts) = directory.sweep()?;
    let (figures, warnings) = pictures::take(
        &directory.path,
        &sweep::wanted(&document),
        ended(document.complete, document.records_lost),
    );
    doubts.extend(warnings);
    Ok(sweep::report(&document, &name(&directory.path), figures, doubts))
}

fn of_compare(directory: &Directory) -> Result<Report, Unreadable> {
    let document = directory.compare()?;
    let (figures, doubts) = pictures::take(
        &directory.path,
        &compare::wanted(&document),
        ended(document.complete, document.records_lost),
    );
    Ok(compare::report(
        &document,
        &name(&directory.path),
        figures,
        doubts,
    ))
}

fn of_lab(directory: &Directory) -> Result<Report, Unreadable> {
    let (session, mut doubts) = directory.session()?;
    let (figures, warnings) = pictures::take(
        &directory.path,
        &lab::wanted(&session),
        ended(session.complete, session.records_lost),
    );
    doubts.extend(warnings);
    Ok(lab::report(&session, &name(&directory.path), figures, doubts))
}

/// A log that could not be written whole is told of as that.
fn ended(ended: bool, records_lost: u64) -> Whole {
    Whole {
        ended: ended && records_lost == 0,
        lost: None,
    }
}

/// The last part of a directory's path: the same from wherever it is called.
fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
