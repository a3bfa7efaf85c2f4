//! Everything that can be done to a router: it takes effect, it is told, and it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::Value;
use support::{Lab, Place, process, stderr};

/// No check of a living router takes two seconds, and a drain is noticed by the second check of ten in its time.
const FAST: &str = "--json --interval 200ms --timeout 2s --restart-delay 200ms --rate 100 --drain-wait 2s --drain-timeout 5s";

fn up(place: &Place) -> Lab<'_> {
    place.up(&FAST.split_whitespace().collect::<Vec<_>>())
}

/// The next record of that event about that router.
fn record(lab: &mut Lab, event: &str, router: &str) -> Value {
    let line = lab.wait_for(&format!("{event} of {router}"), |line| {
        line.contains(&format!(r#""event":"{event}""#)) && line.contains(&format!(r#""{router}""#))
    });
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_router_misbehaves_until_it_is_healed() {
    let place = Place::new();
    let mut lab = up(&place);
    let kinds = [
        ("silent", &[][..], "silent", "on both"),
        (
            "error",
            &["--on", "requests", "--status", "500"],
            "erroring",
            "on requests, status 500",
        ),
        ("slow", &["--delay", "1ms..2ms"], "slow", "on both, by 1ms..2ms"),
    ];
    for (kind, flags, truth, detail) in kinds {
        let done = place.json(&[&["fault", "router-2", kind], flags].concat());
        let fault = record(&mut lab, "fault", "router-2");
        assert_eq!(
            (&fault["fault"], &fault["detail"]),
            (&kind.into(), &detail.into())
        );
        assert_eq!(fault["t_ns"], done["t_ns"], "stamped by the router");
        let state = lab.ps();
        let state = process(&state, "router-2");
        assert_eq!(
            (&state["truth"], &state["fault"]),
            (&truth.into(), &format!("{kind} {detail}").into())
        );
        let again = place.run(&["fault", "router-2", "cut"]);
        assert_eq!(again.status.code(), Some(4));
        assert!(
            stderr(&again).contains("`resetlab heal router-2`"),
            "{}",
            stderr(&again)
        );
        place.json(&["heal", "router-2"]);
        assert_eq!(record(&mut lab, "healed", "router-2")["fault"], kind);
        assert_eq!(process(&lab.ps(), "router-2")["truth"], "up");
    }
    let nothing = place.run(&["heal", "router-2"]);
    assert_eq!(nothing.status.code(), Some(4));
    assert!(
        stderr(&nothing).contains("there is nothing to heal"),
        "{}",
        stderr(&nothing)
    );
    // Behaviour and hang do not forget each other.
    place.json(&["fault", "router-3", "silent"]);
    place.json(&["hang", "router-3"]);
    assert_eq!(process(&lab.ps(), "router-3")["truth"], "hung");
    place.json(&["resume", "router-3"]);
    assert_eq!(process(&lab.ps(), "router-3")["truth"], "silent");
    place.json(&["kill", "router-3"]);
    record(&mut lab, "ready", "router-3");
    let state = lab.ps();
    assert_eq!(
        (
            &process(&state, "router-3")["truth"],
            &process(&state, "router-3")["fault"]
        ),
        (&"up".into(), &Value::Null)
    );
}

#[test]
fn stop_and_drain_end_a_router_and_it_comes_back() {
    let place = Place::new();
    let mut lab = up(&place);
    let stopped = place.json(&["stop", "router-1"]);
    let death = record(&mut lab, "death", "router-1");
    assert_eq!(
        (&death["stamp"], &death["t_ns"]),
        (&"signal".into(), &stopped["t_ns"])
    );
    record(&mut lab, "ready", "router-1");

    place.json(&["drain", "router-2"]);
    assert_eq!(record(&mut lab, "drain", "router-2")["stage"], "unhealthy");
    let exit = record(&mut lab, "exited", "router-2");
    assert_eq!((&exit["code"], &exit["name"]), (&0.into(), &"router-2".into()));
    record(&mut lab, "ready", "router-2");
}

#[test]
fn a_draining_router_says_so_and_is_not_told_again() {
    let place = Place::new();
    let lab = place.up(&["--json", "--rate", "20", "--drain-wait", "1h"]);
    place.json(&["drain", "router-2"]);
    assert_eq!(process(&lab.ps(), "router-2")["truth"], "draining");
    let again = place.run(&["drain", "router-2"]);
    assert_eq!(again.status.code(), Some(4));
    assert!(
        stderr(&again).contains("router-2 is draining since"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn a_rolling_restart_loses_nothing() {
    let place = Place::new();
    let mut lab = up(&place);
    lab.wait_for_check("router-4");
    let before = lab.ps();
    let rolled = place.json(&["restart"]);
    assert_eq!(rolled["routers"].as_array().unwrap().len(), 4, "{rolled}");
    let after = lab.ps();
    for n in 1..=4 {
        let name = format!("router-{n}");
        let (before, after) = (process(&before, &name), process(&after, &name));
        assert_ne!(before["pid"], after["pid"]);
        assert_eq!(
            (&after["truth"], &after["belief"]),
            (&"up".into(), &"up".into()),
            "{after}"
        );
    }
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert!(summary["load"]["ok"].as_u64().unwrap() > 100, "{summary}");
    assert_eq!(summary["load"]["lost"], 0, "{summary}");
}

#[test]
fn a_router_that_is_scaled_away_answers_what_it_has_first() {
    let place = Place::new();
    let mut lab = up(&place);
    let slow = "fault router-4 slow --on requests --delay 500ms";
    place.json(&slow.split(' ').collect::<Vec<_>>());
    // At 50/s each it has had some by the time that two checks have gone by, and cannot have answered the latest.
    place.json(&["set", "rate=200"]);
    lab.wait_for_check("router-4");
    lab.wait_for_check("router-4");
    place.json(&["scale", "3"]);
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert_eq!(summary["load"]["lost"], 0, "{summary}");
}

#[test]
fn a_fleet_grows_and_shrinks_under_load_and_loses_nothing() {
    let place = Place::new();
    let mut lab = up(&place);
    // As much as a slow machine serves of two labs at a time.
    place.json(&["set", "rate=200"]);
    for routers in [7, 2, 5] {
        let scaled = place.json(&["scale", &routers.to_string()]);
        assert_eq!(scaled["routers"], routers);
        let ps = lab.ps();
        let is_router = |process: &&Value| process["belief"].is_string();
        let there: Vec<_> = ps["processes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(is_router)
            .collect();
        assert_eq!(there.len(), routers, "{ps}");
        assert!(
            there
                .iter()
                .all(|router| router["truth"] == "up" && router["restarts"] == 0),
            "{ps}"
        );
        let newest = format!("router-{routers}");
        lab.wait_for_check(&newest);
    }
    let gone = place.run(&["kill", "router-6"]);
    assert_eq!(gone.status.code(), Some(4));
    assert!(
        stderr(&gone).contains("no router \"router-6\""),
        "{}",
        stderr(&gone)
    );
    place.json(&["down"]);
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert!(summary["load"]["ok"].as_u64().unwrap() > 100, "{summary}");
    assert_eq!(summary["load"]["lost"], 0, "{summary}");
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn a_balancer_that_listens_to_notices_hears_of_a_death_at_once() {
    let place = Place::new();
    let mut lab = place.up(&[
        "--json",
        "--interval",
        "1h",
        "--detector",
        "notice",
        "--rate",
        "0",
    ]);
    // The real race may not be met with for minutes where threads wait for a processor.
    for done in [&["kill", "router-2"][..], &["crash", "router-2", "--sure"]] {
        let hit = place.json(done);
        let belief = loop {
            let belief = record(&mut lab, "belief", "router-2");
            if belief["to"] == "down" {
                break belief;
            }
        };
        assert_eq!(belief["by"], "notice", "{belief}");
        let took = belief["t_ns"].as_u64().unwrap() - hit["t_ns"].as_u64().unwrap();
        // Polling would take an hour.
        assert!(took < 10_000_000_000, "{took} ns");
        place.json(&["set", "interval=50ms"]);
        place.json(&["restart", "router-2"]);
        place.json(&["set", "interval=1h"]);
    }
}
