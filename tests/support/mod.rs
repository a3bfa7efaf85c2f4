//! A lab of a test's own: its own runtime directory, its own results, ended by its pid.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

pub mod page;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes on a loaded machine, and never waited for when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory for one test: runtime directory, working directory, results.
pub struct Place(tempfile::TempDir);

/// A running `resetlab up`.
pub struct Lab<'a> {
    pub place: &'a Place,
    child: Child,
    lines: Receiver<String>,
    /// Lines of stdout so far.
    pub heard: Vec<String>,
}

impl Place {
    pub fn new() -> Place {
        Place(tempfile::Builder::new().prefix("rl").tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn socket(&self, name: &str) -> PathBuf {
        self.path().join("resetlab").join(format!("{name}.sock"))
    }

    #[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_resetlab"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_RUNTIME_DIR", self.path())
            .stdin(Stdio::null());
        // The caller's settings are not the test's; REQUIRE_PEERS is no setting at all.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RESETLAB_")) {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The document a successful command prints.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts a lab and returns when it serves.
    pub fn up(&self, arguments: &[&str]) -> Lab<'_> {
        self.up_in(&[], arguments)
    }

    /// The same with its flags as they are typed.
    pub fn lab(&self, flags: &str) -> Lab<'_> {
        self.up(&flags.split_whitespace().collect::<Vec<_>>())
    }

    /// The same with more in its environment.
    pub fn up_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Lab<'_> {
        let mut command = self.command(&[&["up"], arguments].concat());
        command.envs(environment.iter().copied());
        let mut lab = self.start(command);
        lab.wait_for("it serves", |line| {
            line.starts_with("Ctrl-C ends") || line.contains("resetlab.up.v1")
        });
        lab
    }

    fn start(&self, mut command: Command) -> Lab<'_> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Lab {
            place: self,
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Pids of processes that belong to labs of this place.
    pub fn processes(&self) -> Vec<u32> {
        let mark = self.path().to_str().unwrap().to_owned();
        let proc = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = proc.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&mark)
        };
        pids.filter(ours).collect()
    }
}

impl Lab<'_> {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first line from now on that fits.
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.wait_within(PATIENCE, what, fits)
    }

    /// The same for what may take its time, by chance.
    pub fn wait_within(&mut self, time: Duration, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let give_up = router::clock::now() + time;
        loop {
            let left = give_up.since(router::clock::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("waited for: {what}; heard:\n{}", self.heard.join("\n"));
            };
            self.heard.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    /// All lines of stdout until now.
    pub fn told(&mut self) -> String {
        self.heard.extend(self.lines.try_iter());
        self.heard.join("\n")
    }

    /// All that runs, as `ps` tells.
    pub fn ps(&self) -> Value {
        self.place.json(&["ps"])
    }

    /// Returns when a health check of `router` has ended: predictions need one.
    pub fn wait_for_check(&self, router: &str) {
        let mut follow = self
            .place
            .command(&["events", "-f"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let router = format!(r#""router":"{router}""#);
        let lines = BufReader::new(follow.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let is_check = |line: &String| line.contains(r#""event":"probe""#) && line.contains(&router);
        assert!(lines.into_iter().any(|line| is_check(&line)), "the lab ended");
        follow.kill().unwrap();
        follow.wait().unwrap();
    }

    /// Returns when the last life of `process` that has ended is known to the lab, in its words.
    pub fn reaped(&self, process: &str) -> String {
        let give_up = router::clock::now() + PATIENCE;
        loop {
            let ps = self.ps();
            if let Some(words) = self::process(&ps, process)["last_exit"].as_str() {
                return words.to_owned();
            }
            assert!(router::clock::now() < give_up, "{process} has not ended: {ps}");
        }
    }

    /// Returns when each of these lines was heard since it serves, in whatever order they come: what happens in different
    /// processes becomes known as it likes.
    pub fn wait_for_all(&mut self, wanted: &[(&str, &[&str])]) {
        for (what, words) in wanted {
            let fits = |line: &str| words.iter().all(|words| line.contains(words));
            if !self.heard.iter().any(|line| fits(line)) {
                self.wait_for(what, fits);
            }
        }
    }

    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid() as i32), signal).unwrap();
    }

    /// Ends it in order.
    pub fn down(&mut self) {
        let output = self.place.run(&["down"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(self.exit_code(), Some(0));
    }

    /// The exit code, after its last line.
    pub fn exit_code(&mut self) -> Option<i32> {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.heard.push(line);
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `resetlab words` in `dir`, with the runtime directory there and no settings from outside.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
pub fn resetlab(dir: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resetlab"));
    command
        .args(words.split_whitespace())
        .current_dir(dir)
        .env("XDG_RUNTIME_DIR", dir);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("RESETLAB_")) {
        command.env_remove(name);
    }
    command
}

/// What an experiment that crashes routers prints. A router whose threads have to wait for a processor may withstand the
/// traffic for longer than anybody waits; that is no failure of the experiment, and it is begun again.
pub fn crash_run(mut command: impl FnMut() -> Command) -> Value {
    for _ in 0..5 {
        let output = command().output().unwrap();
        if output.status.success() {
            return serde_json::from_slice(&output.stdout).unwrap();
        }
        let told = stderr(&output);
        assert!(told.contains(" survived "), "{told}");
    }
    panic!("no router has crashed in five runs");
}

/// A shell script as a program. Written by a process of its own: what other tests fork in this one meanwhile would hold it
/// open, and what is open for writing cannot be started.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
pub fn script(path: &Path, script: &str) {
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = install.stdin.take().unwrap();
    std::io::Write::write_all(&mut text, format!("#!/bin/sh\n{script}").as_bytes()).unwrap();
    drop(text);
    assert!(install.wait().unwrap().success());
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One entry of `ps`.
pub fn process<'a>(ps: &'a Value, name: &str) -> &'a Value {
    ps["processes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|process| process["name"] == name)
        .unwrap()
}

/// A handle whose readiness is the end of that process, whoever its parent is.
pub fn watch(pid: u32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid as i32)?, PidfdFlags::empty()).ok()
}

/// Whether all of them end within `time`.
pub fn all_end_within(watched: &[OwnedFd], time: Duration) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let give_up = router::clock::now() + time;
    watched.iter().all(|pidfd| {
        let left = give_up.since(router::clock::now()).as_millis() as u16;
        let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(left)) == Ok(1)
    })
}
