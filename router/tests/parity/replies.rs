//! What a client is told when its request goes nowhere: status, fields and body.

use super::process::{Router, application, exchange, routes, silent_application, unused};
use super::{HELLO, Message, ask, get, production};
use std::io::Write;
use std::net::TcpStream;

const GUID: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn replies_of_its_own() {
    let dead = unused();
    let table = [
        routes("app.test", &[dead]),
        routes("empty.test", &[]),
        routes("paths.test/v1", &[dead]),
    ]
    .concat();
    let router = Router::start_with(&table, &production(&[]));
    let never = ("cache-control", "no-cache, no-store");
    let shortly = ("cache-control", "public,max-age=2");
    let text = ("content-type", "text/plain; charset=utf-8");
    let nosniff = ("x-content-type-options", "nosniff");
    let error = |error| ("x-cf-routererror", error);
    let failure = format!("endpoint_failure (dial tcp {dead}: connect: connection refused)");
    let wrong = get("app.test", "X-CF-APP-INSTANCE: nonsense\r\n");
    let missing = get("app.test", &format!("x-cf-app-instance: {GUID}:7\r\n"));
    let said = format!(
        "400 Bad Request: Requested instance ('7') with guid ('{GUID}') does not exist for route ('app.test')\n"
    );
    let malformed = "400 Bad Request: Invalid X-CF-App-Instance Header\n";
    let empty = "400 Bad Request: Request had empty Host header\n";
    for (fact, request, start, fields, body) in [
        (
            "unknown host 404",
            get("nope.test", ""),
            "404 Not Found",
            &[never, text, error("unknown_route"), nosniff][..],
            "404 Not Found: Requested route ('nope.test') does not exist.\n",
        ),
        (
            "unknown host 404: told as it was asked for",
            get("Nope.test:8081", ""),
            "404 Not Found",
            &[never, text, error("unknown_route"), nosniff],
            "404 Not Found: Requested route ('Nope.test:8081') does not exist.\n",
        ),
        (
            "a host without a route for the path 404",
            get("paths.test", ""),
            "404 Not Found",
            &[never, text, error("unknown_route"), nosniff],
            "404 Not Found: Requested route ('paths.test') does not exist.\n",
        ),
        (
            "no endpoints 503",
            get("empty.test", ""),
            "503 Service Unavailable",
            &[shortly, text, error("no_endpoints"), nosniff],
            "503 Service Unavailable: Requested route ('empty.test') has no available endpoints.\n",
        ),
        (
            "dead backend 502",
            get("app.test", ""),
            "502 Bad Gateway",
            &[text, error(&failure), nosniff],
            "502 Bad Gateway: Registered endpoint failed to handle the request.\n",
        ),
        (
            "empty host 400: HTTP/1.0 without one",
            "GET / HTTP/1.0\r\n\r\n".to_owned(),
            "400 Bad Request",
            &[shortly, text, error("empty_host"), nosniff],
            empty,
        ),
        (
            "empty host 400: HTTP/1.1 with an empty one",
            get("", ""),
            "400 Bad Request",
            &[shortly, text, error("empty_host"), nosniff],
            empty,
        ),
        (
            "host equal to client IP 400",
            get("127.0.0.1:8081", ""),
            "400 Bad Request",
            &[shortly, text, error("empty_host"), nosniff],
            empty,
        ),
        (
            "invalid_cf_app_instance_header",
            wrong,
            "400 Bad Request",
            &[never, text, error("invalid_cf_app_instance_header"), nosniff],
            malformed,
        ),
        (
            "an instance that is not there 400",
            missing,
            "400 Bad Request",
            &[never, text, error("unknown_route"), nosniff],
            &said,
        ),
        (
            "healthcheck_user_agent on the main port",
            get("whatever", "User-Agent: HTTP-Monitor/1.1\r\n"),
            "200 OK",
            &[("cache-control", "private, max-age=0"), ("expires", "0")],
            "ok\n",
        ),
    ] {
        ask(router.traffic, &request).assert_is(fact, start, fields, body);
    }
}

#[test]
fn empty_pool_response_code_503_is_off_in_go() {
    let flags = ["--empty-pool-response-code-503", "false"];
    let router = Router::start_with(&routes("empty.test", &[]), &production(&flags));
    let answer = ask(router.traffic, &get("empty.test", ""));
    assert_eq!(answer.start, "HTTP/1.1 404 Not Found");
    assert_eq!(answer.one("x-cf-routererror"), Some("unknown_route"));
}

#[test]
fn all_full_503_connection_limit_reached_until_an_endpoint_begins_to_answer() {
    let (address, heard, hold) = silent_application();
    let router = Router::start_with(
        &routes("app.test", &[address]),
        &production(&["--max-conns", "1"]),
    );
    let mut first = TcpStream::connect(router.traffic).unwrap();
    first.write_all(get("app.test", "").as_bytes()).unwrap();
    heard.recv().unwrap();
    ask(router.traffic, &get("app.test", "")).assert_is(
        "backends.max_conns: all full",
        "503 Service Unavailable",
        &[
            ("content-type", "text/plain; charset=utf-8"),
            ("x-cf-routererror", "Connection Limit Reached"),
            ("x-content-type-options", "nosniff"),
        ],
        "503 Service Unavailable: Requested route ('app.test') has reached the connection limit.\n",
    );
    // The application ends: its answer is over, and the next request gets as far as a failed attempt.
    drop(hold);
    let answer = std::io::read_to_string(&first).unwrap();
    assert!(
        Message::of(&answer)
            .one("x-cf-routererror")
            .unwrap()
            .starts_with("endpoint_failure"),
        "{answer}"
    );
    let next = ask(router.traffic, &get("app.test", ""));
    assert_eq!(next.start, "HTTP/1.1 502 Bad Gateway");
}

/// A head of exactly so many bytes.
fn head_of(size: usize, host: &str) -> String {
    let empty = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Fill: \r\n\r\n");
    empty.replace("X-Fill: ", &format!("X-Fill: {}", "x".repeat(size - empty.len())))
}

#[test]
fn max_header_431() {
    const MIB: usize = 1 << 20;
    let (address, _heard) = application(HELLO);
    let router = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    let below = exchange(router.traffic, &head_of(MIB - 1, "app.test"));
    assert!(below.ends_with("hello"), "below the line");
    for size in [MIB, MIB + 4096] {
        ask(router.traffic, &head_of(size, "app.test")).assert_is(
            "431 at the 1 MiB line: max-request-size-exceeded with empty body",
            "431 Request Header Fields Too Large",
            &[("x-cf-routererror", "max-request-size-exceeded")],
            "",
        );
    }
    // The lookup comes first.
    let unknown = ask(router.traffic, &head_of(MIB, "nope.test"));
    assert_eq!(unknown.start, "HTTP/1.1 404 Not Found");
    assert_eq!(
        exchange(router.traffic, &head_of(MIB + 4097, "app.test")),
        "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Connection: close\r\n\r\n431 Request Header Fields Too Large",
        "further over: Go's own 431"
    );
}

#[test]
fn what_cannot_be_read_is_answered_by_gos_server() {
    let router = Router::start_with(&routes("app.test", &[]), &production(&[]));
    for (request, words) in [
        (
            "GET / HTTP/1.1\r\n\r\n",
            "400 Bad Request: missing required Host header",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "400 Bad Request: malformed Host header",
        ),
        ("nonsense\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 Bad Request"),
        (
            "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
            "501 Not Implemented: CONNECT is not offered here",
        ),
    ] {
        let fields = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
        let expected = format!("HTTP/1.1 {words}\r\n{fields}\r\n\r\n{words}");
        assert_eq!(exchange(router.traffic, request), expected, "{request:?}");
    }
    let odd = Message::of(&exchange(
        router.traffic,
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: odd\r\n\r\n",
    ));
    assert_eq!((&*odd.start, &*odd.body), ("HTTP/1.1 417 Expectation Failed", ""));
    let names: Vec<&str> = odd.fields.keys().map(|name| &**name).collect();
    assert_eq!(names, ["connection", "content-length", "date"]);
    assert_eq!(odd.one("connection"), Some("close"));
    for codings in ["identity", "xchunked", "gzip, chunked"] {
        let request = get("app.test", &format!("Transfer-Encoding: {codings}\r\n"));
        assert_eq!(
            exchange(router.traffic, &request),
            "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
             Unsupported transfer encoding",
            "{codings}"
        );
    }
}
