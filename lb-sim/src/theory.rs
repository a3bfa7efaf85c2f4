//! What a load balancer's settings cost, in closed form: how long it keeps believing in a dead router, how many requests
//! that loses, how often it ejects one that lives.
//!
//! A [`Case`] is a fault under settings and traffic; each of its figures has its bounds, or a reason in words for every
//! one that does not exist. In reading order: [`meets`] says what checks and attempts meet, [`gaps`] how checks follow
//! each other, [`ages`] how a random moment meets them, [`polling`] when they find a router Down, [`passive`] when failed attempts do, [`law`] which detector is
//! first; [`case`] joins them, and [`lost`] says what it costs. [`phase`] predicts one death, [`readmission`] the way
//! back, [`mistakes`] ejections of the living, [`load`] what checks and retries add.
//!
//! Notation: I interval, If fall interval (I where none is set), T timeout, F fall, R rise, p spread, J jitter, U from the
//! death to the next check's start, m routers that are hit at once, K checkers. Assumes deaths independent of the check
//! clock and of the arrivals, checks that a healthy or a refusing router answers at once, requests that are short beside
//! their gaps, and counts that begin at 0: with `counting=cumulative` older failures make it sooner.
//!
//! | schedule | each check fails at once (killed, crashed, stopped, draining, erring) | each check hangs for T (hung, silent, slow) |
//! |---|---|---|
//! | `start`, T ≤ I, If | U + (F−1)·If | U + (F−1)·If + T |
//! | `start`, T > I | the same | U + (F−1)·⌈T/I⌉·I + T: ticks are skipped; with If the first gap is max(T, (⌈T/I⌉−1)·I + If), the others ⌈T/If⌉·If |
//! | `start`, `overlap` | the same | U + (F−1)·I + T; with If so from the first failure on |
//! | `end` | U + (F−1)·If | U + (F−1)·If + F·T |
//! | `batch`, `batch-by-state` | U + (F−1)·I | U + (F−1)·max(I, m·T) + j·T, this one being the j-th of m in the round: 1 to m, (m+1)/2 on average |
//! | `deadline` | as hanging; U where a refusal or a status decides at once | T − the age of the last success: T−I to T, T−I/2 on average |
//!
//! F is 1 where `down-at-once` has what the check meets. A gap is uniform in I·(1±p), lengthened by [0, J); so are those
//! after a failure in If. Where gaps keep time, U is uniform in [0, I). Where not, a death falls into a long gap more
//! often than into a short one: E\[U\] = E\[G²\] / 2E\[G\], which is (I/2)·(1+p²/3) with spread alone and, with jitter
//! alone, ((I+J/2)² + J²/12) / 2(I+J/2).
//!
//! | checkers | the router is Down | requests are lost for |
//! |---|---|---|
//! | 1 | as above | that |
//! | K, each for its share | when the last has found it: I·K/(K+1) instead of U's I/2 | the time of one of them |
//! | K, of which n must agree | when the n-th has: I·n/(K+1) | that |
//!
//! | detector | killed, crashed, stopped | drained | hung, silent, erring, slow |
//! |---|---|---|---|
//! | `sentinel` | 0 | when idle connections are closed: drain-wait | never |
//! | `notice` | 0 | at the exit: drain-wait, with nothing left to finish | never |
//! | `passive` | the K-th attempt that counts, and what it leads to: see [`passive`] | drain-wait + that | that, + response-timeout where it waits |
//!
//! Where clients leave before the response timeout, an attempt at a router that waits fails only if the load balancer
//! outlives its clients ([`Patience`]). What is answered after they have gone is lost.
//!
//! 0 leaves out the kernel's teardown and one refused check: a millisecond, not a matter of settings. What the first check
//! of a router decides (`first-result`, `initial`, `first-check`) is over when it dies; the no-traffic interval is over
//! with the first request, and without one it is every gap.

mod ages;
mod case;
mod gaps;
mod law;
pub mod load;
mod lost;
mod meets;
pub mod mistakes;
mod passive;
mod phase;
mod polling;
mod readmission;
mod reasons;

pub use ages::Ages;
pub use case::{Case, Patience, Traffic};
pub use phase::{Phase, predict};
pub use readmission::{after_ejection, t_readmit};
pub use reasons::NoTheory;

use crate::core::CheckSettings;
use polling::Polling;
use router::fault::Spec;
use router::record::Fault;
use std::borrow::Cow;
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

/// Death of one router → the balancer believes Down by health checks alone, whatever the fault's parameters default to.
pub fn t_detect(check: &CheckSettings, fault: Fault) -> Result<Window, NoTheory> {
    let polling = Polling {
        check: Cow::Borrowed(check),
        meets: meets::check(check, &Spec::new(fault))?,
        victims: 1,
    };
    let law = polling.law()?;
    Ok(Window {
        min: law.min(),
        mean: law.mean()?,
        max: law.max()?,
    })
}

/// Requests sent to a dead router in `window`, of `rate` a second shared evenly by `routers` routers.
pub fn requests_in(window: Duration, rate: f64, routers: u32) -> f64 {
    window.as_secs_f64() * rate / f64::from(routers.max(1))
}

impl Window {
    const ZERO: Window = Window::exactly(Duration::ZERO);

    /// What does not vary.
    const fn exactly(time: Duration) -> Window {
        Window {
            min: time,
            mean: time,
            max: time,
        }
    }
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
        self + Window::exactly(more)
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
