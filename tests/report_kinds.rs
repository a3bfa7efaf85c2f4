//! Promises of the reports of sweeps, comparisons and sessions: terminal, document and report have the same numbers, and
//! what was interrupted or killed is a result too.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use nix::sys::signal::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use supervisor::engine::Engine;
use support::{Place, resetlab, stderr};

const SWEEP: &str = "sweep --out out --interval 200ms,400ms --timeout 1s --fall 1 --rise 1 --trials 2 --routers 2 \
                     --rate 100 --observe 1s --slo 0.5";

/// `resetlab report --format json` of `out`.
fn report(dir: &Path, out: &str) -> Value {
    let output = resetlab(dir, &format!("report {out} --format json"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The table of a section, as one object a row, by the columns' keys.
fn rows(report: &Value, section: &str) -> Vec<Value> {
    let sections = report["sections"].as_array().unwrap();
    let section = sections.iter().find(|other| other["id"] == section).unwrap();
    let table = section["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|block| block["block"] == "table");
    let table = table.unwrap();
    let keys: Vec<&str> = table["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["key"].as_str().unwrap())
        .collect();
    let row = |cells: &Value| {
        let cells = cells.as_array().unwrap().iter();
        let cell = |cell: &Value| cell.get("value").unwrap_or(cell).clone();
        let pairs = keys
            .iter()
            .zip(cells)
            .map(|(key, value)| ((*key).to_owned(), cell(value)));
        Value::Object(pairs.collect())
    };
    table["rows"].as_array().unwrap().iter().map(row).collect()
}

fn pictures(report: &Value) -> usize {
    let sections = report["sections"].as_array().unwrap().iter();
    let blocks = sections.flat_map(|section| section["blocks"].as_array().unwrap());
    blocks
        .filter(|block| block["picture"]["picture"] == "timeline" || block["picture"] == "timeline")
        .count()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn a_sweep_leaves_a_report_with_the_numbers_of_its_table() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let output = resetlab(dir, SWEEP).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let named = told
        .lines()
        .find_map(|line| line.strip_prefix("report "))
        .map(str::trim);
    assert!(
        named.is_some_and(|named| named.ends_with("out/report.html")),
        "{told}"
    );
    let document: Value = serde_json::from_str(&text(&dir.join("out/summary.json"))).unwrap();
    assert!(
        document["command"]
            .as_str()
            .unwrap()
            .contains("--interval 200ms,400ms")
    );
    assert!(document["late_p99_ms"].as_f64().is_some(), "{document:#}");
    let report = report(dir, "out");
    assert_eq!(
        (&report["kind"], &report["complete"]),
        (&"sweep".into(), &true.into())
    );
    let rows = rows(&report, "trials");
    let cells = document["cells"].as_array().unwrap();
    assert_eq!((rows.len(), cells.len()), (2, 2));
    let (html, markdown) = (
        text(&dir.join("out/report.html")),
        text(&dir.join("out/report.md")),
    );
    for (row, cell) in rows.iter().zip(cells) {
        assert_eq!(row["lost_per_death"], cell["lost_per_death"]);
        assert_eq!(row["t_detect_s_mean"], cell["t_detect_s"]["mean"]);
        let mean = cell["t_detect_s"]["mean"].as_f64().unwrap();
        // The table in the terminal has two digits, the report three.
        assert!(told.contains(&format!("{mean:.2} (")), "{mean} in\n{told}");
        for page in [&html, &markdown] {
            assert!(page.contains(&format!("{mean:.3}")), "{mean} in the report");
        }
    }
    assert_eq!(pictures(&report), 2, "a typical death and the worst");
    for loaded in ["src=\"http", "href=\"http", "url(http", "@import", "<link"] {
        assert!(!html.contains(loaded), "it needs no network: {loaded}");
    }
}

#[test]
fn an_interrupted_sweep_reports_the_cells_it_has() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let mut child = resetlab(dir, SWEEP)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(
        told.any(|line| line.starts_with("cell 1/2")),
        "it ended before it was interrupted"
    );
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    drop(told.collect::<Vec<_>>());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = report(dir, "out");
    assert_eq!(report["complete"], false);
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Interrupted after 1 of 2 cells"), "{warning}");
    assert_eq!(rows(&report, "trials").len(), 1);
    assert!(text(&dir.join("out/report.md")).contains("Interrupted after 1 of 2 cells"));
}

#[test]
fn a_comparison_leaves_a_report_with_a_picture_of_each_engine() {
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let words = "compare --out out --engines lb-sim,haproxy --preset haproxy --fault kill --trials 2 --interval 300ms \
                 --fall 2 --on-failure 502 --rate 200 --arrivals constant --client-timeout 1s";
    let output = resetlab(dir, words).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.lines()
            .any(|line| line.starts_with("report ") && line.ends_with("out/report.html")),
        "{told}"
    );
    let document: Value = serde_json::from_str(&text(&dir.join("out/compare.json"))).unwrap();
    let report = report(dir, "out");
    let rows = rows(&report, "trials");
    let trials = document["faults"][0]["trials"].as_array().unwrap();
    assert_eq!((rows.len(), trials.len()), (4, 4));
    for (row, done) in rows.iter().zip(trials) {
        assert_eq!(row["engine"], done["engine"]);
        assert_eq!(row["t_detect_s"], done["trial"]["t_detect_s"]);
        assert_eq!(row["window_s"], done["clients"]["window_s"]);
    }
    let verdict = document["faults"][0]["verdicts"][0]["numbers"]["reason"]
        .as_str()
        .unwrap();
    let markdown = text(&dir.join("out/report.md"));
    assert!(markdown.contains(verdict), "{verdict} in\n{markdown}");
    assert!(told.contains(verdict), "{verdict} in\n{told}");
    assert_eq!(pictures(&report), 2, "one of each engine");
    for side in document["faults"][0]["engines"].as_array().unwrap() {
        let median = side["t_detect_s"]["p50"].as_f64().unwrap();
        assert!(markdown.contains(&format!("{median:.3} (")) && told.contains(&format!("{median:.3} (")));
    }
}

const UP: [&str; 14] = [
    "--out",
    "out",
    "--interval",
    "300ms",
    "--timeout",
    "1s",
    "--fall",
    "2",
    "--rate",
    "200",
    "--restart-delay",
    "60s",
    "--routers",
    "3",
];

#[test]
fn a_session_s_page_terminal_and_report_tell_the_same_of_a_kill() {
    let place = Place::new();
    let mut lab = place.up(&UP);
    lab.wait_for_check("router-2");
    assert!(place.run(&["kill", "router-2"]).status.success());
    lab.wait_for("the window is told", |line| line.contains("reset window"));
    lab.signal(Signal::SIGINT);
    assert_eq!(lab.exit_code(), Some(130));
    let dir = place.path();
    let session: Value = serde_json::from_str(&text(&dir.join("out/summary.json"))).unwrap();
    assert_eq!(session["schema"], "resetlab.summary.v1");
    let window = &session["windows"][0];
    let t_detect = window["t_detect_s"].as_f64().unwrap();
    let lost = window["lost"]["window"].as_u64().unwrap();
    let told = lab.heard.join("\n");
    assert!(
        told.contains(&format!("t_detect {t_detect:.3} s")),
        "{t_detect} in\n{told}"
    );
    assert!(
        told.contains(&format!("+ {lost} in the window")),
        "{lost} in\n{told}"
    );
    assert!(
        told.lines()
            .any(|line| line.starts_with("report ") && line.ends_with("out/report.html")),
        "{told}"
    );
    let report = report(dir, "out");
    let rows = rows(&report, "trials");
    assert_eq!(
        (&rows[0]["t_detect_s"], &rows[0]["lost_in_window"]),
        (&window["t_detect_s"], &window["lost"]["window"])
    );
    assert_eq!(pictures(&report), 1);
    let markdown = text(&dir.join("out/report.md"));
    let sent = session["load"]["sent"].as_u64().unwrap();
    assert!(
        markdown.contains(&format!("{t_detect:.3}")) && markdown.contains(&format!("{sent} requests")),
        "{markdown}"
    );
    assert!(
        session["load"]["latency_ms"]["p99"].as_f64().is_some(),
        "{session:#}"
    );
    assert!(
        !text(&dir.join("out/summary.json")).contains("token"),
        "orders of the page are not given away"
    );
}

#[test]
fn a_session_whose_supervisor_was_killed_is_reported_from_its_records() {
    let place = Place::new();
    let mut lab = place.up(&UP);
    lab.wait_for_check("router-2");
    assert!(place.run(&["kill", "router-2"]).status.success());
    let line = lab.wait_for("it is noticed", |line| line.contains("router-2 DOWN: t_detect"));
    lab.wait_for("the window is told", |line| line.contains("reset window"));
    // The log may have it later than the terminal, and a request that ends late is told by itself.
    let lost_as_told = |report: &Value, told: &str| {
        if !report.to_string().contains("lost_in_window") {
            return false;
        }
        let row = &rows(report, "trials")[0];
        let [in_flight, window] = ["lost_in_flight", "lost_in_window"].map(|key| row[key].as_u64());
        let total = in_flight.unwrap_or(0) + window.unwrap_or(0);
        let before = window.is_some_and(|lost| told.contains(&format!("{lost} in the window")));
        before || told.contains(&format!("its window lost {total} in all"))
    };
    let give_up = router::clock::now() + Duration::from_secs(60);
    while !lost_as_told(&report(place.path(), "out"), &lab.told()) {
        assert!(router::clock::now() < give_up, "{}", lab.told());
    }
    lab.kill_9();
    assert!(!place.path().join("out/summary.json").exists());
    let report = report(place.path(), "out");
    assert_eq!(
        (&report["kind"], &report["complete"]),
        (&"lab".into(), &false.into())
    );
    assert!(report["warnings"][0].as_str().unwrap().contains("was not ended"));
    let rows = rows(&report, "trials");
    let t_detect = rows[0]["t_detect_s"].as_f64().unwrap();
    assert!(
        line.contains(&format!("t_detect {t_detect:.3} s")),
        "{t_detect}: {line}"
    );
    let told = lab.told();
    let predicted = rows[0]["predicted_t_detect_s"].as_f64().unwrap();
    assert!(
        told.contains(&format!("predicted {predicted:.3} s")),
        "{predicted} in\n{told}"
    );
    assert!(lost_as_told(&report, &told), "{} in\n{told}", rows[0]);
    assert_eq!(pictures(&report), 1);
}

/// Of a session that was killed: every wrong file is refused in words and at once, and none hides the records.
#[test]
fn odd_files_and_full_disks_are_answered_in_words() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    let ask = |words: &str| resetlab(dir, words).output().unwrap();
    std::fs::create_dir(dir.join("odd")).unwrap();
    nix::unistd::mkfifo(&dir.join("odd/events.ndjson"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let output = ask("report odd");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("it is no file, but a pipe"),
        "{}",
        stderr(&output)
    );
    std::fs::remove_file(dir.join("odd/events.ndjson")).unwrap();

    let log = "{\"schema\":\"resetlab.events.v1\"}\n{\"t_ns\":1,\"from\":\"supervisor\",\"event\":\"note\",\"text\":\"x\"}\n";
    std::fs::write(dir.join("odd/events.ndjson"), log).unwrap();
    std::fs::write(
        dir.join("odd/outcomes.ndjson"),
        "{\"schema\":\"resetlab.outcomes.v1\"}\n",
    )
    .unwrap();
    std::fs::write(dir.join("odd/summary.json"), "{\"schema\":\"resetlab.run.v1\",").unwrap();
    let report = report(dir, "odd");
    assert_eq!(report["kind"], "lab");
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("summary.json: it ends in the middle"),
        "{warning}"
    );

    assert!(ask("report odd").status.success());
    let printed = ask("report odd --format html").stdout;
    assert_eq!(
        printed,
        std::fs::read(dir.join("odd/report.html")).unwrap(),
        "to the byte"
    );

    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = resetlab(dir, "report odd --format md")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("cannot write the output"),
        "{}",
        stderr(&output)
    );
}
