//! Where a program is installed.

use super::Program;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// It is not here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error("{engine} is not installed: {install} installs it; {variable}=PATH says where it is")]
    NotInstalled {
        engine: &'static str,
        install: &'static str,
        variable: &'static str,
    },
    #[error("{variable} names {}, which is no executable file; {install} installs one", path.display())]
    NotThere {
        variable: &'static str,
        path: PathBuf,
        install: &'static str,
    },
}

/// The program's executable: where its variable says, otherwise the first in PATH, the system's directories, and where
/// `scripts/install-peers` puts what no package has. `variable` reads the environment.
pub fn find(program: &dyn Program, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Missing> {
    if let Some(path) = variable(program.variable()).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return match executable(&path) {
            // It is started from another directory.
            true => Ok(std::path::absolute(&path).unwrap_or(path)),
            false => Err(Missing::NotThere {
                variable: program.variable(),
                install: program.install(),
                path,
            }),
        };
    }
    let path = variable("PATH").unwrap_or_default();
    let home = variable("HOME").map(PathBuf::from);
    let data = variable("XDG_DATA_HOME").map(PathBuf::from);
    let data = data
        .filter(|data| data.is_absolute())
        .or_else(|| home.map(|home| home.join(".local/share")));
    let dirs = std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from))
        .chain(data.map(|data| data.join("resetlab/bin")));
    let mut found = dirs.flat_map(|dir| program.executables().iter().map(move |name| dir.join(name)));
    found
        .find(|path| executable(path))
        .ok_or_else(|| Missing::NotInstalled {
            engine: program.engine().name(),
            install: program.install(),
            variable: program.variable(),
        })
}

fn executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
