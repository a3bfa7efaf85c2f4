//! The one clock of the lab: `CLOCK_MONOTONIC` nanoseconds, the same in every process of the machine.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on `CLOCK_MONOTONIC`, in nanoseconds since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// `self − earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// `self − other` in seconds, negative when `other` is later.
    pub fn seconds_after(self, other: Timestamp) -> f64 {
        (self.0 as i128 - other.0 as i128) as f64 / 1e9
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Now. Only drivers call this; policy takes `now` as an argument.
pub fn now() -> Timestamp {
    let t = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("Linux has CLOCK_MONOTONIC");
    Timestamp(t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64)
}

/// Wall time for people and file headers, never for measuring.
#[expect(clippy::disallowed_methods, reason = "the seam where wall time enters")]
pub fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Waits until `deadline` (millisecond precision, never early).
pub async fn until(deadline: Timestamp) {
    let wait = deadline.since(now());
    if !wait.is_zero() {
        tokio::time::sleep_until(tokio::time::Instant::now() + wait).await;
    }
}
