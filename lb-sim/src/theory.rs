//! How long the balancer keeps believing in a dead router, in closed form.
//!
//! Notation: I interval, T timeout, F fall, R rise, J jitter, U from the death to the next check's start, C from one
//! hanging check's start to the next. Assumes deaths independent of the check clock and checks that a healthy or a
//! refusing router answers at once.
//!
//! | schedule | killed or crashed: each check refused | hung: each check costs T |
//! |---|---|---|
//! | `start` | U + (F−1)·I | U + (F−1)·C + T, C = I, or ⌈T/I⌉·I where T > I skips ticks |
//! | `end` | U + (F−1)·I | U + (F−1)·I + F·T |
//!
//! Without jitter U is uniform in [0, I). With it, gaps G are uniform in [I, I+J), a death falls into a long gap more
//! often than into a short one, and E\[U\] = E\[G²\] / 2E\[G\].

mod gaps;
mod phase;
mod readmission;

pub use phase::{Phase, predict};
pub use readmission::t_readmit;

use crate::core::{Check, CheckSettings, Schedule};
use gaps::Gaps;
use router::record::Fault;
use std::time::Duration;

/// The range of a time that depends on where in the check's rhythm a fault falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub min: Duration,
    pub mean: Duration,
    pub max: Duration,
}

/// Why there is no figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTheory {
    #[error("a TCP check cannot see a hung router: the kernel completes the handshake for it")]
    TcpSeesNoHang,
    #[error("with jitter each gap is random: only the range is known")]
    RandomGaps,
    #[error(
        "timeout over {} times the interval with jitter: the number of skipped ticks is random",
        gaps::EXACT_TICKS
    )]
    RandomSkips,
}

/// Death → the balancer believes Down.
pub fn t_detect(check: &CheckSettings, fault: Fault) -> Result<Window, NoTheory> {
    let gaps = Gaps::new(check);
    let wait = gaps.wait();
    let more = check.fall - 1;
    match fault {
        fault if fault != Fault::Hang => Ok(wait + gaps.gap() * more),
        Fault::Hang if check.check == Check::Tcp => Err(NoTheory::TcpSeesNoHang),
        _ => Ok(match check.schedule {
            Schedule::Start => wait + gaps.hung_cycle()? * more + check.timeout,
            Schedule::End => wait + gaps.gap() * more + check.timeout * check.fall,
        }),
    }
}

/// Requests sent to a dead router in `window`, of `rate` a second shared evenly by `routers` routers.
pub fn requests_in(window: Duration, rate: f64, routers: u32) -> f64 {
    window.as_secs_f64() * rate / f64::from(routers.max(1))
}

impl std::ops::Add for Window {
    type Output = Window;
    fn add(self, other: Window) -> Window {
        Window {
            min: self.min + other.min,
            mean: self.mean + other.mean,
            max: self.max + other.max,
        }
    }
}

impl std::ops::Add<Duration> for Window {
    type Output = Window;
    fn add(self, more: Duration) -> Window {
        self + Window {
            min: more,
            mean: more,
            max: more,
        }
    }
}

impl std::ops::Mul<u32> for Window {
    type Output = Window;
    fn mul(self, times: u32) -> Window {
        Window {
            min: self.min * times,
            mean: self.mean * times,
            max: self.max * times,
        }
    }
}

#[cfg(test)]
mod tests;
