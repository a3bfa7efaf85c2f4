//! How a router whose attempts failed comes back, what else than an ejection that leads to, and when nobody's belief
//! matters; on real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not see as tests"
)]

mod lab;

use lab::Lab;
use lab::backend::{Backend, Mode};
use lab::client::{get, outcome};
use router::record::{Belief, Detector, Event, Record};
use std::time::Duration;

/// Waits until `router` is believed `belief`; who decided, and why.
fn believed(lab: &mut Lab, name: &str, belief: Belief) -> (Detector, String) {
    lab.wait(|event| match event {
        Event::Belief {
            router,
            to,
            by,
            reason,
            ..
        } if router == name && *to == belief => Some((*by, reason.clone())),
        _ => None,
    })
}

fn set(lab: &Lab, settings: &str) {
    let answer = lab.control(&format!(r#"{{"cmd":"set","settings":{settings}}}"#));
    assert_eq!(answer["ok"], true, "{answer}");
}

#[test]
fn after_its_time_one_request_tries_a_router_and_its_success_restores_it() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s detector=passive passive-failures=1 passive-counting=quiet passive-on=broken \
                 passive-ejection=300ms passive-growth=none passive-return=trial on-failure=502";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Eof);
    let mut sent = 0;
    let mut until_one_fails = |lab: &Lab| {
        let failed = (0..100_000).find(|_| {
            sent += 1;
            outcome(lab.address, sent) == "502"
        });
        assert!(failed.is_some(), "nobody has tried it");
    };
    // The answer is sent before the verdict is reached: a client that is quick enough gets another attempt between.
    until_one_fails(&lab);
    believed(&mut lab, "b", Belief::Ejected);
    (0..3).for_each(|_| until_one_fails(&lab));
    b.become_(Mode::Serve);
    let (by, why) = {
        let address = lab.address;
        let load =
            std::thread::spawn(move || while get(address, 0).is_ok_and(|answer| answer.router == "a") {});
        let back = believed(&mut lab, "b", Belief::Up);
        load.join().unwrap();
        back
    };
    assert_eq!(
        (by, &why[..]),
        (Detector::Passive, "the request that tried it succeeded")
    );
    let attempt = |record: &Record| match &record.event {
        Event::Attempt { started_ns, .. } => Some((*started_ns, record.at)),
        _ => None,
    };
    let failed: Vec<_> = lab.log.iter().filter_map(attempt).collect();
    assert_eq!(failed.len(), 4);
    for pair in failed.windows(2) {
        let waited = pair[1].0.since(pair[0].0);
        assert!(waited >= Duration::from_millis(300), "{failed:?}");
    }
    assert_eq!(b.asked(), 4 + b.served());
}

#[test]
fn a_passed_check_ends_an_ejection_where_it_may() {
    for words in [
        "passive-return=check passive-counting=window",
        "passive-uneject=on",
        "passive-uneject=on passive-return=trial",
    ] {
        let [a, b] = [Backend::start("a"), Backend::start("b")];
        let words = format!(
            "interval=250ms detector=passive passive-failures=1 passive-ejection=1h passive-ejection-cap=1h {words}"
        );
        let mut lab = Lab::start(&[&a, &b], &words);
        b.become_(Mode::Eof);
        (0..2).for_each(|n| drop(outcome(lab.address, n)));
        let (by, why) = believed(&mut lab, "b", Belief::Ejected);
        assert_eq!(by, Detector::Passive);
        assert!(why.starts_with("1 attempts"), "{why}");
        let (by, why) = believed(&mut lab, "b", Belief::Up);
        assert_eq!(
            (by, &why[..]),
            (Detector::Poll, "a check succeeded, which ends its ejection"),
            "{words}"
        );
    }
}

#[test]
fn failed_attempts_can_count_as_failed_checks() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s fall=3 detector=passive passive-failures=2 passive-on=broken on-failure=502 \
                 passive-action=fail-check";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Eof);
    let lose = |lab: &Lab, n: usize| {
        let answers = (0..2 * n).map(|n| outcome(lab.address, n as u64));
        assert_eq!(answers.filter(|word| word == "502").count(), n);
    };
    lose(&lab, 2);
    let (by, why) = believed(&mut lab, "b", Belief::GoingDown);
    assert_eq!(
        (by, &why[..]),
        (
            Detector::Passive,
            "2 attempts in a row failed, which counts as a failed check"
        )
    );
    // One more, after which the next is the last.
    set(&lab, r#"{"passive-action":"sudden-death"}"#);
    lose(&lab, 4);
    assert_eq!(believed(&mut lab, "b", Belief::Down).0, Detector::Passive);
    assert!((0..4).all(|n| get(lab.address, n).unwrap().router == "a"));
}

#[test]
fn failed_attempts_can_bring_the_next_check_forward_or_mark_down() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let words = "interval=60s fall-interval=100ms detector=passive passive-failures=1 passive-on=broken \
                 passive-action=fastinter";
    let mut lab = Lab::start(&[&a, &b], words);
    b.become_(Mode::Eof);
    // Its first check is due after 30 s.
    (0..2).for_each(|n| drop(outcome(lab.address, n)));
    lab.wait(|event| matches!(event, Event::Probe { router, .. } if router == "b").then_some(()));
    set(&lab, r#"{"passive-action":"mark-down"}"#);
    (0..2).for_each(|n| drop(outcome(lab.address, n)));
    let (by, why) = believed(&mut lab, "b", Belief::Down);
    assert_eq!((by, &why[..]), (Detector::Passive, "1 attempts in a row failed"));
}

#[test]
fn too_few_usable_routers_are_as_good_as_all() {
    let [a, b] = [Backend::start("a"), Backend::start("b")];
    let mut lab = Lab::start(&[&a, &b], "interval=60s detector=notice panic-threshold=60%");
    let note = |lab: &mut Lab| {
        lab.wait(|event| match event {
            Event::Note { text } => Some(text.clone()),
            _ => None,
        })
    };
    lab.control(r#"{"cmd":"notice","router":"b"}"#);
    assert!(note(&mut lab).starts_with("too few routers"));
    believed(&mut lab, "b", Belief::Down);
    let served: Vec<_> = (0..4).map(|n| get(lab.address, n).unwrap().router).collect();
    assert_eq!(
        served.iter().filter(|router| *router == "b").count(),
        2,
        "{served:?}"
    );
    // It serves, although nobody believes it.
    lab.wait(|event| matches!(event, Event::Readmitted { router, .. } if router == "b").then_some(()));
    let quiet = |record: &Record| matches!(record.event, Event::Quiet { .. });
    assert!(!lab.log.iter().any(quiet));

    // Any share fails open when nobody is left.
    set(&lab, r#"{"panic-threshold":"1%"}"#);
    assert!(note(&mut lab).starts_with("enough routers"));
    lab.wait(|event| matches!(event, Event::Quiet { router, .. } if router == "b").then_some(()));
    assert!((0..4).all(|n| get(lab.address, n).unwrap().router == "a"));
    lab.control(r#"{"cmd":"notice","router":"a"}"#);
    assert!(note(&mut lab).starts_with("too few routers"));
    let served: Vec<_> = (0..4).map(|n| get(lab.address, n).unwrap().router).collect();
    assert!(
        ["a", "b"]
            .iter()
            .all(|router| served.iter().any(|served| served == router))
    );

    set(&lab, r#"{"panic-threshold":"off"}"#);
    lab.wait(|event| matches!(event, Event::Quiet { router, .. } if router == "a").then_some(()));
    assert_eq!(outcome(lab.address, 9), "reset");
    assert_eq!(lab.control(r#"{"cmd":"show"}"#)["unrouted"], 1);
}
