//! What Prometheus is told of a live lab.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use support::Place;

/// No check of a living router takes two seconds, and no router is mistaken for a dead one.
const FAST: [&str; 8] = [
    "--interval",
    "200ms",
    "--timeout",
    "2s",
    "--restart-delay",
    "300ms",
    "--rate",
    "50",
];

#[test]
fn promtool_has_nothing_to_say_against_the_metrics_of_a_live_lab() {
    let place = Place::new();
    let mut lab = place.up(&FAST);
    let (address, url) = address(&lab.ps());
    assert!(
        lab.heard.join("\n").contains(&format!("metrics   {url}")),
        "{:?}",
        lab.heard
    );
    lab.wait_for_check("router-2");
    place.json(&["kill", "router-2"]);
    // In any order, and if its return comes before its death was noticed, that never is.
    lab.wait_for_all(&[("its return", &["router-2 is ready again"])]);
    let end = |line: &String| line.contains("router-2 reset window") || line.contains("never noticed");
    if !lab.heard.iter().any(end) {
        lab.wait_for("the end of the window", |line| end(&line.to_owned()));
    }

    let answer = ask(&address, "GET /metrics", "127.0.0.1");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer}"
    );
    let page = body(&answer);
    for sample in [
        r#"resetlab_router_exits_total{router="router-2",reason="killed"} 1"#,
        r#"resetlab_router_restarts_total{router="router-2"} 1"#,
        r#"resetlab_router_truth{router="router-1",state="up"} 1"#,
        r#"resetlab_window_lost_requests_total{fault="kill",phase="window"}"#,
        "resetlab_check_interval_seconds 0.2",
        "resetlab_build_info{version=",
    ] {
        assert!(page.contains(sample), "{sample}\n{page}");
    }
    promtool(page);

    let mut socket = UnixStream::connect(place.socket("default")).unwrap();
    let same = exchange(&mut socket, "GET /metrics", "lab");
    assert!(body(&same).contains("resetlab_build_info"), "{same}");
}

#[test]
fn the_port_of_the_metrics_serves_nothing_else_and_no_other_name() {
    let place = Place::new();
    let lab = place.up(&["--rate", "5"]);
    let (address, _) = address(&lab.ps());
    let status = |request: &str, host: &str| ask(&address, request, host)[9..12].to_owned();
    assert_eq!(status("GET /metrics", "evil.test"), "403");
    assert_eq!(status("GET /", "evil.test"), "403");
    assert_eq!(status("GET http://evil.test/metrics", "127.0.0.1"), "403");
    assert_eq!(status("GET /v1/ps", "localhost"), "404");
    assert_eq!(status("POST /v1/down", "localhost"), "404");
    assert_eq!(status("POST /metrics", "localhost"), "405");
    assert_eq!(status("DELETE /metrics", "localhost"), "405");
    let head = ask(&address, "HEAD /metrics", "localhost:9100");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && body(&head).is_empty(),
        "{head}"
    );
}

#[test]
fn they_can_be_moved_and_switched_off_and_stay_on_this_machine() {
    let place = Place::new();
    let off = place.up(&["--rate", "5", "--metrics", "off"]);
    assert_eq!(off.ps()["lab"]["metrics"], Value::Null);
    let moved = place.up(&["--lab", "moved", "--rate", "5", "--metrics", "127.0.0.1:0"]);
    let (address, _) = address(&place.json(&["ps", "--lab", "moved"]));
    assert!(ask(&address, "GET /metrics", "localhost").contains("200 OK"));

    let taken = place.run(&["--lab", "third", "up", "--metrics", &address]);
    assert_eq!(taken.status.code(), Some(2));
    let words = support::stderr(&taken);
    assert!(words.contains(&format!("(pid {})", moved.pid())), "{words}");
    let outside = place.run(&["--lab", "third", "up", "--metrics", "0.0.0.0:9100"]);
    assert_eq!(outside.status.code(), Some(2));
    let words = support::stderr(&outside);
    assert!(words.contains("expected a loopback address"), "{words}");
}

/// Where `ps` says they are.
fn address(ps: &Value) -> (String, String) {
    let url = ps["lab"]["metrics"].as_str().unwrap().to_owned();
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();
    (address.to_owned(), url)
}

fn ask(address: &str, request: &str, host: &str) -> String {
    exchange(&mut TcpStream::connect(address).unwrap(), request, host)
}

fn exchange(stream: &mut (impl Read + Write), request: &str, host: &str) -> String {
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// Fails on anything that Prometheus' own linter says.
#[expect(clippy::disallowed_methods, reason = "a tool beside the product")]
fn promtool(page: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(e) => {
            let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "REQUIRE_PEERS=1, but promtool: {e}; apt-get install prometheus"
            );
            return println!("skipped: promtool: {e}; apt-get install prometheus has it");
        }
    };
    tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}");
}
