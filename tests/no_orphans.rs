//! A supervisor that is killed takes everything with it.

mod support;

use router::clock;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use supervisor::lab::{Lease, LeaseError};
use support::{Place, all_end_within, process, watch};

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

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
    let addresses: Vec<SocketAddr> = ps["processes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|process| process["addresses"].as_object().unwrap().values())
        .filter_map(|address| address.as_str()?.parse().ok())
        .collect();
    assert!(addresses.len() >= 41, "{addresses:?}");

    // Its log is written by a thread of its own, which may be a moment late: what is in it by now must stay there.
    let log = place.path().join("results/events.ndjson");
    let hang = r#""fault":"hang""#;
    let give_up = clock::now() + PATIENCE;
    while !std::fs::read_to_string(&log).unwrap().contains(hang) {
        assert!(clock::now() < give_up, "the hang is not in the log");
    }
    let watched: Vec<_> = pids.iter().filter_map(|pid| watch(*pid)).collect();
    lab.kill_9();
    assert!(
        all_end_within(&watched, PATIENCE),
        "still there: {:?}",
        place.processes()
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
    assert_free(&addresses);

    let events = std::fs::read_to_string(&log).unwrap();
    let whole = &events[..=events.rfind('\n').unwrap()];
    for line in whole.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(whole.contains(hang), "what happened is in the log");

    assert!(place.socket("default").exists(), "a killed lab leaves its socket");
    assert_eq!(place.run(&["ps"]).status.code(), Some(4), "which is no lab");
    let mut next = place.up(&["--routers", "20", "--rate", "20"]);
    assert!(place.run(&["down"]).status.success());
    assert_eq!(next.exit_code(), Some(0));
    assert!(!place.socket("default").exists());
}

/// All that a lab of 20 routers listens on can be had again, or another lab has it already, and has found it free.
fn assert_free(addresses: &[SocketAddr]) {
    let IpAddr::V4(ip) = addresses[0].ip() else {
        panic!("{addresses:?}");
    };
    match Lease::take(Some(ip.octets()[1]), None, 20, 1) {
        Ok(lease) => {
            let all = lease.addresses.all(20, 1);
            let served = addresses.iter().filter(|address| all.contains(address));
            assert_eq!(served.count(), all.len(), "{addresses:?}");
            for address in addresses {
                let listener = std::net::TcpListener::bind(address);
                assert!(listener.is_ok(), "{address}: {listener:?}");
            }
        }
        Err(LeaseError::Leased(_)) => {}
        Err(taken) => panic!("{taken}"),
    }
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
