use super::*;
use router::record::ProbeResult;

const MS: u64 = 1_000_000;

fn record(ms: u64, from: &str, event: Event) -> Record {
    Record {
        at: Timestamp(ms * MS),
        from: from.into(),
        event,
    }
}

fn probe(started: u64, ended: u64, result: ProbeResult, failures: u32) -> Record {
    let event = Event::Probe {
        router: "router-1".into(),
        probe: started,
        started_ns: Timestamp(started * MS),
        result,
        status: None,
        failures,
        fall: 2,
        successes: 0,
        rise: 2,
    };
    record(ended, "lb", event)
}

fn attempt(request: u64, started: u64, ended: u64, cause: Cause) -> Record {
    let event = Event::Attempt {
        request: Some(request),
        router: "router-1".into(),
        started_ns: Timestamp(started * MS),
        cause,
        reused: false,
        status: None,
        nth: 1,
        port: None,
    };
    record(ended, "lb", event)
}

fn outcome(request: u64, intended: u64, ended: u64, outcome: Outcome) -> Record {
    let event = Event::Outcome {
        request,
        intended_ns: Timestamp(intended * MS),
        sent_ns: Some(Timestamp(intended * MS)),
        outcome,
        status: None,
        router: None,
        port: None,
    };
    record(ended, "load", event)
}

fn belief(at: u64, to: Belief) -> Record {
    let event = Event::Belief {
        router: "router-1".into(),
        from_state: Belief::Up,
        to,
        reason: String::new(),
        by: router::record::Detector::Poll,
        until_ns: None,
    };
    record(at, "lb", event)
}

fn story() -> Vec<Record> {
    vec![
        probe(500, 501, ProbeResult::Ok, 0),
        attempt(9, 995, 1001, Cause::Eof),
        outcome(9, 994, 1002, Outcome::Reset),
        probe(1500, 1501, ProbeResult::Refused, 1),
        attempt(20, 1600, 1601, Cause::Refused),
        outcome(20, 1599, 1602, Outcome::Reset),
        outcome(21, 1605, 1606, Outcome::Timeout),
        probe(2500, 2501, ProbeResult::Refused, 2),
        belief(2501, Belief::Down),
        record(
            2502,
            "lb",
            Event::Quiet {
                router: "router-1".into(),
                last_attempt_ns: Some(Timestamp(2400 * MS)),
            },
        ),
        record(
            2600,
            "router-1",
            Event::Ready {
                pid: 1,
                addresses: BTreeMap::new(),
            },
        ),
        record(
            4000,
            "lb",
            Event::Readmitted {
                router: "router-1".into(),
                started_ns: Timestamp(3999 * MS),
            },
        ),
    ]
}

fn measured(records: &[Record]) -> Trial {
    let death = (Timestamp(1000 * MS), Stamp::Signal);
    trial(records, Fault::Kill, "router-1", death, Anchor::Start, |_, _| {
        Some(1.5)
    })
}

#[test]
fn a_detected_death_has_all_its_times() {
    let trial = measured(&story());
    assert!(trial.detected);
    assert_eq!(trial.phase_s, Some(0.5));
    assert_eq!(trial.t_detect_s, Some(1.501));
    assert_eq!(trial.t_stop_s, Some(1.4));
    assert_eq!(trial.t_clear_s, Some(0.599));
    assert_eq!(trial.t_readmit_s, Some(1.4));
    assert_eq!(
        (trial.lost.in_flight, trial.lost.window),
        (1, 1),
        "request 21 is not this router's"
    );
    assert_eq!(
        trial.causes,
        BTreeMap::from([(Cause::Refused, 1), (Cause::Eof, 1)])
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
    assert!(!trial.detected);
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
    assert_eq!(measured(&records).t_stop_s, Some(0.0));
}

#[test]
fn a_check_under_way_at_the_death_ends_after_it() {
    let records = vec![
        probe(500, 501, ProbeResult::Ok, 0),
        probe(999, 1003, ProbeResult::Reset, 1),
    ];
    let phase = phase(&records, "router-1", Timestamp(1000 * MS)).expect("two checks");
    assert_eq!(
        (phase.started, phase.ended),
        (Timestamp(999 * MS), Timestamp(1003 * MS))
    );
}
