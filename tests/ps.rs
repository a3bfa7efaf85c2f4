//! `ps` says why, `logs` what was said.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use serde_json::Value;
use support::{Place, stderr};

fn stdout(place: &Place, words: &[&str]) -> String {
    let output = place.run(words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn why_a_router_is_down_and_what_brings_it_back() {
    let place = Place::new();
    let mut lab = place.up(&[
        "--interval",
        "200ms",
        "--timeout",
        "2s",
        "--restart-delay",
        "1h",
        "--rate",
        "20",
    ]);
    assert!(
        lab.heard
            .iter()
            .filter(|line| line.starts_with("  settings"))
            .all(|line| line.len() <= 112),
        "{:?}",
        lab.heard
    );
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| {
        line.contains("router-2 reset window")
    });
    lab.reaped("router-2");

    let table = stdout(&place, &["ps"]);
    let longest = table
        .lines()
        .filter(|line| !line.starts_with("results"))
        .map(|line| line.chars().count())
        .max();
    assert!(longest <= Some(100), "{table}");
    assert!(
        table.contains("restart in 35"),
        "what is to be done is not cut: {table}"
    );

    let wide = stdout(&place, &["ps", "--wide"]);
    for words in [
        "router-2 is dead for",
        ": killed by SIGKILL after",
        "  believed down for",
        ", decided by poll: ",
        "  back: 2 successful checks in a row",
        "  response-timeout       2s",
        "  restart-delay          1h",
        "settings of the routers, which do not change\n  balancing-algorithm            round-robin\n",
    ] {
        assert!(wide.contains(words), "{words}\n{wide}");
    }
    assert!(!wide.contains("router-1 is"), "{wide}");
    let verdict = &place.json(&["ps"])["verdicts"]["router-2"];
    assert_eq!(verdict["decided_by"], "poll");
    assert!(
        verdict["since_s"].is_f64() && verdict["back"].is_string(),
        "{verdict}"
    );
    assert_eq!(place.json(&["ps"])["verdicts"]["router-1"]["back"], Value::Null);
}

#[test]
fn logs_end_with_the_last_lines_and_are_found_after_the_lab() {
    let place = Place::new();
    let mut lab = place.up(&["--rate", "0", "--restart-delay", "1h", "--out", "kept"]);
    place.json(&["crash", "router-1", "--sure"]);
    lab.wait_for("the death in words", |line| line.contains("router-1 DEAD"));
    let exit = lab.reaped("router-1");
    assert!(exit.starts_with("exited 2"), "{exit}");
    let all = stdout(&place, &["logs", "router-1"]);
    let end = stdout(&place, &["logs", "router-1", "--tail", "1"]);
    // One of stderr, and one of stdout if a check came before the crash.
    assert!((1..=2).contains(&end.lines().count()), "{end}");
    let last = end.lines().last().unwrap();
    assert!(
        all.lines().count() > 10 && all.trim_end().ends_with(last.trim_end()),
        "{all}"
    );
    assert_eq!(stdout(&place, &["logs", "--tail", "0"]), "");

    place.json(&["down"]);
    let gone = place.run(&["logs", "router-1"]);
    assert_eq!(gone.status.code(), Some(4));
    let kept = place.path().canonicalize().unwrap().join("kept/logs");
    let words = format!("the logs of its last run are in {}", kept.display());
    assert!(stderr(&gone).contains(&words), "{}", stderr(&gone));
    let never = place.run(&["--lab", "never", "logs"]);
    assert!(!stderr(&never).contains("last run"), "{}", stderr(&never));
}
