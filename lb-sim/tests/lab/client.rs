//! A client that tells outcomes apart.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One keep-alive connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    next: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// From `x-resetlab-router`, empty when the balancer itself answered.
    pub router: String,
}

impl Client {
    /// Its requests are numbered from `first`.
    pub fn connect(address: SocketAddr, first: u64) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream: BufReader::new(stream),
            next: first,
        }
    }

    pub fn get(&mut self) -> io::Result<Answer> {
        self.request("GET", "")
    }

    /// Asks, and does not wait for the answer.
    pub fn send(&mut self) -> io::Result<()> {
        self.ask("GET", "", "")
    }

    /// Leaves with a RST.
    pub fn reset(self) {
        socket2::SockRef::from(self.stream.get_ref())
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// With a body of two bytes.
    pub fn post(&mut self) -> io::Result<Answer> {
        self.request("POST", "Content-Length: 2\r\n")
    }

    fn ask(&mut self, method: &str, length: &str, body: &str) -> io::Result<()> {
        let request = self.next;
        self.next += 1;
        let head = format!(
            "{method} / HTTP/1.1\r\nHost: test\r\nx-resetlab-request: {request}\r\n{length}\r\n{body}"
        );
        self.stream.get_mut().write_all(head.as_bytes())
    }

    fn request(&mut self, method: &str, length: &str) -> io::Result<Answer> {
        let body = if length.is_empty() { "" } else { "hi" };
        self.ask(method, length, body)?;
        self.answer()
    }

    /// The answer to what was asked before.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let (mut status, mut router, mut length) = (0, String::new(), 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            } else if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            } else if let Some(value) = line.strip_prefix("x-resetlab-router: ") {
                router = value.to_owned();
            }
        }
        self.stream.read_exact(&mut vec![0; length])?;
        Ok(Answer { status, router })
    }
}

/// One request on a connection of its own.
pub fn get(address: SocketAddr, request: u64) -> io::Result<Answer> {
    Client::connect(address, request).get()
}

/// What [`get`] came to in one word: a status, or `reset`, `eof` …
pub fn outcome(address: SocketAddr, request: u64) -> String {
    match get(address, request) {
        Ok(answer) => answer.status.to_string(),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionReset => "reset".to_owned(),
            io::ErrorKind::UnexpectedEof => "eof".to_owned(),
            kind => format!("{kind:?}"),
        },
    }
}
