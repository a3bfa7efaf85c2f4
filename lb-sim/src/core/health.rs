//! One backend's counters and the belief they make.

use super::{BackendId, CheckSettings, Counting, FirstResult, Schedule};
use router::clock::Timestamp;
use router::record::{Belief, Detector};

/// What one prober believes of one backend, and how many checks speak for changing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Requests may be sent there: Up or going down.
    usable: bool,
    /// No check of it has ended yet.
    fresh: bool,
    failures: u32,
    successes: u32,
    since: Timestamp,
    /// When something else than polling last found it dead.
    condemned: Timestamp,
}

/// A belief that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub backend: BackendId,
    pub at: Timestamp,
    pub from: Belief,
    pub to: Belief,
    pub by: Detector,
}

impl Health {
    /// Innocent until `fall` checks have failed.
    pub fn up(now: Timestamp) -> Health {
        Health::new(now, true)
    }

    /// Of a backend that nobody has checked yet.
    pub fn new(now: Timestamp, usable: bool) -> Health {
        Health {
            usable,
            fresh: true,
            failures: 0,
            successes: 0,
            since: now,
            condemned: Timestamp(0),
        }
    }

    pub fn belief(&self) -> Belief {
        match (self.usable, self.failures, self.successes) {
            (true, 0, _) => Belief::Up,
            (true, _, _) => Belief::GoingDown,
            (false, _, 0) => Belief::Down,
            (false, _, _) => Belief::GoingUp,
        }
    }

    /// Whether requests may be sent there.
    pub fn usable(&self) -> bool {
        self.usable
    }

    /// Failed checks that count: in a row, or since the belief last changed ([`Counting`]).
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Successful checks that count.
    pub fn successes(&self) -> u32 {
        self.successes
    }

    /// When the belief of now began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Down at once, whatever was counted.
    pub fn condemn(&mut self, now: Timestamp, settings: &CheckSettings) {
        if self.belief() != Belief::Down {
            self.since = now;
        }
        self.condemned = now;
        self.usable = false;
        self.fresh = false;
        self.successes = 0;
        self.failures = self.failures.max(settings.fall);
    }

    /// A check that started then says nothing good: it may have been answered before the death.
    pub fn condemned_after(&self, started: Timestamp) -> bool {
        started < self.condemned
    }

    /// Counts one check; returns the belief before and after if it changed.
    pub fn observe(
        &mut self,
        now: Timestamp,
        healthy: bool,
        settings: &CheckSettings,
    ) -> Option<(Belief, Belief)> {
        let before = self.belief();
        let was_usable = self.usable;
        let decides = std::mem::take(&mut self.fresh) && settings.first_result == FirstResult::Decides;
        let in_a_row = settings.counting == Counting::Consecutive;
        let (speaks, against) = match healthy {
            true => (&mut self.successes, &mut self.failures),
            false => (&mut self.failures, &mut self.successes),
        };
        *speaks = speaks.saturating_add(1);
        if in_a_row {
            *against = 0;
        }
        if healthy {
            self.usable |= decides || self.successes >= settings.rise;
        } else {
            // Only time makes a router Down where nothing is counted.
            let counted = settings.schedule != Schedule::Deadline && self.failures >= settings.fall;
            self.usable &= !(decides || counted);
        }
        if self.usable != was_usable {
            self.forget_the_contrary();
        }
        self.note(now, before)
    }

    /// Down without a count: by a check that decides alone, or because its time has passed.
    pub fn fall(&mut self, now: Timestamp) {
        let before = self.belief();
        if self.usable {
            self.usable = false;
            self.forget_the_contrary();
        }
        self.note(now, before);
    }

    /// Believed so from now on because others believe it; counts that led elsewhere are void.
    pub fn agree(&mut self, now: Timestamp, usable: bool) {
        if self.usable != usable {
            let fresh = self.fresh;
            *self = Health::new(now, usable);
            self.fresh = fresh;
        }
    }

    /// Failures count towards Down and successes towards Up: those of the state that is over say nothing in the new one.
    fn forget_the_contrary(&mut self) {
        if self.usable {
            self.failures = 0;
        } else {
            self.successes = 0;
        }
    }

    fn note(&mut self, now: Timestamp, before: Belief) -> Option<(Belief, Belief)> {
        let after = self.belief();
        if after == before {
            return None;
        }
        self.since = now;
        Some((before, after))
    }
}

impl Transition {
    /// Whether the change lets requests in or keeps them out; a mere count on the way does neither.
    pub fn changes_use(&self) -> bool {
        usable(self.from) != usable(self.to)
    }
}

/// Whether a backend so believed gets requests.
pub fn usable(belief: Belief) -> bool {
    matches!(belief, Belief::Up | Belief::GoingDown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(fall: u32, rise: u32) -> CheckSettings {
        CheckSettings {
            fall,
            rise,
            ..CheckSettings::default()
        }
    }

    fn beliefs(health: &mut Health, results: &str, settings: &CheckSettings) -> Vec<Belief> {
        let observe = |c: char| {
            health.observe(Timestamp(1), c == '+', settings);
            health.belief()
        };
        results.chars().map(observe).collect()
    }

    #[test]
    fn fall_failures_in_a_row_make_it_down_and_rise_successes_up() {
        use Belief::*;
        let mut health = Health::up(Timestamp(0));
        let seen = beliefs(&mut health, "-+--", &settings(2, 3));
        assert_eq!(seen, [GoingDown, Up, GoingDown, Down]);
        let seen = beliefs(&mut health, "++-+++", &settings(2, 3));
        assert_eq!(seen, [GoingUp, GoingUp, Down, GoingUp, GoingUp, Up]);
    }

    #[test]
    fn fall_1_goes_straight_down() {
        let mut health = Health::up(Timestamp(0));
        let change = health.observe(Timestamp(7), false, &settings(1, 1));
        assert_eq!(change, Some((Belief::Up, Belief::Down)));
        assert_eq!(health.since(), Timestamp(7));
        let change = health.observe(Timestamp(9), true, &settings(1, 1));
        assert_eq!(change, Some((Belief::Down, Belief::Up)));
    }

    #[test]
    fn a_lower_fall_acts_at_the_next_result_not_before() {
        let mut health = Health::up(Timestamp(0));
        beliefs(&mut health, "---", &settings(5, 1));
        assert!(health.usable());
        beliefs(&mut health, "-", &settings(2, 1));
        assert!(!health.usable());
    }

    #[test]
    fn cumulative_counts_survive_the_opposite_until_the_belief_changes() {
        use Belief::*;
        let settings = CheckSettings {
            counting: Counting::Cumulative,
            ..settings(3, 2)
        };
        let mut health = Health::up(Timestamp(0));
        let seen = beliefs(&mut health, "-+++-+-", &settings);
        assert_eq!(seen[4..], [GoingDown, GoingDown, Down]);
        // What succeeded while it was Up does not help it up again.
        assert_eq!(beliefs(&mut health, "+-+", &settings), [GoingUp, GoingUp, Up]);
        assert_eq!(health.failures(), 0);
    }

    #[test]
    fn a_first_check_that_decides_does_so_both_ways_and_only_once() {
        use Belief::*;
        let settings = CheckSettings {
            first_result: FirstResult::Decides,
            ..settings(3, 3)
        };
        let mut health = Health::up(Timestamp(0));
        assert_eq!(beliefs(&mut health, "-+", &settings), [Down, GoingUp]);
        let mut health = Health::new(Timestamp(0), false);
        assert_eq!(beliefs(&mut health, "+--", &settings), [Up, GoingDown, GoingDown]);
    }
}
