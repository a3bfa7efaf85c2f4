//! Settings: where each comes from, and that the routers have them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use support::{Place, stderr};

fn show(place: &Place, flags: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = place.command(&[&["config", "show"], flags].concat());
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn config_show_tells_every_value_and_its_origin() {
    let place = Place::new();
    let file = place.path().join("resetlab.toml");
    std::fs::write(&file, "rise = 3\n\nfall = 3\ndrain_wait = \"20s\"\n").unwrap();
    let flags = [
        "--origin",
        "--interval",
        "1s",
        "--profile",
        "go",
        "--metrics",
        "off",
    ];
    let shown = show(
        &place,
        &flags,
        &[("RESETLAB_FALL", "4"), ("RESETLAB_MAX_CONNS", "9")],
    );
    let lines: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for wanted in [
        "interval = \"1s\" # --interval",
        "fall = 4 # RESETLAB_FALL",
        "rise = 3 # resetlab.toml:1",
        "timeout = \"2s\" # default",
        "profile = \"go\" # --profile",
        "drain-wait = \"20s\" # resetlab.toml:4",
        "drain-timeout = \"60s\" # profile go",
        "max-conns = 9 # RESETLAB_MAX_CONNS",
        "disable-keep-alives = true # profile go",
        "metrics = \"off\" # --metrics",
        "# net: the first free one # default",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}\n{shown}");
    }
    let lab = show(&place, &["--origin"], &[]);
    let short = lab
        .lines()
        .find(|line| line.starts_with("endpoint-timeout = \"60s\" "));
    assert!(
        short.is_some_and(|line| line.ends_with("# lab (gorouter: 900s)")),
        "{lab}"
    );

    // What is shown is a file that makes the same.
    let flags = ["--profile", "gorouter", "--go", "go1.23.1", "--rate", "7"];
    let before = show(&place, &flags, &[]);
    std::fs::write(&file, &before).unwrap();
    assert_eq!(show(&place, &[], &[]), before);

    let document = place.json(&["config", "show", "--fall", "5"]);
    assert_eq!(document["schema"], "resetlab.config.v1");
    let settings = document["settings"].as_array().unwrap();
    let entry = |key: &str| settings.iter().find(|entry| entry["key"] == key).unwrap();
    assert_eq!(entry("fall")["value"], 5);
    assert_eq!(entry("fall")["origin"], "--fall");
    assert_eq!(entry("go")["value"], "1.23.1");
    assert_eq!(entry("net")["value"], Value::Null);
    assert!(
        entry("go")["origin"]
            .as_str()
            .unwrap()
            .starts_with("resetlab.toml:")
    );
}

#[test]
fn the_routers_of_a_lab_have_the_settings_and_wait_at_their_start() {
    let place = Place::new();
    // Time for ten checks: two of them make it Down. None of a living router takes two seconds.
    let flags = "--routers 2 --rate 50 --interval 200ms --timeout 2s --restart-delay 100ms --profile go \
                 --start-response-delay-interval 2s --out results";
    let flags: Vec<&str> = flags.split_whitespace().collect();
    let mut lab = place.up(&flags);
    let banner = lab.heard.join("\n");
    assert!(
        banner.contains("Go 1.21.13, routing-release 0.287.0: with the bug; profile go"),
        "{banner}"
    );
    assert!(
        banner.contains("100ms after a death (serving 2s later)"),
        "{banner}"
    );
    let settings = &lab.ps()["settings"];
    assert_eq!(settings["start-response-delay-interval"], "2s");
    assert_eq!(settings["drain-timeout"], "60s");
    assert_eq!(settings["max-idle-conns-per-host"], 2);
    assert_eq!(settings["disable-keep-alives"], true);
    assert_eq!(settings["go"], "1.21.13");

    place.json(&["kill", "router-1"]);
    lab.wait_for("its new life", |line| {
        line.contains("router-1") && line.contains("first request")
    });
    assert!(place.run(&["down"]).status.success());
    let records = std::fs::read_to_string(place.path().join("results/events.ndjson")).unwrap();
    let records: Vec<Value> = records
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let time = |record: &Value| record["t_ns"].as_u64().unwrap();
    let last = |event: &str, key: &str| {
        let of = |record: &&Value| record["event"] == event && record[key] == "router-1";
        records.iter().rfind(of).unwrap()
    };
    let (born, ready) = (last("spawned", "name"), last("ready", "from"));
    assert_eq!(born["incarnation"], 2);
    assert!(time(ready) - time(born) >= 2_000_000_000, "{born} {ready}");
    // In between it may be asked, and says no, until it serves; that it does is told a moment later.
    let early = records.iter().filter(|record| {
        let between = time(born)..time(ready);
        record["event"] == "check_seen" && record["from"] == "router-1" && between.contains(&time(record))
    });
    let early: Vec<&Value> = early.collect();
    let refused = early.partition_point(|record| record["status"] == 503);
    let long_before = |record: &&Value| time(ready) - time(record) >= 1_000_000_000;
    let waits = early.partition_point(long_before);
    assert!((1..=refused).contains(&waits), "{early:?}");
    assert!(
        early[refused..].iter().all(|record| record["status"] == 200),
        "{early:?}"
    );
}
