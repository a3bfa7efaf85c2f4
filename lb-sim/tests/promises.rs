//! What lb-sim promises, on real sockets. Nothing sleeps: every wait is for a record.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::backend::{Backend, Mode};
use lab::client::{Client, get, outcome};
use lb_sim::core::{CheckSettings, Schedule};
use lb_sim::theory::{self, Phase};
use router::clock::{self, Timestamp};
use router::record::{Belief, Cause, Event, Fault, ProbeResult, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Waits until `router` is believed `belief`; returns since when.
fn believed(lab: &mut Lab, name: &str, belief: Belief) -> Timestamp {
    lab.wait_at(|record| match &record.event {
        Event::Belief { router, to, .. } if router == name && *to == belief => Some(record.at),
        _ => None,
    })
}

fn attempt(lab: &mut Lab, number: u64) -> (String, Cause) {
    lab.wait(|event| match event {
        Event::Attempt {
            request,
            router,
            cause,
            ..
        } if *request == Some(number) => Some((router.clone(), *cause)),
        _ => None,
    })
}

fn settings(text: &str) -> CheckSettings {
    text.parse::<lb_sim::core::Settings>().unwrap().check
}

#[test]
fn a_killed_router_is_down_after_fall_checks_at_its_predicted_time_and_comes_back() {
    for schedule in ["start", "end"] {
        let [a, b] = [Backend::start("a"), Backend::start("b")];
        // No check of a living router takes that long.
        let words = format!("interval=300ms timeout=10s fall=3 rise=2 schedule={schedule} on-failure=502");
        let mut lab = Lab::start(&[&a, &b], &words);
        checks(&mut lab, 1);
        let death = clock::now();
        b.kill();
        let dead = clock::now();
        let (address, over) = (lab.address, Arc::new(AtomicBool::new(false)));
        let load = std::thread::spawn({
            let over = over.clone();
            move || {
                let requests = (1..).take_while(|_| !over.load(Ordering::Relaxed));
                requests.map(|n| outcome(address, n)).collect::<Vec<_>>()
            }
        });
        let down = believed(&mut lab, "b", Belief::Down);
        let known = clock::now();
        over.store(true, Ordering::Relaxed);
        // Every other request is the dead one's, until it is out of use.
        let answers = load.join().unwrap();
        let lost = answers.iter().filter(|word| *word == "502").count();
        let last = answers.iter().rposition(|word| word == "502").unwrap();
        assert!(last.abs_diff(2 * lost) <= 2, "{lost} of {last}: {answers:?}");
        predicted(&lab, &settings(&words), (death, dead), down);
        let quiet = lab.wait(|event| match event {
            Event::Quiet {
                router,
                last_attempt_ns,
            } if router == "b" => Some(*last_attempt_ns),
            _ => None,
        });
        // Once the belief can be read, no new attempt goes there.
        assert!(quiet.is_some_and(|last| last > death && last < known));
        assert!((10..14).all(|n| get(lab.address, n).unwrap().router == "a"));

        let _b = Backend::start_at("b", b.address);
        let up = believed(&mut lab, "b", Belief::Up);
        assert!((20..22).any(|n| get(lab.address, n).unwrap().router == "b"));
        let started = lab.wait(|event| match event {
            Event::Readmitted { router, started_ns } if router == "b" => Some(*started_ns),
            _ => None,
        });
        assert!(started >= up);
        assert!(lab.end().success());
    }
}

/// Waits for `n` more checks of `b`.
fn checks(lab: &mut Lab, n: usize) {
    for _ in 0..n {
        lab.wait(|event| matches!(event, Event::Probe { router, .. } if router == "b").then_some(()));
    }
}

/// When they started, when they ended, and whether `b` passed them.
fn checks_of_b(lab: &Lab) -> Vec<(Timestamp, Timestamp, bool)> {
    let check_of_b = |record: &Record| match &record.event {
        Event::Probe {
            router,
            started_ns,
            result,
            ..
        } if router == "b" => Some((*started_ns, record.at, *result == ProbeResult::Ok)),
        _ => None,
    };
    lab.log.iter().filter_map(check_of_b).collect()
}

/// `b` was killed in that time and believed Down at `down`: three checks after the last that it had passed, and as long
/// after its death as was predicted, give or take what the log says that these checks came late.
fn predicted(lab: &Lab, check: &CheckSettings, (death, dead): (Timestamp, Timestamp), down: Timestamp) {
    let all = checks_of_b(lab);
    let [.., last, first, second, third] = all[..] else {
        panic!("too few checks: {all:?}");
    };
    assert!(last.2 && !first.2 && !second.2 && !third.2, "{all:?}");
    assert_eq!(third.1, down, "{all:?}");
    // While it is being killed it may still pass one: then it died after that.
    assert!(last.0 < dead, "{all:?}");
    let death = death.max(last.0);
    let phase = match first.0 <= death {
        true => Phase::of(death, first.0, first.1, false),
        false => Phase::of(death, last.0, last.1, true),
    };
    let predicted = theory::predict(check, Fault::Kill, phase).unwrap();
    let ends = check.schedule == Schedule::End;
    let anchor = |check: &(Timestamp, Timestamp, bool)| if ends { check.1 } else { check.0 };
    let failing = [first, second, third];
    let gaps = [(last, first), (first, second), (second, third)];
    let in_flight = first.0 <= death;
    let late: f64 = gaps[usize::from(in_flight)..]
        .iter()
        .map(|(before, after)| after.0.seconds_after(anchor(before)) - check.interval.as_secs_f64())
        .sum();
    // Under `end` every check's own time delays the next.
    let took: f64 = failing[if ends { 0 } else { 2 }..]
        .iter()
        .map(|check| check.1.since(check.0.max(death)).as_secs_f64())
        .sum();
    // One that was due before the death, and had not begun, was due then.
    let overdue = match in_flight {
        true => Duration::ZERO,
        false => death.since(anchor(&last)).saturating_sub(check.interval),
    };
    let residual = down.since(death).as_secs_f64() - predicted.as_secs_f64();
    let explained = late + took - overdue.as_secs_f64();
    assert!(
        (residual - explained).abs() < 1e-6,
        "residual {residual}, of which explained {explained}: {all:?}"
    );
}

#[test]
fn a_hung_router_is_found_by_the_timeout_of_its_checks() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=1s timeout=1s fall=2 response-timeout=15s on-failure=502";
    let mut lab = Lab::start(&[&a, &b], words);
    assert!((0..2).all(|n| outcome(lab.address, n) == "200"));
    response_timeout(&lab, "1s");
    checks(&mut lab, 1);
    let hang = clock::now();
    b.become_(Mode::Hang);
    let hung = clock::now();
    let answers: Vec<_> = (1..=2).map(|n| outcome(lab.address, n)).collect();
    assert!(
        answers.contains(&"504".to_owned()) && answers.contains(&"200".to_owned()),
        "{answers:?}"
    );
    let down = believed(&mut lab, "b", Belief::Down);
    let all = checks_of_b(&lab);
    let [.., last, first, second] = all[..] else {
        panic!("too few checks: {all:?}");
    };
    assert!(last.2 && !first.2 && !second.2 && second.1 == down, "{all:?}");
    assert!(last.0 < hung, "{all:?}");
    // What the log says that these checks came late is not the balancer's doing.
    let check = settings(words);
    let late = second.0.since(last.0).saturating_sub(check.interval * 2)
        + second.1.since(second.0).saturating_sub(check.timeout);
    let window = theory::t_detect(&check, Fault::Hang).unwrap();
    // One check more or fewer would be twice as far off.
    assert!(
        window.contains(down.since(hang).saturating_sub(late), Duration::from_millis(500)),
        "{down:?} after {hang:?}, {late:?} of it late, not in {window:?}: {all:?}"
    );
    let cause = lab.log.iter().find_map(|record| match &record.event {
        Event::Attempt { cause, .. } => Some(*cause),
        _ => None,
    });
    assert_eq!(cause, Some(Cause::ResponseTimeout));
    b.become_(Mode::Serve);
    believed(&mut lab, "b", Belief::Up);
}

fn response_timeout(lab: &Lab, time: &str) {
    let request = format!(r#"{{"cmd":"set","settings":{{"response-timeout":"{time}"}}}}"#);
    assert_eq!(lab.control(&request)["ok"], true);
}

#[test]
fn failed_attempts_become_resets_or_502_and_their_causes_are_told_apart() {
    for (mode, outcomes) in [
        ("reset", ["reset", "reset", "reset"]),
        ("502", ["502", "502", "504"]),
    ] {
        let a = Backend::start("a");
        let mut lab = Lab::start(&[&a], &format!("interval=60s on-failure={mode}"));
        a.become_(Mode::Eof);
        assert_eq!(outcome(lab.address, 1), outcomes[0]);
        assert_eq!(attempt(&mut lab, 1), ("a".to_owned(), Cause::Eof));
        a.become_(Mode::Reset);
        assert_eq!(outcome(lab.address, 5), outcomes[1]);
        assert_eq!(attempt(&mut lab, 5).1, Cause::Reset);
        a.become_(Mode::Hang);
        response_timeout(&lab, "200ms");
        assert_eq!(outcome(lab.address, 2), outcomes[2]);
        assert_eq!(attempt(&mut lab, 2).1, Cause::ResponseTimeout);
        // Who answers is never too late.
        response_timeout(&lab, "15s");
        a.become_(Mode::Error);
        assert_eq!(outcome(lab.address, 3), "500");
        assert_eq!(attempt(&mut lab, 3).1, Cause::Status5xx);
        a.kill();
        assert_eq!(outcome(lab.address, 4), outcomes[1]);
        assert_eq!(attempt(&mut lab, 4).1, Cause::Refused);
        let show = lab.control(r#"{"cmd":"show"}"#);
        let failed = &show["backends"][0]["failed"];
        assert_eq!(
            failed,
            &serde_json::json!({"eof": 1, "reset": 1, "response_timeout": 1, "status_5xx": 1, "refused": 1})
        );
        assert_eq!(show["backends"][0]["in_flight"], 0);
    }
}

#[test]
fn all_routers_down_is_answered_at_once() {
    for (mode, expected) in [("reset", "reset"), ("502", "503")] {
        let a = Backend::start("a");
        let mut lab = Lab::start(
            &[&a],
            &format!("interval=50ms fall=1 on-failure={mode} response-timeout=60s"),
        );
        a.kill();
        believed(&mut lab, "a", Belief::Down);
        // Waiting for the router would outlast the client's patience.
        assert_eq!(outcome(lab.address, 7), expected);
        let request = lab.wait(|event| match event {
            Event::Unrouted { request } => Some(*request),
            _ => None,
        });
        assert_eq!(request, Some(7));
        assert_eq!(lab.control(r#"{"cmd":"show"}"#)["unrouted"], 1);
    }
}

#[test]
fn settings_change_while_running_without_dropping_a_connection() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=1h timeout=1s fall=2 on-failure=502");
    let mut client = Client::connect(lab.address, 1);
    assert_eq!(client.get().unwrap().status, 200);
    let reply =
        lab.control(r#"{"cmd":"set","settings":{"interval":"50ms","fall":3,"balance":"least-connections"}}"#);
    assert_eq!(reply["settings"]["interval"], "50ms");
    assert_eq!(reply["settings"]["timeout"], "1s");
    b.kill();
    believed(&mut lab, "b", Belief::Down);
    // A check that meets it while it dies is not refused, but closed.
    let failed = lab.log.iter().filter(|record| match &record.event {
        Event::Probe { router, result, .. } => router == "b" && *result != ProbeResult::Ok,
        _ => false,
    });
    assert_eq!(failed.count(), 3);
    // The same connection, and beliefs survive the next change.
    assert_eq!(client.get().unwrap().router, "a");
    lab.control(r#"{"cmd":"set","settings":{"interval":"1h","on-failure":"reset"}}"#);
    let show = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(show["backends"][1]["belief"], "down");
    assert_eq!(client.get().unwrap().router, "a");
    assert!(a.served() >= 2);

    for (request, error) in [
        (
            r#"{"cmd":"set","settings":{"fall":0}}"#,
            "fall cannot be `0`: expected a whole number from 1 to 1000",
        ),
        (
            r#"{"cmd":"set","settings":{"interval":"5"}}"#,
            "interval cannot be `5`: expected a duration with a unit",
        ),
        (r#"{"cmd":"set"}"#, r#"set needs "settings""#),
        (
            r#"{"cmd":"stop"}"#,
            "unknown command `stop`: expected set, show, add, remove or notice",
        ),
        ("nonsense", "not a JSON object"),
    ] {
        let reply = lab.control(request);
        assert!(
            reply["error"]
                .as_str()
                .is_some_and(|words| words.starts_with(error)),
            "{request}: {reply}"
        );
    }
}

#[test]
fn what_cannot_run_says_why_and_exits_2() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken
        .local_addr()
        .map(|address| (taken, address.to_string()))
        .unwrap();
    let backend = "--backend=127.0.0.1:9";
    for (arguments, words) in [
        (vec![], "no backends"),
        (
            vec![backend, "--listen", &taken.1],
            "another program has this port; --listen moves it",
        ),
        (
            vec![backend, "--timeout", "0s"],
            "timeout cannot be `0s`: expected a duration from 1ms",
        ),
        (vec![backend, "--fall", "0"], "fall cannot be `0`"),
        (
            vec!["--backend=x=127.0.0.1:9", "--backend=x=127.0.0.1:8"],
            "two backends are called `x`",
        ),
        (
            vec![
                backend,
                "--listen",
                "127.0.0.1:0",
                "--control",
                "/nowhere/lb.sock",
            ],
            "/nowhere/lb.sock",
        ),
    ] {
        let output = lab::command().args(&arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}
