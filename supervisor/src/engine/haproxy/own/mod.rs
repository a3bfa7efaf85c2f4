//! PURE: a configuration of the user's own, made one for the lab.
//!
//! [`lines`] cuts it into sections and words, [`servers`] rewrites its servers, [`reading`] says what it means in the words
//! of settings. What is not named in the changes is left byte for byte as it was; lines keep their numbers.

mod lines;
mod reading;
mod servers;

use crate::engine::{Adopted, Site};
use lines::{Line, Section};
use std::net::{IpAddr, SocketAddr};

const EXPECTED: &str = "expected a frontend with `default_backend NAME` and `backend NAME` with its servers, or a \
                        `listen` section with both, as HAProxy has them";

/// Global words that a lab cannot have: it is a child of the lab, runs as whoever started that, and answers to it only.
const NOT_HERE: [(&str, &str); 9] = [
    ("daemon", "it stays in the foreground"),
    ("master-worker", "it stays in the foreground"),
    ("chroot", "it runs as you"),
    ("user", "it runs as you"),
    ("group", "it runs as you"),
    ("uid", "it runs as you"),
    ("gid", "it runs as you"),
    ("pidfile", "it has a guard"),
    ("stats", "the lab asks it at a socket of its own"),
];

/// Sections that talk to other machines, and the words in them that do.
const ELSEWHERE: [(&str, &[&str]); 6] = [
    ("peers", &["peer", "server", "bind"]),
    ("mailers", &["mailer"]),
    ("resolvers", &["nameserver", "parse-resolv-conf"]),
    ("ring", &["server"]),
    ("log-forward", &["bind", "dgram-bind"]),
    ("program", &["command"]),
];

pub fn adopt(text: &str, site: &Site) -> Result<Adopted, String> {
    let sections = lines::sections(text);
    let (entry, reached) = reached(&sections)?;
    let mut changes = Vec::new();
    let mut out = String::with_capacity(text.len() + 256);
    for (n, section) in sections.iter().enumerate() {
        let mut bound = false;
        let mut servers = servers::Servers::new(site);
        for line in &section.lines {
            let word = line.word(0);
            let new = match word {
                "log" if line.word(1) != "global" => Some(silenced(line, "its log is kept with the results")),
                "bind" if n == entry || section.kind == "frontend" || section.kind == "listen" => {
                    let moved = bind(line, site, n == entry && !bound);
                    bound |= n == entry;
                    moved
                }
                "server" | "server-template" if n == reached => Some(servers.next(line)),
                "server" | "server-template" if section.kind == "backend" || section.kind == "listen" => {
                    Some(servers::elsewhere(line))
                }
                "option" if line.word(1) == "httpchk" && applies(section, n, reached) => path(line, 2),
                "http-check" if line.word(1) == "send" && applies(section, n, reached) => path(line, 2),
                _ => not_here(section, line),
            };
            match new {
                Some((text, why)) => {
                    changes.push(format!("line {}: {why}", line.number));
                    out += &text;
                }
                None => out += line.text,
            }
        }
        if n == reached {
            let (more, why) = servers.missing();
            if !more.is_empty() {
                changes.push(format!("{} {}: {why}", section.kind, section.name));
                if !out.ends_with('\n') {
                    out.push('\n');
                }
                out += &more;
            }
        }
        if n == entry && !bound {
            changes.push(format!(
                "{} {}: bind {} added",
                section.kind, section.name, site.listen
            ));
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out += &format!("    bind {}\n", site.listen);
        }
    }
    let (settings, beyond) = reading::read(&sections, reached);
    Ok(Adopted {
        text: out,
        changes,
        settings,
        beyond,
    })
}

/// Where clients come in, and where their requests go by default.
fn reached(sections: &[Section<'_>]) -> Result<(usize, usize), String> {
    let has = |section: &Section<'_>, words: &[&str]| {
        section.lines.iter().any(|line| words.contains(&line.word(0)))
    };
    let servers = ["server", "server-template"];
    let backends = || {
        sections
            .iter()
            .enumerate()
            .filter(|(_, section)| section.kind == "backend" && has(section, &servers))
    };
    for (n, section) in sections.iter().enumerate() {
        match section.kind {
            "listen" if has(section, &servers) => return Ok((n, n)),
            "frontend" => {
                let default = section
                    .lines
                    .iter()
                    .find(|line| line.word(0) == "default_backend");
                let only = backends().count() == 1 && has(section, &["use_backend"]);
                let named = |name: &str| backends().find(|(_, backend)| backend.name == name);
                let backend = match default {
                    Some(line) => named(line.word(1)),
                    None if only => backends().next(),
                    None => None,
                };
                if let Some((backend, _)) = backend {
                    return Ok((n, backend));
                }
            }
            _ => {}
        }
    }
    let kinds: Vec<String> = sections
        .iter()
        .filter(|section| !section.kind.is_empty())
        .map(|section| format!("{} {}", section.kind, section.name).trim_end().to_owned())
        .collect();
    let found = if kinds.is_empty() {
        "none".to_owned()
    } else {
        kinds.join(", ")
    };
    Err(format!(
        "no backend that traffic reaches: {EXPECTED}; its sections: {found}"
    ))
}

/// Checks of the lab's servers are described there.
fn applies(section: &Section<'_>, n: usize, reached: usize) -> bool {
    n == reached || section.kind == "defaults"
}

fn silenced(line: &Line<'_>, why: &str) -> (String, String) {
    let body = line.body();
    (
        line.with(&format!("# resetlab: {body}")),
        format!("`{body}` left out: {why}"),
    )
}

fn not_here(section: &Section<'_>, line: &Line<'_>) -> Option<(String, String)> {
    let word = line.word(0);
    if section.kind == "global"
        && let Some((_, why)) = NOT_HERE.iter().find(|(name, _)| *name == word)
        // `stats maxconn` and the like open nothing.
        && (word != "stats" || line.word(1) == "socket")
    {
        return Some(silenced(line, why));
    }
    let (_, words) = ELSEWHERE.iter().find(|(kind, _)| *kind == section.kind)?;
    words
        .contains(&word)
        .then(|| silenced(line, "nothing of it leaves the machine"))
}

/// The lab's address instead of its own, on the loopback interface.
fn bind(line: &Line<'_>, site: &Site, first: bool) -> Option<(String, String)> {
    let old = line.word(1);
    if old.starts_with(['/', '@']) || old.contains('@') {
        return None; // a Unix socket, or a descriptor
    }
    let to = match first {
        true => site.listen,
        false => SocketAddr::new(loopback(site), free_port(old, site)),
    };
    let mut words = line.replace(1, &to.to_string());
    let mut why = format!("bind {old} became {to}");
    // The lab's load speaks plain HTTP.
    if first && let Some(at) = (2..line.len()).find(|at| line.word(*at) == "ssl") {
        words = format!("{}\n", line.cut(at).replace(1, &to.to_string()));
        why += ", without TLS: the load speaks none";
    }
    Some((words, why))
}

fn loopback(site: &Site) -> IpAddr {
    match site.listen.ip() {
        ip if ip.is_loopback() => ip,
        _ => IpAddr::from([127, 0, 0, 1]),
    }
}

/// Its own port, out of the way of the lab's and of those that are not everybody's.
fn free_port(old: &str, site: &Site) -> u16 {
    let port = old
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<u16>().ok())
        .unwrap_or(20_000);
    match port {
        0..1024 => port + 20_000,
        _ if port == site.listen.port() => port.saturating_add(1),
        _ => port,
    }
}

/// The lab's routers answer checks at /health.
fn path(line: &Line<'_>, from: usize) -> Option<(String, String)> {
    let at = (from..line.len()).find(|at| line.word(*at).starts_with('/'))?;
    let old = line.word(at);
    (old != "/health").then(|| {
        (
            line.replace(at, "/health"),
            format!("check of {old} became /health, which routers answer"),
        )
    })
}

#[cfg(test)]
mod tests;
