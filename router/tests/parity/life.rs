//! A router's life as load balancers and clients see it.

use super::process::{Router, application, exchange, routes, silent_application};
use super::{HELLO, Message, get, production};
use nix::sys::signal::Signal;
use router::record::Event;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

const ALIVE: &str = "/is-process-alive-do-not-use-for-loadbalancing";

fn check(address: SocketAddr, path: &str) -> Message {
    Message::of(&exchange(
        address,
        &get("lb", "").replace("GET /", &format!("GET {path}")),
    ))
}

/// A connection on which `request` was sent.
fn sent(router: &Router, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(router.traffic).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn refused(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn assert_unhealthy(router: &Router, fact: &str) {
    let answer = check(router.health, "/health");
    assert_eq!(answer.start, "HTTP/1.1 503 Service Unavailable", "{fact}");
    assert_eq!(answer.one("cache-control"), Some("private, max-age=0"), "{fact}");
    assert_eq!((answer.one("expires"), &*answer.body), (Some("0"), ""), "{fact}");
}

#[test]
fn health_200() {
    let router = Router::start_with(&routes("app.test", &[]), &production(&[]));
    for path in ["/health", ALIVE] {
        let answer = check(router.health, path);
        assert_eq!(answer.start, "HTTP/1.1 200 OK");
        for (name, value) in [
            ("cache-control", "private, max-age=0"),
            ("expires", "0"),
            ("content-length", "3"),
            ("content-type", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(answer.one(name), Some(value), "{path}");
        }
        assert_eq!(answer.body, "ok\n");
    }
}

#[test]
fn start_health_503_and_main_port_refused_until_the_delay_is_over() {
    let (address, _heard) = application(HELLO);
    let delayed = |delay| {
        let flags = ["--profile", "gorouter", "--start-response-delay-interval", delay];
        Router::start_delayed(&routes("app.test", &[address]), &flags)
    };
    // One whose delay is not over before it has been asked, however busy the machine is.
    let router = delayed("1h");
    assert_unhealthy(&router, "start");
    assert!(refused(router.traffic));
    assert_eq!(check(router.health, ALIVE).start, "HTTP/1.1 200 OK");
    let mut router = delayed("300ms");
    while !matches!(router.event(), Some(Event::Ready { .. })) {}
    assert!(exchange(router.traffic, &get("app.test", "")).ends_with("hello"));
    assert_eq!(check(router.health, "/health").start, "HTTP/1.1 200 OK");
}

#[test]
fn sigusr1_unhealthy_and_serving_then_refused_then_what_is_in_flight_finishes() {
    let (silent, heard, hold) = silent_application();
    let (address, _heard) = application(HELLO);
    let table = [routes("app.test", &[address]), routes("slow.test", &[silent])].concat();
    // Long enough to ask twice on a busy machine.
    let flags = ["--drain-wait", "5s", "--drain-timeout", "1h"];
    let mut router = Router::start_with(&table, &production(&flags));
    let idle = sent(&router, &get("app.test", "").replace("Connection: close\r\n", ""));
    let mut in_flight = sent(
        &router,
        &get("slow.test", "").replace("Connection: close\r\n", ""),
    );
    heard.recv().unwrap();
    router.signal(Signal::SIGUSR1);
    assert!(matches!(router.event(), Some(Event::Drain { .. })));
    assert_unhealthy(&router, "SIGUSR1: /health 503");
    let answer = exchange(router.traffic, &get("app.test", ""));
    assert!(answer.ends_with("hello"), "new requests still 200: {answer}");
    while !matches!(
        router.event(),
        Some(Event::Drain {
            stage: router::record::DrainStage::Closed,
            ..
        })
    ) {}
    assert!(refused(router.traffic), "main port refused");
    let rest = std::io::read_to_string(&idle).unwrap();
    assert!(
        rest.ends_with("hello"),
        "idle keep-alive connections get FIN: {rest}"
    );
    assert_eq!(
        check(router.health, ALIVE).start,
        "HTTP/1.1 200 OK",
        "alive until exit"
    );
    drop(hold);
    let mut answer = String::new();
    in_flight.read_to_string(&mut answer).unwrap();
    let answer = Message::of(&answer);
    assert_eq!(
        answer.one("connection"),
        Some("close"),
        "in-flight finished with Connection: close"
    );
    assert_eq!(router.end().0.code(), Some(0));
}

#[test]
fn sigterm_and_sigkill_cut_everything_at_once() {
    for (signal, code) in [(Signal::SIGTERM, Some(0)), (Signal::SIGKILL, None)] {
        let (silent, heard, _hold) = silent_application();
        let mut router = Router::start_with(&routes("slow.test", &[silent]), &production(&[]));
        let in_flight = sent(&router, &get("slow.test", ""));
        heard.recv().unwrap();
        let half_sent = sent(&router, "GET / HT");
        let idle = TcpStream::connect(router.traffic).unwrap();
        router.signal(signal);
        assert_eq!(router.end().0.code(), code);
        for (name, mut stream) in [("in-flight", in_flight), ("idle", idle), ("half-sent", half_sent)] {
            let mut answer = Vec::new();
            match (name, stream.read_to_end(&mut answer)) {
                (_, Ok(0)) => {}
                // What the dead process had not read turns the end into a reset.
                ("half-sent" | "idle", Err(error)) if error.kind() == ErrorKind::ConnectionReset => {}
                (_, other) => panic!("{signal} {name}: {other:?} after {answer:?}"),
            }
        }
        assert!(refused(router.traffic), "{signal}");
    }
}
