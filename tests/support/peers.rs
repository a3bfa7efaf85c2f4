//! Real load balancers for tests: where they are, and what to do where they are not.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use crate::support::{Lab, Place, stderr};
use lb_sim::core::Settings;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use supervisor::engine::{Engine, Seat, Site, locate};

/// What HAProxy can do, fast.
pub const HAPROXY: &str = "interval=300ms timeout=interval fall=2 schedule=end first-result=decides on-failure=502 \
    answer-refused=503 answer-connect-timeout=503 answer-reused=close";

/// A real load balancer that is here, and what a test has of it.
pub struct Peer {
    engine: Engine,
    path: PathBuf,
    /// Settings that it can have, with a window short enough for a test.
    usual: &'static str,
}

impl Peer {
    /// `None` where it is not, see [`find`].
    pub fn find(engine: Engine, usual: &'static str) -> Option<Peer> {
        let path = find(engine)?;
        Some(Peer { engine, path, usual })
    }

    /// It has nothing to say against what is written for the usual settings with any of `each` instead.
    pub fn takes(&self, each: &[&str]) {
        let place = Place::new();
        let site = site(place.path());
        for more in each {
            let settings: Settings = format!("{} {more}", self.usual).parse().unwrap();
            let text = self.engine.program().unwrap().configuration(&site, &settings);
            let said = judge(self.engine, &self.path, &text.unwrap(), &site);
            assert_eq!(said, None, "{more}");
        }
    }

    /// Nor against what is made of a file of somebody's own.
    pub fn takes_own(&self, own: &str) {
        let place = Place::new();
        let site = site(place.path());
        let adopted = self.engine.program().unwrap().adopt(own, &site).unwrap();
        let said = judge(self.engine, &self.path, &adopted.text, &site);
        assert_eq!(said, None, "{}", adopted.text);
    }

    /// A lab behind it, with its usual settings but for `more`, whose results are in `lab`.
    pub fn lab<'a>(&self, place: &'a Place, more: &str, flags: &str) -> Lab<'a> {
        let settings = settings(self.usual, more).join(" ");
        let engine = self.engine;
        place.lab(&format!("--engine {engine} {settings} --out lab {flags}"))
    }

    /// The same with a file of somebody's own.
    pub fn lab_of<'a>(&self, place: &'a Place, file: &str, flags: &str) -> Lab<'a> {
        let engine = self.engine;
        place.lab(&format!("--engine {engine} --config {file} --out lab {flags}"))
    }
}

/// Says that it is HAProxy, accepts everything, and then does as `run` says.
pub struct Impostor(PathBuf);

impl Impostor {
    pub fn new(place: &Place, version: &str, run: &str) -> Impostor {
        let first = format!(
            "case \"$1\" in\n-v) echo 'HAProxy version {version} 2030/01/01'; exit 0;;\n-c) exit 0;;\nesac"
        );
        Impostor::script(place, &format!("{first}\n{run}\n"))
    }

    /// Whatever is there, or nothing.
    pub fn at(path: &str) -> Impostor {
        Impostor(path.into())
    }

    /// Does nothing but what the script says. Written by a process of its own: what other tests fork in this one
    /// meanwhile would hold it open, and what is open for writing cannot be started.
    #[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
    pub fn script(place: &Place, script: &str) -> Impostor {
        let path = place.path().join("haproxy");
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = install.stdin.take().unwrap();
        write!(text, "#!/bin/sh\n{script}").unwrap();
        drop(text);
        assert!(install.wait().unwrap().success());
        Impostor(path)
    }

    /// A command of a user's who has no other HAProxy.
    pub fn command(&self, place: &Place, words: &str) -> Command {
        let mut command = place.command(&words.split_whitespace().collect::<Vec<_>>());
        command.env("RESETLAB_HAPROXY", &self.0);
        command
    }

    /// What such a command ends with, and says.
    pub fn run(&self, place: &Place, words: &str) -> (Option<i32>, String) {
        let output = self.command(place, words).output().unwrap();
        (output.status.code(), stderr(&output))
    }
}

/// What a lab that began with [`Peer::lab`] has recorded.
pub struct Story(Vec<Value>);

impl Story {
    pub fn of(place: &Place) -> Story {
        let text = std::fs::read_to_string(place.path().join("lab/events.ndjson")).unwrap();
        let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Story(records.collect())
    }

    /// The same until the router, which died, has served again: what is told while everything ends is another story.
    pub fn of_death(place: &Place, router: &str) -> Story {
        let Story(mut records) = Story::of(place);
        let back = |record: &&Value| record["event"] == "readmitted" && record["router"] == router;
        let back = stamp(records.iter().find(back).unwrap());
        records.retain(|record| record["t_ns"].is_null() || stamp(record) <= back);
        Story(records)
    }

    /// What the balancer told.
    pub fn balancer(&self, event: &str) -> Vec<&Value> {
        let told = |record: &&Value| record["event"] == event && record["from"] == "lb";
        self.0.iter().filter(told).collect()
    }

    /// When the router died, for the first time.
    pub fn death(&self, router: &str) -> u64 {
        let died = |record: &&Value| record["event"] == "death" && record["router"] == router;
        stamp(self.0.iter().find(died).unwrap())
    }

    /// What was believed of the router from its death on.
    pub fn beliefs(&self, router: &str) -> Vec<&Value> {
        let death = self.death(router);
        let mut beliefs = self.balancer("belief");
        // Envoy stamps with whole milliseconds.
        beliefs.retain(|told| told["router"] == router && stamp(told) + 1_000_000 > death);
        beliefs
    }

    /// Failed attempts at the router.
    pub fn attempts(&self, router: &str) -> Vec<&Value> {
        let mut attempts = self.balancer("attempt");
        attempts.retain(|told| told["router"] == router);
        attempts
    }
}

/// When a record says that it was.
pub fn stamp(record: &Value) -> u64 {
    record["t_ns"].as_u64().unwrap()
}

/// When the attempt was started.
pub fn started(attempt: &Value) -> u64 {
    attempt["started_ns"].as_u64().unwrap()
}

/// Where each of the beliefs went.
pub fn states<'a>(beliefs: &[&'a Value]) -> Vec<&'a str> {
    beliefs.iter().map(|told| told["to"].as_str().unwrap()).collect()
}

/// What an `up` that does not come up ends with, and says.
pub fn refused(place: &Place, flags: &str) -> (Option<i32>, String) {
    let output = place.run(&[&["up"][..], &flags.split_whitespace().collect::<Vec<_>>()].concat());
    (output.status.code(), stderr(&output))
}

/// The program of a real load balancer. `None`: the test is skipped, with the reason on its output; where
/// `REQUIRE_PEERS=1` it fails instead.
pub fn find(engine: Engine) -> Option<PathBuf> {
    let program = engine.program()?;
    // Labs of tests do not hear of the caller's RESETLAB_ variables, see `Place::command`.
    let environment = |name: &str| std::env::var_os(name).filter(|_| !name.starts_with("RESETLAB_"));
    match locate::find(program, environment) {
        Ok(path) => Some(path),
        Err(missing) => {
            let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "REQUIRE_PEERS=1, but {missing}");
            println!("skipped: {missing}");
            None
        }
    }
}

/// Three routers that nobody runs.
pub fn site(dir: &Path) -> Site {
    let seat = |n: u8| Seat {
        name: format!("router-{n}"),
        traffic: ([127, 47, 1, n], 8081).into(),
        health: ([127, 47, 1, n], 8080).into(),
    };
    Site {
        listen: ([127, 47, 0, 2], 8000).into(),
        routers: (1..=3).map(seat).collect(),
        dir: dir.to_owned(),
        sockets: dir.to_owned(),
        own: None,
    }
}

/// What the program says to a configuration; `None`: nothing against it. Its named pipe must be there and open.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
pub fn judge(engine: Engine, path: &Path, text: &str, site: &Site) -> Option<String> {
    let program = engine.program().unwrap();
    std::fs::write(site.dir.join(program.file()), text).unwrap();
    if !site.log().exists() {
        nix::unistd::mkfifo(&site.log(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    // For reading and writing: whoever opens it to write finds a reader.
    let open = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(site.log());
    let output = Command::new(path)
        .args(program.check(site))
        .current_dir(&site.dir)
        .output()
        .unwrap();
    drop(open);
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// The processes that it forked.
pub fn children(pid: u32) -> Vec<u32> {
    let proc = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = proc.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: &u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent`; the name may have blanks.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    pids.filter(|each| parent(each) == Some(pid)).collect()
}

/// `key=value` words as flags; what `more` says instead counts.
pub fn settings(usual: &str, more: &str) -> Vec<String> {
    let pairs = |words: &str| -> std::collections::BTreeMap<String, String> {
        let pairs = words.split_whitespace().map(|word| word.split_once('=').unwrap());
        pairs
            .map(|(key, word)| (key.to_owned(), word.to_owned()))
            .collect()
    };
    let mut words = pairs(usual);
    words.extend(pairs(more));
    words
        .into_iter()
        .flat_map(|(key, word)| [format!("--{key}"), word])
        .collect()
}
