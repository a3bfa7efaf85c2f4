//! What readers, and connections that get nowhere, may cost a lab and those who look at it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::{Place, page};

/// A connection that gets nowhere ends by itself after so long.
const BY_ITSELF: Duration = Duration::from_secs(5);

#[test]
fn readers_that_read_nothing_slow_nobody_and_there_is_an_end_to_them() {
    let place = Place::new();
    let (lab, page) = page::up(&place);
    let mut reader = page.live("/v1/live", "");
    let deaf: Vec<TcpStream> = (1..32)
        .map(|_| {
            let mut stream = page.connect();
            let address = &page.address;
            write!(stream, "GET /v1/live HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let mut status = [0; 12];
    deaf.iter()
        .for_each(|mut stream| stream.read_exact(&mut status).unwrap());
    let (refused, words) = page.get("/v1/live");
    assert_eq!(refused, 503);
    assert!(words.contains("close one of its pages"), "{words}");
    let before = memory(lab.pid());
    let from = reader.until("a frame", |_| true)["seq"].as_u64().unwrap();
    reader.until("five seconds of frames", |f| f["seq"].as_u64() >= Some(from + 50));
    let grown = memory(lab.pid()).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} kB more");
    let late = place.json(&["ps"])["load"]["sent"].as_u64().unwrap();
    assert!(late > 300, "{late} requests");
    // A place is free again when its reader goes.
    drop(deaf);
    let mut late = (from + 51..from + 350).find_map(|seq| {
        reader.until("another frame", |f| f["seq"].as_u64() >= Some(seq));
        page.try_live("/v1/live", "").ok()
    });
    assert_eq!(late.as_mut().unwrap().event().unwrap().0, "hello");
}

#[test]
fn connections_that_get_nowhere_leave_room_for_those_that_do() {
    let place = Place::new();
    let (lab, page) = page::up(&place);
    let address = &page.address;
    let order = format!(
        "POST /v1/fault HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Type: application/json\r\n\
         X-Resetlab-Token: {}\r\nContent-Length: 40\r\n\r\n{{",
        page.token
    );
    let begun = |many: usize, words: String| -> Vec<TcpStream> {
        let begin = |_| {
            let mut stream = page.connect();
            stream.write_all(words.as_bytes()).unwrap();
            stream
        };
        (0..many).map(begin).collect()
    };
    let readers = begun(100, format!("GET /v1/live HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    let since = router::clock::now();
    let heads = begun(60, format!("GET / HTTP/1.1\r\nHost: {address}\r\n"));
    let bodies = begun(60, order);
    assert_eq!(page.get("/").0, 200);
    let is_open = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let told = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        told.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let all_open = heads.iter().chain(&bodies).all(is_open);
    assert!(
        all_open || router::clock::now().since(since) >= BY_ITSELF,
        "none of them was closed to make that room"
    );
    // And they are not waited for long.
    let mut ends = String::new();
    for mut stream in bodies {
        stream.read_to_string(&mut ends).unwrap();
    }
    assert_eq!(ends.matches("HTTP/1.1 408").count(), 60, "{ends}");
    for mut stream in heads {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    drop(readers);
    assert_eq!(support::process(&lab.ps(), "router-1")["truth"], "up");
}

/// Resident, in kB, without what is only mapped from its program's file and read on its first use.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
