//! Births, signals and deaths of child processes. The only place where a process is started.
//!
//! A child dies with its supervisor in three ways, each enough by itself: the lifeline pipe reports end-of-file,
//! the kernel sends it SIGKILL when the thread that started it ends (the child asks for that as its first act), and
//! `down` takes what is left, descendants included. Therefore [`Nursery::spawn`] must run on a thread that lives as
//! long as the supervisor: its main thread.

pub mod alarm;
pub mod apart;
mod birth;
pub mod control;
pub mod exit;
mod handed;
pub mod orphans;
mod printed;
pub mod restart;
mod watch;

pub use exit::Exit;
pub use handed::Handed;
pub use printed::printed;
pub use watch::{ChildEvent, Entry, News, watch};

use birth::Descriptors;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::prctl;
use nix::unistd::pipe2;
use router::clock::{self, Timestamp};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

/// Where children come from: owns the lifeline.
pub struct Nursery {
    lifeline: OwnedFd,
    /// What children read.
    nothing: OwnedFd,
    /// Closing it, by dropping the nursery or by dying, tells every child that its supervisor is gone.
    _held: OwnedFd,
    program: PathBuf,
}

/// What a child is born with.
pub struct Birth<'a> {
    /// Name in logs and records, for example `router-2`.
    pub name: &'a str,
    /// The hidden role and its arguments; lifeline and event pipe are added by [`Nursery::spawn`].
    pub arguments: Vec<OsString>,
    /// Where `NAME.stdout.log` and `NAME.stderr.log` are appended to.
    pub logs: &'a Path,
    /// Size of the event pipe's buffer in bytes; what the kernel refuses stays at its default.
    pub pipe_bytes: i32,
}

/// A process just started.
pub struct Child {
    pub process: Arc<Process>,
    events: pipe::Receiver,
    stderr: PathBuf,
    /// Where this incarnation's part of the stderr log starts.
    stderr_from: u64,
}

/// A process that can be signalled and waited for without ever hitting a reused pid.
pub struct Process {
    pub pid: u32,
    pub started: Timestamp,
    pidfd: AsyncFd<OwnedFd>,
}

const LIFELINE_FD: i32 = 3;
const EVENTS_FD: i32 = 4;

impl Nursery {
    /// Children are this very executable, started again, unless another `program` is given. Orphans of children
    /// become ours (see [`orphans`]).
    pub fn new(program: Option<PathBuf>) -> io::Result<Nursery> {
        prctl::set_child_subreaper(true)?;
        let (lifeline, held) = pipe2(OFlag::O_CLOEXEC)?;
        // Not the path: the file may be replaced by a build while the lab runs, and versions must not differ.
        Ok(Nursery {
            lifeline,
            nothing: File::open("/dev/null")?.into(),
            _held: held,
            program: program.unwrap_or_else(|| PathBuf::from("/proc/self/exe")),
        })
    }

    pub fn spawn(&self, birth: Birth<'_>) -> io::Result<Child> {
        let (events, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        let _ = fcntl(&events, FcntlArg::F_SETPIPE_SZ(birth.pipe_bytes));
        let stdout = append(&birth.logs.join(format!("{}.stdout.log", birth.name)))?;
        let stderr_path = birth.logs.join(format!("{}.stderr.log", birth.name));
        let stderr = append(&stderr_path)?;
        let stderr_from = stderr.metadata()?.len();
        let mut arguments = birth.arguments;
        for (flag, value) in [("--lifeline-fd", LIFELINE_FD), ("--events-fd", EVENTS_FD)] {
            arguments.extend([flag.into(), value.to_string().into()]);
        }
        arguments.extend(["--name".into(), birth.name.into()]);

        let started = clock::now();
        let (stdout, stderr) = (stdout.into(), stderr.into());
        let by_number = Descriptors(&[&self.nothing, &stdout, &stderr, &self.lifeline, &theirs]);
        let pid = birth::start(&self.program, arguments, &by_number)?;
        Ok(Child {
            process: Arc::new(Process::of(pid, started)?),
            events: pipe::Receiver::from_owned_fd(events)?,
            stderr: stderr_path,
            stderr_from,
        })
    }
}

impl Process {
    /// A child just started, which nobody has reaped.
    #[expect(unsafe_code, reason = "AsyncFd wants a descriptor that stays open")]
    fn of(pid: u32, started: Timestamp) -> io::Result<Process> {
        let number = Pid::from_raw(pid as i32).expect("a started process has a pid above 0");
        let pidfd = pidfd_open(number, PidfdFlags::NONBLOCK)?;
        // SAFETY: an OwnedFd is one open descriptor until it is dropped, and the AsyncFd owns it.
        let pidfd = unsafe { AsyncFd::register(pidfd) }?;
        Ok(Process { pid, started, pidfd })
    }

    /// Sends a signal through the pidfd; an error means that the process is gone.
    pub fn signal(&self, signal: rustix::process::Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(self.pidfd.get_ref(), signal)?)
    }

    /// Waits for the end and reaps: `(exit code, signal)`, one of them set, and when it was reaped.
    pub async fn wait(&self) -> io::Result<(Option<i32>, Option<i32>, Timestamp)> {
        loop {
            let mut ready = self.pidfd.readable().await?;
            match waitid(WaitId::PidFd(self.pidfd.get_ref().as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => {
                    return Ok((status.exit_status(), status.terminating_signal(), clock::now()));
                }
                Ok(None) | Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}
