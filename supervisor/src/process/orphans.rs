//! Descendants whose parent died become children of the supervisor (it is a subreaper); somebody must reap them, and
//! end those that outlive the lab, whatever session they went to.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// What becomes of orphans that still run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// Their lab lives on, and so may they.
    Spare,
    Kill,
}

/// Reaps the ended processes that nobody else waits for and tells how many are left. `ours` says which pids have a
/// watcher of their own.
///
/// A killed orphan's own children are adopted in turn: whoever wants all of them gone calls again at the next SIGCHLD.
pub fn sweep(running: Orphans, ours: impl Fn(u32) -> bool) -> usize {
    let mut left = 0;
    for pid in children().into_iter().filter(|pid| !ours(*pid)) {
        let pid = Pid::from_raw(pid as i32);
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => left += 1,
            _ => continue, // reaped
        }
        if running == Orphans::Kill
            && let Some(pid) = rustix::process::Pid::from_raw(pid.as_raw())
            && let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty())
        {
            // It is our child and only we reap it: the pid is nobody else's.
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }
    left
}

/// Pids of our direct children, ended ones that were not reaped included.
fn children() -> Vec<u32> {
    let mut pids = Vec::new();
    let mut told = false;
    for thread in std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
    {
        if let Ok(list) = std::fs::read_to_string(thread.path().join("children")) {
            told = true;
            pids.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    // A kernel without CONFIG_PROC_CHILDREN.
    if told { pids } else { children_by_stat() }
}

fn children_by_stat() -> Vec<u32> {
    let us = std::process::id();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(us)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; state and parent follow the last bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_find_children_agree() {
        #[expect(clippy::disallowed_methods, reason = "a child to be found")]
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let found = |pids: Vec<u32>| pids.contains(&child.id());
        // The kernel's list may leave out one of those behind a child of another test that ends in the middle of it.
        let listed = std::iter::repeat_with(children).take(100).any(found);
        assert!(listed && found(children_by_stat()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
