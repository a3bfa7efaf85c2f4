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

/// When failed attempts count against a router, and what they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassiveSettings {
    /// How many.
    pub failures: u32,
    pub counting: PassiveCounting,
    /// How long a failed attempt counts, unless they count in a row.
    pub window: Duration,
    pub on: PassiveOn,
    pub action: PassiveAction,
    /// The first ejection.
    pub ejection: Duration,
    pub growth: Growth,
    /// No ejection lasts longer.
    pub cap: Duration,
    pub back: PassiveReturn,
    /// A passed check ends an ejection, too (Envoy).
    pub uneject: bool,
    /// Never more than this share of the routers is ejected at a time,
    pub max_ejected: Share,
    /// but so many may be, whatever their share.
    pub least_ejected: u32,
}

/// Which failed attempts count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassiveCounting {
    /// In a row: one success forgets them (Envoy, HAProxy).
    Row,
    /// Those of the last `window`: each is forgotten by itself (Caddy; Traefik, where a success forgets them all, see
    /// [`PassiveReturn::Check`]).
    Window,
    /// All since `window` last passed without any (nginx's fail_timeout: a quiet period, not a window), in whole seconds of
    /// the clock where it is whole seconds.
    Quiet,
}

/// Which attempts have failed. Cut responses and clients that leave say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassiveOn {
    /// Those that made no connection (HAProxy's observe layer4).
    Connect,
    /// And those that got no response, or none in time (nginx, Caddy).
    Broken,
    /// And those answered with 500 to 599, but for 501 and 505 (HAProxy's observe layer7, Envoy's consecutive_5xx).
    Any5xx,
    /// And those answered with 502 to 504.
    Gateway,
}

/// What failed attempts lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassiveAction {
    /// Out of use for a time.
    Eject,
    /// They count as one failed check, and the next comes after the fall interval (HAProxy's on-error fail-check).
    FailCheck,
    /// The next check comes after the fall interval.
    FastInter,
    /// As `FailCheck`, and one more failed check makes it Down.
    SuddenDeath,
    /// Down at once; checks bring it back.
    MarkDown,
}

/// Who ends an ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassiveReturn {
    Time,
    /// After the time one request tries it: failed, the time begins anew. A router without another is never ejected. A time
    /// of whole seconds is over when more than so many seconds of the clock have begun: 10 s after 10 to 11 (nginx).
    Trial,
    /// A passed check only (Traefik with active checks).
    Check,
    /// Forgetting: it is out as long as enough failures are within the window, and what fails meanwhile counts, too
    /// (Caddy).
    Forgotten,
}

/// How the ejections of one router in a row follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Growth {
    /// The n-th lasts n times as long.
    Linear,
    None,
}

/// When a failed attempt is tried again, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetrySettings {
    /// Retries of one request at most.
    pub retries: u32,
    pub on: RetryOn,
    pub to: RetryTo,
    /// Wait before each retry.
    pub delay: Duration,
    /// And a random time below this, twice as long for each further retry of a request, at most ten times (Envoy's
    /// retry back-off: a fully jittered exponential one).
    pub jitter: Duration,
    /// No retry starts later than this after the request came; `None`: no limit.
    pub time: Option<Duration>,
    /// Retries are at most this share of the requests of the last ten seconds, and ten a second; `None`: no limit.
    pub budget: Option<Share>,
    /// Retries under way at a time; `None`: no limit.
    pub breaker: Option<u32>,
}

/// What is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryOn {
    /// Where no connection was made.
    Connect,
    /// And idempotent requests that have no response yet.
    Safe,
}

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryTo {
    /// A router not tried yet, as long as there is one.
    Other,
    /// The next in turn, whoever that is (Envoy without the previous_hosts predicate).
    Any,
    /// The same (HAProxy without redispatch).
    Same,
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
            counting: PassiveCounting::Row,
            window: Duration::from_secs(10),
            on: PassiveOn::Gateway,
            action: PassiveAction::Eject,
            growth: Growth::Linear,
            back: PassiveReturn::Time,
            uneject: false,
            least_ejected: 0,
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
            on: RetryOn::Safe,
            to: RetryTo::Other,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            time: None,
            budget: Some(Share(2_000)),
            breaker: Some(100),
        }
    }
}
