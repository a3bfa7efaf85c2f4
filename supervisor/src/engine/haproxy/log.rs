//! PURE: its log: a line for each request (connection), and one for each change of a server's health.
//!
//! One kind of request is in no line: sent on a connection used before, which ended without an answer. HAProxy closes the
//! client's connection then and says nothing (measured: of 36 requests in flight at a kill, 32), so that the client sees it
//! as `eof` and no attempt is told of.

use crate::engine::{Attempt, Seen, Site, Told, Wall};
use router::clock::Timestamp;
use router::record::{Belief, Cause, Detector};
use std::time::Duration;

/// Began (µs since 1970), request, client port, server, termination state, status, retries, connect time (ms), bytes,
/// error, ended (µs since 1970).
pub const FORMAT: &str =
    "resetlab %[var(txn.began)] %[var(txn.request)] %cp %s %ts %ST %rc %Tc %B %[bc_err] %[date(0,us)]";

/// How long it waits before it tries the same server again.
const TURN_AROUND: Duration = Duration::from_secs(1);

pub fn read(line: &str, site: &Site, wall: Wall) -> Vec<Told> {
    if let Some(fields) = line.strip_prefix("resetlab ") {
        return request(fields, site, wall).unwrap_or_default();
    }
    let seen = match line.strip_prefix("Health check for server ") {
        Some(rest) => health(rest, site),
        None => line.strip_prefix("Server ").and_then(|rest| change(rest, site)),
    };
    seen.map(Told::Belief).into_iter().collect()
}

/// What the fields of [`FORMAT`] say; `None`: it is not of that format.
fn request(fields: &str, site: &Site, wall: Wall) -> Option<Vec<Told>> {
    let fields: Vec<&str> = fields.split(' ').collect();
    let [
        began,
        request,
        port,
        server,
        ended,
        status,
        retries,
        connect,
        bytes,
        _,
        ended_at,
        ..,
    ] = fields[..]
    else {
        return None;
    };
    // A connection that asked nothing has no beginning.
    let clock = |field: &str| Some(wall.at(Duration::from_micros(field.parse().ok()?)));
    let (began, over) = (clock(began)?, clock(ended_at)?);
    let request: Option<u64> = request.parse().ok();
    let status: Option<u16> = status.parse().ok().filter(|status| *status > 0);
    let retries: u32 = retries.trim_start_matches('+').parse().ok()?;
    let Some(seat) = site.named(server) else {
        let unrouted = Told::Unrouted { request, at: began };
        return Some(vec![Told::Request { attempts: 0 }, unrouted]);
    };
    let silent = status.is_none() && bytes == "0";
    let cause = cause(ended, status, silent, connect == "-1");
    // Before a server was asked, there was no attempt.
    if ended.as_bytes().get(1) == Some(&b'R') {
        return Some(vec![Told::Request { attempts: 0 }]);
    }
    let moved = retries_moved(fields[6]);
    let attempt = |nth: u32, started: Timestamp, cause: Option<Cause>, last: bool| {
        Told::Attempt(Attempt {
            request,
            router: seat.name.clone(),
            started,
            cause,
            // Answered with a closed connection: that is what HAProxy does when a connection used before has ended.
            reused: last && request.is_some() && silent && cause.is_some(),
            status: status.filter(|_| last && (cause.is_none() || cause == Some(Cause::Status5xx))),
            nth,
            port: request.is_none().then(|| port.parse().ok()).flatten(),
            // Its line is that of the last try.
            reckoned: !last || moved,
        })
    };
    let mut told = vec![Told::Request {
        attempts: retries + 1,
    }];
    let tries = Tries {
        began,
        over,
        retries,
        moved,
        cause,
    };
    for earlier in 0..tries.untold() {
        // No connection was made: everything else that is retried goes by `retry-on`, and without a wait.
        let refused = Some(Cause::Refused);
        told.push(attempt(earlier + 1, tries.start(earlier), refused, false));
    }
    told.push(attempt(retries + 1, tries.start(retries), cause, true));
    Some(told)
}

/// `+1`: the last try was at another server.
fn retries_moved(field: &str) -> bool {
    field.starts_with('+')
}

/// The tries of one request. Its line tells how many there were, and of the last one how it ended.
struct Tries {
    began: Timestamp,
    over: Timestamp,
    retries: u32,
    /// The last one was at another server than those before.
    moved: bool,
    cause: Option<Cause>,
}

impl Tries {
    /// Those at the server of the last one that were before it.
    fn untold(&self) -> u32 {
        if self.moved { 0 } else { self.retries }
    }

    /// When the one after `earlier` others started. All of them took the same time: a refused one none, and the wait after
    /// it, which is a second, or `connect-timeout` if that is less; one that was not answered `connect-timeout`.
    fn start(&self, earlier: u32) -> Timestamp {
        let whole = self.over.since(self.began);
        let step = match (self.retries, self.cause) {
            _ if self.moved || self.retries == 0 => return self.began,
            (retries, Some(Cause::Refused)) => whole / retries,
            (retries, Some(Cause::ConnectTimeout)) => whole / (retries + 1),
            (retries, _) => TURN_AROUND.min(whole / retries),
        };
        self.began + step * earlier
    }
}

/// From the two letters of the termination state: who ended it, and when.
fn cause(ended: &str, status: Option<u16>, silent: bool, unconnected: bool) -> Option<Cause> {
    let mut letters = ended.chars();
    match (letters.next()?, letters.next()?) {
        ('S', 'C') => Some(Cause::Refused),
        ('s', 'C') => Some(Cause::ConnectTimeout),
        ('S' | 'P', 'H') => Some(Cause::Eof),
        ('s', 'H' | 'L') => Some(Cause::ResponseTimeout),
        ('S' | 's', 'D' | 'L') if silent => Some(Cause::Reset),
        ('S' | 's', 'D' | 'L') => Some(Cause::Cut),
        ('D', _) if unconnected => Some(Cause::Refused),
        ('D', _) => Some(Cause::Cut),
        ('C' | 'c', _) => Some(Cause::ClientGone),
        _ if status.is_some_and(|status| status >= 500) => Some(Cause::Status5xx),
        // A relayed connection that ended in order and said nothing.
        _ if silent => Some(Cause::Eof),
        _ => None,
    }
}

/// `b/router-2 failed, reason: Layer4 timeout, check duration: 1000ms, status: 1/3 UP.`
fn health(rest: &str, site: &Site) -> Option<Seen> {
    let (server, rest) = rest.split_once(' ')?;
    let (verdict, rest) = rest.split_once(", reason: ")?;
    let (_, status) = rest.rsplit_once("status: ")?;
    let (count, state) = status.trim_end_matches(['.', '\n']).split_once(' ')?;
    let (count, of) = count.split_once('/')?;
    let (count, of): (u32, u32) = (count.parse().ok()?, of.parse().ok()?);
    let why = rest.split(", check duration").next()?;
    let why = why.split(", status: ").next()?;
    let belief = match (state, count) {
        ("DOWN", 0) => Belief::Down,
        ("DOWN", _) => Belief::GoingUp,
        (_, count) if count >= of => Belief::Up,
        (_, _) => Belief::GoingDown,
    };
    let (what, by) = match decided(why) {
        Detector::Passive => ("requests", Detector::Passive),
        by => ("check", by),
    };
    seen(site, server, belief, format!("{what} {verdict}: {why}"), by)
}

/// Errors of requests in a row, which `observe` counts, are told like a check's.
fn decided(why: &str) -> Detector {
    match why.contains("Health analyze") {
        true => Detector::Passive,
        false => Detector::Poll,
    }
}

/// `b/router-2 is DOWN, reason: …`
fn change(rest: &str, site: &Site) -> Option<Seen> {
    let (server, rest) = rest.split_once(" is ")?;
    let belief = match rest.split([',', '.', ' ']).next()? {
        "UP" => Belief::Up,
        "DOWN" => Belief::Down,
        _ => return None,
    };
    let reason = rest.split(". ").next()?.to_owned();
    let by = decided(&reason);
    seen(site, server, belief, reason, by)
}

fn seen(site: &Site, server: &str, belief: Belief, reason: String, by: Detector) -> Option<Seen> {
    let (_, name) = server.split_once('/')?;
    let router = site.named(name)?.name.clone();
    Some(Seen {
        router,
        belief,
        reason,
        by,
        at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Wall = Wall::since_boot();

    fn told(line: &str) -> Vec<Told> {
        read(line, &Site::example(), WALL)
    }

    fn attempts(line: &str) -> Vec<(u64, u32, Option<Cause>, bool)> {
        let ended = |began: &str| format!("{line} {began}");
        let line = if line.split(' ').count() == 11 {
            ended("5002000")
        } else {
            line.to_owned()
        };
        let each = told(&line).into_iter().filter_map(|told| match told {
            Told::Attempt(Attempt {
                started,
                nth,
                cause,
                reused,
                ..
            }) => Some((started.0 / 1_000_000, nth, cause, reused)),
            _ => None,
        });
        each.collect()
    }

    /// Lines of HAProxy 2.6.12, but for the times.
    #[test]
    fn each_ending_of_a_request_has_its_cause() {
        for (line, cause) in [
            ("resetlab 5000000 7 45614 router-2 -- 200 0 0 227 0", None),
            (
                "resetlab 5000000 7 45614 router-2 SC 503 0 -1 217 0",
                Some(Cause::Refused),
            ),
            (
                "resetlab 5000000 7 45614 router-2 sC 503 0 -1 217 0",
                Some(Cause::ConnectTimeout),
            ),
            (
                "resetlab 5000000 7 45614 router-2 SH 502 0 0 208 0",
                Some(Cause::Eof),
            ),
            (
                "resetlab 5000000 7 45614 router-2 sH 504 0 0 198 0",
                Some(Cause::ResponseTimeout),
            ),
            (
                "resetlab 5000000 7 45614 router-2 SD 200 0 0 4000 0",
                Some(Cause::Cut),
            ),
            (
                "resetlab 5000000 7 45614 router-2 CD 200 0 0 4000 0",
                Some(Cause::ClientGone),
            ),
            (
                "resetlab 5000000 7 45614 router-2 -- 503 0 0 227 0",
                Some(Cause::Status5xx),
            ),
        ] {
            assert_eq!(attempts(line), [(5000, 1, cause, false)], "{line}");
        }
        for (line, cause) in [
            ("resetlab 5000000 - 45614 router-2 -- 0 0 0 227 0", None),
            ("resetlab 5000000 - 45614 router-2 -- 0 0 0 0 0", Some(Cause::Eof)),
            (
                "resetlab 5000000 - 45614 router-2 SC 0 0 -1 0 -",
                Some(Cause::Refused),
            ),
        ] {
            assert_eq!(attempts(line), [(5000, 1, cause, false)], "mode=tcp: {line}");
        }
    }

    #[test]
    fn retries_of_one_server_share_the_time_of_their_line_and_those_before_a_redispatch_are_unknown() {
        let refused = Some(Cause::Refused);
        // It waits for a second and some milliseconds before each.
        let line = "resetlab 5000000 7 45614 router-2 SC 503 2 -1 217 0 7014000";
        let all = [
            (5000, 1, refused, false),
            (6007, 2, refused, false),
            (7014, 3, refused, false),
        ];
        assert_eq!(attempts(line), all);
        assert_eq!(told(line)[0], Told::Request { attempts: 3 });
        let reckoned = |line: &str| -> Vec<bool> {
            let each = told(line).into_iter().filter_map(|told| match told {
                Told::Attempt(attempt) => Some(attempt.reckoned),
                _ => None,
            });
            each.collect()
        };
        assert_eq!(reckoned(line), [true, true, false], "only the last has a line");
        // Less than a second, where `connect-timeout` is.
        let short = "resetlab 5000000 7 45614 router-2 SC 503 2 -1 217 0 5410000";
        assert_eq!(attempts(short)[2], (5410, 3, refused, false));
        let silent = "resetlab 5000000 7 45614 router-2 sC 503 1 -1 217 0 6000000";
        assert_eq!(attempts(silent)[1], (5500, 2, Some(Cause::ConnectTimeout), false));
        // Refused once, then served for three seconds: the wait is a second.
        let served = "resetlab 5000000 7 45614 router-2 -- 200 1 1007 217 0 9000000";
        assert_eq!(
            attempts(served),
            [(5000, 1, refused, false), (6000, 2, None, false)]
        );
        let moved = "resetlab 5000000 7 45614 router-1 -- 200 +1 0 217 0 5002000";
        assert_eq!(attempts(moved), [(5000, 2, None, false)]);
        assert_eq!(told(moved)[0], Told::Request { attempts: 2 });
    }

    #[test]
    fn a_request_that_no_server_got_is_unrouted() {
        let told = told("resetlab 5000000 7 45614 <NOSRV> SC 503 0 -1 217 - 5000100");
        let at = Timestamp(5_000_000_000);
        let request = Some(7);
        assert_eq!(
            told,
            [Told::Request { attempts: 0 }, Told::Unrouted { request, at }]
        );
    }

    #[test]
    fn changes_of_health_are_beliefs() {
        let belief = |line: &str| match &told(line)[..] {
            [
                Told::Belief(Seen {
                    router, belief, by, ..
                }),
            ] => Some((router.clone(), *belief, *by)),
            _ => None,
        };
        let two = |belief| Some(("router-2".to_owned(), belief, Detector::Poll));
        let health = "Health check for server routers/router-2";
        let refused =
            "failed, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms";
        let passed = "succeeded, reason: Layer7 check passed, code: 200, check duration: 1ms";
        for (line, wanted) in [
            (
                format!("{health} {refused}, status: 1/3 UP."),
                two(Belief::GoingDown),
            ),
            (
                format!("{health} {refused}, status: 0/2 DOWN."),
                two(Belief::Down),
            ),
            (
                format!("{health} {passed}, status: 1/2 DOWN."),
                two(Belief::GoingUp),
            ),
            (format!("{health} {passed}, status: 3/3 UP."), two(Belief::Up)),
            (
                "Server routers/router-2 is DOWN. 1 active and 0 backup servers left.".to_owned(),
                two(Belief::Down),
            ),
            (
                format!(
                    "{health} failed, reason: Health analyze, info: \"Detected 5 consecutive errors, last one was: L4 \
                         unsuccessful\", status: 0/2 DOWN."
                ),
                Some(("router-2".to_owned(), Belief::Down, Detector::Passive)),
            ),
            (
                "Server routers/router-2 is UP. 2 active and 0 backup servers online.".to_owned(),
                two(Belief::Up),
            ),
            (
                "Server api/api1 is DOWN. 0 active and 0 backup servers left.".to_owned(),
                None,
            ),
            ("backend 'routers' has no server available!".to_owned(), None),
        ] {
            assert_eq!(belief(&line), wanted, "{line}");
        }
    }
}
