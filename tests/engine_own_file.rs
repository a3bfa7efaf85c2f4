//! A user's own HAProxy file in lb-sim's place: it runs with the lab's routers, or is refused for what it says.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use peers::{HAPROXY, Impostor, Peer};
use supervisor::engine::Engine;
use support::{Place, stderr};

#[test]
fn a_users_own_file_runs_with_the_labs_routers() {
    let Some(peer) = Peer::find(Engine::Haproxy, HAPROXY) else {
        return;
    };
    let place = Place::new();
    // HAProxy renames a socket of its own over one of this name.
    let name = place.path().join("production.sock");
    let production = std::os::unix::net::UnixListener::bind(&name).unwrap();
    let bind = format!("    bind *:80\n    bind {}\n", name.display());
    let own = include_str!("data/edge.cfg").replacen("    bind *:80\n", &bind, 1);
    std::fs::write(place.path().join("edge.cfg"), own).unwrap();
    let mut lab = peer.lab_of(&place, "edge.cfg", "--rate 100 --restart-delay 3s");
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
    let log = std::fs::read_to_string(place.path().join("lab/logs/lb.stderr.log")).unwrap();
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
    let written = std::fs::read_to_string(place.path().join("lab/lb/haproxy.cfg")).unwrap();
    assert!(
        written.contains("    http-request deny deny_status 403 if is_admin !from_here\n"),
        "{written}"
    );
    lab.down();
}

#[test]
fn a_timeout_that_the_installed_version_ignores_is_refused_and_reckoned_with_in_a_file() {
    let place = Place::new();
    let impostor = Impostor::new(&place, "2.6.12", "exit 7");
    let fast = "run --engine haproxy --preset haproxy-fastinter --fault hang --set timeout=200ms";
    let (code, said) = impostor.run(&place, fast);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("haproxy cannot express timeout=200ms: HAProxy 2.6.12")
            && said.contains("set timeout=interval"),
        "{said}"
    );
    let own =
        include_str!("data/edge.cfg").replace("timeout connect", "timeout check 100ms\n    timeout connect");
    std::fs::write(place.path().join("own.cfg"), own).unwrap();
    let mut command = impostor.command(&place, "config show --engine haproxy --config own.cfg");
    let output = command.output().unwrap();
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
    let up = |text: &str, more: &str| {
        std::fs::write(place.path().join("own.cfg"), text).unwrap();
        peers::refused(&place, &format!("--engine haproxy --config own.cfg {more}"))
    };
    let (code, said) = up("frontend a\n    bind :80\n", "");
    assert_eq!(code, Some(2));
    assert!(
        said.contains("own.cfg: no backend that traffic reaches: expected a frontend"),
        "{said}"
    );
    let (code, said) = up(include_str!("data/edge.cfg"), "--interval 1s");
    assert_eq!(code, Some(2));
    assert!(
        said.contains("--interval: own.cfg says how routers are checked: change interval there"),
        "{said}"
    );
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let text = "listen all\n    bind :80\n    frobnicate\n    server a 192.0.2.1:80 check\n";
    let (code, said) = up(text, "");
    assert_eq!(code, Some(2));
    assert!(said.contains("unknown keyword 'frobnicate'"), "{said}");
    // What did not start has no results that could be lost.
    for _ in 0..2 {
        let (_, said) = up(text, "--out out");
        assert!(said.contains("unknown keyword 'frobnicate'"), "{said}");
    }
    assert_eq!(place.processes(), Vec::<u32>::new());
}
