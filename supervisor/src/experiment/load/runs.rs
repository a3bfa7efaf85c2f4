//! Whole runs of the role against a scripted server, read from its event pipe.

use super::Args;
use super::driver::serve;
use clap::Parser;
use router::record::{Event, Outcome, Record};
use router::worker::Worker;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// A run in progress on a thread of its own.
struct Run {
    control: PathBuf,
    records: BufReader<std::fs::File>,
    thread: std::thread::JoinHandle<serde_json::Value>,
    _directory: tempfile::TempDir,
}

impl Run {
    fn start(target: SocketAddr, more: &str) -> Run {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("load.sock");
        let (read, write) = nix::unistd::pipe().unwrap();
        let line = format!(
            "load --target {target} --events-fd {} --control {} {more}",
            write.into_raw_fd(),
            control.display()
        );
        let args = Cli::parse_from(line.split_whitespace()).args;
        let thread = std::thread::spawn(move || {
            let worker = Worker::start(&args.worker, "load").unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            tokio::task::LocalSet::new()
                .block_on(&runtime, serve(&args, &worker))
                .unwrap()
        });
        let mut run = Run {
            control,
            records: BufReader::new(std::fs::File::from(read)),
            thread,
            _directory: directory,
        };
        assert!(matches!(run.next().unwrap().event, Event::Ready { .. }));
        run
    }

    fn next(&mut self) -> Option<Record> {
        let mut line = String::new();
        self.records.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    fn ask(&self, request: &str) -> serde_json::Value {
        let mut socket = UnixStream::connect(&self.control).unwrap();
        writeln!(socket, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Stops it; its totals and all records that are left.
    fn stop(mut self) -> (serde_json::Value, Vec<Event>) {
        assert_eq!(self.ask(r#"{"cmd":"stop"}"#)["stopping"], true);
        let mut events = Vec::new();
        while let Some(record) = self.next() {
            events.push(record.event);
        }
        (self.thread.join().unwrap(), events)
    }
}

/// Answers every request 200 and reports its head.
fn server() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heard) = (stream.unwrap(), heard.clone());
            std::thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        let _ = heard.send(String::from_utf8(std::mem::take(&mut head)).unwrap());
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    }
                }
            });
        }
    });
    (address, hear)
}

#[test]
fn the_rate_can_be_changed_ids_are_unique_and_a_stop_leaves_nothing_open() {
    let (target, heard) = server();
    let run = Run::start(target, "--arrivals poisson");
    assert_eq!(run.ask(r#"{"cmd":"show"}"#)["sent"], 0);
    assert!(
        run.ask(r#"{"cmd":"set","settings":{"speed":1}}"#)["error"]
            .as_str()
            .unwrap()
            .contains("speed")
    );
    assert!(
        run.ask(r#"{"cmd":"set","settings":{"rate":-1}}"#)["error"]
            .as_str()
            .unwrap()
            .contains("-1")
    );
    assert_eq!(
        run.ask(r#"{"cmd":"set","settings":{"rate":2000}}"#)["settings"]["rate"],
        2000.0
    );
    let heads: Vec<String> = heard.iter().take(500).collect();
    let ids: BTreeSet<&str> = heads
        .iter()
        .filter_map(|head| head.split("x-resetlab-request: ").nth(1))
        .collect();
    assert_eq!(ids.len(), 500);
    let (totals, events) = run.stop();
    let sent = totals["sent"].as_u64().unwrap();
    assert!(sent >= 500 && totals["in_flight"] == 0, "{totals}");
    assert_eq!(totals["by_outcome"]["ok"], sent);
    let in_buckets: u64 = events.iter().map(buckets).sum();
    // Ticks before the stop were read by nobody yet: all of them are here.
    assert_eq!(in_buckets, sent);
    let last = events.last().unwrap();
    assert!(matches!(last, Event::Tick { sent: total, ok, lost: 0, .. } if *total == sent && *ok == sent));
}

#[test]
fn without_an_answer_or_a_connection_every_request_ends_as_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = silent.local_addr().unwrap();
    let mut run = Run::start(target, "--rate 100 --client-timeout 1s --max-connections 2");
    let first = loop {
        let event = run.next().unwrap().event;
        if let Event::Outcome { .. } = event {
            break event;
        }
    };
    let Event::Outcome {
        request: 1,
        outcome: Outcome::Timeout,
        sent_ns: Some(_),
        port: Some(1..),
        ..
    } = first
    else {
        panic!("{first:?}");
    };
    let (totals, events) = run.stop();
    assert_eq!(totals["by_outcome"]["timeout"], totals["sent"], "{totals}");
    // Waiting for one of the two connections is lateness, not silence.
    assert!(totals["late_max_ns"].as_u64().unwrap() > 800_000_000, "{totals}");
    let outcomes = events
        .iter()
        .filter(|event| matches!(event, Event::Outcome { .. }))
        .count() as u64;
    assert_eq!(outcomes + 1, totals["sent"].as_u64().unwrap());
}

fn buckets(event: &Event) -> u64 {
    let Event::Tick { buckets, .. } = event else {
        return 0;
    };
    buckets.iter().map(|(_, ok, lost)| u64::from(ok + lost)).sum()
}
