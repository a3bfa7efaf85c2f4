//! Balancers that do not tell what they believe, or nothing of their attempts.

use super::*;

fn told(belief: bool, attempts: bool) -> Teller {
    Teller {
        engine: "nginx".into(),
        version: "1.22.1".into(),
        belief,
        attempts,
    }
}

fn measured_by(teller: &Teller, records: &[Record], victims: &[Victim]) -> Vec<Trial> {
    let strike = Strike {
        trial: 1,
        fault: Fault::Kill,
        victims,
        held_until: Timestamp(2550 * MS),
        anchor: Anchor::End,
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
        teller: &told(true, true),
    };
    let next = |phase: &Phase, fault: Timestamp| Some(2.0 - fault.seconds_after(phase.ended));
    let trial = trials(&records, &strike, next).remove(0);
    assert_eq!(trial.phase_s, Some(0.399));
    assert!((trial.predicted_t_detect_s.unwrap() - 1.601).abs() < 1e-9);
}
