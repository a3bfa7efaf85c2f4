//! When failed attempts eject a router: at the K-th in a row.
//!
//! Round robin gives a router every N-th request, and retries at others pass nobody's turn. Constant arrivals make the
//! K-th attempt uniform in [(K−1)·g, K·g), g = N/rate. Of Poisson arrivals the first that is ours is as likely to be any
//! of the next N: (K−1)·g + (g + 1/rate)/2 on average, without a longest.

use super::case::Case;
use super::law::Law;
use super::meets::{self, Meets};
use super::{Bounds, NoTheory};
use crate::core::{Balance, OnFailure};
use crate::theory::load::Arrivals;
use router::record::Fault;
use std::time::Duration;

impl Case<'_> {
    /// When failed attempts eject the router, or why they never do.
    pub(super) fn passive(&self) -> Result<Law, NoTheory> {
        self.failure(self.settings.passive.failures)
    }

    /// When the K-th attempt in a row has failed, K = `failures`.
    pub(super) fn failure(&self, failures: u32) -> Result<Law, NoTheory> {
        let traffic = &self.traffic;
        let passive = &self.settings.passive;
        let meets = meets::attempt(self.settings, self.spec)?;
        if passive.max_ejected.of(traffic.routers as usize) == 0 {
            return Err(NoTheory::NoneMayBeEjected);
        }
        if traffic.rate <= 0.0 {
            return Err(NoTheory::NoTraffic);
        }
        let mut after = if self.spec.fault == Fault::Drain {
            self.drain_wait
        } else {
            Duration::ZERO
        };
        if meets == Meets::Silence {
            after += self.settings.response_timeout;
        }
        let arrivals = |n: f64| Duration::from_secs_f64(n / traffic.rate);
        let (n, more) = (f64::from(traffic.routers), f64::from(failures - 1));
        let unknown = |fewest: f64, most: Option<f64>, why: NoTheory| {
            Law::Range(Bounds {
                min: match traffic.arrivals {
                    Arrivals::Constant => after + arrivals(fewest),
                    Arrivals::Poisson => after,
                },
                mean: Err(why),
                max: match (traffic.arrivals, most) {
                    (Arrivals::Constant, Some(most)) => Ok(after + arrivals(most)),
                    (Arrivals::Constant, None) => Err(why),
                    (Arrivals::Poisson, _) => Err(NoTheory::NoLongestGap),
                },
            })
        };
        if self.settings.balance == Balance::LeastConnections {
            return Ok(unknown(more, None, NoTheory::UnevenShare));
        }
        let retries = matches!(
            self.settings.on_failure,
            OnFailure::Retry | OnFailure::RetryConnect
        );
        if retries && traffic.routers == 1 {
            return Ok(unknown(0.0, Some(more + 1.0), NoTheory::RetriesComeBack));
        }
        let before = traffic.routers * (failures - 1);
        Ok(match traffic.arrivals {
            Arrivals::Constant => Law::Uniform {
                from: after + arrivals(before.into()),
                to: after + arrivals(f64::from(before) + n),
            },
            Arrivals::Poisson => Law::Arrival {
                after,
                rate: traffic.rate,
                first: before + 1,
                spread: traffic.routers,
            },
        })
    }
}
