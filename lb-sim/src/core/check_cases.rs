//! What the settings of checks promise, one case each. Virtual time only.

use super::windows::checks;
use super::world::{BIRTH, Note, Truth, World};
use super::{Action, BackendId, Balancer};
use router::clock::Timestamp;
use router::record::{Belief, ProbeResult};
use std::time::Duration;

const A: BackendId = BackendId(0);
const B: BackendId = BackendId(1);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn world(settings: &str, backends: u32) -> World {
    World::new(checks(settings), backends, 0)
}

/// When checks started, in milliseconds after birth; of anybody, or of one.
fn starts(world: &World, of: Option<BackendId>) -> Vec<u128> {
    let start = |note: &Note| match note {
        Note::Started(at, probe) if of.is_none_or(|of| of == probe.backend) => {
            Some(at.since(BIRTH).as_millis())
        }
        _ => None,
    };
    world.log.iter().filter_map(start).collect()
}

#[test]
fn a_fixed_rate_counts_the_interval_of_the_new_belief_from_the_same_start() {
    let mut world = world(
        "interval=10s timeout=3s fall=2 rise=2 fall-interval=4s down-interval=20s rise-interval=2s",
        1,
    );
    world.run_until(BIRTH + seconds(5));
    world.set_truth(A, Truth::Hung);
    world.run_until(BIRTH + seconds(20));
    // Failed at 13; 4 s after the start at 10. Failed at 17: Down, 20 s after the start at 14.
    world.run_until(BIRTH + seconds(25));
    world.set_truth(A, Truth::Alive);
    world.run_until(BIRTH + seconds(50));
    assert_eq!(starts(&world, None), [0, 10_000, 14_000, 34_000, 36_000, 46_000]);
}

#[test]
fn spread_makes_gaps_longer_and_shorter_alike() {
    for schedule in ["start", "end", "batch"] {
        let mut world = world(
            &format!("interval=1s timeout=500ms spread=20% schedule={schedule}"),
            1,
        );
        world.run_until(BIRTH + seconds(3_000));
        let starts = starts(&world, None);
        let gaps: Vec<_> = starts.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let least = gaps.iter().copied().fold(f64::MAX, f64::min);
        let most = gaps.iter().copied().fold(0.0, f64::max);
        assert!((mean - 1_000.0).abs() < 10.0, "{schedule}: {mean}");
        assert!((799.0..820.0).contains(&least), "{schedule}: {least}");
        assert!((1_180.0..1_202.0).contains(&most), "{schedule}: {most}");
    }
}

#[test]
fn overlapping_checks_keep_the_rate_and_each_counts() {
    let mut world = world("interval=1s timeout=2500ms fall=3 overlap=on first-check=now", 1);
    world.set_truth(A, Truth::Hung);
    let down = world.run_to_belief(A, Belief::Down, BIRTH + seconds(60));
    assert_eq!(down, Some(BIRTH + Duration::from_millis(4_500)));
    assert_eq!(starts(&world, None), [0, 1_000, 2_000, 3_000, 4_000]);
}

#[test]
fn first_checks_come_when_they_are_said_to() {
    let first = |rule: &str, schedule: &str| {
        let mut world = world(
            &format!("interval=4s timeout=5s first-check={rule} schedule={schedule}"),
            4,
        );
        world.run_until(BIRTH + Duration::from_millis(4_500));
        (0..4)
            .map(|i| starts(&world, Some(BackendId(i)))[0])
            .collect::<Vec<_>>()
    };
    for schedule in ["start", "end", "deadline"] {
        assert_eq!(first("spread", schedule), [0, 1_000, 2_000, 3_000]);
        assert_eq!(first("now", schedule), [0; 4]);
        assert_eq!(first("interval", schedule), [4_000; 4]);
        let random = first("random", schedule);
        assert!(
            random.iter().all(|at| *at < 4_000) && random[0] != random[1],
            "{random:?}"
        );
    }
    for schedule in ["batch", "batch-by-state"] {
        assert_eq!(first("now", schedule), [0; 4]);
        assert_eq!(first("spread", schedule), [0; 4]);
        assert_eq!(first("interval", schedule), [4_000; 4]);
    }
}

#[test]
fn who_is_down_until_checked_comes_up_by_rise_or_by_its_first_check() {
    for (rule, up) in [("counts", 2), ("decides", 0)] {
        let settings = format!("interval=1s timeout=500ms rise=3 initial=down first-result={rule}");
        let mut world = world(&settings, 1);
        assert_eq!(world.balancer.usable().count(), 0);
        let seen = world.run_to_belief(A, Belief::Up, BIRTH + seconds(60));
        assert_eq!(seen, Some(BIRTH + seconds(up)));
        // One that joins is believed the same.
        let joined = world.balancer.add_backend(world.now);
        assert_eq!(world.balancer.belief(joined), Belief::Down);
    }
}

#[test]
fn refused_is_down_at_once_only_where_that_is_said() {
    for (rule, truth, down) in [
        ("refused", Truth::Refusing, 1),
        ("refused", Truth::Failing, 3),
        ("status", Truth::Refusing, 3),
        ("status+refused", Truth::Failing, 1),
        ("never", Truth::Refusing, 3),
    ] {
        let settings = format!("interval=1s timeout=500ms fall=3 first-check=interval down-at-once={rule}");
        let mut world = world(&settings, 1);
        world.set_truth(A, truth);
        let seen = world.run_to_belief(A, Belief::Down, BIRTH + seconds(60));
        assert_eq!(seen, Some(BIRTH + seconds(down)), "{rule} {truth:?}");
    }
}

#[test]
fn nothing_but_time_makes_a_router_down_by_deadline_and_rise_brings_it_back() {
    let mut world = world(
        "interval=5s timeout=16s schedule=deadline rise=2 first-check=now",
        1,
    );
    world.run_until(BIRTH + seconds(7));
    world.set_truth(A, Truth::Refusing);
    let down = world.run_to_belief(A, Belief::Down, BIRTH + seconds(100));
    // The last success was at 5 s.
    assert_eq!(down, Some(BIRTH + seconds(21)));
    assert!(world.log.contains(&Note::Overdue(BIRTH + seconds(21), A)));
    world.run_until(BIRTH + seconds(22));
    world.set_truth(A, Truth::Alive);
    let up = world.run_to_belief(A, Belief::Up, BIRTH + seconds(100));
    assert_eq!(up, Some(BIRTH + seconds(30)));
    // An answer that takes longer than the interval is one, as long as it comes in time.
    world.latency = seconds(8);
    assert_eq!(world.run_to_belief(A, Belief::Down, BIRTH + seconds(3_600)), None);
}

#[test]
fn one_router_after_the_other_and_the_next_round_an_interval_after_this_one() {
    let mut world = world("interval=10s timeout=4s fall=9 schedule=batch", 3);
    world.latency = seconds(1);
    world.set_truth(B, Truth::Silent);
    world.run_until(BIRTH + seconds(19));
    assert_eq!(starts(&world, None), [0, 1_000, 5_000, 10_000, 11_000, 15_000]);
    // Longer than the interval: the next begins at its end.
    world.latency = seconds(3);
    world.run_until(BIRTH + seconds(37));
    assert_eq!(starts(&world, Some(A))[2..], [20_000, 30_000]);
    world.set_truth(A, Truth::Silent);
    world.set_truth(BackendId(2), Truth::Silent);
    world.run_until(BIRTH + seconds(70));
    let seen = starts(&world, Some(A));
    assert_eq!(seen[4..], [41_000, 53_000, 65_000]);
}

#[test]
fn a_round_does_not_wait_for_who_has_left_and_takes_in_who_joins() {
    for schedule in ["batch", "batch-by-state"] {
        let mut world = world(&format!("interval=10s timeout=8s fall=9 schedule={schedule}"), 3);
        world.set_truth(A, Truth::Silent);
        world.run_until(BIRTH + seconds(1));
        world.swap(A);
        world.run_until(BIRTH + seconds(5));
        assert_eq!(starts(&world, None), [0, 1_000, 1_000], "{schedule}");
        world.swap(A);
        world.set_truth(A, Truth::Alive);
        let joined = world.balancer.add_backend(world.now);
        world.truth.push(Truth::Alive);
        world.run_until(BIRTH + seconds(10));
        assert_eq!(starts(&world, Some(A)), [0, 10_000], "{schedule}");
        assert_eq!(starts(&world, Some(joined)), [10_000], "{schedule}");
    }
}

#[test]
fn schedules_can_change_while_running_and_nobody_is_forgotten() {
    let words = ["start", "end", "batch", "batch-by-state", "deadline"];
    for (from, to) in words.iter().flat_map(|from| words.map(|to| (*from, to))) {
        let settings = |schedule: &str| {
            let timeout = if schedule == "deadline" { 30 } else { 4 };
            format!("interval=10s timeout={timeout}s fall=9 schedule={schedule}")
        };
        let mut world = world(&settings(from), 3);
        world.latency = Duration::from_millis(10);
        world.set_truth(B, Truth::Silent);
        // In the middle of a check of B's.
        world.run_until(BIRTH + seconds(2));
        let set = world.now;
        world.balancer.apply_settings(set, checks(&settings(to)));
        world.set_truth(B, Truth::Alive);
        world.run_until(set + seconds(60));
        for id in (0..3).map(BackendId) {
            let starts = starts(&world, Some(id));
            let later = starts.iter().filter(|at| **at > 2_000).count();
            assert!((5..=7).contains(&later), "{from} to {to}, {id:?}: {starts:?}");
        }
    }
}

/// Probers that start at random times: each has a rhythm of its own, and one router's checks come that much more often.
#[test]
fn probers_have_rhythms_of_their_own() {
    let mut world = world("interval=10s timeout=1s probers=4 agreement=2", 2);
    world.run_until(BIRTH + seconds(100));
    let seen = starts(&world, Some(A));
    assert_eq!(seen.len(), 41);
    let mut phases: Vec<_> = seen.iter().map(|at| at % 10_000).collect();
    phases.sort();
    phases.dedup();
    assert_eq!(phases.len(), 4, "{phases:?}");
}

/// Plays one result to the prober whose check starts next.
fn answer_next(balancer: &mut Balancer, result: ProbeResult) -> (Timestamp, super::Verdict) {
    let mut actions = Vec::new();
    let now = balancer.next_deadline().expect("a check");
    balancer.on_deadline(now, &mut actions);
    let Some(Action::Start { probe, .. }) = actions.first() else {
        panic!("{actions:?}")
    };
    let verdict = balancer.on_probe(now, *probe, result);
    (now, verdict.expect("it was under way"))
}

#[test]
fn as_many_probers_as_must_agree_make_it_down_and_fewer_bring_it_back() {
    let settings = checks("interval=10s timeout=1s fall=1 rise=1 probers=3 agreement=2");
    let mut balancer = Balancer::new(settings, 1, BIRTH, 7);
    let beliefs: Vec<_> = ["-", "-", "-", "+", "+"]
        .iter()
        .map(|result| {
            let result = if *result == "+" {
                ProbeResult::Ok
            } else {
                ProbeResult::Refused
            };
            let (_, verdict) = answer_next(&mut balancer, result);
            (balancer.belief(A), verdict.against)
        })
        .collect();
    use Belief::{Down, GoingDown};
    assert_eq!(
        beliefs,
        [(GoingDown, 1), (Down, 2), (Down, 3), (Down, 2), (GoingDown, 1)]
    );
    assert_eq!(balancer.shares(), Vec::<Vec<BackendId>>::new());
}

#[test]
fn each_prober_decides_for_its_share_until_the_last_finds_it_down() {
    let settings = checks("interval=10s timeout=1s fall=1 rise=1 probers=3");
    let mut balancer = Balancer::new(settings, 1, BIRTH, 7);
    for down in 1..=3 {
        let (now, verdict) = answer_next(&mut balancer, ProbeResult::Refused);
        let shares = balancer.shares();
        assert!(verdict.flipped && shares[verdict.prober as usize].is_empty());
        assert_eq!(shares.iter().filter(|share| share.is_empty()).count(), down);
        assert_eq!(balancer.usable().count(), usize::from(down < 3));
        assert_eq!(
            balancer.since(A) == now,
            down != 2,
            "the belief has changed with the first and the last"
        );
    }
    // Who knows better overrules all of them at once.
    let mut balancer = Balancer::new(checks("probers=3"), 1, BIRTH, 7);
    let change = balancer.on_notice(BIRTH, A).expect("a change");
    assert_eq!(change.to, Belief::Down);
    assert!(balancer.shares().iter().all(Vec::is_empty));
}

#[test]
fn probers_that_come_or_go_start_from_what_was_believed() {
    let settings = |words: &str| checks(&format!("interval=10s timeout=1s fall=2 rise=2 {words}"));
    for (first, then) in [
        ("probers=3 agreement=2", "probers=1"),
        ("probers=3 agreement=2", "probers=5"),
        ("probers=1", "probers=4 agreement=4"),
        ("probers=4", "probers=4 agreement=1"),
    ] {
        for truth in [Truth::Alive, Truth::Refusing] {
            let mut world = World::new(settings(first), 1, 3);
            world.set_truth(A, truth);
            world.run_until(BIRTH + seconds(60));
            let before = world.balancer.belief(A);
            world.balancer.apply_settings(world.now, settings(then));
            assert_eq!(world.balancer.belief(A), before, "{first} to {then}");
            let other = if truth == Truth::Alive {
                Truth::Refusing
            } else {
                Truth::Alive
            };
            world.set_truth(A, other);
            world.run_until(world.now + seconds(60));
            assert_eq!(
                world.balancer.views(A).count() as u32,
                world.balancer.settings().probers
            );
            let up = world.balancer.usable().count() == 1;
            assert_eq!(up, other == Truth::Alive, "{first} to {then}");
        }
    }
}
