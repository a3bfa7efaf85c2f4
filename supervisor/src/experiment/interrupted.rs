//! PURE: what the fault cost that was under way when a run was interrupted.

use super::measure::{self, Victim};
use super::summary::Interrupted;
use router::record::{Event, Record, Stamp};

/// The trial after the `done` ones, which hit `victims` each; `None` if its fault had not come. `unexplained` lost
/// requests belong to no other trial: those of the trial before may end late.
pub fn interrupted(records: &[Record], done: u32, victims: u32, unexplained: u64) -> Option<Interrupted> {
    let hit = |record: &Record| match &record.event {
        Event::Fault { router, .. } => Some(Victim {
            router: router.clone(),
            at: record.at,
            stamp: Stamp::Signal,
            crash: None,
        }),
        _ => None,
    };
    let measured = done as usize * victims as usize;
    let hit: Vec<Victim> = records.iter().filter_map(hit).skip(measured).collect();
    let seen = measure::seen_by_clients(records, &hit);
    let lost: u64 = seen.iter().map(|seen| seen.lost.total()).sum();
    (!hit.is_empty()).then(|| Interrupted {
        trial: done + 1,
        lost: lost.min(unexplained),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock::Timestamp;
    use router::record::{Fault, Outcome};

    fn record(ms: u64, event: Event) -> Record {
        Record {
            at: Timestamp(ms * 1_000_000),
            from: "supervisor".into(),
            event,
        }
    }

    fn fault(ms: u64, router: &str) -> Record {
        let event = Event::Fault {
            router: router.into(),
            incarnation: 1,
            fault: Fault::Hang,
            detail: None,
        };
        record(ms, event)
    }

    fn lost(request: u64, sent: u64, ended: u64) -> Record {
        let event = Event::Outcome {
            request,
            intended_ns: Timestamp(sent * 1_000_000),
            sent_ns: Some(Timestamp(sent * 1_000_000)),
            outcome: Outcome::Timeout,
            status: None,
            router: None,
            port: None,
        };
        record(ended, event)
    }

    #[test]
    fn losses_of_the_trial_that_was_interrupted_are_its_own() {
        let records = [
            fault(1000, "router-1"),
            lost(1, 1100, 1600),
            fault(9000, "router-2"),
            lost(2, 8000, 8500),
            lost(3, 8999, 9100),
            lost(4, 9200, 9700),
        ];
        let lost = |done, unexplained| interrupted(&records, done, 1, unexplained).map(|i| (i.trial, i.lost));
        assert_eq!(lost(1, 100), Some((2, 2)));
        assert_eq!(lost(1, 1), Some((2, 1)), "one was another trial's");
        assert_eq!(lost(2, 100), None, "interrupted between two faults");
    }
}
