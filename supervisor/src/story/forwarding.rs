//! PURE: what is told of retries.

use super::{Line, Story, Tone};
use lb_sim::core::OnFailure;
use router::clock::Timestamp;
use std::time::Duration;

/// Retries that were not allowed, as far as it has been told.
#[derive(Default)]
pub(super) struct Denied {
    told: u64,
    at: Option<Timestamp>,
}

/// A budget that is used up denies ten times a second; that is one thing to say.
const PAUSE: Duration = Duration::from_secs(5);

impl Story {
    /// A failed attempt may be tried at another router.
    pub(super) fn retries(&self) -> bool {
        matches!(
            self.settings.on_failure,
            OnFailure::Retry | OnFailure::RetryConnect
        )
    }

    pub(super) fn on_denied(&mut self, at: Timestamp, over_budget: u64, over_breaker: u64) -> Vec<Line> {
        let total = over_budget + over_breaker;
        let more = total.saturating_sub(self.denied.told);
        let spoken = self.denied.at.is_some_and(|told| at.since(told) < PAUSE);
        if more == 0 || spoken {
            return Vec::new();
        }
        self.denied = Denied {
            told: total,
            at: Some(at),
        };
        let retries = if more == 1 { "retry" } else { "retries" };
        let text = format!(
            "{more} {retries} denied (so far {over_budget} over retry-budget, {over_breaker} over retry-breaker): \
             those requests fail"
        );
        Line::one(at, Tone::Warning, text)
    }
}
