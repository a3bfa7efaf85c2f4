//! How a child is started: `posix_spawn`, which shares the parent's memory until the child runs its own program.
//! A fork would copy the supervisor's page tables, fifty times at the start of a lab.

use nix::fcntl::{FcntlArg, fcntl};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Standard input and what follows, by the number that the child knows them by.
pub(super) struct Descriptors<'a>(pub &'a [&'a OwnedFd]);

/// Starts `program` in a session of its own, so that Ctrl-C in the terminal is for the supervisor, and returns its pid.
/// It inherits the environment but for `RESETLAB_*`: a child's settings come by its command line only.
pub(super) fn start(program: &Path, arguments: Vec<OsString>, fds: &Descriptors<'_>) -> io::Result<u32> {
    let mut actions = PosixSpawnFileActions::init()?;
    let mut held = Vec::new();
    for (number, fd) in (0..).zip(fds.0) {
        // Out of the way of the numbers that are given out.
        let copy = above(fd)?;
        actions.add_dup2(copy.as_raw_fd(), number)?;
        held.push(copy);
    }
    let mut attributes = PosixSpawnAttr::init()?;
    let own_session = PosixSpawnFlags::from_bits_retain(nix::libc::POSIX_SPAWN_SETSID.into());
    attributes.set_flags(
        own_session | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    let mut default = SigSet::empty();
    default.add(Signal::SIGPIPE);
    attributes.set_sigdefault(&default)?;
    attributes.set_sigmask(&SigSet::empty())?;

    let words: Vec<CString> = std::iter::once("resetlab".into())
        .chain(arguments)
        .map(|word: OsString| CString::new(word.into_vec()))
        .collect::<Result<_, _>>()?;
    let environment = environment()?;
    let pid = posix_spawn(program, &actions, &attributes, &words, &environment)?;
    Ok(pid.as_raw() as u32)
}

/// Ours but for `RESETLAB_*`.
pub(super) fn environment() -> io::Result<Vec<CString>> {
    let ours = std::env::vars_os().filter(|(key, _)| !key.as_bytes().starts_with(b"RESETLAB_"));
    let each = ours.map(|(key, value)| CString::new([key.as_bytes(), b"=", value.as_bytes()].concat()));
    Ok(each.collect::<Result<_, _>>()?)
}

#[expect(unsafe_code, reason = "fcntl returns a descriptor as a number")]
pub(super) fn above(fd: &OwnedFd) -> io::Result<OwnedFd> {
    const FIRST: i32 = 10;
    let copy = fcntl(fd.as_fd(), FcntlArg::F_DUPFD_CLOEXEC(FIRST))?;
    // SAFETY: the descriptor was made by the line above and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
