//! The client against scripted servers: every way a request can end, told apart.

use super::client::{Answer, Client, Shape, Trace};
use router::record::Outcome;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use tokio::runtime::Builder;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-resetlab-router: router-3\r\n\r\nok";

fn shape() -> Shape {
    Shape {
        host: "app.test".into(),
        path: "/".into(),
        body: None,
        keep_alive: true,
        max_connections: 8,
    }
}

/// Runs `script` for the connections of a new listener, one after the other.
fn server(mut script: impl FnMut(TcpStream, usize) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            script(stream.unwrap(), number);
        }
    });
    address
}

/// Reads a request's head and returns it.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn request(target: SocketAddr, shape: &Shape) -> Answer {
    let client = Client::new(target, shape);
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(client.request(1, &mut Trace::default()))
}

/// The outcome when a server reads the head, writes `answer` and closes.
fn outcome_of(answer: &'static [u8]) -> (Outcome, Option<u16>) {
    let target = server(move |mut stream, _| {
        read_head(&mut stream);
        stream.write_all(answer).unwrap();
    });
    let answer = request(target, &shape());
    (answer.outcome, answer.status)
}

#[test]
fn answers_by_status() {
    assert_eq!(outcome_of(OK), (Outcome::Ok, Some(200)));
    assert_eq!(
        outcome_of(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
        (Outcome::Ok, Some(302))
    );
    assert_eq!(
        outcome_of(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"),
        (Outcome::Http502, Some(502))
    );
    assert_eq!(
        outcome_of(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
        (Outcome::Http503, Some(503))
    );
    assert_eq!(
        outcome_of(b"HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n"),
        (Outcome::Http504, Some(504))
    );
    assert_eq!(
        outcome_of(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        (Outcome::HttpOther, Some(404))
    );
    assert_eq!(outcome_of(b"what?\r\n\r\n").0, Outcome::HttpOther);
}

#[test]
fn an_end_before_the_whole_response_is_eof() {
    assert_eq!(outcome_of(b""), (Outcome::Eof, None));
    assert_eq!(outcome_of(b"HTTP/1.1 200 OK\r\nContent-"), (Outcome::Eof, None));
    assert_eq!(
        outcome_of(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"),
        (Outcome::Eof, Some(200))
    );
    assert_eq!(
        outcome_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n").0,
        Outcome::Eof
    );
}

#[test]
fn a_reset_is_a_reset_before_and_within_the_response() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"] {
        let target = server(move |mut stream, _| {
            read_head(&mut stream);
            stream.write_all(answer).unwrap();
            socket2::SockRef::from(&stream)
                .set_linger(Some(std::time::Duration::ZERO))
                .unwrap();
        });
        assert_eq!(request(target, &shape()).outcome, Outcome::Reset);
    }
}

#[test]
fn a_reset_while_the_body_is_written_is_a_reset() {
    let target = server(move |mut stream, _| {
        read_head(&mut stream);
        // Closing with unread data in the socket sends RST.
    });
    let shape = Shape {
        body: Some(50_000_000),
        ..shape()
    };
    assert_eq!(request(target, &shape).outcome, Outcome::Reset);
}

#[test]
fn a_closed_port_is_refused() {
    // Below the ephemeral range: nobody else gets it, and no socket connects to itself there.
    let target = SocketAddr::from(([127, 66, 6, 6], 1));
    assert_eq!(request(target, &shape()).outcome, Outcome::Refused);
}

#[test]
fn an_answer_before_the_whole_body_was_sent_is_an_answer() {
    let (done, wait) = mpsc::channel::<()>();
    let target = server(move |mut stream, _| {
        read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        let _ = wait.recv();
    });
    let shape = Shape {
        body: Some(50_000_000),
        ..shape()
    };
    assert_eq!(request(target, &shape).outcome, Outcome::Http503);
    drop(done);
}

#[test]
fn requests_carry_their_id_and_their_body() {
    let (heard, hear) = mpsc::channel();
    let target = server(move |mut stream, _| {
        let head = read_head(&mut stream);
        let mut body = vec![0; 300_000];
        stream.read_exact(&mut body).unwrap();
        heard.send(head).unwrap();
        stream.write_all(OK).unwrap();
    });
    let answer = request(
        target,
        &Shape {
            body: Some(300_000),
            keep_alive: false,
            ..shape()
        },
    );
    assert_eq!(
        (answer.outcome, answer.router.as_deref()),
        (Outcome::Ok, Some("router-3"))
    );
    let head = hear.recv().unwrap();
    assert!(
        head.starts_with("POST / HTTP/1.1\r\nHost: app.test\r\n"),
        "{head}"
    );
    assert!(
        head.contains("x-resetlab-request: 1\r\n") && head.contains("Connection: close\r\n"),
        "{head}"
    );
}

#[test]
fn a_stale_idle_connection_is_replaced_and_not_counted() {
    let (closed, wait) = mpsc::channel();
    let target = server(move |mut stream, number| {
        read_head(&mut stream);
        stream.write_all(OK).unwrap();
        drop(stream);
        closed.send(number).unwrap();
    });
    let client = Client::new(target, &shape());
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            for round in 0..50 {
                assert_eq!(
                    client.request(round, &mut Trace::default()).await.outcome,
                    Outcome::Ok
                );
                // The FIN is in the kernel by now, and the runtime has not been told.
                assert_eq!(wait.recv().unwrap() as u64, round);
            }
        });
}
