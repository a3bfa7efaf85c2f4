//! Promises of `resetlab sweep`: every cell is measured with theory beside, saved as it is done, and not done again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;
#[path = "support/timing.rs"]
mod timing;

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use support::resetlab;
use timing::{Checks, Death};

/// Seconds beyond what the records themselves explain; polling would need at least an interval more.
const SLACK: f64 = 0.15;

/// A living router is mistaken when it stands still for 400 ms, as only those do that are paused.
const TINY: &str = "sweep --json --out out --interval 500ms,1s --timeout 400ms --fall 1 --rise 1 --trials 1 \
                    --routers 2 --rate 100 --observe 4s --pause 600ms@10%";

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
    for (cell, interval) in list.iter().zip([0.5, 1.0]) {
        let number = |value: &Value| {
            value
                .as_f64()
                .unwrap_or_else(|| panic!("a figure is missing in {cell:#}"))
        };
        assert_eq!((&cell["n"], &cell["detected"]), (&1.into(), &1.into()));
        let t_detect = number(&cell["t_detect_s"]["mean"]);
        assert_eq!(cell["theory"]["t_detect_s"]["max"], interval);
        let death = &cell["deaths"][0];
        let checks = Checks {
            interval_s: interval,
            timeout_s: 0.4,
            from_end: false,
        };
        let stack = dir.join("out").join(death["stack"].as_str().unwrap());
        let untimely = checks.untimely(&timing::events(&stack), &Death::of(death));
        assert!(
            t_detect < interval + SLACK + untimely,
            "{untimely} s explained: {cell:#}"
        );
        // 50 a second into the window, by chance more, and those of a load that stood still before it.
        let expected = (t_detect + 0.3) * 50.0;
        assert!(
            number(&cell["lost_per_death"]) <= expected + 6.0 * expected.sqrt(),
            "{cell:#}"
        );
        assert_eq!(number(&cell["theory"]["checks_per_s"]), 2.0 / interval);
        let checks = number(&cell["checks_per_s"]);
        // From the first to the last of a few: either may have been late.
        assert!((0.6..1.4).contains(&(checks * interval / 2.0)), "{cell:#}");
        let paused = &cell["false_ejections"];
        assert!(number(&paused["theory"]["t_mr_s"]) > 0.0);
        assert!(
            number(&paused["router_hours"]) > 0.002,
            "two routers for four seconds: {cell:#}"
        );
        assert_eq!(death["events_dropped"], 0);
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
