//! A real HAProxy in lb-sim's place: it does what the settings say, and its records are the balancer's.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use peers::{HAPROXY, Impostor, Peer, Story, stamp, started};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use supervisor::engine::Engine;
use support::{Place, stderr};

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_death_behind_haproxy_is_told_as_lb_sim_tells_it() {
    let Some(haproxy) = Peer::find(Engine::Haproxy, HAPROXY) else {
        return;
    };
    let place = Place::new();
    // No check of a living router takes a second; a dead one is found within two, and is back after four.
    let mut lab = haproxy.lab(&place, "interval=1s", "--routers 3 --rate 100 --restart-delay 4s");
    let ps = lab.ps();
    let version = ps["lab"]["engine_version"].as_str().unwrap();
    assert_eq!(ps["lab"]["engine"], "haproxy");
    let engine = format!("engine    haproxy {version}");
    assert!(
        lab.heard.iter().any(|line| line.trim() == engine),
        "{:?}",
        lab.heard
    );
    checked(&place, "router-2");
    place.json(&["kill", "router-2"]);
    lab.wait_for("the belief", |line| line.contains("router-2 DOWN: t_detect"));
    lab.wait_for("the return", |line| line.contains("router-2 UP: first request"));

    let refused = place.run(&["set", "interval=2s"]);
    assert_eq!(refused.status.code(), Some(2));
    let why = stderr(&refused);
    assert!(
        why.contains("interval cannot change now: a running haproxy takes its settings at its start"),
        "{why}"
    );
    assert!(
        place
            .run(&["set", "rate=50", "restart-delay=1s"])
            .status
            .success()
    );
    let refused = place.run(&["scale", "4"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("takes its routers at its start"),
        "{}",
        stderr(&refused)
    );

    lab.down();
    let story = Story::of_death(&place, "router-2");
    let engine = story.balancer("engine");
    assert_eq!(engine[0]["engine"], "haproxy");
    assert_eq!(
        (&engine[0]["belief"], &engine[0]["attempts"]),
        (&true.into(), &true.into())
    );
    assert_eq!(story.balancer("settings")[0]["settings"]["interval"], "1s");
    let beliefs = story.beliefs("router-2");
    let states = peers::states(&beliefs);
    assert_eq!(states, ["going_down", "down", "going_up", "up"], "{beliefs:?}");
    let (death, down) = (story.death("router-2"), stamp(beliefs[1]));
    let attempts = story.attempts("router-2");
    let (refused, begun): (Vec<&Value>, Vec<&Value>) =
        attempts.iter().partition(|attempt| attempt["cause"] == "refused");
    assert!(
        refused.len() >= 3,
        "a third of 100 requests a second for at least an interval: {attempts:?}"
    );
    let closed = refused.iter().map(|attempt| started(attempt)).min().unwrap();
    for attempt in begun {
        // They were under way when it died, or came while the kernel ended it: no later than it refuses others.
        let cause = attempt["cause"].as_str().unwrap();
        assert!(["eof", "reset"].contains(&cause), "{attempt}");
        assert!(started(attempt) < closed + SECOND / 2, "{attempts:?}");
    }
    for attempt in &attempts {
        assert!(stamp(attempt) > death, "{attempt} failed before the death");
        // Until the second failed check; otherwise they would go on until it is back.
        assert!(started(attempt) < down + SECOND / 2, "{attempt}");
        assert!(
            attempt["request"].as_u64().is_some_and(|request| request > 0),
            "{attempt}"
        );
    }
    let mut quiet = story.balancer("quiet");
    quiet.retain(|told| told["router"] == "router-2");
    assert!(quiet[0]["last_attempt_ns"].as_u64().unwrap() > death, "{quiet:?}");
    assert!(!story.balancer("forwarded").is_empty());
    let lines = std::fs::read_to_string(place.path().join("lab/logs/lb.requests.log")).unwrap();
    assert!(lines.lines().count() > 100, "its log is kept");
}

/// Returns when a check of the router has passed: one that fails first decides by itself. A second one that comes says
/// that the first is over.
fn checked(place: &Place, router: &str) {
    let mut follow = place
        .command(&["events", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let from = format!(r#""from":"{router}""#);
    let lines = BufReader::new(follow.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let seen = lines.filter(|line| line.contains(r#""event":"check_seen""#) && line.contains(&from));
    assert_eq!(seen.take(2).count(), 2, "the lab ended");
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn a_sweep_starts_haproxy_for_each_cell_and_goes_on_where_it_stopped() {
    let place = Place::new();
    let sweep = |fall: &str, more: &str| {
        let words = format!(
            "sweep --json --engine haproxy --interval 1s --fall {fall} --routers 2 --rate 100 --trials 1 --seed 7 \
             --observe 1s --out out {more}"
        );
        place.run(&words.split_whitespace().collect::<Vec<_>>())
    };
    let refused = sweep("1..2", "--schedule start,end");
    assert_eq!(refused.status.code(), Some(2));
    let why = stderr(&refused);
    assert!(why.contains("haproxy cannot express schedule=start"), "{why}");
    assert!(!place.path().join("out").exists(), "before anything is started");
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let swept = sweep("1..2", "");
    assert!(swept.status.success(), "{}", stderr(&swept));
    let document: Value = serde_json::from_slice(&swept.stdout).unwrap();
    assert_eq!(
        (&document["complete"], &document["plan"]["engine"]),
        (&true.into(), &"haproxy".into())
    );
    let cells = document["cells"].as_array().unwrap();
    for (n, cell) in cells.iter().enumerate() {
        assert_eq!(cell["settings"]["fall"], (n + 1).to_string());
        assert_eq!(
            (&cell["n"], &cell["detected"]),
            (&1.into(), &1.into()),
            "{cell:#}"
        );
        let dir = place.path().join(format!("out/stack-{}", n + 1));
        let written = std::fs::read_to_string(dir.join("lb/haproxy.cfg")).unwrap();
        assert!(
            written.contains(&format!("inter 1000ms fall {} ", n + 1)),
            "{written}"
        );
    }
    assert_eq!(cells.len(), 2);
    let before = std::fs::read(place.path().join("out/cells.ndjson")).unwrap();
    assert!(sweep("1..2", "").status.success());
    assert_eq!(
        std::fs::read(place.path().join("out/cells.ndjson")).unwrap(),
        before
    );
    let another = place.run(&["sweep", "--fall", "1..2", "--out", "out"]);
    assert!(
        stderr(&another).contains("engine was \"haproxy\", is \"lb-sim\""),
        "{}",
        stderr(&another)
    );
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn what_haproxy_cannot_do_is_refused_by_name_before_anything_starts() {
    let place = Place::new();
    let all = |more: &str| peers::settings(HAPROXY, more).join(" ");
    let flags = format!("--engine haproxy {}", all("jitter=1s detector=sentinel"));
    let (code, said) = peers::refused(&place, &flags);
    assert_eq!(code, Some(2));
    assert!(said.contains("haproxy cannot express jitter=1s: "), "{said}");
    assert!(
        said.contains("haproxy cannot express detector=sentinel: "),
        "{said}"
    );
    assert!(
        !place.path().join("resetlab-runs").exists(),
        "nothing was started"
    );

    let nowhere = Impostor::at("/nowhere/haproxy");
    let (code, said) = nowhere.run(&place, &format!("up --engine haproxy {}", all("")));
    assert_eq!(code, Some(5));
    assert!(
        said.contains("/nowhere/haproxy") && said.contains("apt-get install haproxy"),
        "{said}"
    );
}
