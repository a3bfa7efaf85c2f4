//! Promises of `resetlab run`: how it ends, what it leaves behind, and what it does not begin.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/run.rs"]
mod run;
mod support;

use run::{lost, saved, trials};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use support::{resetlab, stderr};

#[test]
fn a_restart_before_the_next_check_is_not_a_zero_window() {
    let dir = tempfile::tempdir().unwrap();
    // Dead for long enough to meet a request, and not for two checks.
    let words =
        "run --fault kill --trials 2 --interval 2s --timeout 1s --rate 200 --restart-delay 500ms --out out";
    let output = resetlab(dir.path(), words).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("the balancer never noticed: "), "{text}");
    assert!(
        stderr(&output).contains(": the balancer never noticed: "),
        "{}",
        stderr(&output)
    );
    let document = saved(dir.path());
    for trial in trials(&document) {
        assert_eq!(trial["detected"], false);
        assert!(trial["t_detect_s"].is_null() && trial["detected_by"].is_null());
        assert!(trial["t_stop_s"].as_f64().unwrap() > 0.0, "{trial:#}");
    }
    assert_eq!(document["summary"]["lost_unnoticed"], lost(&document));
    assert!(lost(&document) > 0);
}

#[test]
fn a_missed_objective_exits_3() {
    let dir = tempfile::tempdir().unwrap();
    let words = "run --trials 1 --interval 300ms --timeout 300ms --rate 100 --slo 0.9999 --out out";
    let output = resetlab(dir.path(), words).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("objective missed"));
}

#[test]
fn a_killed_run_leaves_readable_files_and_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let words = "run --trials 50 --interval 300ms --timeout 300ms --rate 200 --out out";
    let mut child = resetlab(dir.path(), words)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    // The first line tells of the first trial: then there is something to keep.
    told.next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let summary = saved(dir.path());
    assert_eq!(summary["complete"], false);
    let events = std::fs::read_to_string(dir.path().join("out/events.ndjson")).unwrap();
    let whole = events.rsplit_once('\n').unwrap().0;
    let mut pids = Vec::new();
    for line in whole.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        if record["event"] == "spawned" {
            pids.push((
                record["pid"].as_u64().unwrap() as u32,
                record["name"].as_str().unwrap().to_owned(),
            ));
        }
    }
    assert!(pids.len() >= 7, "app, 4 routers, lb, load: {pids:?}");
    for (pid, name) in pids {
        let watched: Vec<_> = support::watch(pid).into_iter().collect();
        let gone = support::all_end_within(&watched, Duration::from_secs(20));
        assert!(gone, "{name} (pid {pid}) outlived its supervisor");
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_the_way_out() {
    for (words, wanted) in [
        ("--interval 5", "interval"),
        ("--timeout 0s", "timeout"),
        ("--fall 0", "fall"),
        ("--routers 0", "routers"),
        ("--routers 251", "250"),
        ("--trials 0", "--trials"),
        ("--rate -3", "rate"),
        ("--schedule sideways", "start"),
        ("--fault sulk", "hang"),
        ("--fault kill --fault-on health", "--fault-on means something to"),
        ("--fault error --fault-status 404", "500..=599"),
        ("--victims 5", "there are 4 routers"),
        ("--victims 0", "or all"),
        ("--body-bytes 10", "method=post"),
        ("--connection often", "per-request"),
        ("--out /proc/nowhere", "--out"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = resetlab(dir.path(), &format!("run {words}")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{words}: {}", stderr(&output));
    }
}
