//! The traps in how routers are checked.

use crate::core::windows::{Death, Window, assert_window, checks};
use crate::core::world::{BIRTH, Note, Truth, World};
use crate::core::{BackendId, Health};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::Belief;
use std::time::Duration;

const A: BackendId = BackendId(0);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn world(settings: &str, backends: u32) -> World {
    World::new(checks(settings), backends, 0)
}

/// When checks of `backend` started, in seconds after `since`.
fn starts(world: &World, backend: BackendId, since: Timestamp) -> Vec<f64> {
    let start = |note: &Note| match note {
        Note::Started(at, probe) if probe.backend == backend && *at >= since => {
            Some(at.since(since).as_secs_f64())
        }
        _ => None,
    };
    world.log.iter().filter_map(start).collect()
}

const HAPROXY: &str = "interval=2s timeout=interval fall=3 rise=2 schedule=end first-result=decides";

/// Trap 1: "inter × fall", 6 s, is what people expect of HAProxy's defaults. Without `timeout check` a whole check may last
/// `inter` (`tcpcheck.c`), and the next is armed at its end (`check.c`): a hung server costs fall × inter more.
#[test]
fn trap_1_haproxy_inter_times_fall_is_right_only_for_a_refused_check() {
    let refused = Death::new(HAPROXY, Truth::Refusing).window();
    assert_window("refused", refused, Window(4.0, 5.0, 6.0));
    let hung = Death::new(HAPROXY, Truth::Hung).window();
    assert_window("hung", hung, Window(10.0, 11.0, 12.0));
}

/// Trap 2: Envoy's `unhealthy_edge_interval` is documented as that of the first check "right after a host is marked
/// unhealthy". `HealthCheckerImplBase::interval` takes it while failures are pending; after the mark comes
/// `unhealthy_interval`.
#[test]
fn trap_2_envoys_edge_interval_is_for_pending_failures() {
    let mut world = world(
        "interval=10s timeout=1s fall=3 rise=2 schedule=end fall-interval=1s down-interval=30s rise-interval=2s",
        1,
    );
    world.run_until(BIRTH + seconds(15));
    world.set_truth(A, Truth::Refusing);
    world.run_until(BIRTH + seconds(53));
    world.set_truth(A, Truth::Alive);
    world.run_until(BIRTH + seconds(100));
    // Two pending failures a second apart, then Down at 22; pending success at 82, Up at 84.
    assert_eq!(
        starts(&world, A, BIRTH),
        [0.0, 10.0, 20.0, 21.0, 22.0, 52.0, 82.0, 84.0, 94.0]
    );
}

/// Trap 3: Envoy's `unhealthy_threshold` is ignored for an HTTP status that is not expected (`setUnhealthy`, issue 7171): only
/// network errors and timeouts are counted.
#[test]
fn trap_3_envoys_threshold_does_not_count_for_a_wrong_status() {
    let settings = "interval=10s timeout=1s fall=3 schedule=end down-at-once=status";
    let failing = Death::new(settings, Truth::Failing).window();
    assert_window("status", failing, Window(0.0, 5.0, 10.0));
    let refused = Death::new(settings, Truth::Refusing).window();
    assert_window("refused", refused, Window(20.0, 25.0, 30.0));
    // Where the threshold counts for statuses, too.
    let counted = Death::new("interval=10s timeout=1s fall=3 schedule=end", Truth::Failing).window();
    assert_window("status, counted", counted, Window(20.0, 25.0, 30.0));
}

/// Trap 4: The timer of Envoy's `no_traffic_interval` (60 s) that runs when the first request comes is not shortened (issue
/// 16724: 55 s of requests to a dead host).
#[test]
fn trap_4_envoys_first_traffic_does_not_shorten_the_wait_that_has_begun() {
    for schedule in ["start", "end"] {
        let settings = format!(
            "interval=10s timeout=1s fall=3 schedule={schedule} fall-interval=5s no-traffic-interval=60s"
        );
        let mut world = world(&settings, 1);
        world.run_until(BIRTH + seconds(65));
        world.balancer.on_traffic();
        world.set_truth(A, Truth::Refusing);
        let limit = BIRTH + seconds(300);
        let down = world.run_to_belief(A, Belief::Down, limit).expect("Down");
        // 55 s until the next check, then the edge interval.
        assert_eq!(
            starts(&world, A, BIRTH),
            [0.0, 60.0, 120.0, 125.0, 130.0],
            "{schedule}"
        );
        assert_eq!(down.since(BIRTH), seconds(130));
    }
}

/// Trap 6: Caddy's `fails` and `passes` are documented as consecutive; `markHealthy` and `markUnhealthy` reset them only when
/// the state changes. Three failures days apart eject.
#[test]
fn trap_6_caddys_counts_are_cumulative() {
    let base = "interval=30s timeout=5s fall=3 rise=1 overlap=on first-check=now";
    for (counting, found) in [("cumulative", Belief::Down), ("consecutive", Belief::Up)] {
        let mut world = world(&format!("{base} counting={counting}"), 1);
        for day in 1..=3 {
            world.run_until(BIRTH + seconds(day * 86_400 - 10));
            world.set_truth(A, Truth::Refusing);
            world.run_until(BIRTH + seconds(day * 86_400 + 10));
            if day < 3 {
                assert!(world.balancer.usable().count() == 1, "{counting}, day {day}");
                world.set_truth(A, Truth::Alive);
            }
        }
        world.set_truth(A, Truth::Alive);
        assert_eq!(
            world.balancer.usable().count(),
            usize::from(found == Belief::Up),
            "{counting}"
        );
    }
}

/// The same as a figure: with 5 % of checks failing and `fails 3`, one is taken out after 60 checks in the mean, instead
/// of 8,420.
#[test]
fn trap_6_a_cumulative_count_is_reached_after_fall_over_p_checks() {
    let mean = |counting: &str, runs: u32| {
        let settings = checks(&format!("fall=3 rise=1 counting={counting}"));
        let mut random = ChaCha8Rng::seed_from_u64(6);
        let mut count = 0u64;
        for _ in 0..runs {
            let mut health = Health::up(BIRTH);
            while health.usable() {
                health.observe(BIRTH, random.next_u32() >= u32::MAX / 20, &settings);
                count += 1;
            }
        }
        count as f64 / f64::from(runs)
    };
    let (cumulative, consecutive) = (mean("cumulative", 4_000), mean("consecutive", 400));
    assert!((cumulative / 60.0 - 1.0).abs() < 0.05, "{cumulative}");
    // Three standard errors: the count is nearly geometric.
    assert!((consecutive / 8_420.0 - 1.0).abs() < 0.15, "{consecutive}");
}

/// Trap 7: Traefik checks the servers of a service one after the other: of `m` hung ones the `m`-th is found `m` timeouts after
/// the round began. A tick that comes during a round is kept, further ones are lost.
#[test]
fn trap_7_traefiks_m_th_hung_server_is_found_after_m_timeouts() {
    let mut world = world(
        "interval=30s timeout=5s fall=1 rise=1 schedule=batch-by-state first-check=interval",
        5,
    );
    world.run_until(BIRTH + seconds(50));
    for hung in 1..5 {
        world.set_truth(BackendId(hung), Truth::Silent);
    }
    world.run_until(BIRTH + seconds(89));
    let found: Vec<_> = (1..5)
        .map(|hung| world.balancer.since(BackendId(hung)).since(BIRTH).as_secs())
        .collect();
    assert_eq!(found, [65, 70, 75, 80]);
    // The one that lives is checked in a round of its own next time: nobody hangs before it.
    world.run_until(BIRTH + seconds(170));
    assert_eq!(starts(&world, A, BIRTH), [30.0, 60.0, 90.0, 120.0, 150.0]);
}

#[test]
fn trap_7_a_round_longer_than_the_interval_is_followed_by_one_tick_at_once() {
    let mut world = world(
        "interval=10s timeout=8s fall=9 schedule=batch-by-state first-check=interval",
        4,
    );
    for hung in 0..4 {
        world.set_truth(BackendId(hung), Truth::Silent);
    }
    world.run_until(BIRTH + seconds(110));
    // A round takes 32 s: of the ticks at 20, 30 and 40 one is kept, so the next begins at its end.
    assert_eq!(starts(&world, A, BIRTH), [10.0, 42.0, 74.0, 106.0]);
    world.set_truth(A, Truth::Alive);
    for hung in 1..4 {
        world.set_truth(BackendId(hung), Truth::Alive);
    }
    world.run_until(BIRTH + seconds(140));
    // The round of 106 ends at 114, with the check that was under way; the tick of 110 was kept; then the beat again.
    assert_eq!(starts(&world, A, BIRTH)[3..], [106.0, 114.0, 120.0, 130.0, 140.0]);
}

/// Trap 8: HAProxy's servers start Up "but will fall down at first failure" (`server.c`): one failed check after a start or a
/// reload is enough, whatever `fall` says.
#[test]
fn trap_8_haproxys_first_check_after_a_start_decides() {
    let mut world = world(HAPROXY, 2);
    world.set_truth(A, Truth::Refusing);
    let down = world.run_to_belief(A, Belief::Down, BIRTH + seconds(60));
    assert_eq!(down, Some(BIRTH));
    // The other one has passed its first check: three failures.
    world.run_until(BIRTH + seconds(2));
    world.set_truth(BackendId(1), Truth::Refusing);
    let down = world.run_to_belief(BackendId(1), Belief::Down, BIRTH + seconds(60));
    assert_eq!(down, Some(BIRTH + seconds(7)));
}

/// Trap 10: ALB's timeout is 5 s in the user guide and 6 s in the API model; Azure's interval 5 s in the portal's text and 15 s in
/// the API model. Either is a setting, and makes the window it makes.
#[test]
fn trap_10_official_texts_disagree_and_the_windows_with_them() {
    for (timeout, hung) in [(5.0, Window(35.0, 50.0, 65.0)), (6.0, Window(36.0, 51.0, 66.0))] {
        let settings = format!("interval=30s timeout={timeout}s fall=2 rise=5 first-result=decides");
        let seen = Death::new(&settings, Truth::Hung).window();
        assert_window("ALB", seen, hung);
    }
    for (interval, refused, hung) in [
        (5, Window(0.0, 2.5, 5.0), Window(5.0, 7.5, 10.0)),
        (15, Window(0.0, 7.5, 15.0), Window(15.0, 22.5, 30.0)),
    ] {
        let settings = format!("interval={interval}s timeout=interval fall=1 rise=1 check=tcp");
        assert_window("Azure", Death::new(&settings, Truth::Refusing).window(), refused);
        assert_window("Azure", Death::new(&settings, Truth::Silent).window(), hung);
    }
}

/// Trap 11: A check that only connects never sees a stopped process: the kernel completes the handshake.
#[test]
fn trap_11_a_tcp_check_never_sees_a_stopped_process() {
    for schedule in ["start", "end", "batch", "batch-by-state", "deadline"] {
        let settings = format!("interval=1s timeout=5s fall=1 check=tcp schedule={schedule}");
        let mut world = world(&settings, 1);
        world.set_truth(A, Truth::Hung);
        let hour = BIRTH + seconds(3_600);
        assert_eq!(world.run_to_belief(A, Belief::Down, hour), None, "{schedule}");
        // A packet that gets no answer it does see.
        world.run_until(hour);
        world.set_truth(A, Truth::Silent);
        let down = world.run_to_belief(A, Belief::Down, hour + seconds(7));
        assert!(down.is_some(), "{schedule}");
    }
}

/// Trap 12: ALB's text: unhealthy when failures "exceed UnhealthyThresholdCount", which read literally is one more than the
/// setting. The count itself is meant: `fall` is that many.
#[test]
fn trap_12_albs_text_read_literally_is_one_failure_more() {
    let alb = |fall: u32| format!("interval=30s timeout=5s fall={fall} rise=5 first-result=decides");
    let meant = Death::new(&alb(2), Truth::Refusing).window();
    assert_window("the count", meant, Window(30.0, 45.0, 60.0));
    let literal = Death::new(&alb(3), Truth::Refusing).window();
    assert_window("more than the count", literal, Window(60.0, 75.0, 90.0));
}
