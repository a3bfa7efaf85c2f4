//! What is under way at a router that goes out of use, over HTTP and as relayed bytes; on real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::raw::{connect, rest, server};
use router::record::{Cause, Event};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";

/// Answers every request head with `first`, and once it may with `then`. Tells when it has been asked.
fn halting(first: &'static str, then: &'static str) -> (SocketAddr, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (asked, was_asked) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Arc::new(Mutex::new(may_go));
    let address = server(move |mut stream: TcpStream| {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        if !lines.map_while(Result::ok).any(|line| line.is_empty()) {
            return;
        }
        stream.write_all(first.as_bytes()).unwrap();
        let _ = asked.send(());
        if may_go.lock().unwrap().recv().is_ok() {
            stream.write_all(then.as_bytes()).unwrap();
        }
    });
    (address, was_asked, go)
}

/// A balancer in front of one router, whom only a notice takes out of use.
fn balancer(router: SocketAddr, settings: &str) -> Lab {
    let words = format!("interval=1h detector=notice {settings}");
    // Below the ephemeral range: nobody listens there. One check fails, and one is not enough.
    Lab::start_with(&[format!("router-1={router},127.66.6.6:1")], &words)
}

fn take_out(lab: &Lab) {
    let answer = lab.control(r#"{"cmd":"notice","router":"router-1"}"#);
    assert_eq!(answer["ok"], true, "{answer}");
}

fn cause(lab: &mut Lab) -> Cause {
    lab.wait(|event| match event {
        Event::Attempt { cause, .. } => Some(*cause),
        _ => None,
    })
}

#[test]
fn a_request_ends_as_it_is_set_before_and_in_the_middle_of_its_response() {
    for (open, end) in [("close", "fin"), ("reset", "rst")] {
        for (first, expected) in [("", Cause::Reset), (HALF, Cause::Cut)] {
            let (router, asked, _go) = halting(first, "");
            let words = format!("on-failure=retry answer-reset=close open-connections={open}");
            let mut lab = balancer(router, &words);
            let client = connect(&lab);
            (&client).write_all(GET).unwrap();
            asked.recv().unwrap();
            if !first.is_empty() {
                (&client).read_exact(&mut vec![0; first.len()]).unwrap();
            }
            take_out(&lab);
            assert_eq!(rest(&client), (Vec::new(), end), "{open} {expected:?}");
            assert_eq!(cause(&mut lab), expected, "{open}");
            // Then nothing is in flight any more, and nothing was tried again.
            lab.wait(|event| matches!(event, Event::Quiet { .. }).then_some(()));
            let show = lab.control(r#"{"cmd":"show"}"#);
            assert_eq!((&show["attempts"], &show["retries"]), (&1.into(), &0.into()));
        }
    }
}

#[test]
fn a_relayed_connection_ends_as_it_is_set() {
    for (open, end) in [("close", "fin"), ("reset", "rst")] {
        for (first, expected) in [("", Cause::Reset), ("half", Cause::Cut)] {
            let (router, asked, _go) = halting(first, "");
            let mut lab = balancer(router, &format!("mode=tcp open-connections={open}"));
            let client = connect(&lab);
            (&client).write_all(GET).unwrap();
            asked.recv().unwrap();
            (&client).read_exact(&mut vec![0; first.len()]).unwrap();
            take_out(&lab);
            assert_eq!(rest(&client), (Vec::new(), end), "{open} {expected:?}");
            assert_eq!(cause(&mut lab), expected, "{open}");
        }
    }
}

#[test]
fn what_is_kept_goes_on_to_its_end_and_so_does_what_a_removed_router_has_begun() {
    for mode in ["http", "tcp"] {
        for (open, removed) in [("keep", false), ("reset", true)] {
            let (router, asked, go) = halting(HALF, "lf");
            let lab = balancer(router, &format!("mode={mode} open-connections={open}"));
            let client = connect(&lab);
            (&client).write_all(GET).unwrap();
            asked.recv().unwrap();
            match removed {
                false => take_out(&lab),
                true => drop(lab.control(r#"{"cmd":"remove","name":"router-1"}"#)),
            }
            // The data thread has heard: it has nobody for another.
            assert_eq!(asked_in_vain(&lab), "rst");
            go.send(()).unwrap();
            (&client).read_exact(&mut vec![0; HALF.len()]).unwrap();
            let mut rest = [0; 2];
            (&client).read_exact(&mut rest).unwrap();
            assert_eq!(&rest, b"lf", "{mode} {open}");
        }
    }
}

/// How another request ends. A reset that comes before it is written fails the write, and is not told to who reads then.
fn asked_in_vain(lab: &Lab) -> &'static str {
    let client = connect(lab);
    match (&client).write_all(GET) {
        Ok(()) => rest(&client).1,
        Err(_) => "rst",
    }
}

#[test]
fn it_can_be_changed_while_a_request_is_under_way() {
    let (router, asked, _go) = halting("", "");
    let lab = balancer(router, "on-failure=502 answer-reset=close");
    let client = connect(&lab);
    (&client).write_all(GET).unwrap();
    asked.recv().unwrap();
    lab.control(r#"{"cmd":"set","settings":{"open-connections":"close"}}"#);
    take_out(&lab);
    assert_eq!(rest(&client), (Vec::new(), "fin"));
}

/// As HAProxy's shutdown-sessions: what has no response yet is answered like any other that its server has closed.
#[test]
fn a_request_that_is_closed_before_its_response_gets_the_answer_for_that() {
    for (words, status) in [
        ("on-failure=502", "HTTP/1.1 502 "),
        ("on-failure=retry answer-reset=599", "HTTP/1.1 599 "),
        ("on-failure=reset", ""),
    ] {
        let (router, asked, _go) = halting("", "");
        let mut lab = balancer(router, &format!("open-connections=close {words}"));
        let client = connect(&lab);
        (&client).write_all(LAST).unwrap();
        asked.recv().unwrap();
        take_out(&lab);
        let (answer, end) = rest(&client);
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(status) && answer.is_empty() == status.is_empty(),
            "{words}: {answer}"
        );
        assert_eq!(end, "fin", "{words}");
        assert_eq!(cause(&mut lab), Cause::Reset, "{words}");
    }
}
