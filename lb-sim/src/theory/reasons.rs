//! Why there is no figure, in words.

use super::gaps;

/// Each variant reads as the end of a sentence: "no prediction: …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTheory {
    // ── never detected
    #[error("a TCP check cannot see a hung router: the kernel completes the handshake for it")]
    TcpSeesNoHang,
    #[error("a TCP check cannot see what a router answers: a connection that opens is healthy")]
    TcpSeesNoAnswer,
    #[error("health checks still pass: the fault shows at requests only")]
    RequestsOnly,
    #[error("health checks still pass, and a response cut in its body counts as no failed attempt")]
    CutCountsNowhere,
    #[error("health checks still pass: the router answers late, but within the timeout")]
    LateInTime,
    #[error("health checks still pass, and requests are answered late, but within the response timeout")]
    LateAttemptsInTime,
    #[error("requests are served: the fault shows at health checks only")]
    HealthOnly,
    #[error("health checks still pass, and of the answers only 502, 503 and 504 are failed attempts")]
    StatusCountsNot,
    #[error("health checks still pass, and mode=tcp does not read what a router answers")]
    TcpModeReadsNothing,
    #[error("health checks still pass, and passive-max-ejected allows none of so few routers to be ejected")]
    NoneMayBeEjected,
    #[error("health checks still pass, and without requests no attempt fails")]
    NoTraffic,
    #[error("the router lives: its checks and its requests succeed")]
    NothingFails,
    #[error("no check fails: no pause outlasts the timeout")]
    PausesUnseen,
    // ── detected some time, or a single figure is missing
    #[error("with jitter each gap is random: only the range is known")]
    RandomGaps,
    #[error(
        "timeout over {} times the interval with jitter: the number of skipped ticks is random",
        gaps::EXACT_TICKS
    )]
    RandomSkips,
    #[error("the delays lie on both sides of the timeout: which answers come too late is random")]
    RandomDelay,
    #[error("Poisson arrivals have no longest gap")]
    NoLongestGap,
    #[error("least-connections gives a failing router more or less than its share")]
    UnevenShare,
    #[error("with one router retries come back to it: only the range is known")]
    RetriesComeBack,
    #[error("two detectors race, and of one only the range is known")]
    Race,
    #[error("failed attempts may eject the router before its checks do, and when they come is random")]
    AttemptsDecide,
    #[error("what retries save depends on methods and budgets")]
    RetriesSave,
    #[error("with jitter, how many checks fall into a pause is random")]
    JitteredPauses,
    #[error("pauses outlast the response timeout: failed attempts may eject before checks do")]
    PausesFailAttempts,
    #[error("mistakes are more than a thousand years apart")]
    MistakesTooRare,
    #[error("the router is never taken out of use, so it goes on for ever")]
    NeverEnds,
}

impl NoTheory {
    /// The fault is never noticed by what says so; otherwise it is, but the figure is not known.
    pub fn is_never(self) -> bool {
        use NoTheory::*;
        match self {
            TcpSeesNoHang | TcpSeesNoAnswer | RequestsOnly | CutCountsNowhere | LateInTime
            | LateAttemptsInTime | HealthOnly | StatusCountsNot | TcpModeReadsNothing | NoneMayBeEjected
            | NoTraffic | NothingFails | NeverEnds | PausesUnseen => true,
            RandomGaps | RandomSkips | RandomDelay | NoLongestGap | UnevenShare | RetriesComeBack | Race
            | AttemptsDecide | RetriesSave | JitteredPauses | PausesFailAttempts | MistakesTooRare => false,
        }
    }
}
