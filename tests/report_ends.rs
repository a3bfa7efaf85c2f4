//! Promises of how results end: what could not be written is said and counted, a window in which a session ended says so,
//! and whoever is asked twice does not go on writing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use support::{Place, resetlab, stderr};

const WORDS: &str = "--trials 3 --interval 300ms --timeout 2s --set path=/health --out out";

/// Blocks that a summary fits in, and no log.
const ROOM: u32 = 64;

/// A command none of whose files grows beyond so many times 512 bytes, as on a disk that is full by then.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
fn within(blocks: u32, command: &Command) -> Command {
    let mut limited = Command::new("sh");
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited
        .args(["-c", &limit])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

fn limited(dir: &Path, blocks: u32, words: &str) -> Output {
    within(blocks, &resetlab(dir, words)).output().unwrap()
}

fn summary(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("out/summary.json")).unwrap()).unwrap()
}

/// The warnings of the report, which may be written where there is room.
fn warnings(dir: &Path) -> String {
    let output = resetlab(dir, "report out --format json").output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["warnings"].to_string()
}

/// `Null`: there is none yet.
fn json(dir: &Path) -> Value {
    let output = resetlab(dir, "report out --format json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The report that fits, of results that grow.
fn as_soon_as(dir: &Path, fits: impl Fn(&Value) -> bool) -> Value {
    let give_up = router::clock::now() + Duration::from_secs(60);
    loop {
        let report = json(dir);
        if fits(&report) {
            return report;
        }
        assert!(router::clock::now() < give_up, "{report}");
    }
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The log does not fit, the summary does.
#[test]
fn a_run_whose_records_could_not_be_written_says_how_many_everywhere() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let output = limited(place.path(), ROOM, &format!("run {WORDS}"));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let lost = summary(place.path())["records_lost"].as_u64().unwrap();
    assert!(lost > 0);
    assert!(
        told.contains(&format!("{lost} records could not be written: ")),
        "{told}"
    );
    let printed = words(&output.stdout);
    let records = if lost == 1 { "record" } else { "records" };
    assert!(
        printed.contains(&format!("warning: {lost} {records} could not be written")),
        "{printed}"
    );
    assert!(
        warnings(place.path()).contains(&format!(
            "{lost} {records} could not be written, as on a full disk"
        )),
        "{}",
        warnings(place.path())
    );
}

/// Not even the summary does: what was measured is printed, and the exit status tells programs.
#[test]
fn a_run_whose_summary_could_not_be_written_has_failed() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let output = limited(place.path(), 16, &format!("run {WORDS}"));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot write summary.json in "), "{told}");
    assert!(told.contains("records could not be written: "), "{told}");
    let printed = words(&output.stdout);
    assert!(
        printed.contains("warning: ") && printed.contains("records could not be written"),
        "{printed}"
    );
    assert!(!place.path().join("out/summary.json").exists());
}

#[test]
fn a_sweep_and_a_session_whose_records_could_not_be_written_say_so() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let output = limited(place.path(), ROOM, &format!("sweep --observe 2s {WORDS}"));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let lost = summary(place.path())["records_lost"].as_u64().unwrap();
    assert!(
        lost > 0 && told.contains(&format!("{lost} records could not be written: ")),
        "{told}"
    );
    assert!(warnings(place.path()).contains(&format!("{lost} records could not be written")));

    let place = Place::new();
    let command = place.command(&["up", "--out", "out", "--page", "off", "--metrics", "off"]);
    let mut child = spawn(&mut within(ROOM, &command));
    until(&mut child, "RESULTS ARE BEING LOST");
    assert!(place.run(&["down"]).status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lost = summary(place.path())["records_lost"].as_u64().unwrap();
    let printed = words(&output.stdout);
    assert!(
        lost > 0 && printed.contains(&format!("{lost} records could not be written")),
        "{printed}"
    );
    assert!(warnings(place.path()).contains(&format!("{lost} records could not be written")));
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads what the child says on stderr up to a line that has `words`.
fn until(child: &mut Child, words: &str) {
    let mut line = String::new();
    // By the byte, so that nothing of what follows is lost.
    let stderr = child.stderr.as_mut().unwrap();
    let mut byte = [0];
    while !line.contains(words) {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it ended without {words}");
        line.push(char::from(byte[0]));
    }
}

/// Ended properly: by `down`.
#[test]
fn a_session_that_ends_in_a_window_says_so_and_how_long_that_was() {
    let place = Place::new();
    let mut lab = place.up(&[
        "--interval",
        "10m",
        "--restart-delay",
        "10m",
        "--out",
        "out",
        "--page",
        "off",
        "--metrics",
        "off",
    ]);
    assert!(place.run(&["kill", "router-2"]).status.success());
    lab.wait_for("it died", |line| line.contains("router-2 DEAD"));
    // The terminal may hear of it before the log has it.
    let running = as_soon_as(place.path(), |report| {
        report["warnings"]
            .to_string()
            .contains("The window of router-2 is still open")
    });
    let told = running["warnings"].to_string();
    assert!(
        told.contains("This session is still running; this is what there is so far"),
        "{told}"
    );
    assert!(!running.to_string().contains("session ended"), "{running}");
    assert!(place.run(&["down"]).status.success());
    assert_eq!(lab.exit_code(), Some(0));
    let summary = summary(place.path());
    let window = &summary["windows"][0];
    assert_eq!(window["open"], true, "{window}");
    let so_far = window["open_for_s"].as_f64().unwrap();
    assert!(so_far > 0.0 && so_far < summary["lab"]["duration_s"].as_f64().unwrap());
    let told = format!("still open when the lab ended, {so_far:.3} s so far");
    assert!(
        lab.heard.iter().any(|line| line.contains(&told)),
        "{told} in\n{}",
        lab.heard.join("\n")
    );
    let warnings = warnings(place.path());
    let told = format!("The window of router-2 was still open when the session ended, {so_far:.3} s so far");
    assert!(warnings.contains(&told), "{warnings}");
    let report = words(&std::fs::read(place.path().join("out/report.md")).unwrap());
    assert!(
        report.contains(&format!("open at the end, {so_far:.3} s so far")),
        "{report}"
    );
}

/// While it runs, and when nobody was left to end it: the fault under way, its losses and the load are told as the records
/// have them.
#[test]
fn a_run_killed_in_its_first_window_tells_what_its_records_hold() {
    let place = tempfile::Builder::new().prefix("rl").tempdir().unwrap();
    let dir = place.path();
    // Its window stays open for nine seconds at least.
    let flags = "--trials 3 --interval 1s --timeout 300ms --fall 10 --set path=/health --seed 1 --out out";
    let mut child = spawn(&mut resetlab(dir, &format!("run {flags}")));
    let cost = |report: &Value| {
        let told = report["warnings"][0].as_str().unwrap_or_default().to_owned();
        let lost = told.split(" under way and ").nth(1)?;
        let lost = lost.split(' ').find_map(|word| word.parse::<u64>().ok())?;
        Some((told, lost))
    };
    let (running, told) = loop {
        let report = json(dir);
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before its first window"
        );
        if let Some((told, 5..)) = cost(&report) {
            break (report, told);
        }
    };
    assert!(
        told.starts_with(
            "This run is still running; this is what there is so far: 0 of 3 trials are complete"
        ),
        "{told}"
    );
    for untrue in ["interrupted", "full disk", "No request was answered"] {
        assert!(!running.to_string().contains(untrue), "{untrue} in {running}");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let report = json(dir);
    let (told, lost) = cost(&report).unwrap();
    assert!(
        told.starts_with("This run was interrupted (its supervisor was killed): 0 of 3 trials are complete")
            && told.contains("the fault of trial 1 was under way and cost "),
        "{told}"
    );
    let records = |name: &str| {
        let text = std::fs::read_to_string(dir.join("out").join(name)).unwrap();
        let lines = text.lines().skip(1);
        lines
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .collect::<Vec<_>>()
    };
    let (events, outcomes) = (records("events.ndjson"), records("outcomes.ndjson"));
    let fault = events.iter().find(|record| record["event"] == "fault").unwrap();
    let tick = events
        .iter()
        .rev()
        .find(|record| record["event"] == "tick")
        .unwrap();
    let after = |record: &&Value| record["t_ns"].as_u64() >= fault["t_ns"].as_u64();
    assert_eq!(lost, outcomes.iter().filter(after).count() as u64);
    let page = words(&resetlab(dir, "report out --format md").output().unwrap().stdout);
    let row = |name: &str| {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {name} | ")))
            .unwrap();
        row.split(" | ")
            .last()
            .unwrap()
            .trim_end_matches(" |")
            .replace(',', "")
    };
    assert_eq!(row("answered"), tick["ok"].to_string());
    assert_eq!(row("lost"), outcomes.len().to_string());
    assert!(row("sent").parse::<u64>().unwrap() >= tick["sent"].as_u64().unwrap());
    assert!(row("window").starts_with('–'), "{page}");
    assert!(page.starts_with("# The first of 3 kills"), "{page}");
    for untrue in ["0 kills", "full disk", "No request was answered"] {
        assert!(!page.contains(untrue), "{untrue} in {page}");
    }
    // What it had saved before its first request.
    let stored = summary(dir);
    for (part, name) in [
        ("load", "sent"),
        ("load", "lost"),
        ("summary", "detected"),
        ("summary", "saved_by_retry"),
    ] {
        assert!(stored[part][name].is_null(), "{part}.{name}: {stored}");
    }
}

/// Its summary goes into a pipe that nobody empties: the report cannot be done before the second signal is heard.
#[test]
fn a_second_signal_while_results_are_written_ends_it_at_once() {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::sys::signal::{Signal, kill};
    let place = Place::new();
    let mut child = spawn(&mut place.command(&["up", "--out", "out", "--page", "off", "--metrics", "off"]));
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Ctrl-C ends") {
        line.clear();
        assert!(
            stdout.read_line(&mut line).unwrap() > 0,
            "it ended before it served"
        );
    }
    let fifo = place.path().join("out/summary.json.new");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut pipe = File::options().read(true).write(true).open(&fifo).unwrap();
    // One page: the document has several.
    let room = fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    kill(pid, Signal::SIGINT).unwrap();
    let mut first = [0];
    pipe.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{");
    // The lab has stopped, and the rest of the document waits for room that it does not get.
    kill(pid, Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.contains("told twice: no report; `resetlab report"), "{told}");
    assert!(!place.path().join("out/report.html").exists());
    assert!(room < 8192, "the document would have fitted");
    drop(pipe);
    std::fs::remove_file(&fifo).unwrap();
    assert!(resetlab(place.path(), "report out").status().unwrap().success());
    assert!(place.path().join("out/report.html").exists());
}
