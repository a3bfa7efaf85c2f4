//! One backend's failed attempts, and the ejections they lead to.

use super::PassiveSettings;
use router::clock::Timestamp;

/// Counts failed attempts in a row and ejections in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passive {
    failures: u32,
    /// Ejections in a row: each lasts longer than the one before.
    ejections: u32,
    until: Option<Timestamp>,
    /// Since when it has been in use, the last time.
    used: Timestamp,
}

impl Passive {
    /// In use from now on.
    pub fn new(now: Timestamp) -> Passive {
        Passive {
            failures: 0,
            ejections: 0,
            until: None,
            used: now,
        }
    }

    /// When the ejection of now ends.
    pub fn ejected_until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Failed attempts in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts one ended attempt of a backend in use; whether it has earned an ejection.
    pub fn observe(&mut self, failed: bool, settings: &PassiveSettings) -> bool {
        self.failures = if failed {
            self.failures.saturating_add(1)
        } else {
            0
        };
        self.failures >= settings.failures
    }

    /// Ejects. A backend that was in use for as long as a first ejection lasts starts a new row.
    pub fn eject(&mut self, now: Timestamp, settings: &PassiveSettings) {
        let in_a_row = now.since(self.used) < settings.ejection;
        self.ejections = if in_a_row {
            self.ejections.saturating_add(1)
        } else {
            1
        };
        self.until = Some(now + settings.ejection.saturating_mul(self.ejections).min(settings.cap));
    }

    /// The ejection of now lasts no longer than until `at`.
    pub fn shorten(&mut self, at: Timestamp) {
        self.until = self.until.map(|until| until.min(at));
    }

    /// The ejection is over.
    pub fn end(&mut self) {
        self.until = None;
    }

    /// It is in use again. What failed before is another story.
    pub fn use_again(&mut self, now: Timestamp) {
        self.failures = 0;
        self.used = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_failures_in_a_row_count_and_ejections_in_a_row_grow_up_to_the_cap() {
        let settings = PassiveSettings {
            failures: 3,
            ejection: Duration::from_secs(30),
            cap: Duration::from_secs(75),
            ..PassiveSettings::default()
        };
        let mut now = Timestamp(0);
        let mut passive = Passive::new(now);
        let seen: Vec<bool> = [true, true, false, true, true, true]
            .map(|failed| passive.observe(failed, &settings))
            .to_vec();
        assert_eq!(seen, [false, false, false, false, false, true]);
        for lasts in [30, 60, 75, 75] {
            passive.eject(now, &settings);
            let until = passive.ejected_until().unwrap();
            assert_eq!(until, now + Duration::from_secs(lasts));
            passive.end();
            passive.use_again(until);
            assert_eq!((passive.ejected_until(), passive.failures()), (None, 0));
            now = until + Duration::from_secs(29);
        }
        // In use for as long as the first ejection lasts: the row is broken.
        now = now + Duration::from_secs(2);
        passive.eject(now, &settings);
        assert_eq!(passive.ejected_until(), Some(now + Duration::from_secs(30)));
    }
}
