//! PURE: when a dead process is started again, and when no more.
//!
//! The n-th death in a row waits `delay × 2^(n−1)`, at most `max_delay`, give or take the jitter. A life of at least
//! `stable` begins a new row. More than `limit` deaths within its time, and the process is given up. Deaths that were
//! done to it (injected faults, SIGKILL from outside) count for neither and wait exactly `delay`.

mod backoff;
#[cfg(test)]
mod properties;

pub use backoff::{Backoff, Limit};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use router::clock::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Who starts a dead process again, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestartPolicy {
    /// By itself.
    Backoff(Backoff),
    /// Only when told to.
    Manual,
}

/// The restarts of one process.
#[derive(Clone, Debug)]
pub struct Restarts {
    policy: RestartPolicy,
    random: ChaCha8Rng,
    count: u32,
    /// Deaths by its own doing without a stable life between them.
    row: u32,
    /// Moments of deaths by its own doing that the limit may still count, oldest first.
    deaths: VecDeque<Timestamp>,
    gave_up: bool,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    pub at: Timestamp,
    pub uptime: Duration,
    pub by: Killer,
}

/// Whose doing a death was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killer {
    /// Its own: it crashed, or could not start.
    Itself,
    /// An injected fault, or SIGKILL from outside: says nothing about the process.
    Another,
}

/// What follows from a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    StartAt(Timestamp),
    /// Somebody has to say when.
    Wait,
    /// It died `deaths` times within `within` by its own doing: somebody has to look.
    GiveUp {
        deaths: u32,
        within: Duration,
    },
}

impl Restarts {
    /// Same seed, same jitter.
    pub fn new(policy: RestartPolicy, seed: u64) -> Restarts {
        Restarts {
            policy,
            random: ChaCha8Rng::seed_from_u64(seed),
            count: 0,
            row: 0,
            deaths: VecDeque::new(),
            gave_up: false,
        }
    }

    /// Takes effect at the next death.
    pub fn set_policy(&mut self, policy: RestartPolicy) {
        self.policy = policy;
    }

    pub fn on_death(&mut self, death: Death) -> Next {
        let RestartPolicy::Backoff(backoff) = self.policy else {
            return Next::Wait;
        };
        if death.uptime >= backoff.stable {
            self.row = 0;
        }
        if death.by == Killer::Another {
            return Next::StartAt(death.at + backoff.delay);
        }
        self.row = self.row.saturating_add(1);
        if let Some(Limit { deaths, within }) = backoff.limit {
            self.deaths.push_back(death.at);
            while self
                .deaths
                .front()
                .is_some_and(|first| death.at.since(*first) > within)
            {
                self.deaths.pop_front();
            }
            if self.deaths.len() > deaths as usize {
                self.gave_up = true;
                let first = self.deaths.front().copied().unwrap_or(death.at);
                return Next::GiveUp {
                    deaths: self.deaths.len() as u32,
                    within: death.at.since(first),
                };
            }
        }
        Next::StartAt(death.at + backoff.after(self.row, &mut self.random))
    }

    pub fn on_restart(&mut self) {
        self.count += 1;
    }

    /// Started by hand: what went before is forgiven.
    pub fn forgive(&mut self) {
        self.gave_up = false;
        self.row = 0;
        self.deaths.clear();
    }

    /// Restarts so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn gave_up(&self) -> bool {
        self.gave_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn restarts(backoff: Backoff) -> Restarts {
        Restarts::new(RestartPolicy::Backoff(backoff), 1)
    }

    fn own(at_s: u64, uptime_s: u64) -> Death {
        Death {
            at: Timestamp(at_s * SECOND),
            uptime: Duration::from_secs(uptime_s),
            by: Killer::Itself,
        }
    }

    fn delay(next: Next, death: Death) -> f64 {
        match next {
            Next::StartAt(at) => at.since(death.at).as_secs_f64(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delays_double_up_to_the_cap_and_a_stable_life_begins_anew() {
        let mut restarts = restarts(Backoff {
            jitter: 0.0,
            limit: None,
            ..Backoff::default()
        });
        let mut wait = |uptime| delay(restarts.on_death(own(0, uptime)), own(0, uptime));
        let delays: Vec<f64> = (0..7).map(|_| wait(1)).collect();
        assert_eq!(delays, [15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 300.0]);
        assert_eq!([wait(59), wait(60), wait(3)], [300.0, 15.0, 30.0]);
    }

    #[test]
    fn without_a_delay_the_second_death_waits_a_little_all_the_same() {
        let mut restarts = restarts(Backoff {
            delay: Duration::ZERO,
            jitter: 0.0,
            limit: None,
            ..Backoff::default()
        });
        let mut wait = || delay(restarts.on_death(own(0, 0)), own(0, 0));
        assert_eq!([wait(), wait(), wait(), wait()], [0.0, 0.2, 0.4, 0.8]);
    }

    #[test]
    fn what_is_done_to_it_counts_for_nothing_and_waits_the_plain_delay() {
        let mut restarts = restarts(Backoff::default());
        for second in 0..1000 {
            let killed = Death {
                by: Killer::Another,
                ..own(second, 0)
            };
            assert_eq!(delay(restarts.on_death(killed), killed), 15.0);
        }
        assert!(!restarts.gave_up());
        let first = delay(restarts.on_death(own(1000, 0)), own(1000, 0));
        assert!((13.5..=16.5).contains(&first), "{first}");
    }

    #[test]
    fn one_death_more_than_the_limit_within_its_time_and_it_is_given_up_until_forgiven() {
        let mut restarts = restarts(Backoff::default());
        for second in [0, 100, 200, 300, 400] {
            assert!(matches!(restarts.on_death(own(second, 0)), Next::StartAt(_)));
        }
        let sixth = restarts.clone().on_death(own(600, 0));
        assert_eq!(
            sixth,
            Next::GiveUp {
                deaths: 6,
                within: Duration::from_secs(600)
            }
        );
        assert!(
            matches!(restarts.on_death(own(601, 0)), Next::StartAt(_)),
            "the first is too old"
        );
        restarts.on_death(own(602, 0));
        assert!(restarts.gave_up());
        restarts.forgive();
        assert!(!restarts.gave_up());
        let first = delay(restarts.on_death(own(603, 0)), own(603, 0));
        assert!((13.5..=16.5).contains(&first), "{first}");
    }

    #[test]
    fn a_new_policy_counts_from_the_next_death() {
        let mut restarts = restarts(Backoff::default());
        assert!(matches!(restarts.on_death(own(1, 0)), Next::StartAt(_)));
        restarts.set_policy(RestartPolicy::Manual);
        assert_eq!(restarts.on_death(own(2, 0)), Next::Wait);
    }
}
