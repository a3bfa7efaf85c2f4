//! What the program writes to stdout and stderr: passed on to the guard's own, which are kept in the run's logs, and
//! its last lines remembered.

use crate::process::exit::plain;
use std::collections::VecDeque;
use std::io::Write;
use tokio::net::unix::pipe;

/// Bytes passed on: the disk is not for a program that never stops.
const MOST: usize = 64 << 20;
/// Bytes of a line that are looked at.
const LONGEST: usize = 4096;
/// Lines told when it ends by itself.
const LAST: usize = 20;

pub struct Output {
    streams: [Stream; 2],
    last: VecDeque<String>,
    /// How many bytes are still passed on.
    kept: usize,
    /// Lines read and not yet given out.
    pending: VecDeque<String>,
}

struct Stream {
    pipe: Option<pipe::Receiver>,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Output {
    pub fn new(out: pipe::Receiver, err: pipe::Receiver, kept: bool) -> Output {
        let stream = |pipe| Stream {
            pipe: Some(pipe),
            begun: Vec::new(),
        };
        Output {
            streams: [stream(out), stream(err)],
            last: VecDeque::new(),
            kept: if kept { MOST } else { 0 },
            pending: VecDeque::new(),
        }
    }

    /// Its next line on either; `None`: it has closed both. Cancel-safe.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            let [out, err] = &self.streams;
            if out.pipe.is_none() && err.pipe.is_none() {
                return None;
            }
            tokio::select! {
                () = readable(&out.pipe) => {}
                () = readable(&err.pipe) => {}
            }
            self.take();
        }
    }

    /// Takes in what it has written, after its end.
    pub fn rest(&mut self) {
        self.take();
        for n in 0..2 {
            let begun = std::mem::take(&mut self.streams[n].begun);
            if !begun.is_empty() {
                self.line(n, &begun);
            }
        }
        self.pending.clear();
    }

    /// Its last lines.
    pub fn words(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        match lines.is_empty() {
            true => "(nothing)".to_owned(),
            false => lines.join("\n"),
        }
    }

    fn take(&mut self) {
        for n in 0..2 {
            let mut buffer = [0; 4096];
            while let Some(pipe) = &self.streams[n].pipe {
                match pipe.try_read(&mut buffer) {
                    Ok(0) => self.streams[n].pipe = None,
                    Ok(length) => self.bytes(n, &buffer[..length]),
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(_) => self.streams[n].pipe = None,
                }
            }
        }
    }

    fn bytes(&mut self, n: usize, bytes: &[u8]) {
        let passed = &bytes[..bytes.len().min(self.kept)];
        if !passed.is_empty() {
            self.kept -= passed.len();
            // A full disk is the journal's to tell.
            let _ = match n {
                0 => std::io::stdout().write_all(passed),
                _ => std::io::stderr().write_all(passed),
            };
            if self.kept == 0 {
                eprintln!("\nwhat it writes beyond {} MB is not kept", MOST >> 20);
            }
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let begun = &mut self.streams[n].begun;
            // A line that never ends is told by its beginning.
            begun.extend_from_slice(&part[..part.len().min(LONGEST.saturating_sub(begun.len()))]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.streams[n].begun);
                self.line(n, &line);
            }
        }
    }

    fn line(&mut self, _stream: usize, bytes: &[u8]) {
        let line: String = String::from_utf8_lossy(bytes)
            .trim_end()
            .chars()
            .flat_map(plain)
            .collect();
        if line.is_empty() {
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.clone());
        self.pending.push_back(line);
    }
}

async fn readable(pipe: &Option<pipe::Receiver>) {
    match pipe {
        // An error is found by reading.
        Some(pipe) => drop(pipe.readable().await),
        None => std::future::pending().await,
    }
}
