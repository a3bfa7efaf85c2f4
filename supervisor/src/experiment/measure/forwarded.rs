//! PURE: what the balancer did with requests in a span of time, from its running totals.

use router::clock::Timestamp;
use router::record::{Event, Record};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// Totals of a span: more attempts than requests is what retries add to the routers' load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    pub requests: u64,
    pub attempts: u64,
    pub retries: u64,
    /// Retries that the budget, or the breaker, did not allow.
    pub over_budget: u64,
    pub over_breaker: u64,
}

impl Forwarded {
    /// `None` without requests.
    pub fn attempts_per_request(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.attempts as f64 / self.requests as f64)
    }
}

/// From the totals known at `begun` to the first ones told at `ended` or later. Totals come ten times a second: a
/// shorter span is seen as that long. `None` when there are none on both sides.
pub(super) fn between(records: &[Record], begun: Timestamp, ended: Timestamp) -> Option<Forwarded> {
    let totals = || {
        records.iter().filter_map(|record| match record.event {
            Event::Forwarded {
                requests,
                attempts,
                retries,
                over_budget,
                over_breaker,
            } => {
                let totals = Forwarded {
                    requests,
                    attempts,
                    retries,
                    over_budget,
                    over_breaker,
                };
                Some((record.at, totals))
            }
            _ => None,
        })
    };
    let before = totals()
        .filter(|(at, _)| *at <= begun)
        .max_by_key(|(at, _)| *at)?;
    let after = totals()
        .filter(|(at, _)| *at >= ended)
        .min_by_key(|(at, _)| *at)
        .or_else(|| {
            // Told only when they have changed: the latest still hold.
            totals().filter(|(at, _)| *at > begun).max_by_key(|(at, _)| *at)
        })?;
    Some(after.1 - before.1)
}

impl Sub for Forwarded {
    type Output = Forwarded;
    /// A balancer that was started anew counts from 0.
    fn sub(self, before: Forwarded) -> Forwarded {
        Forwarded {
            requests: self.requests.saturating_sub(before.requests),
            attempts: self.attempts.saturating_sub(before.attempts),
            retries: self.retries.saturating_sub(before.retries),
            over_budget: self.over_budget.saturating_sub(before.over_budget),
            over_breaker: self.over_breaker.saturating_sub(before.over_breaker),
        }
    }
}

impl Add for Forwarded {
    type Output = Forwarded;
    fn add(self, other: Forwarded) -> Forwarded {
        Forwarded {
            requests: self.requests + other.requests,
            attempts: self.attempts + other.attempts,
            retries: self.retries + other.retries,
            over_budget: self.over_budget + other.over_budget,
            over_breaker: self.over_breaker + other.over_breaker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(ms: u64, requests: u64, attempts: u64) -> Record {
        Record {
            at: Timestamp(ms * 1_000_000),
            from: "lb".into(),
            event: Event::Forwarded {
                requests,
                attempts,
                retries: attempts - requests,
                over_budget: 0,
                over_breaker: 0,
            },
        }
    }

    #[test]
    fn a_span_is_what_happened_between_the_totals_around_it() {
        let records = [totals(100, 10, 10), totals(200, 20, 20), totals(900, 60, 140)];
        let ms = |ms: u64| Timestamp(ms * 1_000_000);
        let span = between(&records, ms(250), ms(850)).unwrap();
        assert_eq!((span.requests, span.attempts, span.retries), (40, 120, 80));
        assert_eq!(span.attempts_per_request(), Some(3.0));
        assert_eq!(
            between(&records, ms(250), ms(2000)),
            Some(span),
            "totals that did not change since"
        );
        assert_eq!(
            between(&records, ms(50), ms(850)),
            None,
            "nothing is known before"
        );
        assert_eq!(between(&records, ms(950), ms(2000)), None, "nor after");
    }
}
