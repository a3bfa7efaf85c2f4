//! What `mode=tcp` promises: bytes as they are, each end passed on, and failures told apart.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::raw::{connect, echo, is_silent, rest, server};
use router::proxy_protocol::{self, Header};
use router::record::{Cause, Event};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Below the ephemeral range: nobody listens there, and no socket connects to itself there.
fn dead() -> SocketAddr {
    SocketAddr::from(([127, 66, 6, 6], 1))
}

/// A balancer whose checks change nothing.
fn balancer(routers: &[SocketAddr], settings: &str) -> Lab {
    let backends: Vec<_> = (1..)
        .zip(routers)
        .map(|(n, router)| format!("router-{n}={router},{}", dead()))
        .collect();
    Lab::start_with(&backends, &format!("mode=tcp interval=1h fall=1000 {settings}"))
}

fn attempt(lab: &mut Lab) -> (Cause, Option<u16>, u32) {
    lab.wait(|event| match event {
        Event::Attempt { cause, port, nth, .. } => Some((*cause, *port, *nth)),
        _ => None,
    })
}

const POST: usize = 300_000;

#[test]
fn fin_reset_and_refused_stay_apart() {
    let fin = server(|mut stream| {
        stream.read_exact(&mut vec![0; POST]).unwrap();
    });
    // Closing with unread data in the socket sends a RST.
    let reset = server(|mut stream| {
        stream.read_exact(&mut [0]).unwrap();
    });
    let cut = server(|mut stream| {
        stream.write_all(b"half").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    });
    for (on_failure, failed) in [("reset", "rst"), ("close", "fin"), ("retry-connect", "rst")] {
        for (router, cause, bytes, end) in [
            (fin, Cause::Eof, "", "fin"),
            (reset, Cause::Reset, "", failed),
            (dead(), Cause::Refused, "", failed),
            (cut, Cause::Cut, "half", failed),
        ] {
            let mut lab = balancer(&[router], &format!("on-failure={on_failure}"));
            let client = connect(&lab);
            // A RST may come before the last of it, and is told only once.
            let wrote = (&client).write_all(&vec![b'x'; POST]);
            let mut seen = rest(&client);
            if wrote.is_err() {
                seen.1 = "rst";
            }
            assert_eq!(seen, (bytes.as_bytes().to_vec(), end), "{on_failure} {cause:?}");
            let port = client.local_addr().unwrap().port();
            drop(client);
            assert_eq!(attempt(&mut lab), (cause, Some(port), 1), "{on_failure}");
        }
    }
}

#[test]
fn another_router_is_connected_to_as_long_as_no_connection_was_made() {
    let mut lab = balancer(&[dead(), echo()], "on-failure=retry-connect");
    for _ in 0..10 {
        let client = connect(&lab);
        (&client).write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&client), (b"hello".to_vec(), "fin"));
    }
    for _ in 0..5 {
        let (cause, _, nth) = attempt(&mut lab);
        assert_eq!((cause, nth), (Cause::Refused, 1));
    }
}

#[test]
fn each_direction_ends_by_itself() {
    let (heard, hear) = channel();
    let lab = balancer(&[echo()], "");
    let client = connect(&lab);
    (&client).write_all(b"ping").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&client), (b"ping".to_vec(), "fin"));

    let lab = balancer(
        &[server(move |mut stream| {
            stream.write_all(b"all I have").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            heard.send(bytes).unwrap();
        })],
        "",
    );
    let client = connect(&lab);
    assert_eq!(rest(&client), (b"all I have".to_vec(), "fin"));
    (&client).write_all(b"and what I have").unwrap();
    drop(client);
    assert_eq!(hear.recv().unwrap(), b"and what I have");
}

/// Its length is prime to every buffer's: a byte lost, doubled or exchanged shows.
fn pattern() -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..65_521).map(|_| next()).collect()
}

fn write_pattern(mut to: TcpStream, bytes: usize) {
    let pattern = pattern();
    let mut left = bytes;
    while left > 0 {
        let part = left.min(pattern.len());
        to.write_all(&pattern[..part]).unwrap();
        left -= part;
    }
    to.shutdown(Shutdown::Write).unwrap();
}

/// How many bytes of the pattern came until the end.
fn read_pattern(mut from: TcpStream) -> usize {
    let pattern = pattern().repeat(2);
    let (mut buffer, mut total) = (vec![0; 65_521], 0);
    loop {
        let read = match from.read(&mut buffer) {
            // This process was stopped meanwhile.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.unwrap(),
        };
        let at = total % 65_521;
        assert!(
            buffer[..read] == pattern[at..at + read],
            "within {read} bytes after {total}"
        );
        total += read;
        if read == 0 {
            return total;
        }
    }
}

const MUCH: usize = 100 << 20;

#[test]
fn a_hundred_megabytes_each_way_at_once_arrive_as_they_were_sent() {
    let lab = balancer(
        &[server(|stream| {
            let back = stream.try_clone().unwrap();
            let writer = std::thread::spawn(move || write_pattern(back, MUCH));
            assert_eq!(read_pattern(stream), MUCH);
            writer.join().unwrap();
        })],
        "",
    );
    let client = connect(&lab);
    let up = client.try_clone().unwrap();
    let writer = std::thread::spawn(move || write_pattern(up, MUCH));
    assert_eq!(read_pattern(client), MUCH);
    writer.join().unwrap();
}

#[test]
fn connections_do_not_mix() {
    let lab = balancer(&[echo(), echo()], "");
    let clients: Vec<_> = (0..50u8).map(|n| (n, connect(&lab))).collect();
    let threads: Vec<_> = clients
        .into_iter()
        .map(|(n, client)| {
            std::thread::spawn(move || {
                let mut up = client.try_clone().unwrap();
                let writer = std::thread::spawn(move || {
                    up.write_all(&vec![n; 500_000]).unwrap();
                    up.shutdown(Shutdown::Write).unwrap();
                });
                let (bytes, end) = rest(&client);
                writer.join().unwrap();
                assert!(bytes.len() == 500_000 && bytes.iter().all(|byte| *byte == n) && end == "fin");
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// The largest that the balancer has been, in KiB.
fn peak(lab: &Lab) -> u64 {
    let pid = lab.log.iter().find_map(|record| match record.event {
        Event::Ready { pid, .. } => Some(pid),
        _ => None,
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_slow_reader_holds_back_its_writer_and_costs_no_memory() {
    let (wrote, progress) = channel();
    let lab = balancer(
        &[server(move |mut stream| {
            let block = vec![7; 1 << 20];
            for _ in 0..100 {
                stream.write_all(&block).unwrap();
                wrote.send(()).unwrap();
            }
        })],
        "",
    );
    let before = peak(&lab);
    let client = connect(&lab);
    let stalls = |progress: &Receiver<()>| progress.recv_timeout(Duration::from_millis(500)).is_err();
    let mut written = 0;
    while !stalls(&progress) {
        written += 1;
    }
    // What the kernel holds in four socket buffers.
    assert!(written < 50, "{written} MiB written, none read");
    let (bytes, end) = rest(&client);
    assert!(bytes.len() == 100 << 20 && bytes.iter().all(|byte| *byte == 7) && end == "fin");
    let grown = peak(&lab) - before;
    assert!(grown < 4096, "{grown} KiB more than before");
}

#[test]
fn who_asks_and_gets_nothing_is_given_up_and_who_asks_nothing_may_idle() {
    let silent = server(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let mut lab = balancer(&[silent], "response-timeout=400ms");
    let asks = connect(&lab);
    let idles = connect(&lab);
    (&asks).write_all(b"GET /").unwrap();
    assert_eq!(rest(&asks), (Vec::new(), "rst"));
    assert_eq!(attempt(&mut lab).0, Cause::ResponseTimeout);
    assert!(is_silent(&idles, Duration::from_millis(600)));

    // Once it has answered, it may take its time; for the answer two seconds are enough on any machine.
    let lab = balancer(&[echo()], "response-timeout=2s");
    let client = connect(&lab);
    (&client).write_all(b"a").unwrap();
    (&client).read_exact(&mut [0]).unwrap();
    assert!(is_silent(&client, Duration::from_millis(2500)));
    (&client).write_all(b"b").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (&client).read_exact(&mut [0]).unwrap();
}

#[test]
fn a_client_that_resets_is_nobodys_failure_and_its_reset_goes_on() {
    let (ended, end) = channel();
    let mut lab = balancer(
        &[server(move |mut stream| {
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"b").unwrap();
            ended.send(rest(&stream).1).unwrap();
        })],
        "",
    );
    let client = connect(&lab);
    (&client).write_all(b"a").unwrap();
    (&client).read_exact(&mut [0]).unwrap();
    socket2::SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    assert_eq!(end.recv().unwrap(), "rst");
    assert_eq!(attempt(&mut lab).0, Cause::ClientGone);
}

#[test]
fn the_same_router_is_connected_to_again_after_a_wait_that_a_client_can_end() {
    let mut lab = balancer(
        &[dead()],
        "on-failure=retry-connect retry-to=same retry-delay=150ms retries=2 retry-breaker=1",
    );
    let client = connect(&lab);
    assert_eq!(rest(&client), (Vec::new(), "rst"));
    let started = |lab: &mut Lab, last: u32| {
        lab.wait(|event| match event {
            Event::Attempt { started_ns, nth, .. } if *nth == last => Some(*started_ns),
            _ => None,
        })
    };
    let all = [1, 2, 3].map(|nth| started(&mut lab, nth));
    for pair in all.windows(2) {
        assert!(pair[1].since(pair[0]) >= Duration::from_millis(150), "{all:?}");
    }
    // Who has said all waits on; who resets does not, and makes room for others.
    set(&lab, "retry-delay", "1h");
    let patient = connect(&lab);
    patient.shutdown(Shutdown::Write).unwrap();
    started(&mut lab, 1);
    only_one_retries(&lab);
    socket2::SockRef::from(&patient)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(patient);
    set(&lab, "retry-delay", "0s");
    // Refused at once as long as the place is taken, and tried again when it is not.
    let again = (0..1000).any(|_| {
        rest(&connect(&lab));
        lab.control(r#"{"cmd":"show"}"#)["retries"].as_u64() > Some(2)
    });
    assert!(again, "its place was never given back");
}

fn set(lab: &Lab, key: &str, value: &str) {
    let answer = lab.control(&format!(r#"{{"cmd":"set","settings":{{"{key}":"{value}"}}}}"#));
    assert_eq!(answer["ok"], true, "{answer}");
}

/// The one retry at a time is taken: another client is refused, and counted.
fn only_one_retries(lab: &Lab) {
    let denied = |lab: &Lab| {
        lab.control(r#"{"cmd":"show"}"#)["retries_over_breaker"]
            .as_u64()
            .unwrap()
    };
    let before = denied(lab);
    assert_eq!(rest(&connect(lab)), (Vec::new(), "rst"));
    assert_eq!(denied(lab), before + 1);
}

#[test]
fn a_router_is_told_who_the_client_is() {
    let (heard, hear) = channel();
    let lab = balancer(
        &[server(move |mut stream| {
            let mut bytes = [0; 28 + 5];
            stream.read_exact(&mut bytes).unwrap();
            heard.send(bytes).unwrap();
        })],
        "proxy-protocol=v2",
    );
    let mut client = connect(&lab);
    client.write_all(b"hello").unwrap();
    let bytes = hear.recv().unwrap();
    let header = Header::Tcp {
        source: client.local_addr().unwrap(),
        destination: lab.address,
    };
    assert_eq!(proxy_protocol::parse(&bytes), Ok(Some((header, 28))));
    assert_eq!(&bytes[28..], b"hello");
}

#[test]
fn what_needs_to_understand_requests_is_a_usage_error() {
    let output = lab::command()
        .args([
            "--backend",
            "127.0.0.1:1",
            "--mode",
            "tcp",
            "--on-failure",
            "retry",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("needs mode=http")
    );
}
