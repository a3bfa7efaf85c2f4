//! Terminal manners: escapes only where a terminal understands them, and only such as its owner wants.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use support::{Place, process, stderr};

/// Down is noticed long before the router is back, and nobody who stands still for a moment is taken for dead.
const FAST: [&str; 6] = ["--interval", "300ms", "--timeout", "2s", "--restart-delay", "3s"];
const RUN: &str = "run --trials 1 --interval 200ms --timeout 2s --fall 1 --rate 50 --out run";

/// A command typed at a terminal of that kind; both of its streams come back as one. `None`: there is no `script`.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
fn at_a_terminal(place: &Place, words: &str, environment: &[(&str, &str)]) -> Option<Child> {
    let line = format!("exec {} {words}", env!("CARGO_BIN_EXE_resetlab"));
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(place.path())
        .env("XDG_RUNTIME_DIR", place.path())
        .env_remove("NO_COLOR")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    match command.spawn() {
        Ok(child) => Some(child),
        Err(error) => {
            let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "REQUIRE_PEERS=1, but there is no `script` (Debian: bsdutils): {error}"
            );
            println!("skipped: there is no `script` to make a terminal: {error}");
            None
        }
    }
}

/// What a whole run shows at such a terminal.
fn run_at_a_terminal(environment: &[(&str, &str)]) -> Option<String> {
    let place = Place::new();
    let output = at_a_terminal(&place, RUN, environment)?
        .wait_with_output()
        .unwrap();
    assert!(output.status.success(), "{:?}", text(&output));
    Some(text(&output))
}

/// What a lab in which a router dies shows at such a terminal.
fn lab_at_a_terminal(environment: &[(&str, &str)]) -> Option<String> {
    let place = Place::new();
    let mut lab = at_a_terminal(&place, &format!("up {}", FAST.join(" ")), environment)?;
    let mut told = String::new();
    let mut terminal = BufReader::new(lab.stdout.take().unwrap());
    let mut read_to = |words: &str| {
        while !told.contains(words) {
            assert!(terminal.read_line(&mut told).unwrap() > 0, "it ended: {told}");
        }
    };
    read_to("Ctrl-C ends");
    place.json(&["kill", "router-2"]);
    read_to("router-2 reset window");
    place.json(&["down"]);
    read_to("nothing left running");
    assert!(lab.wait().unwrap().success());
    Some(told)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn no_escape_goes_where_no_terminal_is() {
    let place = Place::new();
    let mut lab = place.up(&FAST);
    lab.wait_for_check("router-2");
    let killed = place.run(&["kill", "router-2"]);
    lab.wait_for("the window", |line| line.contains("router-2 reset window"));
    lab.wait_for("the end of it", |line| line.contains("router-2 UP"));
    let ps = [place.run(&["ps"]), place.run(&["ps", "--wide"])];
    assert_eq!(process(&lab.ps(), "router-2")["restarts"], 1);
    let down = place.run(&["down"]);
    assert_eq!(lab.exit_code(), Some(0), "{}", stderr(&down));
    for output in [&killed, &down, &ps[0], &ps[1]] {
        assert!(
            output.status.success() && !text(output).contains('\x1b'),
            "{:?}",
            text(output)
        );
    }
    let told = lab.heard.join("\n");
    assert!(!told.contains('\x1b'), "{told:?}");

    let run = place.run(&RUN.split(' ').collect::<Vec<_>>());
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(!text(&run).contains('\x1b'), "{:?}", text(&run));
    assert!(text(&run).contains("trial 1/1: "), "{:?}", text(&run));
    for format in ["md", "json", "csv"] {
        let report = place.run(&["report", "run", "--format", format]);
        assert!(report.status.success(), "{}", stderr(&report));
        assert!(!text(&report).contains('\x1b'), "{:?}", text(&report));
    }
}

#[test]
fn a_run_has_a_bar_on_a_terminal_and_lines_on_a_dumb_one_or_where_its_owner_says_no() {
    let Some(shown) = run_at_a_terminal(&[("TERM", "xterm"), ("NO_COLOR", "")]) else {
        return;
    };
    assert!(shown.contains("\x1b["), "the bar writes over itself: {shown:?}");
    assert!(!shown.contains("trial 1/1: "), "the bar tells it: {shown:?}");
    for plain in [("TERM", "dumb"), ("TERM", ""), ("NO_COLOR", "1")] {
        let shown = run_at_a_terminal(&[("TERM", "xterm"), plain]).unwrap();
        assert!(!shown.contains('\x1b'), "{plain:?}: {shown:?}");
        assert!(shown.contains("trial 1/1: "), "{plain:?}: {shown:?}");
    }
}

#[test]
fn the_help_says_what_makes_it_plain() {
    let help = Place::new().run(&["--help"]);
    let words = text(&help);
    assert!(
        words.contains("NO_COLOR=1, TERM=dumb or no terminal: plain lines"),
        "{words}"
    );
}

#[test]
fn the_story_has_colours_on_a_terminal_unless_it_is_dumb_or_its_owner_says_no() {
    let Some(shown) = lab_at_a_terminal(&[("TERM", "xterm")]) else {
        return;
    };
    assert!(shown.contains("\x1b[31mrouter-2 DEAD"), "{shown:?}");
    for plain in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let shown = lab_at_a_terminal(&[("TERM", "xterm"), plain]).unwrap();
        assert!(!shown.contains('\x1b'), "{plain:?}: {shown:?}");
    }
}
