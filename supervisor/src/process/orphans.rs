//! Descendants whose parent died become children of the supervisor (it is a subreaper); somebody must reap them.

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};

/// Reaps processes that nobody else waits for. `ours` says which pids have a watcher of their own: those are left
/// alone, and what is behind them in the kernel's queue is found at the next call.
pub fn reap(ours: impl Fn(u32) -> bool) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Some(pid) = waitid(Id::All, peek).ok().and_then(|status| status.pid()) {
        if ours(pid.as_raw() as u32) || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}
