//! Routers that die again and again: by the dozen from outside, or by their own doing until they are given up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::{Lab, Place, process, stderr};

#[test]
fn a_storm_of_kills_leaves_every_router_up_and_nothing_else() {
    let place = Place::new();
    let mut lab = place.up(&[
        "--json",
        "--routers",
        "8",
        "--rate",
        "20",
        "--restart-delay",
        "0s",
    ]);
    let descriptors = descriptors(&lab);
    for n in 0..40 {
        let router = format!("router-{}", 1 + (n * 5) % 8);
        let killed = place.json(&["kill", &router])["incarnation"].as_u64().unwrap();
        // The records of its first start may not have been read yet: its next life, and that this is ready.
        let born = format!(r#""name":"{router}","pid":"#);
        let life = format!(r#""incarnation":{}}}"#, killed + 1);
        lab.wait_for("its next life", |line| {
            line.contains(r#""event":"spawned""#) && line.contains(&born) && line.ends_with(&life)
        });
        lab.wait_for("its return", |line| {
            line.contains(r#""event":"ready""#) && line.contains(&format!(r#""from":"{router}""#))
        });
    }
    let ps = lab.ps();
    for n in 1..=8 {
        let router = process(&ps, &format!("router-{n}"));
        assert_eq!(
            (&router["truth"], &router["restarts"]),
            (&"up".into(), &5.into()),
            "{router}"
        );
        assert_eq!(
            (&router["exit_signal"], &router["exit_code"]),
            (&9.into(), &Value::Null)
        );
        assert_eq!(router["gave_up"], false, "kills are not its own doing");
        assert!(
            router["uptime_s"].as_f64().is_some_and(|uptime| uptime < 60.0),
            "{router}"
        );
    }
    assert_eq!(zombies(&lab), 0);
    // Some may be in use for a moment: the commands above.
    assert!(self::descriptors(&lab) <= descriptors + 8, "{descriptors} before");
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn a_router_that_cannot_start_waits_longer_each_time_and_is_given_up_while_the_rest_serves() {
    let place = Place::new();
    let words = "--json --routers 3 --rate 50 --interval 200ms --timeout 2s --restart-delay 50ms --restart-jitter 0% \
                 --restart-limit 3/1m --out out";
    let mut lab = place.up(&words.split_whitespace().collect::<Vec<_>>());
    let routes = place.path().join("out/routes.toml");
    let good = std::fs::read_to_string(&routes).unwrap();
    std::fs::write(&routes, "no routes").unwrap();
    place.json(&["kill", "router-2"]);

    let mut delays = Vec::new();
    loop {
        let line = lab.wait_for("its fate", |line| {
            line.contains(r#""name":"router-2""#)
                && (line.contains("restart_due") || line.contains("gave_up"))
        });
        let record: Value = serde_json::from_str(&line).unwrap();
        let Some(due) = record["due_ns"].as_u64() else {
            assert_eq!(
                (&record["event"], &record["deaths"]),
                (&"gave_up".into(), &4.into()),
                "{line}"
            );
            break;
        };
        let delay = Duration::from_nanos(due.saturating_sub(record["t_ns"].as_u64().unwrap()));
        delays.push(delay.as_millis());
    }
    // The kill counts for nothing, and is stamped before it is reaped.
    assert!(delays[0] <= 50, "{delays:?}");
    assert_eq!(delays[1..], [50, 200, 400]);
    let ps = lab.ps();
    let given_up = process(&ps, "router-2");
    assert_eq!(
        (
            &given_up["gave_up"],
            &given_up["exit_code"],
            &given_up["pid"],
            &given_up["uptime_s"]
        ),
        (&true.into(), &2.into(), &Value::Null, &Value::Null)
    );
    assert!(
        given_up["last_exit"]
            .as_str()
            .unwrap()
            .starts_with("exited 2 after"),
        "{given_up}"
    );
    assert_eq!(process(&ps, "router-1")["truth"], "up");
    let table = place.run(&["ps"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("GIVEN UP: resetlab restart router-2"), "{table}");

    let failed = place.run(&["restart", "router-2"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        stderr(&failed).contains("router-2 did not come back: exited 2 after"),
        "{}",
        stderr(&failed)
    );
    // Until it does not try any more: another command would meet it in the middle of a start.
    lab.wait_for("its fate", |line| {
        line.contains(r#""event":"gave_up","name":"router-2""#)
    });
    std::fs::write(&routes, good).unwrap();
    let back = place.json(&["restart", "router-2"]);
    assert_eq!(back["routers"][0]["router"], "router-2", "{back}");
    let ps = lab.ps();
    let back = process(&ps, "router-2");
    assert_eq!(
        (&back["truth"], &back["belief"], &back["gave_up"]),
        (&"up".into(), &"up".into(), &false.into())
    );
}

fn descriptors(lab: &Lab) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", lab.pid()))
        .unwrap()
        .count()
}

fn zombies(lab: &Lab) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let child = format!(" Z {} ", lab.pid());
    stats.filter(|stat| stat.contains(&child)).count()
}
