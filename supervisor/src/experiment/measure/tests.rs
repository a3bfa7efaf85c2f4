use super::*;
use router::record::ProbeResult;

mod crashes;
mod disturbed;
mod forwarded;
mod untold;

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
        prober: None,
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
        reckoned: false,
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

fn ready(at: u64, router: &str) -> Record {
    let event = Event::Ready {
        pid: 1,
        addresses: BTreeMap::new(),
    };
    record(at, router, event)
}

/// The `nth` attempt of a request, at `router`, from the client's `port`.
fn try_at(
    router: &str,
    (request, port): (Option<u64>, Option<u16>),
    nth: u32,
    started: u64,
    cause: Cause,
) -> Record {
    let event = Event::Attempt {
        request,
        router: router.into(),
        started_ns: Timestamp(started * MS),
        cause,
        reused: false,
        status: None,
        nth,
        port,
        reckoned: false,
    };
    record(started + 1, "lb", event)
}

fn outcome_on(port: u16, request: u64, intended: u64, ended: u64) -> Record {
    let mut record = outcome(request, intended, ended, Outcome::Reset);
    if let Event::Outcome { port: p, .. } = &mut record.event {
        *p = Some(port);
    }
    record
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
        outcome(21, 1605, 1606, Outcome::Reset),
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

fn victim(router: &str) -> Victim {
    Victim {
        router: router.into(),
        at: Timestamp(1000 * MS),
        stamp: Stamp::Signal,
        crash: None,
    }
}

fn measured_all(records: &[Record], fault: Fault, victims: &[Victim]) -> Vec<Trial> {
    let strike = Strike {
        trial: 1,
        fault,
        victims,
        held_until: Timestamp(2550 * MS),
        anchor: Anchor::Start,
        interval: None,
        teller: &Teller::default(),
    };
    trials(records, &strike, |_, _| Some(1.5))
}

fn measured(records: &[Record]) -> Trial {
    measured_all(records, Fault::Kill, &[victim("router-1")]).remove(0)
}

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
        (None, true, Some(0.0))
    );
}

#[test]
fn a_check_under_way_at_the_death_ends_after_it() {
    let records = vec![
        probe(500, 501, ProbeResult::Ok, 0),
        probe(999, 1003, ProbeResult::Reset, 1),
    ];
    let phase = checks::phase(&records, "router-1", Timestamp(1000 * MS)).expect("two checks");
    assert_eq!(
        (phase.started, phase.ended),
        (Timestamp(999 * MS), Timestamp(1003 * MS))
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
