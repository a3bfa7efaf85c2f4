//! PURE: when polling was to notice a window, by the phase of its router's own checks.

use super::standing::Router;
use super::window::Began;
use lb_sim::core::CheckSettings;
use lb_sim::theory::{self, NoTheory};
use router::clock::Timestamp;
use std::time::Duration;

/// Why there is no prediction. Each reads as the end of "no prediction: …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unpredicted {
    #[error("it is in no window")]
    NoWindow,
    #[error("health checks do not see that")]
    NotSeen,
    #[error("what checks see of it changed before they had noticed")]
    Crossed,
    #[error("the settings have changed since it went")]
    Reset,
    #[error("it was taken back into use while that went on")]
    TakenBack,
    #[error("no check of it is known from before it went")]
    NoCheck,
    #[error(transparent)]
    NoTheory(#[from] NoTheory),
}

/// What the phase of the checks at the death says about its detection.
pub(super) fn predict(check: &CheckSettings, router: &Router) -> Result<Duration, Unpredicted> {
    let window = router.window.as_ref().ok_or(Unpredicted::NoWindow)?;
    let looks = window.looks.ok_or(Unpredicted::NotSeen)?;
    match () {
        () if window.crossed => return Err(Unpredicted::Crossed),
        () if window.reset => return Err(Unpredicted::Reset),
        () if window.began == Began::TakenBack => return Err(Unpredicted::TakenBack),
        () => {}
    }
    let before = |started: Timestamp| started <= window.death;
    let last = router.checks.iter().rev().find(|check| before(check.started));
    let last = last.ok_or(Unpredicted::NoCheck)?;
    // Answered before it went, however late the balancer read that; a hung one may answer when it runs again.
    let passed = last.failures == 0 && window.over.is_none_or(|over| last.ended < over);
    let phase = theory::Phase::of(window.death, last.started, last.ended, passed);
    let mut check = check.clone();
    if last.ended <= window.death {
        // A check that had failed by then counts already: of the life before, which the balancer does not tell from
        // this one, or of this one, where it was reaped later than it died.
        check.fall = check.fall.saturating_sub(last.failures).max(1);
        if last.failures > 0 {
            check.interval = check.fall_interval.unwrap_or(check.interval);
        }
    }
    Ok(theory::predict(&check, looks, phase)?)
}
