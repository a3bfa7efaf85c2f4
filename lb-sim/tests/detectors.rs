//! What notices a dead router beside polling, and what becomes of the requests it cost; on real sockets. Polling is
//! too slow here to have a part in anything.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::backend::{Backend, Mode};
use lab::client::{Client, get, outcome};
use router::clock;
use router::record::{Belief, Detector, Event, Record};
use std::time::Duration;

/// Waits until `router` is believed `belief`; returns that record.
fn believed(lab: &mut Lab, name: &str, belief: Belief) -> Record {
    lab.wait_at(|record| match &record.event {
        Event::Belief { router, to, .. } if router == name && *to == belief => Some(record.clone()),
        _ => None,
    })
}

fn by(record: &Record) -> Detector {
    match record.event {
        Event::Belief { by, .. } => by,
        _ => panic!("{record:?}"),
    }
}

/// Waits for `n` checks of `name`, so that its first check is not under way any more.
fn checked(lab: &mut Lab, name: &str) {
    lab.wait(|event| matches!(event, Event::Probe { router, .. } if router == name).then_some(()));
}

#[test]
fn a_sentinel_finds_a_dead_router_between_two_checks() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(
        &[&a, &b],
        "interval=2s timeout=1s fall=3 rise=1 detector=sentinel on-failure=502",
    );
    checked(&mut lab, "b");
    let death = clock::now();
    b.kill();
    let down = believed(&mut lab, "b", Belief::Down);
    assert_eq!(by(&down), Detector::Sentinel);
    assert!(
        down.at.since(death) < Duration::from_secs(3),
        "polling takes 4 s at least"
    );
    assert!((0..4).all(|n| outcome(lab.address, n) == "200"));
    // Back by polling alone.
    let _b = Backend::start_at("b", b.address);
    assert_eq!(by(&believed(&mut lab, "b", Belief::Up)), Detector::Poll);
    // Turned off, it lets go.
    assert_eq!(
        lab.control(r#"{"cmd":"set","settings":{"detector":"poll"}}"#)["ok"],
        true
    );
}

#[test]
fn a_sentinel_does_not_wait_for_polling() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s fall=3 detector=sentinel on-failure=502");
    checked(&mut lab, "a");
    let death = clock::now();
    b.kill();
    let down = believed(&mut lab, "b", Belief::Down);
    assert_eq!(by(&down), Detector::Sentinel);
    // Its first check is due after 30 s.
    assert!(down.at.since(death) < Duration::from_secs(10), "{down:?}");
    let polled = lab.log.iter().filter(|record| match &record.event {
        Event::Probe { router, .. } => router == "b",
        _ => false,
    });
    assert_eq!(polled.count(), 0);
    let show = lab.control(r#"{"cmd":"show"}"#);
    let b = &show["backends"][1];
    assert_eq!(b["decided_by"], "sentinel");
    assert_eq!(b["back"], "2 successful checks in a row (so far 0)");
}

#[test]
fn what_passive_has_ejected_returns_when_it_is_turned_off() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words =
        "interval=60s detector=passive passive-failures=1 passive-ejection=1h passive-ejection-cap=1h";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Eof);
    (0..2).for_each(|n| drop(outcome(lab.address, n)));
    believed(&mut lab, "b", Belief::Ejected);
    b.become_(Mode::Serve);
    lab.control(r#"{"cmd":"set","settings":{"detector":"poll"}}"#);
    assert_eq!(by(&believed(&mut lab, "b", Belief::Up)), Detector::Passive);
    assert!((0..2).any(|n| get(lab.address, 10 + n).unwrap().router == "b"));
}

#[test]
fn what_cannot_change_while_running_says_so() {
    let a = Backend::start("a");
    let lab = Lab::start(&[&a], "interval=60s");
    let patch = r#"{"cmd":"set","settings":{"mode":"tcp","interval":"1s"}}"#;
    let error = lab.control(patch)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("cannot change while running"), "{error}");
    let same = lab.control(r#"{"cmd":"set","settings":{"mode":"http"}}"#);
    assert_eq!(
        same["settings"]["interval"], "60s",
        "nothing of it changed: {same}"
    );
}

#[test]
fn failed_attempts_in_a_row_eject_for_a_while_and_for_longer_the_next_time() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s detector=passive passive-failures=3 passive-ejection=500ms on-failure=502";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Reset);
    let mut used = None;
    for longer in [500, 1000] {
        let answers: Vec<_> = (0..6).map(|n| outcome(lab.address, n)).collect();
        assert_eq!(
            answers.iter().filter(|word| *word == "502").count(),
            3,
            "{answers:?}"
        );
        let ejected = believed(&mut lab, "b", Belief::Ejected);
        let Event::Belief { by, until_ns, .. } = &ejected.event else {
            unreachable!()
        };
        assert_eq!(*by, Detector::Passive);
        // Who was in use for that long begins anew: on a machine that is late it may have been.
        let anew = used.is_some_and(|used| ejected.at.since(used) >= Duration::from_millis(500));
        let lasts = Duration::from_millis(if anew { 500 } else { longer });
        assert_eq!(until_ns.unwrap().since(ejected.at), lasts);
        let back = believed(&mut lab, "b", Belief::Up);
        assert!(back.at >= until_ns.unwrap());
        used = Some(back.at);
    }
}

#[test]
fn who_is_ejected_is_not_asked_and_says_for_how_long_and_somebody_always_stays() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s detector=passive passive-failures=3 passive-ejection=1h passive-ejection-cap=1h \
                 on-failure=502";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Reset);
    (0..6).for_each(|n| drop(outcome(lab.address, n)));
    believed(&mut lab, "b", Belief::Ejected);
    assert!((10..14).all(|n| outcome(lab.address, n) == "200"));
    let show = lab.control(r#"{"cmd":"show"}"#);
    let shown = &show["backends"][1];
    assert_eq!(
        (&shown["belief"], &shown["decided_by"]),
        (&"ejected".into(), &"passive".into())
    );
    let back = shown["back"].as_str().unwrap();
    assert!(back.starts_with("its ejection ends in"), "{shown}");
    // One of two is the most: the other stays, whatever happens there.
    a.become_(Mode::Reset);
    let answers: Vec<_> = (0..30).map(|n| outcome(lab.address, n)).collect();
    assert!(answers.iter().all(|word| word == "502"), "{answers:?}");
    let show = lab.control(r#"{"cmd":"show"}"#);
    let ejected = show["backends"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|b| b["belief"] == "ejected");
    assert_eq!(ejected.count(), 1, "{show:#}");
}

#[test]
fn a_retry_saves_what_is_safe_to_send_again() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s on-failure=retry response-timeout=15s");
    for mode in [Mode::Eof, Mode::Reset, Mode::Hang] {
        if mode == Mode::Hang {
            // Four of these requests wait for it; a machine on which the others need it is lost.
            lab.control(r#"{"cmd":"set","settings":{"response-timeout":"1s"}}"#);
        }
        b.become_(mode);
        assert!((0..4).all(|n| outcome(lab.address, n) == "200"), "{mode:?}");
        let posts: Vec<u16> = (0..4)
            .map(|n| Client::connect(lab.address, n).post().unwrap().status)
            .collect();
        let lost = posts.iter().filter(|status| matches!(status, 502 | 504)).count();
        assert_eq!(lost, 2, "{mode:?}: {posts:?}");
    }
    // Where no connection was made, a POST is as good as new.
    b.kill();
    for n in 0..4 {
        assert_eq!(Client::connect(lab.address, n).post().unwrap().status, 200);
    }
    let show = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(show["retries"], 8, "{show:#}");
    assert_eq!(show["attempts"], show["requests"].as_u64().unwrap() + 8);
    // The totals may also be told while a retry begins, and know of it only in part.
    lab.wait(|event| match event {
        Event::Forwarded {
            retries: 8, attempts, ..
        } => (show["attempts"] == *attempts).then_some(()),
        _ => None,
    });
}

#[test]
fn a_request_that_was_sent_is_not_repeated_unless_it_is_harmless() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let lab = Lab::start(&[&a, &b], "interval=60s on-failure=retry");
    for router in [&a, &b] {
        router.become_(Mode::Eof);
    }
    for n in 0..10 {
        assert_eq!(Client::connect(lab.address, n).post().unwrap().status, 502);
    }
    assert_eq!(a.asked() + b.asked(), 10, "each was sent once");
    assert_eq!(lab.control(r#"{"cmd":"show"}"#)["retries"], 0);
    // The first try and three retries, of which the last two go where it has failed before.
    assert_eq!(outcome(lab.address, 20), "502");
    assert_eq!(a.asked() + b.asked(), 14);
}

#[test]
fn a_response_cut_short_is_neither_repeated_nor_counted_as_if() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let lab = Lab::start(&[&a, &b], "interval=60s on-failure=retry");
    b.become_(Mode::Cut);
    let cut = (0..4).filter(|n| get(lab.address, *n).is_err()).count();
    assert_eq!(cut, 2);
    let show = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(
        (&show["retries"], &show["attempts"]),
        (&0.into(), &4.into()),
        "{show:#}"
    );
}

#[test]
fn a_budget_of_nothing_leaves_the_reserve() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let lab = Lab::start(&[&a, &b], "interval=60s on-failure=retry retry-budget=0%");
    b.kill();
    let began = clock::now();
    let answers: Vec<_> = (0..400).map(|n| outcome(lab.address, n)).collect();
    let took = clock::now().since(began);
    let saved = 200 - answers.iter().filter(|word| *word == "502").count();
    // Ten a second: full after ten seconds, and what the requests' own time earns.
    let most = 100 + (10.0 * took.as_secs_f64()).ceil() as usize;
    assert!(
        (100..=most).contains(&saved),
        "{saved} saved in {took:?}: {answers:?}"
    );
    let show = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(show["retries_over_budget"], 200 - saved);
}

#[test]
fn a_notice_is_believed_only_where_it_is_wanted() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s detector=notice");
    checked(&mut lab, "a");
    let refused = lab.control(r#"{"cmd":"notice","router":"c"}"#);
    assert_eq!(refused["error"], "no router \"c\"; there are: a, b");
    assert_eq!(lab.control(r#"{"cmd":"notice","router":"b"}"#)["ok"], true);
    assert_eq!(by(&believed(&mut lab, "b", Belief::Down)), Detector::Notice);
    assert!((0..4).all(|n| get(lab.address, n).unwrap().router == "a"));
    lab.control(r#"{"cmd":"set","settings":{"detector":"poll"}}"#);
    let refused = lab.control(r#"{"cmd":"notice","router":"a"}"#);
    assert!(
        refused["error"].as_str().unwrap().contains("detector=notice"),
        "{refused}"
    );
}

#[test]
fn who_comes_again_is_believed_up_and_nothing_is_held_against_it() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s detector=notice+sentinel");
    lab.control(r#"{"cmd":"notice","router":"b"}"#);
    believed(&mut lab, "b", Belief::Down);
    assert_eq!(lab.control(r#"{"cmd":"remove","name":"b"}"#)["ok"], true);
    assert_eq!(
        lab.control(r#"{"cmd":"show"}"#)["backends"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let other = Backend::start("b");
    let add = format!(
        r#"{{"cmd":"add","name":"b","traffic":"{0}","health":"{0}"}}"#,
        other.address
    );
    assert_eq!(lab.control(&add)["ok"], true);
    believed(&mut lab, "b", Belief::Up);
    let show = lab.control(r#"{"cmd":"show"}"#);
    assert_eq!(show["backends"][1]["decided_by"], "poll", "{show:#}");
    assert_eq!(show["backends"][1]["traffic"], other.address.to_string());
    assert!((0..2).any(|n| get(lab.address, n).unwrap().router == "b"));
    assert_eq!((b.served(), other.served()), (0, 1));
    // The sentinel has moved with it.
    other.kill();
    assert_eq!(by(&believed(&mut lab, "b", Belief::Down)), Detector::Sentinel);
}

#[test]
fn routers_come_and_go_without_a_lost_request() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s");
    let address = lab.address;
    let client = std::thread::spawn(move || {
        let mut client = Client::connect(address, 1);
        (0..2000).all(|_| client.get().is_ok_and(|answer| answer.status == 200))
    });
    let c = Backend::start("c");
    for _ in 0..5 {
        let add = format!(
            r#"{{"cmd":"add","name":"c","traffic":"{0}","health":"{0}"}}"#,
            c.address
        );
        assert_eq!(lab.control(&add)["ok"], true);
        assert!(lab.control(&add)["error"].as_str().unwrap().contains("already"));
        assert!((0..200).any(|n| get(address, 5000 + n).unwrap().router == "c"));
        assert_eq!(lab.control(r#"{"cmd":"remove","name":"c"}"#)["ok"], true);
        lab.wait(|event| matches!(event, Event::Quiet { router, .. } if router == "c").then_some(()));
        assert!((0..6).all(|n| get(address, 6000 + n).unwrap().router != "c"));
    }
    assert!(client.join().unwrap());
    assert!(c.served() >= 5);
}
