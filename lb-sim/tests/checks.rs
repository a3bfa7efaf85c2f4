//! What the settings of checks promise, on real sockets. Nothing sleeps: every wait is for a record.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::backend::{Backend, Mode};
use lab::client::{get, outcome};
use router::clock::Timestamp;
use router::record::{Belief, Event, ProbeResult};
use std::time::Duration;

/// Waits until `router` is believed `belief`; when, and why.
fn believed(lab: &mut Lab, name: &str, belief: Belief) -> (Timestamp, String) {
    lab.wait_at(|record| match &record.event {
        Event::Belief {
            router, to, reason, ..
        } if router == name && *to == belief => Some((record.at, reason.clone())),
        _ => None,
    })
}

/// Waits for the end of the next check of `router`: its start, its end, and its result.
fn checked(lab: &mut Lab, name: &str) -> (Timestamp, Timestamp, ProbeResult) {
    lab.wait_at(|record| match &record.event {
        Event::Probe {
            router,
            started_ns,
            result,
            ..
        } if router == name => Some((*started_ns, record.at, *result)),
        _ => None,
    })
}

#[test]
fn who_is_down_from_the_start_is_told_and_used_after_its_first_check() {
    let a = Backend::start("a");
    let words =
        "interval=3s timeout=1s rise=3 initial=down first-check=interval first-result=decides on-failure=502";
    let mut lab = Lab::start(&[&a], words);
    believed(&mut lab, "a", Belief::Down);
    assert_eq!(outcome(lab.address, 1), "503");
    let (_, reason) = believed(&mut lab, "a", Belief::Up);
    assert_eq!(reason, "its first check succeeded");
    assert_eq!(get(lab.address, 2).unwrap().router, "a");
}

#[test]
fn the_first_request_ends_the_no_traffic_interval_after_the_wait_that_has_begun() {
    let a = Backend::start("a");
    let mut lab = Lab::start(
        &[&a],
        "interval=200ms timeout=100ms first-check=now no-traffic-interval=3s",
    );
    let (first, ..) = checked(&mut lab, "a");
    get(lab.address, 1).unwrap();
    let (second, ..) = checked(&mut lab, "a");
    let (third, ..) = checked(&mut lab, "a");
    // Nearer to 3 s than to 200 ms, and the other way round: a machine that is late by less than a second tells them apart.
    let halfway = Duration::from_millis(1_500);
    assert!(second.since(first) > halfway, "{:?}", second.since(first));
    assert!(third.since(second) < halfway, "{:?}", third.since(second));
}

#[test]
fn a_status_that_is_not_healthy_is_enough_where_that_is_said() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=200ms timeout=15s fall=1000 rise=1000 down-at-once=status healthy-status=200,404";
    let mut lab = Lab::start(&[&a, &b], words);
    checked(&mut lab, "b");
    assert_eq!(checked(&mut lab, "b").2, ProbeResult::Ok);
    lab.control(r#"{"cmd":"set","settings":{"healthy-status":"201-204"}}"#);
    let (_, reason) = believed(&mut lab, "b", Belief::Down);
    assert_eq!(reason, "check failed: status 200, which is enough");
}

#[test]
fn rounds_check_one_router_after_the_other() {
    let backends = ["a", "b", "c"].map(Backend::start);
    let words = "interval=1s timeout=400ms fall=1000 schedule=batch-by-state first-check=interval";
    for backend in &backends {
        backend.become_(Mode::Hang);
    }
    let mut lab = Lab::start(&backends.each_ref(), words);
    let ends = ["a", "b", "c"].map(|name| checked(&mut lab, name));
    assert!(ends.iter().all(|(.., result)| *result == ProbeResult::Timeout));
    for pair in ends.windows(2) {
        assert!(pair[1].0 >= pair[0].1, "{ends:?}");
    }
}

#[test]
fn without_a_success_for_the_timeout_a_router_is_down_whatever_its_checks_do() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=200ms timeout=900ms schedule=deadline rise=1");
    b.become_(Mode::Hang);
    let (down, reason) = believed(&mut lab, "b", Belief::Down);
    assert_eq!(reason, "no check has succeeded for 900ms");
    let succeeded = |record: &router::record::Record| match &record.event {
        Event::Probe { router, result, .. } => router == "b" && *result == ProbeResult::Ok,
        _ => false,
    };
    if let Some(last) = lab.log.iter().rev().find(|record| succeeded(record)) {
        assert!(
            down.since(last.at) >= Duration::from_millis(899),
            "{:?}",
            down.since(last.at)
        );
    }
    b.become_(Mode::Serve);
    believed(&mut lab, "b", Belief::Up);
}

#[test]
fn each_of_several_probers_decides_for_its_share_and_the_last_one_for_the_belief() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    // No check of a living router takes that long.
    let words = "interval=600ms timeout=15s fall=1 rise=1 probers=3 on-failure=502";
    let mut lab = Lab::start(&[&a, &b], words);
    b.kill();
    let (_, reason) = believed(&mut lab, "b", Belief::Down);
    assert!(reason.ends_with("3 of 3 find it down)"), "{reason}");
    // Each one's mind is told, and whose check it was.
    let minds: Vec<_> = lab
        .log
        .iter()
        .filter_map(|record| match &record.event {
            Event::Belief { router, reason, .. } if router == "b" => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(minds.len(), 3, "{minds:?}");
    for (i, mind) in minds.iter().enumerate() {
        assert!(
            mind.ends_with(&format!("{} of 3 find it down)", i + 1)),
            "{minds:?}"
        );
    }
    let mut probers: Vec<_> = lab
        .log
        .iter()
        .filter_map(|record| match &record.event {
            Event::Probe {
                router,
                result,
                prober,
                ..
            } if router == "b" && *result != ProbeResult::Ok => *prober,
            _ => None,
        })
        .collect();
    probers.sort();
    probers.dedup();
    assert_eq!(probers, [1, 2, 3]);
    for request in 1..=6 {
        assert_eq!(get(lab.address, request).unwrap().router, "a");
    }
    let shown = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(
        shown["backends"][1]["probers"].as_array().unwrap().len(),
        3,
        "{shown}"
    );
    // Fewer probers, set live: what is believed stays.
    lab.control(r#"{"cmd":"set","settings":{"probers":1,"interval":"60s"}}"#);
    let shown = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(shown["backends"][1]["belief"], "down");
    assert_eq!(shown["backends"][0]["belief"], "up");
}
