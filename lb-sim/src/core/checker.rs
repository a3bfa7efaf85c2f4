//! One prober's view of one router: what it counts, when it checks, and its checks under way.

use super::{CheckSettings, Health, Schedule};
use router::clock::Timestamp;
use router::record::{Belief, ProbeResult};

#[derive(Clone, Debug)]
pub(super) struct Checker {
    pub health: Health,
    /// The next tick; `None` while an `end` schedule waits for the check under way, and in rounds.
    pub due: Option<Timestamp>,
    /// What `due` was counted from, and what was believed then; `None`: nothing changes it any more.
    pub counted: Option<(Timestamp, Belief)>,
    /// The check under way that started last.
    pub probe: Option<Outstanding>,
    /// Those that started before it: only where checks may overlap.
    pub older: Vec<Outstanding>,
    /// The last success, or else its birth.
    proof: Timestamp,
    /// Down then, unless a check succeeds before ([`Schedule::Deadline`]).
    pub overdue: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) struct Outstanding {
    pub number: u64,
    pub started: Timestamp,
    pub expires: Timestamp,
}

impl Checker {
    /// Believes `health`, and checks first at `first`.
    pub fn new(
        now: Timestamp,
        health: Health,
        first: Option<Timestamp>,
        settings: &CheckSettings,
    ) -> Checker {
        let mut checker = Checker {
            health,
            due: first,
            counted: None,
            probe: None,
            older: Vec::new(),
            proof: now,
            overdue: None,
        };
        checker.set_overdue(settings);
        checker
    }

    /// Counts the result of a check that started then.
    pub fn count(&mut self, now: Timestamp, result: ProbeResult, settings: &CheckSettings) {
        let healthy = result == ProbeResult::Ok;
        self.health.observe(now, healthy, settings);
        if healthy {
            self.proof = now;
        } else if settings.down_at_once.applies(result) {
            self.health.fall(now);
        }
        if settings.schedule == Schedule::Deadline {
            self.set_overdue(settings);
        }
    }

    /// Under [`Schedule::Deadline`] an Up router goes Down `timeout` after its last success (F5: the documentation does
    /// not say from when it counts; its rule `timeout = 3 × interval + 1` makes sense from the last success only).
    pub fn set_overdue(&mut self, settings: &CheckSettings) {
        let counts = settings.schedule == Schedule::Deadline && self.health.usable();
        self.overdue = counts.then(|| self.proof + settings.timeout);
    }

    /// The check of that number, if it is under way: it is not any more.
    pub fn take(&mut self, number: u64) -> Option<Outstanding> {
        let taken = self.probe.take_if(|probe| probe.number == number);
        taken.or_else(|| {
            let place = self.older.iter().position(|probe| probe.number == number)?;
            Some(self.older.remove(place))
        })
    }

    /// The check under way that expires first, and when.
    pub fn expiry(&self) -> Option<(Timestamp, u64)> {
        let last = self.probe.iter().map(|probe| (probe.expires, probe.number));
        let older = self.older.iter().map(|probe| (probe.expires, probe.number));
        last.chain(older).min()
    }

    /// Neither checked nor waited for.
    pub fn stop(&mut self) {
        (self.due, self.counted, self.probe, self.overdue) = (None, None, None, None);
        self.older.clear();
    }
}
