//! PURE: what nginx logs: a line for each request with all its attempts, and before it one for each of them that failed.

use super::super::{Attempt, Seen, Site, Told, Wall};
use router::record::{Belief, Cause, Detector};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// Joins the lines of one life. Both logs go to one pipe and one worker writes them, so that errors are heard before
/// the request that they belong to; `connection` is the same in both.
#[derive(Debug, Default)]
pub(super) struct Log {
    errors: BTreeMap<u64, Vec<(Option<SocketAddr>, Cause)>>,
    /// Routers that it has disabled, by the request that was the last straw, and when that failed. nginx never says that
    /// one is back: a request that it serves does.
    disabled: BTreeMap<SocketAddr, (u64, Option<Duration>)>,
}

/// Requests whose end is never logged (the worker died) are not kept for ever.
const KEPT: usize = 100_000;

/// One line of the access log. Lists have an element for each attempt.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    connection: u64,
    /// Seconds since 1970 with milliseconds, when the request was over.
    end: &'a str,
    /// Seconds from its first byte to the end.
    took: &'a str,
    status: &'a str,
    id: &'a str,
    routers: &'a str,
    statuses: &'a str,
    /// Seconds of each attempt.
    times: &'a str,
    /// Seconds until each was connected; `-`: never.
    connects: &'a str,
    /// Seconds until the response head of each; `-`: never.
    heads: &'a str,
}

/// The access log for `http`.
pub(super) fn directives(site: &Site) -> String {
    let mut text = format!("  {}\n", format_directive());
    let _ = writeln!(text, "  {}", access_directive(site));
    text
}

/// The format by itself.
pub(super) fn format_directive() -> String {
    let fields = [
        ("end", "msec"),
        ("took", "request_time"),
        ("status", "status"),
        ("id", "http_x_resetlab_request"),
        ("routers", "upstream_addr"),
        ("statuses", "upstream_status"),
        ("times", "upstream_response_time"),
        ("connects", "upstream_connect_time"),
        ("heads", "upstream_header_time"),
    ]
    .map(|(name, variable)| format!(r#","{name}":"${variable}""#))
    .concat();
    format!(r#"log_format resetlab escape=json '{{"connection":$connection{fields}}}';"#)
}

pub(super) fn access_directive(site: &Site) -> String {
    format!("access_log \"{}\" resetlab;", site.log().display())
}

/// To stderr for people, which the guard keeps; to the lab's pipe for the causes of failed attempts, and for
/// the routers that are out of use because of them.
pub(super) fn error_directives(site: &Site) -> String {
    format!(
        "error_log stderr notice;\nerror_log \"{}\" warn;",
        site.log().display()
    )
}

impl Log {
    pub(super) fn line(&mut self, text: &str, site: &Site, wall: Wall) -> Vec<Told> {
        match text.starts_with('{') {
            true => {
                serde_json::from_str(text).map_or_else(|_| Vec::new(), |line| self.request(&line, site, wall))
            }
            false => self.error(text, site),
        }
    }

    fn error(&mut self, text: &str, site: &Site) -> Vec<Told> {
        let connection = text.split_once(" *").and_then(|(_, rest)| {
            let digits = rest.split_once(' ')?.0;
            digits.parse::<u64>().ok()
        });
        let router: Option<SocketAddr> = text
            .split_once("upstream: \"http://")
            .and_then(|(_, rest)| rest.split_once('/')?.0.parse().ok());
        let Some(connection) = connection else {
            return Vec::new();
        };
        if text.contains("upstream server temporarily disabled") {
            let Some((address, seat)) = router.and_then(|address| Some((address, site.at(address)?))) else {
                return Vec::new();
            };
            self.disabled.insert(address, (connection, None));
            return vec![Told::Belief(Seen {
                router: seat.name.clone(),
                belief: Belief::Ejected,
                reason: "temporarily disabled".to_owned(),
                by: Detector::Passive,
                // The line has whole seconds: it is heard within a millisecond.
                at: None,
            })];
        }
        if let Some(cause) = cause(text) {
            self.errors.entry(connection).or_default().push((router, cause));
        }
        if self.errors.len() > KEPT {
            self.errors.pop_first();
        }
        Vec::new()
    }

    /// Notes when an attempt ended that made nginx disable its router, and whether one that served a request shows that
    /// the router is back.
    fn back(
        &mut self,
        address: SocketAddr,
        connection: u64,
        began: Duration,
        took: Duration,
        served: bool,
    ) -> bool {
        let Some((straw, since)) = self.disabled.get_mut(&address) else {
            return false;
        };
        if !served {
            if *straw == connection {
                *since = Some(began + took);
            }
            return false;
        }
        // One that began before is of another time.
        let back = since.is_some_and(|since| began >= since);
        if back {
            self.disabled.remove(&address);
        }
        back
    }

    fn request(&mut self, line: &Line<'_>, site: &Site, wall: Wall) -> Vec<Told> {
        let mut errors = self.errors.remove(&line.connection).unwrap_or_default();
        let request = line.id.parse().ok();
        let Some(end) = seconds(line.end) else {
            return Vec::new();
        };
        let mut started = end.saturating_sub(seconds(line.took).unwrap_or_default());
        let [statuses, times, connects, heads] = [line.statuses, line.times, line.connects, line.heads]
            .map(|list| list.split(", ").collect::<Vec<_>>());
        let at = |list: &[&str], n: usize| list.get(n).copied().unwrap_or("-").to_owned();
        let (mut told, mut attempts) = (Vec::new(), 0);
        for (n, router) in line.routers.split(", ").enumerate() {
            let took = seconds(&at(&times, n)).unwrap_or_default();
            let began = started;
            started += took;
            let Ok(address) = router.parse::<SocketAddr>() else {
                // The name of the upstream group: all its routers were out of use. `-`: nginx answered by itself.
                if router != "-" && !router.is_empty() {
                    let at = wall.at(began);
                    told.push(Told::Unrouted { request, at });
                }
                continue;
            };
            attempts += 1;
            let Some(seat) = site.at(address) else { continue };
            let error = errors.iter().position(|(failed, _)| *failed == Some(address));
            let error = error.map(|found| errors.remove(found).1);
            let (status, connect, head) = (at(&statuses, n), at(&connects, n), at(&heads, n));
            let status: Option<u16> = status.parse().ok();
            let answered = head != "-";
            let cause = error.or(match (answered, status) {
                (false, _) if line.status == "499" => Some(Cause::ClientGone),
                (true, Some(500..=599)) => Some(Cause::Status5xx),
                (true, _) => None,
                (false, Some(504)) if connect == "-" => Some(Cause::ConnectTimeout),
                (false, Some(504)) => Some(Cause::ResponseTimeout),
                (false, Some(_)) if connect == "-" => Some(Cause::Refused),
                (false, Some(_)) => Some(Cause::Eof),
                (false, None) => Some(Cause::ClientGone),
            });
            if self.back(address, line.connection, began, took, cause.is_none()) {
                told.push(Told::Belief(Seen {
                    router: seat.name.clone(),
                    belief: Belief::Up,
                    reason: "it served its trial".to_owned(),
                    by: Detector::Passive,
                    at: Some(wall.at(began)),
                }));
            }
            told.push(Told::Attempt(Attempt {
                request,
                router: seat.name.clone(),
                started: wall.at(began),
                cause,
                // nginx does not say.
                reused: false,
                status: status.filter(|_| answered),
                nth: attempts,
                port: None,
                reckoned: false,
            }));
        }
        told.push(Told::Request { attempts });
        told
    }
}

/// What a line of the error log says of an attempt; `None`: nothing.
fn cause(text: &str) -> Option<Cause> {
    let says = |words: &str| text.contains(words);
    if !says("upstream: \"") {
        return None;
    }
    // The head was there: what is missing is a part of the body.
    let body = says("while reading upstream") || says("while sending to client");
    if says("upstream timed out") {
        return Some(match () {
            () if says("while connecting to upstream") => Cause::ConnectTimeout,
            () if body => Cause::Cut,
            () => Cause::ResponseTimeout,
        });
    }
    if says("connect() ") && says(" failed (") {
        return Some(Cause::Refused);
    }
    let ended = says("prematurely closed connection")
        || says("(104: Connection reset by peer)")
        || says("(32: Broken pipe)");
    if ended {
        return Some(match () {
            () if body => Cause::Cut,
            () if says("prematurely closed") => Cause::Eof,
            () => Cause::Reset,
        });
    }
    (says("upstream sent invalid") || says("upstream sent no valid") || says("upstream sent too big header"))
        .then_some(Cause::Malformed)
}

/// `1795702971.266`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
