//! PURE: which router dies in which trial, and at which phase of the check clock.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

/// One planned death.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Death {
    /// Index of the router, from 0.
    pub router: u32,
    /// Position in the check interval, `0.0 ≤ phase < 1.0`.
    pub phase: f64,
}

/// `trials` deaths over `routers`: phases stratified, so that n trials cover the interval evenly, in random order;
/// routers as even as n allows. Same seed, same plan.
pub fn deaths(seed: u64, trials: u32, routers: u32) -> Vec<Death> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut phases: Vec<f64> = (0..trials)
        .map(|k| (f64::from(k) + rng.random::<f64>()) / f64::from(trials))
        .collect();
    phases.shuffle(&mut rng);
    let mut victims: Vec<u32> = (0..trials).map(|k| k % routers.max(1)).collect();
    victims.shuffle(&mut rng);
    victims
        .into_iter()
        .zip(phases)
        .map(|(router, phase)| Death { router, phase })
        .collect()
}

/// A seed for who did not give one: from the operating system's randomness, by way of the standard hasher's keys.
pub fn fresh_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_cover_the_interval_evenly_and_repeat_with_the_seed() {
        let plan = deaths(7, 20, 4);
        assert_eq!(plan, deaths(7, 20, 4));
        assert_ne!(plan, deaths(8, 20, 4));
        let mut strata: Vec<u32> = plan.iter().map(|d| (d.phase * 20.0) as u32).collect();
        strata.sort_unstable();
        assert_eq!(
            strata,
            (0..20).collect::<Vec<_>>(),
            "one death in each twentieth of the interval"
        );
        for router in 0..4 {
            assert_eq!(plan.iter().filter(|d| d.router == router).count(), 5);
        }
    }
}
