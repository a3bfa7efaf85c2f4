//! PURE, but for [`include`]: makes a configuration of the user's own one for the lab: the listener moved, the servers of `upstream` blocks
//! replaced, logs and files that the lab needs, what leaves the machine left out; everything else stays as it is.

mod include;
mod loopback;
mod reading;

use super::super::{Adopted, Beyond, Site};
use super::log;
use super::tokens::{self, Directive};
use std::ops::Range;
use std::path::Path;

pub(super) fn adopt(text: &str, site: &Site) -> Result<Adopted, String> {
    let home = site.own.as_deref().and_then(Path::parent);
    let (text, read) = include::expand(text, home.unwrap_or(Path::new("/")))?;
    let text = text.as_str();
    let directives = tokens::parse(text)?;
    let http = directives
        .iter()
        .find(|each| each.name == "http")
        .ok_or("expected an `http { … }` block with an `upstream` and a `server` in it")?;
    let mut edits = Edits::default();
    let all = loopback::all(&directives);
    for pattern in read {
        edits.note(format!(
            "`include {pattern}` is read into it: what it says counts, too"
        ));
    }
    upstreams(http, site, text, &mut edits)?;
    listeners(http, site, &mut edits)?;
    files(&all, site, &mut edits);
    let named: Vec<_> = http
        .below()
        .into_iter()
        .filter(|each| each.name == "upstream")
        .collect();
    let named: Vec<&str> = named.into_iter().map(|each| each.argument(0)).collect();
    loopback::confine(&all, &named, site, text, &mut edits)?;
    loopback::hosts(std::slice::from_ref(http), &named, false, text, &mut edits);
    for name in ["daemon", "master_process", "worker_processes", "user", "pid"] {
        edits.remove(directives.iter().filter(|each| each.name == name), name);
    }
    edits.insert(0, format!("{}\n", super::main_directives(site)));
    if let Some(block) = &http.block {
        let temp = super::temp_paths(site);
        edits.insert(block.start, format!("\n{}{temp}", log::directives(site)));
    }
    edits.note("it runs in the foreground with one worker and logs to the lab".to_owned());
    let (text, changes) = edits.apply(text);
    let (settings, beyond) = reading::reading(http);
    Ok(Adopted {
        text,
        changes,
        settings,
        // Only failed attempts take a router out: whoever decides where they go decides when.
        beyond: Beyond {
            detection: beyond,
            losses: Vec::new(),
        },
    })
}

/// The n-th router takes the place of the n-th server in use, with its options; further routers are like the last that is
/// no backup.
fn upstreams(http: &Directive, site: &Site, text: &str, edits: &mut Edits) -> Result<(), String> {
    let blocks: Vec<_> = http
        .below()
        .into_iter()
        .filter(|each| each.name == "upstream")
        .collect();
    if blocks.is_empty() {
        return Err(
            "expected an `upstream NAME { server …; }` block, in this file and not in one that it includes: \
                    its servers are where the lab's routers go"
                .to_owned(),
        );
    }
    for block in blocks {
        let name = block.argument(0);
        let below = block.below();
        let servers: Vec<_> = below.into_iter().filter(|each| each.name == "server").collect();
        if servers.is_empty() {
            return Err(format!("expected a `server …;` in `upstream {name}`"));
        }
        let has = |server: &Directive, option: &str| server.arguments.iter().any(|word| word.text == option);
        let used: Vec<&Directive> = servers
            .iter()
            .copied()
            .filter(|each| !has(each, "down"))
            .collect();
        let active = used.iter().copied().rfind(|each| !has(each, "backup"));
        let like = active.or(used.last().copied()).unwrap_or(servers[0]);
        let mut lines = Vec::new();
        for (n, seat) in site.routers.iter().enumerate() {
            let server = used.get(n).copied().unwrap_or(like);
            let options = server.arguments.iter().skip(1);
            // A router has an address, and is in use.
            let named = |word: &str| matches!(word, "down" | "resolve") || word.starts_with("service=");
            let options: String = options
                .filter(|word| !named(&word.text))
                .map(|word| format!(" {}", &text[word.span.clone()]))
                .collect();
            lines.push(format!("server {}{options};", seat.traffic));
        }
        let first = servers[0].span.clone();
        edits.replace(first, lines.join("\n    "));
        for server in &servers[1..] {
            edits.replace(server.span.clone(), String::new());
        }
        let (before, now) = (servers.len(), site.routers.len());
        edits.note(format!(
            "the {before} servers of `upstream {name}` are the lab's {now} routers"
        ));
    }
    Ok(())
}

fn listeners(http: &Directive, site: &Site, edits: &mut Edits) -> Result<(), String> {
    let below = http.below();
    let servers: Vec<_> = below
        .into_iter()
        .filter(|each| each.name == "server" && each.block.is_some())
        .collect();
    if servers.is_empty() {
        return Err("expected a `server { listen …; … }` block: it is where the lab's clients go".to_owned());
    }
    for server in servers {
        let below = server.below();
        let listens: Vec<_> = below.into_iter().filter(|each| each.name == "listen").collect();
        let tls = |each: &&&Directive| {
            each.arguments
                .iter()
                .any(|word| matches!(word.text.as_str(), "ssl" | "quic"))
        };
        if let Some(listen) = listens.iter().find(tls) {
            let port = listen.argument(0);
            return Err(format!(
                "expected plain HTTP, but `listen {port}` speaks TLS, which the lab's clients do not"
            ));
        }
        let words = |each: &Directive| -> String {
            let options = each.arguments.iter().skip(1).map(|word| word.text.as_str());
            // What only an address of IPv6, or of the system's, can have.
            let options = options.filter(|word| !word.starts_with("ipv6only"));
            options.map(|word| format!(" {word}")).collect()
        };
        let Some((first, rest)) = listens.split_first() else {
            let start = server
                .block
                .as_ref()
                .map_or(server.span.start, |block| block.start);
            edits.insert(start, format!("\n    listen {};", site.listen));
            continue;
        };
        let listen = format!("listen {}{};", site.listen, words(first));
        edits.note(format!("`listen {}` is `{listen}`", first.argument(0)));
        edits.replace(first.span.clone(), listen);
        edits.remove(rest.iter().copied(), "listen");
    }
    Ok(())
}

/// Files of the system's are not written.
fn files(all: &[&Directive], site: &Site, edits: &mut Edits) {
    for each in all {
        match each.name.as_str() {
            "access_log" if each.argument(0) == "off" => {}
            "access_log" => edits.replace(each.span.clone(), log::access_directive(site)),
            "error_log" => edits.replace(each.span.clone(), String::new()),
            name if name.ends_with("_temp_path") => edits.replace(each.span.clone(), String::new()),
            _ => {}
        }
    }
}

/// Changes of a text. Where one lies in another, the outer one counts.
#[derive(Debug, Default)]
struct Edits {
    edits: Vec<(Range<usize>, String)>,
    notes: Vec<String>,
}

impl Edits {
    fn replace(&mut self, span: Range<usize>, with: String) {
        self.edits.push((span, with));
    }

    fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    fn remove<'a>(&mut self, directives: impl Iterator<Item = &'a Directive>, name: &str) {
        for each in directives {
            self.note(format!("`{name} {}` is left out", each.argument(0)));
            self.replace(each.span.clone(), String::new());
        }
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    fn apply(mut self, text: &str) -> (String, Vec<String>) {
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let (mut out, mut at) = (String::new(), 0);
        for (span, with) in self.edits {
            if span.start < at {
                continue;
            }
            out.push_str(&text[at..span.start]);
            // Lines keep their numbers: nginx's messages are about the user's.
            let words: Vec<&str> = with.lines().map(str::trim).collect();
            out.push_str(&words.join(" "));
            let lines = text[span.clone()].matches('\n').count();
            out.push_str(&"\n".repeat(lines));
            at = span.end;
        }
        out.push_str(&text[at..]);
        (out, self.notes)
    }
}

#[cfg(test)]
mod tests;
