//! Promises of `resetlab sweep`: every cell is measured with theory beside, saved as it is done, and not done again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use support::resetlab;

/// A busy machine whose checks keep time is late by far less, and polling would need at least an interval more.
const SLACK: f64 = 0.15;

const TINY: &str = "sweep --json --out out --interval 200ms,400ms --timeout 100ms --fall 1 --rise 1 --trials 1 \
                    --routers 2 --rate 100 --observe 2s --pause 150ms@10%";

/// The cells saved so far; a line without its end is none.
fn cells(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("out/cells.ndjson")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(str::to_owned).collect()
}

/// Kills the sweep when it says that its first cell is saved.
fn killed_after_one_cell(mut child: Child) {
    let told = BufReader::new(child.stderr.take().unwrap());
    let first = told
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("cell 1/2"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.is_some(), "it ended before it was killed");
}

#[test]
fn a_killed_sweep_goes_on_where_it_stopped_and_marks_the_cheapest_cell() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    // Progress is told in words only where nobody wants JSON.
    let child = resetlab(dir, &TINY.replace(" --json", ""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    killed_after_one_cell(child.unwrap());
    let before = cells(dir);
    assert_eq!(before.len(), 1, "{before:?}");

    let output = resetlab(dir, &format!("{TINY} --slo 0.5")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 of 2 cells are done"), "{told}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cells(dir)[0], before[0], "what was done is kept as it was");
    assert_eq!(document["schema"], "resetlab.sweep.v1");
    assert_eq!(document["complete"], true);
    let list = document["cells"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    for (cell, interval) in list.iter().zip([0.2, 0.4]) {
        let number = |value: &Value| {
            value
                .as_f64()
                .unwrap_or_else(|| panic!("a figure is missing in {cell:#}"))
        };
        assert_eq!((&cell["n"], &cell["detected"]), (&1.into(), &1.into()));
        let t_detect = number(&cell["t_detect_s"]["mean"]);
        assert_eq!(cell["theory"]["t_detect_s"]["max"], interval);
        // By the balancer's own log.
        let late = cell["deaths"][0]["checks_late_ms"]
            .as_f64()
            .map_or(0.0, |ms| ms / 1e3);
        let most = interval + SLACK + late;
        assert!(t_detect < most, "{cell:#}");
        assert!(number(&cell["lost_per_death"]) <= most * 50.0 + 1.0, "{cell:#}");
        assert_eq!(number(&cell["theory"]["checks_per_s"]), 2.0 / interval);
        let checks = number(&cell["checks_per_s"]);
        assert!((0.7..1.05).contains(&(checks * interval / 2.0)), "{cell:#}");
        let paused = &cell["false_ejections"];
        assert!(number(&paused["theory"]["t_mr_s"]) > 0.0);
        assert!(
            number(&paused["router_hours"]) > 0.0009,
            "two routers for two seconds: {cell:#}"
        );
        assert_eq!(cell["deaths"][0]["events_dropped"], 0);
    }
    // Both succeed, and the longer interval checks half as often.
    assert_eq!(document["chosen"], 1);
    let saved: Value = serde_json::from_slice(&std::fs::read(dir.join("out/summary.json")).unwrap()).unwrap();
    assert_eq!(saved, document, "printed and saved are the same");

    // All is done: judged anew without a stack, by an objective that no lost request is compatible with.
    let spotless = list.iter().any(|cell| cell["lost_per_death"] == 0.0);
    let output = resetlab(dir, &format!("{TINY} --slo 1 --deaths-per-hour 1000"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(if spotless { 0 } else { 3 }), "{told}");
    // Another plan has no business there.
    let output = resetlab(dir, &TINY.replace("--fall 1", "--fall 1..2"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("holds another sweep: axes was"), "{told}");
}
