//! Descendants whose parent died become children of the supervisor (it is a subreaper); somebody must reap them.

use rustix::process::{WaitId, WaitIdOptions, waitid};

/// Reaps processes that nobody else waits for. `ours` says which pids have a watcher of their own: those are left
/// alone, and what is behind them in the kernel's queue is found at the next call.
pub fn reap(ours: impl Fn(u32) -> bool) {
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while let Ok(Some(status)) = waitid(WaitId::All, peek) {
        let Some(pid) = status_pid(&status) else { return };
        if ours(pid.as_raw_nonzero().get() as u32) {
            return;
        }
        if waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).is_err() {
            return;
        }
    }
}
