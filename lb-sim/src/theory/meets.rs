//! What health checks and attempts meet at a faulty router.

use super::NoTheory;
use crate::core::{Check, CheckSettings, Mode, Settings};
use router::fault::{Delay, Spec};
use router::record::Fault;
use std::time::Duration;

/// How what is sent to a faulty router ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meets {
    /// It fails at once: refused, or a wrong status.
    Failure,
    /// It gets no answer in time.
    Silence,
}

/// Every health check from the fault on (a drain refuses them from its start). With `check=tcp`, a drain from its exit.
pub(super) fn check(check: &CheckSettings, spec: &Spec) -> Result<Meets, NoTheory> {
    let tcp = check.check == Check::Tcp;
    match spec.fault {
        Fault::Kill | Fault::Crash | Fault::Stop | Fault::Drain => Ok(Meets::Failure),
        Fault::Hang if tcp => Err(NoTheory::TcpSeesNoHang),
        Fault::Hang => Ok(Meets::Silence),
        Fault::Cut => Err(NoTheory::RequestsOnly),
        Fault::Silent | Fault::Error | Fault::Slow if !spec.on.health() => Err(NoTheory::RequestsOnly),
        Fault::Silent | Fault::Error | Fault::Slow if tcp => Err(NoTheory::TcpSeesNoAnswer),
        Fault::Silent => Ok(Meets::Silence),
        Fault::Error => Ok(Meets::Failure),
        Fault::Slow => late(spec.delay, check.timeout, NoTheory::LateInTime),
    }
}

/// Every attempt from the fault on (from the closing of the listener on, for a drain), as `passive` counts them.
pub(super) fn attempt(settings: &Settings, spec: &Spec) -> Result<Meets, NoTheory> {
    let tcp = settings.mode == Mode::Tcp;
    match spec.fault {
        Fault::Kill | Fault::Crash | Fault::Stop | Fault::Drain => Ok(Meets::Failure),
        Fault::Hang => Ok(Meets::Silence),
        Fault::Cut => Err(NoTheory::CutCountsNowhere),
        Fault::Silent | Fault::Error | Fault::Slow if !spec.on.requests() => Err(NoTheory::HealthOnly),
        Fault::Silent => Ok(Meets::Silence),
        Fault::Error if tcp => Err(NoTheory::TcpModeReadsNothing),
        Fault::Error if !(502..=504).contains(&spec.status) => Err(NoTheory::StatusCountsNot),
        Fault::Error => Ok(Meets::Failure),
        Fault::Slow => late(
            spec.delay,
            settings.response_timeout,
            NoTheory::LateAttemptsInTime,
        ),
    }
}

/// An answer that comes exactly at the timeout counts as in time.
fn late(delay: Delay, timeout: Duration, in_time: NoTheory) -> Result<Meets, NoTheory> {
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
