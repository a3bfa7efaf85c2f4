//! What the detectors beside polling promise, one case each. Virtual time only.

use super::world::BIRTH;
use super::{Action, BackendId, Balancer, CheckSettings, PassiveSettings, ProbeId, Share, Transition};
use router::clock::Timestamp;
use router::record::{Belief, ProbeResult};
use std::time::Duration;

const A: BackendId = BackendId(0);
const B: BackendId = BackendId(1);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn passive() -> PassiveSettings {
    PassiveSettings {
        failures: 3,
        ejection: seconds(30),
        cap: seconds(300),
        max_ejected: Share(5_000),
        ..PassiveSettings::default()
    }
}

/// Checked every 5 s, Down after 2 failures, Up after `rise`.
fn balancer(backends: u32, rise: u32) -> Balancer {
    let settings = CheckSettings {
        rise,
        ..CheckSettings::default()
    };
    let mut balancer = Balancer::new(settings, backends, BIRTH, 0);
    balancer.apply_passive(BIRTH, Some(passive()));
    balancer
}

/// The check of `id` that is due now.
fn start(balancer: &mut Balancer, now: Timestamp, id: BackendId) -> ProbeId {
    let mut actions = Vec::new();
    balancer.on_deadline(now, &mut actions);
    let started = actions.iter().find_map(|action| match action {
        Action::Start { probe, .. } if probe.backend == id => Some(*probe),
        _ => None,
    });
    started.unwrap_or_else(|| panic!("no check of {id:?} among {actions:?}"))
}

fn fail(balancer: &mut Balancer, now: Timestamp, id: BackendId, times: u32) -> Vec<Transition> {
    (0..times)
        .filter_map(|_| balancer.on_attempt(now, id, true))
        .collect()
}

#[test]
fn attempts_that_end_late_do_not_eject_who_is_down_already() {
    let mut balancer = balancer(2, 2);
    balancer.on_notice(BIRTH, A);
    assert_eq!(fail(&mut balancer, BIRTH, A, 20), []);
    assert_eq!(
        balancer.ejected_until(A),
        None,
        "it would be kept out after its return"
    );
}

#[test]
fn a_check_from_before_does_not_bring_back_who_was_found_dead_since() {
    for sentinel in [false, true] {
        let mut balancer = balancer(1, 1);
        let before = start(&mut balancer, BIRTH, A);
        let death = BIRTH + Duration::from_millis(1);
        if sentinel {
            let Some(Action::Start { probe, .. }) = balancer.on_connection_lost(death, A) else {
                panic!("no check")
            };
            balancer.on_probe(death, probe, ProbeResult::Refused);
        } else {
            balancer.on_notice(death, A);
        }
        assert_eq!(balancer.belief(A), Belief::Down);
        // Answered before the death, read after it.
        let late = balancer.on_probe(death + Duration::from_millis(1), before, ProbeResult::Ok);
        assert_eq!(late.and_then(|verdict| verdict.transition), None);
        assert_eq!(balancer.belief(A), Belief::Down);
        let after = start(&mut balancer, BIRTH + seconds(5), A);
        balancer.on_probe(BIRTH + seconds(5), after, ProbeResult::Ok);
        assert_eq!(balancer.belief(A), Belief::Up);
    }
}

#[test]
fn a_check_that_started_later_and_succeeded_outweighs_the_sentinels() {
    let mut balancer = balancer(1, 2);
    let lost = BIRTH - Duration::from_millis(1);
    let Some(Action::Start { probe, .. }) = balancer.on_connection_lost(lost, A) else {
        panic!("no check")
    };
    let polled = start(&mut balancer, BIRTH, A);
    balancer.on_probe(BIRTH + Duration::from_millis(1), polled, ProbeResult::Ok);
    assert_eq!(
        balancer.on_probe(BIRTH + seconds(1), probe, ProbeResult::Refused),
        None
    );
    assert_eq!(balancer.belief(A), Belief::Up);
}

#[test]
fn a_notice_to_one_on_the_way_up_starts_its_belief_anew() {
    let mut balancer = balancer(1, 2);
    balancer.on_notice(BIRTH, A);
    let after = start(&mut balancer, BIRTH + seconds(5), A);
    balancer.on_probe(BIRTH + seconds(5), after, ProbeResult::Ok);
    assert_eq!(balancer.belief(A), Belief::GoingUp);
    let again = BIRTH + seconds(6);
    assert_eq!(
        balancer.on_notice(again, A).map(|change| change.to),
        Some(Belief::Down)
    );
    assert_eq!(balancer.health(A).since(), again);
}

fn ejected(balancer: &Balancer) -> usize {
    balancer
        .backends()
        .filter(|(id, _)| balancer.ejected_until(*id).is_some())
        .count()
}

#[test]
fn no_more_than_the_share_stay_ejected_when_the_share_shrinks() {
    // Half of four, then a quarter; half of four, then of three.
    for remove in [false, true] {
        let mut balancer = balancer(4, 2);
        assert_eq!(fail(&mut balancer, BIRTH, A, 3).len(), 1);
        assert_eq!(fail(&mut balancer, BIRTH + seconds(1), B, 3).len(), 1);
        assert_eq!(fail(&mut balancer, BIRTH + seconds(1), BackendId(2), 9), []);
        let now = BIRTH + seconds(2);
        let returned = if remove {
            balancer.remove_backend(now, BackendId(3))
        } else {
            let max_ejected = Share(2_500);
            balancer.apply_passive(
                now,
                Some(PassiveSettings {
                    max_ejected,
                    ..passive()
                }),
            )
        };
        // Whose time would have been over first.
        let who: Vec<_> = returned
            .iter()
            .map(|change| (change.backend, change.to))
            .collect();
        assert_eq!(who, [(A, Belief::Up)]);
        assert_eq!(ejected(&balancer), 1);
    }
}

#[test]
fn a_lower_cap_shortens_the_ejection_under_way() {
    let mut balancer = balancer(2, 2);
    fail(&mut balancer, BIRTH, A, 3);
    let now = BIRTH + seconds(1);
    let cap = seconds(5);
    balancer.apply_passive(now, Some(PassiveSettings { cap, ..passive() }));
    assert_eq!(balancer.ejected_until(A), Some(now + cap));
    assert_eq!(balancer.next_deadline(), Some(BIRTH));
    let mut actions = Vec::new();
    balancer.on_deadline(now + cap, &mut actions);
    assert!(actions.iter().any(|action| matches!(action, Action::Return(_))));
}

#[test]
fn only_time_in_use_ends_a_row_of_ejections() {
    let mut balancer = balancer(2, 1);
    fail(&mut balancer, BIRTH, A, 3);
    let back = BIRTH + seconds(30);
    let mut actions = Vec::new();
    balancer.on_deadline(back, &mut actions);
    // Down for a minute, then in use for ten seconds: that proves nothing.
    balancer.on_notice(back, A);
    let up = BIRTH + seconds(90);
    let probe = start(&mut balancer, up, A);
    balancer.on_probe(up, probe, ProbeResult::Ok);
    assert_eq!(balancer.belief(A), Belief::Up);
    let now = up + seconds(10);
    fail(&mut balancer, now, A, 3);
    assert_eq!(balancer.ejected_until(A), Some(now + seconds(60)));
}

#[test]
fn what_the_sentinel_has_begun_ends_with_it() {
    let mut balancer = balancer(1, 2);
    let Some(Action::Start { probe, .. }) = balancer.on_connection_lost(BIRTH, A) else {
        panic!("no check")
    };
    balancer.forget_sentinels();
    assert_eq!(balancer.on_probe(BIRTH, probe, ProbeResult::Refused), None);
    assert_eq!(balancer.belief(A), Belief::Up);
}
