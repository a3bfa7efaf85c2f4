//! The story of a death, in records, that the tests measure.

use super::*;
use router::record::{Belief, Cause, CrashVariant, Detector, DrainStage, Fault, Outcome, ProbeResult, Stamp};
use std::collections::BTreeMap;

mod crashes;
mod disturbed;
mod forwarded;
mod requests;
mod times;
mod untold;

const MS: u64 = 1_000_000;

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
        by: Detector::Poll,
        until_ns: None,
    };
    record(at, "lb", event)
}
