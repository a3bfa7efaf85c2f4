//! One backend's failed attempts, and the ejections they lead to.

use super::PassiveSettings;
use router::clock::Timestamp;

/// Counts failed attempts in a row and ejections in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passive {
    failures: u32,
    /// Ejections in a row: each lasts longer than the one before.
    ejections: u32,
    until: Option<Timestamp>,
    /// When the last ejection ended.
    returned: Option<Timestamp>,
}

impl Passive {
    /// When the ejection of now ends.
    pub fn ejected_until(&self) -> Option<Timestamp> {
        self.until
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts one ended attempt; whether the backend has earned an ejection.
    pub fn observe(&mut self, failed: bool, settings: &PassiveSettings) -> bool {
        self.failures = if failed {
            self.failures.saturating_add(1)
        } else {
            0
        };
        self.until.is_none() && self.failures >= settings.failures
    }

    /// Ejects; returns until when. The count starts afresh after it.
    pub fn eject(&mut self, now: Timestamp, settings: &PassiveSettings) -> Timestamp {
        let in_a_row = self
            .returned
            .is_some_and(|returned| now.since(returned) < settings.ejection);
        self.ejections = if in_a_row {
            self.ejections.saturating_add(1)
        } else {
            1
        };
        let until = now + settings.ejection.saturating_mul(self.ejections).min(settings.cap);
        self.failures = 0;
        self.until = Some(until);
        until
    }

    /// The ejection is over.
    pub fn end(&mut self, now: Timestamp) {
        self.failures = 0;
        self.until = None;
        self.returned = Some(now);
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
        let mut passive = Passive::default();
        let seen: Vec<bool> = [true, true, false, true, true, true]
            .map(|failed| passive.observe(failed, &settings))
            .to_vec();
        assert_eq!(seen, [false, false, false, false, false, true]);
        let mut now = Timestamp(0);
        for lasts in [30, 60, 75, 75] {
            let until = passive.eject(now, &settings);
            assert_eq!(until, now + Duration::from_secs(lasts));
            assert!(
                !passive.observe(true, &settings),
                "no ejection within an ejection"
            );
            passive.end(until);
            now = until + Duration::from_secs(29);
        }
        // In use for as long as the first ejection lasts: the row is broken.
        now = now + Duration::from_secs(2);
        assert_eq!(passive.eject(now, &settings), now + Duration::from_secs(30));
    }
}
