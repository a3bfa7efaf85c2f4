//! What cannot be is refused with what was expected, and nothing is left behind.

mod support;

use support::{Place, stderr};

#[test]
fn settings_that_cannot_be() {
    let place = Place::new();
    let refused = |arguments: &[&str], words: &str| {
        let output = place.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(words),
            "{arguments:?}: {}",
            stderr(&output)
        );
    };
    refused(
        &["up", "--routers", "0"],
        "--routers: routers cannot be `0`: expected a whole number from 1 to 250",
    );
    refused(&["up", "--routers", "251"], "from 1 to 250");
    refused(&["up", "--timeout", "0s"], "timeout cannot be `0s`");
    refused(&["up", "--fall", "0"], "fall cannot be `0`");
    refused(
        &["up", "--interval", "5"],
        "expected a duration with a unit, such as 500ms or 2s",
    );
    refused(
        &["up", "--go", "1.x"],
        "go cannot be `1.x`: expected a version of Go",
    );
    refused(
        &["up", "--routing-release", "v"],
        "expected a version of routing-release such as 0.287.0 or v0.288.0",
    );
    refused(&["run", "--profile", "bosh"], "expected lab, gorouter or go");
    refused(&["--lab", "No Such", "up"], "cannot name a lab");
    std::fs::write(place.path().join("edge.cfg"), "defaults\n    mode http\n").unwrap();
    refused(
        &["run", "--config", "edge.cfg"],
        "a file that does not end in .toml can be a real load balancer's own: then `resetlab up` or `resetlab run` needs \
         --engine haproxy",
    );
    refused(
        &["up", "--set", "bogus=1"],
        "`bogus`: `resetlab config show` lists them all",
    );
    std::fs::write(
        place.path().join("resetlab.toml"),
        "fall = 2\nintervall = \"5s\"\n",
    )
    .unwrap();
    refused(
        &["up"],
        "resetlab.toml:2: unknown setting `intervall`: perhaps interval",
    );
    std::fs::write(place.path().join("resetlab.toml"), "interval = 5\n").unwrap();
    refused(&["up"], "resetlab.toml:1: interval cannot be `5`");
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn a_taken_port_says_by_whom_and_which_flag_moves_it() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let output = place.run(&["up", "--listen", &listen]);
    assert_eq!(output.status.code(), Some(2));
    let words = stderr(&output);
    assert!(
        words.contains(&format!("(pid {})", std::process::id())) && words.contains("--listen"),
        "{words}"
    );
}

#[test]
fn results_that_cannot_be_written_are_an_error_before_anything_starts() {
    let place = Place::new();
    std::fs::write(place.path().join("file"), "").unwrap();
    let output = place.run(&["up", "--out", "file/below"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--out DIR puts"), "{}", stderr(&output));
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn commands_that_hit_nothing() {
    let place = Place::new();
    let output = place.run(&["ps"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains("no lab is running; start one with: resetlab up"),
        "{}",
        stderr(&output)
    );

    let mut lab = place.up(&["--rate", "20", "--restart-delay", "1h"]);
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let output = place.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(words),
            "{arguments:?}: {}",
            stderr(&output)
        );
    };
    refused(
        &["kill", "router-9"],
        4,
        "no router \"router-9\"; running: router-1, router-2, router-3, router-4",
    );
    refused(&["kill", "lb"], 4, "no router \"lb\"");
    refused(&["resume", "router-1"], 4, "router-1 is up since");
    refused(&["logs", "router-9"], 4, "no process \"router-9\"");
    place.json(&["kill", "router-1"]);
    // Until it is reaped it may be killed again.
    lab.wait_for("the death in words", |line| line.contains("router-1 DEAD"));
    let exit = lab.reaped("router-1");
    assert!(exit.starts_with("killed by SIGKILL"), "{exit}");
    refused(&["kill", "router-1"], 4, "router-1 is dead since");
    refused(&["set", "interval=5"], 2, "expected a duration with a unit");
    refused(
        &["set", "speed=5"],
        2,
        "no setting `speed`: perhaps spread; it has rate, restart-*",
    );
    refused(
        &["set", "max_attempts=5"],
        2,
        "max-attempts cannot change while running: `resetlab down`, then `resetlab up --max-attempts 5`",
    );
    refused(&["set", "rate"], 2, "expected KEY=VALUE");
    let unchanged = place.json(&["ps"]);
    assert_eq!(unchanged["settings"]["interval"], "5s");
}
