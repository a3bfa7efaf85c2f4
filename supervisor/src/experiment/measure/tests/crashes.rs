//! A fault that takes its time to take effect.

use super::*;

#[test]
fn a_crash_counts_from_the_death_and_not_from_the_traffic_that_led_to_it() {
    let told = |ms: u64, detail: &str| {
        let event = Event::Fault {
            router: "router-1".into(),
            incarnation: 1,
            fault: Fault::Crash,
            detail: Some(detail.into()),
        };
        record(ms, "supervisor", event)
    };
    let mut records = story();
    records.splice(0..0, [told(300, "by early-hints")]);
    records.push(told(9000, "by continue"));
    let crash = Crash {
        attempts: 87,
        variant: Some(CrashVariant::NilPointerInHook),
    };
    let victim = Victim {
        stamp: Stamp::Crash,
        crash: Some(crash),
        ..victim("router-1")
    };
    let trial = measured_all(&records, Fault::Crash, &[victim]).remove(0);
    let before = measured(&story());
    assert_eq!(
        trial.phase_s,
        Some(0.5),
        "the check at 0.5 s lies between traffic and death"
    );
    assert_eq!((trial.t_detect_s, &trial.lost), (before.t_detect_s, &before.lost));
    assert_eq!(
        (trial.attempts, trial.variant, trial.detail.as_deref()),
        (
            Some(87),
            Some(CrashVariant::NilPointerInHook),
            Some("by early-hints")
        )
    );
    assert_eq!((before.attempts, before.variant), (None, None));
    let document = serde_json::to_value(&before).unwrap();
    assert!(document["attempts"].is_null() && document.as_object().unwrap().contains_key("variant"));
}
