//! The router as a process: what it promises to clients, to load balancers and to its supervisor.
#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod crash;
mod faults;
mod process;
mod start;

use nix::sys::signal::Signal;
use process::{Router, application, binary, exchange, routes, unused};
use router::record::{DrainStage, Event};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn get(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_request_goes_to_the_application_and_into_the_access_log() {
    let (address, heard) = application(HELLO);
    let mut router = Router::start(&routes("app.test", &[address]));
    let answer = exchange(
        router.traffic,
        "GET /hello?x=1 HTTP/1.1\r\nHost: app.test\r\nUser-Agent: test\r\nx-resetlab-request: 7\r\n\
         X-Forwarded-For: 10.0.0.1\r\nConnection: close\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );
    assert!(answer.contains("x-resetlab-router: router-2\r\n"), "{answer}");
    let head = heard.recv().unwrap().to_lowercase();
    assert!(
        head.starts_with("get /hello?x=1 http/1.1\r\n") && head.contains("\r\nhost: app.test\r\n"),
        "{head}"
    );
    for line in ["x-forwarded-for: 10.0.0.1, 127.0.0.1", "x-forwarded-proto: http"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    let line = router.stdout_line();
    assert!(line.starts_with("app.test - [20"), "{line}");
    assert!(
        line.contains("] \"GET /hello?x=1 HTTP/1.1\" 200 0 5 \"-\" \"test\" \"127.0.0.1:"),
        "{line}"
    );
    assert!(
        line.contains(&format!("\"{address}\" x_forwarded_for:\"10.0.0.1, 127.0.0.1\"")),
        "{line}"
    );
    assert!(
        line.ends_with(" instance_id:\"-\" x_cf_routererror:\"-\" x_resetlab_request:\"7\"\n"),
        "{line}"
    );
}

#[test]
fn a_health_check_is_answered_as_gorouter_does_reported_and_not_logged() {
    let mut router = Router::start(&routes("app.test", &[]));
    let answer = exchange(
        router.health,
        "GET /health HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
    for line in [
        "Cache-Control: private, max-age=0",
        "Expires: 0",
        "Content-Length: 3",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
    }
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(200) }));
    // The next line is that of a request.
    exchange(router.traffic, &get("nope.test"));
    assert!(router.stdout_line().starts_with("nope.test - ["));
}

#[test]
fn what_cannot_be_forwarded_is_answered_in_gorouters_words() {
    let dead = unused();
    let table = [routes("app.test", &[dead]), routes("empty.test", &[])].concat();
    let router = Router::start(&table);
    for (request, start, error, end) in [
        (
            get("nope.test"),
            "HTTP/1.1 404 Not Found\r\n",
            "unknown_route".to_owned(),
            "404 Not Found: Requested route ('nope.test') does not exist.\n",
        ),
        (
            get("empty.test"),
            "HTTP/1.1 503 Service Unavailable\r\n",
            "no_endpoints".to_owned(),
            "503 Service Unavailable: Requested route ('empty.test') has no available endpoints.\n",
        ),
        (
            get("app.test"),
            "HTTP/1.1 502 Bad Gateway\r\n",
            format!("endpoint_failure (dial tcp {dead}: connect: connection refused)"),
            "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
        ),
        (
            "GET / HTTP/1.0\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request\r\n",
            "empty_host".to_owned(),
            "400 Bad Request: Request had empty Host header\n",
        ),
    ] {
        let answer = exchange(router.traffic, &request);
        assert!(answer.starts_with(start) && answer.ends_with(end), "{answer}");
        assert!(
            answer.contains(&format!("\r\nX-Cf-Routererror: {error}\r\n")),
            "{answer}"
        );
        assert!(answer.contains("x-resetlab-router: router-2\r\n"), "{answer}");
    }
}

#[test]
fn another_endpoint_is_tried_when_that_is_allowed() {
    let (address, _heard) = application(HELLO);
    let flags = ["--max-attempts", "2", "--enable-attempts-details"];
    let mut router = Router::start_with(&routes("*", &[unused(), address]), &flags);
    // Wherever its round begins: the dead one is among the first two.
    let failed = (0..2).filter(|_| {
        assert!(exchange(router.traffic, &get("any.test")).ends_with("hello"));
        router.stdout_line().contains(" failed_attempts:1 ")
    });
    assert_eq!(failed.count(), 1);
}

/// A client whose request the application has, and never answers.
fn in_flight(router: &Router, heard: &std::sync::mpsc::Receiver<String>) -> TcpStream {
    let mut client = TcpStream::connect(router.traffic).unwrap();
    client.write_all(get("app.test").as_bytes()).unwrap();
    heard.recv().unwrap();
    client
}

/// Reads to the end; nothing of an answer may come.
fn assert_cut(mut client: TcpStream) {
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    assert_eq!(answer, b"", "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn sigterm_stops_at_once_even_while_draining_and_other_signals_do_not() {
    let (address, heard, _hold) = process::silent_application();
    let mut router = Router::start(&routes("app.test", &[address]));
    let client = in_flight(&router, &heard);
    router.signal(Signal::SIGINT);
    assert!(router.ask(r#"{"cmd":"drink"}"#).contains("expected"));
    router.signal(Signal::SIGUSR1);
    assert_eq!(router.event(), Some(drain(DrainStage::Unhealthy, 1)));
    let shown = router.ask(r#"{"cmd":"show"}"#);
    for said in [r#""draining":true"#, r#""fault":null"#, r#""in_flight":1"#] {
        assert!(shown.contains(said), "{shown}");
    }
    router.signal(Signal::SIGTERM);
    assert_eq!(router.end().0.code(), Some(0));
    assert_cut(client);
    assert_eq!(router.event(), None);
}

/// What a drain says when nothing is under way.
const DRAINED: [DrainStage; 3] = [DrainStage::Unhealthy, DrainStage::Closed, DrainStage::Done];

fn drain(stage: DrainStage, in_flight: u64) -> Event {
    Event::Drain { stage, in_flight }
}

fn check(router: &mut Router, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n\r\n");
    exchange(router.health, &request)
}

#[test]
fn a_drain_is_unhealthy_then_serves_then_closes_then_finishes_what_is_under_way() {
    let (address, heard, hold) = process::silent_application();
    let (other, _heard) = application(HELLO);
    let table = [routes("app.test", &[address]), routes("other.test", &[other])].concat();
    // Long enough for three exchanges on a busy machine.
    let mut router = Router::start_with(&table, &["--drain-wait", "5s", "--drain-timeout", "1h"]);
    let client = in_flight(&router, &heard);
    router.signal(Signal::SIGUSR1);
    assert_eq!(router.event(), Some(drain(DrainStage::Unhealthy, 1)));
    let answer = check(&mut router, "/health");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    for line in [
        "Cache-Control: private, max-age=0",
        "Expires: 0",
        "Content-Length: 0",
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
    }
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(503) }));
    let alive = check(&mut router, "/is-process-alive-do-not-use-for-loadbalancing");
    assert!(alive.starts_with("HTTP/1.1 200 OK\r\n"), "{alive}");
    assert!(exchange(router.traffic, &get("other.test")).ends_with("hello"));
    // A second one does not start the wait again, nor end it.
    router.signal(Signal::SIGUSR1);
    assert_eq!(router.event(), Some(drain(DrainStage::Closed, 1)));
    let refused = TcpStream::connect(router.traffic).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(check(&mut router, "/health").starts_with("HTTP/1.1 503 "));
    assert_eq!(router.event(), Some(Event::CheckSeen { status: Some(503) }));
    drop(hold);
    let mut answer = String::new();
    let _ = (&client).read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(router.event(), Some(drain(DrainStage::Done, 0)));
    assert_eq!(router.end().0.code(), Some(0));
}

#[test]
fn what_is_not_finished_by_the_drain_timeout_is_cut_and_counted() {
    let (address, heard, _hold) = process::silent_application();
    let flags = ["--drain-wait", "0s", "--drain-timeout", "100ms"];
    let mut router = Router::start_with(&routes("app.test", &[address]), &flags);
    let client = in_flight(&router, &heard);
    router.signal(Signal::SIGUSR1);
    for stage in [DrainStage::Unhealthy, DrainStage::Closed, DrainStage::Done] {
        assert_eq!(router.event(), Some(drain(stage, 1)));
    }
    assert_cut(client);
    assert_eq!(router.end().0.code(), Some(0));
}

#[test]
fn it_ends_with_its_supervisor() {
    let mut router = Router::start(&routes("app.test", &[]));
    router.lifeline = None;
    assert_eq!(router.end().0.code(), Some(0));
}

/// Its exit status and what it said, for a start that fails.
fn refuse(arguments: &[&str]) -> (Option<i32>, String) {
    let output = binary().args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_start_that_fails_says_what_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("routes.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "[[route]]\nhost = 'app.test'\nendpoints = ['localhost']\n").unwrap();
    let (status, said) = refuse(&["--routes", path]);
    assert_eq!(
        (status, said),
        (
            Some(2),
            format!(
                "router: {path}:3: endpoint \"localhost\": expected ADDRESS:PORT such as \"127.0.0.1:9000\"\n"
            )
        )
    );

    std::fs::write(&file, routes("app.test", &[])).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = taken.local_addr().unwrap();
    let (status, said) = refuse(&[
        "--routes",
        path,
        "--listen",
        "127.0.0.1:0",
        "--health",
        &address.to_string(),
    ]);
    assert_eq!(status, Some(2));
    assert!(
        said.contains(&format!("cannot listen on {address}: taken by ")),
        "{said}"
    );
    assert!(
        said.contains(&format!("(pid {}); `--health ADDR` moves it", std::process::id())),
        "{said}"
    );
}

#[test]
fn the_client_that_a_balancer_names_is_forwarded_and_logged() {
    let (address, heard) = application(HELLO);
    let mut router = Router::start_with(&routes("app.test", &[address]), &["--proxy-protocol"]);
    let mut head = Vec::new();
    let named = router::proxy_protocol::Header::Tcp {
        source: "192.0.2.7:56226".parse().unwrap(),
        destination: router.traffic,
    };
    named.write(&mut head);
    head.extend_from_slice(get("app.test").as_bytes());
    let mut client = TcpStream::connect(router.traffic).unwrap();
    client.write_all(&head).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    let head = heard.recv().unwrap();
    assert!(head.contains("\r\nX-Forwarded-For: 192.0.2.7\r\n"), "{head}");
    let line = router.stdout_line();
    assert!(
        line.contains(" \"192.0.2.7:56226\" ") && line.contains("x_forwarded_for:\"192.0.2.7\""),
        "{line}"
    );
}
