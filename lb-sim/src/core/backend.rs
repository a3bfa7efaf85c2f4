//! One backend as the balancer keeps it: what is believed of it and what it waits for.

use super::{Health, Passive};
use router::clock::Timestamp;
use router::record::Belief;

#[derive(Clone, Debug)]
pub(super) struct Backend {
    /// `false`: taken out of the fleet; neither checked nor used.
    pub present: bool,
    pub health: Health,
    pub passive: Passive,
    /// When the belief of now began.
    pub since: Timestamp,
    /// The next tick; `None` while an `end` schedule waits for the check under way.
    pub due: Option<Timestamp>,
    pub probe: Option<Outstanding>,
    /// The check that a lost sentinel connection started.
    pub urgent: Option<Outstanding>,
}

/// What a backend waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Expiry,
    UrgentExpiry,
    Return,
    Tick,
}

#[derive(Clone, Debug)]
pub(super) struct Outstanding {
    pub number: u64,
    pub started: Timestamp,
    pub expires: Timestamp,
}

impl Backend {
    pub fn new(now: Timestamp, first: Timestamp) -> Backend {
        Backend {
            present: true,
            health: Health::up(now),
            passive: Passive::new(now),
            since: now,
            due: Some(first),
            probe: None,
            urgent: None,
        }
    }

    pub fn usable(&self) -> bool {
        self.present && self.health.usable() && !self.passive.ejected()
    }

    pub fn belief(&self) -> Belief {
        if self.passive.ejected() && self.health.usable() {
            Belief::Ejected
        } else {
            self.health.belief()
        }
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        self.next().map(|(at, _)| at)
    }

    /// What comes next. At the same instant a check expires before the next one starts.
    pub fn next(&self) -> Option<(Timestamp, Due)> {
        let mut next = self.due.map(|at| (at, Due::Tick));
        let mut earlier = |at: Option<Timestamp>, what| {
            if let Some(at) = at
                && next.is_none_or(|next| (at, what) < next)
            {
                next = Some((at, what));
            }
        };
        earlier(self.passive.ejected_until(), Due::Return);
        earlier(self.urgent.as_ref().map(|probe| probe.expires), Due::UrgentExpiry);
        earlier(self.probe.as_ref().map(|probe| probe.expires), Due::Expiry);
        next
    }
}
