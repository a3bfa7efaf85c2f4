//! Whatever happens to a process, in virtual time.

use super::*;
use proptest::prelude::*;

fn any_backoff() -> impl Strategy<Value = Backoff> {
    let limit = proptest::option::of((1u32..8, 1u64..600_000));
    (0u64..60_000, 0u64..600_000, 0u32..=100, 0u64..90_000, limit).prop_map(
        |(delay, max_delay, jitter, stable, limit)| Backoff {
            delay: Duration::from_millis(delay),
            max_delay: Duration::from_millis(max_delay),
            jitter: f64::from(jitter) / 100.0,
            stable: Duration::from_millis(stable),
            limit: limit.map(|(deaths, within)| Limit {
                deaths,
                within: Duration::from_millis(within),
            }),
        },
    )
}

/// Lives by length in milliseconds, and whether another ended them.
fn any_lives() -> impl Strategy<Value = Vec<(u64, bool)>> {
    proptest::collection::vec((0u64..120_000, any::<bool>()), 1..60)
}

/// Each life's delay, until it is given up; a restart takes no time.
fn delays(backoff: Backoff, seed: u64, lives: &[(u64, bool)]) -> (Vec<Duration>, Option<usize>) {
    let mut restarts = Restarts::new(RestartPolicy::Backoff(backoff), seed);
    let (mut now, mut delays) = (Timestamp(0), Vec::new());
    for (index, (uptime, another)) in lives.iter().enumerate() {
        let uptime = Duration::from_millis(*uptime);
        let death = Death {
            at: now + uptime,
            uptime,
            by: if *another { Killer::Another } else { Killer::Itself },
        };
        match restarts.on_death(death) {
            Next::StartAt(at) => {
                delays.push(at.since(death.at));
                now = at;
            }
            Next::GiveUp { .. } => return (delays, Some(index)),
            Next::Wait => unreachable!("it restarts by itself"),
        }
    }
    (delays, None)
}

proptest! {
    #[test]
    fn a_delay_stays_within_its_bounds(backoff in any_backoff(), seed: u64, lives in any_lives()) {
        let longest = backoff.max_delay.max(backoff.delay).mul_f64(1.0 + backoff.jitter);
        for (delay, (_, another)) in delays(backoff, seed, &lives).0.iter().zip(&lives) {
            prop_assert!(*delay <= longest + Duration::from_nanos(1), "{delay:?} > {longest:?}");
            prop_assert!(!another || *delay == backoff.delay);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_delays(backoff in any_backoff(), seed: u64, lives in any_lives()) {
        prop_assert_eq!(delays(backoff, seed, &lives), delays(backoff, seed, &lives));
    }

    #[test]
    fn only_its_own_deaths_within_the_time_are_held_against_it(backoff in any_backoff(), seed: u64, lives in any_lives()) {
        let (delays, gave_up) = delays(backoff, seed, &lives);
        let mut now = Timestamp(0);
        let mut own = Vec::new();
        for (index, (uptime, another)) in lives.iter().enumerate() {
            let at = now + Duration::from_millis(*uptime);
            if !another {
                own.push(at);
            }
            let recent = backoff.limit.map(|limit| own.iter().filter(|death| at.since(**death) <= limit.within).count());
            let too_many = !another && recent.zip(backoff.limit).is_some_and(|(n, limit)| n > limit.deaths as usize);
            prop_assert_eq!(gave_up == Some(index), too_many);
            if too_many {
                break;
            }
            now = at + delays[index];
        }
    }

    #[test]
    fn without_jitter_a_row_never_waits_shorter_than_before(backoff in any_backoff(), seed: u64, n in 1usize..40) {
        let backoff = Backoff { jitter: 0.0, limit: None, stable: Duration::from_secs(1), ..backoff };
        let (delays, _) = delays(backoff, seed, &vec![(0, false); n]);
        prop_assert!(delays.is_sorted(), "{delays:?}");
    }
}
