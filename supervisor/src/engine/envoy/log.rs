//! PURE: what Envoy logs: a line for each attempt, one for each request behind those of its attempts (before the last of
//! them where the client went away), and the events of its health checks and outlier detection.

use super::super::{Attempt, Seen, Site, Told, Wall};
use super::belief::socket_address;
use router::record::{Belief, Cause, Detector};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

/// Joins the lines of one life, by the client's connection: it has one request at a time.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: BTreeMap<u64, Open>,
    /// Requests that are over, by clients that went away, with their attempts: the line of the last is still to come.
    gone: BTreeMap<u64, u32>,
    /// Connections to routers that have carried a request.
    used: BTreeSet<u64>,
    /// What keeps each router out of use: its checks, an ejection.
    out: BTreeMap<String, (bool, bool)>,
}

/// A request that is not over.
#[derive(Debug, Default)]
struct Open {
    attempts: u32,
    /// The last one was given up by Envoy: the request's own line says why.
    given_up: Option<Attempt>,
}

/// So many connections are remembered, the latest: far more than are open at a time.
const REMEMBERED: usize = 100_000;

/// See `observe::line`. Envoy writes `null` for what it has not.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    of: &'a str,
    id: Option<String>,
    start: &'a str,
    client: Option<u64>,
    port: Option<u16>,
    host: Option<&'a str>,
    connection: Option<u64>,
    status: Option<u16>,
    flags: Option<&'a str>,
    failure: Option<String>,
}

impl Log {
    pub(super) fn line(&mut self, line: &str, site: &Site, wall: Wall) -> Vec<Told> {
        if let Ok(line) = serde_json::from_str::<Line<'_>>(line) {
            return match line.of {
                "attempt" => self.attempt(&line, site, wall),
                "connection" => connection(&line, site, wall),
                _ => self.request(&line, site, wall),
            };
        }
        let event = serde_json::from_str::<Value>(line).ok();
        let seen = event.and_then(|event| {
            let seen = check_event(&event, site, wall).or_else(|| outlier_event(&event, site, wall))?;
            Some(self.together(seen))
        });
        seen.map(Told::Belief).into_iter().collect()
    }

    /// An ejection that ends does not bring a router back whose checks fail, nor the other way round.
    fn together(&mut self, mut seen: Seen) -> Seen {
        let (failed, ejected) = self.out.entry(seen.router.clone()).or_default();
        match seen.by {
            Detector::Passive => *ejected = seen.belief == Belief::Ejected,
            _ => *failed = seen.belief == Belief::Down,
        }
        seen.belief = match (*failed, *ejected) {
            (true, _) => Belief::Down,
            (false, true) => Belief::Ejected,
            (false, false) => Belief::Up,
        };
        seen
    }

    fn attempt(&mut self, line: &Line<'_>, site: &Site, wall: Wall) -> Vec<Told> {
        let reused = self.reused(line);
        let client = line.client.unwrap_or(0);
        let attempt = line
            .attempt(site, wall)
            .map(|attempt| Attempt { reused, ..attempt });
        if let Some(nth) = self.gone.remove(&client) {
            let cause = Some(Cause::ClientGone);
            let attempt = attempt.map(|attempt| Attempt {
                nth,
                cause,
                ..attempt
            });
            return attempt.map(Told::Attempt).into_iter().collect();
        }
        let open = self.requests.entry(client).or_default();
        open.attempts += 1;
        let nth = open.attempts;
        let attempt = attempt.map(|attempt| Attempt { nth, ..attempt });
        if line.flags().next().is_none() && !line.answered() {
            open.given_up = attempt;
            return Vec::new();
        }
        attempt.map(Told::Attempt).into_iter().collect()
    }

    fn request(&mut self, line: &Line<'_>, site: &Site, wall: Wall) -> Vec<Told> {
        let client = line.client.unwrap_or(0);
        let Open {
            mut attempts,
            given_up,
        } = self.requests.remove(&client).unwrap_or_default();
        let has = |wanted| line.flags().any(|flag| flag == wanted);
        let tried = line.host.and_then(|host| site.at(host.parse().ok()?)).is_some();
        let mut told = Vec::new();
        if let Some(attempt) = given_up {
            let cause = if has("UT") {
                Cause::ResponseTimeout
            } else {
                Cause::ClientGone
            };
            told.push(Told::Attempt(Attempt {
                cause: Some(cause),
                ..attempt
            }));
        } else if has("DC") && tried && !line.answered() {
            attempts += 1;
            self.gone.insert(client, attempts);
            if self.gone.len() > REMEMBERED {
                self.gone.pop_first();
            }
        }
        if attempts == 0 {
            told.push(line.unrouted(wall));
        }
        told.push(Told::Request { attempts });
        told
    }

    fn reused(&mut self, line: &Line<'_>) -> bool {
        let Some(connection) = line.connection.filter(|connection| *connection > 0) else {
            return false;
        };
        let reused = !self.used.insert(connection);
        if self.used.len() > REMEMBERED {
            self.used.pop_first();
        }
        reused
    }
}

/// mode=tcp has no lines of attempts: a connection is one.
fn connection(line: &Line<'_>, site: &Site, wall: Wall) -> Vec<Told> {
    let Some(attempt) = line.attempt(site, wall) else {
        return vec![line.unrouted(wall), Told::Request { attempts: 0 }];
    };
    let port = line.port;
    vec![
        Told::Attempt(Attempt { port, ..attempt }),
        Told::Request { attempts: 1 },
    ]
}

impl<'a> Line<'a> {
    fn unrouted(&self, wall: Wall) -> Told {
        let at = wall.at(seconds(self.start).unwrap_or_default());
        let request = self.request();
        Told::Unrouted { request, at }
    }

    /// A response had begun.
    fn answered(&self) -> bool {
        self.status.is_some_and(|status| status > 0)
    }

    fn request(&self) -> Option<u64> {
        self.id.as_deref()?.parse().ok()
    }

    fn flags(&self) -> impl Iterator<Item = &'a str> {
        let flags = self.flags.unwrap_or("-").split(',');
        flags.filter(|flag| *flag != "-" && !flag.is_empty())
    }

    /// `None`: there was no router to try, or it is not one of the lab's.
    fn attempt(&self, site: &Site, wall: Wall) -> Option<Attempt> {
        let seat = site.at(self.host?.parse().ok()?)?;
        Some(Attempt {
            request: self.request(),
            router: seat.name.clone(),
            started: wall.at(seconds(self.start)?),
            cause: self.cause(),
            reused: false,
            status: self.status.filter(|status| *status > 0),
            nth: 1,
            port: None,
            reckoned: false,
        })
    }

    /// Envoy's response flags. It has one word, UC, for a connection that ended in order and one that was reset.
    fn cause(&self) -> Option<Cause> {
        let ended = |before| Some(if self.answered() { Cause::Cut } else { before });
        let flagged = self.flags().find_map(|flag| match flag {
            "UF" if self.failure.as_ref().is_some_and(|why| why.contains("refused")) => Some(Cause::Refused),
            "UF" if self.failure.is_none() => Some(Cause::ConnectTimeout),
            "UF" => Some(Cause::Reset),
            "UC" => ended(Cause::Eof),
            "UR" => ended(Cause::Reset),
            "UPE" => ended(Cause::Malformed),
            "UT" => Some(Cause::ResponseTimeout),
            "DC" => Some(Cause::ClientGone),
            _ => None,
        });
        flagged.or_else(|| matches!(self.status, Some(500..=599)).then_some(Cause::Status5xx))
    }
}

/// A change of a host's health: `eject_unhealthy_event`, `add_healthy_event`, and a first check that failed.
fn check_event(event: &Value, site: &Site, wall: Wall) -> Option<Seen> {
    let traffic = socket_address(&event["host"])?;
    // It names the address that it checks.
    let seat = site
        .routers
        .iter()
        .find(|seat| seat.health == traffic || seat.traffic == traffic)?;
    let why = |failure: &Value| match (
        failure["failure_type"].as_str(),
        failure["http_status_code"].as_u64(),
    ) {
        (Some("ACTIVE"), Some(status)) => format!("a check was answered with {status}"),
        (Some("NETWORK_TIMEOUT"), _) => "checks were not answered".to_owned(),
        _ => "checks failed".to_owned(),
    };
    let (belief, reason) = if let Some(added) = event.get("add_healthy_event") {
        let first = added["first_check"].as_bool() == Some(true);
        let reason = if first {
            "its first check passed"
        } else {
            "its checks passed"
        };
        (Belief::Up, reason.to_owned())
    } else if let Some(ejected) = event.get("eject_unhealthy_event") {
        (Belief::Down, why(ejected))
    } else {
        let failed = event.get("health_check_failure_event")?;
        (failed["first_check"].as_bool()?).then_some(())?;
        (Belief::Down, format!("its first check failed: {}", why(failed)))
    };
    Some(Seen {
        router: seat.name.clone(),
        belief,
        reason,
        by: Detector::Poll,
        at: stamp(event, wall),
    })
}

/// `action` EJECT counts only where it was `enforced`.
fn outlier_event(event: &Value, site: &Site, wall: Wall) -> Option<Seen> {
    let seat = site.at(event["upstream_url"].as_str()?.parse().ok()?)?;
    let (belief, reason) = match event["action"].as_str()? {
        "EJECT" if event["enforced"].as_bool() == Some(true) => {
            let kind = event["type"].as_str().unwrap_or("OUTLIER");
            (Belief::Ejected, kind.to_lowercase().replace('_', " "))
        }
        "UNEJECT" => (Belief::Up, "its ejection is over".to_owned()),
        _ => return None,
    };
    Some(Seen {
        router: seat.name.clone(),
        belief,
        reason,
        by: Detector::Passive,
        at: stamp(event, wall),
    })
}

fn stamp(event: &Value, wall: Wall) -> Option<router::clock::Timestamp> {
    let time = humantime::parse_rfc3339(event["timestamp"].as_str()?).ok()?;
    Some(wall.at(time.duration_since(UNIX_EPOCH).ok()?))
}

/// `1795703043.798154000`: a float would lose the last digits.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, nanos) = text.split_once('.')?;
    Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
}

#[cfg(test)]
mod tests;
