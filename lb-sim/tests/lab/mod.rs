//! lb-sim as a process of its own between routers and a client that live in the test.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod backend;
pub mod client;
pub mod raw;

use router::clock;
use router::record::{Event, Record};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Nothing here takes this long on a loaded machine; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running lb-sim. Its event pipe is its stdout and its lifeline its stdin: it ends with the test.
pub struct Lab {
    child: Child,
    records: Receiver<Record>,
    /// All records read so far.
    pub log: Vec<Record>,
    pub address: SocketAddr,
    control: PathBuf,
    _directory: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the process under test")]
pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lb-sim"))
}

impl Lab {
    /// Starts lb-sim in front of `backends` with `settings` (`interval=1s fall=2 …`) and waits for `ready`.
    pub fn start(backends: &[&backend::Backend], settings: &str) -> Lab {
        let word = |backend: &&backend::Backend| format!("{}={}", backend.name, backend.address);
        Lab::start_with(&backends.iter().map(word).collect::<Vec<_>>(), settings)
    }

    /// The same with backends in the words of `--backend`.
    pub fn start_with(backends: &[String], settings: &str) -> Lab {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("lb.sock");
        let mut command = command();
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--events-fd",
                "1",
                "--lifeline-fd",
                "0",
                "--control",
            ])
            .arg(&control);
        for backend in backends {
            command.arg(format!("--backend={backend}"));
        }
        command.args(settings.split_whitespace().map(|word| format!("--{word}")));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, records) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let record = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
                if send.send(record).is_err() {
                    break;
                }
            }
        });
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut lab = Lab {
            child,
            records,
            log: Vec::new(),
            address,
            control,
            _directory: directory,
        };
        lab.address = lab.wait(|event| match event {
            Event::Ready { addresses, .. } => Some(addresses["http"].parse().unwrap()),
            _ => None,
        });
        lab
    }

    /// The first record from now on that `find` makes something of.
    pub fn wait<T>(&mut self, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        self.wait_at(|record| find(&record.event))
    }

    pub fn wait_at<T>(&mut self, mut find: impl FnMut(&Record) -> Option<T>) -> T {
        let deadline = clock::now() + PATIENCE;
        loop {
            let record = self.records.recv_timeout(deadline.since(clock::now()));
            let record = record.unwrap_or_else(|e| panic!("{e} after {}", self.story()));
            let found = find(&record);
            self.log.push(record);
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn story(&self) -> String {
        let line = |record| serde_json::to_string(record).unwrap() + "\n";
        self.log.iter().map(line).collect()
    }

    /// One command over the control socket, and its answer.
    pub fn control(&self, request: &str) -> serde_json::Value {
        let mut stream = UnixStream::connect(&self.control).unwrap();
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends its lifeline; returns its exit status.
    pub fn end(mut self) -> std::process::ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
