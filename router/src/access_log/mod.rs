//! The access log: one line a request in gorouter's shape, written by a thread of its own. Health checks are not in it.

mod entry;

pub use entry::{Attempts, Entry, Forwarded, Successful, Word, Words};

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Takes lines without ever waiting: what does not fit into the queue is counted and reported. Cheap to clone.
#[derive(Clone)]
pub struct AccessLog {
    queue: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

enum Line {
    Request(Box<Entry>),
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

#[cfg(test)]
mod tests {
    use super::entry::tests::entry;
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
