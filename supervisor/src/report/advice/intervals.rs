//! PURE: shorter times of the checks: the shortest first, the first that can be set.

use super::choices::{Choice, Kind, change, word};
use super::possible::possible;
use super::{Facts, shown_setting};
use crate::report::shown;
use lb_sim::core::Schedule;
use router::record::Fault;
use std::time::Duration;

const LEAST_INTERVAL: Duration = Duration::from_millis(100);
const LEAST_TIMEOUT: Duration = Duration::from_millis(50);

/// A fifth of it or more, and a timeout that fits.
pub fn shorter_interval(facts: &Facts) -> Option<Choice> {
    let check = &facts.settings.check;
    let usual = round(check.interval / 5).max(LEAST_INTERVAL);
    steps()
        .filter(|step| *step >= usual)
        .map(|step| match cuts(facts, step) {
            // A check may last as long as an answer did: a timeout below that takes healthy routers out of use.
            true => step.max(floor(facts)),
            false => step,
        })
        .take_while(|shorter| *shorter < check.interval)
        .find_map(|shorter| {
            let mut timeouts = timeouts(facts, shorter).into_iter();
            timeouts.find_map(|timeout| with(facts, shorter, timeout))
        })
}

/// Where checks wait for it.
pub fn shorter_timeout(facts: &Facts) -> Option<Choice> {
    let check = &facts.settings.check;
    let mut least = round(check.timeout / 2).max(LEAST_TIMEOUT).max(floor(facts));
    if check.schedule == Schedule::Deadline {
        // It passes while three checks fail, at least.
        least = least.max(check.interval * 3);
    }
    let price = "a healthy router that stands still for longer than that is taken for a dead one";
    waits(facts).then_some(())?;
    steps()
        .filter(|step| *step >= least)
        .take_while(|step| *step < check.timeout)
        .filter_map(|step| change(facts, Kind::Checks, &[("timeout", word(step))], price))
        .find(|choice| possible(facts, &choice.settings))
}

fn with(facts: &Facts, interval: Duration, timeout: Option<Duration>) -> Option<Choice> {
    let mut changes = vec![("interval", word(interval))];
    changes.extend(timeout.map(|timeout| ("timeout", word(timeout))));
    let price = match (timeout, facts.settings.check.schedule) {
        (None, _) if follows(facts) => {
            "the timeout is the interval and becomes shorter with it: keep it above the longest pause of a healthy router"
        }
        (None, _) => "",
        (Some(_), Schedule::Deadline) => {
            "the timeout becomes shorter, too: a healthy router that stands still for longer than that less an interval \
             is taken for a dead one"
        }
        (Some(_), _) => {
            "the timeout becomes shorter, too: keep it above the longest pause of a healthy router"
        }
    };
    change(facts, Kind::Checks, &changes, price).filter(|choice| possible(facts, &choice.settings))
}

/// What may stand beside the interval, the best first; `None`: the timeout in force.
fn timeouts(facts: &Facts, interval: Duration) -> Vec<Option<Duration>> {
    let check = &facts.settings.check;
    let below = |most: Duration| {
        let mut below: Vec<Duration> = steps().take_while(|step| *step < most).collect();
        below.retain(|step| *step >= LEAST_TIMEOUT.max(floor(facts)));
        below.into_iter().rev().map(Some)
    };
    if follows(facts) {
        return vec![None];
    }
    if check.schedule == Schedule::Deadline {
        // As many intervals as now, or F5's rule of three and a second.
        let share = interval.as_secs_f64() / check.interval.as_secs_f64();
        let alike = Duration::from_millis(check.timeout.mul_f64(share).as_millis() as u64);
        let of_three = interval * 3 + Duration::from_secs(1);
        let shorter = [alike, of_three].into_iter();
        let shorter = shorter.filter(|timeout| *timeout < check.timeout && *timeout >= floor(facts));
        return match waits(facts) {
            true => shorter.map(Some).chain([None]).collect(),
            // What is refused at once is found by the next check, whatever the timeout.
            false => [None].into_iter().chain(shorter.map(Some)).collect(),
        };
    }
    match check.timeout > interval {
        true => [Some(interval)].into_iter().chain(below(interval)).collect(),
        false => [None].into_iter().chain(below(check.timeout)).collect(),
    }
}

fn waits(facts: &Facts) -> bool {
    matches!(facts.spec.fault, Fault::Hang | Fault::Silent | Fault::Slow)
}

fn follows(facts: &Facts) -> bool {
    shown_setting(&facts.settings, "timeout") == "interval"
}

/// Whether the timeout becomes as short as that.
fn cuts(facts: &Facts, interval: Duration) -> bool {
    let check = &facts.settings.check;
    follows(facts) || check.timeout > interval && check.schedule != Schedule::Deadline
}

/// As people set them, the least that is not below what answers took.
fn floor(facts: &Facts) -> Duration {
    facts.slowest.map_or(Duration::ZERO, |slowest| {
        let slowest = slowest.time;
        let below = round(slowest);
        let steps = [10, 12, 15, 20, 25, 30, 40, 50].map(|tenths| below * tenths / 10);
        steps.into_iter().find(|step| *step >= slowest).unwrap_or(slowest)
    })
}

/// Why shorter ones are not among them.
pub fn kept_timeout(facts: &Facts) -> Option<String> {
    let slowest = facts.slowest?;
    let check = &facts.settings.check;
    let usual = round(check.interval / 5).max(LEAST_INTERVAL);
    (facts.checked && floor(facts) > usual.min(check.timeout / 2)).then(|| {
        format!(
            "No timeout below {} is named: {} of the answers took up to {} in this run, and a check that takes as long must \
             not take a healthy router out of use.",
            word(floor(facts).min(check.timeout)),
            slowest.share,
            shown::time(slowest.time.as_secs_f64())
        )
    })
}

/// As people set them: the nearest below.
pub fn round(time: Duration) -> Duration {
    steps().take_while(|step| *step <= time).last().unwrap_or(time)
}

/// 1 ms, 2 ms, 5 ms, 10 ms and so on.
fn steps() -> impl Iterator<Item = Duration> {
    (0..6).flat_map(|power| [1, 2, 5].map(|digit| Duration::from_millis(digit * 10_u64.pow(power))))
}
