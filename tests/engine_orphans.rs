//! Nothing of a real load balancer is left, whoever dies: itself, its guard, the supervisor, or all at once.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use peers::{HAPROXY, Impostor, Peer};
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::time::Duration;
use supervisor::engine::Engine;
use support::{Lab, Place, all_end_within, process, watch};

const UP: &str = "up --engine haproxy";

/// What is left after that would be left for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// In a network that no lab takes by itself, one of two: its ports are free when the lab is gone, and not the next one's.
fn alone(which: u32, flags: &str) -> String {
    format!("--net {} {flags}", 130 + std::process::id() % 30 * 2 + which)
}

#[test]
fn whoever_is_killed_nothing_is_left_and_the_lab_goes_on_where_it_can() {
    let Some(peer) = Peer::find(Engine::Haproxy, HAPROXY) else {
        return;
    };
    let place = Place::new();
    let mut lab = peer.lab(&place, "", &alone(0, "--routers 3 --rate 50 --json"));
    let listen = address(&lab);
    let back = |line: &str| line.contains(r#""event":"ready""#) && line.contains(r#""from":"lb""#);
    let gone = |line: &str| line.contains(r#""event":"exited""#) && line.contains(r#""name":"lb""#);
    for victim in ["the guard", "HAProxy"] {
        let (guard, haproxy) = pids(&lab);
        let watched: Vec<OwnedFd> = [guard, haproxy].into_iter().filter_map(watch).collect();
        sigkill(if victim == "the guard" { guard } else { haproxy });
        assert!(all_end_within(&watched, PATIENCE), "{victim} was killed");
        lab.wait_for("its end", gone);
        lab.wait_for("its return", back);
    }
    let watched = all_of(&lab);
    lab.kill_9();
    assert!(all_end_within(&watched, PATIENCE), "the supervisor was killed");
    std::net::TcpListener::bind(listen).unwrap();

    std::fs::remove_dir_all(place.path().join("lab")).unwrap();
    let lab = peer.lab(&place, "", &alone(0, "--routers 3 --rate 50"));
    let (listen, watched) = (address(&lab), all_of(&lab));
    let (_, haproxy) = pids(&lab);
    let children = place.processes().into_iter().filter(|pid| *pid != haproxy);
    // Ours only, as `pkill -9 resetlab` does it: the supervisor first, which would start them again.
    for pid in std::iter::once(lab.pid()).chain(children) {
        // One that has died of another's death already is no trouble.
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
    }
    assert!(all_end_within(&watched, PATIENCE), "all were killed but HAProxy");
    std::net::TcpListener::bind(listen).unwrap();
}

#[test]
fn nothing_is_left_when_down_returns() {
    let Some(peer) = Peer::find(Engine::Haproxy, HAPROXY) else {
        return;
    };
    let place = Place::new();
    let mut lab = peer.lab(&place, "", &alone(1, "--routers 3 --rate 50"));
    let (listen, watched) = (address(&lab), all_of(&lab));
    assert!(place.run(&["down"]).status.success());
    assert!(all_end_within(&watched, Duration::ZERO));
    std::net::TcpListener::bind(listen).unwrap();
    assert_eq!(lab.exit_code(), Some(0));
}

/// Every process of the lab, HAProxy among them.
fn all_of(lab: &Lab<'_>) -> Vec<OwnedFd> {
    let (_, haproxy) = pids(lab);
    let all = lab.place.processes().into_iter().chain([haproxy]);
    all.filter_map(watch).collect()
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

fn sigkill(pid: u32) {
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
}

fn address(lab: &Lab<'_>) -> std::net::SocketAddr {
    let ps = lab.ps();
    let at = &process(&ps, "lb")["addresses"]["http"];
    at.as_str().unwrap().parse().unwrap()
}

#[test]
fn what_is_forked_by_one_that_says_its_version_dies_with_the_supervisor() {
    let place = Place::new();
    let pipe = place.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let script = format!("exec 3>{}\necho begun >&3\nsleep 100\n", pipe.display());
    let impostor = Impostor::script(&place, &script);
    let mut child = impostor.command(&place, UP).spawn().unwrap();
    let mut lines = BufReader::new(std::fs::File::open(&pipe).unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "begun");
    child.kill().unwrap();
    child.wait().unwrap();
    // `sleep` holds the pipe open as long as it lives.
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(lines.next().is_none()));
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(true));
}

#[test]
fn one_that_dies_at_its_start_is_shown_with_its_last_words_and_all_is_cleaned_up() {
    let place = Place::new();
    let impostor = Impostor::new(&place, "9.9.9", "echo '[ALERT] cannot do it' >&2; exit 7");
    let (code, said) = impostor.run(&place, UP);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("haproxy exited 7 after") && said.contains("[ALERT] cannot do it"),
        "{said}"
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn one_that_never_serves_is_given_up_and_all_is_cleaned_up() {
    let place = Place::new();
    let impostor = Impostor::new(&place, "9.9.9", "echo 'still thinking'; exec sleep 1000");
    let (code, said) = impostor.run(&place, UP);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("haproxy did not serve within") && said.contains("still thinking"),
        "{said}"
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}
