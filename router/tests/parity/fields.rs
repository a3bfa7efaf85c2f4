//! What a request gets on its way to the application, and a response on its way back.

use super::process::{Router, application, routes};
use super::{HELLO, Message, ask, get, is_uuid, production};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const INSTANCE: &str = "app = \"1111\"\ninstance_ids = [\"inst-0\"]\n";

#[test]
fn request_fields() {
    let (address, heard) = application(HELLO);
    let named = routes("named.test", &[address]) + INSTANCE;
    let table = [routes("app.test", &[address]), named].concat();
    let plain = Router::start_with(&table, &production(&[]));
    let sanitizing = Router::start_with(&table, &production(&["--sanitize-forwarded-proto"]));
    let forcing = Router::start_with(&table, &production(&["--force-forwarded-proto-https"]));
    let own = address.to_string();
    for (fact, router, host, sent, name, got) in [
        (
            "X-Forwarded-For set",
            &plain,
            "app.test",
            "",
            "x-forwarded-for",
            Some("127.0.0.1"),
        ),
        (
            "X-Forwarded-For appended",
            &plain,
            "app.test",
            "X-Forwarded-For: 10.0.0.1\r\n",
            "x-forwarded-for",
            Some("10.0.0.1, 127.0.0.1"),
        ),
        (
            "X-Forwarded-For: many lines become one",
            &plain,
            "app.test",
            "X-Forwarded-For: 10.0.0.1\r\nx-forwarded-for: 10.0.0.2, 10.0.0.3\r\n",
            "x-forwarded-for",
            Some("10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1"),
        ),
        (
            "X-Forwarded-Proto set if missing",
            &plain,
            "app.test",
            "",
            "x-forwarded-proto",
            Some("http"),
        ),
        (
            "X-Forwarded-Proto set only if missing",
            &plain,
            "app.test",
            "X-Forwarded-Proto: https\r\n",
            "x-forwarded-proto",
            Some("https"),
        ),
        (
            "X-Forwarded-Proto or sanitize",
            &sanitizing,
            "app.test",
            "X-Forwarded-Proto: https\r\n",
            "x-forwarded-proto",
            Some("http"),
        ),
        (
            "X-Forwarded-Proto or force",
            &forcing,
            "app.test",
            "X-Forwarded-Proto: http\r\n",
            "x-forwarded-proto",
            Some("https"),
        ),
        (
            "X-Request-Start only if missing",
            &plain,
            "app.test",
            "X-Request-Start: 7\r\n",
            "x-request-start",
            Some("7"),
        ),
        (
            "X-CF-ApplicationID",
            &plain,
            "named.test",
            "X-CF-ApplicationID: forged\r\n",
            "x-cf-applicationid",
            Some("1111"),
        ),
        (
            "X-CF-InstanceID",
            &plain,
            "named.test",
            "X-CF-InstanceID: forged\r\n",
            "x-cf-instanceid",
            Some("inst-0"),
        ),
        (
            "X-CF-InstanceIndex",
            &plain,
            "named.test",
            "X-CF-InstanceIndex: 9\r\n",
            "x-cf-instanceindex",
            Some("0"),
        ),
        (
            "X-CF-InstanceID is the address without one",
            &plain,
            "app.test",
            "",
            "x-cf-instanceid",
            Some(&*own),
        ),
        (
            "X-CF-ApplicationID empty without one",
            &plain,
            "app.test",
            "",
            "x-cf-applicationid",
            Some(""),
        ),
        (
            "the lab's own field passes",
            &plain,
            "app.test",
            "x-resetlab-request: 7\r\n",
            "x-resetlab-request",
            Some("7"),
        ),
    ] {
        ask(router.traffic, &get(host, sent));
        let head = Message::of(&heard.recv().unwrap());
        assert_eq!(head.one(name), got, "{fact}");
    }
}

#[test]
fn x_vcap_request_id_is_overwritten_and_x_request_start_is_in_ms() {
    let (address, heard) = application(HELLO);
    let router = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let answer = ask(router.traffic, &get("app.test", "X-Vcap-Request-Id: mine\r\n"));
        let head = Message::of(&heard.recv().unwrap());
        let id = head.one("x-vcap-request-id").unwrap().to_owned();
        assert!(is_uuid(&id), "{id}");
        assert_eq!(answer.one("x-vcap-request-id"), Some(&*id), "response: if absent");
        seen.insert(id);
        let start: u64 = head.one("x-request-start").unwrap().parse().unwrap();
        let start = UNIX_EPOCH + Duration::from_millis(start);
        let now: SystemTime = router::clock::wall();
        assert!(start <= now && now.duration_since(start).unwrap() < Duration::from_secs(60));
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_response_keeps_its_own_id_and_gets_a_date_if_it_has_none() {
    let (address, _heard) =
        application("HTTP/1.1 200 OK\r\nX-Vcap-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n");
    let (dated, _dated_heard) = application(HELLO);
    let table = [routes("app.test", &[address]), routes("dated.test", &[dated])].concat();
    let router = Router::start_with(&table, &production(&[]));
    let answer = ask(router.traffic, &get("app.test", ""));
    assert_eq!(answer.one("x-vcap-request-id"), Some("theirs"));
    assert!(answer.one("date").unwrap().ends_with(" GMT"));
    let answer = ask(router.traffic, &get("dated.test", ""));
    assert_eq!(answer.one("date"), Some("Mon, 23 Nov 2026 06:05:07 GMT"));
}
