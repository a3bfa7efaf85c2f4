//! A small web server on loopback for pages that are not a lab's: another site's page, modules without a lab.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

pub struct Site {
    pub address: SocketAddr,
}

/// What is at a path: its type and itself; `None`: nothing.
pub type Answer = Option<(&'static str, Body)>;

pub type Writer = Box<dyn FnOnce(&mut dyn Write) -> std::io::Result<()>>;

pub enum Body {
    Whole(Vec<u8>),
    /// Written as it comes, until whoever reads it is gone.
    Stream(Writer),
}

impl Site {
    /// Serves on a free port of `host` while this process lives.
    pub fn serve(host: &str, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Site {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let answer = std::sync::Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = std::sync::Arc::clone(&answer);
                std::thread::spawn(move || speak(&stream, &*answer));
            }
        });
        Site { address }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// One request, one answer, and the end.
fn speak(mut stream: &TcpStream, answer: &dyn Fn(&str) -> Answer) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1)?.split('?').next()?;
    let (status, kind, body) = match answer(path) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", "text/plain", Body::Whole(Vec::new())),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    match body {
        Body::Whole(bytes) => stream.write_all(&bytes).ok(),
        Body::Stream(write) => write(&mut stream).ok(),
    }
}

/// The file at a path below a directory.
pub fn file_below(root: &Path, path: &str) -> Answer {
    let file = root.join(path.trim_start_matches('/'));
    let whole = file.is_file().then(|| std::fs::read(&file).ok())??;
    Some((kind(&file), Body::Whole(whole)))
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
