//! A log of any length is read in the same memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/dumps.rs"]
mod dumps;
mod support;

use std::io::Write;
use std::process::Stdio;
use support::Place;

/// A stream of any length is read in the same memory: the peak is looked at while the reader still waits for more.
fn peak_after(megabytes: usize) -> u64 {
    let place = Place::new();
    let mut child = place
        .command(&["diagnose", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut log = dumps::text(dumps::LOGS[2].0);
    // A dump, lines that have its words, and a line without an end.
    for number in 0..4000 {
        log += &format!(
            "app.test - [2026-11-23T06:05:07Z] \"GET /{number}?q=goroutine%20panic HTTP/1.1\" 200 0 594\n"
        );
    }
    let long = "x".repeat(1 << 21) + "\n";
    let mut written = 0;
    while written < megabytes << 20 {
        stdin.write_all(log.as_bytes()).unwrap();
        stdin.write_all(long.as_bytes()).unwrap();
        written += log.len() + long.len();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(stdin);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    peak
}

#[test]
fn memory_does_not_grow_with_a_log() {
    let (small, large) = (peak_after(8), peak_after(64));
    assert!(
        large < small + 4096,
        "{small} kB after 8 MB, {large} kB after 64 MB"
    );
}

#[test]
#[ignore = "takes a minute: 2 GB through a pipe"]
fn memory_does_not_grow_with_gigabytes() {
    let peak = peak_after(2048);
    println!("{peak} kB");
    assert!(peak < 40_960, "{peak} kB");
}
