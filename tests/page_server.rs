//! The page's server: what it tells, to whom, and who may act.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::page::{self, Page, body_of};
use support::{Place, process};

fn each<'a>(frame: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    frame[key].as_array().into_iter().flatten()
}

#[test]
fn a_kill_is_seen_from_its_truth_to_its_cost_and_the_totals_are_the_terminals() {
    let place = Place::new();
    // Nobody but this test brings the router back.
    let mut lab = place.lab("--interval 1s --timeout 1s --restart-delay 10m --rate 200");
    let page = Page::of(&lab);
    let url = format!("page      http://{}/#token={}", page.address, page.token);
    assert!(
        lab.heard.iter().any(|line| line.ends_with(&url)),
        "{:?}",
        lab.heard
    );
    let mut live = page.live("/v1/live", "");
    let (name, hello) = live.event().unwrap();
    assert_eq!(
        (name.as_str(), &hello["schema"]),
        ("hello", &json!("resetlab.page.v1"))
    );
    assert_eq!(hello["base"]["routers"]["router-2"]["truth"], "up");
    assert_eq!(hello["base"]["settings"]["interval"], "1s");
    assert_eq!(hello["base"]["theory"]["checks_per_s"], 4.0);
    lab.wait_for_check("router-2");
    let (status, killed) = page.order("fault", &json!({ "router": "router-2", "fault": "kill" }));
    assert_eq!(
        (status, &killed["schema"]),
        (200, &json!("resetlab.fault.v1")),
        "{killed}"
    );

    let about = |frame: &Value, key: &str, fits: &dyn Fn(&Value) -> bool| {
        each(frame, key).any(|change| change["router"] == "router-2" && fits(change))
    };
    let dead = live.until("its death", |f| {
        about(f, "truth", &|change| change["truth"] == "dead")
    });
    let why = each(&dead, "truth")
        .find(|change| change["truth"] == "dead")
        .unwrap();
    assert!(why["why"].as_str().unwrap().contains("kill"), "{why}");
    live.until("a failed check", |f| {
        each(f, "checks").any(|check| check[0] == "router-2" && check[3] == "refused")
    });
    live.until("Down", |f| {
        about(f, "belief", &|change| change["belief"] == "down")
    });
    live.until("an open window", |f| {
        about(f, "windows", &|window| window["open"] == true)
    });
    let closed = |window: &Value| window["open"] == false;
    let last = live.until("the window's end", |f| about(f, "windows", &closed));
    let window = each(&last, "windows").find(|window| closed(window)).unwrap();
    assert_eq!(
        (&window["fault"], &window["detected_by"]),
        (&json!("kill"), &json!("poll"))
    );
    let seconds = |key: &str| format!("{:.3} s", window[key].as_f64().unwrap());
    let (detected, predicted) = (seconds("t_detect_s"), seconds("predicted_t_detect_s"));
    assert_eq!(page.order("restart", &json!({ "router": "router-2" })).0, 200);
    // It was up before, too.
    let died = why["at"].as_f64();
    live.until("its return", |f| {
        about(f, "truth", &|change| {
            change["truth"] == "up" && change["at"].as_f64() > died
        })
    });

    let spending = live.until("what is left of the budget", |f| {
        f["totals"]["budget_left"].as_f64().is_some_and(|left| left < 1.0)
    });
    place.json(&["set", "rate=0"]);
    let idle = live.until("the new settings", |f| {
        f["settings"]["rate"].as_f64() == Some(0.0)
    });
    if idle["totals"].is_object() {
        let figure = |frame: &Value, key: &str| frame["totals"][key].as_f64().unwrap();
        let each = |frame: &Value| (1.0 - figure(frame, "budget_left")) / figure(frame, "lost");
        let (now, then) = (each(&idle), each(&spending));
        assert!(
            (now - then).abs() < then * 1e-6,
            "a lost request spent {then}, now {now}"
        );
    }
    lab.signal(nix::sys::signal::Signal::SIGINT);
    while let Some((name, _)) = live.event() {
        if name == "end" {
            break;
        }
    }
    assert_eq!(lab.exit_code(), Some(130));
    let totals = live
        .frames
        .iter()
        .rev()
        .find_map(|frame| frame.get("totals"))
        .unwrap();
    let (sent, ok, lost) = (&totals["sent"], &totals["ok"], &totals["lost"]);
    let line = format!("{sent} requests sent, {ok} ok, {lost} lost");
    assert!(
        lab.heard.iter().any(|heard| heard.starts_with(&line)),
        "{line}: {:?}",
        lab.heard
    );
    let line = format!("  router-2 kill: t_detect {detected} (predicted {predicted})");
    assert!(
        lab.heard.iter().any(|heard| heard.starts_with(&line)),
        "{line}: {:?}",
        lab.heard
    );
    let outcomes = live.outcomes();
    assert_eq!(&json!(outcomes["ok"]), ok);
    let failed: BTreeMap<_, _> = outcomes
        .into_iter()
        .filter(|(outcome, _)| outcome != "ok")
        .collect();
    assert_eq!(json!(failed), totals["by_outcome"]);
    let ended = live.frames.last().unwrap().get("truth");
    assert_eq!(ended, None, "that routers end with their lab is no death");
    let seqs = live.seqs();
    assert!(seqs.iter().copied().eq(0..seqs.len() as u64), "{seqs:?}");
}

#[test]
fn others_may_look_and_not_act() {
    let place = Place::new();
    let (lab, page) = page::up(&place);
    let origin = format!("http://{}", page.address);
    let kill = json!({ "router": "router-1", "fault": "kill" }).to_string();
    let good = [
        ("Origin", origin.as_str()),
        ("Content-Type", "application/json"),
        ("X-Resetlab-Token", page.token.as_str()),
    ];
    let with = |name: &str, value: Option<&'static str>| -> Vec<(&str, &str)> {
        let rest = good.into_iter().filter(|(other, _)| *other != name);
        let forged = value.map(|value| match name {
            "Host" => ("Host", value),
            "Origin" => ("Origin", value),
            "Content-Type" => ("Content-Type", value),
            "Sec-Fetch-Site" => ("Sec-Fetch-Site", value),
            _ => ("X-Resetlab-Token", value),
        });
        rest.chain(forged).collect()
    };
    for (name, value, refused) in [
        ("X-Resetlab-Token", None, 403),
        ("X-Resetlab-Token", Some("00000000000000000000000000000000"), 403),
        ("Origin", None, 403),
        ("Origin", Some("http://evil.test"), 403),
        ("Origin", Some("null"), 403),
        ("Host", Some("rebound.evil.test:8080"), 403),
        ("Host", Some("localhost"), 403),
        ("Sec-Fetch-Site", Some("cross-site"), 403),
        ("Content-Type", None, 415),
        ("Content-Type", Some("application/x-www-form-urlencoded"), 415),
        ("Content-Type", Some("text/plain"), 415),
    ] {
        let (status, answer) = page.ask("POST /v1/fault", &with(name, value), &kill);
        assert_eq!(status, refused, "{name}: {value:?}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
    let rebound = [("Host", "rebound.evil.test:8080")];
    for path in ["/", "/v1/live", "/v1/theory"] {
        let (status, answer) = page.ask(&format!("GET {path}"), &rebound, "");
        assert_eq!((status, answer.contains("ps")), (403, true), "{path}: {answer}");
    }
    // What anybody may read does not say how to act.
    for path in ["/", "/v1/live?wait=false", "/v1/theory"] {
        let (status, answer) = page.get(path);
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(!answer.contains(&page.token), "{path}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{answer}"
        );
        for field in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "require-trusted-types-for 'script'; trusted-types 'none'",
        ] {
            assert!(answer.contains(field), "{path}: {field}");
        }
    }
    let (status, answer) = page.ask("HEAD /", &[], "");
    assert_eq!((status, body_of(&answer)), (200, ""));
    for (head, status) in [
        ("DELETE /v1/theory", 405),
        // Processes and sockets are the affair of their user.
        ("GET /v1/ps", 404),
        ("GET /v1/ps?wide=true", 404),
        ("OPTIONS /v1/fault", 405),
        ("GET /v1/fault", 405),
        ("GET /../Cargo.toml", 404),
        ("GET /v1/down", 404),
        ("GET /v1/events", 404),
    ] {
        assert_eq!(page.ask(head, &[], "").0, status, "{head}");
    }
    // Nothing that the page has no button for; a refusal has words.
    let none = "there is no such order: a page may fault, crash, heal, resume, restart and set\n";
    for (head, body, words) in [
        ("POST /v1/down", "{}", none),
        ("POST /v1/scale", "{\"routers\":1}", none),
        ("POST /v1/ps", "{}", none),
        ("POST /", "{}", none),
        (
            "POST /v1/theory",
            "{}",
            "this is no order: it is asked for with GET\n",
        ),
    ] {
        let (status, answer) = page.ask(head, &good, body);
        assert_eq!((status, body_of(&answer)), (405, words), "{head}");
    }
    let (_, answer) = page.ask("GET /v1/fault", &[], "");
    assert!(body_of(&answer).contains("given with POST"), "{answer}");
    assert!(answer.contains("allow: POST"), "{answer}");
    // Nothing that is said twice is guessed at.
    let twice = "{\"router\":\"router-1\",\"fault\":\"hang\",\"fault\":\"kill\"}";
    let (status, answer) = page.ask("POST /v1/fault", &good, twice);
    assert_eq!(
        (status, answer.contains("`fault` is in the order twice")),
        (400, true),
        "{answer}"
    );
    let (status, answer) = page.get("/v1/theory?fall=2&fall=3");
    assert_eq!(
        (status, answer.contains("`fall` is asked for twice")),
        (409, true),
        "{answer}"
    );
    // All are alive after that; an order of the page's own is done, and its error says what to do.
    let ps = lab.ps();
    for router in ["router-1", "router-2", "router-3", "router-4"] {
        assert_eq!(process(&ps, router)["restarts"], 0, "{router}");
        assert_eq!(process(&ps, router)["truth"], "up", "{router}");
    }
    let (status, answer) = page.order("set", &json!({ "fall": "0" }));
    assert_eq!((status, &answer["exit"]), (409, &json!(2)), "{answer}");
    assert_eq!(page.order("set", &json!({ "fall": "3" })).0, 200);
    assert_eq!(
        page.order("fault", &json!({ "router": "router-1", "fault": "hang" }))
            .0,
        200
    );
    assert_eq!(page.order("resume", &json!({ "router": "router-1" })).0, 200);
    assert_eq!(page.order("heal", &json!({ "router": "router-1" })).0, 409);
}

#[test]
fn theory_is_asked_for_other_settings_and_says_what_was_wrong_with_them() {
    let place = Place::new();
    let lab = place.up(&["--rate", "5"]);
    let page = Page::of(&lab);
    let document = |path: &str| -> Value { serde_json::from_str(body_of(&page.get(path).1)).unwrap() };
    let now = document("/v1/theory");
    assert_eq!(
        (&now["settings"]["interval"], &now["checks_per_s"]),
        (&json!("5s"), &json!(0.8))
    );
    let other = document("/v1/theory?interval=1s&timeout=1s&fall=3&rate=100");
    assert_eq!(
        other["kill"]["t_detect_s"],
        json!({ "min": 2.0, "mean": 2.5, "max": 3.0 })
    );
    assert_eq!(other["settings"]["rate"], 100.0);
    assert_eq!(document("/v1/theory?preset=nginx")["checks_per_s"], Value::Null);
    let (status, answer) = page.get("/v1/theory?fall=0");
    let wrong: Value = serde_json::from_str(body_of(&answer)).unwrap();
    assert_eq!((status, &wrong["exit"]), (409, &json!(2)));
    assert!(wrong["error"].as_str().unwrap().contains("fall"), "{wrong}");
    assert_eq!(page.get("/v1/theory?engine-config=/etc/passwd").0, 409);
}

#[test]
fn who_comes_back_hears_exactly_what_was_missed_and_who_goes_harms_nobody() {
    let place = Place::new();
    let (lab, page) = page::up(&place);
    let mut first = page.live("/v1/live", "");
    let mut witness = page.live("/v1/live", "");
    first.until("some frames", |f| f["seq"].as_u64() >= Some(3));
    let heard = first.id.clone();
    let last = *first.seqs().last().unwrap();
    drop(first); // in the middle of its stream
    place.json(&["kill", "router-3"]);
    witness.until("its death", |f| {
        each(f, "truth").any(|change| change["router"] == "router-3" && change["truth"] == "dead")
    });
    let reach = *witness.seqs().last().unwrap();
    for (path, fields) in [
        ("/v1/live".to_owned(), format!("Last-Event-ID: {heard}\r\n")),
        (format!("/v1/live?after={heard}"), String::new()),
        (format!("/v1/live?after={last}"), String::new()),
    ] {
        let mut again = page.live(&path, &fields);
        assert_eq!(again.event().unwrap().0, "hello");
        again.until("what the witness has", |f| f["seq"].as_u64() >= Some(reach));
        let missed = again.frames.iter().zip(&witness.frames[last as usize + 1..]);
        missed.for_each(|(again, once)| assert_eq!(again, once));
        assert_eq!(again.seqs()[0], last + 1, "{path}");
    }
    // The id of another lab says nothing of this one.
    let mut stranger = page.live("/v1/live", "Last-Event-ID: 0123456789abcdef.2\r\n");
    stranger.until("the first", |f| f["seq"] == 0);
    assert_eq!(process(&lab.ps(), "router-1")["truth"], "up");
}
