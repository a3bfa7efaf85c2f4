//! The access log: one line a request in gorouter's shape, written by a thread of its own.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

/// Takes lines without ever waiting: what does not fit into the queue is counted and reported. Cheap to clone.
#[derive(Clone)]
pub struct AccessLog {
    queue: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

/// One request. Absent values are written as `-`.
#[derive(Clone, Debug)]
pub struct Entry {
    pub started: SystemTime,
    pub host: String,
    /// `GET /path?query HTTP/1.1`
    pub request: String,
    pub status: Option<u16>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
    pub client: SocketAddr,
    pub endpoint: Option<SocketAddr>,
    pub forwarded_for: String,
    pub forwarded_proto: String,
    /// From the complete request head to the end of the response.
    pub response_time: Duration,
    /// The part of it that was spent here.
    pub gorouter_time: Duration,
    pub failed_attempts: u32,
    pub router_error: Option<String>,
    /// `x-resetlab-request`
    pub request_id: Option<u64>,
}

enum Line {
    Request(Box<Entry>),
    Check {
        seen: SystemTime,
        client: SocketAddr,
        path: String,
        status: u16,
    },
    Close(SyncSender<()>),
}

/// Lines that may wait: about a second at 8000 requests a second.
const QUEUE: usize = 8192;

impl AccessLog {
    /// Starts the writer thread.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<AccessLog> {
        let (queue, lines) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = dropped.clone();
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(&lines, out, &counted))?;
        Ok(AccessLog { queue, dropped })
    }

    pub fn request(&self, entry: Entry) {
        self.push(Line::Request(Box::new(entry)));
    }

    /// A health check arrived and was answered with `status`.
    pub fn check(&self, seen: SystemTime, client: SocketAddr, path: &str, status: u16) {
        self.push(Line::Check {
            seen,
            client,
            path: path.to_owned(),
            status,
        });
    }

    /// Waits until everything before is written, at most `limit`.
    pub fn close(&self, limit: Duration) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Line::Close(done)).is_ok() {
            let _ = wait.recv_timeout(limit);
        }
    }

    fn push(&self, line: Line) {
        if self.queue.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes until all senders are gone; flushes whenever nothing is waiting. A disk that is full costs lines, not requests.
fn write_all(lines: &Receiver<Line>, out: impl Write, dropped: &AtomicU64) {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    let mut text = String::new();
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        while let Some(line) = next {
            text.clear();
            match line {
                Line::Request(entry) => entry.write(&mut text),
                Line::Check {
                    seen,
                    client,
                    path,
                    status,
                } => {
                    let seen = humantime::format_rfc3339_nanos(seen);
                    let _ = writeln!(
                        text,
                        "health check [{seen}] \"GET {}\" {status} \"{client}\"",
                        quotable(&path)
                    );
                }
                Line::Close(done) => {
                    let _ = out.flush();
                    let _ = done.send(());
                }
            }
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = writeln!(text, "access log: {lost} lines dropped, the queue was full");
            }
            let _ = out.write_all(text.as_bytes());
            next = lines.try_recv().ok();
        }
        let _ = out.flush();
    }
}

impl Entry {
    fn write(&self, out: &mut String) {
        let quoted = |value: Option<&str>| value.filter(|v| !v.is_empty()).map_or("-".into(), quotable);
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |n| n.to_string());
        let _ = writeln!(
            out,
            "{host} - [{started}] \"{request}\" {status} {received} {sent} \"{referer}\" \"{agent}\" \"{client}\" \
             \"{endpoint}\" x_forwarded_for:\"{forwarded_for}\" x_forwarded_proto:\"{proto}\" vcap_request_id:\"-\" \
             response_time:{response:.6} gorouter_time:{gorouter:.6} app_id:\"-\" app_index:\"-\" instance_id:\"-\" \
             failed_attempts:{failed} x_cf_routererror:\"{error}\" x_resetlab_request:\"{id}\"",
            host = quoted(Some(&self.host)),
            started = humantime::format_rfc3339_nanos(self.started),
            request = quotable(&self.request),
            status = number(self.status.map(u64::from)),
            received = self.request_bytes,
            sent = self.response_bytes,
            referer = quoted(self.referer.as_deref()),
            agent = quoted(self.user_agent.as_deref()),
            client = self.client,
            endpoint = self
                .endpoint
                .map_or("-".to_owned(), |address| address.to_string()),
            forwarded_for = quoted(Some(&self.forwarded_for)),
            proto = quoted(Some(&self.forwarded_proto)),
            response = self.response_time.as_secs_f64(),
            gorouter = self.gorouter_time.as_secs_f64(),
            failed = self.failed_attempts,
            error = quoted(self.router_error.as_deref()),
            id = number(self.request_id),
        );
    }
}

/// Without anything that could end the quotes or the line.
fn quotable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() || "\"\\".contains(c) {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::mpsc;

    /// Hands on what is written; each write waits for a permit.
    struct Slow(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn entry() -> Entry {
        Entry {
            started: SystemTime::UNIX_EPOCH,
            host: "app.test".into(),
            request: "GET /hello?x=1 HTTP/1.1".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 594,
            referer: None,
            user_agent: Some("cu\"rl\n".into()),
            client: "127.0.0.1:45882".parse().unwrap(),
            endpoint: Some("127.0.0.1:19001".parse().unwrap()),
            forwarded_for: "127.0.0.1".into(),
            forwarded_proto: "http".into(),
            response_time: Duration::from_micros(3853),
            gorouter_time: Duration::from_micros(504),
            failed_attempts: 0,
            router_error: None,
            request_id: Some(7),
        }
    }

    #[test]
    fn a_line_has_gorouters_shape() {
        let mut line = String::new();
        entry().write(&mut line);
        assert_eq!(
            line,
            "app.test - [1970-01-01T00:00:00.000000000Z] \"GET /hello?x=1 HTTP/1.1\" 200 0 594 \"-\" \"cu\\\"rl\\n\" \
             \"127.0.0.1:45882\" \"127.0.0.1:19001\" x_forwarded_for:\"127.0.0.1\" x_forwarded_proto:\"http\" \
             vcap_request_id:\"-\" response_time:0.003853 gorouter_time:0.000504 app_id:\"-\" app_index:\"-\" \
             instance_id:\"-\" failed_attempts:0 x_cf_routererror:\"-\" x_resetlab_request:\"7\"\n"
        );
    }

    #[test]
    fn a_stuck_disk_costs_lines_and_says_how_many() {
        let (permit, permits) = mpsc::channel();
        let (wrote, written) = mpsc::channel();
        let log = AccessLog::start(Slow(permits, wrote)).unwrap();
        for _ in 0..3 * QUEUE {
            log.request(entry());
        }
        drop(permit);
        log.close(Duration::from_secs(10));
        // The queue was full, so the request to close did not get in either; end it by dropping the last sender.
        drop(log);
        let text: Vec<u8> = written.iter().flatten().collect();
        let text = String::from_utf8(text).unwrap();
        let dropped: usize = text
            .lines()
            .filter_map(|line| line.strip_prefix("access log: "))
            .map(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        let kept = text.lines().filter(|line| line.starts_with("app.test")).count();
        assert_eq!(kept + dropped, 3 * QUEUE);
        assert!(kept >= QUEUE && dropped > 0);
    }
}
