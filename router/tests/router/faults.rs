//! Faults a router shows on request, one at a time, until it is healed.

use super::process::{self, Router, application, exchange, routes};
use super::{HELLO, get};
use router::clock::{self, Timestamp};
use router::record::Event;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CHECK: &str = "GET /health HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n\r\n";
const ALIVE: &str =
    "GET /is-process-alive-do-not-use-for-loadbalancing HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n\r\n";

/// Injects a fault; the moment it took effect.
fn inject(router: &Router, spec: &str) -> Timestamp {
    let answer = router.ask(&format!(r#"{{"cmd":"fault",{spec}}}"#));
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
    Timestamp(answer["t_ns"].as_u64().unwrap())
}

fn sent(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// All that comes until its end.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_silent_router_takes_what_comes_and_answers_it_once_healed() {
    let (address, _heard) = application(HELLO);
    let mut router = Router::start(&routes("app.test", &[address]));
    let before = clock::now();
    let effect = inject(&router, r#""fault":"silent""#);
    assert!(before < effect && effect < clock::now());
    let waiting = [sent(router.health, CHECK), sent(router.traffic, &get("app.test"))];
    for stream in &waiting {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let nothing = (&*stream).read(&mut [0]).unwrap_err();
        // Interrupted: this process was stopped meanwhile.
        assert!(
            matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            "{nothing}"
        );
        stream.set_read_timeout(None).unwrap();
    }
    assert!(exchange(router.health, ALIVE).starts_with("HTTP/1.1 200 "));
    assert!(router.ask(r#"{"cmd":"show"}"#).contains(r#""fault":"silent""#));
    let healed = router.ask(r#"{"cmd":"heal"}"#);
    assert!(
        healed.contains(r#""ok":true"#) && healed.contains(r#""fault":"silent""#),
        "{healed}"
    );
    let [check, request] = waiting.map(rest);
    assert!(check.starts_with("HTTP/1.1 200 "), "{check}");
    assert!(request.ends_with("hello"), "{request}");
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(200) }));
    assert!(router.ask(r#"{"cmd":"heal"}"#).contains(r#""healed":null"#));
}

#[test]
fn a_fault_shows_where_it_was_put_and_the_next_replaces_it() {
    let (address, heard) = application(HELLO);
    let mut router = Router::start(&routes("app.test", &[address]));
    inject(&router, r#""fault":"silent","on":"requests""#);
    let waiting = sent(router.traffic, &get("app.test"));
    assert!(exchange(router.health, CHECK).starts_with("HTTP/1.1 200 "));
    inject(&router, r#""fault":"error","on":"requests","status":507"#);
    let answer = rest(waiting);
    assert!(answer.starts_with("HTTP/1.1 507 "), "{answer}");
    assert!(!answer.to_lowercase().contains("x-cf-routererror"), "{answer}");
    assert!(answer.contains("x-resetlab-router: router-2\r\n"), "{answer}");
    // The application was not asked.
    assert!(heard.try_recv().is_err());
    inject(&router, r#""fault":"error","on":"health""#);
    let answer = exchange(router.health, CHECK);
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    assert!(exchange(router.traffic, &get("app.test")).ends_with("hello"));
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(200) }));
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(503) }));
}

#[test]
fn a_cut_response_ends_with_a_reset_in_its_middle() {
    let (address, _heard) = application("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    let router = Router::start(&routes("app.test", &[address]));
    inject(&router, r#""fault":"cut""#);
    assert!(exchange(router.health, CHECK).starts_with("HTTP/1.1 200 "));
    let mut client = sent(router.traffic, &get("app.test"));
    let mut answer = Vec::new();
    let end = client.read_to_end(&mut answer).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    assert!(
        answer.ends_with(b"\r\n\r\n01234"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn a_slow_router_is_late_at_both_ports_and_at_once_well_when_healed() {
    let (address, _heard) = application(HELLO);
    let router = Router::start(&routes("app.test", &[address]));
    inject(&router, r#""fault":"slow","delay":"100ms..120ms""#);
    for (port, request) in [
        (router.health, CHECK.to_owned()),
        (router.traffic, get("app.test")),
    ] {
        let asked = clock::now();
        assert!(exchange(port, &request).starts_with("HTTP/1.1 200 "));
        assert!(clock::now().since(asked) >= Duration::from_millis(100));
    }
    inject(&router, r#""fault":"slow","delay":"1h""#);
    let waiting = sent(router.traffic, &get("app.test"));
    router.ask(r#"{"cmd":"heal"}"#);
    assert!(rest(waiting).ends_with("hello"));
}

#[test]
fn what_a_router_cannot_show_is_refused_and_changes_nothing() {
    let router = Router::start(&routes("app.test", &[process::unused()]));
    inject(&router, r#""fault":"error","on":"health""#);
    for (spec, expected) in [
        (r#""fault":"kill""#, "silent, error, cut or slow"),
        (r#""fault":"error","status":404"#, "expected 500 to 599"),
        (r#""fault":"slow","delay":"5""#, "expected 300ms"),
        (r#""fault":"tired""#, "unknown variant"),
    ] {
        let answer = router.ask(&format!(r#"{{"cmd":"fault",{spec}}}"#));
        assert!(
            answer.contains("\"error\"") && answer.contains(expected),
            "{answer}"
        );
    }
    assert!(exchange(router.health, CHECK).starts_with("HTTP/1.1 503 "));
}
