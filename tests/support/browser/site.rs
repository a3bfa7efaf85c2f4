//! A small web server on loopback for pages that are not a lab's: another site's page, modules without a lab.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

pub struct Site {
    pub address: SocketAddr,
}

/// What is at a path: its type and itself.
type Answer = Option<(&'static str, Vec<u8>)>;

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

    /// Files below directories, each under its prefix.
    pub fn files(host: &str, roots: &[(&'static str, PathBuf)]) -> Site {
        let roots = roots.to_vec();
        Site::serve(host, move |path| {
            let below =
                |(prefix, root): &(&str, PathBuf)| path.strip_prefix(prefix).map(|rest| root.join(rest));
            let file = roots.iter().filter_map(below).find(|file| file.is_file())?;
            Some((kind(&file), std::fs::read(file).ok()?))
        })
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
    let (status, (kind, body)) = match answer(path) {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", ("text/plain", Vec::new())),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).ok()
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
