//! When to strike.

use super::{Rules, SLACK, TrialError, missed};
use crate::experiment::measure::checks::Check;
use crate::experiment::watch::{Missed, Watch};
use router::clock::{self, Timestamp};
use router::record::Record;
use std::collections::BTreeSet;

/// After a check of the first victim, with all of them in use, at `phase` of the interval. Where gaps are random that is
/// an age of the check: a gap that is over sooner is none that such a fault falls into, and another one is waited for.
/// Where nobody makes checks there is no phase, and any time will do.
pub(super) async fn aim(
    watch: &mut Watch,
    rules: &Rules,
    victims: &[String],
    phase: f64,
) -> Result<Timestamp, TrialError> {
    let after = rules.after(phase);
    loop {
        let check = passed(watch, rules, victims).await?;
        let anchor = check.unwrap_or_else(clock::now);
        let aim = anchor + after;
        if rules.ages.is_some() && check.is_some() {
            match is_next(watch, rules, &victims[0], anchor, aim).await? {
                true => continue,
                false => return Ok(aim),
            }
        }
        // A phase of nearly nothing may already be over: the same phase one interval later is as good.
        return Ok(if aim <= clock::now() {
            aim + rules.interval
        } else {
            aim
        });
    }
}

/// The check after the one at `anchor` comes before `aim`.
async fn is_next(
    watch: &mut Watch,
    rules: &Rules,
    victim: &str,
    anchor: Timestamp,
    aim: Timestamp,
) -> Result<bool, TrialError> {
    let by = watch.checks_by;
    let next = |record: &Record| {
        let check = Check::of(record).filter(|check| check.by == by && check.router == victim);
        check.is_some_and(|check| check.anchor(rules.anchor) > anchor)
    };
    match watch.wait(aim, next).await {
        Ok(_) => Ok(true),
        Err(Missed::Late(_)) => Ok(false),
        Err(closed) => Err(missed("waiting for the planned phase")(closed)),
    }
}

/// A check that the first victim passed from now on, when every other one has passed one, too: each goes by a rhythm that
/// requests have set by then, and none by the long first wait without requests. `None`: a real balancer makes none.
async fn passed(
    watch: &mut Watch,
    rules: &Rules,
    victims: &[String],
) -> Result<Option<Timestamp>, TrialError> {
    if !rules.checked {
        return Ok(None);
    }
    let begun = clock::now();
    let deadline = begun + rules.quiet + rules.interval + rules.give_up + rules.readmission + SLACK;
    let mut checked = false;
    let mut passed = BTreeSet::new();
    loop {
        let record = match watch.next_by(begun, deadline).await {
            // By a file of its user's own, for one.
            Err(Missed::Late(_)) if !checked && watch.is_real() => return Ok(None),
            record => record.map_err(missed("waiting for a passed check before the fault"))?,
        };
        let ours = |check: &Check| {
            let hit = victims.iter().any(|victim| victim == check.router);
            check.by == watch.checks_by && hit && check.started >= begun
        };
        let Some(check) = Check::of(&record).filter(ours) else {
            continue;
        };
        checked = true;
        if check.passed {
            passed.insert(check.router.to_owned());
        }
        let first = check.router == victims[0] && check.passed;
        if first && passed.len() == victims.len() && victims.iter().all(|victim| watch.in_use(victim)) {
            return Ok(Some(check.anchor(rules.anchor)));
        }
    }
}
