//! nginx in lb-sim's place. Without nginx these tests are skipped, unless `REQUIRE_PEERS=1`.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use lb_sim::core::Settings;
use serde_json::Value;
use std::time::Duration;
use supervisor::engine::Engine;
use support::Place;

/// What nginx can do, fast.
const NGINX: &str = "detector=passive passive-failures=1 passive-counting=quiet passive-window=1s passive-ejection=1s \
    passive-on=broken passive-growth=none passive-return=trial passive-max-ejected=100% on-failure=502 \
    answer-connect-timeout=504 answer-unrouted=502";

fn settings(more: &str) -> Settings {
    format!("{NGINX} {more}").parse().unwrap()
}

#[test]
fn nginx_has_nothing_to_say_against_what_is_written_for_it() {
    let Some(path) = peers::find(Engine::Nginx) else {
        return;
    };
    let place = Place::new();
    let site = peers::site(place.path());
    for more in [
        "",
        "balance=least-connections connect-timeout=250ms response-timeout=1500us passive-failures=3",
        "on-failure=retry retry-budget=off retry-breaker=off retries=1 retry-time=2s",
        "interval=1day first-check=interval connect-timeout=60s",
    ] {
        let text = Engine::Nginx
            .program()
            .unwrap()
            .configuration(&site, &settings(more));
        let said = peers::judge(Engine::Nginx, &path, &text.unwrap(), &site);
        assert_eq!(said, None, "{more}");
    }
    let own = "events {} http { upstream a { server x.example:80 weight=2; zone a 64k; } \
               server { listen 80 default_server; listen [::]:80; access_log /var/log/nginx/a.log; \
               location / { proxy_pass http://a; } } }";
    let adopted = Engine::Nginx.program().unwrap().adopt(own, &site).unwrap();
    assert_eq!(
        peers::judge(Engine::Nginx, &path, &adopted.text, &site),
        None,
        "{}",
        adopted.text
    );
}

fn up<'a>(place: &'a Place, more: &str) -> support::Lab<'a> {
    let flags = peers::flags(NGINX, more);
    let mut arguments = vec![
        "--engine",
        "nginx",
        "--rate",
        "100",
        "--restart-delay",
        "500ms",
        "--out",
        "lab",
    ];
    arguments.extend(flags.iter().map(String::as_str));
    place.up(&arguments)
}

fn records(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path().join("lab/events.ndjson")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_killed_router_is_disabled_by_one_failed_attempt_and_back_after_its_trial() {
    if peers::find(Engine::Nginx).is_none() {
        return;
    }
    let place = Place::new();
    let mut lab = up(&place, "");
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
    let why = support::stderr(&refused);
    assert!(
        why.contains("nginx cannot express interval=500ms: it has no health checks"),
        "{why}"
    );
    let refused = place.run(&["set", "passive-failures=2"]);
    let why = support::stderr(&refused);
    assert!(
        why.contains("the command that started the lab with `--set passive-failures=2` added"),
        "{why}"
    );
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    peers::down(&place, &mut lab);
    let records = records(&place);
    let mine = |event: &str| -> Vec<&Value> {
        let mine = |each: &&Value| each["event"] == event && each["from"] == "lb";
        records.iter().filter(mine).collect()
    };
    let beliefs = mine("belief");
    let to: Vec<_> = beliefs.iter().map(|each| each["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["ejected", "up"], "{beliefs:?}");
    assert_eq!(beliefs[0]["by"], "passive");
    // In flight there may have been more than one.
    let refused = mine("attempt")
        .iter()
        .filter(|each| each["cause"] == "refused")
        .count();
    assert!(refused <= 1, "{:?}", mine("attempt"));
    assert!(
        mine("attempt")
            .iter()
            .all(|each| each["router"] == "router-2" && each["request"].is_u64())
    );
    let back = beliefs[1]["t_ns"].as_u64().unwrap() - beliefs[0]["t_ns"].as_u64().unwrap();
    assert!(
        back >= 900_000_000,
        "back after {back} ns of a fail_timeout of 1 s"
    );
}

#[test]
fn retries_hide_the_death_and_are_told_as_attempts() {
    if peers::find(Engine::Nginx).is_none() {
        return;
    }
    let place = Place::new();
    let mut lab = up(&place, "on-failure=retry retry-budget=off retry-breaker=off");
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    peers::down(&place, &mut lab);
    let records = records(&place);
    let attempts = records.iter().filter(|each| each["event"] == "attempt").count();
    assert!(attempts > 0, "a dead router was tried");
    let outcomes = std::fs::read_to_string(place.path().join("lab/outcomes.ndjson")).unwrap();
    assert!(!outcomes.contains("http_502"), "{outcomes}");
    let forwarded = records.iter().rfind(|each| each["event"] == "forwarded").unwrap();
    assert!(forwarded["retries"].as_u64().unwrap() > 0, "{forwarded}");
}

#[test]
fn neither_master_nor_worker_outlives_a_supervisor_that_was_killed() {
    if peers::find(Engine::Nginx).is_none() {
        return;
    }
    let place = Place::new();
    let mut lab = up(&place, "");
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
        support::all_end_within(&watched, Duration::from_secs(2)),
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
    if peers::find(Engine::Nginx).is_none() {
        return;
    }
    let place = Place::new();
    std::fs::write(place.path().join("own.conf"), OWN).unwrap();
    std::fs::create_dir(place.path().join("more")).unwrap();
    let more = "resolver 192.0.2.53; location /other { proxy_pass http://192.0.2.98:80; }";
    std::fs::write(place.path().join("more/other.conf"), more).unwrap();
    let arguments = "--engine nginx --config own.conf --rate 100 --restart-delay 500ms --out lab";
    let arguments: Vec<_> = arguments.split(' ').collect();
    let mut lab = place.up(&arguments);
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    peers::down(&place, &mut lab);
    let attempts = records(&place);
    let attempts = attempts.iter().filter(|each| each["event"] == "attempt");
    // max_fails=2.
    assert!(attempts.count() >= 2);
    let written = std::fs::read_to_string(place.path().join("lab/lb/nginx.conf")).unwrap();
    assert!(
        written.contains("least_conn;") && !written.contains("/var/log") && !written.contains("192.0.2."),
        "{written}"
    );

    std::fs::write(place.path().join("none.conf"), "http { server { listen 1; } }").unwrap();
    let output = place.run(&["up", "--engine", "nginx", "--config", "none.conf"]);
    let said = support::stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("none.conf: expected an `upstream NAME { server …; }` block"),
        "{said}"
    );
}
