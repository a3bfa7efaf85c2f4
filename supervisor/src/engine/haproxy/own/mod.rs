//! PURE: a configuration of the user's own, made one for the lab.
//!
//! [`lines`] cuts it into sections and words, [`servers`] rewrites its servers, [`loopback`] keeps the rest of it on this
//! machine, [`reading`] says what it means in the words of settings. What is not named in the changes is left byte for byte
//! as it was; lines keep their numbers.

mod lines;
mod loopback;
mod reading;
mod servers;

use crate::engine::{Adopted, Site};
use lines::{Line, Section};
use loopback::silenced;
use std::net::{IpAddr, SocketAddr};

const EXPECTED: &str = "expected a frontend with `default_backend NAME` (or `use_backend NAME if …`) and `backend NAME` \
                        with its servers, or a `listen` section with both, as HAProxy has them";

pub fn adopt(text: &str, site: &Site) -> Result<Adopted, String> {
    let sections = lines::sections(text);
    let (entry, reached, taken) = reached(&sections)?;
    let mut changes = Vec::from_iter(taken);
    let mut out = String::with_capacity(text.len() + 256);
    for (n, section) in sections.iter().enumerate() {
        let (mut bound, mut named) = (false, None);
        let mut servers = servers::Servers::new(site);
        for line in &section.lines {
            let word = line.word(0);
            loopback::written_out(line)?;
            let new = match word {
                "log" if line.plain(1) != "global" => {
                    Some(silenced(line, "its log is kept with the results"))
                }
                "bind" if n == entry || section.kind == "frontend" || section.kind == "listen" => {
                    if let Some(why) = unbindable(line) {
                        changes.push(format!("line {}: `{}` left out: {why}", line.number, line.body()));
                        named.get_or_insert(line);
                        out += &silenced(line, why).0;
                        continue;
                    }
                    let moved = bind(line, site, n == entry && !bound);
                    bound |= n == entry;
                    moved
                }
                "server" | "server-template" if n == reached => Some(servers.next(line)),
                "server" | "server-template" if section.kind == "backend" || section.kind == "listen" => {
                    Some(servers::elsewhere(line))
                }
                "default-server" if section.kind != "peers" => servers::defaults(line),
                "use-server" if n == reached && !kept(section, site).contains(&line.plain(1)) => {
                    Some(silenced(line, "more servers than routers"))
                }
                "option" if line.word(1) == "httpchk" && applies(section, n, reached) => path(line, 2),
                "http-check" if line.word(1) == "send" && applies(section, n, reached) => path(line, 2),
                _ => loopback::confine(section, line)?,
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
        if n == entry
            && !bound
            && let Some(line) = named
        {
            return Err(format!(
                "line {}: no bind for the lab's clients: `{}` cannot be one; add `bind :80` to {} {}",
                line.number,
                line.body(),
                section.kind,
                section.name
            ));
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
    loopback::confined(&out)?;
    let (settings, beyond) = reading::read(&sections, reached);
    Ok(Adopted {
        text: out,
        changes,
        settings,
        beyond,
    })
}

/// Where clients come in, and where their requests go: by default, or else by the first `use_backend`, which is told.
fn reached(sections: &[Section<'_>]) -> Result<(usize, usize, Option<String>), String> {
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
            "listen" if has(section, &servers) => return Ok((n, n, None)),
            "frontend" => {
                let default = section
                    .lines
                    .iter()
                    .find(|line| line.word(0) == "default_backend");
                let named =
                    |line: &Line<'_>| Some(backends().find(|(_, backend)| backend.name == line.plain(1))?.0);
                let found = match default {
                    Some(line) => named(line).map(|backend| (backend, None)),
                    None => used(section, named).or_else(|| only(section, backends())),
                };
                if let Some((backend, taken)) = found {
                    return Ok((n, backend, taken));
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

/// Without a `default_backend`: the first backend that a rule names, and what that means.
fn used<'a>(
    section: &Section<'a>,
    named: impl Fn(&Line<'a>) -> Option<usize>,
) -> Option<(usize, Option<String>)> {
    let rules = section.lines.iter().filter(|line| line.word(0) == "use_backend");
    let (line, backend) = rules.filter_map(|line| Some((line, named(line)?))).next()?;
    let taken = format!(
        "line {}: there is no default_backend, so backend {} has the lab's routers; requests that no `use_backend` \
         matches are answered 503",
        line.number,
        line.plain(1)
    );
    Some((backend, Some(taken)))
}

/// Where rules pick one by what requests say, there is no choice if there is only one.
fn only<'a, 'b: 'a>(
    section: &Section<'_>,
    mut backends: impl Iterator<Item = (usize, &'a Section<'b>)>,
) -> Option<(usize, Option<String>)> {
    let rules = section.lines.iter().any(|line| line.word(0) == "use_backend");
    let (backend, _) = backends.next().filter(|_| rules)?;
    backends.next().is_none().then_some((backend, None))
}

/// Names of the servers that become routers.
fn kept<'a>(section: &Section<'a>, site: &Site) -> Vec<&'a str> {
    let servers = section.lines.iter().filter(|line| line.word(0) == "server");
    servers
        .map(|line| line.word(1))
        .take(site.routers.len())
        .collect()
}

/// Checks of the lab's servers are described there.
fn applies(section: &Section<'_>, n: usize, reached: usize) -> bool {
    n == reached || section.kind == "defaults"
}

/// Why a bind cannot become an address of the lab's. A name of a Unix socket belongs to whoever runs: HAProxy would
/// rename its own socket over it.
fn unbindable(line: &Line<'_>) -> Option<&'static str> {
    if (2..line.len()).any(|at| ["crt-list", "ocsp-update"].contains(&line.plain(at))) {
        return Some("its certificates' states are asked for on other machines");
    }
    let named = |address: &str| match address.split_once('@') {
        Some((kind, _)) => !matches!(kind, "ipv4" | "ipv6"),
        None => address.starts_with('/'),
    };
    let all = line.plain(1).split(',').all(named);
    all.then_some("such a socket may be that of one that is running")
}

/// The lab's address instead of its own, on the loopback interface.
fn bind(line: &Line<'_>, site: &Site, first: bool) -> Option<(String, String)> {
    let old = line.word(1);
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
