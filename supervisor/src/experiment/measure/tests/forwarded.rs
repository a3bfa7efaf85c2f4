//! Totals beside causes.

use super::*;

#[test]
fn what_was_forwarded_covers_the_attempts_that_have_causes() {
    let totals = |ms: u64, requests: u64, retries: u64| {
        let event = Event::Forwarded {
            requests,
            attempts: requests + retries,
            retries,
            over_budget: 0,
            over_breaker: 0,
        };
        record(ms, "lb", event)
    };
    // Told to come back at 2550, ready at 2600: until then it fails what is tried there.
    let mut records = vec![totals(950, 100, 0), totals(2551, 400, 1), totals(2650, 420, 3)];
    records.extend([
        try_at("router-1", (Some(1), None), 1, 2000, Cause::Refused),
        try_at("router-1", (Some(1), None), 2, 2560, Cause::Refused),
        try_at("router-1", (Some(2), None), 1, 2570, Cause::Refused),
        ready(2600, "router-1"),
    ]);
    let trial = measured(&records);
    let forwarded = trial.forwarded.unwrap();
    assert_eq!((forwarded.requests, forwarded.retries), (320, 3));
    assert_eq!(trial.saved_by_retry, Some(2));
    assert_eq!(trial.causes, Some(BTreeMap::from([(Cause::Refused, 3)])));
}
