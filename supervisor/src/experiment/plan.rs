//! PURE: which routers are hit in which trial, and at which phase of the check clock.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// One planned trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Strike {
    /// Distinct indices of routers, from 0. The phase is the first one's.
    pub routers: Vec<u32>,
    /// Position between two checks, `0.0 ≤ phase < 1.0`: a share of the interval, or of the moments that a random gap has.
    pub phase: f64,
}

/// `trials` strikes at `victims` of `routers` each (at least one, at most all): phases stratified, so that n trials
/// cover the interval evenly, in random order; first victims as even as n allows, the others drawn. Same seed, same
/// plan.
pub fn strikes(seed: u64, trials: u32, routers: u32, victims: u32) -> Vec<Strike> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut phases: Vec<f64> = (0..trials)
        .map(|k| (f64::from(k) + rng.random::<f64>()) / f64::from(trials))
        .collect();
    phases.shuffle(&mut rng);
    let mut first: Vec<u32> = (0..trials).map(|k| k % routers.max(1)).collect();
    first.shuffle(&mut rng);
    let strike = |(first, phase)| {
        let mut others: Vec<u32> = (0..routers).filter(|router| *router != first).collect();
        if victims > 1 {
            others.shuffle(&mut rng);
        }
        others.truncate(victims.saturating_sub(1) as usize);
        others.insert(0, first);
        Strike {
            routers: others,
            phase,
        }
    };
    first.into_iter().zip(phases).map(strike).collect()
}

/// A seed for who did not give one: from the operating system's randomness, by way of the standard hasher's keys.
pub fn fresh_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn phases_cover_the_interval_evenly_and_repeat_with_the_seed() {
        let plan = strikes(7, 20, 4, 1);
        assert_eq!(plan, strikes(7, 20, 4, 1));
        assert_ne!(plan, strikes(8, 20, 4, 1));
        let mut strata: Vec<u32> = plan.iter().map(|s| (s.phase * 20.0) as u32).collect();
        strata.sort_unstable();
        assert_eq!(
            strata,
            (0..20).collect::<Vec<_>>(),
            "one strike in each twentieth of the interval"
        );
        for router in 0..4 {
            assert_eq!(plan.iter().filter(|s| s.routers == [router]).count(), 5);
        }
    }

    #[test]
    fn victims_of_a_strike_are_distinct() {
        for victims in 1..=5 {
            for strike in strikes(3, 50, 5, victims) {
                let distinct: BTreeSet<u32> = strike.routers.iter().copied().collect();
                assert_eq!(
                    (strike.routers.len(), distinct.len()),
                    (victims as usize, victims as usize)
                );
            }
        }
        let one: Vec<u32> = strikes(3, 50, 5, 1).iter().map(|s| s.routers[0]).collect();
        let two: Vec<u32> = strikes(3, 50, 5, 2).iter().map(|s| s.routers[0]).collect();
        assert_eq!(one, two, "more victims move nobody's phase");
    }
}
