//! Whose a request was, and whether it was lost.

use super::*;

/// HAProxy waits for a second between its tries, and makes the same server's more of them.
#[test]
fn the_last_attempt_of_a_lost_request_is_no_earlier_than_its_last_try() {
    let at_1 = |nth, started| try_at("router-1", (Some(1), None), nth, started, Cause::Refused);
    let mut records = story();
    records.retain(|record| !matches!(record.event, Event::Ready { .. }));
    records.extend([at_1(1, 1700), at_1(2, 2700), at_1(3, 3700)]);
    records.push(outcome(1, 1699, 3701, Outcome::Http503));
    let trial = measured(&records);
    assert_eq!(trial.t_lost_s, Some(2.7), "not when its first try started");
}

#[test]
fn a_request_that_was_answered_after_all_is_saved_and_one_that_failed_often_is_lost_once() {
    let at_1 =
        |request, nth, started| try_at("router-1", (Some(request), None), nth, started, Cause::Refused);
    let records = vec![
        at_1(1, 1, 1100),
        at_1(2, 1, 1200),
        try_at("router-2", (Some(2), None), 2, 1210, Cause::Refused),
        at_1(2, 3, 1220),
        outcome(2, 1199, 1230, Outcome::Http502),
        // Failed at another router, that is no victim: not of this trial.
        try_at("router-2", (Some(3), None), 1, 1300, Cause::Refused),
        outcome(3, 1299, 1310, Outcome::Http502),
        at_1(4, 1, 1400),
        try_at("router-1", (Some(5), None), 1, 1500, Cause::ClientGone),
        outcome(5, 1000, 1500, Outcome::Timeout),
        ready(2600, "router-1"),
        at_1(6, 1, 2700),
    ];
    let trial = measured(&records);
    assert_eq!(trial.saved_by_retry, Some(2), "requests 1 and 4");
    assert_eq!((trial.lost.in_flight, trial.lost.window), (0, 2));
    assert_eq!(
        trial.lost.by_outcome,
        BTreeMap::from([(Outcome::Http502, 1), (Outcome::Timeout, 1)])
    );
    assert_eq!(
        trial.causes.unwrap()[&Cause::Refused],
        4,
        "attempts, not requests"
    );
    assert_eq!(trial.t_lost_s, Some(0.5));
}

#[test]
fn a_request_that_failed_at_two_victims_is_lost_at_the_first() {
    let records = vec![
        try_at("router-2", (Some(1), None), 1, 1100, Cause::Refused),
        try_at("router-1", (Some(1), None), 2, 1110, Cause::Refused),
        outcome(1, 1099, 1120, Outcome::Http502),
        belief(1500, Belief::Down),
        ready(2600, "router-1"),
        ready(2600, "router-2"),
    ];
    let two = measured_all(&records, Fault::Kill, &[victim("router-1"), victim("router-2")]);
    let lost: Vec<u64> = two.iter().map(|trial| trial.lost.total()).collect();
    assert_eq!(lost, [0, 1]);
    assert_eq!(
        (&two[0].causes, &two[1].causes),
        (
            &Some(BTreeMap::from([(Cause::Refused, 1)])),
            &Some(BTreeMap::from([(Cause::Refused, 1)]))
        ),
        "each has its attempts"
    );
    assert_eq!((two[0].detected, two[1].detected), (Some(true), Some(false)));
    assert_eq!((two[0].trial, two[1].trial), (1, 1));
}

#[test]
fn connections_are_joined_by_the_nearest_use_of_their_port() {
    let on = |port, nth, started| try_at("router-1", (None, Some(port)), nth, started, Cause::Refused);
    let records = vec![
        on(7000, 1, 1100),
        on(7000, 2, 1105),
        outcome_on(7000, 1, 1099, 1110),
        // The same port again, and this time another router took it.
        on(7000, 1, 2000),
        // Nobody's: its connection failed long before the request was to be sent.
        on(7001, 1, 1200),
        outcome_on(7001, 9, 2100, 2110),
        on(7002, 1, 900),
        record(
            1001,
            "lb",
            try_at("router-1", (None, Some(7003)), 1, 990, Cause::Reset).event,
        ),
        outcome_on(7003, 4, 980, 1002),
        ready(2600, "router-1"),
    ];
    let trial = measured(&records);
    assert_eq!((trial.lost.in_flight, trial.lost.window), (1, 1));
    assert_eq!(trial.saved_by_retry, Some(2), "7000 the second time, and 7001");
    assert_eq!(trial.t_clear_s, Some(0.099));
}
