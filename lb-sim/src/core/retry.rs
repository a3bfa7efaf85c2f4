//! Whether a failed attempt may be followed by another, and when: a budget, so that retries cannot multiply an outage, and a
//! breaker, so that slow ones cannot pile up.

use super::{RetryOn, RetrySettings};
use rand::Rng;
use router::clock::Timestamp;
use std::time::Duration;

/// Retries a second that are always earned, so that a balancer with little traffic can retry at all.
pub const RESERVE: u64 = 10;
/// The bucket holds what these many seconds earn.
pub const SPAN: usize = 10;
/// A token in the unit of [`super::Share`]: what one request deposits at 100 %.
const TOKEN: u64 = 10_000;
const SECOND: u64 = 1_000_000_000;
/// The reserve earns one unit in this many nanoseconds.
const NANOS_PER_UNIT: u64 = SECOND / (RESERVE * TOKEN);

/// A request as far as its retries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// When it came.
    pub begun: Timestamp,
    /// Attempts so far.
    pub made: u32,
}

impl Tries {
    /// When the next attempt starts, if an attempt fails at `now`; `None`: it was the last.
    pub fn next(&self, now: Timestamp, settings: &RetrySettings, random: &mut impl Rng) -> Option<Timestamp> {
        let start = now + settings.delay + self.jitter(settings.jitter, random);
        let late = settings.time.is_some_and(|time| start.since(self.begun) > time);
        (self.made <= settings.retries && !late).then_some(start)
    }

    /// Envoy: whole milliseconds, uniform below 25 before the first retry, doubled for each further one up to ten times
    /// that (JitteredExponentialBackOffStrategy).
    fn jitter(&self, first: Duration, random: &mut impl Rng) -> Duration {
        if first.is_zero() {
            return Duration::ZERO;
        }
        let times = 1u32 << self.made.saturating_sub(1).min(4);
        let below = first.saturating_mul(times.min(10)).as_millis().max(1);
        // The high word of the product is uniform in [0, below).
        Duration::from_millis(((u128::from(random.next_u64()) * below) >> 64) as u64)
    }
}

impl RetryOn {
    /// Whether a request may be sent again: where no connection was made, nobody has seen it.
    pub fn allows(self, connected: bool, idempotent: bool) -> bool {
        !connected || (self == RetryOn::Safe && idempotent)
    }
}

/// A token bucket: every request deposits its share, every second the reserve, and a retry takes one token. It holds
/// at most what the last ten seconds earned, and starts full.
#[derive(Clone, Debug)]
pub struct RetryGate {
    /// In units of which `TOKEN` make a token.
    tokens: u64,
    /// What the reserve has earned is in `tokens` up to then.
    earned: Timestamp,
    /// Requests by second of the clock, by its remainder, and their sum.
    seconds: [u32; SPAN],
    second: u64,
    lately: u64,
    under_way: u32,
}

/// What forbids a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    Budget,
    Breaker,
}

impl RetryGate {
    pub fn new(now: Timestamp) -> RetryGate {
        RetryGate {
            tokens: RESERVE * TOKEN * SPAN as u64,
            earned: now,
            seconds: [0; SPAN],
            second: now.0 / SECOND,
            lately: 0,
            under_way: 0,
        }
    }

    /// A request has come. Once for each, however often it is tried.
    pub fn request(&mut self, now: Timestamp, settings: &RetrySettings) {
        self.turn(now);
        let count = &mut self.seconds[(self.second % SPAN as u64) as usize];
        *count = count.saturating_add(1);
        self.lately += 1;
        self.tokens += settings.budget.map_or(0, |share| u64::from(share.0));
    }

    /// Begins a retry, if it is allowed. Every one that is has an [`RetryGate::ended`].
    pub fn begin(&mut self, now: Timestamp, settings: &RetrySettings) -> Result<(), Denied> {
        if settings.breaker.is_some_and(|most| self.under_way >= most) {
            return Err(Denied::Breaker);
        }
        if let Some(share) = settings.budget {
            self.turn(now);
            self.earn(now);
            let most = RESERVE * TOKEN * SPAN as u64 + u64::from(share.0) * self.lately;
            self.tokens = self.tokens.min(most);
            self.tokens = self.tokens.checked_sub(TOKEN).ok_or(Denied::Budget)?;
        }
        self.under_way += 1;
        Ok(())
    }

    /// A retry is over.
    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Retries begun and not ended.
    pub fn under_way(&self) -> u32 {
        self.under_way
    }

    /// Adds what the reserve earned since the last time.
    fn earn(&mut self, now: Timestamp) {
        let units = now.0.saturating_sub(self.earned.0) / NANOS_PER_UNIT;
        self.tokens = self.tokens.saturating_add(units);
        self.earned.0 += units * NANOS_PER_UNIT;
    }

    /// Forgets the requests of seconds that are too long ago.
    fn turn(&mut self, now: Timestamp) {
        let second = now.0 / SECOND;
        for gone in (self.second + 1..=second).take(SPAN) {
            let count = &mut self.seconds[(gone % SPAN as u64) as usize];
            self.lately -= u64::from(std::mem::take(count));
        }
        self.second = self.second.max(second);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Share;
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const START: Timestamp = Timestamp(1_000_000_000_000);

    fn settings(budget: Option<u32>, breaker: Option<u32>) -> RetrySettings {
        RetrySettings {
            budget: budget.map(Share),
            breaker,
            ..RetrySettings::default()
        }
    }

    fn allowed(gate: &mut RetryGate, now: Timestamp, settings: &RetrySettings) -> usize {
        (0..1000)
            .take_while(|_| gate.begin(now, settings).is_ok())
            .count()
    }

    #[test]
    fn a_breaker_counts_retries_under_way() {
        let settings = settings(None, Some(2));
        let mut gate = RetryGate::new(START);
        assert_eq!(allowed(&mut gate, START, &settings), 2);
        assert_eq!(gate.begin(START, &settings), Err(Denied::Breaker));
        gate.ended();
        assert_eq!(gate.begin(START, &settings), Ok(()));
        assert_eq!(gate.under_way(), 2);
    }

    #[test]
    fn without_a_share_ten_a_second_are_left_and_ten_seconds_of_them_at_once() {
        let settings = settings(Some(0), None);
        let mut gate = RetryGate::new(START);
        for _ in 0..5000 {
            gate.request(START, &settings);
        }
        assert_eq!(allowed(&mut gate, START, &settings), 100);
        let second = START + Duration::from_secs(1);
        assert_eq!(allowed(&mut gate, second, &settings), 10);
        assert_eq!(gate.begin(second, &settings), Err(Denied::Budget));
        let later = START + Duration::from_secs(3600);
        assert_eq!(allowed(&mut gate, later, &settings), 100);
    }

    #[test]
    fn requests_earn_their_share_and_what_is_older_than_ten_seconds_is_lost() {
        let settings = settings(Some(2_000), None);
        let mut gate = RetryGate::new(START);
        (0..500).for_each(|_| gate.request(START, &settings));
        assert_eq!(
            allowed(&mut gate.clone(), START + Duration::from_secs(5), &settings),
            100 + 100
        );
        assert_eq!(
            allowed(&mut gate, START + Duration::from_secs(10), &settings),
            100
        );
    }

    proptest! {
        /// Since the start no more retries than the reserve and the share earned, and the bucket at the start; in any
        /// stretch no more than a full bucket and what came in.
        #[test]
        fn retries_never_go_over_their_budget(
            steps in proptest::collection::vec((0u64..400, proptest::bool::weighted(0.4)), 1..1500), share in 0u32..10_000,
        ) {
            let settings = settings(Some(share), None);
            let mut gate = RetryGate::new(START);
            let (mut now, mut requests, mut retries) = (START, 0u64, 0u64);
            let mut recent: Vec<Timestamp> = Vec::new();
            for (wait, retry) in steps {
                now = now + Duration::from_millis(wait);
                if !retry {
                    gate.request(now, &settings);
                    requests += 1;
                } else if gate.begin(now, &settings).is_ok() {
                    retries += 1;
                    recent.push(now);
                }
                let earned = 100.0 + f64::from(share) / 1e4 * requests as f64 + 10.0 * now.since(START).as_secs_f64();
                prop_assert!(retries as f64 <= earned + 1e-6, "{retries} retries, {earned} earned");
                let lately = recent.iter().filter(|at| now.since(**at).as_secs() < 10).count() as f64;
                prop_assert!(lately <= 200.0 + f64::from(share) / 1e4 * requests as f64 + 1e-6);
            }
        }
    }

    #[test]
    fn the_random_wait_doubles_with_each_retry_up_to_ten_times() {
        let settings = RetrySettings {
            jitter: Duration::from_millis(25),
            retries: 100,
            ..RetrySettings::default()
        };
        let mut random = router::dice::seeded(7, "retries", 0);
        for (made, below) in [(1, 25), (2, 50), (4, 200), (5, 250), (40, 250)] {
            let begun = Timestamp(0);
            let waits: Vec<u64> = (0..4000)
                .map(|_| Tries { begun, made }.next(begun, &settings, &mut random))
                .map(|start| start.unwrap().0 / 1_000_000)
                .collect();
            let mean = waits.iter().sum::<u64>() as f64 / waits.len() as f64;
            assert_eq!(
                (waits.iter().min(), waits.iter().max()),
                (Some(&0), Some(&(below - 1)))
            );
            assert!((mean / (below as f64 - 1.0) - 0.5).abs() < 0.03, "{made}: {mean}");
        }
    }
}
