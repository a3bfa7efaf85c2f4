//! What a running lab owns on this machine: a name, a network, a directory for its results.

mod addresses;
mod journal;
mod lease;
mod runtime;

pub use addresses::Addresses;
pub use journal::{Journal, JournalReport, is_kept};
pub use lease::{Lease, LeaseError};
pub use runtime::{Name, RuntimeDir, Taken};

use router::clock;
use std::io;
use std::path::{Path, PathBuf};

/// Makes the run directory: `out`, or `resetlab-runs/<utc-timestamp>-<name>` below the working directory.
/// An error is one sentence that names the directory.
pub fn make_run_dir(out: Option<&Path>, name: &str) -> io::Result<PathBuf> {
    let dir = match out {
        Some(out) => out.to_owned(),
        None => {
            let second = humantime::format_rfc3339_seconds(clock::wall())
                .to_string()
                .replace(':', "");
            first_free(&Path::new("resetlab-runs").join(format!("{second}-{name}")))
        }
    };
    let hint = |e: io::Error| {
        io::Error::new(
            e.kind(),
            format!(
                "cannot write results to {}: {e}; --out DIR puts them elsewhere",
                dir.display()
            ),
        )
    };
    std::fs::create_dir_all(&dir).map_err(hint)?;
    if dir.join("events.ndjson").exists() {
        return Err(hint(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it holds the results of another run",
        )));
    }
    dir.canonicalize()
}

/// Lets the next start have the directory of one that failed: it holds no results, only logs, which stay.
pub fn give_back(dir: &Path) {
    for name in ["events.ndjson", "outcomes.ndjson"] {
        // Where that fails the next start says that it cannot have the directory.
        let _ = std::fs::remove_file(dir.join(name));
    }
}

fn first_free(wanted: &Path) -> PathBuf {
    let numbered = (2..).map(|n| PathBuf::from(format!("{}-{n}", wanted.display())));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|dir| !dir.exists())
        .expect("numbers do not end")
}
