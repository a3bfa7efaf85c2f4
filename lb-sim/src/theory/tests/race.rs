//! Checks and failed attempts race to notice a death: Monte-Carlo in virtual time.

use super::cases::{case, settings, traffic};
use super::*;
use crate::core::{Balance, OnFailure, Picker};
use crate::theory::load::Arrivals;

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// From router 0's death until the balancer no longer uses it, by its checks and by attempts in the picker's turns: how
/// long it takes, and how many attempts are made there.
fn out_of_use(case: &Case, random: &mut ChaCha8Rng) -> (Duration, u32) {
    let Traffic {
        rate,
        routers,
        arrivals,
        ..
    } = case.traffic;
    let check = &case.settings.check;
    let mut world = World::new(check.clone(), routers, random.next_u64());
    world.balancer.apply_passive(BIRTH, Some(case.settings.passive));
    let all: Vec<_> = (0..routers).map(BackendId).collect();
    let mut picker = Picker::new(Balance::RoundRobin, &all);
    let retries = case.settings.on_failure == OnFailure::Retry;
    let (truth, waits) = match case.spec.fault {
        Fault::Hang => (Truth::Hung, case.settings.response_timeout),
        _ => (Truth::Refusing, Duration::ZERO),
    };
    let traffic = BIRTH + check.interval.mul_f64(2.0 + uniform(random));
    let death = traffic + Duration::from_secs_f64(8.0 / rate);
    // Whose turn it is at the death depends on nothing; what a router that lives has answered before says nothing.
    let mut arrival = traffic + Duration::from_secs_f64(uniform(random) * f64::from(routers) / rate);
    let mut failing = std::collections::VecDeque::new();
    let (mut dead, mut attempts) = (false, 0);
    loop {
        let now = failing.front().copied().unwrap_or(arrival).min(arrival);
        if !dead && now >= death {
            world.run_until(death);
            world.set_truth(ONLY, truth);
            dead = true;
        }
        world.run_until(now);
        let health = world.balancer.health(ONLY);
        if health.belief() == Belief::Down {
            return (health.since().since(death), attempts);
        }
        if now < arrival {
            failing.pop_front();
            if let Some(transition) = world.balancer.on_attempt(now, ONLY, true) {
                assert_eq!(transition.to, Belief::Ejected);
                return (now.since(death), attempts);
            }
            continue;
        }
        let picked = picker.pick().unwrap();
        if picked != ONLY || !dead {
            world.balancer.on_attempt(now, picked, false);
        } else {
            attempts += 1;
            failing.push_back(now + waits);
            if retries {
                assert_ne!(picker.pick_other(&[ONLY]), Some(ONLY));
            }
        }
        arrival = now
            + Duration::from_secs_f64(match arrivals {
                Arrivals::Constant => 1.0 / rate,
                Arrivals::Poisson => -(1.0 - uniform(random)).ln() / rate,
            });
        if waits.is_zero() && !failing.is_empty() {
            failing.pop_front();
            if world.balancer.on_attempt(now, ONLY, true).is_some() {
                return (now.since(death), attempts);
            }
        }
    }
}

#[test]
fn monte_carlo_agrees_on_the_earliest_of_polling_and_attempts() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (words, rate, routers, fault) in [
        // Attempts first, attempts against polling, polling nearly always first.
        ("interval=5s fall=2 passive-failures=5", 500.0, 4, Fault::Kill),
        (
            "interval=1s timeout=1s fall=2 passive-failures=3",
            6.0,
            4,
            Fault::Kill,
        ),
        (
            "interval=1s timeout=1s fall=1 passive-failures=2",
            8.0,
            3,
            Fault::Crash,
        ),
        (
            "interval=200ms timeout=200ms fall=2 passive-failures=5",
            50.0,
            4,
            Fault::Stop,
        ),
        (
            "interval=1s timeout=500ms fall=2 response-timeout=1s",
            40.0,
            4,
            Fault::Hang,
        ),
        (
            "interval=1s timeout=900ms fall=2 response-timeout=1s schedule=end",
            20.0,
            3,
            Fault::Hang,
        ),
    ] {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            for retry in ["reset", "retry"] {
                let settings = settings(&format!("{words} detector=passive on-failure={retry}"));
                let spec = Spec::new(fault);
                let case = Case {
                    traffic: traffic(rate, routers, arrivals),
                    ..case(&settings, &spec)
                };
                let theory = case.t_detect().unwrap().window().unwrap();
                let (times, attempts): (Vec<_>, Vec<_>) =
                    (0..3000).map(|_| out_of_use(&case, &mut random)).unzip();
                let mean = times.iter().map(Duration::as_secs_f64).sum::<f64>() / times.len() as f64;
                let error = mean / theory.mean.as_secs_f64() - 1.0;
                assert!(error.abs() < 0.03, "{case:?}: {mean}, theory {theory:?}");
                let slack = Duration::from_nanos(100);
                let outside = times.iter().find(|time| !theory.contains(**time, slack));
                assert_eq!(outside, None, "{case:?}: theory {theory:?}");
                if let Ok(Ok(lost)) = case.lost().map(|lost| lost.mean) {
                    let mean = f64::from(attempts.iter().sum::<u32>()) / attempts.len() as f64;
                    assert!((mean - lost).abs() < 0.05, "{case:?}: lost {mean}, theory {lost}");
                }
            }
        }
    }
}

#[test]
fn the_mean_of_arrivals_stays_exact_beside_a_window_a_thousand_times_as_long() {
    for interval in ["1s", "10s", "10m", "1day"] {
        let settings = settings(&format!(
            "interval={interval} fall=1 detector=passive passive-failures=5"
        ));
        let kill = Spec::new(Fault::Kill);
        let case = Case {
            traffic: traffic(200.0, 4, Arrivals::Poisson),
            ..case(&settings, &kill)
        };
        // Alone it is 4·20 ms and half of 20 ms and 5 ms; a check is first in the share of the interval that this is.
        let alone = 0.0925;
        let mean = case.t_detect().unwrap().mean.unwrap().as_secs_f64();
        let share = alone / settings.check.interval.as_secs_f64();
        assert!((mean / alone - 1.0).abs() < share, "{interval}: {mean}");
    }
}
