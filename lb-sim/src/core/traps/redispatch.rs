//! HAProxy's `retries 3` alone asks the same dead server again, a second later each time (`backend.c`: turn-around
//! `min(1 s, timeout connect)` after an asynchronous error; `option redispatch` is off by default): 3 s, then 503. With
//! `option redispatch` and round robin the first retry goes elsewhere at once (`stream.h`).

use crate::core::retry::Tries;
use crate::core::world::BIRTH;
use crate::core::{BackendId, Balance, Picker, RetryOn, RetrySettings, RetryTo};
use std::time::Duration;

const SERVERS: u32 = 4;
const DEAD: BackendId = BackendId(2);

/// One request against servers of which one refuses at once: how long it took, its attempts, and whether it was served.
fn request(picker: &mut Picker, settings: &RetrySettings) -> (Duration, Vec<BackendId>, bool) {
    let mut tries = Tries {
        begun: BIRTH,
        made: 0,
    };
    let (mut now, mut tried) = (BIRTH, Vec::new());
    let mut random = router::dice::seeded(0, "retries", 0);
    let mut server = picker.pick().unwrap();
    loop {
        tries.made += 1;
        tried.push(server);
        if server != DEAD {
            return (now.since(BIRTH), tried, true);
        }
        assert!(settings.on.allows(false, false), "nobody has seen it");
        let Some(next) = tries.next(now, settings, &mut random) else {
            return (now.since(BIRTH), tried, false);
        };
        now = next;
        server = picker.pick_again(settings.to, &tried).unwrap();
    }
}

fn haproxy(to: RetryTo, delay: Duration) -> RetrySettings {
    RetrySettings {
        retries: 3,
        on: RetryOn::Connect,
        to,
        delay,
        budget: None,
        breaker: None,
        ..RetrySettings::default()
    }
}

fn round_robin() -> Picker {
    let all: Vec<_> = (0..SERVERS).map(BackendId).collect();
    Picker::new(Balance::RoundRobin, &all)
}

#[test]
fn trap_9_haproxy_without_redispatch_asks_the_same_dead_server_for_three_seconds_and_fails() {
    let settings = haproxy(RetryTo::Same, Duration::from_secs(1));
    let mut picker = round_robin();
    let requests: Vec<_> = (0..40).map(|_| request(&mut picker, &settings)).collect();
    let failed: Vec<_> = requests.iter().filter(|(.., served)| !served).collect();
    assert_eq!(failed.len(), 10, "every fourth");
    for (took, tried, _) in failed {
        assert_eq!((*took, &tried[..]), (Duration::from_secs(3), &[DEAD; 4][..]));
    }
}

#[test]
fn trap_9_haproxy_with_redispatch_loses_nothing_and_nobody_waits() {
    let settings = haproxy(RetryTo::Other, Duration::ZERO);
    let mut picker = round_robin();
    for _ in 0..40 {
        let (took, tried, served) = request(&mut picker, &settings);
        assert!(served && took.is_zero() && tried.len() <= 2, "{tried:?}");
    }
}
