use super::*;
use proptest::prelude::*;
use std::time::Duration;

const FAILED: Heard = Heard::Failed { trial: false };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn only_failures_in_a_row_count_and_ejections_in_a_row_grow_up_to_the_cap() {
    let settings = PassiveSettings {
        failures: 3,
        ejection: seconds(30),
        cap: seconds(75),
        ..PassiveSettings::default()
    };
    let mut now = Timestamp(0);
    let mut passive = Passive::new(now);
    let seen: Vec<bool> = [true, true, false, true, true, true]
        .map(|failed| passive.observe(now, failed, &settings))
        .to_vec();
    assert_eq!(seen, [false, false, false, false, false, true]);
    for lasts in [30, 60, 75, 75] {
        passive.eject(now, &settings);
        let until = passive.ejected_until().unwrap();
        assert_eq!(until, now + seconds(lasts));
        assert!(passive.time_is_up(&settings));
        passive.end();
        passive.use_again(until, Some(&settings));
        assert!(!passive.ejected() && !passive.observe(until, true, &settings));
        passive.forget();
        now = until + seconds(29);
    }
    // In use for as long as the first ejection lasts: the row is broken.
    now = now + seconds(2);
    passive.eject(now, &settings);
    assert_eq!(passive.ejected_until(), Some(now + seconds(30)));
    let same = PassiveSettings {
        growth: Growth::None,
        ..settings
    };
    passive.eject(now, &same);
    assert_eq!(passive.ejected_until(), Some(now + seconds(30)));
}

#[test]
fn a_failed_trial_begins_the_time_anew_and_only_its_own_success_restores() {
    let settings = PassiveSettings {
        failures: 1,
        counting: PassiveCounting::Quiet,
        window: seconds(10),
        ejection: seconds(10),
        growth: Growth::None,
        back: PassiveReturn::Trial,
        ..PassiveSettings::default()
    };
    let mut passive = Passive::new(Timestamp(0));
    assert!(passive.observe(Timestamp(0), true, &settings));
    passive.eject(Timestamp(0), &settings);
    // What was under way fails later: nginx counts its time from there.
    let late = Timestamp(0) + seconds(4);
    assert!(!passive.observe_ejected(late, FAILED, &settings));
    assert_eq!(
        passive.ejected_until(),
        Some(late + seconds(11)),
        "more than ten whole seconds"
    );
    assert!(!passive.observe_ejected(late, Heard::Succeeded { trial: false }, &settings));
    assert!(!passive.time_is_up(&settings));
    assert_eq!((passive.trial(), passive.ejected_until()), (Some(1), None));
    let tried = late + seconds(11);
    assert!(!passive.observe_ejected(tried, Heard::Trying, &settings));
    assert_eq!(
        (passive.trial(), passive.ejected_until()),
        (None, Some(tried + seconds(11)))
    );
    let failed = tried + Duration::from_millis(3700);
    assert!(!passive.observe_ejected(failed, Heard::Failed { trial: true }, &settings));
    assert_eq!(
        passive.ejected_until(),
        Some(tried + seconds(14)),
        "as a second begins"
    );
    assert!(passive.observe_ejected(failed, Heard::Succeeded { trial: true }, &settings));
}

/// nginx 1.22.1 with `fail_timeout=2s` in front of a dead server: trials about every 3 s, as a second begins.
#[test]
fn whole_seconds_are_compared_and_what_is_shorter_is_exact() {
    let settings = |time: u64| PassiveSettings {
        failures: 1,
        counting: PassiveCounting::Quiet,
        window: Duration::from_millis(time),
        ejection: Duration::from_millis(time),
        growth: Growth::None,
        back: PassiveReturn::Trial,
        ..PassiveSettings::default()
    };
    let at = |ms: u64| Timestamp(0) + Duration::from_millis(ms);
    for (time, died, trial) in [
        (2000, 0, 3000),
        (2000, 10, 3000),
        (2000, 999, 3000),
        (2000, 1000, 4000),
        (300, 950, 1250),
    ] {
        let settings = settings(time);
        let mut passive = Passive::new(at(died));
        passive.eject(at(died), &settings);
        assert_eq!(passive.ejected_until(), Some(at(trial)), "{time} {died}");
        assert!(!settings.quiet(at(died), at(trial - 1)));
        assert!(settings.quiet(at(died), at(trial + 1)));
    }
}

#[test]
fn a_window_under_which_a_check_decides_is_cleared_by_a_success() {
    for (back, ejects) in [(PassiveReturn::Check, false), (PassiveReturn::Time, true)] {
        let settings = PassiveSettings {
            failures: 2,
            counting: PassiveCounting::Window,
            back,
            ..PassiveSettings::default()
        };
        let mut passive = Passive::new(Timestamp(0));
        let seen = [true, false, true].map(|failed| passive.observe(Timestamp(0), failed, &settings));
        assert_eq!(seen, [false, false, ejects], "{back:?}");
    }
}

#[test]
fn what_is_waited_for_follows_the_settings() {
    let time = PassiveSettings::default();
    let with = |back| PassiveSettings { back, ..time };
    let now = Timestamp(1);
    let mut passive = Passive::new(now);
    passive.eject(now, &time);
    passive.adapt(now, &with(PassiveReturn::Check));
    assert!(passive.ejected() && passive.ejected_until().is_none());
    passive.adapt(now, &with(PassiveReturn::Trial));
    assert_eq!(passive.ejected_until(), Some(now + time.ejection));
    assert!(!passive.time_is_up(&with(PassiveReturn::Trial)));
    passive.adapt(now, &with(PassiveReturn::Trial));
    assert_eq!(passive.trial(), Some(1));
    passive.adapt(now, &time);
    assert_eq!((passive.trial(), passive.ejected_until()), (None, Some(now)));
}

proptest! {
    /// Caddy, in plain words: it may be used while fewer than `failures` of the last `window` failed, whether they ended
    /// while it was out or not.
    #[test]
    fn a_window_counts_as_a_list_of_all_failures_does(
        failures in 1u32..6,
        window in 1u64..50,
        steps in proptest::collection::vec((0u64..15, proptest::bool::weighted(0.7)), 1..200),
    ) {
        let settings = PassiveSettings {
            failures,
            counting: PassiveCounting::Window,
            window: seconds(window),
            back: PassiveReturn::Forgotten,
            cap: seconds(1000),
            ..PassiveSettings::default()
        };
        let mut now = Timestamp(0);
        let mut passive = Passive::new(now);
        let mut all = Vec::new();
        for (wait, failed) in steps {
            now = now + seconds(wait);
            if passive.ejected_until().is_some_and(|until| until <= now) {
                prop_assert!(passive.time_is_up(&settings));
                passive.end();
                passive.use_again(now, Some(&settings));
            }
            if failed {
                all.push(now);
            }
            let heard = if failed { FAILED } else { Heard::Succeeded { trial: false } };
            if passive.ejected() {
                prop_assert!(!passive.observe_ejected(now, heard, &settings));
            } else if passive.observe(now, failed, &settings) {
                passive.eject(now, &settings);
            }
            let count = |at: Timestamp| all.iter().filter(|failure| at.since(**failure) < settings.window).count();
            prop_assert_eq!(passive.ejected(), count(now) >= failures as usize);
            if let Some(until) = passive.ejected_until() {
                prop_assert!(count(until) < failures as usize);
                prop_assert!(count(Timestamp(until.0 - 1)) >= failures as usize);
            }
        }
    }

    /// nginx, in plain words: failures add up, and only a success later than the window after the last of them clears.
    #[test]
    fn quiet_counts_all_failures_since_a_success_after_a_quiet_time(
        failures in 1u32..6,
        steps in proptest::collection::vec((0u64..15, proptest::bool::weighted(0.5)), 1..200),
    ) {
        let settings = PassiveSettings {
            failures,
            counting: PassiveCounting::Quiet,
            window: seconds(10),
            ..PassiveSettings::default()
        };
        let mut now = Timestamp(0);
        let mut passive = Passive::new(now);
        let (mut count, mut last) = (0, None::<Timestamp>);
        for (wait, failed) in steps {
            now = now + seconds(wait);
            let earned = passive.observe(now, failed, &settings);
            if failed {
                count += 1;
                last = Some(now);
            } else if last.is_some_and(|last| now.since(last) > seconds(10)) {
                count = 0;
            }
            prop_assert_eq!(earned, failed && count >= failures);
        }
    }
}
