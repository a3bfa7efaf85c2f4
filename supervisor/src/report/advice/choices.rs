//! PURE: what could be set otherwise, one change at a time.

use super::possible::possible;
use super::retries::retry;
use super::{Facts, shown_setting};
use crate::engine::Engine;
use crate::report::shown;
use lb_sim::core::{Check, PassiveAction, Settings};
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// Another way.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub kind: Kind,
    /// `interval=1s`
    pub title: String,
    pub settings: Settings,
    pub spec: Spec,
    /// How long a router serves on that is drained.
    pub drain_wait: Duration,
    /// What it costs beside checks; the end of a sentence. Of a retry all that can be said of it.
    pub price: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Checks,
    Detector,
    Retry,
    /// Not a setting: what to do instead of stopping it.
    Drain,
    /// The router's own: how long it serves on.
    Wait,
}

impl Choice {
    pub fn is_same(&self, other: &Choice) -> bool {
        (&self.settings, self.spec, self.drain_wait) == (&other.settings, other.spec, other.drain_wait)
    }
}

/// All that the engine can be set to.
pub fn choices(facts: &Facts) -> Vec<Choice> {
    let mut all = Vec::new();
    if facts.checked {
        all.extend(shorter_interval(facts));
        all.extend(shorter_timeout(facts));
        all.extend(lower_fall(facts));
        all.extend(asking(facts));
    }
    all.extend(detectors(facts));
    all.extend(retry(facts));
    all.retain(|choice: &Choice| possible(facts, &choice.settings));
    all.extend(drain(facts));
    all.extend(longer_drain(facts));
    all
}

pub(super) fn change(facts: &Facts, kind: Kind, changes: &[(&str, String)], price: &str) -> Option<Choice> {
    let mut settings = facts.settings.clone();
    let mut title = Vec::new();
    for (key, word) in changes {
        settings.set(key, word).ok()?;
        let own = facts.word_of(key);
        // A word of another kind stands for one value of its key: `no option redispatch`.
        title.push(
            match own == *key || kind != Kind::Checks || own.contains("option") {
                true => format!("{key}={word}"),
                false => format!("{own} {word}"),
            },
        );
    }
    settings.consistent().ok()?;
    (settings != facts.settings).then(|| Choice {
        kind,
        title: title.join(" "),
        settings,
        spec: facts.spec,
        drain_wait: facts.drain_wait,
        price: price.to_owned(),
    })
}

/// A fifth of it, and a timeout that fits.
fn shorter_interval(facts: &Facts) -> Option<Choice> {
    let check = &facts.settings.check;
    let shorter = round(check.interval / 5).max(Duration::from_millis(100));
    let follows = shown_setting(&facts.settings, "timeout") == "interval";
    let cut = follows || check.timeout > shorter;
    // A check may last as long as an answer did: a timeout below that takes healthy routers out of use.
    let shorter = if cut { shorter.max(floor(facts)) } else { shorter };
    (shorter < check.interval).then_some(())?;
    let mut changes = vec![("interval", word(shorter))];
    let mut price = "";
    if !follows && check.timeout > shorter {
        changes.push(("timeout", word(shorter)));
        price = "the timeout becomes shorter, too: keep it above the longest pause of a healthy router";
    }
    change(facts, Kind::Checks, &changes, price)
}

/// Where checks wait for it.
fn shorter_timeout(facts: &Facts) -> Option<Choice> {
    let waits = matches!(facts.spec.fault, Fault::Hang | Fault::Silent | Fault::Slow);
    let half = round(facts.settings.check.timeout / 2);
    let price = "a healthy router that stands still for longer than that is taken for a dead one";
    (waits && half >= Duration::from_millis(50).max(floor(facts)))
        .then(|| change(facts, Kind::Checks, &[("timeout", word(half))], price))?
}

fn lower_fall(facts: &Facts) -> Option<Choice> {
    let fall = facts.settings.check.fall;
    let lower = fall.checked_sub(1).filter(|lower| *lower >= 1)?;
    let timeout = word(facts.settings.check.timeout);
    let price = match lower {
        1 => format!(
            "a single failed check then takes a healthy router out: no pause may outlast the timeout ({timeout})"
        ),
        _ => {
            format!("it forgives one failed check less: keep the timeout ({timeout}) above the usual pauses")
        }
    };
    change(facts, Kind::Checks, &[("fall", lower.to_string())], &price)
}

/// A check that asks sees more than one that connects.
fn asking(facts: &Facts) -> Option<Choice> {
    (facts.settings.check.check == Check::Tcp)
        .then(|| change(facts, Kind::Checks, &[("check", "http".to_owned())], ""))?
}

fn detectors(facts: &Facts) -> Vec<Choice> {
    let now = facts.settings.detectors;
    let mut all = Vec::new();
    if !now.passive {
        all.extend(change(
            facts,
            Kind::Detector,
            &[("detector", with(facts, "passive"))],
            &price_of_passive(facts),
        ));
    }
    if !now.sentinel && facts.engine == Engine::LbSim {
        let price = "it holds one idle connection to each router, and few load balancers have such a thing";
        all.extend(change(
            facts,
            Kind::Detector,
            &[("detector", with(facts, "sentinel"))],
            price,
        ));
    }
    all
}

fn price_of_passive(facts: &Facts) -> String {
    let passive = &facts.settings.passive;
    let sees = format!(
        "it sees failed requests only where there is traffic, and takes {} of them",
        passive.failures
    );
    match passive.action == PassiveAction::Eject && !passive.uneject {
        false => sees,
        true => format!(
            "{sees}; and a router it ejects stays out for passive-ejection ({}) even when it is well before: {} of the \
             capacity for that long a {}",
            word(passive.ejection),
            shown::percent(1.0 / f64::from(facts.traffic.routers.max(1))),
            shown::one(facts.spec.fault)
        ),
    }
}

fn with(facts: &Facts, more: &str) -> String {
    match facts.settings.detectors.to_string().as_str() {
        "poll" => more.to_owned(),
        others => format!("{others}+{more}"),
    }
}

/// A router that is told to leave need not cost anything.
fn drain(facts: &Facts) -> Option<Choice> {
    let wait = facts.drain_wait.max(long_enough(facts));
    (facts.spec.fault == Fault::Stop).then(|| Choice {
        kind: Kind::Drain,
        title: format!("a drain of {} instead of a stop", word(wait)),
        settings: facts.settings.clone(),
        spec: Spec::new(Fault::Drain),
        drain_wait: wait,
        price: "a restart takes that much longer".to_owned(),
    })
}

/// Where it leaves before its checks have said so.
fn longer_drain(facts: &Facts) -> Option<Choice> {
    let wait = long_enough(facts);
    (facts.spec.fault == Fault::Drain && facts.checked && facts.drain_wait < wait).then(|| Choice {
        kind: Kind::Wait,
        title: format!("drain-wait={}", word(wait)),
        settings: facts.settings.clone(),
        spec: facts.spec,
        drain_wait: wait,
        price: format!(
            "a restart takes that much longer; it is fall × interval + timeout, in which enough checks have failed ({} now)",
            word(facts.drain_wait)
        ),
    })
}

/// fall × interval + timeout: the first failed check may be a whole interval away, and the last may wait.
fn long_enough(facts: &Facts) -> Duration {
    let check = &facts.settings.check;
    let gap = check.interval.max(check.fall_interval.unwrap_or(check.interval));
    gap * check.fall + check.timeout
}

/// As people set them, the least that is not below what answers took.
fn floor(facts: &Facts) -> Duration {
    facts.slowest.map_or(Duration::ZERO, |slowest| {
        let below = round(slowest);
        let steps = [10, 12, 15, 20, 25, 30, 40, 50].map(|tenths| below * tenths / 10);
        steps.into_iter().find(|step| *step >= slowest).unwrap_or(slowest)
    })
}

/// Why shorter ones are not among them.
pub fn kept_timeout(facts: &Facts) -> Option<String> {
    let slowest = facts.slowest?;
    let check = &facts.settings.check;
    let usual = round(check.interval / 5).max(Duration::from_millis(100));
    (facts.checked && floor(facts) > usual.min(check.timeout / 2)).then(|| {
        format!(
            "No timeout below {} is named: answers took up to {} in this run, and one that long must not take a healthy \
             router out of use.",
            word(floor(facts).min(check.timeout)),
            shown::time(slowest.as_secs_f64())
        )
    })
}

/// As people set them: 100 ms, 200 ms, 500 ms, 1 s, 2 s, 5 s, 10 s and so on, the nearest below.
pub(super) fn round(time: Duration) -> Duration {
    let steps =
        (0..6).flat_map(|power| [1, 2, 5].map(|digit| Duration::from_millis(digit * 10_u64.pow(power))));
    steps.take_while(|step| *step <= time).last().unwrap_or(time)
}

pub(super) fn word(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}
