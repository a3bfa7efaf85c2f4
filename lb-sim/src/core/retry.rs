//! Whether a failed attempt may be followed by another: a budget, so that retries cannot multiply an outage, and a
//! breaker, so that slow retries cannot pile up.

use super::RetrySettings;
use router::clock::Timestamp;

/// Seconds that the budget looks back.
const SPAN: u64 = 10;
/// Retries a second that are always allowed, so that a balancer with little traffic can retry at all.
pub const RESERVE: u64 = 10;

/// Counts requests and retries of the last ten seconds, and retries under way.
#[derive(Clone, Debug, Default)]
pub struct RetryGate {
    /// One per second of the clock, by its remainder.
    seconds: [Second; SPAN as usize],
    under_way: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    requests: u64,
    retries: u64,
}

/// What forbids a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Budget,
    Breaker,
}

impl RetryGate {
    /// A request has come.
    pub fn request(&mut self, now: Timestamp) {
        self.second(now).requests += 1;
    }

    /// Begins a retry if it is allowed. Every one that is has an [`RetryGate::ended`].
    pub fn begin(&mut self, now: Timestamp, settings: &RetrySettings) -> Result<(), Denied> {
        if settings.breaker.is_some_and(|most| self.under_way >= most) {
            return Err(Denied::Breaker);
        }
        if let Some(budget) = settings.budget {
            let oldest = second_of(now).saturating_sub(SPAN - 1);
            let lately = self.seconds.iter().filter(|second| second.number >= oldest);
            let (requests, retries) = lately.fold((0, 0), |(requests, retries), second| {
                (requests + second.requests, retries + second.retries)
            });
            let allowed = requests * u64::from(budget.0) / 10_000 + RESERVE * SPAN;
            if retries >= allowed {
                return Err(Denied::Budget);
            }
        }
        self.second(now).retries += 1;
        self.under_way += 1;
        Ok(())
    }

    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub fn under_way(&self) -> u32 {
        self.under_way
    }

    fn second(&mut self, now: Timestamp) -> &mut Second {
        let number = second_of(now);
        let second = &mut self.seconds[(number % SPAN) as usize];
        if second.number != number {
            *second = Second {
                number,
                ..Second::default()
            };
        }
        second
    }
}

fn second_of(now: Timestamp) -> u64 {
    now.0 / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::super::Share;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const START: Timestamp = Timestamp(1_000_000_000_000);

    #[test]
    fn a_breaker_counts_retries_under_way() {
        let settings = RetrySettings {
            breaker: Some(2),
            budget: None,
            ..RetrySettings::default()
        };
        let mut gate = RetryGate::default();
        assert_eq!(gate.begin(START, &settings), Ok(()));
        assert_eq!(gate.begin(START, &settings), Ok(()));
        assert_eq!(gate.begin(START, &settings), Err(Denied::Breaker));
        gate.ended();
        assert_eq!(gate.begin(START, &settings), Ok(()));
    }

    proptest! {
        /// Whatever comes when: within any ten seconds no more retries than the share and the reserve.
        #[test]
        fn retries_never_exceed_their_share(
            steps in proptest::collection::vec((0u64..200, proptest::bool::weighted(0.6)), 1..2000), share in 0u32..5000,
        ) {
            let settings = RetrySettings { budget: Some(Share(share)), breaker: None, ..RetrySettings::default() };
            let mut gate = RetryGate::default();
            let (mut now, mut seen) = (START, Vec::new());
            for (wait, retry) in steps {
                now = now + Duration::from_millis(wait);
                if !retry {
                    gate.request(now);
                    seen.push((second_of(now), false));
                } else if gate.begin(now, &settings).is_ok() {
                    seen.push((second_of(now), true));
                    let lately = || seen.iter().filter(|(second, _)| second + SPAN > second_of(now));
                    let retries = lately().filter(|(_, retry)| *retry).count() as u64;
                    let requests = lately().count() as u64 - retries;
                    prop_assert!(retries <= requests * u64::from(share) / 10_000 + RESERVE * SPAN);
                }
            }
        }
    }

    #[test]
    fn the_reserve_comes_back_after_ten_seconds() {
        let settings = RetrySettings {
            budget: Some(Share(0)),
            breaker: None,
            ..RetrySettings::default()
        };
        let mut gate = RetryGate::default();
        let allowed =
            |gate: &mut RetryGate, now| (0..1000).filter(|_| gate.begin(now, &settings).is_ok()).count();
        assert_eq!(allowed(&mut gate, START), 100);
        assert_eq!(allowed(&mut gate, START + Duration::from_secs(9)), 0);
        assert_eq!(allowed(&mut gate, START + Duration::from_secs(10)), 100);
    }
}
