//! How routers are checked: the settings of it.

use super::detect::Share;
use super::status::Statuses;
use router::record::ProbeResult;
use std::time::Duration;

/// How a router is checked; HAProxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// From one check to the next, counted as `schedule` says.
    pub interval: Duration,
    /// The same of an Up router while failures are pending (HAProxy's fastinter, Envoy's unhealthy_edge_interval);
    /// `None`: the interval.
    pub fall_interval: Option<Duration>,
    /// Of a Down router (HAProxy's downinter, Envoy's unhealthy_interval; Traefik's unhealthyInterval, from one round of
    /// those that are Down to the next); `None`: the interval.
    pub down_interval: Option<Duration>,
    /// Of a Down router while successes are pending (HAProxy's fastinter, Envoy's healthy_edge_interval); `None`: the
    /// interval.
    pub rise_interval: Option<Duration>,
    /// Until the first request was sent to a router (Envoy's no_traffic_interval), whatever the belief; `None`: no
    /// difference. A wait that has begun is not shortened.
    pub no_traffic_interval: Option<Duration>,
    /// A check without an answer for this long has failed. Under [`Schedule::Deadline`]: without a success for this long
    /// the router is Down (F5's default of 16 s is three intervals of 5 s and one).
    pub timeout: Duration,
    /// `timeout` is the interval, and follows it (HAProxy without `timeout check`).
    pub timeout_is_interval: bool,
    /// Failures that make an Up router Down.
    pub fall: u32,
    /// Successes that make a Down router Up.
    pub rise: u32,
    pub counting: Counting,
    pub schedule: Schedule,
    /// Each gap is longer or shorter by a random share up to this (HAProxy's spread-checks).
    pub spread: Share,
    /// Each gap is lengthened by a random time in `[0, jitter)`.
    pub jitter: Duration,
    /// [`Schedule::Start`] with a timeout above the interval: a check starts although one is under way (Caddy), instead of
    /// the tick being skipped (kubelet).
    pub overlap: bool,
    pub initial: Initial,
    pub first_check: FirstCheck,
    pub first_result: FirstResult,
    /// Which failed checks make a router Down whatever `fall` says.
    pub down_at_once: AtOnce,
    /// Independent checkers, each with a rhythm and counts of its own: each beyond the first starts at a random time
    /// within an interval.
    pub probers: u32,
    /// How many of them must find a router Down for all of them to; it is Up again when fewer do. `None`: each decides
    /// for its share of the requests, and it is believed Down when all of them find it so.
    pub agreement: Option<u32>,
    pub check: Check,
    /// What an HTTP check asks for.
    pub path: String,
    /// The statuses of an HTTP check that are healthy.
    pub healthy_status: Statuses,
}

/// Where the interval is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// From the previous start: a fixed rate (ALB, kubelet, Caddy). A tick that finds a check under way is skipped.
    Start,
    /// From the previous end: a check that hangs delays the next (HAProxy, Envoy).
    End,
    /// One router after the other, the next round an interval after the start of this one or at its end (pingora).
    Batch,
    /// The same with rounds of their own for routers that are Down (Traefik).
    BatchByState,
    /// As `start`, but nothing is counted: Down when `timeout` has passed without a success (F5 BIG-IP).
    Deadline,
}

/// What becomes of a count when a check says the opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counting {
    /// It starts again.
    Consecutive,
    /// It stays until the belief changes (Caddy).
    Cumulative,
}

/// What is believed of a router nobody has checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initial {
    Up,
    /// Out of use (Envoy, kubelet).
    Down,
}

/// When a router is checked first; under [`Schedule::Batch`], when the first round begins. A router that joins later is
/// checked at once where the first ones are spread, or in the next round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstCheck {
    /// Spread evenly over the first interval (HAProxy). A first round begins at once.
    Spread,
    /// At once (Caddy, pingora).
    Now,
    /// After one interval (Traefik).
    Interval,
    /// At a random time within the first interval (kubelet).
    Random,
}

/// What the first check of a router decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstResult {
    /// It counts as any other.
    Counts,
    /// The belief, by itself (HAProxy: one failure; Envoy, ALB: one success).
    Decides,
}

/// Which failed checks make a router Down whatever `fall` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AtOnce {
    /// A status that is not healthy (Envoy, Azure).
    pub status: bool,
    /// A connection refused, reset, or closed without an answer (F5, Azure).
    pub refused: bool,
}

/// What a check does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// `GET path`; `healthy_status` is healthy.
    Http,
    /// A connection that opens is healthy. Cannot see a hung process: the kernel completes the handshake.
    Tcp,
}

impl CheckSettings {
    /// Whether each of several probers decides for its share of the requests.
    pub fn each_decides(&self) -> bool {
        self.probers > 1 && self.agreement.is_none()
    }

    /// Whether a check starts although one is under way.
    pub fn overlaps(&self) -> bool {
        match self.schedule {
            Schedule::Start => self.overlap,
            Schedule::Deadline => true,
            Schedule::End | Schedule::Batch | Schedule::BatchByState => false,
        }
    }
}

impl AtOnce {
    /// Whether a check that ended so decides by itself.
    pub fn applies(self, result: ProbeResult) -> bool {
        match result {
            ProbeResult::Status => self.status,
            ProbeResult::Refused | ProbeResult::Reset | ProbeResult::Eof => self.refused,
            ProbeResult::Ok | ProbeResult::Timeout | ProbeResult::Malformed => false,
        }
    }
}

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            interval: Duration::from_secs(5),
            fall_interval: None,
            down_interval: None,
            rise_interval: None,
            no_traffic_interval: None,
            timeout: Duration::from_secs(2),
            timeout_is_interval: false,
            fall: 2,
            rise: 2,
            counting: Counting::Consecutive,
            schedule: Schedule::Start,
            spread: Share(0),
            jitter: Duration::ZERO,
            overlap: false,
            initial: Initial::Up,
            first_check: FirstCheck::Spread,
            first_result: FirstResult::Counts,
            down_at_once: AtOnce::default(),
            probers: 1,
            agreement: None,
            check: Check::Http,
            path: "/health".to_owned(),
            healthy_status: Statuses::default(),
        }
    }
}
