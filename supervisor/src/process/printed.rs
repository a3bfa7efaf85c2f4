//! What a program prints and ends: its version.

use super::apart;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use router::clock;
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// What is longer is no version.
const MOST: usize = 1 << 16;

/// Runs `program` and returns what it printed to stdout and stderr until it closed them. After `patience` it is ended,
/// and what it printed by then is all.
pub fn printed(program: &Path, arguments: &[&str], patience: Duration) -> io::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    let nothing = File::open("/dev/null")?;
    let (nothing, writer) = (nothing.into(), writer.into());
    let pid = apart::start_briefly(program, arguments, &[&nothing, &writer, &writer])?;
    drop(writer);
    let said = read(&mut reader, patience);
    // One that has ended by itself is only waited for; what it has forked ends with it.
    let pid = Pid::from_raw(pid as i32);
    let _ = kill(pid, Signal::SIGKILL);
    while waitpid(pid, None) == Err(nix::Error::EINTR) {}
    Ok(String::from_utf8_lossy(&said?).into_owned())
}

fn read(reader: &mut PipeReader, patience: Duration) -> io::Result<Vec<u8>> {
    let deadline = clock::now() + patience;
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    while said.len() < MOST {
        let left = deadline.since(clock::now()).as_millis();
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], left) {
            Ok(0) => break,
            Err(nix::Error::EINTR) => continue,
            Err(_) | Ok(_) => {}
        }
        match reader.read(&mut part)? {
            0 => break,
            n => said.extend_from_slice(&part[..n]),
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_read_and_one_that_never_ends_is_ended() {
        let shell = Path::new("/bin/sh");
        let said = |line: &str, patience| printed(shell, &["-c", line], patience).unwrap();
        assert_eq!(said("echo 1; echo 2 >&2", Duration::from_secs(30)), "1\n2\n");
        assert_eq!(said("exec sleep 1000", Duration::from_millis(20)), "");
        assert_eq!(
            said("sleep 1000 & echo forked", Duration::from_secs(3)),
            "forked\n"
        );
        let none = printed(Path::new("/nowhere/program"), &[], Duration::from_secs(30));
        assert_eq!(none.unwrap(), "");
    }
}
