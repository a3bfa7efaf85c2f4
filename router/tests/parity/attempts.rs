//! Which failures are tried again, where, and which never.

use super::process::{Router, application, exchange, read_head, routes, silent_application, unused};
use super::{HELLO, Message, ask, get, post, production};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

/// What an application does with the connection after it has read a request head.
#[derive(Clone, Copy)]
enum Does {
    Close,
    Reset,
}

/// An application that never answers. Counts requests.
fn failing(does: Does) -> (SocketAddr, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = read_head(&mut stream);
            // Bytes left unread would turn the end into a reset.
            if head.contains("Content-Length: 2\r\n") || head.contains("content-length: 2\r\n") {
                stream.read_exact(&mut [0; 2]).unwrap();
            }
            let _ = heard.send(());
            if let Does::Reset = does {
                socket2::SockRef::from(&stream)
                    .set_linger(Some(std::time::Duration::ZERO))
                    .unwrap();
            }
        }
    });
    (address, hear)
}

#[test]
fn one_dead_one_live_backend_max_attempts_3_all_200_one_failed_attempt() {
    let (address, _heard) = application(HELLO);
    let flags = production(&["--enable-attempts-details"]);
    let mut router = Router::start_with(&routes("app.test", &[unused(), address]), &flags);
    let mut failed = 0;
    for _ in 0..4 {
        assert!(exchange(router.traffic, &get("app.test", "")).ends_with("hello"));
        failed += u32::from(router.stdout_line().contains(" failed_attempts:1 "));
    }
    // The dead one sits out after that.
    assert_eq!(failed, 1);
}

#[test]
fn the_endpoint_of_each_attempt_is_named_to_it() {
    let (address, heard) = application(HELLO);
    let table =
        routes("app.test", &[unused(), address]) + "app = \"1111\"\ninstance_ids = [\"dead\", \"alive\"]\n";
    let router = Router::start_with(&table, &production(&[]));
    for _ in 0..2 {
        assert!(exchange(router.traffic, &get("app.test", "")).ends_with("hello"));
        let head = Message::of(&heard.recv().unwrap());
        assert_eq!(
            (head.one("x-cf-instanceid"), head.one("x-cf-instanceindex")),
            (Some("alive"), Some("1"))
        );
    }
}

#[test]
fn what_is_retriable() {
    let post =
        |fields: &str| format!("POST / HTTP/1.1\r\nHost: app.test\r\n{fields}Connection: close\r\n\r\n");
    for (fact, does, request, again) in [
        (
            "EOF on an idempotent request",
            Does::Close,
            get("app.test", ""),
            true,
        ),
        (
            "EOF: not with another method",
            Does::Close,
            post("Content-Length: 0\r\n"),
            false,
        ),
        (
            "EOF: Idempotency-Key without a body",
            Does::Close,
            post("Content-Length: 0\r\nIdempotency-Key: k\r\n"),
            true,
        ),
        (
            "EOF: X-Idempotency-Key without a body",
            Does::Close,
            post("X-Idempotency-Key: k\r\n"),
            true,
        ),
        (
            "EOF: a body makes it none",
            Does::Close,
            post("Content-Length: 2\r\nIdempotency-Key: k\r\n").replace("\r\n\r\n", "\r\n\r\nhi"),
            false,
        ),
        (
            "ConnectionResetOnRead is NOT retriable",
            Does::Reset,
            get("app.test", ""),
            false,
        ),
    ] {
        let (bad, seen) = failing(does);
        let (good, _heard) = application(HELLO);
        let router = Router::start_with(&routes("app.test", &[bad, good]), &production(&[]));
        // Until the request meets the failing one: it may begin with the other.
        let answer = loop {
            let answer = exchange(router.traffic, &request);
            if seen.try_recv().is_ok() {
                break answer;
            }
            assert!(answer.ends_with("hello"), "{fact}: {answer}");
        };
        assert_eq!(answer.ends_with("hello"), again, "{fact}: {answer}");
        if !again {
            assert!(
                answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
                "{fact}: {answer}"
            );
            let message = Message::of(&answer);
            let error = message.one("x-cf-routererror").unwrap();
            match does {
                Does::Close => assert_eq!(error, "endpoint_failure (EOF)", "{fact}"),
                Does::Reset => assert!(
                    error.starts_with("endpoint_failure (read tcp 127.0.0.1:")
                        && error.ends_with(&format!("->{bad}: read: connection reset by peer)")),
                    "{fact}: {error}"
                ),
            }
        }
        // A reset makes it sit out; an end does not.
        let more: Vec<bool> = (0..2)
            .map(|_| {
                exchange(router.traffic, &get("app.test", ""));
                seen.try_recv().is_ok()
            })
            .collect();
        assert_eq!(more.contains(&true), matches!(does, Does::Close), "{fact}");
    }
}

#[test]
fn attempts_are_at_most_max_attempts_and_at_most_as_many_as_endpoints() {
    let others = [1, 2, 3, 4, 5].map(|host| SocketAddr::from(([127, 66, 6, host], 1)));
    for (max, endpoints, attempts) in [("3", 5, 3), ("3", 2, 2), ("0", 5, 1), ("9", 5, 5)] {
        let flags = production(&["--max-attempts", max, "--enable-attempts-details"]);
        let mut router = Router::start_with(&routes("app.test", &others[..endpoints]), &flags);
        assert!(exchange(router.traffic, &get("app.test", "")).starts_with("HTTP/1.1 502 "));
        let line = router.stdout_line();
        assert!(
            line.contains(&format!(" failed_attempts:{attempts} ")),
            "{max} {endpoints}: {line}"
        );
    }
}

#[test]
fn endpoint_timeout_is_a_502() {
    let (address, _heard, _hold) = silent_application();
    let flags = production(&["--endpoint-timeout", "100ms"]);
    let router = Router::start_with(&routes("app.test", &[address]), &flags);
    let answer = ask(router.traffic, &get("app.test", ""));
    assert_eq!(answer.start, "HTTP/1.1 502 Bad Gateway");
    assert_eq!(
        answer.one("x-cf-routererror"),
        Some("endpoint_failure (context deadline exceeded)")
    );
}

#[test]
fn client_gone_499_in_the_log() {
    let (address, heard, _hold) = silent_application();
    let flags = production(&["--enable-attempts-details"]);
    let mut router = Router::start_with(&routes("app.test", &[address]), &flags);
    let mut client = TcpStream::connect(router.traffic).unwrap();
    client.write_all(get("app.test", "").as_bytes()).unwrap();
    heard.recv().unwrap();
    drop(client);
    let line = router.stdout_line();
    assert!(
        line.contains("\"GET / HTTP/1.1\" 499 0 22 \"-\" \"-\" "),
        "{line}"
    );
    assert!(
        line.contains(" x_cf_routererror:\"endpoint_failure (context canceled)\" "),
        "{line}"
    );
    assert!(line.contains(" backend_time:\"-\" "), "{line}");
}

#[test]
fn a_kept_connection_that_its_endpoint_closed_is_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let (mut kept, _) = listener.accept().unwrap();
        read_head(&mut kept);
        kept.write_all(answer.as_bytes()).unwrap();
        // The next request comes over this connection: it gets an end instead of an answer.
        read_head(&mut kept);
        drop(kept);
        let (mut fresh, _) = listener.accept().unwrap();
        read_head(&mut fresh);
        fresh.write_all(answer.as_bytes()).unwrap();
    });
    let flags = production(&["--enable-attempts-details"]);
    let mut router = Router::start_with(&routes("app.test", &[address]), &flags);
    for _ in 0..2 {
        assert!(exchange(router.traffic, &get("app.test", "")).ends_with("hello"));
        let line = router.stdout_line();
        assert!(
            line.contains(" failed_attempts:0 failed_attempts_time:\"-\" "),
            "{line}"
        );
    }
}

/// Registers an instance of an application at a route.
fn register(router: &Router, endpoint: SocketAddr, index: u32, balancing: &str) {
    let (port, guid) = (endpoint.port(), GUID);
    let json = format!(
        "{{\"host\": \"127.0.0.1\", \"port\": {port}, \"uris\": [\"app.test\"], \"app\": \"{guid}\", \
         \"private_instance_index\": \"{index}\", \"options\": {{\"lb_algo\": \"{balancing}\"}}}}"
    );
    assert_eq!(post(router.routes, "/register", &json).0, "200 OK");
}

const GUID: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn balancing_round_robin_or_least_connection_per_route_via_options_lb_algo() {
    let (slow, heard, _hold) = silent_application();
    let (fast, served) = application(HELLO);
    // While its request is under way, however busy the machine is: nothing waits for its end.
    let router = Router::start_with(
        &routes("other.test", &[]),
        &production(&["--endpoint-timeout", "60s"]),
    );
    for (index, endpoint) in [slow, fast].into_iter().enumerate() {
        register(&router, endpoint, index as u32, "least-connection");
    }
    let mut client = TcpStream::connect(router.traffic).unwrap();
    let request = get("app.test", &format!("X-CF-APP-INSTANCE: {GUID}:0\r\n"));
    client.write_all(request.as_bytes()).unwrap();
    heard.recv().unwrap();
    // The slow one has a request and the fast one none.
    for _ in 0..6 {
        assert_eq!(ask(router.traffic, &get("app.test", "")).body, "hello");
    }
    assert_eq!(served.try_iter().count(), 6);
    let (second, seen) = application(HELLO);
    let table = routes("app.test", &[fast, second]);
    let router = Router::start_with(&table, &production(&[]));
    for _ in 0..6 {
        assert_eq!(ask(router.traffic, &get("app.test", "")).body, "hello");
    }
    assert_eq!(
        (served.try_iter().count(), seen.try_iter().count()),
        (3, 3),
        "round robin"
    );
}
