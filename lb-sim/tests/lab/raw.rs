//! Routers and clients of which every byte is written by the test.

use super::Lab;
use router::clock;
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Runs `script` for each connection, on a thread of its own.
pub fn server(script: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, script) = (stream.unwrap(), script.clone());
            std::thread::spawn(move || script(stream));
        }
    });
    address
}

pub fn echo() -> SocketAddr {
    server(|mut stream| {
        let mut back = stream.try_clone().unwrap();
        std::io::copy(&mut stream, &mut back).unwrap();
        back.shutdown(Shutdown::Write).unwrap();
    })
}

/// A client of the balancer.
pub fn connect(lab: &Lab) -> TcpStream {
    let stream = TcpStream::connect(lab.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// All that comes, and the end in a word.
pub fn rest(mut stream: &TcpStream) -> (Vec<u8>, &'static str) {
    let mut bytes = Vec::new();
    let end = match stream.read_to_end(&mut bytes) {
        Ok(_) => "fin",
        Err(error) if error.kind() == ErrorKind::ConnectionReset => "rst",
        Err(error) => panic!("{error}"),
    };
    (bytes, end)
}

/// Nothing comes within `time`, and no end either.
pub fn is_silent(mut stream: &TcpStream, time: Duration) -> bool {
    let until = clock::now() + time;
    loop {
        let left = until.since(clock::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).unwrap();
        match stream.read(&mut [0]) {
            // This process was stopped meanwhile, and has waited for less.
            Err(error) if error.kind() == ErrorKind::Interrupted && clock::now() < until => {}
            Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            Ok(_) => return false,
        }
    }
}
