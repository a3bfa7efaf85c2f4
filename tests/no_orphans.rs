//! A supervisor that is killed takes everything with it.

mod support;

use std::time::Duration;
use support::{Place, all_end_within, process, watch};

#[test]
fn sigkill_of_the_supervisor_leaves_nothing_and_the_next_lab_works() {
    let place = Place::new();
    let mut lab = place.up(&["--routers", "20", "--rate", "200", "--out", "results"]);
    place.json(&["hang", "router-7"]);
    let ps = lab.ps();
    let pids: Vec<u32> = ps["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["pid"].as_u64().unwrap() as u32)
        .collect();
    assert_eq!(pids.len(), 23);
    assert_eq!(process(&ps, "router-7")["truth"], "hung");
    let addresses: Vec<std::net::SocketAddr> = ps["processes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|process| process["addresses"].as_object().unwrap().values())
        .filter_map(|address| address.as_str()?.parse().ok())
        .collect();
    assert!(addresses.len() >= 41, "{addresses:?}");

    let watched: Vec<_> = pids.iter().filter_map(|pid| watch(*pid)).collect();
    lab.kill_9();
    assert!(
        all_end_within(&watched, Duration::from_secs(5)),
        "still there: {:?}",
        place.processes()
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
    for address in addresses {
        std::net::TcpListener::bind(address).unwrap();
    }

    let events = std::fs::read_to_string(place.path().join("results/events.ndjson")).unwrap();
    let whole = &events[..=events.rfind('\n').unwrap()];
    for line in whole.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(whole.contains(r#""fault":"hang""#), "what happened is in the log");

    assert!(place.socket("default").exists(), "a killed lab leaves its socket");
    assert_eq!(place.run(&["ps"]).status.code(), Some(4), "which is no lab");
    let mut next = place.up(&["--routers", "20", "--rate", "20"]);
    assert!(place.run(&["down"]).status.success());
    assert_eq!(next.exit_code(), Some(0));
    assert!(!place.socket("default").exists());
}

#[test]
fn a_dead_balancer_load_or_app_is_back_at_once() {
    let place = Place::new();
    let mut lab = place.up(&["--rate", "50", "--json"]);
    for name in ["lb", "load", "app"] {
        let pid = process(&lab.ps(), name)["pid"].as_i64().unwrap();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid as i32),
            nix::sys::signal::Signal::SIGKILL,
        )
        .unwrap();
        let is = |line: &str, event: &str| line.contains(&format!(r#""event":"{event}""#));
        lab.wait_for("its end", |line| {
            is(line, "exited") && line.contains(&format!(r#""name":"{name}""#))
        });
        lab.wait_for("its return", |line| {
            is(line, "ready") && line.contains(&format!(r#""from":"{name}""#))
        });
    }
    assert_eq!(process(&lab.ps(), "load")["restarts"], 1);
}
