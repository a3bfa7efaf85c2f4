//! A directory of results as a page to read, print and send: `report.html`, `report.md`.
//!
//! In the order that data meets them: `material` reads a directory and refuses what it does not know; `run`, `sweep`,
//! `compare` and `lab` make a [`Report`] of it (PURE); `html`, `markdown`, `json` and `csv` write it (PURE). All
//! formats have the same numbers because they have the same [`Report`].

pub mod advice;
pub mod csv;
pub mod figure;
pub mod html;
pub mod json;
pub mod markdown;
pub mod material;
pub mod method;
pub mod model;
pub mod pictures;
pub mod run;
pub mod shown;
pub mod statistics;
pub mod sweep;
pub mod timeline;
pub mod warnings;

#[cfg(test)]
mod tests;

pub use model::Report;

use material::{Directory, Records, Unreadable};
use run::Pictures;
use std::path::Path;

/// The report of a directory.
pub fn of(dir: &Path) -> Result<Report, Unreadable> {
    let directory = Directory::open(dir)?;
    match directory.kind {
        model::Kind::Run => of_run(&directory),
        model::Kind::Sweep | model::Kind::Compare | model::Kind::Lab => {
            Err(Unreadable::NoReport(directory.path))
        }
    }
}

fn of_run(directory: &Directory) -> Result<Report, Unreadable> {
    let material::RunMaterial { summary, mut doubts } = directory.run()?;
    let chosen = run::chosen(&summary);
    let mut pictures = Pictures::default();
    if !chosen.trials.is_empty() {
        match Records::open(&directory.path) {
            Ok(mut records) => {
                let moments: Vec<timeline::Moment> =
                    chosen.trials.iter().map(|(moment, ..)| moment.clone()).collect();
                pictures.scenes = timeline::scenes(&moments, records.by_ref());
                doubts.extend(records.warnings());
            }
            Err(why) => pictures.missing = Some(why),
        }
    }
    Ok(run::report(
        &name(&directory.path),
        &summary,
        &chosen,
        pictures,
        doubts,
    ))
}

/// The last part of a directory's path: the same from wherever it is called.
fn name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
