//! nginx's `fail_timeout` is a required quiet period and not a sliding window, whatever its documentation says (nginx#599;
//! `ngx_http_upstream_round_robin.c`: `now - checked <= fail_timeout`, and `fails` is cleared only by a success with
//! `accessed < checked`).

use crate::core::world::{BIRTH, World};
use crate::core::{
    BackendId, CheckSettings, Growth, Heard, PassiveCounting, PassiveOn, PassiveReturn, PassiveSettings,
    Share,
};
use router::clock::Timestamp;
use std::time::Duration;

const PEER: BackendId = BackendId(1);
const FAIL_TIMEOUT: Duration = Duration::from_secs(10);

/// `max_fails=N fail_timeout=10s` in front of two peers, without checks worth the name.
fn nginx(max_fails: u32, peers: u32) -> World {
    let checks = CheckSettings {
        interval: Duration::from_secs(1_000_000),
        ..CheckSettings::default()
    };
    let mut world = World::new(checks, peers, 1);
    let passive = PassiveSettings {
        failures: max_fails,
        counting: PassiveCounting::Quiet,
        window: FAIL_TIMEOUT,
        on: PassiveOn::Broken,
        ejection: FAIL_TIMEOUT,
        growth: Growth::None,
        back: PassiveReturn::Trial,
        max_ejected: Share(10_000),
        ..PassiveSettings::default()
    };
    world.balancer.apply_passive(BIRTH, Some(passive));
    world
}

fn second(n: u64) -> Timestamp {
    BIRTH + Duration::from_secs(n)
}

fn trials(world: &World) -> Vec<(BackendId, u32)> {
    world.balancer.trials().collect()
}

#[test]
fn trap_5_nginx_failures_further_apart_than_a_window_still_add_up() {
    let mut world = nginx(3, 2);
    // Never three within 10 s, and successes in between: a sliding window would count two at most.
    for (at, failed) in [(0, true), (1, false), (8, true), (9, false), (16, true)] {
        world.run_until(second(at));
        world.balancer.on_attempt(world.now, PEER, failed);
        assert_eq!(world.balancer.usable().count(), if at < 16 { 2 } else { 1 });
    }
    // A success after a quiet time clears, and only then.
    let mut world = nginx(3, 2);
    for (at, failed) in [(0, true), (8, true), (19, false), (20, true), (21, true)] {
        world.run_until(second(at));
        world.balancer.on_attempt(world.now, PEER, failed);
        assert_eq!(world.balancer.usable().count(), 2, "at {at} s");
    }
}

#[test]
fn trap_5_nginx_tries_an_ejected_peer_with_exactly_one_request_after_each_fail_timeout() {
    let mut world = nginx(1, 2);
    world.balancer.on_attempt(world.now, PEER, true);
    for n in 1..=5 {
        // Refused at once, so that the next time begins where the last ended. Whole seconds are compared: more than ten.
        world.run_until(second(11 * u64::from(n) - 1));
        assert!(trials(&world).is_empty(), "not yet");
        world.run_until(second(11 * u64::from(n)));
        assert_eq!(trials(&world), [(PEER, n)]);
        assert_eq!(
            world.balancer.usable().count(),
            1,
            "nobody else's request goes there"
        );
        world.balancer.hear(world.now, PEER, Heard::Trying);
        assert!(trials(&world).is_empty(), "it is one");
        world
            .balancer
            .hear(world.now, PEER, Heard::Failed { trial: true });
        let over = world.now + FAIL_TIMEOUT + Duration::from_secs(1);
        assert_eq!(world.balancer.ejected_until(PEER), Some(over));
    }
    world.run_until(second(66));
    world.balancer.hear(world.now, PEER, Heard::Trying);
    world
        .balancer
        .hear(world.now, PEER, Heard::Succeeded { trial: true });
    assert_eq!(world.balancer.usable().count(), 2);
}

#[test]
fn trap_5_nginx_is_out_until_a_fail_timeout_after_the_last_of_what_was_stuck() {
    let mut world = nginx(1, 2);
    world.balancer.on_attempt(world.now, PEER, true);
    // Sent before the ejection into a black hole, and given up after `proxy_connect_timeout 60s`.
    for stuck in [3, 7, 9] {
        world.run_until(second(stuck));
        world.balancer.on_attempt(world.now, PEER, true);
    }
    world.run_until(second(19));
    assert!(trials(&world).is_empty());
    world.run_until(second(20));
    assert_eq!(trials(&world), [(PEER, 1)]);
    // A trial that hangs costs one more request for each fail_timeout, not all of them.
    world.balancer.hear(world.now, PEER, Heard::Trying);
    world.run_until(second(31));
    assert_eq!(trials(&world), [(PEER, 2)]);
}

#[test]
fn trap_5_nginx_never_ejects_a_peer_without_another() {
    let mut world = nginx(1, 1);
    for n in 0..20 {
        world.run_until(second(n));
        world.balancer.on_attempt(world.now, BackendId(0), true);
        assert_eq!(world.balancer.usable().count(), 1);
    }
    let mut world = nginx(1, 2);
    for peer in 0..2 {
        world.balancer.on_attempt(world.now, BackendId(peer), true);
    }
    assert_eq!(
        world.balancer.usable().count(),
        0,
        "of two both may be: 502, no live upstreams"
    );
}
