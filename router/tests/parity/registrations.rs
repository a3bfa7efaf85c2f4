//! Routes that come and go while the router serves.

use super::process::{Router, application, exchange, routes, unused};
use super::{HELLO, ask, get, post, production};
use router::clock;
use std::time::Duration;

#[test]
fn register_routes_unregister() {
    let (address, _heard) = application(HELLO);
    let flags = production(&["--empty-pool-timeout", "0s"]);
    let router = Router::start_with(&routes("fixed.test", &[]), &flags);
    let message = format!(
        "{{\"host\": \"127.0.0.1\", \"port\": {}, \"uris\": [\"app.test/v1\", \"*.wild.test\"], \"app\": \"1111\", \
         \"private_instance_id\": \"inst-0\", \"private_instance_index\": \"0\", \"stale_threshold_in_seconds\": 60, \
         \"tags\": {{\"component\": \"emitter\"}}, \"availability_zone\": \"z1\", \
         \"options\": {{\"loadbalancing\": \"least-connection\"}}}}",
        address.port()
    );
    assert_eq!(
        ask(router.traffic, &get("a.wild.test", "")).start,
        "HTTP/1.1 404 Not Found"
    );
    assert_eq!(post(router.routes, "/register", &message).0, "200 OK");
    assert_eq!(ask(router.traffic, &get("a.wild.test", "")).body, "hello");
    let shown: serde_json::Value =
        serde_json::from_str(&ask(router.routes, &get("api", "").replace("GET /", "GET /routes")).body)
            .unwrap();
    let endpoint = serde_json::json!({
        "address": address.to_string(), "availability_zone": "z1", "protocol": "http1", "tls": false, "ttl": 60,
        "tags": {"component": "emitter"}, "private_instance_id": "inst-0",
        "load_balancing_algorithm": "least-connection",
    });
    assert_eq!(
        shown,
        serde_json::json!({"*.wild.test": [endpoint], "app.test/v1": [endpoint], "fixed.test": []})
    );
    assert_eq!(post(router.routes, "/unregister", &message).1, "unregistered\n");
    assert_eq!(
        ask(router.traffic, &get("a.wild.test", "")).start,
        "HTTP/1.1 404 Not Found"
    );
    assert_eq!(
        post(router.routes, "/unregister", &message).1,
        "was not registered\n"
    );
}

#[test]
fn a_registration_for_a_port_nobody_listens_on_is_taken_and_requests_get_502_or_go_elsewhere() {
    let (address, _heard) = application(HELLO);
    let router = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    let dead = unused();
    let message = |uri: &str| {
        format!(
            "{{\"host\": \"{}\", \"port\": {}, \"uris\": [\"{uri}\"]}}",
            dead.ip(),
            dead.port()
        )
    };
    for uri in ["alone.test", "app.test"] {
        assert_eq!(post(router.routes, "/register", &message(uri)).0, "200 OK");
    }
    assert_eq!(
        ask(router.traffic, &get("alone.test", "")).start,
        "HTTP/1.1 502 Bad Gateway"
    );
    for _ in 0..4 {
        assert_eq!(ask(router.traffic, &get("app.test", "")).body, "hello");
    }
}

#[test]
fn malformed_registrations_are_refused_with_what_was_expected_and_change_nothing() {
    let (address, _heard) = application(HELLO);
    let router = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    let deep = "[".repeat(100_000);
    let segments = format!(
        "{{\"host\": \"127.0.0.1\", \"port\": 1, \"uris\": [\"a{}\"]}}",
        "/a".repeat(50_000)
    );
    for (json, words) in [
        ("", "expected a JSON object such as"),
        ("nonsense", "expected a JSON object such as"),
        (&*deep, "expected a JSON object such as"),
        ("{\"host\": \"127.0.0.1\"}", "port 0: expected 1 to 65535"),
        (
            "{\"host\": \"nowhere\", \"port\": 1, \"uris\": [\"a\"]}",
            "expected an IP address",
        ),
        (
            "{\"host\": \"127.0.0.1\", \"port\": 1, \"uris\": [\"a b\"]}",
            "expected a host such as",
        ),
        (
            &segments,
            "50000 path segments; expected at most 2048 bytes and 128 segments",
        ),
    ] {
        for path in ["/register", "/unregister"] {
            let (status, said) = post(router.routes, path, json);
            assert_eq!(status, "400 Bad Request", "{said}");
            assert!(said.contains(words), "{said}");
        }
    }
    for (request, status) in [
        (
            get("api", "").replace("GET /", "GET /register"),
            "405 Method Not Allowed",
        ),
        (get("api", "").replace("GET /", "GET /nothing"), "404 Not Found"),
        (
            get("api", "Origin: http://evil.test\r\n").replace("GET /", "GET /routes"),
            "403 Forbidden",
        ),
    ] {
        let answer = exchange(router.routes, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
    let huge = format!("\"{}\"", "x".repeat(1 << 20));
    let (status, said) = post(router.routes, "/register", &huge);
    assert_eq!(status, "400 Bad Request", "{said}");
    let shown = ask(router.routes, &get("api", "").replace("GET /", "GET /routes")).body;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        shown.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["app.test"]
    );
    assert_eq!(ask(router.traffic, &get("app.test", "")).body, "hello");
}

#[test]
fn what_is_not_registered_again_is_pruned_and_what_a_file_names_is_not() {
    let flags = [
        "--prune-stale-droplets-interval",
        "1ms",
        "--droplet-stale-threshold",
        "1ms",
    ];
    let (address, _heard) = application(HELLO);
    let router = Router::start_with(&routes("app.test", &[address]), &production(&flags));
    let message = format!(
        "{{\"host\": \"127.0.0.1\", \"port\": {}, \"uris\": [\"gone.test\"]}}",
        address.port()
    );
    assert_eq!(post(router.routes, "/register", &message).0, "200 OK");
    let begun = clock::now();
    while ask(router.traffic, &get("gone.test", "")).start != "HTTP/1.1 404 Not Found" {
        assert!(clock::now().since(begun) < Duration::from_secs(20));
    }
    assert_eq!(ask(router.traffic, &get("app.test", "")).body, "hello");
}
