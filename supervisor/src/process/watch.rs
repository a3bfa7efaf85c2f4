//! Follows one child from birth to reaping: its records first, then its end.

use super::{Child, Exit, exit};
use router::clock::{self, Timestamp};
use router::record::Record;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// A record and the very line it came in, so that what a newer child writes survives in the log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub record: Record,
    /// Without the newline.
    pub line: Arc<str>,
}

impl Entry {
    /// For records of our own making.
    pub fn new(record: Record) -> Entry {
        let line = serde_json::to_string(&record).expect("a record has string keys only");
        Entry {
            record,
            line: line.into(),
        }
    }
}

/// News of one incarnation of one child.
#[derive(Debug)]
pub struct ChildEvent {
    pub child: usize,
    pub incarnation: u32,
    pub news: News,
}

#[derive(Debug)]
pub enum News {
    Record(Entry),
    /// A line on the event pipe that is not a record; counted, never fatal.
    BadLine(String),
    /// Reaped; comes after the last record.
    Exited(Exit),
}

/// Sends everything the child says and finally its exit. `child` and `incarnation` label what is sent.
pub async fn watch(child: Child, number: usize, incarnation: u32, to: mpsc::Sender<ChildEvent>) {
    let send = move |to: mpsc::Sender<ChildEvent>, news| async move {
        // The receiver is gone only when the fleet is: nobody is left to tell.
        let _ = to
            .send(ChildEvent {
                child: number,
                incarnation,
                news,
            })
            .await;
    };
    let records = tokio::spawn(read(child.events, to.clone(), send));
    let (code, signal, at) = match child.process.wait().await {
        Ok(end) => end,
        Err(_) => (None, None, clock::now()),
    };
    // Records written before the end come before the end; a descendant that keeps the pipe open must not hide it.
    let deadline = tokio::time::Instant::now() + Duration::from_millis(500);
    let reader = records.abort_handle();
    if tokio::time::timeout_at(deadline, records).await.is_err() {
        reader.abort();
    }
    let exit = exit_of(
        code,
        signal,
        at,
        child.process.started,
        &child.stderr,
        child.stderr_from,
    );
    send(to, News::Exited(exit)).await;
}

fn exit_of(
    code: Option<i32>,
    signal: Option<i32>,
    at: Timestamp,
    started: Timestamp,
    stderr: &std::path::Path,
    from: u64,
) -> Exit {
    let said = exit::said(stderr, from);
    let uptime = at.since(started);
    Exit {
        at,
        code,
        signal,
        uptime,
        words: exit::words(code, signal, uptime, said.as_deref()),
    }
}

async fn read<F, S>(events: pipe::Receiver, to: mpsc::Sender<ChildEvent>, send: F)
where
    F: Fn(mpsc::Sender<ChildEvent>, News) -> S,
    S: Future<Output = ()>,
{
    let mut reader = BufReader::with_capacity(64 * 1024, events);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        let news = match serde_json::from_str::<Record>(&text) {
            Ok(record) => News::Record(Entry {
                record,
                line: text.into(),
            }),
            Err(_) => News::BadLine(text.into_owned()),
        };
        send(to.clone(), news).await;
    }
}
