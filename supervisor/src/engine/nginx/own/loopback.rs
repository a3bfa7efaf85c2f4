//! PURE: nothing of a user's file may talk to another machine, run code or write files: what would is left out by name,
//! and what cannot be left out is refused.

use super::super::super::Site;
use super::super::tokens::Directive;
use super::{Edits, include};

/// Left out wherever they stand. nginx's own directives end there that connect, besides those for requests (`…_pass`).
const OUT: [(&str, &str); 20] = [
    ("stream", "the lab's load speaks HTTP"),
    ("mail", "the lab's load speaks HTTP"),
    ("mgmt", MACHINE),
    ("resolver", MACHINE),
    ("resolver_timeout", MACHINE),
    ("auth_request", SERVICE),
    ("mirror", SERVICE),
    ("health_check", SERVICE),
    ("ssl_stapling", MACHINE),
    ("ssl_stapling_responder", MACHINE),
    ("ssl_ocsp", MACHINE),
    ("ssl_ocsp_responder", MACHINE),
    ("dav_methods", FILES),
    ("proxy_store", FILES),
    ("fastcgi_store", FILES),
    ("uwsgi_store", FILES),
    ("scgi_store", FILES),
    ("state", FILES),
    ("lock_file", FILES),
    ("google_perftools_profiles", FILES),
];

const MACHINE: &str = "nothing of it leaves the machine";
const SERVICE: &str = "the lab has no other service than its routers";
const FILES: &str = "nothing is written outside of the lab's directory";

/// Code and modules that connect wherever they like.
const CODE: [&str; 9] = [
    "js_",
    "perl",
    "lua_",
    "otel_",
    "opentracing",
    "opentelemetry",
    "zipkin",
    "acme_",
    "passenger",
];

/// Modules that work on what they are given.
const MODULES: [&str; 9] = [
    "geoip",
    "image_filter",
    "xslt_filter",
    "brotli",
    "headers_more",
    "stream_module",
    "mail_module",
    "zstd",
    "subs_filter",
];

/// Blocks of data, whose words are no directives.
const DATA: [&str; 5] = ["map", "geo", "types", "split_clients", "charset_map"];

/// Every directive of any depth, without those of blocks that are data or left out.
pub(super) fn all(directives: &[Directive]) -> Vec<&Directive> {
    let mut found = Vec::new();
    for each in directives {
        found.push(each);
        let skipped = DATA.contains(&each.name.as_str()) || out(each).is_some();
        if let Some(block) = each.block.as_ref().filter(|_| !skipped) {
            found.extend(all(&block.directives));
        }
    }
    found
}

/// Keeps on this machine all that does not go to an `upstream`: those are the lab's routers.
pub(super) fn confine(
    all: &[&Directive],
    upstreams: &[&str],
    site: &Site,
    text: &str,
    edits: &mut Edits,
) -> Result<(), String> {
    let mut caches = 0;
    for each in all {
        let name = each.name.as_str();
        let place = || include::place(text, each.span.start);
        let whole = || match &each.block {
            Some(_) => format!("{name} {{ … }}"),
            None => text[each.span.clone()].trim_end_matches(';').to_owned(),
        };
        if CODE.iter().any(|code| name.starts_with(code)) || name.contains("_by_lua") {
            return Err(format!(
                "{}: `{}` runs code that may talk to anybody: take it out, with all that uses it",
                place(),
                whole()
            ));
        }
        if let Some(why) = out(each) {
            edits.note(format!("{}: `{}` is left out: {why}", place(), whole()));
            edits.replace(each.span.clone(), String::new());
        } else if name.ends_with("_cache_path")
            && let Some(path) = each.arguments.first()
        {
            caches += 1;
            let own = site.dir.join(format!("cache-{caches}"));
            edits.note(format!(
                "{}: the cache of {} is at {}",
                place(),
                path.text,
                own.display()
            ));
            edits.replace(path.span.clone(), format!("\"{}\"", own.display()));
        } else if name.ends_with("_pass") {
            pass(each, upstreams, text, edits)?;
        }
    }
    Ok(())
}

/// Where the name of an upstream goes as `Host`, and what to add: the lab's routers know the load's hosts only.
pub(super) fn hosts(directives: &[Directive], upstreams: &[&str], said: bool, text: &str, edits: &mut Edits) {
    let named = |name: &'static str| directives.iter().filter(move |each| each.name == name);
    // Headers of the level above count only where there are none.
    let said = match named("proxy_set_header").next() {
        None => said,
        Some(_) => named("proxy_set_header").any(|each| each.argument(0).eq_ignore_ascii_case("host")),
    };
    for each in named("proxy_pass").filter(|_| !said) {
        if let Some(host) = upstream(each.argument(0), upstreams) {
            edits.note(format!(
                "{}: `proxy_pass {}` sends `Host: {host}`, which the lab's routers answer 404: add `proxy_set_header Host \
                 $host;` beside it",
                include::place(text, each.span.start),
                each.argument(0),
            ));
        }
    }
    for block in directives.iter().filter_map(|each| each.block.as_ref()) {
        hosts(&block.directives, upstreams, said, text, edits);
    }
}

/// Why it is left out.
fn out(directive: &Directive) -> Option<&'static str> {
    let name = directive.name.as_str();
    if directive.argument(0) == "off" {
        return None;
    }
    if name == "load_module" {
        let known = MODULES
            .iter()
            .any(|module| directive.argument(0).contains(module));
        return (!known).then_some("what it connects to cannot be seen");
    }
    if name.ends_with("_bind") {
        return Some("the lab has loopback addresses only");
    }
    Some(OUT.iter().find(|(each, _)| *each == name)?.1)
}

fn pass(directive: &Directive, upstreams: &[&str], text: &str, edits: &mut Edits) -> Result<(), String> {
    let (name, to) = (directive.name.as_str(), directive.argument(0));
    let place = || include::place(text, directive.span.start);
    if upstream(to, upstreams).is_some() {
        if let Some(rest) = to.strip_prefix("https://")
            && let Some(word) = directive.arguments.first()
        {
            edits.note(format!(
                "{}: `{name} {to}` is without TLS: the lab's routers speak none",
                place()
            ));
            edits.replace(word.span.clone(), format!("\"http://{rest}\""));
        }
        return Ok(());
    }
    let host = to.split_once("://").map_or(to, |(_, host)| host);
    if to.is_empty() || host.split('/').next().is_some_and(|host| host.contains('$')) {
        return Err(format!(
            "{}: `{name} {to}` may lead to anybody: write the name of an `upstream` there",
            place()
        ));
    }
    edits.note(format!(
        "{}: `{name} {to}` answers 502: only upstreams lead to the lab's routers",
        place()
    ));
    edits.replace(directive.span.clone(), "return 502;".to_owned());
    Ok(())
}

/// The upstream that `http://name/path` leads to. What follows the name is a path, whatever a variable says.
fn upstream<'a>(to: &'a str, upstreams: &[&str]) -> Option<&'a str> {
    let host = to.split_once("://").map_or(to, |(_, host)| host);
    let end = host.find(['/', '$']).unwrap_or(host.len());
    let (name, rest) = host.split_at(end);
    let path = rest.is_empty()
        || rest.starts_with('/')
        || rest.starts_with("$request_uri")
        || rest.starts_with("$uri");
    (path && upstreams.iter().any(|each| each.eq_ignore_ascii_case(name))).then_some(name)
}

#[cfg(test)]
mod tests;
