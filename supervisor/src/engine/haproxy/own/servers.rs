//! PURE: server lines that lead to the lab's routers.

use super::lines::Line;
use crate::engine::{Seat, Site};
use std::fmt::Write;

/// Options with a value that the lab sets, or that only other machines need.
const DROPPED_WITH_VALUE: [&str; 32] = [
    "addr",
    "port",
    "verify",
    "verifyhost",
    "ca-file",
    "ca-sign-file",
    "crl-file",
    "crt",
    "ciphers",
    "ciphersuites",
    "sni",
    "alpn",
    "check-sni",
    "check-alpn",
    "ssl-min-ver",
    "ssl-max-ver",
    "agent-port",
    "agent-addr",
    "agent-inter",
    "resolvers",
    "resolve-prefer",
    "init-addr",
    "agent-send",
    "resolve-opts",
    "resolve-net",
    "source",
    "usesrc",
    "interface",
    "socks4",
    "namespace",
    "proto",
    "check-proto",
];
/// And those without.
const DROPPED: [&str; 12] = [
    "ssl",
    "check-ssl",
    "no-verifyhost",
    "agent-check",
    "send-proxy",
    "send-proxy-v2",
    "check-send-proxy",
    "disabled",
    "force-tlsv12",
    "send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn",
    "check-via-socks4",
];

/// The routers that have no line yet.
pub struct Servers<'a> {
    rest: std::slice::Iter<'a, Seat>,
    /// Name and options that routers have which the file has no line for.
    like: Option<Like>,
    names: Vec<String>,
}

struct Like {
    name: String,
    options: Vec<String>,
    /// It has its share of the requests: neither a backup nor disabled.
    active: bool,
}

impl<'a> Servers<'a> {
    pub fn new(site: &'a Site) -> Servers<'a> {
        Servers {
            rest: site.routers.iter(),
            like: None,
            names: Vec::new(),
        }
    }

    /// The line for the next router; a comment when all have one.
    pub fn next(&mut self, line: &Line<'_>) -> (String, String) {
        // `server NAME ADDRESS …`, `server-template PREFIX COUNT ADDRESS …`
        let template = line.word(0) == "server-template";
        let from = if template { 4 } else { 3 };
        let (options, dropped) = options(line, from);
        let old = line.body();
        let Some(seat) = self.rest.next() else {
            return (
                line.with(&format!("# resetlab: {old}")),
                format!("`{old}` left out: more servers than routers"),
            );
        };
        let name = match template {
            true => format!("{}1", line.word(1)),
            false => line.word(1).to_owned(),
        };
        let body = server(&name, seat, &options);
        let mut why = format!(
            "{name} at {} became {} at {}",
            line.word(from - 1),
            seat.name,
            seat.traffic
        );
        if !dropped.is_empty() {
            let _ = write!(why, ", without {}", dropped.join(", "));
        }
        self.names.push(name.clone());
        let idle = |at| ["backup", "disabled"].contains(&line.plain(at));
        let active = !(from..line.len()).any(idle);
        if active || self.like.as_ref().is_none_or(|like| !like.active) {
            self.like = Some(Like {
                name,
                options,
                active,
            });
        }
        (line.with(&body), why)
    }

    /// Lines for the routers that the file has none for: as its last that has its share of the requests.
    pub fn missing(self) -> (String, String) {
        let Some(Like {
            name: like,
            mut options,
            ..
        }) = self.like
        else {
            return Default::default();
        };
        // Numbers are of one server only.
        if let Some(at) = options.iter().position(|option| option == "id") {
            options.drain(at..options.len().min(at + 2));
        }
        let mut text = String::new();
        let mut added = Vec::new();
        for seat in self.rest {
            let mut name = seat.name.clone();
            while self.names.contains(&name) {
                name.push('-');
            }
            let _ = writeln!(text, "    {}", server(&name, seat, &options));
            added.push(name);
        }
        (text, format!("{} added, like {like}", added.join(", ")))
    }
}

/// A server of another backend: nothing is sent there, no check either.
pub fn elsewhere(line: &Line<'_>) -> (String, String) {
    let at = if line.word(0) == "server-template" { 3 } else { 2 };
    let old = line.word(at);
    let port = old
        .rsplit(':')
        .next()
        .filter(|port| port.parse::<u16>().is_ok())
        .unwrap_or("9");
    let (options, _) = options(line, at + 1);
    let words = (0..at).map(|at| line.word(at).to_owned());
    let address = [format!("127.0.0.1:{port}")];
    let all: Vec<String> = words
        .chain(address)
        .chain(options)
        .chain(["disabled".to_owned()])
        .collect();
    let why = format!(
        "{} at {old} is disabled: only the routers of the lab are there",
        line.word(1)
    );
    (line.with(&all.join(" ")), why)
}

/// What all servers have: without what the lab's routers do not speak. `None`: it stays as it is.
pub fn defaults(line: &Line<'_>) -> Option<(String, String)> {
    let (kept, dropped) = options(line, 1);
    let body = format!("default-server {}", kept.join(" "));
    let why = format!("default-server without {}", dropped.join(", "));
    (!dropped.is_empty()).then(|| (line.with(body.trim_end()), why))
}

fn server(name: &str, seat: &Seat, options: &[String]) -> String {
    let mut text = format!("server {name} {}", seat.traffic);
    for option in options {
        let _ = write!(text, " {option}");
    }
    // Also where `default-server check` says that it is checked.
    let _ = write!(text, " addr {} port {}", seat.health.ip(), seat.health.port());
    text
}

/// Options that stay, and those that do not.
fn options(line: &Line<'_>, from: usize) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    let mut at = from;
    while at < line.len() {
        let word = line.plain(at);
        if DROPPED_WITH_VALUE.contains(&word) {
            // The lab's addresses stand in their place: nothing to speak of.
            if !["addr", "port"].contains(&word) {
                dropped.push(format!("{word} {}", line.word(at + 1)));
            }
            at += 1;
        } else if DROPPED.contains(&word) {
            dropped.push(word.to_owned());
        } else {
            kept.push(line.word(at).to_owned());
        }
        at += 1;
    }
    (kept, dropped)
}
