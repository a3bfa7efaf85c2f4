//! A router that lives in the test: answers everything, until told to die, hang or fail.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Backend {
    pub name: &'static str,
    pub address: SocketAddr,
    inner: Arc<Inner>,
    /// Has the port until it dies.
    accepting: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inner {
    mode: AtomicU8,
    streams: Mutex<Vec<TcpStream>>,
    served: AtomicU32,
    asked: AtomicU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    Serve,
    /// Reads requests and never answers.
    Hang,
    /// Closes after the request, without an answer.
    Eof,
    /// Resets after the request.
    Reset,
    /// Answers 500.
    Error,
    /// Resets in the middle of the answer.
    Cut,
    Dead,
}

impl Backend {
    pub fn start(name: &'static str) -> Backend {
        Backend::start_at(name, unused_address())
    }

    /// At the address of an earlier life.
    pub fn start_at(name: &'static str, address: SocketAddr) -> Backend {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner::default());
        let shared = inner.clone();
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.mode() == Mode::Dead {
                    return;
                }
                shared.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = shared.clone();
                std::thread::spawn(move || shared.serve(name, stream));
            }
        });
        let accepting = Mutex::new(Some(accepting));
        Backend {
            name,
            address,
            inner,
            accepting,
        }
    }

    pub fn become_(&self, mode: Mode) {
        self.inner.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// Requests answered, health checks not counted.
    pub fn served(&self) -> u32 {
        self.inner.served.load(Ordering::SeqCst)
    }

    /// Requests that arrived, answered or not, health checks not counted.
    pub fn asked(&self) -> u32 {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// Closes the port and every connection, as the kernel does for a killed process. Returns when it is done.
    pub fn kill(&self) {
        self.become_(Mode::Dead);
        // Wakes the accepting thread, which closes the port.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.join().unwrap();
        }
        // What other tests have forked and not yet started still has a copy of it.
        while !is_free(self.address) {
            std::thread::yield_now();
        }
        // None is accepted any more: these are all.
        for stream in self.inner.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Inner {
    fn mode(&self) -> Mode {
        let mode = self.mode.load(Ordering::SeqCst);
        let modes = [
            Mode::Serve,
            Mode::Hang,
            Mode::Eof,
            Mode::Reset,
            Mode::Error,
            Mode::Cut,
            Mode::Dead,
        ];
        modes[usize::from(mode)]
    }

    /// Closing with SO_LINGER 0 sends a RST, once this is the last handle of the socket.
    fn reset(&self, stream: &TcpStream) {
        let peer = stream.peer_addr().ok();
        let other = |kept: &mut TcpStream| kept.peer_addr().ok() != peer;
        self.streams.lock().unwrap().retain_mut(other);
        socket2::SockRef::from(stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    fn serve(&self, name: &str, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        loop {
            let mut health = false;
            let mut line = String::new();
            loop {
                line.clear();
                match reader.read_line(&mut line) {
                    Ok(n) if n > 0 => {}
                    _ => return,
                }
                health |= line.starts_with("GET /health ");
                if line == "\r\n" {
                    break;
                }
            }
            if !health {
                self.asked.fetch_add(1, Ordering::SeqCst);
            }
            let status = match self.mode() {
                Mode::Serve => "200 OK",
                Mode::Cut if health => "200 OK",
                Mode::Cut => {
                    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\npart";
                    let _ = (&stream).write_all(part);
                    return self.reset(&stream);
                }
                Mode::Error if health => "200 OK",
                Mode::Error => "500 Internal Server Error",
                Mode::Hang => continue,
                Mode::Eof if health => "200 OK",
                Mode::Reset if health => "200 OK",
                Mode::Eof => return drop(stream.shutdown(Shutdown::Both)),
                Mode::Reset => return self.reset(&stream),
                Mode::Dead => return,
            };
            if !health {
                self.served.fetch_add(1, Ordering::SeqCst);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nx-resetlab-router: {name}\r\n\r\nok");
            if (&stream).write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// Nobody listens there. Takes no connection to find out: there is room for so many in a backlog.
fn is_free(address: SocketAddr) -> bool {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).is_ok()
}

/// A loopback address no other test uses: a free port could be taken by someone else while its router is dead.
fn unused_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let pid = std::process::id();
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    let [_, _, high, low] = pid.to_be_bytes();
    SocketAddr::from(([127, high.wrapping_add(64) | 64, low, n as u8], 0))
}
