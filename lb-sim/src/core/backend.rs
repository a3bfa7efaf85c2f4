//! One backend as the balancer keeps it: what is believed of it and what it waits for.

use super::checker::{Checker, Outstanding};
use super::{CheckSettings, Passive};
use router::clock::Timestamp;
use router::record::Belief;

#[derive(Clone, Debug)]
pub(super) struct Backend {
    /// `false`: taken out of the fleet; neither checked nor used.
    pub present: bool,
    /// The first prober's view. It has no place in `others`: most balancers have one prober, and one checker is found
    /// without a look elsewhere.
    pub lead: Checker,
    /// The other probers' views.
    pub others: Vec<Checker>,
    /// How many probers must find it Down for it to be.
    pub quorum: u32,
    pub passive: Passive,
    /// When the belief of now began.
    pub since: Timestamp,
    /// The check that a lost sentinel connection started.
    pub urgent: Option<Outstanding>,
}

/// What a backend waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A check of this prober.
    Expiry(usize),
    UrgentExpiry,
    /// No check of this prober has succeeded for too long.
    Overdue(usize),
    Return,
    Tick(usize),
}

impl Backend {
    /// With one checker for each prober.
    pub fn new(now: Timestamp, lead: Checker, others: Vec<Checker>, settings: &CheckSettings) -> Backend {
        Backend {
            present: true,
            quorum: quorum(settings),
            lead,
            others,
            passive: Passive::new(now),
            since: now,
            urgent: None,
        }
    }

    pub fn usable(&self) -> bool {
        self.present && self.checks_pass() && self.passive.ejected_until().is_none()
    }

    /// Whether requests that this prober decides for may go there.
    pub fn usable_to(&self, prober: usize) -> bool {
        self.present && self.checker(prober).health.usable() && self.passive.ejected_until().is_none()
    }

    pub fn belief(&self) -> Belief {
        let ejected = self.passive.ejected_until().is_some();
        if ejected && self.checks_pass() {
            Belief::Ejected
        } else {
            self.found()
        }
    }

    /// Whether its checks, by themselves, let requests in.
    pub fn checks_pass(&self) -> bool {
        self.against() < self.quorum
    }

    /// How many probers find it Down.
    pub fn against(&self) -> u32 {
        self.checkers()
            .map(|checker| u32::from(!checker.health.usable()))
            .sum()
    }

    /// What its checks, by themselves, make believe. Down when as many probers find it Down as must agree, and Up again
    /// when fewer do; going down when any of them has something against it.
    pub fn found(&self) -> Belief {
        if self.others.is_empty() {
            return self.lead.health.belief();
        }
        let has = |belief| self.checkers().any(|checker| checker.health.belief() == belief);
        match self.checks_pass() {
            true if self
                .checkers()
                .all(|checker| checker.health.belief() == Belief::Up) =>
            {
                Belief::Up
            }
            true => Belief::GoingDown,
            false if has(Belief::GoingUp) => Belief::GoingUp,
            false => Belief::Down,
        }
    }

    /// Down at once for every prober, whatever was counted.
    pub fn condemn(&mut self, now: Timestamp, settings: &CheckSettings) {
        for checker in self.checkers_mut() {
            checker.health.condemn(now, settings);
            checker.overdue = None;
        }
    }

    /// Neither checked nor used any more.
    pub fn leave(&mut self) {
        self.present = false;
        self.urgent = None;
        self.checkers_mut().for_each(Checker::stop);
    }

    /// The check of that number, if it is under way, and which prober's it is: it is not under way any more.
    pub fn take(&mut self, number: u64) -> Option<(usize, Outstanding)> {
        let mut checkers = self.checkers_mut().enumerate();
        checkers.find_map(|(prober, checker)| Some((prober, checker.take(number)?)))
    }

    pub fn checker(&self, prober: usize) -> &Checker {
        match prober {
            0 => &self.lead,
            _ => &self.others[prober - 1],
        }
    }

    pub fn checker_mut(&mut self, prober: usize) -> &mut Checker {
        match prober {
            0 => &mut self.lead,
            _ => &mut self.others[prober - 1],
        }
    }

    /// In the order of the probers.
    pub fn checkers(&self) -> impl Iterator<Item = &Checker> {
        std::iter::once(&self.lead).chain(&self.others)
    }

    pub fn checkers_mut(&mut self) -> impl Iterator<Item = &mut Checker> {
        std::iter::once(&mut self.lead).chain(&mut self.others)
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        self.next().map(|(at, _)| at)
    }

    /// What comes next. At the same instant a check expires before the next one starts.
    pub fn next(&self) -> Option<(Timestamp, Due)> {
        let mut next = None;
        let mut earlier = |at: Option<Timestamp>, what| {
            if let Some(at) = at
                && next.is_none_or(|next| (at, what) < next)
            {
                next = Some((at, what));
            }
        };
        for (prober, checker) in self.checkers().enumerate() {
            earlier(checker.due, Due::Tick(prober));
            earlier(checker.overdue, Due::Overdue(prober));
            earlier(checker.expiry().map(|(at, _)| at), Due::Expiry(prober));
        }
        earlier(self.passive.ejected_until(), Due::Return);
        earlier(self.urgent.as_ref().map(|probe| probe.expires), Due::UrgentExpiry);
        next
    }
}

/// All of them where each decides for itself: it is Down when the last that could still send there finds it Down.
pub(super) fn quorum(settings: &CheckSettings) -> u32 {
    settings.agreement.unwrap_or(settings.probers)
}
