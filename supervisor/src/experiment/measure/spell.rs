//! PURE: the time in which a victim does harm, and what ends it.

use super::Victim;
use router::clock::Timestamp;
use router::record::{Belief, Detector, DrainStage, Event, Record};

/// The time in which a victim harms requests: attempts there that were started before `over` and failed after `fault`.
pub(super) struct Spell {
    pub router: String,
    pub fault: Timestamp,
    /// A draining router serves until then.
    pub closed: Option<Timestamp>,
    /// It serves again; `None`: not yet.
    pub over: Option<Timestamp>,
}

impl Spell {
    pub fn of(records: &[Record], victim: &Victim) -> Spell {
        let Victim { router, at, .. } = victim;
        let closed = first_after(records, *at, |record| {
            record.from == *router
                && matches!(
                    record.event,
                    Event::Drain {
                        stage: DrainStage::Closed,
                        ..
                    }
                )
        });
        Spell {
            router: router.clone(),
            fault: *at,
            closed,
            over: first_after(records, *at, |record| revives(record, router)),
        }
    }

    /// What starts there from then on fails.
    pub fn harmful(&self) -> Timestamp {
        self.closed.unwrap_or(self.fault)
    }

    /// When the victim was taken out of use before it was over, and who decided.
    pub fn noticed(&self, records: &[Record]) -> Option<(Timestamp, Detector)> {
        let decided = records.iter().filter_map(|record| match &record.event {
            Event::Belief { router, to, by, .. }
                if *router == self.router && is_out_of_use(*to) && record.at >= self.fault =>
            {
                Some((record.at, *by))
            }
            _ => None,
        });
        decided
            .min_by_key(|(at, _)| *at)
            .filter(|(at, _)| self.over.is_none_or(|over| *at <= over))
    }

    /// `t_readmit`: from its end to the first request that the router served, before its next fault.
    pub fn readmitted_after(&self, records: &[Record]) -> Option<f64> {
        let alive = self.over?;
        let next = first_after(
            records,
            alive,
            |record| matches!(&record.event, Event::Fault { router, .. } if *router == self.router),
        );
        let served = |record: &Record| matches!(&record.event, Event::Readmitted { router, .. } if *router == self.router);
        first_after(records, alive, served)
            .filter(|served| next.is_none_or(|next| *served < next))
            .map(|served| served.seconds_after(alive))
    }
}

/// The balancer gives it no requests, whoever decided that.
pub fn is_out_of_use(belief: Belief) -> bool {
    matches!(belief, Belief::Down | Belief::Ejected)
}

/// `router` serves again: a new life, or the end of what it did or suffered.
pub fn revives(record: &Record, router: &str) -> bool {
    match &record.event {
        Event::Ready { .. } => record.from == router,
        Event::Resumed { router: r, .. } | Event::Healed { router: r, .. } => r == router,
        _ => false,
    }
}

fn first_after(records: &[Record], since: Timestamp, wanted: impl Fn(&Record) -> bool) -> Option<Timestamp> {
    records
        .iter()
        .filter(|record| record.at >= since && wanted(record))
        .map(|record| record.at)
        .min()
}
