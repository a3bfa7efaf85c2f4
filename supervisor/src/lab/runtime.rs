//! Names of running labs, and how the command line finds them.
//!
//! In the runtime directory a lab has `NAME.lock`, locked while it lives and holding its pid; `NAME.sock`, its control
//! API; `NAME.d/`, the control sockets of its children; `NAME.run`, which stays, the path of its results. The lock dies with the lab, so a socket beside a free lock is
//! a killed lab's and may be removed.

use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// `$XDG_RUNTIME_DIR/resetlab`, or `/tmp/resetlab-UID`; ours alone.
#[derive(Clone, Debug)]
pub struct RuntimeDir(PathBuf);

/// A lab's name, ours as long as this value, or the process, lives.
pub struct Name {
    pub name: String,
    pub socket: PathBuf,
    /// For the control sockets of children.
    pub children: PathBuf,
    _lock: Flock<File>,
}

/// Why a name cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Taken {
    #[error(
        "lab \"{name}\" is already running (pid {pid}); `resetlab --lab NAME up` starts another, `resetlab --lab {name} down` ends it"
    )]
    Running { name: String, pid: String },
    #[error("\"{0}\" cannot name a lab: expected 1 to 32 letters, digits, - and _, such as canary")]
    BadName(String),
    #[error("runtime directory {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl RuntimeDir {
    /// Opens or makes it with mode 0700; somebody else's directory is refused.
    pub fn open() -> Result<RuntimeDir, Taken> {
        let uid = nix::unistd::getuid();
        let path = match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute()) {
            Some(dir) => PathBuf::from(dir).join("resetlab"),
            None => PathBuf::from(format!("/tmp/resetlab-{uid}")),
        };
        let failed = |source| Taken::Io {
            path: path.clone(),
            source,
        };
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => {}
        }
        let found = std::fs::symlink_metadata(&path).map_err(failed)?;
        if !found.is_dir() || found.uid() != uid.as_raw() || found.mode() & 0o077 != 0 {
            let why = "expected a directory of yours with mode 0700 (no link, nobody else's)";
            return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        Ok(RuntimeDir(path))
    }

    pub fn socket(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.sock"))
    }

    /// Takes `name` and removes what a killed lab of that name left.
    pub fn take(&self, name: &str) -> Result<Name, Taken> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fits) {
            return Err(Taken::BadName(name.to_owned()));
        }
        self.sweep_ended_runs();
        let failed = |source| Taken::Io {
            path: self.0.clone(),
            source,
        };
        let path = self.0.join(format!("{name}.lock"));
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((mut file, nix::Error::EWOULDBLOCK)) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(failed)?;
                return Err(Taken::Running {
                    name: name.to_owned(),
                    pid: pid.trim().to_owned(),
                });
            }
            Err((_, e)) => return Err(failed(e.into())),
        };
        lock.set_len(0).and_then(|()| lock.rewind()).map_err(failed)?;
        writeln!(lock, "{}", std::process::id()).map_err(failed)?;
        let taken = Name {
            name: name.to_owned(),
            socket: self.socket(name),
            children: self.0.join(format!("{name}.d")),
            _lock: lock,
        };
        taken.sweep();
        DirBuilder::new()
            .mode(0o700)
            .create(&taken.children)
            .map_err(failed)?;
        Ok(taken)
    }

    /// Where the results of the lab of that name are, or of the last one that had it; as far as is known.
    pub fn last_run(&self, name: &str) -> Option<PathBuf> {
        let dir = std::fs::read(self.0.join(format!("{name}.run"))).ok()?;
        Some(PathBuf::from(OsString::from_vec(dir)))
    }

    /// The name for an experiment of this process.
    pub fn run_name() -> String {
        format!("run-{}", std::process::id())
    }

    /// Removes what killed experiments left. Their names hold their pids, so nobody can be taking one meanwhile.
    fn sweep_ended_runs(&self) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let file = entry.file_name();
            let Some(stem) = file.to_str().and_then(|file| file.strip_suffix(".lock")) else {
                continue;
            };
            let Some(pid) = stem.strip_prefix("run-").and_then(|pid| pid.parse::<u32>().ok()) else {
                continue;
            };
            if !Path::new(&format!("/proc/{pid}")).exists() {
                let _ = std::fs::remove_dir_all(self.0.join(format!("{stem}.d")));
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Names of the labs that answer, in order.
    pub fn running(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".sock")
                    .map(str::to_owned)
            })
            .filter(|name| std::os::unix::net::UnixStream::connect(self.socket(name)).is_ok())
            .collect();
        names.sort();
        names
    }
}

impl Name {
    /// Keeps where its results go for those who ask when it is gone.
    pub fn remember(&self, run_dir: &Path) {
        // Only a hint is lost.
        let _ = std::fs::write(self.socket.with_extension("run"), run_dir.as_os_str().as_bytes());
    }

    fn sweep(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_dir_all(&self.children);
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // The lock file stays: removing it would let two labs lock two files of the same name.
        self.sweep();
    }
}
