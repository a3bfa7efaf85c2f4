//! Promises of `resetlab run`: deaths are measured, predicted and saved as they happen; nothing is left behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use support::{crash_run, resetlab, stderr};

/// Seconds by which a prediction may miss on a loaded machine whose checks keep time: far above what it does, far below
/// the interval.
const SLACK: f64 = 0.15;

/// Seconds by which the checks of a trial, by the balancer's own log, came late: each failed one may have.
fn late(trial: &Value) -> f64 {
    2.0 * trial["checks_late_ms"].as_f64().unwrap() / 1e3
}

fn run(words: &str) -> (Value, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let output = resetlab(dir.path(), &format!("run --json --out out {words}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{words}: {}\n{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "resetlab.run.v1");
    let saved = std::fs::read(dir.path().join("out/summary.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&saved).unwrap(),
        document,
        "printed and saved are the same"
    );
    (document, dir)
}

/// Every trial detected, within `SLACK` of its own prediction, and its lost requests where they belong.
fn check(document: &Value, trials: usize, cause: &str, outcome: &str) {
    let list = document["trials"].as_array().unwrap();
    assert_eq!(list.len(), trials);
    assert_eq!(document["complete"], true);
    for trial in list {
        assert_eq!(trial["detected"], true, "{trial:#}");
        assert_eq!(trial["events_dropped"], 0, "{trial:#}");
        let seconds = |key: &str| {
            trial[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{key} is missing in {trial:#}"))
        };
        let residual = seconds("t_detect_s") - seconds("predicted_t_detect_s");
        assert!(
            residual.abs() < SLACK + late(trial),
            "residual {residual} s in {trial:#}"
        );
        // The gap of two requests, and what the load itself was late.
        let late = document["load"]["late_max_ms"].as_f64().unwrap() / 1e3;
        assert!(
            (seconds("t_stop_s") - seconds("t_detect_s")).abs() < SLACK + late,
            "{trial:#}, the load late by {late}"
        );
        assert!(seconds("t_readmit_s") > 0.0);
        let window = trial["lost"]["window"].as_u64().unwrap();
        assert!(window > 0, "{trial:#}");
        assert!(
            trial["causes"][cause].as_u64().unwrap_or(0) > 0,
            "no {cause} in {trial:#}"
        );
        assert!(
            trial["lost"]["by_outcome"][outcome].as_u64().unwrap_or(0) >= window,
            "no {outcome} in {trial:#}"
        );
    }
}

fn trials(document: &Value) -> &Vec<Value> {
    document["trials"].as_array().unwrap()
}

/// Requests lost to the faults.
fn lost(document: &Value) -> u64 {
    let of = |trial: &Value, part: &str| trial["lost"][part].as_u64().unwrap();
    trials(document)
        .iter()
        .map(|trial| of(trial, "in_flight") + of(trial, "window"))
        .sum()
}

#[test]
fn killed_routers_are_found_when_predicted_and_clients_see_resets() {
    let (document, dir) = run("--fault kill --trials 3 --interval 300ms --timeout 300ms --fall 2 --rate 200");
    check(&document, 3, "refused", "reset");
    assert!(
        document["trials"]
            .as_array()
            .unwrap()
            .iter()
            .all(|trial| trial["stamp"] == "signal")
    );
    let ratio = document["summary"]["lost_over_expected"].as_f64().unwrap();
    assert!((0.7..1.3).contains(&ratio), "lost ÷ expected {ratio}");
    let events = std::fs::read_to_string(dir.path().join("out/events.ndjson")).unwrap();
    let mut lines = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["schema"], "resetlab.events.v1");
    assert!(
        lines.all(|record| record["t_ns"].is_u64()
            && record["from"].is_string()
            && record["event"].is_string())
    );
}

#[test]
fn hung_routers_are_found_after_every_check_timed_out_under_end() {
    let (document, _dir) = run(
        "--fault hang --trials 2 --interval 300ms --timeout 200ms --fall 2 --rate 100 \
                                --schedule end --on-failure 502 --response-timeout 500ms",
    );
    check(&document, 2, "response_timeout", "http_504");
}

#[test]
fn requests_whose_clients_give_up_first_are_lost_to_the_hang_and_none_before_routers_are_in_use() {
    let (document, _dir) = run(
        "--fault hang --trials 1 --interval 300ms --timeout 200ms --fall 2 --initial down --rate 100 \
                                --on-failure 502 --response-timeout 50s --client-timeout 1500ms",
    );
    let trial = &trials(&document)[0];
    assert_eq!(trial["detected"], true, "{trial:#}");
    assert!(trial["lost"]["window"].as_u64().unwrap() > 0, "{trial:#}");
    assert_eq!(trial["lost_without_attempt"], lost(&document), "{trial:#}");
    assert_eq!(
        trial["lost"]["by_outcome"]["timeout"],
        lost(&document),
        "{trial:#}"
    );
    assert_eq!(
        document["load"]["lost"],
        lost(&document),
        "{:#}",
        document["load"]
    );
    assert_eq!(document["check"]["initial"], "down");
}

#[test]
fn crashed_routers_are_found_when_predicted_and_clients_see_502() {
    let words = "run --json --fault crash --trials 2 --interval 300ms --timeout 300ms --rate 100 --on-failure 502 \
                 --routers 2 --seed 42";
    let dir = tempfile::tempdir().unwrap();
    let document = crash_run(|| resetlab(dir.path(), words));
    check(&document, 2, "refused", "http_502");
    assert_eq!(document["seed"], "42");
    for trial in trials(&document) {
        assert_eq!(trial["stamp"], "crash");
        assert!(trial["attempts"].as_u64().unwrap() >= 1, "{trial:#}");
    }
}

#[test]
fn a_restart_before_the_next_check_is_not_a_zero_window() {
    let dir = tempfile::tempdir().unwrap();
    let words =
        "run --fault kill --trials 2 --interval 2s --timeout 1s --rate 200 --restart-delay 100ms --out out";
    let output = resetlab(dir.path(), words).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("the balancer never noticed: "), "{text}");
    assert!(
        stderr(&output).contains(": the balancer never noticed: "),
        "{}",
        stderr(&output)
    );
    let document: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("out/summary.json")).unwrap()).unwrap();
    for trial in trials(&document) {
        assert_eq!(trial["detected"], false);
        assert!(trial["t_detect_s"].is_null() && trial["detected_by"].is_null());
        assert!(trial["t_stop_s"].as_f64().unwrap() > 0.0, "{trial:#}");
    }
    assert_eq!(document["summary"]["lost_unnoticed"], lost(&document));
    assert!(lost(&document) > 0);
}

#[test]
fn a_stopped_router_is_as_dead_as_a_killed_one() {
    let (document, _dir) = run("--fault stop --trials 2 --interval 300ms --timeout 300ms --rate 100");
    check(&document, 2, "refused", "reset");
}

#[test]
fn an_erring_router_is_noticed_by_what_it_shows_its_fault_to() {
    // A check that takes a second is no living router's: nobody is mistaken.
    let words = "--fault error --trials 1 --interval 200ms --timeout 1s --rate 100";
    let (health, _dir) = run(&format!("{words} --fault-on health"));
    let trial = &trials(&health)[0];
    assert_eq!(
        (&trial["detected"], &trial["detected_by"]),
        (&true.into(), &"poll".into())
    );
    assert_eq!(trial["detail"], "on health, status 503");
    assert_eq!(lost(&health), 0, "its requests were served");

    let (requests, _dir) = run(&format!("{words} --fault-on requests --fault-status 500"));
    let trial = &trials(&requests)[0];
    assert_eq!(trial["detected"], false, "{trial:#}");
    assert!(trial["causes"]["status_5xx"].as_u64().unwrap() > 0, "{trial:#}");
    assert_eq!(requests["summary"]["lost_unnoticed"], lost(&requests));
    assert!(requests["theory"]["t_detect_s"].is_null());
    assert!(
        requests["theory"]["reason"]
            .as_str()
            .unwrap()
            .contains("requests only")
    );
}

#[test]
fn victims_of_a_trial_are_hit_together_and_each_has_its_window() {
    let (document, dir) =
        run("--fault kill --victims 2 --trials 1 --interval 300ms --timeout 300ms --rate 200");
    check(&document, 2, "refused", "reset");
    let two = trials(&document);
    assert_ne!(two[0]["router"], two[1]["router"]);
    assert_eq!((&two[0]["trial"], &two[1]["trial"]), (&1.into(), &1.into()));
    let events = std::fs::read_to_string(dir.path().join("out/events.ndjson")).unwrap();
    let deaths: Vec<u64> = events
        .lines()
        .filter(|line| line.contains(r#""event":"death""#))
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["t_ns"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(deaths.len(), 2);
    // Half an interval.
    assert!(
        deaths[0].abs_diff(deaths[1]) < 150_000_000,
        "together: {deaths:?}"
    );
}

#[test]
fn an_outage_of_all_routers_ends_and_shows_what_unlimited_retries_add() {
    let words = "--fault kill --victims all --trials 1 --interval 300ms --timeout 300ms --rate 200";
    let (document, _dir) = run(&format!(
        "{words} --on-failure retry --retries 3 --retry-budget off"
    ));
    assert_eq!(trials(&document).len(), 4);
    assert!(trials(&document).iter().all(|trial| trial["detected"] == true));
    let summary = &document["summary"];
    let ratio = summary["attempts_per_request"].as_f64().unwrap();
    assert!(ratio > 1.2, "attempts per request {ratio} in {summary:#}");
    assert!(summary["forwarded"]["retries"].as_u64().unwrap() > 0);
    assert!(lost(&document) > 0, "nobody was left to save them");
    assert!(
        document["theory"]["lost_reason"]
            .as_str()
            .unwrap()
            .contains("several victims")
    );
}

#[test]
fn retries_save_what_is_safe_to_send_again() {
    let (document, _dir) =
        run("--fault kill --trials 2 --interval 300ms --timeout 300ms --rate 200 --on-failure retry");
    let summary = &document["summary"];
    assert_eq!(document["load"]["lost"], 0, "{summary:#}");
    assert!(summary["saved_by_retry"].as_u64().unwrap() > 0, "{summary:#}");
    assert!(
        summary["attempts_per_request"].as_f64().unwrap() > 1.0,
        "{summary:#}"
    );
    assert!(document["theory"]["lost_reason"].is_string());
}

#[test]
fn connections_of_a_tcp_balancer_are_joined_by_their_ports() {
    let words = "--mode tcp --fault kill --trials 1 --interval 300ms --timeout 300ms --rate 200";
    let (document, _dir) = run(words);
    check(&document, 1, "refused", "reset");
    assert_eq!(document["load"]["connection"], "per-request");
    assert_eq!(document["load"]["lost"], lost(&document));
    assert_eq!(document["summary"]["saved_by_retry"], 0);
    let (retried, _dir) = run(&format!("{words} --on-failure retry-connect"));
    assert!(retried["summary"]["saved_by_retry"].as_u64().unwrap() > 0);
}

#[test]
fn a_drain_loses_requests_only_when_it_is_shorter_than_the_window() {
    let words = "--fault drain --trials 2 --interval 200ms --timeout 1s --fall 2 --rate 200";
    let (short, _dir) = run(&format!("{words} --drain-wait 50ms"));
    assert_eq!(short["router"]["drain-wait"], "50ms");
    assert_eq!(short["router"]["max-attempts"], 3);
    for trial in trials(&short) {
        assert_eq!(trial["detected"], true, "{trial:#}");
        let closed = trial["t_closed_s"].as_f64().unwrap();
        assert!(
            closed >= 0.05 && closed < trial["t_detect_s"].as_f64().unwrap(),
            "{trial:#}"
        );
        assert!(trial["lost"]["window"].as_u64().unwrap() > 0, "{trial:#}");
    }
    assert!(short["theory"]["lost_per_trial"].as_f64().unwrap() > 5.0);

    let (long, _dir) = run(&format!("{words} --drain-wait 2s"));
    assert_eq!(trials(&long).len(), 2);
    assert_eq!(long["load"]["lost"], 0, "{:#}", long["summary"]);
    assert_eq!(long["theory"]["lost_per_trial"], 0.0);
}

#[test]
fn a_sentinel_notices_before_the_next_check_and_says_so() {
    let (document, _dir) =
        run("--fault kill --trials 2 --interval 2s --timeout 1s --rise 1 --rate 100 --detector sentinel");
    assert_eq!(document["check"]["detector"], "sentinel");
    assert_eq!(document["summary"]["detected_by"]["sentinel"], 2);
    for trial in trials(&document) {
        // Polling takes an interval at least.
        assert!(trial["t_detect_s"].as_f64().unwrap() < 2.0, "{trial:#}");
    }
}

#[test]
fn two_runs_side_by_side_do_not_notice_each_other() {
    let words = "--fault kill --trials 2 --interval 300ms --timeout 300ms --rate 100";
    let other = std::thread::spawn(move || run(words));
    let (mine, _dir) = run(words);
    let (theirs, _dir) = other.join().unwrap();
    for document in [&mine, &theirs] {
        check(document, 2, "refused", "reset");
        assert_eq!(
            document["load"]["lost"],
            lost(document),
            "every lost request belongs to a death"
        );
    }
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
    let stderr = BufReader::new(child.stderr.take().unwrap());
    // The first line tells of the first trial: then there is something to keep.
    stderr.lines().next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let summary: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("out/summary.json")).unwrap()).unwrap();
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
        let gone = support::all_end_within(&watched, Duration::from_secs(5));
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
