//! PURE: nothing of a user's file may talk to another machine, run a program or write a file: what would is left out by
//! name, and what cannot be left out is refused.

use super::lines::{Line, Section};
use std::net::IpAddr;

/// A line in its place, and what people are told of it; `None`: it stays as it is.
pub type Change = Option<(String, String)>;

/// Global words that a lab cannot have: it is a child of the lab, runs as whoever started that, and answers to it only.
const NOT_HERE: [(&str, &str); 13] = [
    ("daemon", "it stays in the foreground"),
    ("master-worker", "it stays in the foreground"),
    ("chroot", "it runs as you"),
    ("user", "it runs as you"),
    ("group", "it runs as you"),
    ("uid", "it runs as you"),
    ("gid", "it runs as you"),
    ("pidfile", "it has a guard"),
    ("stats", "the lab asks it at a socket of its own"),
    ("external-check", "checks run no programs"),
    ("insecure-fork-wanted", "checks run no programs"),
    ("server-state-file", SERVERS),
    ("server-state-base", SERVERS),
];

/// Sections that talk to other machines, and the words in them that do; none named: every word.
const ELSEWHERE: [(&str, &[&str]); 7] = [
    (
        "peers",
        &["peer", "server", "bind", "default-bind", "default-server"],
    ),
    ("mailers", &["mailer"]),
    ("resolvers", &["nameserver", "parse-resolv-conf"]),
    ("ring", &["server", "backing-file"]),
    ("log-forward", &["bind", "dgram-bind"]),
    ("program", &[]),
    ("acme", &[]),
];

const MACHINE: &str = "nothing of it leaves the machine";
const SERVERS: &str = "its servers are the lab's routers";

/// What connects somewhere else than to its server: the first words of a line. Later words: any of these, none for all.
const CONNECTS: [(&str, &[&str], &str); 16] = [
    ("dispatch", &[], SERVERS),
    ("transparent", &[], SERVERS),
    ("option", &["transparent", "http_proxy"], SERVERS),
    ("source", &[], "the lab has loopback addresses only"),
    ("email-alert", &[], MACHINE),
    ("option", &["external-check"], "checks run no programs"),
    ("external-check", &[], "checks run no programs"),
    ("load-server-state-from-file", &[], SERVERS),
    ("force-persist", &[], "servers out of use are not the lab's"),
    (
        "http-request",
        &["do-resolve", "set-dst", "set-dst-port", "send-spoe-group"],
        MACHINE,
    ),
    ("http-response", &["send-spoe-group"], MACHINE),
    ("http-after-response", &["send-spoe-group"], MACHINE),
    ("tcp-response", &["send-spoe-group"], MACHINE),
    ("ocsp-update.mode", &[], MACHINE),
    ("ocsp-update.httpproxy", &[], MACHINE),
    ("httpclient.resolvers.id", &[], MACHINE),
];

/// Filters that work on what goes through them, and ask nobody.
const FILTERS: [&str; 7] = [
    "bwlim-in",
    "bwlim-out",
    "cache",
    "compression",
    "comp-req",
    "comp-res",
    "trace",
];

/// Lines that compare or print addresses, or have names that look like some, and connect to none.
const COMPARES: [&str; 30] = [
    "acl",
    "block",
    "capture",
    "declare",
    "default_backend",
    "description",
    "errorfile",
    "errorloc",
    "errorloc302",
    "errorloc303",
    "http-after-response",
    "http-check",
    "http-error",
    "http-request",
    "http-response",
    "log-format",
    "log-format-sd",
    "monitor-uri",
    "option",
    "redirect",
    "setenv",
    "presetenv",
    "stats",
    "stick",
    "tcp-check",
    "tcp-request",
    "tcp-response",
    "unique-id-format",
    "use-server",
    "use_backend",
];

/// Leaves out what leaves the machine. Servers and binds are others' business.
pub fn confine(section: &Section<'_>, line: &Line<'_>) -> Result<Change, String> {
    let word = line.word(0);
    let refuse = |why: &str| Err(format!("line {}: `{}` {why}", line.number, line.body()));
    if !word.is_empty()
        && !word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    {
        return refuse(
            "begins with a word that is put together: write it out, so that it can be seen where it leads",
        );
    }
    if word.starts_with("lua-load") {
        return refuse("runs a program that may talk to anybody: take it out, with all that uses it");
    }
    let any = |name: &str| (1..line.len()).find(|at| line.plain(*at) == name);
    if any("ocsp-update").is_some_and(|at| line.plain(at + 1) != "off") {
        return refuse("asks other machines for certificates' states: take `ocsp-update` out");
    }
    Ok(match word {
        // `tcp-request content`, `connection` and `session` have such words one further.
        "tcp-request"
            if ["do-resolve", "set-dst", "set-dst-port", "send-spoe-group"]
                .contains(&verb(line.plain(2))) =>
        {
            Some(silenced(line, MACHINE))
        }
        "filter" if !FILTERS.contains(&line.plain(1)) => Some(silenced(line, MACHINE)),
        "stick-table" | "table" => without(line, &["peers"], &[], "peers are other machines"),
        "http-check" | "tcp-check" if line.plain(1) == "connect" => without(
            line,
            &["addr", "port", "sni", "alpn", "proto"],
            &["via-socks4", "ssl", "send-proxy"],
            "routers are checked where they answer checks",
        ),
        _ => CONNECTS
            .iter()
            .find(|(first, rest, _)| {
                *first == word && (rest.is_empty() || rest.contains(&verb(line.plain(1))))
            })
            .map(|(_, _, why)| silenced(line, why))
            .or_else(|| not_here(section, line)),
    })
}

/// Refuses words that only the environment knows the number of: any of them may be an option that leads elsewhere.
pub fn written_out(line: &Line<'_>) -> Result<(), String> {
    match line.body().contains("[*]}") {
        true => Err(format!(
            "line {}: `{}` has words that are not in the file: write them out, so that it can be seen where they lead",
            line.number,
            line.body()
        )),
        false => Ok(()),
    }
}

pub fn silenced(line: &Line<'_>, why: &str) -> (String, String) {
    let body = line.body();
    (
        line.with(&format!("# resetlab: {body}")),
        format!("`{body}` left out: {why}"),
    )
}

/// Refuses an address of another machine that is left where something connects: what this file knows nothing of.
pub fn confined(text: &str) -> Result<(), String> {
    for section in super::lines::sections(text) {
        for line in &section.lines {
            let word = line.word(0);
            if COMPARES.contains(&word) || section.kind == "userlist" || word == section.kind {
                continue;
            }
            // Names and cookies of servers are often their addresses.
            let server = word.starts_with("server");
            let name = |at: &usize| server && (*at == 1 || line.plain(at - 1) == "cookie");
            let mut words = (1..line.len()).filter(|at| !name(at)).map(|at| line.plain(at));
            if let Some(other) = words.find(|word| leaves(word)) {
                return Err(format!(
                    "line {}: `{}` has an address of another machine, {other}: take it out, nothing of a lab leaves this one",
                    line.number,
                    line.body()
                ));
            }
        }
    }
    Ok(())
}

/// An address, with a port or not, that is not on the loopback interface, or the name of a host with a port.
fn leaves(word: &str) -> bool {
    let word = word.rsplit('@').next().unwrap_or(word);
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let (host, port) = word.rsplit_once(':').unwrap_or((word, ""));
    if let Some(ip) = ip(word).or_else(|| ip(host)) {
        return !ip.is_loopback();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    port.parse::<u16>().is_ok() && host.contains('.') && host.chars().all(plain)
}

/// `do-resolve(txn.ip,dns)` is a `do-resolve`.
fn verb(word: &str) -> &str {
    word.split('(').next().unwrap_or(word)
}

/// A line without words, with the values that some of them have.
fn without(line: &Line<'_>, valued: &[&str], alone: &[&str], why: &str) -> Change {
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < line.len() {
        let width = match line.plain(at) {
            word if valued.contains(&word) => 2,
            word if alone.contains(&word) => 1,
            _ => 0,
        };
        match width {
            0 => kept.push(line.word(at)),
            _ => dropped.extend((at..at + width).map(|at| line.word(at))),
        }
        at += width.max(1);
    }
    (!dropped.is_empty()).then(|| {
        (
            line.with(&kept.join(" ")),
            format!("{} without {}: {why}", line.word(0), dropped.join(" ")),
        )
    })
}

fn not_here(section: &Section<'_>, line: &Line<'_>) -> Change {
    let word = line.word(0);
    if section.kind == "global"
        && let Some((_, why)) = NOT_HERE.iter().find(|(name, _)| *name == word)
        // `stats maxconn` and the like open nothing.
        && (word != "stats" || line.word(1) == "socket")
    {
        return Some(silenced(line, why));
    }
    let (_, words) = ELSEWHERE.iter().find(|(kind, _)| *kind == section.kind)?;
    let goes = !word.is_empty() && (words.is_empty() || words.contains(&word));
    goes.then(|| silenced(line, MACHINE))
}

#[cfg(test)]
mod tests;
