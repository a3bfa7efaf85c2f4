//! PURE: when a dead process is started again.

use router::clock::Timestamp;
use std::time::Duration;

/// Who starts a dead router again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// This long after its death.
    After(Duration),
    /// Only when told to.
    Manual,
}

/// The restarts of one process.
#[derive(Clone, Debug)]
pub struct Restarts {
    policy: RestartPolicy,
    count: u32,
}

impl Restarts {
    pub fn new(policy: RestartPolicy) -> Restarts {
        Restarts { policy, count: 0 }
    }

    /// Takes effect at the next death.
    pub fn set_policy(&mut self, policy: RestartPolicy) {
        self.policy = policy;
    }

    /// When to start again a process whose death was at `death` after `_uptime` of life; `None`: not by itself.
    /// `_injected` deaths are the user's and say nothing about the process.
    pub fn on_death(&mut self, death: Timestamp, _uptime: Duration, _injected: bool) -> Option<Timestamp> {
        match self.policy {
            RestartPolicy::After(delay) => Some(death + delay),
            RestartPolicy::Manual => None,
        }
    }

    pub fn on_restart(&mut self) {
        self.count += 1;
    }

    /// Restarts so far.
    pub fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_policy_counts_from_the_next_death() {
        let mut restarts = Restarts::new(RestartPolicy::After(Duration::from_secs(15)));
        let death = Timestamp(1_000_000_000);
        assert_eq!(
            restarts.on_death(death, Duration::ZERO, true),
            Some(Timestamp(16_000_000_000))
        );
        restarts.set_policy(RestartPolicy::Manual);
        assert_eq!(restarts.on_death(death, Duration::ZERO, true), None);
    }
}
