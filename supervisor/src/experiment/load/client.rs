//! The HTTP/1.1 client: one request on one connection, and how exactly it ended.

use super::reply::{Malformed, Reply};
use nix::sys::socket::{MsgFlags, recv};
use router::clock::{self, Timestamp};
use router::record::Outcome;
use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Sends requests to one address over as many connections as are needed, up to a limit.
pub struct Client {
    target: SocketAddr,
    /// Idle connections, the last used on top: a few stay busy, the rest may age.
    idle: RefCell<Vec<TcpStream>>,
    keep_alive: bool,
    permits: Semaphore,
    /// Everything of a request before and after its id.
    head: [Vec<u8>; 2],
}

/// What every request looks like.
#[derive(Clone, Debug)]
pub struct Shape {
    pub host: String,
    pub path: String,
    /// `None`: GET; otherwise POST with a body of so many bytes.
    pub body: Option<usize>,
    pub keep_alive: bool,
    pub max_connections: usize,
}

/// What is known of a request under way; outlives one that is given up.
#[derive(Debug, Default)]
pub struct Trace {
    /// When its last byte was taken by the socket.
    pub sent: Option<Timestamp>,
    /// Source port of its connection, once there is one.
    pub port: Option<u16>,
}

/// How a request ended, in the client's eyes.
#[derive(Debug)]
pub struct Answer {
    pub outcome: Outcome,
    pub status: Option<u16>,
    pub router: Option<String>,
    /// This machine could not make a connection; nothing was learnt about the other side.
    pub unsendable: bool,
}

impl Client {
    pub fn new(target: SocketAddr, shape: &Shape) -> Client {
        let method = if shape.body.is_some() { "POST" } else { "GET" };
        let before = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: resetlab\r\nx-resetlab-request: ",
            shape.path, shape.host
        );
        let mut after = String::from("\r\n");
        if let Some(bytes) = shape.body {
            after += &format!("Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n");
        }
        if !shape.keep_alive {
            after += "Connection: close\r\n";
        }
        after += "\r\n";
        let mut after = after.into_bytes();
        after.resize(after.len() + shape.body.unwrap_or(0), b'r');
        Client {
            target,
            idle: RefCell::default(),
            keep_alive: shape.keep_alive,
            permits: Semaphore::new(shape.max_connections),
            head: [before.into_bytes(), after],
        }
    }

    /// One request from connecting to the end of its response. Dropping the future closes its connection.
    pub async fn request(&self, id: u64, trace: &mut Trace) -> Answer {
        let Ok(_permit) = self.permits.acquire().await else {
            return Answer::unsendable();
        };
        let stream = match self.take_idle() {
            Some(stream) => stream,
            None => match TcpStream::connect(self.target).await {
                Ok(stream) => stream,
                Err(error) => return Answer::of_connect(&error),
            },
        };
        trace.port = stream.local_addr().ok().map(|address| address.port());
        let _ = stream.set_nodelay(true);
        let mut reply = Reply::default();
        match self.exchange(&stream, id, &mut reply, &mut trace.sent).await {
            Ok(()) => {
                if reply.keep_alive && self.keep_alive && trace.sent.is_some() {
                    self.idle.borrow_mut().push(stream);
                }
                Answer::of_reply(reply)
            }
            Err(End::Malformed) => Answer::failed(Outcome::HttpOther, reply),
            Err(End::Eof) => Answer::failed(Outcome::Eof, reply),
            Err(End::Reset) => Answer::failed(Outcome::Reset, reply),
        }
    }

    /// Writes and reads at the same time: an answer that comes before the whole body was sent is an answer.
    async fn exchange(
        &self,
        stream: &TcpStream,
        id: u64,
        reply: &mut Reply,
        sent: &mut Option<Timestamp>,
    ) -> Result<(), End> {
        let id = id.to_string();
        let parts = [&self.head[0][..], id.as_bytes(), &self.head[1][..]];
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let (mut written, mut write_error) = (0, false);
        let mut buffer = [0; 16 * 1024];
        loop {
            while written < total && !write_error {
                match stream.try_write_vectored(&after(parts, written)) {
                    Ok(n) => {
                        written += n;
                        if written == total {
                            *sent = Some(clock::now());
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // What the other side said before it closed may still be there to read.
                    Err(_) => write_error = true,
                }
            }
            let writing = written < total && !write_error;
            let interest = if writing {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            stream.ready(interest).await.map_err(|_| End::Reset)?;
            loop {
                match stream.try_read(&mut buffer) {
                    Ok(0) if reply.close() => return Ok(()),
                    Ok(0) => return Err(if write_error { End::Reset } else { End::Eof }),
                    Ok(n) => reply.push(&buffer[..n]).map_err(|Malformed| End::Malformed)?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => return Err(End::Reset),
                }
                if reply.is_complete() {
                    return Ok(());
                }
            }
        }
    }

    /// The last used connection that the other side has not closed meanwhile. Asks the kernel itself: the runtime
    /// may not have heard of the FIN yet.
    fn take_idle(&self) -> Option<TcpStream> {
        let mut idle = self.idle.borrow_mut();
        while let Some(stream) = idle.pop() {
            let peeked = recv(
                stream.as_raw_fd(),
                &mut [0],
                MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT,
            );
            if peeked == Err(nix::errno::Errno::EAGAIN) {
                return Some(stream);
            }
        }
        None
    }
}

/// How an exchange failed.
enum End {
    Reset,
    Eof,
    Malformed,
}

impl Answer {
    fn unsendable() -> Answer {
        Answer {
            outcome: Outcome::Timeout,
            status: None,
            router: None,
            unsendable: true,
        }
    }

    fn failed(outcome: Outcome, reply: Reply) -> Answer {
        let status = (reply.has_started() && reply.status >= 200).then_some(reply.status);
        Answer {
            outcome,
            status,
            router: reply.router,
            unsendable: false,
        }
    }

    fn of_reply(reply: Reply) -> Answer {
        let outcome = match reply.status {
            200..=399 => Outcome::Ok,
            502 => Outcome::Http502,
            503 => Outcome::Http503,
            504 => Outcome::Http504,
            _ => Outcome::HttpOther,
        };
        Answer {
            outcome,
            status: Some(reply.status),
            router: reply.router,
            unsendable: false,
        }
    }

    fn of_connect(error: &io::Error) -> Answer {
        let outcome = match error.kind() {
            ErrorKind::ConnectionRefused => Outcome::Refused,
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Outcome::Reset,
            ErrorKind::TimedOut => Outcome::Timeout,
            _ => return Answer::unsendable(),
        };
        Answer {
            outcome,
            status: None,
            router: None,
            unsendable: false,
        }
    }
}

/// What is left of `parts` after `skip` bytes.
fn after<'a>(parts: [&'a [u8]; 3], mut skip: usize) -> [IoSlice<'a>; 3] {
    parts.map(|part| {
        let here = skip.min(part.len());
        skip -= here;
        IoSlice::new(&part[here..])
    })
}
