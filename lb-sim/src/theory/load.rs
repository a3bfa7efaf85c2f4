//! What checks and retries add to the routers' load.

use crate::core::retry::RESERVE;
use crate::core::{CheckSettings, OnFailure, Settings};

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// Independently of each other.
    Poisson,
}

/// What the requests come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connections {
    /// One for each of them.
    PerRequest,
    /// Those that were used before. `mode=tcp` balances connections: what goes where is then decided once.
    Kept,
}

/// Health checks a second at `routers` healthy routers, by all checkers: each costs no time beside its gap.
pub fn checks_per_second(check: &CheckSettings, routers: u32) -> f64 {
    let cycle = check.interval.as_secs_f64() + check.jitter.as_secs_f64() / 2.0;
    f64::from(routers) * f64::from(check.probers) / cycle
}

/// The most attempts a request causes when every router fails every attempt, at `rate` requests a second for longer
/// than the budget's ten seconds. Without a budget it is reached, unless the breaker is.
pub fn amplification(settings: &Settings, rate: f64) -> f64 {
    let retry = &settings.retry;
    if !matches!(settings.on_failure, OnFailure::Retry | OnFailure::RetryConnect) {
        return 1.0;
    }
    let all = f64::from(retry.retries);
    let allowed = match retry.budget {
        None => all,
        Some(_) if rate <= 0.0 => all,
        Some(budget) => all.min(budget.fraction() + RESERVE as f64 / rate),
    };
    1.0 + allowed
}
