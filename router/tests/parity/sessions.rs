//! Requests that belong to one instance.

use super::process::{Router, application, routes, unused};
use super::{Message, ask, get, production};
use std::net::SocketAddr;

const GUID: &str = "11111111-2222-3333-4444-555555555555";

/// Two instances of one application that begin sessions, and a router.
fn lab(path: &str) -> (Router, SocketAddr, SocketAddr) {
    let (one, _) = application(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: JSESSIONID=s; Path=/; Secure; SameSite=Lax\r\n\r\none",
    );
    let (two, _) = application("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: other=x\r\n\r\ntwo");
    let instances = format!("app = \"{GUID}\"\ninstance_ids = [\"inst-one\", \"inst-two\"]\n");
    let table = routes(&format!("app.test{path}"), &[one, two]) + &instances;
    (Router::start_with(&table, &production(&[])), one, two)
}

fn cookies(answer: &Message) -> Vec<&str> {
    let all = answer.fields.get("set-cookie").into_iter().flatten();
    all.map(|cookie| &**cookie)
        .filter(|cookie| cookie.starts_with("__VCAP_ID__"))
        .collect()
}

#[test]
fn jsessionid_sets_vcap_id_and_both_stick() {
    let (router, _, _) = lab("");
    let sticky = |id: &str| get("app.test", &format!("Cookie: JSESSIONID=s; __VCAP_ID__={id}\r\n"));
    let mut bodies = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let answer = ask(router.traffic, &get("app.test", ""));
        let expected: &[&str] = match &*answer.body {
            "one" => &["__VCAP_ID__=inst-one; Path=/; HttpOnly; Secure; SameSite=Lax"],
            _ => &[],
        };
        assert_eq!(cookies(&answer), expected);
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 2, "without cookies, round robin");
    for _ in 0..4 {
        let answer = ask(router.traffic, &sticky("inst-two"));
        assert_eq!((&*answer.body, cookies(&answer)), ("two", vec![]));
        assert_eq!(ask(router.traffic, &sticky("inst-one")).body, "one");
    }
    // Its instance is gone: it goes to another, and is told so.
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let answer = ask(router.traffic, &sticky("inst-gone"));
        let cookie = cookies(&answer).join("|");
        assert!(
            cookie.starts_with(&format!("__VCAP_ID__=inst-{}; Path=/; HttpOnly", answer.body)),
            "{cookie}"
        );
        told.insert(answer.body);
    }
    assert_eq!(told.len(), 2);
    // __VCAP_ID__ alone makes no session.
    let alone = |_| {
        ask(
            router.traffic,
            &get("app.test", "Cookie: __VCAP_ID__=inst-one\r\n"),
        )
        .body
    };
    assert_eq!(
        (0..2).map(alone).collect::<std::collections::BTreeSet<_>>().len(),
        2
    );
}

#[test]
fn the_cookies_path_is_the_routes_context_path() {
    let (router, _, _) = lab("/V1");
    let request = format!(
        "GET /v1/x HTTP/1.1\r\nHost: app.test\r\nx-cf-app-instance: {GUID}:0\r\nConnection: close\r\n\r\n"
    );
    let answer = ask(router.traffic, &request);
    assert_eq!(
        cookies(&answer),
        ["__VCAP_ID__=inst-one; Path=/V1; HttpOnly; Secure; SameSite=Lax"]
    );
}

#[test]
fn x_cf_app_instance_guid_index() {
    let (router, _, _) = lab("");
    for (index, body) in [(0, "one"), (1, "two"), (1, "two"), (0, "one")] {
        let answer = ask(
            router.traffic,
            &get("app.test", &format!("X-CF-APP-INSTANCE: {GUID}:{index}\r\n")),
        );
        assert_eq!(answer.body, body);
    }
}

#[test]
fn a_named_instance_that_is_dead_is_not_tried_elsewhere() {
    let (alive, heard) = application("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let instances = format!("app = \"{GUID}\"\ninstance_ids = [\"dead\", \"alive\"]\n");
    let table = routes("app.test", &[unused(), alive]) + &instances;
    let router = Router::start_with(&table, &production(&[]));
    for _ in 0..3 {
        let answer = ask(
            router.traffic,
            &get("app.test", &format!("X-CF-APP-INSTANCE: {GUID}:0\r\n")),
        );
        assert_eq!(answer.start, "HTTP/1.1 502 Bad Gateway");
    }
    assert!(heard.try_recv().is_err());
    let answer = ask(
        router.traffic,
        &get("app.test", &format!("X-CF-APP-INSTANCE: {GUID}:1\r\n")),
    );
    assert_eq!(answer.start, "HTTP/1.1 200 OK");
    assert!(
        Message::of(&heard.recv().unwrap())
            .one("x-cf-app-instance")
            .is_none(),
        "it ends here"
    );
}
