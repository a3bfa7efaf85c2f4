//! The start delay: alive at once, healthy and serving when it is over.

use super::process::{Router, application, exchange, routes};
use super::{HELLO, check, get};
use nix::sys::signal::Signal;
use router::clock;
use router::record::Event;
use std::net::TcpStream;
use std::time::Duration;

const ALIVE: &str = "/is-process-alive-do-not-use-for-loadbalancing";

#[test]
fn in_its_start_delay_it_is_alive_but_neither_healthy_nor_serving() {
    let flags = ["--start-response-delay-interval", "1h"];
    let mut router = Router::start_delayed(&routes("app.test", &[]), &flags);
    let answer = check(&mut router, "/health");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    let alive = check(&mut router, ALIVE);
    assert!(
        alive.starts_with("HTTP/1.1 200 ") && alive.ends_with("ok\n"),
        "{alive}"
    );
    let refused = TcpStream::connect(router.traffic).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    router.signal(Signal::SIGTERM);
    assert_eq!(router.end().0.code(), Some(0));
    // It was never ready.
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(503) }));
    assert_eq!(router.event(), None);
}

#[test]
fn it_is_ready_when_its_start_delay_is_over_and_serves_then() {
    let delay = Duration::from_millis(300);
    let begun = clock::now();
    let (address, _heard) = application(HELLO);
    let flags = ["--start-response-delay-interval", "300ms"];
    let mut router = Router::start_delayed(&routes("app.test", &[address]), &flags);
    let ready = router.record().unwrap();
    assert!(matches!(ready.event, Event::Ready { .. }), "{ready:?}");
    assert!(ready.at.since(begun) >= delay, "{:?}", ready.at.since(begun));
    // `ready` is no promise but a fact.
    assert!(exchange(router.traffic, &get("app.test")).ends_with("hello"));
    assert!(check(&mut router, "/health").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_drain_that_was_asked_for_in_the_start_delay_comes_after_it() {
    let flags = ["--start-response-delay-interval", "300ms", "--drain-wait", "0s"];
    let mut router = Router::start_delayed(&routes("app.test", &[]), &flags);
    router.signal(Signal::SIGUSR1);
    assert!(matches!(router.event(), Some(Event::Ready { .. })));
    for stage in super::DRAINED {
        assert_eq!(router.event(), Some(super::drain(stage, 0)));
    }
    assert_eq!(router.end().0.code(), Some(0));
}

#[test]
fn a_version_that_is_none_is_refused_with_what_was_expected() {
    for (flag, word, expected) in [
        ("--go", "1.x", "a version of Go such as 1.21.13 or go1.23"),
        ("--routing-release", "v", "such as 0.287.0 or v0.288.0"),
    ] {
        let arguments = ["--routes", "routes.toml", flag, word];
        let output = super::binary().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(flag) && said.contains(expected), "{said}");
    }
}
