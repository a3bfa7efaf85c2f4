//! The program as a process: its channels, its start, what it writes, its end.

use super::Trouble;
use super::output::Output;
use crate::engine::{Program, Site};
use crate::process::apart::{self, Stranger, Walls};
use crate::process::orphans::{self, Orphans};
use crate::process::{Process, exit};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use router::clock::{self, Timestamp};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;
use tokio::net::unix::pipe;

/// From SIGTERM to SIGKILL; the fleet's own patience is one second.
const TERM: Duration = Duration::from_millis(600);
/// For a check of a configuration, or a version.
const JUDGE: Duration = Duration::from_secs(10);
const LOG_BYTES: i32 = 1 << 20;

/// What the program is born with beside its output.
pub struct Channels {
    nothing: OwnedFd,
    /// Listening, at the site's admin path.
    admin: OwnedFd,
    /// The log's end for writing.
    log: OwnedFd,
    /// And for reading.
    pub lines: OwnedFd,
}

pub struct Keeper {
    process: Process,
    walls: Walls,
    output: Output,
}

/// Exit code, signal, when.
type End = io::Result<(Option<i32>, Option<i32>, Timestamp)>;

/// How a program ended by itself.
pub struct Ended {
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    /// "exited 1 after 20 ms".
    pub how: String,
    pub said: String,
}

impl Channels {
    pub fn open(site: &Site) -> Result<Channels, Trouble> {
        std::fs::create_dir_all(&site.dir).map_err(Trouble::io(site.dir.display().to_string()))?;
        let (admin, log) = (site.admin(), site.log());
        let named = |path: &Path| Trouble::io(path.display().to_string());
        for stale in [&admin, &log] {
            let _ = std::fs::remove_file(stale);
        }
        let listener = UnixListener::bind(&admin).map_err(named(&admin))?;
        let pipe = || -> io::Result<(OwnedFd, OwnedFd)> {
            nix::unistd::mkfifo(&log, Mode::S_IRUSR | Mode::S_IWUSR)?;
            // For reading and writing: it has a reader, and no end, whoever opens and closes it.
            let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
            let lines = nix::fcntl::open(&log, flags, Mode::empty())?;
            let writer = nix::fcntl::open(&log, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
            // Thousands of lines may come while the guard waits for a processor.
            let _ = fcntl(&lines, FcntlArg::F_SETPIPE_SZ(LOG_BYTES));
            Ok((lines, writer))
        };
        let (lines, log) = pipe().map_err(named(&log))?;
        let nothing = std::fs::File::open("/dev/null").map_err(Trouble::io("/dev/null"))?;
        Ok(Channels {
            nothing: nothing.into(),
            admin: listener.into(),
            log,
            lines,
        })
    }
}

impl Keeper {
    pub fn start(
        program: &dyn Program,
        path: &Path,
        site: &Site,
        channels: &Channels,
    ) -> Result<Keeper, Trouble> {
        born(path, program.run(site), site, channels, true)
    }

    /// Runs it to its end: what it wrote, and whether it ended well.
    pub async fn judge(
        path: &Path,
        arguments: Vec<OsString>,
        site: &Site,
        channels: &Channels,
    ) -> Result<(bool, String), Trouble> {
        let mut keeper = born(path, arguments, site, channels, false)?;
        let deadline = clock::now() + JUDGE;
        tokio::select! {
            biased;
            ended = keeper.ended() => Ok((ended.code == Some(0), ended.said)),
            () = clock::until(deadline) => {
                let _ = keeper.process.signal(rustix::process::Signal::KILL);
                let _ = keeper.process.wait().await;
                let said = keeper.output.words();
                let source = io::Error::other(format!("no end within {JUDGE:?}; the last it said:\n{said}"));
                Err(Trouble::Io { what: path.display().to_string(), source })
            }
        }
    }

    pub fn walls(&self) -> Walls {
        self.walls
    }

    /// Resolves when it has written a line with `text` in it (`None`: never), or has ended. Cancel-safe.
    pub async fn says(&mut self, text: Option<&str>) -> Result<(), Ended> {
        loop {
            let line = tokio::select! {
                biased;
                Some(line) = self.output.next() => line,
                end = self.process.wait() => return Err(self.finish(end)),
            };
            if text.is_some_and(|text| line.contains(text)) {
                return Ok(());
            }
        }
    }

    /// Passes on what it writes, until it ends. Cancel-safe.
    pub async fn ended(&mut self) -> Ended {
        let end = self.end().await;
        self.finish(end)
    }

    async fn end(&mut self) -> End {
        loop {
            tokio::select! {
                biased;
                end = self.process.wait() => return end,
                Some(_) = self.output.next() => {}
            }
        }
    }

    fn finish(&mut self, end: End) -> Ended {
        self.output.rest();
        self.sweep();
        let (code, signal, at) = end.unwrap_or((None, None, clock::now()));
        let uptime = at.since(self.process.started);
        Ended {
            code,
            how: exit::words(code, signal, uptime, None),
            said: self.output.words(),
        }
    }

    pub async fn last_words(&mut self) -> String {
        self.output.rest();
        let said = self.output.words();
        let _ = self.stop().await;
        said
    }

    /// SIGTERM, SIGKILL a moment later; returns when it and all that it forked are gone.
    pub async fn stop(&mut self) -> Result<(), Trouble> {
        use rustix::process::Signal;
        // The init of a namespace is not ended by a signal that it does not handle (HAProxy leaves SIGTERM to the kernel).
        let deaf = self.walls != Walls::None && !handles_sigterm(self.process.pid);
        let signal = if deaf { Signal::KILL } else { Signal::TERM };
        let _ = self.process.signal(signal); // an error: it is gone already
        let deadline = clock::now() + TERM;
        tokio::select! {
            biased;
            _ = self.end() => {}
            () = clock::until(deadline) => {
                let _ = self.process.signal(Signal::KILL);
                let _ = self.process.wait().await;
            }
        }
        self.sweep();
        Ok(())
    }

    /// Kills what it has left behind; without a namespace that may be something. Our own end kills the rest.
    fn sweep(&self) {
        while orphans::sweep(Orphans::Kill, |pid| pid == self.process.pid) > 0 {
            // A killed process is reaped by the next round; those that it had forked come to us then.
            std::thread::yield_now();
        }
    }
}

/// Whether the process has a handler for SIGTERM; `true` if that cannot be known.
fn handles_sigterm(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (nix::libc::SIGTERM - 1)) != 0)
}

fn born(
    path: &Path,
    arguments: Vec<OsString>,
    site: &Site,
    channels: &Channels,
    kept: bool,
) -> Result<Keeper, Trouble> {
    let start = || -> io::Result<Keeper> {
        let (out, their_out) = pipe2(OFlag::O_CLOEXEC)?;
        let (err, their_err) = pipe2(OFlag::O_CLOEXEC)?;
        let stranger = Stranger {
            program: path,
            arguments,
            dir: &site.dir,
            descriptors: &[
                &channels.nothing,
                &their_out,
                &their_err,
                &channels.admin,
                &channels.log,
            ],
        };
        let (process, walls) = apart::start(stranger)?;
        let output = Output::new(
            pipe::Receiver::from_owned_fd(out)?,
            pipe::Receiver::from_owned_fd(err)?,
            kept,
        );
        Ok(Keeper {
            process,
            walls,
            output,
        })
    };
    start().map_err(Trouble::io(path.display().to_string()))
}
