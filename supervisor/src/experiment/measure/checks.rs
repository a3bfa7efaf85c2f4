//! PURE: the health checks of a router, and where their rhythm stood at a fault.
//!
//! lb-sim records each check it made (`probe`). A real balancer may not; then the router's own record of the check's
//! arrival (`check_seen`) stands for it: on loopback it arrives within a fraction of a millisecond of its start, and a
//! healthy router answers at once, so start and end are the same moment. A check that was on its way at the fault, and
//! that the dead router therefore never told of, is not seen: with checks of 0.2 ms every second that is one fault in
//! five thousand, found one interval earlier than predicted.

use router::clock::Timestamp;
use router::record::{Event, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// How the phase of the check clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Checks are armed from the previous start.
    Start,
    /// Checks are armed from the previous end.
    End,
}

/// Where the check clock stood at the fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Start of the last check before the fault.
    pub started: Timestamp,
    /// Its end; later than the fault when it was under way.
    pub ended: Timestamp,
    /// The router has answered it, well: before the fault, whenever the balancer came to read the answer.
    pub passed: bool,
    /// Failed checks that counted against the router then, this one included.
    pub failures: u32,
}

/// Who told of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Balancer,
    Router,
}

/// A health check of a router.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check<'a> {
    pub router: &'a str,
    pub by: By,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub passed: bool,
    /// In a row, or altogether, as the balancer counts; 0 where it does not tell.
    pub failures: u32,
}

impl Phase {
    /// Seconds from the anchor to `fault`.
    pub fn seconds(&self, anchor: Anchor, fault: Timestamp) -> f64 {
        let from = match anchor {
            Anchor::Start => self.started,
            Anchor::End => self.ended,
        };
        fault.seconds_after(from)
    }
}

impl Check<'_> {
    pub fn of(record: &Record) -> Option<Check<'_>> {
        match &record.event {
            Event::Probe {
                router,
                started_ns,
                failures,
                ..
            } => Some(Check {
                router,
                by: By::Balancer,
                started: *started_ns,
                ended: record.at,
                passed: *failures == 0,
                failures: *failures,
            }),
            // A connection that asks nothing has got all it wanted.
            Event::CheckSeen { status } => Some(Check {
                router: &record.from,
                by: By::Router,
                started: record.at,
                ended: record.at,
                passed: status.is_none_or(|status| (200..400).contains(&status)),
                failures: 0,
            }),
            _ => None,
        }
    }

    pub fn anchor(&self, anchor: Anchor) -> Timestamp {
        match anchor {
            Anchor::Start => self.started,
            Anchor::End => self.ended,
        }
    }
}

/// The last check of `router` that had started at `fault`: from the balancer's log, otherwise from the router's. One that
/// ended only when the fault was `over` says nothing of the time before it.
pub fn phase(records: &[Record], router: &str, fault: Timestamp, over: Option<Timestamp>) -> Option<Phase> {
    let last = |by: By| {
        let checks = records.iter().filter_map(Check::of);
        checks
            .filter(|check| check.by == by && check.router == router && check.started <= fault)
            .max_by_key(|check| check.started)
    };
    let check = last(By::Balancer).or_else(|| last(By::Router))?;
    Some(Phase {
        started: check.started,
        ended: check.ended,
        passed: check.passed && over.is_none_or(|over| check.ended < over),
        failures: if check.ended <= fault { check.failures } else { 0 },
    })
}

/// How much later than due the balancer's own checks started at most, in milliseconds; `None`: it does not tell of two in
/// a row. One that was still under way when the next was due made that late by itself.
pub fn late_ms(
    records: &[Record],
    anchor: Anchor,
    interval: Duration,
    (since, until): (Timestamp, Timestamp),
) -> Option<f64> {
    let mut latest: BTreeMap<&str, Check<'_>> = BTreeMap::new();
    let own = records.iter().filter_map(Check::of);
    let own = own.filter(|check| check.by == By::Balancer && (since..=until).contains(&check.started));
    let mut late: Option<f64> = None;
    for check in own {
        let Some(before) = latest.insert(check.router, check) else {
            continue;
        };
        let due = before.anchor(anchor) + interval;
        if before.ended <= due {
            let by = (check.started.seconds_after(due) * 1e3).max(0.0);
            late = Some(late.map_or(by, |late| late.max(by)));
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::record::ProbeResult;

    fn seen(ms: u64, router: &str, status: Option<u16>) -> Record {
        Record {
            at: Timestamp(ms * 1_000_000),
            from: router.to_owned(),
            event: Event::CheckSeen { status },
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms * 1_000_000)
    }

    fn probe((started, ended): (u64, u64), router: &str) -> Record {
        Record {
            at: at(ended),
            from: "lb".to_owned(),
            event: Event::Probe {
                router: router.to_owned(),
                probe: 1,
                prober: None,
                started_ns: at(started),
                result: ProbeResult::Ok,
                status: None,
                failures: 0,
                fall: 2,
                successes: 1,
                rise: 2,
            },
        }
    }

    #[test]
    fn a_balancer_that_tells_of_no_check_is_read_from_the_router_it_checks() {
        // A stopped router accepts what came meanwhile when it runs again: that was no check before the fault.
        let records = [
            seen(400, "router-1", Some(200)),
            seen(900, "router-2", Some(200)),
            seen(1400, "router-1", None),
        ];
        let found = phase(&records, "router-1", at(1000), None).unwrap();
        assert_eq!((found.started, found.ended), (at(400), at(400)));
        assert_eq!(found.seconds(Anchor::End, at(1000)), 0.6);
        assert_eq!(
            phase(&records, "router-3", at(1000), None),
            None,
            "nobody checks it"
        );
    }

    #[test]
    fn the_balancers_own_word_comes_first() {
        // A sentinel's check arrives at the same port, and is none of polling's.
        let records = [
            probe((500, 501), "router-1"),
            seen(500, "router-1", Some(200)),
            seen(900, "router-1", Some(200)),
        ];
        let found = phase(&records, "router-1", at(1000), None).unwrap();
        assert_eq!((found.started, found.ended), (at(500), at(501)));
    }

    #[test]
    fn a_check_that_was_answered_before_the_fault_has_passed_unless_the_answer_came_after_its_end() {
        let records = [probe((999, 1003), "router-1")];
        let passed = |over| phase(&records, "router-1", at(1000), over).unwrap().passed;
        assert!(passed(None) && passed(Some(at(2000))));
        // Stopped in the middle of it, resumed, and answered then.
        assert!(!passed(Some(at(1002))));
    }

    #[test]
    fn a_check_passes_by_its_status_or_by_having_connected() {
        let passed = |status| Check::of(&seen(1, "router-1", status)).unwrap().passed;
        assert!(passed(None) && passed(Some(200)) && passed(Some(302)));
        assert!(!passed(Some(503)));
    }

    #[test]
    fn checks_are_late_by_what_their_gaps_have_beyond_the_interval() {
        let second = Duration::from_secs(1);
        let mut records = vec![
            probe((500, 501), "router-1"),
            probe((600, 601), "router-2"),
            probe((1500, 1501), "router-1"),
            probe((1630, 1631), "router-2"),
        ];
        let late = |records: &[Record], anchor| late_ms(records, anchor, second, (at(0), at(9000)));
        assert_eq!(late(&records, Anchor::Start).map(f64::round), Some(30.0));
        assert_eq!(late(&records, Anchor::End).map(f64::round), Some(29.0));
        // One that takes longer than the interval is late by itself.
        records.extend([probe((2500, 4500), "router-1"), probe((4500, 4501), "router-1")]);
        assert_eq!(late(&records, Anchor::Start).map(f64::round), Some(30.0));
        assert_eq!(late(&records[..2], Anchor::Start), None);
        assert_eq!(
            late(
                &[seen(1, "router-1", None), seen(3000, "router-1", None)],
                Anchor::End
            ),
            None
        );
    }
}
