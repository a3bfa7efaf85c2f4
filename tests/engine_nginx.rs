//! nginx in lb-sim's place. Without nginx these tests are skipped, unless `REQUIRE_PEERS=1`.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use peers::{Peer, Story, refused, stamp, started, states};
use std::time::Duration;
use supervisor::engine::Engine;
use support::{Place, stderr};

/// What nginx can do, fast.
const NGINX: &str = "detector=passive passive-failures=1 passive-counting=quiet passive-window=1s passive-ejection=1s \
    passive-on=broken passive-growth=none passive-return=trial passive-max-ejected=100% on-failure=502 \
    answer-connect-timeout=504 answer-unrouted=502";

/// A router is dead for long enough to be tried.
const FLAGS: &str = "--rate 100 --restart-delay 2s";

#[test]
fn nginx_has_nothing_to_say_against_what_is_written_for_it() {
    let Some(nginx) = Peer::find(Engine::Nginx, NGINX) else {
        return;
    };
    nginx.takes(&[
        "",
        "balance=least-connections connect-timeout=250ms response-timeout=1500us passive-failures=3",
        "on-failure=retry retry-budget=off retry-breaker=off retries=1 retry-time=2s",
        "interval=1day first-check=interval connect-timeout=60s",
    ]);
    nginx.takes_own(
        "events {} http { upstream a { server x.example:80 weight=2; zone a 64k; } \
         server { listen 80 default_server; listen [::]:80; access_log /var/log/nginx/a.log; \
         location / { proxy_pass http://a; } } }",
    );
}

#[test]
fn a_killed_router_is_disabled_by_one_failed_attempt_and_back_after_its_trial() {
    let Some(nginx) = Peer::find(Engine::Nginx, NGINX) else {
        return;
    };
    let place = Place::new();
    // The router is back long before its trial comes.
    let mut lab = nginx.lab(&place, "passive-window=4s passive-ejection=4s", FLAGS);
    let head = lab.heard.join("\n");
    assert!(
        head.contains("engine    nginx 1.") && head.contains("no health checks detector=passive"),
        "{head}"
    );
    assert!(
        !head.contains("may never notice"),
        "it notices by attempts: {head}"
    );
    let refused = place.run(&["set", "interval=500ms"]);
    let why = stderr(&refused);
    assert!(
        why.contains("nginx cannot express interval=500ms: it has no health checks"),
        "{why}"
    );
    let refused = place.run(&["set", "passive-failures=2"]);
    let why = stderr(&refused);
    assert!(
        why.contains("the command that started the lab with `--set passive-failures=2` added"),
        "{why}"
    );
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    lab.down();
    let story = Story::of_death(&place, "router-2");
    let beliefs = story.beliefs("router-2");
    assert_eq!(states(&beliefs), ["ejected", "up"], "{beliefs:?}");
    assert_eq!(beliefs[0]["by"], "passive");
    let attempts = story.balancer("attempt");
    let first = attempts.iter().map(|each| stamp(each)).min().unwrap();
    for attempt in &attempts {
        assert_eq!(attempt["router"], "router-2");
        assert!(attempt["request"].is_u64(), "{attempt}");
        // Several may have been under way when the first of them failed, and none begins when that has been told.
        assert!(started(attempt) <= first, "{attempts:?}");
    }
    // By nginx's own clock, which has the last failure no earlier than the start of its attempt.
    let last = attempts.iter().map(|each| started(each)).max().unwrap();
    let back = stamp(beliefs[1]) - last;
    assert!(
        back >= 3_990_000_000,
        "back after {back} ns of a fail_timeout of 4 s"
    );
}

#[test]
fn retries_hide_the_death_and_are_told_as_attempts() {
    let Some(nginx) = Peer::find(Engine::Nginx, NGINX) else {
        return;
    };
    let place = Place::new();
    let mut lab = nginx.lab(
        &place,
        "on-failure=retry retry-budget=off retry-breaker=off",
        FLAGS,
    );
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    lab.down();
    let story = Story::of_death(&place, "router-2");
    assert!(!story.attempts("router-2").is_empty(), "a dead router was tried");
    let outcomes = std::fs::read_to_string(place.path().join("lab/outcomes.ndjson")).unwrap();
    assert!(!outcomes.contains("http_502"), "{outcomes}");
    let totals = story.balancer("forwarded");
    let forwarded = totals.last().unwrap();
    assert!(forwarded["retries"].as_u64().unwrap() > 0, "{forwarded}");
}

#[test]
fn neither_master_nor_worker_outlives_a_supervisor_that_was_killed() {
    let Some(nginx) = Peer::find(Engine::Nginx, NGINX) else {
        return;
    };
    let place = Place::new();
    let mut lab = nginx.lab(&place, "", FLAGS);
    // The title has the path of the configuration; a worker has its own only a moment after its birth.
    let title = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let masters = place
        .processes()
        .into_iter()
        .filter(|pid| title(pid).starts_with("nginx: "));
    let families = masters.map(|pid| (pid, peers::children(pid)));
    let (master, workers) = families
        .into_iter()
        .find(|(_, children)| !children.is_empty())
        .unwrap();
    assert_eq!(workers.len(), 1, "{workers:?}");
    let watched: Vec<_> = [master, workers[0]]
        .into_iter()
        .filter_map(support::watch)
        .collect();
    assert_eq!(watched.len(), 2);
    lab.kill_9();
    assert!(
        support::all_end_within(&watched, Duration::from_secs(10)),
        "nginx is an orphan"
    );
}

/// In nginx's own words, with files of the system's that a lab must not touch.
const OWN: &str = r#"
user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 768; }
http {
    access_log /var/log/nginx/access.log;
    upstream shop { least_conn; server 10.0.0.1:80 max_fails=2 fail_timeout=1s; }
    server {
        listen 80 default_server;
        listen [::]:80 default_server;
        location / { proxy_pass http://shop; proxy_next_upstream off; proxy_set_header Host $host; }
        include more/*.conf;
    }
}
"#;

#[test]
fn a_file_of_ones_own_is_used_with_the_labs_routers() {
    let Some(nginx) = Peer::find(Engine::Nginx, NGINX) else {
        return;
    };
    let place = Place::new();
    std::fs::write(place.path().join("own.conf"), OWN).unwrap();
    std::fs::create_dir(place.path().join("more")).unwrap();
    let more = "resolver 192.0.2.53; location /other { proxy_pass http://192.0.2.98:80; }";
    std::fs::write(place.path().join("more/other.conf"), more).unwrap();
    let mut lab = nginx.lab_of(&place, "own.conf", FLAGS);
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    lab.down();
    // max_fails=2.
    let story = Story::of_death(&place, "router-2");
    assert!(story.attempts("router-2").len() >= 2);
    let written = std::fs::read_to_string(place.path().join("lab/lb/nginx.conf")).unwrap();
    assert!(
        written.contains("least_conn;") && !written.contains("/var/log") && !written.contains("192.0.2."),
        "{written}"
    );

    std::fs::write(place.path().join("none.conf"), "http { server { listen 1; } }").unwrap();
    let (code, said) = refused(&place, "--engine nginx --config none.conf");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("none.conf: expected an `upstream NAME { server …; }` block"),
        "{said}"
    );
}
