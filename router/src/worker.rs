//! The child contract: lifeline, event pipe, control socket, signals. Used by every child of the lab;
//! a program started by hand has none of them and just runs.
//!
//! - *lifeline*: a pipe whose end-of-file means the supervisor is gone: exit at once, status 0.
//! - *event pipe*: NDJSON [`Record`]s; the first is `ready`, but for the health checks that a router in its start
//!   delay sees before. It never blocks: what does not fit is counted and
//!   reported as `dropped`.
//! - *control socket*: a Unix socket; one JSON object a line in, one JSON object a line out.

use crate::clock::{self, Timestamp};
use crate::record::{Event, Record};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The part of every child's command line that its supervisor fills in.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WorkerArgs {
    /// Name used in records and logs.
    #[arg(long, default_value = "")]
    pub name: String,
    /// Exit as soon as this inherited pipe reports end-of-file.
    #[arg(long, hide = true)]
    pub lifeline_fd: Option<RawFd>,
    /// Write records to this inherited pipe.
    #[arg(long, hide = true)]
    pub events_fd: Option<RawFd>,
    /// Answer control requests on this Unix socket.
    #[arg(long, value_name = "PATH")]
    pub control: Option<std::path::PathBuf>,
}

/// Where records go. Cheap to clone; callable from any thread; never blocks.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    from: String,
    pipe: Option<Mutex<File>>,
    dropped: AtomicU64,
}

/// Size asked for the event pipe: what Linux gives any user.
const EVENT_PIPE_BYTES: i32 = 1 << 20;

impl Events {
    /// No event pipe: records vanish.
    pub fn none(from: &str) -> Events {
        Events(Arc::new(Inner {
            from: from.to_owned(),
            pipe: None,
            dropped: AtomicU64::new(0),
        }))
    }

    fn to_pipe(from: &str, pipe: File) -> Events {
        Events(Arc::new(Inner {
            from: from.to_owned(),
            pipe: Some(Mutex::new(pipe)),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Whether anybody reads; lets hot paths skip building a record.
    pub fn wanted(&self) -> bool {
        self.0.pipe.is_some()
    }

    pub fn emit(&self, event: Event) {
        self.emit_at(clock::now(), event);
    }

    /// One `write` of at most `PIPE_BUF` bytes is atomic and, on a non-blocking pipe, happens wholly or not at all.
    /// A longer record could be cut in the middle and spoil its neighbour, so it is not written but counted as dropped.
    pub fn emit_at(&self, at: Timestamp, event: Event) {
        let Some(pipe) = &self.0.pipe else { return };
        let mut pipe = pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let lost = self.0.dropped.swap(0, Ordering::Relaxed);
        if lost > 0 && !self.write(&mut pipe, at, Event::Dropped { count: lost }) {
            self.0.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        if !self.write(&mut pipe, at, event) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn write(&self, pipe: &mut File, at: Timestamp, event: Event) -> bool {
        let record = Record {
            at,
            from: self.0.from.clone(),
            event,
        };
        let Ok(mut line) = serde_json::to_vec(&record) else {
            return false;
        };
        line.push(b'\n');
        if line.len() > nix::libc::PIPE_BUF {
            return false;
        }
        matches!(pipe.write(&line), Ok(n) if n == line.len())
    }
}

/// A child's ties to its supervisor.
pub struct Worker {
    pub name: String,
    pub events: Events,
    pub control: Option<std::path::PathBuf>,
    /// Whether a supervisor holds the other end of the lifeline.
    pub supervised: bool,
}

impl Worker {
    /// Takes over the inherited descriptors and starts watching the lifeline on a thread of its own.
    /// Call once, first thing in `main`.
    #[expect(unsafe_code, reason = "descriptors given by number become owned here, once")]
    pub fn start(args: &WorkerArgs, default_name: &str) -> std::io::Result<Worker> {
        allow_many_sockets();
        // Started through /proc/self/exe, a child would be called "exe" by ps and in messages about taken ports.
        let _ = nix::sys::prctl::set_name(c"resetlab");
        let name = if args.name.is_empty() {
            default_name.to_owned()
        } else {
            args.name.clone()
        };
        if let Some(fd) = args.lifeline_fd {
            // A stopped process reads no lifeline; the kernel kills it all the same. Before the lifeline is watched:
            // a supervisor that died until now is seen there.
            nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
            // SAFETY: the supervisor passed this descriptor to us and nobody else in this process knows it.
            let mut lifeline = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
            std::thread::Builder::new()
                .name("lifeline".into())
                .spawn(move || {
                    let mut bytes = [0; 64];
                    loop {
                        match lifeline.read(&mut bytes) {
                            Ok(0) => break,
                            Ok(_) => {}
                            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                            Err(_) => break,
                        }
                    }
                    exit_at_once(0);
                })?;
            // Ctrl-C in the terminal reaches the whole foreground group; the supervisor decides who stops when.
            signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default())?;
        }
        let events = match args.events_fd {
            None => Events::none(&name),
            Some(fd) => {
                // SAFETY: as above.
                let pipe = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
                let flags = nix::fcntl::OFlag::O_NONBLOCK;
                nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETFL(flags))?;
                // Thousands of records may come while the supervisor is busy; 64 KiB would be full after 300.
                let _ = nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(EVENT_PIPE_BYTES));
                Events::to_pipe(&name, pipe)
            }
        };
        Ok(Worker {
            name,
            events,
            control: args.control.clone(),
            supervised: args.lifeline_fd.is_some(),
        })
    }

    /// Resolves when this process should stop: at SIGTERM, and at SIGINT too when it was started by hand.
    /// The handlers are registered before this returns; needs a tokio runtime with I/O.
    pub fn terminated(&self) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = if self.supervised {
            None
        } else {
            Some(signal(SignalKind::interrupt())?)
        };
        Ok(async move {
            match &mut interrupt {
                None => {
                    terminate.recv().await;
                }
                Some(interrupt) => {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                }
            }
        })
    }
}

/// Raises the soft limit of open files to the hard one: thousands of sockets are normal here, 1024 a usual default.
fn allow_many_sockets() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Ends the process without running a destructor, flushing a buffer or waiting for a thread.
#[expect(
    unsafe_code,
    reason = "no safe function ends a process without running exit handlers"
)]
pub fn exit_at_once(status: i32) -> ! {
    // SAFETY: `_exit` takes no pointers and does not return.
    unsafe { nix::libc::_exit(status) }
}

/// Opens a control socket, so that it is there when `ready` is emitted. A stale socket file is replaced.
pub fn bind_control(path: &std::path::Path) -> std::io::Result<tokio::net::UnixListener> {
    let _ = std::fs::remove_file(path);
    tokio::net::UnixListener::bind(path)
}

/// Binds and serves a control socket in one go: see [`bind_control`] and [`answer_control`].
pub async fn serve_control<F>(path: &std::path::Path, answer: F) -> std::io::Result<()>
where
    F: Fn(serde_json::Value) -> Result<serde_json::Value, String> + Clone + 'static,
{
    answer_control(bind_control(path)?, answer).await
}

/// Serves a control socket: `answer` gets each request line's JSON object and returns the reply object.
/// Errors are replied as `{"error": "…"}`. Runs until the socket fails. Needs a `LocalSet`.
pub async fn answer_control<F>(listener: tokio::net::UnixListener, answer: F) -> std::io::Result<()>
where
    F: Fn(serde_json::Value) -> Result<serde_json::Value, String> + Clone + 'static,
{
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer.clone();
        tokio::task::spawn_local(async move {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let reply = match serde_json::from_str(&line) {
                    Ok(request) => answer(request).unwrap_or_else(|e| serde_json::json!({ "error": e })),
                    Err(e) => serde_json::json!({ "error": format!("not a JSON object: {e}") }),
                };
                if write.write_all(format!("{reply}\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::fd::IntoRawFd;

    fn worker() -> (Worker, BufReader<File>) {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let args = WorkerArgs {
            events_fd: Some(write.into_raw_fd()),
            ..WorkerArgs::default()
        };
        (
            Worker::start(&args, "test").unwrap(),
            BufReader::new(File::from(read)),
        )
    }

    fn note(bytes: usize) -> Event {
        Event::Note {
            text: "x".repeat(bytes),
        }
    }

    fn next(read: &mut BufReader<File>) -> Event {
        let mut line = String::new();
        read.read_line(&mut line).unwrap();
        serde_json::from_str::<Record>(&line).unwrap().event
    }

    #[test]
    fn a_record_too_long_for_one_write_is_dropped_whole_and_counted() {
        let (worker, mut read) = worker();
        worker.events.emit(note(5000));
        worker.events.emit(note(1));
        assert_eq!(next(&mut read), Event::Dropped { count: 1 });
        assert_eq!(next(&mut read), note(1));
    }

    #[test]
    fn a_reader_that_sleeps_costs_records_but_never_time_and_gets_only_whole_ones() {
        let (worker, mut read) = worker();
        let sent = 1000;
        for _ in 0..sent {
            worker.events.emit(note(3000));
        }
        let kept = std::iter::repeat_with(|| next(&mut read))
            .take(200)
            .filter(|event| *event == note(3000))
            .count();
        assert_eq!(kept, 200);
        worker.events.emit(note(1));
        drop(worker);
        let (mut notes, mut dropped) = (kept as u64, 0);
        for line in read.lines() {
            match serde_json::from_str::<Record>(&line.unwrap()).unwrap().event {
                Event::Dropped { count } => dropped += count,
                _ => notes += 1,
            }
        }
        assert_eq!(notes + dropped, sent + 1);
        assert!(dropped > 0);
    }
}
