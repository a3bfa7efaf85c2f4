//! Balancers that do not tell what they believe, or nothing of their attempts.

use super::*;

fn told(belief: bool, attempts: bool) -> Teller {
    Teller {
        engine: "nginx".into(),
        version: "1.22.1".into(),
        belief,
        attempts,
        every_attempt: attempts,
    }
}

fn measured_by(teller: &Teller, records: &[Record], victims: &[Victim]) -> Vec<Trial> {
    let strike = Strike {
        trial: 1,
        fault: Fault::Kill,
        victims,
        held_until: Timestamp(2550 * MS),
        anchor: Anchor::End,
        interval: None,
        teller,
    };
    trials(records, &strike, |_, _| Some(1.5))
}

/// Requests to a router that is dead from 1000 to 2600 ms: some under way, some lost, one lost by nobody's fault
/// before; as lb-sim and the client tell of them.
fn losses() -> Vec<Record> {
    let lost = |id: u64, sent: u64, ended: u64, cause: Cause, seen: Outcome| {
        let attempt = attempt(id, sent + 1, ended, cause);
        [attempt, outcome(id, sent, ended + 1, seen)]
    };
    let mut records = vec![outcome(1, 700, 720, Outcome::Http503)];
    records.extend(lost(2, 996, 1001, Cause::Eof, Outcome::Eof));
    records.extend(lost(3, 998, 1001, Cause::Reset, Outcome::Http502));
    for n in 0..40 {
        records.extend(lost(
            10 + n,
            1010 + n * 20,
            1012 + n * 20,
            Cause::Refused,
            Outcome::Http503,
        ));
    }
    records.push(ready(2600, "router-1"));
    records.push(outcome(99, 2700, 2701, Outcome::Http503));
    records
}

#[test]
fn a_balancer_that_tells_no_belief_has_neither_detected_nor_missed() {
    let mut records = story();
    records.retain(|r| !matches!(r.event, Event::Belief { .. } | Event::Quiet { .. }));
    let trial = measured_by(&told(false, true), &records, &[victim("router-1")]).remove(0);
    assert_eq!(
        (trial.detected, trial.detected_by, trial.t_detect_s),
        (None, None, None)
    );
    assert_eq!(trial.t_stop_s, Some(0.6), "its attempts are known");
    assert_eq!(trial.causes.unwrap().len(), 2);
    let document =
        serde_json::to_value(measured_by(&told(false, false), &records, &[victim("router-1")])).unwrap();
    for key in [
        "detected",
        "t_detect_s",
        "t_stop_s",
        "t_lost_s",
        "causes",
        "saved_by_retry",
    ] {
        assert!(document[0][key].is_null(), "{key}: {document:#}");
    }
}

#[test]
fn without_attempts_a_lost_request_belongs_to_the_victim_in_whose_spell_it_was_under_way() {
    let records = losses();
    let trial = measured_by(&told(true, false), &records, &[victim("router-1")]).remove(0);
    assert_eq!((trial.lost.in_flight, trial.lost.window), (2, 40));
    assert_eq!(
        trial.lost.by_outcome,
        BTreeMap::from([(Outcome::Eof, 1), (Outcome::Http502, 1), (Outcome::Http503, 40)])
    );
    assert_eq!(trial.t_clear_s, Some(0.79));
    // Nothing is under way any more, and nobody says when the last attempt started.
    let quiet = Event::Quiet {
        router: "router-1".into(),
        last_attempt_ns: None,
    };
    let mut records = records;
    records.extend([belief(1900, Belief::Down), record(1950, "lb", quiet)]);
    let trial = measured_by(&told(true, false), &records, &[victim("router-1")]).remove(0);
    assert_eq!((trial.detected, trial.t_stop_s), (Some(true), None));
    let seen = seen_by_clients(&records, &[victim("router-1")]).remove(0);
    assert_eq!(seen.window, BTreeMap::from([(Outcome::Http503, 40)]));
}

#[test]
fn what_the_client_saw_is_what_the_balancer_told() {
    let records = losses();
    let by_attempts = measured_by(&told(true, true), &records, &[victim("router-1")]).remove(0);
    let by_client = measured_by(&told(true, false), &records, &[victim("router-1")]).remove(0);
    assert_eq!(by_attempts.lost, by_client.lost);
    assert_eq!(by_attempts.t_clear_s, by_client.t_clear_s);
    assert_eq!(by_attempts.lost.total(), 42);
}

#[test]
fn requests_lost_to_victims_hit_together_are_lost_once() {
    let victims = [victim("router-1"), victim("router-2")];
    let mut records = losses();
    records.push(ready(2600, "router-2"));
    let two = measured_by(&told(true, false), &records, &victims);
    assert_eq!((two[0].lost.total(), two[1].lost.total()), (42, 0));
}

#[test]
fn a_request_that_was_late_counts_from_when_it_was_sent() {
    let mut late = outcome(1, 990, 1030, Outcome::Http503);
    if let Event::Outcome { sent_ns, .. } = &mut late.event {
        *sent_ns = Some(Timestamp(1005 * MS));
    }
    // Nothing was sent: no connection was free until the client gave up.
    let mut unsent = outcome(2, 1100, 1600, Outcome::Timeout);
    if let Event::Outcome { sent_ns, .. } = &mut unsent.event {
        *sent_ns = None;
    }
    let seen = seen_by_clients(&[late, unsent], &[victim("router-1")]).remove(0);
    assert_eq!((seen.lost.in_flight, seen.lost.window), (0, 2));
    assert_eq!(seen.clear, Some(0.1), "and a time before the fault is none");
}

#[test]
fn the_routers_own_checks_give_phase_and_prediction() {
    let seen = |ms: u64| record(ms, "router-1", Event::CheckSeen { status: Some(200) });
    let mut records = vec![seen(100), seen(601)];
    records.extend(losses());
    // A check that a stopped router answers when it runs again was none before the fault.
    records.push(seen(2601));
    let strike = Strike {
        trial: 1,
        fault: Fault::Kill,
        victims: &[victim("router-1")],
        held_until: Timestamp(2550 * MS),
        anchor: Anchor::End,
        interval: None,
        teller: &told(true, true),
    };
    let next = |phase: &Phase, fault: Timestamp| Some(2.0 - fault.seconds_after(phase.ended));
    let trial = trials(&records, &strike, next).remove(0);
    assert_eq!(trial.phase_s, Some(0.399));
    assert!((trial.predicted_t_detect_s.unwrap() - 1.601).abs() < 1e-9);
}

/// A hang that the balancer ends no attempt of: its clients give up first, and the router answers when it runs again.
#[test]
fn requests_whose_clients_gave_up_first_are_lost_to_the_hung_router() {
    let timeout = |id: u64, sent: u64| outcome(id, sent, sent + 500, Outcome::Timeout);
    let resumed = Event::Resumed {
        router: "router-1".into(),
        incarnation: 1,
    };
    let mut records = vec![timeout(1, 990), timeout(2, 1100), timeout(3, 1700)];
    // What a failed attempt elsewhere, or no router in use, explains, and what ended without a timeout.
    records.push(try_at("router-2", (Some(4), None), 1, 1200, Cause::Refused));
    records.push(timeout(4, 1199));
    records.push(record(1300, "lb", Event::Unrouted { request: Some(5) }));
    records.push(timeout(5, 1299));
    records.push(outcome(6, 1400, 1401, Outcome::Http503));
    // One attempt did fail there.
    records.extend([
        attempt(7, 1500, 1501, Cause::Reset),
        outcome(7, 1499, 1502, Outcome::Reset),
    ]);
    records.push(belief(1800, Belief::Down));
    records.push(record(2600, "supervisor", resumed));
    records.push(timeout(8, 2700));
    let hung = |teller: &Teller| measured_by(teller, &records, &[victim("router-1")]).remove(0);
    let trial = hung(&Teller::default());
    assert_eq!((trial.lost.in_flight, trial.lost.window), (1, 3));
    assert_eq!(trial.lost_without_attempt, Some(3));
    assert_eq!(
        trial.causes,
        Some(BTreeMap::from([(Cause::Reset, 1)])),
        "of attempts only"
    );
    assert_eq!((trial.t_lost_s, trial.t_clear_s), (Some(0.7), Some(0.7)));
    assert_eq!(trial.t_stop_s, Some(0.7), "an attempt of a lost request is one");
    assert_eq!(trial.saved_by_retry, Some(0));
    let real = hung(&told(true, true));
    assert_eq!(
        real.lost_without_attempt,
        Some(4),
        "a real one may not tell of request 6"
    );
    assert_eq!(hung(&told(true, false)).lost_without_attempt, None);
}

#[test]
fn a_relayed_connection_that_failed_elsewhere_is_not_the_victims() {
    let on = |port: u16, request: u64| {
        let mut record = outcome_on(port, request, 1100, 1600);
        if let Event::Outcome { outcome, .. } = &mut record.event {
            *outcome = Outcome::Timeout;
        }
        record
    };
    let records = vec![
        try_at("router-2", (None, Some(7000)), 1, 1101, Cause::ConnectTimeout),
        on(7000, 1),
        // Another connection had that port before.
        try_at("router-2", (None, Some(7001)), 1, 500, Cause::ConnectTimeout),
        on(7001, 2),
        ready(2600, "router-1"),
    ];
    let trial = measured_by(&Teller::default(), &records, &[victim("router-1")]).remove(0);
    assert_eq!((trial.lost.window, trial.lost_without_attempt), (1, Some(1)));
}

#[test]
fn the_last_attempt_told_is_the_last_one_only_where_all_are_told_and_none_may_have_ended_well() {
    let records = story();
    let stop = |teller: &Teller, fault: Fault, quiet: bool| {
        let mut records = records.clone();
        records.retain(|r| quiet || !matches!(r.event, Event::Quiet { .. }));
        let victims = [victim("router-1")];
        let strike = Strike {
            trial: 1,
            fault,
            victims: &victims,
            held_until: Timestamp(2550 * MS),
            anchor: Anchor::End,
            interval: None,
            teller,
        };
        trials(&records, &strike, |_, _| None).remove(0).t_stop_s
    };
    let envoy = told(true, true);
    let haproxy = Teller {
        every_attempt: false,
        ..told(true, true)
    };
    assert!(stop(&envoy, Fault::Kill, true).is_some());
    assert_eq!(
        stop(&envoy, Fault::Kill, false),
        Some(0.6),
        "nothing there ended well"
    );
    assert_eq!(
        stop(&envoy, Fault::Hang, false),
        None,
        "it runs again, and answers"
    );
    assert!(stop(&envoy, Fault::Hang, true).is_some());
    for fault in [Fault::Kill, Fault::Hang] {
        assert_eq!(stop(&haproxy, fault, true), None, "a lower bound is no t_stop");
    }
}

/// What the balancer calls its last attempt there is that: a request that was sent later was lost otherwise.
#[test]
fn no_attempt_of_a_lost_request_is_later_than_the_last_attempt() {
    let quiet = Event::Quiet {
        router: "router-1".into(),
        last_attempt_ns: Some(Timestamp(1500 * MS)),
    };
    let records = [
        attempt(1, 1500, 1501, Cause::Refused),
        outcome(1, 1499, 1502, Outcome::Http503),
        belief(1800, Belief::Down),
        outcome(2, 1900, 1901, Outcome::Http503),
        record(1950, "lb", quiet),
        ready(2550, "router-1"),
    ];
    let trial = measured_by(&told(true, true), &records, &[victim("router-1")]).remove(0);
    assert_eq!((trial.lost.window, trial.lost_without_attempt), (2, Some(1)));
    assert_eq!((trial.t_stop_s, trial.t_lost_s), (Some(0.5), Some(0.5)));
    assert_eq!(trial.t_clear_s, Some(0.9), "it was lost all the same");
}

/// nginx logs whole milliseconds: an attempt seems to begin before the request that it is for was due.
#[test]
fn an_attempt_begins_when_its_request_was_due_at_the_earliest() {
    let mut later = outcome(1, 1500, 1502, Outcome::Http502);
    if let Event::Outcome {
        intended_ns, sent_ns, ..
    } = &mut later.event
    {
        (*intended_ns, *sent_ns) = (
            Timestamp(1500 * MS + 700_000),
            Some(Timestamp(1500 * MS + 750_000)),
        );
    }
    let records = [
        attempt(1, 1500, 1502, Cause::Refused),
        later,
        ready(2550, "router-1"),
    ];
    let trial = measured_by(&told(true, true), &records, &[victim("router-1")]).remove(0);
    let times = (trial.t_stop_s, trial.t_lost_s, trial.t_clear_s);
    assert_eq!(times, (Some(0.5007), Some(0.5007), Some(0.5007)));
}

/// All routers hang at once: once they are out of use the balancer makes no attempt, and what it refuses is lost to them.
#[test]
fn requests_that_found_no_router_in_use_are_lost_to_the_fault() {
    let mut records = vec![
        attempt(1, 1100, 1101, Cause::Refused),
        outcome(1, 1099, 1102, Outcome::Http503),
    ];
    records.push(belief(1500, Belief::Down));
    for id in 2..=4 {
        records.push(record(1600 + id, "lb", Event::Unrouted { request: Some(id) }));
        records.push(outcome(id, 1600 + id, 1601 + id, Outcome::Http503));
    }
    records.push(ready(2600, "router-1"));
    // It is back, and not used yet; then something else.
    for (id, at) in [(5, 2700), (6, 2900)] {
        records.push(record(at, "lb", Event::Unrouted { request: Some(id) }));
        records.push(outcome(id, at, at + 1, Outcome::Http503));
    }
    let used = Event::Readmitted {
        router: "router-1".into(),
        started_ns: Timestamp(2800 * MS),
    };
    records.push(record(2800, "lb", used));
    let trial = measured_by(&told(true, true), &records, &[victim("router-1")]).remove(0);
    assert_eq!(
        (trial.lost.window, trial.lost.unserved, trial.lost.total()),
        (1, 4, 5)
    );
    assert_eq!(trial.lost.by_outcome, BTreeMap::from([(Outcome::Http503, 5)]));
    let totals = crate::experiment::summary::totals(
        &[trial],
        &Default::default(),
        crate::experiment::summary::Exposure::Unknown,
    );
    assert_eq!(totals.lost_per_trial.unwrap().mean, 5.0);
}
