//! Promises of `resetlab report`: the same numbers in every format as in the terminal and in `summary.json`; an interrupted
//! run has a report; what cannot be read is refused in words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/figures.rs"]
mod figures;
mod support;

use figures::{milli, of_html, of_json, of_markdown, of_terminal, wanted};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use support::{resetlab, stderr};

/// Nobody who stands still for a moment is taken for dead.
const WORDS: &str = "--interval 300ms --timeout 2s --fall 2 --rate 200 --out out --set path=/health";

/// A run of so many deaths, and what its terminal said.
fn run(dir: &Path, trials: u32) -> String {
    let output = resetlab(dir, &format!("run --trials {trials} {WORDS}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn report(dir: &Path, words: &str) -> String {
    let output = resetlab(dir, &format!("report out {words}")).output().unwrap();
    assert!(output.status.success(), "{words}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(dir: &Path, words: &str) -> String {
    let output = resetlab(dir, words).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{words}: {}", stderr(&output));
    assert!(output.stdout.is_empty(), "{words}");
    stderr(&output)
}

fn summary(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("out/summary.json")).unwrap()).unwrap()
}

fn edit(dir: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = summary(dir);
    change(&mut document);
    std::fs::write(dir.join("out/summary.json"), document.to_string()).unwrap();
}

#[test]
fn all_places_have_the_same_numbers_and_the_same_report_comes_again() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let terminal = run(dir, 4);
    let line = terminal.lines().find(|line| line.starts_with("report ")).unwrap();
    assert!(line.ends_with("/out/report.html"), "{line}");
    let first =
        ["html", "md"].map(|kind| std::fs::read_to_string(dir.join(format!("out/report.{kind}"))).unwrap());

    let s = summary(dir);
    let wanted = wanted(&s);
    assert_eq!(
        wanted.keys().filter(|key| key.starts_with("outcome ")).count(),
        s["summary"]["by_outcome"].as_object().unwrap().len()
    );
    assert_eq!(of_terminal(&terminal), wanted, "the terminal");
    assert_eq!(of_html(&first[0]), wanted, "report.html");
    assert_eq!(of_markdown(&first[1]), wanted, "report.md");
    let json: Value = serde_json::from_str(&report(dir, "--format json")).unwrap();
    assert_eq!(json["schema"], "resetlab.report.v1");
    assert_eq!(of_json(&json), wanted, "--format json");
    assert_eq!(report(dir, "--json"), report(dir, "--format json"));

    // What is printed is what is written, and a report made again is the same, byte by byte.
    for (kind, before) in ["html", "md"].iter().zip(&first) {
        assert_eq!(
            report(dir, &format!("--format {kind}")).trim_end(),
            before.trim_end()
        );
    }
    let told = report(dir, "");
    assert!(
        told.starts_with("When a router is killed, lb-sim with interval 300ms and fall 2 takes")
            && told.contains(" ms to notice ("),
        "{told}"
    );
    assert!(told.contains("report    out/report.html"), "{told}");
    let again =
        ["html", "md"].map(|kind| std::fs::read_to_string(dir.join(format!("out/report.{kind}"))).unwrap());
    assert_eq!(first, again);

    csv_has_every_trial(&report(dir, "--format csv"), &s);

    // The picture of the typical trial and of the worst, and how to do it again.
    let html = &first[0];
    for part in ["timeline-typical", "timeline-worst", "ecdf", "residuals", "<svg"] {
        assert!(html.contains(part), "{part} is missing");
    }
    let command = format!(
        "resetlab run --trials 4 {WORDS} --seed {}",
        s["seed"].as_str().unwrap()
    );
    assert!(first[1].contains(&command), "{}", first[1]);
    assert!(
        json["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with("n = 4: too few to speak of a spread"),
        "{}",
        json["warnings"]
    );
}

fn csv_has_every_trial(csv: &str, s: &Value) {
    let mut lines = csv.lines();
    let keys: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<BTreeMap<&str, &str>> = lines
        .map(|line| keys.iter().copied().zip(line.split(',')).collect())
        .collect();
    let trials = s["trials"].as_array().unwrap();
    assert_eq!(rows.len(), trials.len());
    for (row, trial) in rows.iter().zip(trials) {
        assert_eq!(row["router"], trial["router"]);
        for key in ["t_detect_s", "predicted_t_detect_s", "t_stop_s", "t_readmit_s"] {
            // What is missing is empty.
            let wanted = if trial[key].is_null() {
                String::new()
            } else {
                milli(&trial[key])
            };
            assert_eq!(row[key], wanted, "{key}");
        }
        assert_eq!(row["window"], trial["lost"]["window"].to_string());
        assert_eq!(row["in_flight"], trial["lost"]["in_flight"].to_string());
    }
}

/// Starts a run of many trials and returns when so many are done.
fn begun(dir: &Path, done: &str) -> (std::process::Child, impl Iterator<Item = String>) {
    let words = "run --trials 50 --interval 300ms --timeout 2s --rate 200 --out out";
    let mut child = resetlab(dir, words)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(
        lines.any(|line| line.starts_with(&format!("trial {done}/50"))),
        "it ended before"
    );
    (child, lines)
}

#[test]
fn an_interrupted_run_has_a_report_that_says_so() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let (mut child, lines) = begun(dir, "1");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id() as i32),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    // One more may be over before the signal is heard.
    let done = 1 + lines.filter(|line| line.starts_with("trial ")).count();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let page = std::fs::read_to_string(dir.join("out/report.md")).unwrap();
    assert!(
        page.contains(&format!(
            "This run was interrupted: {done} of 50 trials are complete"
        )),
        "{page}"
    );
    assert!(page.contains("timeline") || page.contains("Trial 1"), "{page}");
}

#[test]
fn a_trial_that_only_the_records_have_is_the_one_that_was_measured() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    run(dir, 3);
    let (measured, load) = (report(dir, "--format csv"), summary(dir)["load"].clone());
    edit(dir, |document| {
        document["standing"] = "under_way".into();
        document["complete"] = false.into();
        document["trials"].as_array_mut().unwrap().truncate(1);
        for count in ["sent", "ok", "lost"] {
            document["load"][count] = Value::Null;
        }
    });
    assert_eq!(report(dir, "--format csv"), measured);
    let page = report(dir, "--format md");
    for count in ["sent", "ok", "lost"] {
        assert!(
            page.contains(&format!("| {} |", load[count])),
            "{count} {load}\n{page}"
        );
    }
}

#[test]
fn a_killed_run_has_a_report_on_demand_and_what_is_broken_in_it_is_counted() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let (mut child, _lines) = begun(dir, "2");
    let done = |report: &str| {
        let told = report.split(" of 50 trials are complete").next().unwrap();
        told.rsplit(' ').next().unwrap().parse::<usize>().unwrap_or(0)
    };
    // Its summary has one fewer.
    let running = loop {
        let running = report(dir, "--json");
        assert!(running.contains("This run is still running; this is what there is so far: "));
        if done(&running) >= 2 {
            break done(&running);
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!dir.join("out/report.md").exists(), "nobody was left to write it");
    let said = report(dir, "");
    assert!(
        said.contains("This run was interrupted (its supervisor was killed): ") && done(&said) >= running,
        "{running} and then {said}"
    );
    let json: Value = serde_json::from_str(&report(dir, "--json")).unwrap();
    assert_eq!(json["complete"], false);
    let figures = |json: &Value, id: &str| json.to_string().contains(&format!("\"id\":\"{id}\""));
    assert!(
        figures(&json, "timeline-typical"),
        "a trial that is complete has its picture"
    );

    // A line broken in the middle and one without its end.
    let log = dir.join("out/events.ndjson");
    let text = std::fs::read_to_string(&log).unwrap();
    let second = text.find('\n').unwrap() + 1;
    let broken = format!(
        "{}{{\"t_ns\":12,\"fr\n{}{{\"t_ns\":99",
        &text[..second],
        &text[second..text.rfind('\n').unwrap() + 1]
    );
    std::fs::write(&log, broken).unwrap();
    let json: Value = serde_json::from_str(&report(dir, "--json")).unwrap();
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("events.ndjson: 2 broken lines"), "{warnings}");
    assert!(figures(&json, "timeline-typical"));

    // No records at all: the numbers stay, the picture goes, and it says why.
    std::fs::remove_file(&log).unwrap();
    std::fs::remove_file(dir.join("out/outcomes.ndjson")).unwrap();
    let page = report(dir, "--format md");
    assert!(
        page.contains("No timeline can be drawn: the directory has no records of these trials."),
        "{page}"
    );
    assert!(
        page.contains("events.ndjson could not be read: it is not there"),
        "{page}"
    );
    assert!(page.contains("| t_detect |"), "{page}");
}

#[test]
fn what_is_no_run_is_refused_and_junk_in_one_is_left_out() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    assert!(refused(dir, "report out").contains("out: there is no such directory"));
    std::fs::create_dir(dir.join("out")).unwrap();
    assert!(refused(dir, "report out").contains("no results in it; looked for summary.json"));
    std::fs::write(dir.join("file"), "").unwrap();
    assert!(refused(dir, "report file").contains("not a directory"));
    let path = dir.join("out/summary.json");
    for (text, wanted) in [
        ("", "summary.json: empty"),
        (
            r#"{"schema":"resetlab.run.v2"}"#,
            "resetlab.run.v2 was written by a newer resetlab; this one reads v1",
        ),
        (
            r#"{"schema":"other.tool"}"#,
            "its schema is `other.tool`; expected resetlab.run.v1",
        ),
        (
            r#"{"schema":"resetlab.run.v1"}"#,
            "not a document of resetlab's: missing field",
        ),
        (
            "{\"schema\":\"resetlab.run.v1\",\n\"trials\":[",
            "it ends in the middle, at line 2",
        ),
        ("{\"schema\":\"\\u001b[2J\"}", "its schema is `\\u{1b}[2J`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = refused(dir, "report out");
        assert!(error.contains(wanted), "{text}: {error}");
    }
    assert!(refused(dir, "report out --format pdf").contains("html|md|json|csv"));
    assert!(refused(dir, "report out --json --format md").contains("give one of them"));
}

#[test]
fn a_hostile_summary_makes_a_report_that_shows_it_as_text() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    run(dir, 2);
    edit(dir, |s| {
        s["engine"] = "<script>alert(1)</script>".into();
        s["command"] = "resetlab run --out '</pre><img src=x onerror=1>' `id`".into();
        s["trials"][0]["t_detect_s"] = 1e300.into();
        s["trials"][0]["router"] = "| a | b |\n# <b>x</b>".into();
        s["load"]["late_p99_ms"] = (-1e200).into();
        s["summary"]["t_stop_s"]["mean"] = 1e250.into();
    });
    let html = report(dir, "--format html");
    assert!(
        !html.contains("<script>alert") && !html.contains("<img src=x"),
        "{html}"
    );
    assert!(
        html.contains("impossible times of trial 1 are left out"),
        "{html}"
    );
    assert!(html.contains("totals that cannot be are left out"));
    let page = report(dir, "--format md");
    assert!(!page.contains("\n# <b>"), "{page}");
    assert!(
        page.lines().all(|line| line.len() < 3_000),
        "no figure of 300 digits"
    );

    // As many trials as a run can have.
    edit(dir, |s| {
        let trial = s["trials"][1].clone();
        s["trials"] = (1..=100_000)
            .map(|n| {
                let mut t = trial.clone();
                t["trial"] = n.into();
                t
            })
            .collect();
    });
    let html = report(dir, "--format html");
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    assert_eq!(
        report(dir, "--format csv").lines().count(),
        100_001,
        "a table for programs is whole"
    );
}
