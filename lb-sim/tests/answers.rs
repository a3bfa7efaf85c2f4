//! What a client gets when attempts fail, and what is tried before; on real sockets. Polling is too slow here to have a
//! part in anything.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::backend::{Backend, Mode};
use lab::client::{Client, get, outcome};
use router::clock::Timestamp;
use router::record::{Belief, Event, Record};
use std::time::Duration;

/// When the failed attempts of request `number` started, and where, once the last of them is the `nth`.
fn attempts(lab: &mut Lab, number: u64, last: u32) -> Vec<(Timestamp, String)> {
    lab.wait(|event| match event {
        Event::Attempt { request, nth, .. } => (*request == Some(number) && *nth == last).then_some(()),
        _ => None,
    });
    attempts_so_far(lab, number)
}

fn attempts_so_far(lab: &Lab, number: u64) -> Vec<(Timestamp, String)> {
    let of = |record: &Record| match &record.event {
        Event::Attempt {
            request,
            started_ns,
            router,
            ..
        } if *request == Some(number) => Some((*started_ns, router.clone())),
        _ => None,
    };
    lab.log.iter().filter_map(of).collect()
}

fn set(lab: &Lab, settings: &str) {
    let answer = lab.control(&format!(r#"{{"cmd":"set","settings":{settings}}}"#));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn each_cause_has_an_answer_of_its_own_and_it_can_change() {
    for on_failure in ["502", "retry"] {
        let a = Backend::start("a");
        let words = format!(
            "interval=60s detector=notice on-failure={on_failure} retries=1 retry-on=connect \
             response-timeout=15s answer-refused=503 answer-reset=close answer-reused=reset \
             answer-timeout=599 answer-unrouted=507"
        );
        let mut lab = Lab::start(&[&a], &words);
        a.become_(Mode::Eof);
        assert_eq!(outcome(lab.address, 1), "eof");
        a.become_(Mode::Serve);
        assert_eq!(outcome(lab.address, 2), "200");
        // As HAProxy: what counts is that the client's connection has served a request, not that the router's has.
        let mut client = Client::connect(lab.address, 20);
        assert_eq!(client.get().unwrap().status, 200);
        a.become_(Mode::Reset);
        assert_eq!(outcome(lab.address, 3), "eof");
        let again = client.get().unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::ConnectionReset);
        a.become_(Mode::Hang);
        set(&lab, r#"{"response-timeout":"200ms"}"#);
        assert_eq!(outcome(lab.address, 4), "599");
        a.kill();
        assert_eq!(outcome(lab.address, 5), "503");
        set(&lab, r#"{"answer-refused":"close"}"#);
        assert_eq!(outcome(lab.address, 6), "eof");
        lab.control(r#"{"cmd":"notice","router":"a"}"#);
        lab.wait(|event| matches!(event, Event::Belief { to: Belief::Down, .. }).then_some(()));
        for (answer, seen) in [("507", "507"), ("close", "eof"), ("reset", "reset")] {
            set(&lab, &format!(r#"{{"answer-unrouted":"{answer}"}}"#));
            assert_eq!(outcome(lab.address, 7), seen);
        }
    }
}

#[test]
fn a_client_closed_without_an_answer_loses_only_its_own_connection() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let lab = Lab::start(
        &[&a, &b],
        "interval=60s on-failure=502 answer-reset=close answer-reused=close",
    );
    let mut client = Client::connect(lab.address, 1);
    b.become_(Mode::Eof);
    assert_eq!(client.get().unwrap().router, "a");
    assert!(client.get().is_err());
    assert!((10..14).filter(|n| get(lab.address, *n).is_ok()).count() == 2);
}

#[test]
fn the_same_router_is_asked_again_after_each_wait_and_others_are_served_meanwhile() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s on-failure=retry retry-on=connect retry-to=same retry-delay=200ms retries=3 \
                 answer-refused=503";
    let mut lab = Lab::start(&[&a, &b], words);
    let mut other = Client::connect(lab.address, 100);
    b.kill();
    assert_eq!(other.get().unwrap().router, "a");
    let address = lab.address;
    let waits = std::thread::spawn(move || outcome(address, 1));
    let first = lab.wait(|event| match event {
        Event::Attempt { started_ns, .. } => Some(*started_ns),
        _ => None,
    });
    assert_eq!(other.get().unwrap().router, "a");
    assert_eq!(waits.join().unwrap(), "503");
    let all = attempts(&mut lab, 1, 4);
    assert!(
        all.len() == 4 && all.iter().all(|(_, router)| router == "b"),
        "{all:?}"
    );
    assert_eq!(all[0].0, first);
    for pair in all.windows(2) {
        assert!(
            pair[1].0.since(pair[0].0) >= Duration::from_millis(200),
            "{all:?}"
        );
    }
    set(&lab, r#"{"retry-to":"other","retry-delay":"0ms"}"#);
    assert!((10..20).all(|n| outcome(lab.address, n) == "200"));
}

#[test]
fn the_next_in_turn_is_not_the_same_as_another() {
    // After a retry in turn the dead one is next; a retry elsewhere leaves the turn alone.
    for (to, failed) in [("any", 9), ("other", 5)] {
        let [a, b] = [Backend::start("a"), Backend::start("b")];
        let words = format!("interval=60s on-failure=retry retry-to={to} retry-budget=off");
        let lab = Lab::start(&[&a, &b], &words);
        b.kill();
        assert!((0..10).all(|n| outcome(lab.address, n) == "200"));
        let show = lab.control(r#"{"cmd":"show"}"#);
        assert_eq!(
            (&show["retries"], a.served()),
            (&failed.into(), 10),
            "{to}: {show:#}"
        );
    }
}

#[test]
fn no_retry_starts_after_its_time() {
    let a = Backend::start("a");
    let words = "interval=60s on-failure=retry retry-to=any retry-delay=200ms retry-time=500ms retries=50";
    let mut lab = Lab::start(&[&a], words);
    a.kill();
    assert_eq!(outcome(lab.address, 1), "502");
    assert_eq!(outcome(lab.address, 2), "502");
    // Records come in order: those of the first request are there.
    attempts(&mut lab, 2, 1);
    let first = |record: &Record| match &record.event {
        Event::Attempt {
            request: Some(1),
            started_ns,
            ..
        } => Some((*started_ns, record.at)),
        _ => None,
    };
    let made: Vec<_> = lab.log.iter().filter_map(first).collect();
    // At 0, 200 and 400 ms; on a machine that is late, fewer: each was to start in time, and for another there was none.
    let (begun, [delay, time]) = (made[0].0, [200, 500].map(Duration::from_millis));
    for pair in made.windows(2) {
        assert!((pair[0].0 + delay).since(begun) <= time, "{made:?}");
    }
    let ended = made.last().unwrap().1;
    assert!((ended + delay).since(begun) > time, "{made:?}");
}

#[test]
fn a_client_that_leaves_makes_room_for_the_retries_of_others() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s on-failure=retry retry-delay=600s retry-breaker=1 retry-to=same";
    let mut lab = Lab::start(&[&a, &b], words);
    b.kill();
    let mut leaver = Client::connect(lab.address, 1);
    assert_eq!(leaver.get().unwrap().router, "a");
    leaver.send().unwrap();
    // Its first attempt has failed, and it waits for the second.
    attempts(&mut lab, 2, 1);
    assert_eq!(outcome(lab.address, 10), "200");
    assert_eq!(outcome(lab.address, 11), "502", "one retry at a time");
    set(&lab, r#"{"retry-delay":"0ms","retry-to":"other"}"#);
    leaver.reset();
    let saved = (20..1000).find(|n| {
        let answers = [outcome(lab.address, *n), outcome(lab.address, *n)];
        answers.iter().all(|answer| answer == "200")
    });
    assert!(saved.is_some(), "its place was never given back");
}

#[test]
fn only_what_made_no_connection_is_retried_on_connect() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let lab = Lab::start(&[&a, &b], "interval=60s on-failure=retry retry-on=connect");
    b.become_(Mode::Eof);
    let answers: Vec<_> = (0..4).map(|n| outcome(lab.address, n)).collect();
    assert_eq!(
        answers.iter().filter(|word| *word == "502").count(),
        2,
        "{answers:?}"
    );
    b.kill();
    assert!((10..14).all(|n| Client::connect(lab.address, n).post().unwrap().status == 200));
}

/// HAProxy's `leastconn` without redispatch: a session that waits for its retry is still its server's.
#[test]
fn a_request_that_waits_for_a_retry_is_in_flight_where_it_waits() {
    for delay in ["1h", "1s"] {
        let [a, b] = [Backend::start("a"), Backend::start("b")];
        let words = format!(
            "interval=60s detector=notice balance=least-connections on-failure=retry retries=1 retry-to=same \
             retry-delay={delay} answer-refused=503"
        );
        let mut lab = Lab::start(&[&a, &b], &words);
        b.kill();
        let mut client = Client::connect(lab.address, 1);
        assert_eq!(
            client.get().unwrap().router,
            "a",
            "and the next goes to the other one"
        );
        client.send().unwrap();
        lab.wait(|event| matches!(event, Event::Attempt { nth: 1, .. }).then_some(()));
        if delay == "1h" {
            let served: Vec<String> = (10..30).map(|number| outcome(lab.address, number)).collect();
            assert_eq!(served, vec!["200"; 20], "none goes where one waits");
            continue;
        }
        // Believed Down meanwhile: it is quiet only after the retry.
        lab.control(r#"{"cmd":"notice","router":"b"}"#);
        let last = lab.wait(|event| match event {
            Event::Quiet { last_attempt_ns, .. } => Some(*last_attempt_ns),
            _ => None,
        });
        let made = attempts_so_far(&lab, 2);
        assert_eq!(made.len(), 2, "{made:?}");
        assert_eq!((made[1].1.as_str(), Some(made[1].0)), ("b", last));
        assert_eq!(client.answer().unwrap().status, 503);
    }
}
