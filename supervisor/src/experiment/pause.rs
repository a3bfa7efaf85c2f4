//! Routers that stand still now and then: a PURE schedule, and the driver that keeps it.

use crate::fleet::FleetHandle;
use lb_sim::theory::mistakes::Pauses;
use rand::Rng;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use router::clock::{self, Timestamp};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// `300ms@1%`: each router stands still for 300 ms at a time, 1 % of the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PauseSpec(pub Pauses);

/// One planned pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pause {
    /// Since the schedule's beginning.
    pub after: Duration,
    /// Index of the router, from 0.
    pub router: u32,
}

/// The pauses of `routers` that begin within `span`, in order of time. Gaps are exponential, each router's its own;
/// the same seed draws the same.
pub fn schedule(seed: u64, pauses: Pauses, routers: u32, span: Duration) -> Vec<Pause> {
    let gap = pauses.mean_gap().as_secs_f64();
    let mut all: Vec<Pause> = (0..routers)
        .flat_map(|router| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(u64::from(router));
            let mut end = Duration::ZERO;
            std::iter::from_fn(move || {
                // In (0, 1]: a logarithm needs it.
                let uniform = ((random.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
                let after = end + Duration::from_secs_f64(-uniform.ln() * gap);
                end = after + pauses.length;
                (after < span).then_some(Pause { after, router })
            })
        })
        .collect();
    all.sort_unstable();
    all
}

/// Pauses routers as planned, from `begin` on. A router that cannot be paused just now is left alone. Cancel-safe: the
/// fleet ends each pause by itself.
pub async fn drive(fleet: &FleetHandle, pauses: Pauses, plan: &[Pause], begin: Timestamp) {
    for pause in plan {
        clock::until(begin + pause.after).await;
        let router = format!("router-{}", pause.router + 1);
        let _ = fleet.pause(&router, pauses.length).await;
    }
}

impl FromStr for PauseSpec {
    type Err = String;
    fn from_str(word: &str) -> Result<PauseSpec, String> {
        let expected = || {
            format!(
                "`{word}`: expected how long at a time and which share of the time, such as 300ms@1%, above 0% and at most 50%"
            )
        };
        let (length, share) = word.split_once('@').ok_or_else(expected)?;
        let length = humantime::parse_duration(length).map_err(|_| expected())?;
        let percent: f64 = share
            .strip_suffix('%')
            .and_then(|share| share.trim().parse().ok())
            .ok_or_else(expected)?;
        if length < Duration::from_millis(1) || !(percent > 0.0 && percent <= 50.0) {
            return Err(expected());
        }
        let share = percent / 100.0;
        Ok(PauseSpec(Pauses { length, share }))
    }
}

impl fmt::Display for PauseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = humantime::format_duration(self.0.length)
            .to_string()
            .replace(' ', "");
        write!(f, "{length}@{}%", self.0.share * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_pause_for_their_share_of_the_time() {
        let PauseSpec(pauses) = "300ms@10%".parse().unwrap();
        let span = Duration::from_secs(20_000);
        let plan = schedule(3, pauses, 2, span);
        assert_eq!(plan, schedule(3, pauses, 2, span));
        assert!(plan.windows(2).all(|pair| pair[0] <= pair[1]));
        for router in 0..2 {
            let own: Vec<_> = plan.iter().filter(|pause| pause.router == router).collect();
            let share = own.len() as f64 * 0.3 / 20_000.0;
            assert!((share - 0.1).abs() < 0.005, "{share}");
            assert!(
                own.windows(2)
                    .all(|pair| pair[0].after + pauses.length <= pair[1].after)
            );
        }
        let first = |router| {
            plan.iter()
                .find(|pause| pause.router == router)
                .map(|pause| pause.after)
        };
        assert_ne!(first(0), first(1), "each router has its own gaps");
    }

    #[test]
    fn words_say_what_was_expected() {
        let spec: PauseSpec = "300ms@1%".parse().unwrap();
        assert_eq!(spec.to_string(), "300ms@1%");
        for wrong in ["300ms", "300@1%", "300ms@0%", "300ms@80%", "0s@1%", "300ms@1"] {
            let error = wrong.parse::<PauseSpec>().unwrap_err();
            assert!(error.contains("such as 300ms@1%"), "{error}");
        }
    }
}
