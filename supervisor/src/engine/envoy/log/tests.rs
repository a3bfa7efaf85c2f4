use super::*;
use router::clock::Timestamp;

/// Lines of Envoy 1.40.0, whose second router misbehaved.
fn told(lines: &[&str]) -> Vec<Told> {
    let wall = Wall::new(Duration::from_secs(1_795_704_320), Timestamp(0));
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

fn line(of: &str, rest: &str) -> String {
    format!(
        r#"{{"client":13,"port":35652,"id":"22","of":"{of}","start":"1795704324.441326000","host":"127.9.1.2:8081",{rest}}}"#
    )
}

/// The cause that an attempt's line tells by itself.
fn cause(rest: &str) -> Option<Cause> {
    let line = line("attempt", rest);
    let attempts = attempts(&[&line]);
    assert_eq!(attempts.len(), 1, "{line}");
    attempts[0].cause
}

#[test]
fn an_attempt_has_its_own_start_to_the_microsecond() {
    let ok = line(
        "attempt",
        r#""connection":6,"failure":null,"flags":"-","status":200"#,
    );
    let expected = Attempt {
        request: Some(22),
        router: "router-2".to_owned(),
        started: Timestamp(4_441_326_000),
        cause: None,
        reused: false,
        status: Some(200),
        nth: 1,
        port: None,
        reckoned: false,
    };
    assert_eq!(attempts(&[&ok]), [expected]);
}

#[test]
fn flags_say_why_an_attempt_failed() {
    let refused =
        r#""connection":0,"failure":"delayed_connect_error:_Connection_refused","flags":"UF","status":0"#;
    let never = r#""connection":0,"failure":null,"flags":"UF","status":0"#;
    let ended = r#""connection":6,"failure":null,"flags":"UC","status":0"#;
    let cut = r#""connection":17,"failure":null,"flags":"UPE","status":200"#;
    let junk = r#""connection":17,"failure":null,"flags":"UPE","status":0"#;
    let late = r#""connection":21,"failure":null,"flags":"UT","status":0"#;
    let error = r#""connection":25,"failure":null,"flags":"-","status":503"#;
    assert_eq!(cause(refused), Some(Cause::Refused));
    assert_eq!(cause(never), Some(Cause::ConnectTimeout));
    assert_eq!(cause(ended), Some(Cause::Eof));
    assert_eq!(cause(cut), Some(Cause::Cut));
    assert_eq!(cause(junk), Some(Cause::Malformed));
    assert_eq!(cause(late), Some(Cause::ResponseTimeout));
    assert_eq!(cause(error), Some(Cause::Status5xx));
}

#[test]
fn a_connection_is_reused_from_its_second_request_on() {
    let ok = line(
        "attempt",
        r#""connection":6,"failure":null,"flags":"-","status":200"#,
    );
    let over = line(
        "request",
        r#""connection":6,"failure":null,"flags":"-","status":200"#,
    );
    let reused: Vec<_> = attempts(&[&ok, &over, &ok])
        .iter()
        .map(|each| each.reused)
        .collect();
    assert_eq!(reused, [false, true]);
    let refused = line(
        "attempt",
        r#""connection":0,"failure":"refused","flags":"UF","status":0"#,
    );
    assert!(attempts(&[&refused, &refused]).iter().all(|each| !each.reused));
}

#[test]
fn the_attempts_of_a_request_are_counted_until_its_own_line() {
    let refused = line(
        "attempt",
        r#""connection":0,"failure":"Connection_refused","flags":"UF","status":0"#,
    );
    let ok = line(
        "attempt",
        r#""connection":6,"failure":null,"flags":"-","status":200"#,
    );
    let over = line(
        "request",
        r#""connection":6,"failure":null,"flags":"-","status":200"#,
    );
    let told = told(&[&refused, &ok, &over, &ok]);
    let nth: Vec<_> = told
        .iter()
        .map(|told| match told {
            Told::Attempt(attempt) => attempt.nth,
            Told::Request { attempts } => 100 + attempts,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(nth, [1, 2, 102, 1]);
}

#[test]
fn an_attempt_that_envoy_gave_up_is_explained_by_its_request() {
    let given_up = line(
        "attempt",
        r#""connection":25,"failure":null,"flags":"-","status":0"#,
    );
    let gone = line(
        "request",
        r#""connection":25,"failure":null,"flags":"DC","status":0"#,
    );
    let late = line(
        "request",
        r#""connection":25,"failure":null,"flags":"UT","status":504"#,
    );
    for (lines, cause) in [
        // Envoy writes the request first when the client has gone.
        ([&gone, &given_up], Cause::ClientGone),
        ([&given_up, &gone], Cause::ClientGone),
        ([&given_up, &late], Cause::ResponseTimeout),
    ] {
        let told = told(&lines.map(String::as_str));
        assert!(told.contains(&Told::Request { attempts: 1 }), "{told:?}");
        let attempts = attempts(&lines.map(String::as_str));
        assert_eq!(attempts.len(), 1, "{told:?}");
        assert_eq!((attempts[0].cause, attempts[0].nth), (Some(cause), 1));
    }
}

#[test]
fn a_request_that_found_no_router_is_unrouted() {
    let line = r#"{"client":85,"connection":0,"failure":null,"flags":"UH","host":null,"id":"70","of":"request","port":51010,"start":"1795704337.391726000","status":503}"#;
    let at = Timestamp(17_391_726_000);
    let request = Some(70);
    assert_eq!(
        told(&[line]),
        [Told::Unrouted { request, at }, Told::Request { attempts: 0 }]
    );
}

#[test]
fn a_connection_is_joined_by_its_port() {
    let line = r#"{"client":15,"connection":0,"failure":"delayed_connect_error:_Connection_refused","flags":"UF,URX","host":"127.9.1.2:8081","id":null,"of":"connection","port":51060,"start":"1795704341.504823000","status":0}"#;
    let attempts = attempts(&[line]);
    assert_eq!((attempts[0].port, attempts[0].request), (Some(51060), None));
    assert_eq!(attempts[0].cause, Some(Cause::Refused));
    assert_eq!(attempts[0].status, None);
}

fn check(event: &str) -> String {
    format!(
        r#"{{"health_checker_type":"HTTP","host":{{"socket_address":{{"protocol":"TCP","address":"127.9.1.2","port_value":8081,"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}}}},"cluster_name":"routers",{event},"timestamp":"2026-11-26T14:45:29.047Z","locality":{{"region":"","zone":"","sub_zone":""}}}}"#
    )
}

fn outlier(rest: &str) -> String {
    format!(
        r#"{{"type":"CONSECUTIVE_5XX","timestamp":"2026-11-26T14:45:35.282Z","cluster_name":"routers","upstream_url":"127.9.1.2:8081",{rest}}}"#
    )
}

fn beliefs(lines: &[&str]) -> Vec<(Belief, Detector, String)> {
    let only = |told| match told {
        Told::Belief(seen) => Some((seen.belief, seen.by, seen.reason)),
        _ => None,
    };
    told(lines).into_iter().filter_map(only).collect()
}

#[test]
fn events_of_checks_and_ejections_are_what_is_believed() {
    let first = check(r#""add_healthy_event":{"first_check":true}"#);
    let failed = check(r#""eject_unhealthy_event":{"failure_type":"NETWORK","http_status_code":0}"#);
    let status = check(r#""eject_unhealthy_event":{"failure_type":"ACTIVE","http_status_code":503}"#);
    let never = check(
        r#""health_check_failure_event":{"failure_type":"NETWORK","first_check":true,"http_status_code":0}"#,
    );
    let seen = |line: &str| beliefs(&[line]).remove(0);
    assert_eq!(
        seen(&first),
        (Belief::Up, Detector::Poll, "its first check passed".into())
    );
    assert_eq!(
        seen(&failed),
        (Belief::Down, Detector::Poll, "checks failed".into())
    );
    assert_eq!(
        seen(&status),
        (
            Belief::Down,
            Detector::Poll,
            "a check was answered with 503".into()
        )
    );
    assert_eq!(
        seen(&never),
        (
            Belief::Down,
            Detector::Poll,
            "its first check failed: checks failed".into()
        )
    );
    let Told::Belief(when) = told(&[&failed]).remove(0) else {
        panic!("no belief")
    };
    assert_eq!(when.at, Some(Timestamp(9_047_000_000)));
}

#[test]
fn an_ejection_that_ends_does_not_bring_back_what_fails_its_checks() {
    let seen_only =
        outlier(r#""action":"EJECT","num_ejections":0,"enforced":false,"eject_consecutive_event":{}"#);
    let ejected =
        outlier(r#""action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{}"#);
    let over = outlier(r#""action":"UNEJECT","num_ejections":1,"enforced":false"#);
    let failed = check(r#""eject_unhealthy_event":{"failure_type":"NETWORK","http_status_code":0}"#);
    let passed = check(r#""add_healthy_event":{"first_check":false}"#);
    let seen: Vec<_> = beliefs(&[&seen_only, &ejected, &failed, &over, &passed, &ejected, &over])
        .into_iter()
        .map(|(belief, ..)| belief)
        .collect();
    use Belief::{Down, Ejected, Up};
    assert_eq!(seen, [Ejected, Down, Down, Up, Ejected, Up]);
}

#[test]
fn other_lines_tell_nothing() {
    let pending = check(
        r#""health_check_failure_event":{"failure_type":"NETWORK","first_check":false,"http_status_code":0}"#,
    );
    for line in ["", "{", "[]", "{\"of\":1}", pending.as_str()] {
        assert_eq!(told(&[line]), []);
    }
}
