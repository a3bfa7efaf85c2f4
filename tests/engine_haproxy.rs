//! A real HAProxy in lb-sim's place: it does what the settings say, its records are the balancer's, and nothing of it is
//! left, whoever dies.

#![allow(clippy::unwrap_used, reason = "only tests use it")]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::{Lab, Place, all_end_within, process, stderr, watch};

/// HAProxy's own ways, and a window short enough for a test.
const HAPROXY: [&str; 22] = [
    "--engine",
    "haproxy",
    "--interval",
    "300ms",
    "--timeout",
    "interval",
    "--fall",
    "2",
    "--schedule",
    "end",
    "--first-result",
    "decides",
    "--on-failure",
    "502",
    "--answer-refused",
    "503",
    "--answer-connect-timeout",
    "503",
    "--answer-reused",
    "close",
    "--routers",
    "3",
];

/// Whether HAProxy is here. On a user's machine its tests are skipped without it; with REQUIRE_PEERS=1 they fail.
fn haproxy() -> bool {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = std::env::split_paths(&dirs).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let here = dirs.any(|dir| dir.join("haproxy").exists());
    let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(
        here || !required,
        "REQUIRE_PEERS=1, but no haproxy: apt-get install haproxy"
    );
    if !here {
        println!("skipped: no haproxy: apt-get install haproxy");
    }
    here
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    HAPROXY.iter().chain(more).copied().collect()
}

/// The guard and the HAProxy that it has started.
fn pids(lab: &Lab<'_>) -> (u32, u32) {
    let guard = process(&lab.ps(), "lb")["pid"].as_u64().unwrap() as u32;
    let children = std::fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).unwrap();
    let haproxy = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
    let haproxy: Vec<u32> = haproxy.collect();
    assert_eq!(haproxy.len(), 1, "{children}");
    let name = std::fs::read_to_string(format!("/proc/{}/comm", haproxy[0])).unwrap();
    assert_eq!(name.trim(), "haproxy");
    (guard, haproxy[0])
}

/// Returns when a check of the router has passed: one that fails first decides by itself. A second one that comes says
/// that the first is over.
fn checked(place: &Place, router: &str) {
    let mut follow = place
        .command(&["events", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let from = format!(r#""from":"{router}""#);
    let lines = BufReader::new(follow.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let seen = lines.filter(|line| line.contains(r#""event":"check_seen""#) && line.contains(&from));
    assert_eq!(seen.take(2).count(), 2, "the lab ended");
    follow.kill().unwrap();
    follow.wait().unwrap();
}

fn sigkill(pid: u32) {
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
}

fn address(lab: &Lab<'_>) -> std::net::SocketAddr {
    let ps = lab.ps();
    let at = &process(&ps, "lb")["addresses"]["http"];
    at.as_str().unwrap().parse().unwrap()
}

fn events(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("events.ndjson")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_death_behind_haproxy_is_told_as_lb_sim_tells_it() {
    if !haproxy() {
        return;
    }
    let place = Place::new();
    let mut lab = place.up(&with(&[
        "--rate",
        "100",
        "--restart-delay",
        "2s",
        "--out",
        "results",
    ]));
    let ps = lab.ps();
    let version = ps["lab"]["engine_version"].as_str().unwrap();
    assert_eq!(ps["lab"]["engine"], "haproxy");
    let engine = format!("engine    haproxy {version}");
    assert!(
        lab.heard.iter().any(|line| line.trim() == engine),
        "{:?}",
        lab.heard
    );
    checked(&place, "router-2");
    place.json(&["kill", "router-2"]);
    lab.wait_for("the belief", |line| line.contains("router-2 DOWN: t_detect"));
    lab.wait_for("the return", |line| line.contains("router-2 UP: first request"));

    let refused = place.run(&["set", "interval=1s"]);
    assert_eq!(refused.status.code(), Some(2));
    let why = stderr(&refused);
    assert!(
        why.contains("interval cannot change now: a running haproxy takes its settings at its start"),
        "{why}"
    );
    assert!(
        place
            .run(&["set", "rate=50", "restart-delay=1s"])
            .status
            .success()
    );
    let refused = place.run(&["scale", "4"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("takes its routers at its start"),
        "{}",
        stderr(&refused)
    );

    let (listen, (_, haproxy)) = (address(&lab), pids(&lab));
    let watched: Vec<OwnedFd> = watch(haproxy).into_iter().collect();
    assert!(place.run(&["down"]).status.success());
    assert_eq!(lab.exit_code(), Some(0));
    assert!(
        all_end_within(&watched, Duration::ZERO),
        "`down` returns when nothing is left"
    );
    std::net::TcpListener::bind(listen).unwrap();

    let told = events(&place.path().join("results"));
    let of = |event: &str| -> Vec<&Value> {
        let lb = told
            .iter()
            .filter(|told| told["from"] == "lb" && told["event"] == event);
        lb.collect()
    };
    let engine = of("engine");
    assert_eq!(engine[0]["engine"], "haproxy");
    assert_eq!(
        (&engine[0]["belief"], &engine[0]["attempts"]),
        (&true.into(), &true.into())
    );
    assert_eq!(of("settings")[0]["settings"]["interval"], "300ms");
    // What is believed of the others while everything ends is another story.
    let beliefs: Vec<&str> = of("belief")
        .iter()
        .filter(|told| told["router"] == "router-2")
        .map(|told| told["to"].as_str().unwrap())
        .take(4)
        .collect();
    assert_eq!(beliefs, ["going_down", "down", "going_up", "up"]);
    let death = told.iter().find(|told| told["event"] == "death").unwrap()["t_ns"]
        .as_u64()
        .unwrap();
    let attempts: Vec<&Value> = of("attempt")
        .into_iter()
        .filter(|told| told["router"] == "router-2")
        .collect();
    assert!(
        attempts.len() >= 3,
        "a third of 100 requests a second for at least an interval: {attempts:?}"
    );
    for attempt in &attempts {
        let after = attempt["started_ns"].as_u64().unwrap() as f64 - death as f64;
        // One was under way when it died; the others are refused until the second failed check.
        assert!(after > -1e9 && after < 5e9, "{attempt}");
        assert!(
            attempt["request"].as_u64().is_some_and(|request| request > 0),
            "{attempt}"
        );
    }
    let refused = attempts
        .iter()
        .filter(|attempt| attempt["cause"] == "refused")
        .count();
    assert!(refused + 3 >= attempts.len(), "{attempts:?}");
    let quiet = of("quiet");
    assert!(quiet[0]["last_attempt_ns"].as_u64().unwrap() > death, "{quiet:?}");
    assert_eq!(of("readmitted")[0]["router"], "router-2");
    assert!(!of("forwarded").is_empty());
    let lines = std::fs::read_to_string(place.path().join("results/logs/lb.requests.log")).unwrap();
    assert!(lines.lines().count() > 100, "its log is kept");
}

#[test]
fn a_sweep_starts_haproxy_for_each_cell_and_goes_on_where_it_stopped() {
    let place = Place::new();
    let sweep = |fall: &'static str, more: &[&'static str]| {
        let words = [
            "sweep",
            "--json",
            "--engine",
            "haproxy",
            "--interval",
            "200ms",
            "--fall",
            fall,
            "--routers",
            "2",
            "--rate",
            "100",
            "--trials",
            "1",
            "--seed",
            "7",
            "--observe",
            "1s",
            "--out",
            "out",
        ];
        place.run(&[&words[..], more].concat())
    };
    let refused = sweep("1..2", &["--schedule", "start,end"]);
    assert_eq!(refused.status.code(), Some(2));
    let why = stderr(&refused);
    assert!(why.contains("haproxy cannot express schedule=start"), "{why}");
    assert!(!place.path().join("out").exists(), "before anything is started");
    if !haproxy() {
        return;
    }
    let swept = sweep("1..2", &[]);
    assert!(swept.status.success(), "{}", stderr(&swept));
    let document: Value = serde_json::from_slice(&swept.stdout).unwrap();
    assert_eq!(
        (&document["complete"], &document["plan"]["engine"]),
        (&true.into(), &"haproxy".into())
    );
    let cells = document["cells"].as_array().unwrap();
    for (n, cell) in cells.iter().enumerate() {
        assert_eq!(cell["settings"]["fall"], (n + 1).to_string());
        assert_eq!(
            (&cell["n"], &cell["detected"]),
            (&1.into(), &1.into()),
            "{cell:#}"
        );
        let dir = place.path().join(format!("out/stack-{}", n + 1));
        let written = std::fs::read_to_string(dir.join("lb/haproxy.cfg")).unwrap();
        assert!(
            written.contains(&format!("inter 200ms fall {} ", n + 1)),
            "{written}"
        );
    }
    assert_eq!(cells.len(), 2);
    let before = std::fs::read(place.path().join("out/cells.ndjson")).unwrap();
    assert!(sweep("1..2", &[]).status.success());
    assert_eq!(
        std::fs::read(place.path().join("out/cells.ndjson")).unwrap(),
        before
    );
    let another = place.run(&["sweep", "--fall", "1..2", "--out", "out"]);
    assert!(
        stderr(&another).contains("engine was \"haproxy\", is \"lb-sim\""),
        "{}",
        stderr(&another)
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn whoever_is_killed_nothing_is_left_and_the_lab_goes_on_where_it_can() {
    if !haproxy() {
        return;
    }
    let place = Place::new();
    let mut lab = place.up(&with(&["--rate", "50", "--json"]));
    let listen = address(&lab);
    let back = |line: &str| line.contains(r#""event":"ready""#) && line.contains(r#""from":"lb""#);
    let gone = |line: &str| line.contains(r#""event":"exited""#) && line.contains(r#""name":"lb""#);
    for victim in ["the guard", "HAProxy"] {
        let (guard, haproxy) = pids(&lab);
        let watched: Vec<OwnedFd> = [guard, haproxy].into_iter().filter_map(watch).collect();
        sigkill(if victim == "the guard" { guard } else { haproxy });
        assert!(
            all_end_within(&watched, Duration::from_secs(2)),
            "{victim} was killed"
        );
        lab.wait_for("its end", gone);
        lab.wait_for("its return", back);
    }
    let (guard, haproxy) = pids(&lab);
    let watched: Vec<OwnedFd> = [guard, haproxy].into_iter().filter_map(watch).collect();
    lab.kill_9();
    assert!(
        all_end_within(&watched, Duration::from_secs(2)),
        "the supervisor was killed"
    );
    std::net::TcpListener::bind(listen).unwrap();

    let lab = place.up(&with(&["--rate", "50"]));
    let (listen, (guard, haproxy)) = (address(&lab), pids(&lab));
    let all: Vec<u32> = place.processes();
    let watched: Vec<OwnedFd> = all
        .iter()
        .copied()
        .chain([guard, haproxy])
        .filter_map(watch)
        .collect();
    // Ours only, as `pkill -9 resetlab` does it.
    for pid in &all {
        // One that has died of another's death already is no trouble.
        let _ = kill(Pid::from_raw(*pid as i32), Signal::SIGKILL);
    }
    assert!(
        all_end_within(&watched, Duration::from_secs(2)),
        "all were killed but HAProxy"
    );
    std::net::TcpListener::bind(listen).unwrap();
}

#[test]
fn what_haproxy_cannot_do_is_refused_by_name_before_anything_starts() {
    let place = Place::new();
    let output = place.run(&[&["up"], &with(&["--jitter", "1s", "--detector", "sentinel"])[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("haproxy cannot express jitter=1s: "), "{said}");
    assert!(
        said.contains("haproxy cannot express detector=sentinel: "),
        "{said}"
    );
    assert!(
        !place.path().join("resetlab-runs").exists(),
        "nothing was started"
    );

    let mut command = place.command(&[&["up"], &with(&[])[..]].concat());
    let output = command
        .env("RESETLAB_HAPROXY", "/nowhere/haproxy")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = stderr(&output);
    assert!(
        said.contains("/nowhere/haproxy") && said.contains("apt-get install haproxy"),
        "{said}"
    );
}

/// Says that it is HAProxy, accepts everything, and then does as `run` says.
fn impostor(place: &Place, run: &str) -> PathBuf {
    let path = place.path().join("haproxy");
    let text = format!(
        "#!/bin/sh\ncase \"$1\" in\n-v) echo 'HAProxy version 9.9.9 2030/01/01'; exit 0;;\n-c) exit 0;;\nesac\n{run}\n"
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn what_is_forked_by_one_that_says_its_version_dies_with_the_supervisor() {
    let place = Place::new();
    let path = place.path().join("haproxy");
    let pipe = place.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let text = format!(
        "#!/bin/sh\nexec 3>{}\necho begun >&3\nsleep 100\n",
        pipe.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = place.command(&[&["up"], &with(&[])[..]].concat());
    let mut child = command.env("RESETLAB_HAPROXY", &path).spawn().unwrap();
    let mut lines = BufReader::new(std::fs::File::open(&pipe).unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "begun");
    child.kill().unwrap();
    child.wait().unwrap();
    // `sleep` holds the pipe open as long as it lives.
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(lines.next().is_none()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(true));
}

#[test]
fn one_that_dies_at_its_start_is_shown_with_its_last_words_and_all_is_cleaned_up() {
    let place = Place::new();
    let path = impostor(&place, "echo '[ALERT] cannot do it' >&2; exit 7");
    let mut command = place.command(&[&["up"], &with(&[])[..]].concat());
    let output = command.env("RESETLAB_HAPROXY", &path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("haproxy exited 7 after") && said.contains("[ALERT] cannot do it"),
        "{said}"
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn one_that_never_serves_is_given_up_and_all_is_cleaned_up() {
    let place = Place::new();
    let path = impostor(&place, "echo 'still thinking'; exec sleep 1000");
    let mut command = place.command(&[&["up"], &with(&[])[..]].concat());
    let output = command.env("RESETLAB_HAPROXY", &path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("haproxy did not serve within") && said.contains("still thinking"),
        "{said}"
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn a_users_own_file_runs_with_the_labs_routers() {
    if !haproxy() {
        return;
    }
    let place = Place::new();
    // HAProxy renames a socket of its own over one of this name.
    let name = place.path().join("production.sock");
    let production = std::os::unix::net::UnixListener::bind(&name).unwrap();
    let bind = format!("    bind *:80\n    bind {}\n", name.display());
    let own = include_str!("data/edge.cfg").replacen("    bind *:80\n", &bind, 1);
    std::fs::write(place.path().join("edge.cfg"), own).unwrap();
    let mut lab = place.up(&[
        "--engine",
        "haproxy",
        "--config",
        "edge.cfg",
        "--rate",
        "100",
        "--restart-delay",
        "1s",
        "--out",
        "results",
    ]);
    assert!(
        lab.heard
            .iter()
            .any(|line| line.contains("interval=400ms timeout=interval fall=2")),
        "{:?}",
        lab.heard
    );
    place.json(&["kill", "router-1"]);
    lab.wait_for("the belief", |line| line.contains("router-1 DOWN: t_detect"));
    lab.wait_for("the return", |line| line.contains("router-1 UP: first request"));
    let log = std::fs::read_to_string(place.path().join("results/logs/lb.stderr.log")).unwrap();
    drop(std::os::unix::net::UnixStream::connect(&name).expect("the other's socket"));
    production.set_nonblocking(true).unwrap();
    production
        .accept()
        .expect("clients of the other one still reach it");
    let socket = format!("`bind {}` left out", name.display());
    for change in [
        &socket,
        "`log 192.0.2.9:514 local1 notice` left out",
        "bind *:80 became 127.",
        "app1 at 192.0.2.11:8080 became router-1",
    ] {
        assert!(log.contains(change), "{change}\n{log}");
    }
    let written = std::fs::read_to_string(place.path().join("results/lb/haproxy.cfg")).unwrap();
    assert!(
        written.contains("    http-request deny deny_status 403 if is_admin !from_here\n"),
        "{written}"
    );
    assert!(place.run(&["down"]).status.success());
    assert_eq!(lab.exit_code(), Some(0));
}

#[test]
fn a_timeout_that_the_installed_version_ignores_is_refused_and_reckoned_with_in_a_file() {
    let place = Place::new();
    let path = impostor(&place, "exit 7");
    let text = std::fs::read_to_string(&path).unwrap().replace("9.9.9", "2.6.12");
    std::fs::write(&path, text).unwrap();
    let run = |words: &[&str]| {
        let mut command = place.command(words);
        let output = command.env("RESETLAB_HAPROXY", &path).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    let fast = [
        "--engine",
        "haproxy",
        "--preset",
        "haproxy-fastinter",
        "--fault",
        "hang",
    ];
    let (code, said) = run(&[&["run", "--set", "timeout=200ms"], &fast[..]].concat());
    assert_eq!(code, Some(2));
    assert!(
        said.contains("haproxy cannot express timeout=200ms: HAProxy 2.6.12")
            && said.contains("set timeout=interval"),
        "{said}"
    );
    let own =
        include_str!("data/edge.cfg").replace("timeout connect", "timeout check 100ms\n    timeout connect");
    std::fs::write(place.path().join("own.cfg"), own).unwrap();
    let mut command = place.command(&["config", "show", "--engine", "haproxy", "--config", "own.cfg"]);
    let output = command.env("RESETLAB_HAPROXY", &path).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let timeout = shown
        .lines()
        .find(|line| line.starts_with("timeout"))
        .unwrap_or_default();
    assert!(timeout.contains("interval"), "{shown}\n{}", stderr(&output));
}

#[test]
fn a_file_that_haproxy_rejects_is_shown_with_its_own_message() {
    let place = Place::new();
    let up = |text: &str, more: &[&str]| {
        std::fs::write(place.path().join("own.cfg"), text).unwrap();
        let output = place.run(&[&["up", "--engine", "haproxy", "--config", "own.cfg"], more].concat());
        (output.status.code(), stderr(&output))
    };
    let (code, said) = up("frontend a\n    bind :80\n", &[]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("own.cfg: no backend that traffic reaches: expected a frontend"),
        "{said}"
    );
    let (code, said) = up(include_str!("data/edge.cfg"), &["--interval", "1s"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("--interval: own.cfg says how routers are checked: change interval there"),
        "{said}"
    );
    if haproxy() {
        let (code, said) = up(
            "listen all\n    bind :80\n    frobnicate\n    server a 192.0.2.1:80 check\n",
            &[],
        );
        assert_eq!(code, Some(2));
        assert!(said.contains("unknown keyword 'frobnicate'"), "{said}");
        // What did not start has no results that could be lost.
        let text = "listen all\n    bind :80\n    frobnicate\n    server a 192.0.2.1:80 check\n";
        for _ in 0..2 {
            let (_, said) = up(text, &["--out", "out"]);
            assert!(said.contains("unknown keyword 'frobnicate'"), "{said}");
        }
        assert_eq!(place.processes(), Vec::<u32>::new());
    }
}
