//! `report.html` and `report.md` in the directory that they speak of.

use super::{Report, html, markdown};
use std::io;
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug)]
pub struct Written {
    pub html: PathBuf,
    pub markdown: PathBuf,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", path.display())]
pub struct Unwritten {
    path: PathBuf,
    why: io::Error,
}

/// Replaces both, each whole: a reader never sees half of one.
pub fn write(report: &Report, dir: &Path) -> Result<Written, Unwritten> {
    let one = |name: &str, text: String| {
        let path = dir.join(name);
        let new = dir.join(format!(".{name}.new"));
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
        match written {
            Ok(()) => Ok(path),
            Err(why) => {
                // Half of it is worth nothing; where it cannot be taken away it does no harm.
                let _ = std::fs::remove_file(&new);
                Err(Unwritten { path, why })
            }
        }
    };
    Ok(Written {
        html: one("report.html", html::render(report))?,
        markdown: one("report.md", markdown::render(report))?,
    })
}
