//! PURE: what could be set otherwise, one change at a time.

use super::Facts;
use super::intervals::{shorter_interval, shorter_timeout};
use super::possible::{applied, fitting, possible};
use super::retries::retry;
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

pub(super) fn change(
    facts: &Facts,
    kind: Kind,
    changes: &[(&'static str, String)],
    price: &str,
) -> Option<Choice> {
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
        let changes = fitting(facts, vec![("detector", with(facts, "passive"))]);
        let price = applied(facts, &changes).map(|settings| price_of_passive(facts, &settings));
        all.extend(price.and_then(|price| change(facts, Kind::Detector, &changes, &price)));
    }
    if !now.sentinel && facts.engine == Engine::LbSim {
        let price = "it holds one idle connection to each router, and few load balancers have such a thing";
        let changes = [("detector", with(facts, "sentinel"))];
        all.extend(change(facts, Kind::Detector, &changes, price));
    }
    all
}

fn price_of_passive(facts: &Facts, settings: &Settings) -> String {
    let passive = &settings.passive;
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

pub(super) fn word(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}
