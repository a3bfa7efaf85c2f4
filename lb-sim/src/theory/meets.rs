//! What health checks and attempts meet at a faulty router.

use super::NoTheory;
use crate::core::{Check, CheckSettings, Mode, PassiveOn, Settings};
use router::fault::{Delay, Spec};
use router::record::Fault;
use std::time::Duration;

/// How what is sent to a faulty router ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    /// It is refused at once, or reset.
    Refused,
    /// It is answered at once, with a status that is not healthy.
    Status,
    /// It gets no answer in time.
    Silence,
}

/// What a draining router answers to its checks.
pub(super) const DRAINING: u16 = 503;

/// Every health check from the fault on (a drain answers them with 503 from its start). Where
/// [`drains_unseen`], a drain from its exit.
pub(super) fn check(check: &CheckSettings, spec: &Spec) -> Result<Meets, NoTheory> {
    let tcp = check.check == Check::Tcp;
    match spec.fault {
        Fault::Kill | Fault::Crash | Fault::Stop => Ok(Meets::Refused),
        Fault::Drain if drains_unseen(check) => Ok(Meets::Refused),
        Fault::Drain => Ok(Meets::Status),
        Fault::Hang if tcp => Err(NoTheory::TcpSeesNoHang),
        Fault::Hang => Ok(Meets::Silence),
        Fault::Cut => Err(NoTheory::RequestsOnly),
        Fault::Silent | Fault::Error | Fault::Slow if !spec.on.health() => Err(NoTheory::RequestsOnly),
        Fault::Silent | Fault::Error | Fault::Slow if tcp => Err(NoTheory::TcpSeesNoAnswer),
        Fault::Silent => Ok(Meets::Silence),
        Fault::Error if check.healthy_status.contains(spec.status) => Err(NoTheory::StatusIsHealthy),
        Fault::Error => Ok(Meets::Status),
        Fault::Slow => late(spec.delay, check.timeout, NoTheory::LateInTime),
    }
}

/// Whether checks see nothing of a drain but that the router has gone in the end: those of TCP, and those to which its
/// 503 is healthy.
pub(super) fn drains_unseen(check: &CheckSettings) -> bool {
    check.check == Check::Tcp || check.healthy_status.contains(DRAINING)
}

/// Whether a check that meets this makes a router Down whatever `fall` says.
pub(super) fn decides(check: &CheckSettings, meets: Meets) -> bool {
    match meets {
        Meets::Refused => check.down_at_once.refused,
        Meets::Status => check.down_at_once.status,
        Meets::Silence => false,
    }
}

/// Every attempt from the fault on (from the closing of the listener on, for a drain).
pub(super) fn attempt(settings: &Settings, spec: &Spec) -> Result<Meets, NoTheory> {
    let tcp = settings.mode == Mode::Tcp;
    match spec.fault {
        Fault::Kill | Fault::Crash | Fault::Stop | Fault::Drain => Ok(Meets::Refused),
        Fault::Hang => Ok(Meets::Silence),
        Fault::Cut => Err(NoTheory::CutCountsNowhere),
        Fault::Silent | Fault::Error | Fault::Slow if !spec.on.requests() => Err(NoTheory::HealthOnly),
        Fault::Silent => Ok(Meets::Silence),
        Fault::Error if tcp => Err(NoTheory::TcpModeReadsNothing),
        Fault::Error => Ok(Meets::Status),
        Fault::Slow => late(
            spec.delay,
            settings.response_timeout,
            NoTheory::LateAttemptsInTime,
        ),
    }
}

/// The same as `passive-on` counts it, or why it does not.
pub(super) fn failed_attempt(settings: &Settings, spec: &Spec) -> Result<Meets, NoTheory> {
    let meets = attempt(settings, spec)?;
    let counts = match (meets, settings.passive.on) {
        (Meets::Refused, _) => true,
        (Meets::Silence, PassiveOn::Connect) if spec.fault == Fault::Hang => {
            return Err(NoTheory::AcceptQueue);
        }
        (_, PassiveOn::Connect) => return Err(NoTheory::ConnectsOnly),
        (Meets::Silence, _) => true,
        (Meets::Status, PassiveOn::Broken) => false,
        (Meets::Status, PassiveOn::Any5xx) => !matches!(spec.status, 501 | 505),
        (Meets::Status, PassiveOn::Gateway) => (502..=504).contains(&spec.status),
    };
    counts.then_some(meets).ok_or(NoTheory::StatusCountsNot)
}

/// An answer that comes exactly at the timeout counts as in time.
pub(super) fn late(delay: Delay, timeout: Duration, in_time: NoTheory) -> Result<Meets, NoTheory> {
    let (least, most) = match delay {
        Delay::Fixed(time) => (time, Some(time)),
        Delay::Uniform(least, most) => (least, Some(most)),
        Delay::Exponential(mean) if mean.is_zero() => (mean, Some(mean)),
        Delay::Exponential(_) => (Duration::ZERO, None),
    };
    match most {
        Some(most) if most <= timeout => Err(in_time),
        _ if least > timeout => Ok(Meets::Silence),
        _ => Err(NoTheory::RandomDelay),
    }
}
