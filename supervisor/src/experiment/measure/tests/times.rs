//! When it was noticed, when attempts ended, when it served again.

use super::*;

#[test]
fn a_detected_death_has_all_its_times() {
    let trial = measured(&story());
    assert_eq!(trial.detected, Some(true));
    assert_eq!(trial.phase_s, Some(0.5));
    assert_eq!(trial.t_detect_s, Some(1.501));
    assert_eq!(trial.t_stop_s, Some(1.4));
    assert_eq!(trial.t_lost_s, Some(0.6), "started 600 ms after the death");
    assert_eq!(trial.t_clear_s, Some(0.599));
    assert_eq!(trial.detected_by, Some(Detector::Poll));
    assert_eq!(trial.t_readmit_s, Some(1.4));
    assert_eq!(
        (trial.lost.in_flight, trial.lost.window),
        (1, 1),
        "request 21 is not this router's"
    );
    assert_eq!(
        trial.causes,
        Some(BTreeMap::from([(Cause::Refused, 1), (Cause::Eof, 1)]))
    );
}

#[test]
fn a_router_back_before_down_is_not_detected() {
    let mut records = story();
    records.retain(|r| {
        !matches!(
            r.event,
            Event::Belief { .. } | Event::Quiet { .. } | Event::Ready { .. }
        )
    });
    records.push(record(
        2000,
        "router-1",
        Event::Ready {
            pid: 1,
            addresses: BTreeMap::new(),
        },
    ));
    let trial = measured(&records);
    assert_eq!(trial.detected, Some(false));
    assert_eq!(trial.t_detect_s, None, "not observed is null, never 0");
    assert_eq!(trial.t_stop_s, Some(0.6), "the last failed attempt");
}

#[test]
fn nothing_attempted_after_the_death_is_a_zero_window_only_when_the_balancer_said_quiet() {
    let mut records = story();
    records.retain(|r| !matches!(r.event, Event::Attempt { .. } | Event::Quiet { .. }));
    assert_eq!(measured(&records).t_stop_s, None);
    let quiet = Event::Quiet {
        router: "router-1".into(),
        last_attempt_ns: Some(Timestamp(900 * MS)),
    };
    records.push(record(2502, "lb", quiet));
    let trial = measured(&records);
    assert_eq!(
        (trial.t_stop_s, trial.no_attempt, trial.window_s(false)),
        (Some(0.0), true, Some(0.0))
    );
}

#[test]
fn a_check_under_way_at_the_death_ends_after_it() {
    let records = vec![
        probe(500, 501, ProbeResult::Ok, 0),
        probe(999, 1003, ProbeResult::Reset, 1),
    ];
    let phase = checks::phase(&records, "router-1", Timestamp(1000 * MS), None).expect("two checks");
    assert_eq!(
        (phase.started, phase.ended, phase.passed, phase.failures),
        (Timestamp(999 * MS), Timestamp(1003 * MS), false, 0)
    );
}

#[test]
fn an_ejection_is_noticed_by_who_decided_it_and_counts_when_it_was_first() {
    let mut records = story();
    let ejected = Event::Belief {
        router: "router-1".into(),
        from_state: Belief::Up,
        to: Belief::Ejected,
        reason: String::new(),
        by: Detector::Passive,
        until_ns: None,
    };
    records.push(record(1200, "lb", ejected));
    let trial = measured(&records);
    assert_eq!(
        (trial.detected_by, trial.t_detect_s),
        (Some(Detector::Passive), Some(0.2))
    );
}

#[test]
fn a_drained_router_harms_from_the_closing_of_its_listener() {
    let closed = Event::Drain {
        stage: DrainStage::Closed,
        in_flight: 1,
    };
    let cut = Event::Attempt {
        request: Some(1),
        router: "router-1".into(),
        started_ns: Timestamp(1990 * MS),
        cause: Cause::Cut,
        reused: false,
        status: None,
        nth: 1,
        port: None,
        reckoned: false,
    };
    let records = vec![
        record(2000, "router-1", closed),
        record(2050, "lb", cut),
        outcome(1, 1989, 2051, Outcome::Eof),
        attempt(2, 2100, 2101, Cause::Refused),
        outcome(2, 2099, 2102, Outcome::Reset),
        belief(2200, Belief::Down),
        ready(2600, "router-1"),
    ];
    let trial = measured_all(&records, Fault::Drain, &[victim("router-1")]).remove(0);
    assert_eq!(trial.t_closed_s, Some(1.0));
    assert_eq!((trial.lost.in_flight, trial.lost.window), (1, 1));
    assert_eq!((trial.t_detect_s, trial.t_lost_s), (Some(1.2), Some(1.1)));
}

#[test]
fn healing_ends_what_the_router_did() {
    let healed = Event::Healed {
        router: "router-1".into(),
        incarnation: 1,
        fault: Fault::Error,
    };
    let records = vec![
        attempt(1, 1100, 1101, Cause::Status5xx),
        outcome(1, 1099, 1102, Outcome::Http503),
        record(2000, "supervisor", healed),
        belief(2001, Belief::Down),
        attempt(2, 2100, 2101, Cause::Status5xx),
        outcome(2, 2099, 2102, Outcome::Http503),
    ];
    let trial = measured_all(&records, Fault::Error, &[victim("router-1")]).remove(0);
    assert_eq!(trial.detected, Some(false), "too late is not noticed");
    assert_eq!(trial.lost.total(), 1);
    assert_eq!(trial.t_stop_s, Some(0.1));
}

#[test]
fn a_readmission_after_the_next_fault_is_not_this_ones() {
    let fault = Event::Fault {
        router: "router-1".into(),
        incarnation: 2,
        fault: Fault::Kill,
        detail: None,
    };
    let mut records = story();
    records.push(record(3000, "supervisor", fault));
    assert_eq!(measured(&records).t_readmit_s, None);
}
