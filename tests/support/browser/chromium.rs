//! The process: found, started with the pipe, and ended with all of its own and its profile.

use super::wire::Wire;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// It finds nobody outside of this machine, keeps nothing, and asks nothing.
const FLAGS: [&str; 17] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// Why there is none, in words.
#[derive(Debug)]
pub struct NoBrowser(String);

pub struct Chromium {
    child: Child,
    // Removed when the process is gone.
    profile: tempfile::TempDir,
}

impl Chromium {
    #[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
    pub fn start(flags: &[&str]) -> Result<(Chromium, Wire), NoBrowser> {
        let program = find().ok_or_else(|| {
            NoBrowser(format!(
                "there is no browser: none of {} is on the path; on Debian: apt-get install chromium",
                NAMES.join(", ")
            ))
        })?;
        let profile = tempfile::Builder::new().prefix("rl-browser").tempdir();
        let profile = profile.map_err(|error| NoBrowser(format!("no directory for a profile: {error}")))?;
        let log = profile.path().join("stderr.log");
        let stderr = File::create(&log).map_err(|error| NoBrowser(format!("{}: {error}", log.display())))?;
        // The browser reads fd 3 and writes fd 4; the shell moves its pipes there and becomes the browser.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(&program)
            .args(FLAGS)
            .args(flags)
            .arg(format!(
                "--user-data-dir={}",
                profile.path().join("profile").display()
            ))
            // What it writes beside its profile (caches, sockets) goes along with it.
            .envs(["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"].map(|name| (name, profile.path())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(|error| NoBrowser(format!("{} does not start: {error}", program.display())))?;
        let (to, from) = child.stdin.take().zip(child.stdout.take()).unwrap();
        let wire = Wire::new(to, from, log);
        let chromium = Chromium { child, profile };
        match wire.try_ask(None, "Browser.getVersion", serde_json::json!({})) {
            Ok(_) => Ok((chromium, wire)),
            Err(error) => Err(NoBrowser(format!("{}: {error}", program.display()))),
        }
    }
}

impl Chromium {
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// All that belongs to it: none of its processes leaves its group.
    pub fn processes(&self) -> Vec<u32> {
        let proc = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = proc.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| group(*pid) == Some(self.child.id())).collect()
    }
}

impl Drop for Chromium {
    /// Returns when nothing of it runs any more: what still ran could write into the profile while that is removed.
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        // Looked for only now: nothing is forked by what has been killed.
        let watched: Vec<_> = self.processes().into_iter().filter_map(watch).collect();
        let _ = self.child.wait();
        for pidfd in watched {
            let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::from(10_000u16));
        }
    }
}

/// A handle whose readiness is the end of that process.
fn watch(pid: u32) -> Option<OwnedFd> {
    pidfd_open(rustix::process::Pid::from_raw(pid as i32)?, PidfdFlags::empty()).ok()
}

/// The process group that it is in.
fn group(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent group`; the name may have blanks.
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

impl std::fmt::Display for NoBrowser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let in_dirs = |name: &&str| {
        dirs.iter()
            .map(|dir| dir.join(name))
            .find(|file| is_program(file))
    };
    NAMES.iter().find_map(in_dirs)
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
