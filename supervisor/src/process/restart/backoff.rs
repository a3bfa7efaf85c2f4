//! PURE: how long a process that keeps dying waits for its next start.

use rand::Rng;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The settings of back-off and giving up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// After the first death.
    pub delay: Duration,
    /// No delay is longer, but for its jitter; `delay` itself may be.
    pub max_delay: Duration,
    /// Share of a delay, 0.0 to 1.0, by which it is longer or shorter at random.
    pub jitter: f64,
    /// A life of this length begins a new row.
    pub stable: Duration,
    /// `None`: never given up.
    pub limit: Option<Limit>,
}

/// More than `deaths` deaths `within` this time are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub deaths: u32,
    pub within: Duration,
}

/// What a second death in a row doubles when there is no delay.
const LEAST: Duration = Duration::from_millis(100);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff {
            delay: Duration::from_secs(15),
            max_delay: Duration::from_secs(300),
            jitter: 0.1,
            stable: Duration::from_secs(60),
            limit: Some(Limit {
                deaths: 5,
                within: Duration::from_secs(600),
            }),
        }
    }
}

impl Backoff {
    /// The delay after the `row`-th death in a row, from 1. One number is drawn each time.
    pub(super) fn after(&self, row: u32, random: &mut impl Rng) -> Duration {
        let base = if row >= 2 {
            self.delay.max(LEAST)
        } else {
            self.delay
        };
        let doublings = row.saturating_sub(1).min(31);
        let capped = base
            .saturating_mul(1 << doublings)
            .min(self.max_delay.max(self.delay));
        // 53 random bits are a number in [0, 1).
        let fraction = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        capped.mul_f64(1.0 + self.jitter * (2.0 * fraction - 1.0))
    }
}

/// `5/10m`
impl FromStr for Limit {
    type Err = ();
    fn from_str(word: &str) -> Result<Limit, ()> {
        let (deaths, within) = word.split_once('/').ok_or(())?;
        let deaths = deaths.parse().ok().filter(|n| (1..=1000).contains(n)).ok_or(())?;
        let within = humantime::parse_duration(within).map_err(|_| ())?;
        let longest = Duration::from_secs(86_400);
        (Duration::from_millis(1)..=longest)
            .contains(&within)
            .then_some(Limit { deaths, within })
            .ok_or(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = humantime::format_duration(self.within).to_string();
        write!(f, "{}/{}", self.deaths, within.replace(' ', ""))
    }
}
