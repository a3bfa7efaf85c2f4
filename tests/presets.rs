//! Presets: what they set, what beats them, and that they are named wherever they are in force.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use support::{Place, stderr};

fn out(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Value and origin of one setting, as `config show --origin` has them.
fn origin(shown: &str, key: &str) -> String {
    let line = shown.lines().find(|line| line.starts_with(&format!("{key} = ")));
    let line = line.unwrap_or_else(|| panic!("no {key} in {shown}"));
    line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_preset_is_the_ground_and_says_so() {
    let place = Place::new();
    std::fs::write(
        place.path().join("resetlab.toml"),
        "fall = 4\npreset = \"envoy\"\n",
    )
    .unwrap();
    let mut command = place.command(&[
        "config",
        "show",
        "--origin",
        "--interval",
        "1s",
        "--set",
        "rise=7",
        "--set",
        "rate=9",
    ]);
    let output = command.env("RESETLAB_PRESET", "haproxy").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for (key, wanted) in [
        ("preset", "\"haproxy\" # RESETLAB_PRESET"),
        ("interval", "\"1s\" # --interval"),
        ("fall", "4 # resetlab.toml:1"),
        ("rise", "7 # --set"),
        ("rate", "9 # --set"),
        ("timeout", "\"interval\" # preset haproxy"),
        ("schedule", "\"end\" # preset haproxy"),
        ("panic-threshold", "\"off\" # default"),
    ] {
        assert_eq!(origin(&shown, key), wanted, "{shown}");
    }
    // What is shown makes the same.
    let again = out(&place, &["config", "show", "--preset", "azure-lb"]);
    std::fs::write(place.path().join("resetlab.toml"), &again).unwrap();
    assert_eq!(out(&place, &["config", "show"]), again);
    let engine = out(
        &Place::new(),
        &["config", "show", "--origin", "--engine", "nginx"],
    );
    assert_eq!(origin(&engine, "passive-failures"), "1 # preset nginx");
}

#[test]
fn one_can_be_explained_copied_and_used() {
    let place = Place::new();
    let list = out(&place, &["presets"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    let all = place.json(&["presets"]);
    assert_eq!(all["schema"], "resetlab.presets.v1");
    for preset in all["presets"].as_array().unwrap() {
        let name = preset["name"].as_str().unwrap();
        let shown = place.json(&["presets", "show", name]);
        assert_eq!(shown["schema"], "resetlab.preset.v1");
        let rules = shown["rules"].as_array().unwrap();
        let sourced = |rule: &Value| rule["source"].as_str().is_some_and(|source| !source.is_empty());
        assert!(!rules.is_empty() && rules.iter().all(sourced), "{name}");
    }
    let text = out(&place, &["presets", "show", "haproxy"]);
    // Lines are broken where a terminal ends.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "haproxy (measured; HAProxy 2.6.12)",
        "fastinter",
        "defaults.h:284",
        "without `timeout check`",
        "A killed router is expected Down after 5.00 s (4.00 to 6.00)",
        "resetlab run --engine haproxy --preset haproxy",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let file = out(&place, &["presets", "show", "haproxy", "--toml"]);
    let file = file.replace("value = \"2s\"", "value = \"700ms\"");
    std::fs::write(place.path().join("mine.toml"), file).unwrap();
    let shown = out(&place, &["config", "show", "--origin", "--preset", "mine.toml"]);
    assert_eq!(origin(&shown, "interval"), "\"700ms\" # preset mine.toml");
}

#[test]
fn what_is_no_preset_is_refused() {
    let place = Place::new();
    let refused = |arguments: &[&str], words: &str| {
        let output = place.run(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    refused(
        &["up", "--preset", "haprxy"],
        "--preset: preset cannot be `haprxy`: expected one of haproxy,",
    );
    refused(&["presets", "show", "ngnix"], "expected one of nginx,");
    refused(&["run", "--preset", "./none.toml"], "./none.toml`: No such file");
    refused(&["run", "--set", "interval"], "expected KEY=VALUE");
    refused(
        &["run", "--set", "intervall=1s"],
        "--set: unknown setting `intervall`: perhaps interval",
    );
    refused(
        &["run", "--preset", "aws-nlb", "--on-failure", "502"],
        "on-failure=502 needs mode=http",
    );
    refused(
        &["run", "--preset", "gcp", "--set", "timeout=6s"],
        "preset=gcp needs timeout <= interval (google-cloud-compute",
    );
    refused(
        &[
            "sweep",
            "--preset",
            "gcp",
            "--interval",
            "1s",
            "--timeout",
            "500ms,2s",
        ],
        "timeout is 2s, interval is 1s",
    );
    let file = |text: &str| std::fs::write(place.path().join("bad.toml"), text).unwrap();
    let head = "title = \"T\"\nversions = \"1\"\nabout = \"A.\"\ngrade = \"documented\"\n";
    file(&format!("{head}[rule.interval]\nvalue = \"1s\"\n"));
    refused(
        &["sweep", "--preset", "bad.toml"],
        "bad.toml:5: rule.interval has no `source`",
    );
    file(&format!("{head}[rule.speed]\nvalue = 1\nsource = \"x\"\n"));
    refused(
        &["presets", "show", "bad.toml"],
        "bad.toml:5: lb-sim has no setting `speed`",
    );
    file("not toml");
    refused(&["up", "--preset", "./bad.toml"], "./bad.toml:1: ");
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn a_lab_and_a_run_name_it() {
    let place = Place::new();
    let flags = "--preset haproxy --interval 300ms --routers 2 --rate 50 --out results";
    let lab = place.up(&flags.split(' ').collect::<Vec<_>>());
    let note = "haproxy (measured; HAProxy 2.6.12), with interval=300ms";
    let banner = lab.heard.join("\n");
    assert!(banner.contains(&format!("preset    {note}")), "{banner}");
    let shown = out(&place, &["ps"]);
    assert!(shown.contains(&format!("preset {note}\n")), "{shown}");
    let set = out(&place, &["set", "fall=2"]);
    assert!(set.contains("with interval=300ms fall=2"), "{set}");
    let ps = lab.ps();
    assert_eq!(ps["preset"]["name"], "haproxy");
    assert_eq!(ps["preset"]["grade"], "measured");
    assert_eq!(ps["preset"]["versions"], "HAProxy 2.6.12");
    assert_eq!(ps["preset"]["with"]["fall"], "2");
    let output = place.run(&["set", "preset=envoy"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`resetlab down`, then `resetlab up --preset envoy`"),
        "{}",
        stderr(&output)
    );
    assert!(place.run(&["down"]).status.success());

    let run = "run --preset haproxy --set interval=200ms --fall 1 --routers 2 --rate 50 --trials 1 --set retries=1 \
               --set retry-delay=10ms";
    let summary = place.json(&run.split_whitespace().collect::<Vec<_>>());
    assert_eq!(summary["preset"], "haproxy");
    assert_eq!(summary["preset_grade"], "measured");
    assert_eq!(summary["preset_versions"], "HAProxy 2.6.12");
    assert_eq!(summary["preset_with"]["interval"], "200ms");
    assert_eq!(summary["check"]["schedule"], "end");
    let sweep = "sweep --preset haproxy --interval 200ms --fall 1..2 --routers 2 --rate 50 --trials 1 --set retries=1";
    let summary = place.json(&sweep.split_whitespace().collect::<Vec<_>>());
    assert_eq!(summary["plan"]["preset"]["name"], "haproxy");
    assert_eq!(summary["plan"]["preset"]["with"]["retries"], "1");
}
