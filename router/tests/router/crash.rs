//! The article's bug, through its real trigger: a backend that sends interim responses, a client that leaves.

use super::get;
use super::process::{Router, application, exchange, routes};
use router::record::{CrashVariant, Event};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const HINTS: &str =
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Asks, and leaves when nothing has come for a while: the widened hook holds everything back. A machine may be so
/// busy that the hook has not begun by then; then it takes another client.
fn leave_early(traffic: SocketAddr) -> bool {
    let Ok(mut client) = TcpStream::connect(traffic) else {
        return false;
    };
    let _ = client.write_all(get("app.test").as_bytes());
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let _ = client.read(&mut [0; 1]);
    true
}

#[test]
fn a_client_that_leaves_meets_the_hook_and_the_router_dies_as_the_articles() {
    let (address, _heard) = application(HINTS);
    let mut router = Router::start(&routes("app.test", &[address]));
    assert!(router.ask(r#"{"cmd":"show"}"#).contains(r#""header_race":true"#));
    assert_eq!(router.ask(r#"{"cmd":"widen"}"#), "{\"ok\":true}\n");
    // For as long as the race stays wide: a busy router may die well after the client that did it.
    let attempts = (0..200).take_while(|_| leave_early(router.traffic)).count();
    assert!((1..200).contains(&attempts), "{attempts}");
    let (status, stderr) = router.end();
    assert_eq!(status.code(), Some(2));
    assert!(
        stderr.starts_with("fatal error: concurrent map writes\n\ngoroutine "),
        "{stderr}"
    );
    assert!(
        stderr.contains(" [running]:\nnet/textproto.MIMEHeader.Set(...)\n"),
        "{stderr}"
    );
    let crash = Event::Crash {
        message: "fatal error: concurrent map writes".to_owned(),
        variant: Some(CrashVariant::MapWritesInErrorHandler),
    };
    assert_eq!(router.event(), Some(crash));
    assert_eq!(router.event(), None);
}

#[test]
fn without_a_client_that_leaves_the_race_only_forwards() {
    let (address, _heard) = application(HINTS);
    let router = Router::start(&routes("app.test", &[address]));
    for _ in 0..20 {
        let answer = exchange(router.traffic, &get("app.test"));
        assert!(
            answer.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")
                && answer.ends_with("hello"),
            "{answer}"
        );
    }
}

#[test]
fn a_build_with_a_fix_survives_and_says_what_it_is() {
    for (flag, value) in [
        ("--go", "1.23"),
        ("--routing-release", "0.288.0"),
        ("--header-race", "off"),
    ] {
        let (address, _heard) = application(HINTS);
        let router = Router::start_with(&routes("app.test", &[address]), &[flag, value]);
        assert!(router.ask(r#"{"cmd":"show"}"#).contains(r#""header_race":false"#));
        let refused = router.ask(r#"{"cmd":"widen"}"#);
        assert!(refused.contains("no header race to widen"), "{refused}");
        for _ in 0..5 {
            let mut client = TcpStream::connect(router.traffic).unwrap();
            client.write_all(get("app.test").as_bytes()).unwrap();
        }
        assert!(exchange(router.traffic, &get("app.test")).ends_with("hello"));
    }
}
