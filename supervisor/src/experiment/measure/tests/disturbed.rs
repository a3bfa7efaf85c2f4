//! Trials in which something else than the victim ended.

use super::*;

fn exited(ms: u64, name: &str) -> Record {
    let event = Event::Exited {
        name: name.into(),
        pid: 7,
        incarnation: 1,
        code: None,
        signal: Some(9),
        uptime_s: 3.0,
        words: "killed by SIGKILL after 3.0 s".into(),
    };
    record(ms, "supervisor", event)
}

#[test]
fn a_balancer_that_dies_in_the_middle_makes_the_trial_invalid_and_says_how() {
    let (fault, until) = (Timestamp(1000 * MS), Timestamp(2000 * MS));
    let of = |records: &[Record]| super::super::disturbed(records, fault, until);
    let quiet = [exited(999, "lb"), exited(1000, "router-1"), exited(2001, "lb")];
    assert!(
        of(&quiet).is_empty(),
        "a trial before, the victim, the end of the run"
    );
    assert_eq!(of(&[exited(1500, "lb")]), ["lb killed by SIGKILL after 3.0 s"]);
}
