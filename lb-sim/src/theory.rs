//! What a load balancer's settings cost, in closed form: how long it keeps believing in a dead router, how many requests
//! that loses, how often it ejects one that lives.
//!
//! A [`Case`] is a fault under settings and traffic; each of its figures has its bounds, or a reason in words for every
//! one that does not exist. In reading order: [`meets`] says what checks and attempts meet, [`gaps`] how checks follow
//! each other, [`passive`] when failed attempts eject, [`law`] which detector is first; [`case`] joins them. [`phase`]
//! predicts one death, [`readmission`] the way back, [`mistakes`] ejections of the living, [`load`] what checks and
//! retries add.
//!
//! Notation: I interval, T timeout, F fall, R rise, J jitter, U from the death to the next check's start, C from one
//! hanging check's start to the next. Assumes deaths independent of the check clock and of the arrivals, checks that a
//! healthy or a refusing router answers at once, and requests that are short beside their gaps.
//!
//! | schedule | each check fails at once (killed, crashed, stopped, draining, erring) | each check hangs for T (hung, silent, slow) |
//! |---|---|---|
//! | `start` | U + (F−1)·I | U + (F−1)·C + T, C = I, or ⌈T/I⌉·I where T > I skips ticks |
//! | `end` | U + (F−1)·I | U + (F−1)·I + F·T |
//!
//! Without jitter U is uniform in [0, I). With it, gaps G are uniform in [I, I+J), a death falls into a long gap more
//! often than into a short one, and E\[U\] = E\[G²\] / 2E\[G\].
//!
//! | detector | killed, crashed, stopped | drained | hung, silent, erring, slow |
//! |---|---|---|---|
//! | `sentinel` | 0 | when idle connections are closed: drain-wait | never |
//! | `notice` | 0 | at the exit: drain-wait, with nothing left to finish | never |
//! | `passive` | the K-th attempt | drain-wait + the K-th attempt | the K-th attempt, + response-timeout where it waits |
//!
//! 0 leaves out the kernel's teardown and one refused check: a millisecond, not a matter of settings.

mod case;
mod gaps;
mod law;
pub mod load;
mod meets;
pub mod mistakes;
mod passive;
mod phase;
mod readmission;
mod reasons;

pub use case::{Case, Traffic};
pub use phase::{Phase, predict};
pub use readmission::{after_ejection, t_readmit};
pub use reasons::NoTheory;

use crate::core::{CheckSettings, Schedule};
use gaps::Gaps;
use meets::Meets;
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// The range of a time that depends on where in the check's rhythm a fault falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub min: Duration,
    pub mean: Duration,
    pub max: Duration,
}

/// The same where a figure may be missing, each for its own reason. `T` is a [`Duration`], or a count as `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    pub min: T,
    pub mean: Result<T, NoTheory>,
    pub max: Result<T, NoTheory>,
}

/// Death → the balancer believes Down by health checks alone, whatever the fault's parameters default to.
pub fn t_detect(check: &CheckSettings, fault: Fault) -> Result<Window, NoTheory> {
    polled(check, meets::check(check, &Spec::new(fault))?)
}

/// First sign of the fault → Down, when every check meets it so.
fn polled(check: &CheckSettings, meets: Meets) -> Result<Window, NoTheory> {
    let gaps = Gaps::new(check);
    let wait = gaps.wait();
    let more = check.fall - 1;
    Ok(match (meets, check.schedule) {
        (Meets::Failure, _) => wait + gaps.gap() * more,
        (Meets::Silence, Schedule::End) => wait + gaps.gap() * more + check.timeout * check.fall,
        (Meets::Silence, _) => wait + gaps.hung_cycle()? * more + check.timeout,
    })
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

impl<T> Bounds<T> {
    /// All three with `f` applied.
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Bounds<U> {
        Bounds {
            min: f(self.min),
            mean: self.mean.map(&f),
            max: self.max.map(&f),
        }
    }
}

impl Bounds<Duration> {
    /// All three figures, or why one is missing.
    pub fn window(self) -> Result<Window, NoTheory> {
        Ok(Window {
            min: self.min,
            mean: self.mean?,
            max: self.max?,
        })
    }

    /// What does not vary.
    pub fn exactly(time: Duration) -> Bounds<Duration> {
        Bounds {
            min: time,
            mean: Ok(time),
            max: Ok(time),
        }
    }
}

impl From<Window> for Bounds<Duration> {
    fn from(window: Window) -> Bounds<Duration> {
        Bounds {
            min: window.min,
            mean: Ok(window.mean),
            max: Ok(window.max),
        }
    }
}

#[cfg(test)]
mod tests;
