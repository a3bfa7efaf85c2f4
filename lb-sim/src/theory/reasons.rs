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
    #[error("no health check fails, and a response cut in its body counts as no failed attempt")]
    CutCountsNowhere,
    #[error("health checks still pass: the router answers late, but within the timeout")]
    LateInTime,
    #[error("no health check fails, and requests are answered late, but within the response timeout")]
    LateAttemptsInTime,
    #[error("requests are served: the fault shows at health checks only")]
    HealthOnly,
    #[error("no health check fails, and passive-on counts no such answer as a failed attempt")]
    StatusCountsNot,
    #[error("health checks still pass: healthy-status has the status of their answers")]
    StatusIsHealthy,
    #[error("no health check fails, and passive-on=connect counts only attempts that made no connection")]
    ConnectsOnly,
    #[error("all that failed attempts do is to bring the next health check, and that decides nothing")]
    ChecksPass,
    #[error(
        "no health check fails, and failed attempts come too seldom for passive-window to count them together"
    )]
    AttemptsTooRare,
    #[error("no health check fails, and mode=tcp does not read what a router answers")]
    TcpModeReadsNothing,
    #[error("no health check fails, and passive-max-ejected allows none of so few routers to be ejected")]
    NoneMayBeEjected,
    #[error("no health check fails, and without requests no attempt fails")]
    NoTraffic,
    #[error(
        "no health check fails, and fewer attempts come than would do: the failures that it takes are a thousand years apart"
    )]
    AttemptsTooSeldom,
    #[error("nobody makes health checks: nothing but failed attempts says that a router is dead")]
    NobodyChecks,
    #[error(
        "no attempt fails: clients leave (client-timeout) before the load balancer gives up (response-timeout), and an \
         attempt whose client has gone counts as no failed one"
    )]
    ClientsLeaveFirst,
    #[error(
        "no attempt fails: with response-timeout=1day they wait for ever at a router that does not answer"
    )]
    AttemptsWait,
    #[error("the router lives: its checks and its requests succeed")]
    NothingFails,
    #[error("no check fails: no pause outlasts the timeout")]
    PausesUnseen,
    // ── detected some time, or a single figure is missing
    #[error("with jitter or spread each gap is random: only the range is known")]
    RandomGaps,
    #[error(
        "with jitter and spread, or with one of them and a timeout over {} times the interval, how many ticks are skipped is random",
        gaps::EXACT_TICKS
    )]
    RandomSkips,
    #[error("several checkers, each with a rhythm of its own: one phase does not tell those of the others")]
    SeveralCheckers,
    #[error("of several hung routers each waits for those before it in the round: only the range is known")]
    PlaceInRound,
    #[error(
        "schedule=deadline with a timeout below the longest gap: healthy routers are Down between their checks"
    )]
    DeadlineTooShort,
    #[error("checks under way when the router is well again, or two intervals, mix: no closed form")]
    TwoRhythms,
    #[error(
        "the router leaves before enough of its checks have failed, and one that is refused decides at once"
    )]
    LeavesFirst,
    #[error("the delays lie on both sides of the timeout: which answers come too late is random")]
    RandomDelay,
    #[error("Poisson arrivals have no longest gap")]
    NoLongestGap,
    #[error("least-connections gives a failing router more or less than its share")]
    UnevenShare,
    #[error("retries come back to the router: only the range is known")]
    RetriesComeBack,
    #[error(
        "in mode=tcp long-lived connections stay where they are (connection=keep-alive): how many requests go to which \
         router is decided once"
    )]
    ConnectionsStay,
    #[error(
        "clients leave when the load balancer gives up (client-timeout = response-timeout): which of them is first is chance"
    )]
    SamePatience,
    #[error("of several victims the later noticed ones get the requests of the others, too")]
    SeveralVictims,
    #[error("passive-max-ejected keeps some of the victims in use until their checks find them")]
    SomeStay,
    #[error("failed attempts and failed checks are counted together: only the range is known")]
    CountedTogether,
    #[error(
        "each row of failed attempts counts as one failed check, and checks that pass in between forgive them"
    )]
    ChecksForgive,
    #[error(
        "passive-on=connect notices a hung router when its accept queue is full: until then the kernel completes the handshakes"
    )]
    AcceptQueue,
    #[error("random arrivals may be too far apart for passive-window to count them together")]
    WindowForgets,
    #[error(
        "fewer routers are left than panic-threshold wants: all are used, the faulty ones for as long as the fault lasts"
    )]
    Panic,
    #[error("failures are forgotten one by one, and how far apart they were is not known")]
    ForgottenOneByOne,
    #[error("two detectors race, and of one only the range is known")]
    Race,
    #[error("failed attempts may eject the router before its checks do, and when they come is random")]
    AttemptsDecide,
    #[error("what retries save depends on methods and budgets")]
    RetriesSave,
    #[error("with jitter or spread, how many checks fall into a pause is random")]
    JitteredPauses,
    #[error("pauses are worked out for one checker with schedule=start or end, not for this one")]
    OtherPauses,
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
            | NoTraffic | NothingFails | NeverEnds | PausesUnseen | StatusIsHealthy | ConnectsOnly
            | ChecksPass | AttemptsTooRare | AttemptsTooSeldom | NobodyChecks | ClientsLeaveFirst
            | AttemptsWait => true,
            RandomGaps | RandomSkips | RandomDelay | NoLongestGap | UnevenShare | RetriesComeBack | Race
            | AttemptsDecide | RetriesSave | JitteredPauses | PausesFailAttempts | MistakesTooRare
            | TwoRhythms | SeveralCheckers | PlaceInRound | DeadlineTooShort | LeavesFirst
            | SeveralVictims | SomeStay | CountedTogether | ChecksForgive | AcceptQueue | WindowForgets
            | Panic | OtherPauses | ForgottenOneByOne | ConnectionsStay | SamePatience => false,
        }
    }
}
