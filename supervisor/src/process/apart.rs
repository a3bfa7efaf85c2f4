//! How a program that is not ours is started: in a process-id namespace of its own where that is allowed, so that the
//! kernel ends whatever it forks at the moment it ends itself, even when all of us got SIGKILL at once.
//!
//! The child is this executable in the role `__become`: it asks the kernel for SIGKILL at its parent's end, waits for
//! the word that it may go on (an end-of-file instead: the parent is gone already), and becomes the program.

use super::Process;
use super::birth::{above, environment};
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::Signal;
use nix::unistd::pipe2;
use router::clock;
use std::ffi::{CStr, CString, OsString};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// This executable.
const SELF: &CStr = c"/proc/self/exe";

/// What a program is started as.
pub struct Stranger<'a> {
    pub program: &'a Path,
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub dir: &'a Path,
    /// Its descriptors from 0 on.
    pub descriptors: &'a [&'a OwnedFd],
}

/// What keeps its descendants from outliving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walls {
    /// A process-id namespace, of which it is the init.
    Processes,
    /// The same inside a user namespace, as others than root need.
    UserAndProcesses,
    /// Nothing but their parent: the machine allows no namespaces.
    None,
}

/// Starts it. Call it on a thread that lives as long as this process: the child dies with the thread.
pub fn start(stranger: Stranger<'_>) -> io::Result<(Process, Walls)> {
    behind_walls(|walls| start_behind(&stranger, walls))
}

/// Starts `program` for a moment, without anything of its own but descriptors, and returns its pid: whoever called waits
/// for it and ends it. It asks nobody, so that it can be started where [`start`] has no runtime to wait with.
pub(super) fn start_briefly(program: &Path, arguments: &[&str], fds: &[&OwnedFd]) -> io::Result<u32> {
    let path = CString::new(program.as_os_str().as_encoded_bytes())?;
    let words = arguments.iter().map(|word| CString::new(*word));
    let words: Vec<CString> = std::iter::once(Ok(path.clone()))
        .chain(words)
        .collect::<Result<_, _>>()?;
    let environment = environment()?;
    let moves = Moves::new(fds.iter().copied())?;
    let (argv, envp) = (pointers(&words), pointers(&environment));
    let pid = behind_walls(|walls| fork(walls.flags(), &moves.numbers(), &path, &argv, &envp));
    pid.map(|(pid, _)| pid)
}

fn behind_walls<T>(start: impl Fn(Walls) -> io::Result<T>) -> io::Result<(T, Walls)> {
    let walls = match nix::unistd::geteuid().is_root() {
        true => Walls::Processes,
        false => Walls::UserAndProcesses,
    };
    match start(walls) {
        Ok(started) => Ok((started, walls)),
        Err(_) => start(Walls::None).map(|started| (started, Walls::None)),
    }
}

impl Walls {
    fn flags(self) -> CloneFlags {
        match self {
            Walls::Processes => CloneFlags::CLONE_NEWPID,
            Walls::UserAndProcesses => CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWUSER,
            Walls::None => CloneFlags::empty(),
        }
    }
}

/// Descriptors, out of the way of the numbers that are given out.
struct Moves(Vec<OwnedFd>);

impl Moves {
    fn new<'a>(fds: impl Iterator<Item = &'a OwnedFd>) -> io::Result<Moves> {
        Ok(Moves(fds.map(above).collect::<Result<_, _>>()?))
    }

    /// Each, and the number that the child knows it by.
    fn numbers(&self) -> Vec<(RawFd, RawFd)> {
        (0..)
            .zip(&self.0)
            .map(|(number, fd)| (fd.as_raw_fd(), number))
            .collect()
    }
}

fn pointers(all: &[CString]) -> Vec<*const nix::libc::c_char> {
    let each = all.iter().map(|word| word.as_ptr());
    each.chain([std::ptr::null()]).collect()
}

fn start_behind(stranger: &Stranger<'_>, walls: Walls) -> io::Result<Process> {
    let (told, go) = pipe2(OFlag::O_CLOEXEC)?;
    let word = stranger.descriptors.len() as RawFd;
    let mut words: Vec<OsString> = vec!["resetlab".into(), "__become".into(), word.to_string().into()];
    words.extend([stranger.dir.into(), stranger.program.into()]);
    words.extend(stranger.arguments.iter().cloned());
    let words = words.into_iter().map(|word| CString::new(word.into_vec()));
    let words: Vec<CString> = words.collect::<Result<_, _>>()?;
    let environment = environment()?;
    let moves = Moves::new(stranger.descriptors.iter().copied().chain([&told]))?;
    let (argv, envp) = (pointers(&words), pointers(&environment));
    let pid = fork(walls.flags(), &moves.numbers(), SELF, &argv, &envp)?;
    let process = Process::of(pid, clock::now())?;
    if walls == Walls::UserAndProcesses
        && let Err(e) = map_user(pid)
    {
        return Err(e); // dropping `go` ends the child before it has become anything
    }
    // A child that is gone already is found by whoever waits for it.
    let _ = std::fs::File::from(go).write_all(b"g");
    Ok(process)
}

/// The child of a process with threads may call nothing but what a signal handler may: it moves descriptors and executes.
#[expect(unsafe_code, reason = "only clone makes a child in a namespace of its own")]
fn fork(
    flags: CloneFlags,
    moves: &[(RawFd, RawFd)],
    path: &CStr,
    argv: &[*const nix::libc::c_char],
    envp: &[*const nix::libc::c_char],
) -> io::Result<u32> {
    let mut stack = vec![0; 64 << 10];
    let child = Box::new(|| {
        // SAFETY: system calls only, on memory that this child has a copy of; both lists end with a null pointer.
        unsafe {
            nix::libc::setsid();
            nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGKILL);
            nix::libc::signal(nix::libc::SIGPIPE, nix::libc::SIG_DFL);
            for (fd, number) in moves {
                if nix::libc::dup2(*fd, *number) < 0 {
                    return 126;
                }
            }
            nix::libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr());
        }
        127
    });
    // SAFETY: without CLONE_VM the child has memory of its own, and the stack outlives the call.
    let pid = unsafe { clone(child, &mut stack, flags, Some(Signal::SIGCHLD as i32)) }?;
    Ok(pid.as_raw() as u32)
}

/// Nobody but us, as ourselves.
fn map_user(pid: u32) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    std::fs::write(format!("/proc/{pid}/uid_map"), format!("{uid} {uid} 1\n"))?;
    std::fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    std::fs::write(format!("/proc/{pid}/gid_map"), format!("{gid} {gid} 1\n"))
}

/// The role `__become WORD DIR PROGRAM ARGUMENT…`; returns only if it could not be done.
#[expect(unsafe_code, reason = "a descriptor given by number becomes owned here, once")]
pub fn become_it(arguments: &[OsString]) -> io::Error {
    use std::io::Read;
    use std::os::fd::FromRawFd;
    use std::os::unix::process::CommandExt;
    let bad = || io::Error::other("__become is for the guard of a load balancer");
    let [word, dir, program, rest @ ..] = arguments else {
        return bad();
    };
    let Some(word) = word.to_str().and_then(|word| word.parse::<RawFd>().ok()) else {
        return bad();
    };
    if let Err(e) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
        return e.into();
    }
    // SAFETY: the guard passed this descriptor to us and nobody else in this process knows it.
    let mut told = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(word) });
    // A parent that died before the line above sends no signal any more: its end of the pipe is closed instead.
    if !matches!(told.read(&mut [0]), Ok(1)) {
        router::worker::exit_at_once(0);
    }
    drop(told);
    if let Err(e) = std::env::set_current_dir(dir) {
        return e;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this process becomes it: no other is born"
    )]
    std::process::Command::new(program).args(rest).exec()
}
