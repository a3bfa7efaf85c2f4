//! A router process of a test's own, and an application behind it.

use command_fds::{CommandFdExt, FdMapping};
use router::record::{Event, Record};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// Clients come from 127.0.0.1: to this address, when it is closed, no socket can connect by meeting itself.
const LISTEN: &str = "127.66.6.10:0";

/// A running router. Killed when the test ends.
pub struct Router {
    child: Child,
    pub traffic: SocketAddr,
    pub health: SocketAddr,
    /// The registration API.
    pub routes: SocketAddr,
    control: PathBuf,
    events: BufReader<std::fs::File>,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// Dropped: the supervisor is gone.
    pub lifeline: Option<OwnedFd>,
    _directory: tempfile::TempDir,
}

impl Router {
    /// Starts it on free ports and waits for `ready`.
    pub fn start(routes: &str) -> Router {
        Router::start_with(routes, &[])
    }

    /// The same with more flags.
    pub fn start_with(routes: &str, flags: &[&str]) -> Router {
        let mut router = Router::launch(routes, flags);
        let Some(Event::Ready { addresses, pid }) = router.event() else {
            panic!("the first record is ready")
        };
        assert_eq!(pid, router.child.id());
        router.traffic = addresses["http"].parse().unwrap();
        router.health = addresses["health"].parse().unwrap();
        router.routes = addresses["routes"].parse().unwrap();
        router
    }

    /// One in its start delay: where it will serve is what it says at once.
    pub fn start_delayed(routes: &str, flags: &[&str]) -> Router {
        let mut router = Router::launch(routes, flags);
        let mut line = String::new();
        router.stderr.read_line(&mut line).unwrap();
        let after = |word: &str| {
            let (_, rest) = line.split_once(word).unwrap_or_else(|| panic!("{line}"));
            rest[..rest.find([' ', '/']).unwrap()].parse().unwrap()
        };
        router.traffic = after("router: ");
        router.health = after("http://");
        router
    }

    fn launch(routes: &str, flags: &[&str]) -> Router {
        let directory = tempfile::tempdir().unwrap();
        let (routes_file, control) = (
            directory.path().join("routes.toml"),
            directory.path().join("router.sock"),
        );
        std::fs::write(&routes_file, routes).unwrap();
        let (events, events_child) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let (lifeline_child, lifeline) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let mut command = binary();
        command
            .args(["--listen", LISTEN, "--health", LISTEN, "--name", "router-2"])
            .args(["--lifeline-fd", "3", "--events-fd", "4", "--routes"])
            .arg(&routes_file)
            .arg("--control")
            .arg(&control)
            .args(flags)
            .fd_mappings(vec![
                FdMapping {
                    parent_fd: lifeline_child,
                    child_fd: 3,
                },
                FdMapping {
                    parent_fd: events_child,
                    child_fd: 4,
                },
            ])
            .unwrap();
        let mut child = command.spawn().unwrap();
        // It keeps our copies of the child's ends.
        drop(command);
        Router {
            traffic: unused(),
            health: unused(),
            routes: unused(),
            control,
            stdout: BufReader::new(child.stdout.take().unwrap()),
            stderr: BufReader::new(child.stderr.take().unwrap()),
            child,
            events: BufReader::new(std::fs::File::from(events)),
            lifeline: Some(lifeline),
            _directory: directory,
        }
    }

    /// The next record of its event pipe.
    pub fn event(&mut self) -> Option<Event> {
        self.record().map(|record| record.event)
    }

    /// The same with its time.
    pub fn record(&mut self) -> Option<Record> {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    /// The next line of its stdout.
    pub fn stdout_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Sends a control request; its answer, empty if there is none.
    pub fn ask(&self, request: &str) -> String {
        let mut socket = UnixStream::connect(&self.control).unwrap();
        writeln!(socket, "{request}").unwrap();
        let mut line = String::new();
        let _ = BufReader::new(socket).read_line(&mut line);
        line
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for its end; what it had written to stderr.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (status, stderr)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The router's program, with piped output.
#[expect(clippy::disallowed_methods, reason = "these tests are about a process")]
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_router"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A routes file with one route.
pub fn routes(host: &str, endpoints: &[SocketAddr]) -> String {
    let endpoints: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
    format!("[[route]]\nhost = {host:?}\nendpoints = {endpoints:?}\n")
}

/// An application that reads a request, reports its head, gives `answer` and closes.
pub fn application(answer: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = read_head(&mut stream);
            // To close with bytes unread resets the connection, and may take the answer along.
            let _ = stream.read_exact(&mut vec![0; content_length(&head)]);
            let _ = heard.send(head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, hear)
}

/// An application that reports what it reads and never answers, until the last value is dropped.
pub fn silent_application() -> (SocketAddr, mpsc::Receiver<String>, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, hear) = mpsc::channel();
    let (hold, held) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = heard.send(read_head(&mut stream));
        let _ = held.recv();
    });
    (address, hear, hold)
}

pub fn read_head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    length.unwrap_or(0)
}

/// An address nobody listens on: below the ephemeral range, where no other test can get it and no socket can connect
/// to itself.
pub fn unused() -> SocketAddr {
    SocketAddr::from(([127, 66, 6, 6], 1))
}

/// Sends `request`, reads until the other side closes.
pub fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
