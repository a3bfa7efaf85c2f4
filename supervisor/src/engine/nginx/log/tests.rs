use super::super::super::Attempt;
use super::*;
use router::clock::Timestamp;

/// Lines of nginx 1.22.1 at two routers, of which the second did what the error line says.
fn told(lines: &[&str]) -> Vec<Told> {
    let wall = Wall::new(Duration::from_secs(1_795_702_970), Timestamp(0));
    let mut log = Log::default();
    let all = lines
        .iter()
        .flat_map(|line| log.line(line, &Site::example(), wall));
    all.collect()
}

fn attempts(lines: &[&str]) -> Vec<Attempt> {
    let only = |told| match told {
        Told::Attempt(attempt) => Some(attempt),
        _ => None,
    };
    told(lines).into_iter().filter_map(only).collect()
}

fn error(text: &str) -> String {
    format!(
        "2026/11/26 14:22:51 [error] 19446#19446: *8 {text}, client: 127.0.0.1, server: , request: \
         \"GET / HTTP/1.1\", upstream: \"http://127.9.1.2:8081/\", host: \"127.9.0.2:8000\""
    )
}

/// A request that had one attempt, at the second router.
fn access(status: &str, connect: &str, head: &str, took: &str) -> String {
    format!(
        r#"{{"connection":8,"end":"1795702971.500","took":"{took}","status":"{status}","id":"11","routers":"127.9.1.2:8081","statuses":"{status}","times":"{took}","connects":"{connect}","heads":"{head}"}}"#
    )
}

fn cause_of(error_text: &str, access: &str) -> Option<Cause> {
    let error = error(error_text);
    let attempts = attempts(&[error.as_str(), access]);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].router, "router-2");
    assert_eq!(attempts[0].request, Some(11));
    attempts[0].cause
}

#[test]
fn a_request_that_was_served_is_one_attempt_that_did_not_fail() {
    let line = access("200", "0.000", "0.003", "0.004");
    let told = told(&[&line]);
    let expected = Attempt {
        request: Some(11),
        router: "router-2".to_owned(),
        started: Timestamp(1_496_000_000),
        cause: None,
        reused: false,
        status: Some(200),
        nth: 1,
        port: None,
        reckoned: false,
    };
    let Told::Attempt(attempt) = &told[0] else {
        panic!("{told:?}")
    };
    // The log's times are decimal fractions: a float's distance from them is below a microsecond.
    assert!(attempt.started.0.abs_diff(expected.started.0) < 1_000);
    let attempt = Attempt {
        started: expected.started,
        ..attempt.clone()
    };
    assert_eq!(attempt, expected);
    assert_eq!(told[1..], [Told::Request { attempts: 1 }]);
}

#[test]
fn the_line_of_the_error_log_says_why_an_attempt_failed() {
    let refused = access("502", "-", "-", "0.000");
    let ended = access("502", "0.000", "-", "0.290");
    let late = access("504", "0.000", "-", "2.002");
    let never = access("504", "-", "-", "1.001");
    let cut = access("200", "0.000", "0.001", "0.001");
    for (text, line, expected) in [
        (
            "connect() failed (111: Connection refused) while connecting to upstream",
            &refused,
            Cause::Refused,
        ),
        (
            "upstream timed out (110: Connection timed out) while connecting to upstream",
            &never,
            Cause::ConnectTimeout,
        ),
        (
            "upstream prematurely closed connection while reading response header from upstream",
            &ended,
            Cause::Eof,
        ),
        (
            "recv() failed (104: Connection reset by peer) while reading response header from upstream",
            &ended,
            Cause::Reset,
        ),
        (
            "writev() failed (32: Broken pipe) while sending request to upstream",
            &ended,
            Cause::Reset,
        ),
        (
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
            &late,
            Cause::ResponseTimeout,
        ),
        (
            "upstream prematurely closed connection while reading upstream",
            &cut,
            Cause::Cut,
        ),
        (
            "upstream sent no valid HTTP/1.0 header while reading response header from upstream",
            &ended,
            Cause::Malformed,
        ),
    ] {
        assert_eq!(cause_of(text, line), Some(expected), "{text}");
        // Without it the access log says nearly as much.
        let alone = attempts(&[line])[0].cause;
        let known = match expected {
            Cause::Reset | Cause::Malformed => Some(Cause::Eof),
            Cause::Cut => None,
            expected => Some(expected),
        };
        assert_eq!(alone, known, "{text}");
    }
    assert_eq!(
        attempts(&[&access("503", "0.000", "0.006", "0.006")])[0].cause,
        Some(Cause::Status5xx)
    );
    let gone = access("499", "0.000", "-", "0.400").replace(r#""statuses":"499""#, r#""statuses":"-""#);
    assert_eq!(attempts(&[&gone])[0].cause, Some(Cause::ClientGone));
    assert_eq!(attempts(&[&gone])[0].status, None);
}

#[test]
fn the_attempts_of_a_request_follow_each_other() {
    let failed = error("connect() failed (111: Connection refused) while connecting to upstream");
    let line = r#"{"connection":8,"end":"1795702971.500","took":"0.250","status":"200","id":"11","routers":"127.9.1.2:8081, 127.9.1.1:8081","statuses":"502, 200","times":"0.200, 0.050","connects":"-, 0.000","heads":"-, 0.050"}"#;
    let attempts = attempts(&[&failed, line]);
    let seen: Vec<_> = attempts
        .iter()
        .map(|each| {
            (
                each.router.as_str(),
                each.cause,
                each.nth,
                each.started.0 / 1_000_000,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("router-2", Some(Cause::Refused), 1, 1_250),
            ("router-1", None, 2, 1_450)
        ]
    );
}

#[test]
fn a_request_without_a_router_that_may_be_used_is_unrouted() {
    let line = r#"{"connection":9,"end":"1795702971.500","took":"0.000","status":"502","id":"12","routers":"routers","statuses":"502","times":"0.000","connects":"-","heads":"-"}"#;
    let told = told(&[line]);
    assert!(
        matches!(
            told[0],
            Told::Unrouted {
                request: Some(12),
                ..
            }
        ),
        "{told:?}"
    );
    assert_eq!(told[1..], [Told::Request { attempts: 0 }]);
}

#[test]
fn other_lines_tell_nothing() {
    for line in ["", "nonsense", "{", "*8 no upstream"] {
        assert_eq!(told(&[line]), []);
    }
}

#[test]
fn a_router_is_ejected_when_nginx_says_so_and_back_when_it_serves_a_request_of_later() {
    let failed = error("connect() failed (111: Connection refused) while connecting to upstream");
    let disabled = error("upstream server temporarily disabled while connecting to upstream");
    let over = access("502", "-", "-", "0.000");
    // It began before the failure, and ended behind it.
    let earlier = access("200", "0.000", "0.600", "0.600").replace(":8,", ":7,");
    let trial = access("200", "0.000", "0.003", "0.004")
        .replace(":8,", ":9,")
        .replace("2971.500", "2982.500");
    let beliefs: Vec<_> = told(&[&failed, &disabled, &over, &earlier, &trial])
        .into_iter()
        .filter_map(|told| match told {
            Told::Belief(seen) => Some((seen.router, seen.belief, seen.at.map(|at| at.0 / 1_000_000))),
            _ => None,
        })
        .collect();
    assert_eq!(
        beliefs,
        [
            ("router-2".to_owned(), Belief::Ejected, None),
            ("router-2".to_owned(), Belief::Up, Some(12_496)),
        ]
    );
}
