//! PURE: two logs that were one stream.

use router::record::Record;

/// The records of events and outcomes in the order of their times, as far as one log alone does not have another: the
/// order of arrival within a log is kept.
pub struct Merged<A, B> {
    events: A,
    outcomes: B,
    event: Option<Record>,
    outcome: Option<Record>,
}

impl<A: Iterator<Item = Record>, B: Iterator<Item = Record>> Merged<A, B> {
    pub fn new(mut events: A, mut outcomes: B) -> Merged<A, B> {
        let (event, outcome) = (events.next(), outcomes.next());
        Merged {
            events,
            outcomes,
            event,
            outcome,
        }
    }

    /// The logs, when all is read.
    pub fn into_logs(self) -> (A, B) {
        (self.events, self.outcomes)
    }
}

impl<A: Iterator<Item = Record>, B: Iterator<Item = Record>> Iterator for Merged<A, B> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let outcome_first = match (&self.event, &self.outcome) {
            (Some(event), Some(outcome)) => outcome.at <= event.at,
            (None, Some(_)) => true,
            _ => false,
        };
        match outcome_first {
            true => std::mem::replace(&mut self.outcome, self.outcomes.next()),
            false => std::mem::replace(&mut self.event, self.events.next()),
        }
    }
}
