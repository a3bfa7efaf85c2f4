//! How else than by polling a dead router is noticed, and what may be retried: the settings of it.

use std::time::Duration;

/// What notices beside polling, which always runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Detectors {
    /// Failed attempts in a row eject.
    pub passive: bool,
    /// An idle connection to each router's traffic port; its end starts a check at once.
    pub sentinel: bool,
    /// The supervisor says when a process has exited.
    pub notice: bool,
}

/// When failed attempts eject a router, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassiveSettings {
    /// Failed attempts in a row.
    pub failures: u32,
    /// The first ejection; the n-th in a row lasts n times as long.
    pub ejection: Duration,
    /// No ejection lasts longer.
    pub cap: Duration,
    /// Never more than this share of the routers is ejected at a time.
    pub max_ejected: Share,
}

/// When a failed attempt is tried at another router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetrySettings {
    /// Retries of one request at most.
    pub retries: u32,
    /// Retries are at most this share of the requests of the last ten seconds, and ten a second; `None`: no limit.
    pub budget: Option<Share>,
    /// Retries under way at a time; `None`: no limit.
    pub breaker: Option<u32>,
}

/// A share in hundredths of a percent, 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u32);

/// What is balanced: requests, or connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Http,
    Tcp,
}

/// What a TCP balancer says first to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    Off,
    V2,
}

impl Share {
    /// 0.0 to 1.0.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// The whole part of this share of `n`.
    pub fn of(self, n: usize) -> usize {
        n * self.0 as usize / 10_000
    }
}

impl Default for PassiveSettings {
    fn default() -> PassiveSettings {
        PassiveSettings {
            failures: 5,
            ejection: Duration::from_secs(30),
            cap: Duration::from_secs(300),
            max_ejected: Share(5_000),
        }
    }
}

impl Default for RetrySettings {
    fn default() -> RetrySettings {
        RetrySettings {
            retries: 3,
            budget: Some(Share(2_000)),
            breaker: Some(100),
        }
    }
}
