//! The article's bug, set off by what sets it off: the app's interim responses, and clients that leave.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;
#[path = "support/timing.rs"]
mod timing;

use serde_json::Value;
use std::process::Stdio;
use support::{Lab, Place, crash_run, process, stderr};
use timing::{Checks, Death};

const FAST: &str = "--json --routers 2 --interval 200ms --timeout 2s --restart-delay 200ms";

fn up<'a>(place: &'a Place, more: &str) -> Lab<'a> {
    let words = format!("{FAST} {more}");
    place.up(&words.split_whitespace().collect::<Vec<_>>())
}

/// The next record of that event about that router.
fn record(lab: &mut Lab, event: &str, router: &str) -> Value {
    let line = lab.wait_for(&format!("{event} of {router}"), |line| {
        line.contains(&format!(r#""event":"{event}""#)) && line.contains(&format!(r#""{router}""#))
    });
    serde_json::from_str(&line).unwrap()
}

/// Starts a command that is going to take its time.
fn begin(place: &Place, words: &str) -> std::process::Child {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = place.command(&words);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_widened_race_needs_one_request_and_ends_as_the_article_says() {
    let place = Place::new();
    let mut lab = up(&place, "--rate 50");
    let crashed = place.json(&["crash", "router-2", "--sure"]);
    assert_eq!(crashed["schema"], "resetlab.crash.v1");
    assert_eq!(
        (&crashed["incarnation"], &crashed["sure"]),
        (&1.into(), &true.into()),
        "{crashed}"
    );
    // One, unless the machine keeps the router's hook waiting for longer than a client stays.
    let attempts = |crashed: &Value| crashed["attempts"].as_u64().unwrap();
    assert!((1..100).contains(&attempts(&crashed)), "{crashed}");
    assert_eq!(
        crashed["message"], "fatal error: concurrent map writes",
        "{crashed}"
    );
    let fault = record(&mut lab, "fault", "router-2");
    assert_eq!(
        (&fault["fault"], &fault["detail"]),
        (&"crash".into(), &"by early-hints, the race widened".into())
    );
    let death = record(&mut lab, "death", "router-2");
    assert_eq!(
        (&death["stamp"], &death["t_ns"]),
        (&"crash".into(), &crashed["t_ns"])
    );
    assert!(
        fault["t_ns"].as_u64() < death["t_ns"].as_u64(),
        "the traffic comes first"
    );
    let exited = record(&mut lab, "exited", "router-2");
    assert_eq!(exited["code"], 2);
    let words = exited["words"].as_str().unwrap();
    assert!(
        words.starts_with("exited 2 after ") && words.ends_with(": fatal error: concurrent map writes"),
        "{words}"
    );
    let log = place.run(&["logs", "router-2"]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("fatal error: concurrent map writes\n"), "{log}");
    record(&mut lab, "ready", "router-2");
    // Another life, another crash; the words are for people.
    let again = place.run(&["crash", "router-2", "--sure", "--with", "continue"]);
    let words = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(
        words.starts_with("router-2 (life 2) crashed after ")
            && words.contains(" attempt")
            && words.contains(": fatal error: "),
        "{words}"
    );
}

#[test]
fn a_router_dies_of_clients_that_leave_in_the_middle_of_early_hints() {
    let place = Place::new();
    let mut lab = up(&place, "--rate 50");
    // The race needs both cores at once: on a machine that is busy otherwise it takes far more than 20,000.
    let crashed = place.json(&["crash", "router-1", "--attempts", "100000000"]);
    assert_eq!(crashed["crashed"], true);
    assert!(crashed["attempts"].as_u64().unwrap() >= 1, "{crashed}");
    let (says, _) = last_words(crashed["variant"].as_str().unwrap());
    assert!(
        crashed["message"].as_str().unwrap().starts_with(says),
        "{crashed}"
    );
    assert_eq!(record(&mut lab, "exited", "router-1")["code"], 2);
    record(&mut lab, "ready", "router-1");
}

#[test]
fn a_build_with_a_fix_refuses_to_be_crashed_and_survives_what_it_is_sent() {
    let place = Place::new();
    let mut lab = up(&place, "--rate 50 --go 1.23");
    for flags in [&[][..], &["--sure"], &["--sure", "--attempts", "5"]] {
        let refused = place.run(&[&["crash", "router-1"], flags].concat());
        assert_eq!(refused.status.code(), Some(1));
        let why = stderr(&refused);
        assert!(
            why.contains("router-1 does not have the bug (Go 1.23, ") && why.contains("--attempts N"),
            "{why}"
        );
    }
    let survived = place.run(&["crash", "router-1", "--attempts", "300", "--json"]);
    assert_eq!(survived.status.code(), Some(1));
    assert!(
        stderr(&survived).contains("router-1 (life 1) survived 300 attempts in "),
        "{}",
        stderr(&survived)
    );
    let document: Value = serde_json::from_slice(&survived.stdout).unwrap();
    assert_eq!(
        (&document["crashed"], &document["attempts"], &document["variant"]),
        (&false.into(), &300.into(), &Value::Null)
    );
    // What kills it later is not called a crash.
    let pid = process(&lab.ps(), "router-1")["pid"].as_i64().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid as i32),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    assert_eq!(record(&mut lab, "death", "router-1")["stamp"], "exit");
    record(&mut lab, "ready", "router-1");
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert_eq!(summary["windows"][0]["fault"], "kill", "{summary}");
}

#[test]
fn an_experiment_that_could_never_crash_a_router_is_refused_before_anything_starts() {
    let place = Place::new();
    for (words, named) in [
        ("run --fault crash --go 1.23", "Go 1.23, routing-release 0.287.0"),
        (
            "sweep --fault crash --interval 1s,2s --header-race off",
            "header-race off",
        ),
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let refused = place.run(&words);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(named), "{}", stderr(&refused));
        assert!(!place.path().join("resetlab-runs").exists());
    }
}

#[test]
fn who_kills_it_meanwhile_ends_the_traffic_and_so_does_who_stops_waiting() {
    let place = Place::new();
    let mut lab = up(&place, "--rate 50 --header-race off");
    let waiting = begin(&place, "crash router-1 --attempts 1000000");
    record(&mut lab, "fault", "router-1");
    let twice = place.run(&["crash", "router-1"]);
    assert_eq!(twice.status.code(), Some(4));
    assert!(
        stderr(&twice).contains("crash traffic already"),
        "{}",
        stderr(&twice)
    );
    place.json(&["kill", "router-1"]);
    let spoilt = waiting.wait_with_output().unwrap();
    assert_eq!(spoilt.status.code(), Some(4));
    assert!(
        stderr(&spoilt).contains("router-1 ended otherwise after "),
        "{}",
        stderr(&spoilt)
    );
    assert_eq!(record(&mut lab, "death", "router-1")["stamp"], "signal");
    record(&mut lab, "ready", "router-1");

    let mut waiting = begin(&place, "crash router-2 --attempts 1000000");
    record(&mut lab, "fault", "router-2");
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    let note = lab.wait_for("nobody waits", |line| line.contains("nobody waits for its crash"));
    assert!(note.contains("router-2 is sent no more"), "{note}");
    let ps = lab.ps();
    let router = process(&ps, "router-2");
    assert_eq!(
        (&router["truth"], &router["fault"], &router["crash_attempts"]),
        (&"up".into(), &Value::Null, &Value::Null)
    );
}

#[test]
fn crash_traffic_crashes_routers_through_the_balancer_and_is_not_load() {
    let place = Place::new();
    let mut lab = up(&place, "--rate 0 --crash-traffic 500/s --restart-limit off");
    // It takes a hundred requests, or by chance and on a busy machine some thousands.
    let time = std::time::Duration::from_secs(120);
    let death = lab.wait_within(time, "a death", |line| line.contains(r#""event":"death""#));
    assert!(death.contains(r#""stamp":"crash""#), "{death}");
    assert!(!lab.heard.iter().any(|line| line.contains(r#""event":"fault""#)));
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert_eq!(summary["crash_traffic"]["with"], "early-hints");
    assert!(
        summary["crash_traffic"]["sent"].as_u64().unwrap() > 0,
        "{summary}"
    );
    assert_eq!(
        (&summary["load"]["sent"], &summary["load"]["lost"]),
        (&0.into(), &0.into())
    );
    assert_eq!(summary["windows"][0]["fault"], "crash", "{summary}");
    assert_eq!(place.processes(), Vec::<u32>::new());
}

/// What the router says by the way the bug showed, and a frame that only such a trace has.
fn last_words(variant: &str) -> (&'static str, &'static str) {
    match variant {
        "map-writes-in-error-handler" => (
            "fatal error: concurrent map writes",
            "(*ErrorHandler).HandleError(",
        ),
        "map-writes-in-1xx-hook" => (
            "fatal error: concurrent map writes",
            "(*persistConn).readResponse(",
        ),
        "map-iteration-and-write" => (
            "fatal error: concurrent map iteration and map write",
            "goroutine ",
        ),
        "nil-pointer-in-1xx-hook" => (
            "panic: runtime error: invalid memory address",
            "(*persistConn).readResponse(",
        ),
        other => panic!("{other} is no variant"),
    }
}

#[test]
fn a_run_tells_of_each_crash_how_the_bug_showed_and_predicts_it_from_its_own_death() {
    let place = Place::new();
    let words = "run --fault crash --trials 3 --routers 2 --rate 100 --interval 600ms --timeout 400ms --fall 2 --out out";
    let run = crash_run(|| {
        let _ = std::fs::remove_dir_all(place.path().join("out"));
        place.command(&words.split_whitespace().chain(["--json"]).collect::<Vec<_>>())
    });
    let events = timing::events(&place.path().join("out"));
    let checks = Checks {
        interval_s: 0.6,
        timeout_s: 0.4,
        from_end: false,
    };
    let trials = run["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3);
    for trial in trials {
        assert_eq!(
            (&trial["stamp"], &trial["detected"], &trial["detail"]),
            (&"crash".into(), &true.into(), &"by early-hints".into()),
            "{trial}"
        );
        assert!(trial["attempts"].as_u64().unwrap() >= 1, "{trial}");
        let (says, frame) = last_words(trial["variant"].as_str().unwrap());
        let router = trial["router"].as_str().unwrap();
        let log = place.path().join(format!("out/logs/{router}.stderr.log"));
        let trace = std::fs::read_to_string(log).unwrap();
        assert!(trace.contains(says) && trace.contains(frame), "{trial}\n{trace}");
        let exit = |record: &&Value| {
            record["event"] == "exited"
                && record["name"] == router
                && record["words"].as_str().is_some_and(|words| words.contains(says))
        };
        assert_eq!(events.iter().find(exit).unwrap()["code"], 2);
        let (measured, predicted) = (
            trial["t_detect_s"].as_f64().unwrap(),
            trial["predicted_t_detect_s"].as_f64().unwrap(),
        );
        // A prediction for the planned phase would miss by what the traffic takes: up to a whole interval.
        let untimely = checks.untimely(&events, &Death::of(trial));
        assert!(
            (measured - predicted).abs() < 0.15 + untimely,
            "{measured} measured, {predicted} predicted, {untimely} s explained: {trial}"
        );
    }
}
