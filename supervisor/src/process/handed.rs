//! A program that somebody asked for and that is nobody's child: a browser outlives the lab that showed its page.
//!
//! Orphans of the lab's children become the lab's own and end with it (see [`super::orphans`]). So this one is made an
//! orphan before the lab is there to adopt any, and waits for the word that it may begin.

use super::birth::{self, Descriptors};
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A program that waits to begin; dropped, it never does.
pub struct Handed(OwnedFd);

/// Descriptor 3 says when; the end-of-file says never. What the program prints, nobody reads.
const SCRIPT: &str = r#"(read go <&3 && exec "$0" "$@" 3<&-) >/dev/null 2>&1 </dev/null &"#;

impl Handed {
    /// Call it before there is a [`Nursery`](super::Nursery).
    pub fn over(program: &Path, arguments: Vec<OsString>) -> io::Result<Handed> {
        let (told, go) = pipe2(OFlag::O_CLOEXEC)?;
        let nothing: OwnedFd = File::open("/dev/null")?.into();
        let words = ["-c".into(), SCRIPT.into(), program.into()];
        let words: Vec<OsString> = words.into_iter().chain(arguments).collect();
        let fds = Descriptors(&[&nothing, &nothing, &nothing, &told]);
        let shell = birth::start(Path::new("/bin/sh"), words, &fds)?;
        // It ends as soon as it has started the other one, which has no parent of ours then.
        while waitpid(Pid::from_raw(shell as i32), None) == Err(nix::Error::EINTR) {}
        Ok(Handed(go))
    }

    /// It begins.
    pub fn begin(self) {
        // One that somebody has ended meanwhile is no loss.
        let _ = File::from(self.0).write_all(b"go\n");
    }
}
