use super::*;
use crate::core::world::{Truth, World};
use crate::core::{BackendId, CheckSettings};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use router::record::Belief;

const ONLY: BackendId = BackendId(0);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn settings(words: &str) -> Settings {
    words.parse().unwrap()
}

/// T_MR, T_M and their relative standard errors, of `n` mistakes in virtual time.
fn simulate(check: &CheckSettings, pauses: Pauses, n: usize, seed: u64) -> [(f64, f64); 2] {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut world = World::new(check.clone(), 1, seed);
    world.latency = Duration::ZERO;
    let (mut times, mut durations) = (Vec::new(), Vec::new());
    let (mut down_at, mut last) = (None, None);
    let gap = pauses.mean_gap().as_secs_f64();
    let mut note = |world: &World| {
        let health = world.balancer.health(ONLY);
        match (down_at, health.belief()) {
            (None, Belief::Down) => {
                if let Some(last) = last.replace(health.since()) {
                    times.push(health.since().seconds_after(last));
                }
                down_at = Some(health.since());
            }
            (Some(at), Belief::Up) => {
                durations.push(health.since().seconds_after(at));
                down_at = None;
            }
            _ => {}
        }
        times.len() >= n && durations.len() >= n
    };
    let mut done = false;
    while !done {
        world.log.clear();
        let uniform = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut at = world.now + Duration::from_secs_f64(-(1.0 - uniform).ln() * gap);
        for truth in [Truth::Hung, Truth::Alive] {
            while let Some(next) = world.balancer.next_deadline().filter(|next| *next <= at) {
                world.run_until(next);
                note(&world);
            }
            world.run_until(at);
            world.set_truth(ONLY, truth);
            done = note(&world);
            at = at + pauses.length;
        }
    }
    [times, durations].map(|values| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        (mean, (variance / n).sqrt() / mean)
    })
}

#[test]
fn monte_carlo_agrees_on_mistakes() {
    // (settings, pause in ms, share): one pause covers `fall` checks, is seen by one at most, or by some of them.
    let cases = [
        ("interval=250ms timeout=200ms fall=1", 300, 0.02),
        ("interval=1s timeout=200ms fall=1 rise=1", 300, 0.05),
        ("interval=250ms timeout=200ms fall=2", 300, 0.2),
        ("interval=250ms timeout=200ms fall=2 schedule=end", 300, 0.2),
        ("interval=5s timeout=200ms fall=1", 300, 0.05),
        ("interval=100ms timeout=50ms fall=2 rise=3", 300, 0.02),
        ("interval=100ms timeout=50ms fall=3", 280, 0.02),
        ("interval=100ms timeout=50ms fall=3 schedule=end", 400, 0.02),
        ("interval=100ms timeout=60ms fall=3 rise=1 schedule=end", 300, 0.3),
        ("interval=100ms timeout=50ms fall=4", 280, 0.2),
        ("interval=100ms timeout=250ms fall=2", 700, 0.05),
        ("interval=100ms timeout=250ms fall=2", 350, 0.5),
        ("interval=1s timeout=1s fall=2 schedule=end", 1500, 0.2),
        // Failures that are not forgiven; intervals by belief.
        ("interval=1s timeout=200ms fall=3 counting=cumulative", 300, 0.1),
        (
            "interval=100ms timeout=50ms fall=3 rise=2 counting=cumulative",
            280,
            0.1,
        ),
        (
            "interval=500ms timeout=200ms fall=2 rise=3 counting=cumulative schedule=end",
            300,
            0.3,
        ),
        ("interval=1s timeout=200ms fall=2 fall-interval=150ms", 500, 0.1),
        (
            "interval=1s timeout=200ms fall=2 fall-interval=250ms schedule=end",
            500,
            0.1,
        ),
        (
            "interval=1s timeout=200ms fall=2 rise=2 fall-interval=100ms down-interval=2s rise-interval=300ms schedule=end",
            600,
            0.1,
        ),
        (
            "interval=300ms timeout=200ms fall=2 rise=2 fall-interval=250ms down-interval=700ms rise-interval=100ms",
            500,
            0.1,
        ),
        (
            "interval=300ms timeout=200ms fall=2 rise=2 fall-interval=250ms counting=cumulative",
            350,
            0.1,
        ),
        ("interval=300ms timeout=200ms fall=2 overlap=on", 600, 0.1),
    ];
    for (words, pause, share) in cases {
        let settings = settings(words);
        let pauses = Pauses {
            length: ms(pause),
            share,
        };
        let theory = by_pauses(&settings, pauses).unwrap();
        let [(recurrence, off), (duration, off_m)] = simulate(&settings.check, pauses, 200, 11);
        let told = |seconds: f64, theory: Duration| seconds / theory.as_secs_f64() - 1.0;
        let (r, m) = (
            told(recurrence, theory.recurrence),
            told(duration, theory.duration),
        );
        // Four standard errors, and the width of an age.
        assert!(
            r.abs() < 4.0 * off + 0.02,
            "{words} {pauses:?}: T_MR {recurrence}, theory {theory:?}: {r}"
        );
        assert!(
            m.abs() < 4.0 * off_m + 0.02,
            "{words} {pauses:?}: T_M {duration}, theory {theory:?}: {m}"
        );
    }
}

#[test]
fn the_known_answers_are_among_its_own() {
    // Rare pauses, each seen by one check at most: independent checks.
    let pauses = Pauses {
        length: ms(300),
        share: 0.01,
    };
    let far = settings("interval=40s timeout=200ms fall=2");
    let p = pauses.failing_share(ms(200));
    assert!((p - 1.0 / 300.0).abs() < 1e-12);
    let checks = (1.0 - p * p) / ((1.0 - p) * p * p);
    let theory = by_pauses(&far, pauses).unwrap();
    let up = (theory.recurrence - theory.duration).as_secs_f64();
    assert!((up / (checks * 40.0) - 1.0).abs() < 0.03, "{up}");
    // One pause covers three checks with chance (W − 2I)/I = 1/2, and is a mistake then.
    let near = settings("interval=100ms timeout=50ms fall=3");
    let pauses = Pauses {
        length: ms(300),
        share: 0.001,
    };
    let theory = by_pauses(&near, pauses).unwrap();
    let expected = 2.0 * 300.0;
    assert!(
        (theory.recurrence.as_secs_f64() / expected - 1.0).abs() < 0.02,
        "{theory:?}"
    );
    assert!((theory.per_hour(4) - 4.0 * 6.0).abs() < 0.5);
}

#[test]
fn failures_that_are_not_forgiven_add_up() {
    // p = 0.05 and F = 3 of independent checks: 8,420 of them to a mistake in a row, 60 in all.
    let pauses = Pauses {
        length: ms(300),
        share: 0.15,
    };
    let p = pauses.failing_share(ms(200));
    assert!((p - 0.05).abs() < 1e-12);
    for (counting, checks) in [("consecutive", 8420.0), ("cumulative", 60.0)] {
        let far = settings(&format!("interval=100s timeout=200ms fall=3 counting={counting}"));
        let theory = by_pauses(&far, pauses).unwrap();
        let up = (theory.recurrence - theory.duration).as_secs_f64();
        assert!((up / (checks * 100.0) - 1.0).abs() < 0.02, "{counting}: {up}");
    }
}

#[test]
fn what_is_not_worked_out_says_so() {
    let pauses = Pauses {
        length: ms(700),
        share: 0.1,
    };
    let reason = |words: &str| by_pauses(&settings(words), pauses).unwrap_err();
    for words in [
        "interval=1s timeout=200ms schedule=batch",
        "interval=1s timeout=200ms probers=3",
        "interval=100ms timeout=200ms overlap=on",
        "interval=1s timeout=1600ms schedule=deadline",
    ] {
        assert_eq!(reason(words), NoTheory::OtherPauses, "{words}");
    }
    assert_eq!(
        reason("interval=1s timeout=200ms spread=1%"),
        NoTheory::JitteredPauses
    );
    // At worst a second after a success the pause begins: 1.7 s without one.
    assert_eq!(
        reason("interval=1s timeout=1700ms schedule=deadline"),
        NoTheory::PausesUnseen
    );
}

#[test]
fn pauses_that_no_check_sees_make_no_mistake() {
    let pauses = Pauses {
        length: ms(300),
        share: 0.01,
    };
    let never = by_pauses(&settings("timeout=300ms"), pauses).unwrap_err();
    assert!(never.is_never());
    assert!(
        by_pauses(&settings("check=tcp timeout=1ms"), pauses)
            .unwrap_err()
            .is_never()
    );
    let rare = settings("interval=10s timeout=299ms fall=30");
    assert_eq!(by_pauses(&rare, pauses), Err(NoTheory::MistakesTooRare));
}

#[test]
fn an_interval_of_counts() {
    // By tables of the Poisson distribution.
    assert_eq!(poisson_95(0.0), (0, 0));
    assert_eq!(poisson_95(1.0), (0, 3));
    assert_eq!(poisson_95(10.0), (4, 17));
    assert_eq!(poisson_95(100.0), (81, 120));
}
