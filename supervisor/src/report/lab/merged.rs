//! PURE: two logs that were one stream.

use router::clock::Timestamp;
use router::record::Record;
use std::time::Duration;

/// The records of events and outcomes in the order of their times, as far as one log alone does not have another: the
/// order of arrival within a log is kept.
pub struct Merged<A, B> {
    events: A,
    outcomes: B,
    event: Option<Record>,
    outcome: Option<Record>,
    /// Of all events that have been read.
    last: Option<Timestamp>,
    /// What became of requests later than that is left out.
    whole: bool,
}

/// While there are requests, the load tells of itself ten times a second.
const SILENT: Duration = Duration::from_secs(2);

impl<A: Iterator<Item = Record>, B: Iterator<Item = Record>> Merged<A, B> {
    pub fn new(mut events: A, mut outcomes: B) -> Merged<A, B> {
        let (event, outcome) = (events.next(), outcomes.next());
        Merged {
            events,
            outcomes,
            event,
            outcome,
            last: None,
            whole: true,
        }
    }

    /// Ends where the events do: where their log was cut off, what became of requests after that belongs to nothing that
    /// is told.
    pub fn until_events_end(self) -> Merged<A, B> {
        Merged { whole: false, ..self }
    }

    /// The logs, when all is read.
    pub fn into_logs(self) -> (A, B) {
        (self.events, self.outcomes)
    }
}

impl<A: Iterator<Item = Record>, B: Iterator<Item = Record>> Iterator for Merged<A, B> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.event.is_none() && !self.whole {
            let last = self.last;
            let belongs = |outcome: &Record| last.is_none_or(|last| outcome.at <= last + SILENT);
            if self.outcome.as_ref().is_some_and(|outcome| !belongs(outcome)) {
                self.outcome = self.outcomes.find(belongs);
            }
        }
        let outcome_first = match (&self.event, &self.outcome) {
            (Some(event), Some(outcome)) => outcome.at <= event.at,
            (None, Some(_)) => true,
            _ => false,
        };
        match outcome_first {
            true => std::mem::replace(&mut self.outcome, self.outcomes.next()),
            false => {
                self.last = self.last.max(self.event.as_ref().map(|event| event.at));
                std::mem::replace(&mut self.event, self.events.next())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::record::Event;

    fn log(ms: &[u64]) -> std::vec::IntoIter<Record> {
        let record = |ms: &u64| Record {
            at: Timestamp(ms * 1_000_000),
            from: "load".to_owned(),
            event: Event::Latencies { buckets: Vec::new() },
        };
        ms.iter().map(record).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn outcomes_end_with_the_events_where_these_were_cut_off() {
        let times = |merged: Merged<_, _>| {
            merged
                .map(|record: Record| record.at.0 / 1_000_000)
                .collect::<Vec<_>>()
        };
        let merged = || Merged::new(log(&[100, 9000, 9100]), log(&[50, 5000, 9150, 11_200, 9160]));
        assert_eq!(times(merged()), [50, 100, 5000, 9000, 9100, 9150, 11_200, 9160]);
        assert_eq!(
            times(merged().until_events_end()),
            [50, 100, 5000, 9000, 9100, 9150, 9160]
        );
    }
}
