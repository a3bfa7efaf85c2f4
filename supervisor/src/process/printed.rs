//! What a program prints and ends: its version.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use router::clock;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What is longer is no version.
const MOST: usize = 1 << 16;

/// Runs `program` and returns what it printed to stdout and stderr until it closed them. After `patience` it is ended,
/// and what it printed by then is all.
pub fn printed(program: &Path, arguments: &[&str], patience: Duration) -> io::Result<String> {
    let (mut reader, writer) = io::pipe()?;
    #[expect(clippy::disallowed_methods, reason = "a child that is waited for")]
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
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
    // One that has ended by itself is only waited for.
    let _ = child.kill();
    child.wait()?;
    Ok(String::from_utf8_lossy(&said).into_owned())
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
        assert!(printed(Path::new("/nowhere/program"), &[], Duration::ZERO).is_err());
    }
}
