//! PURE: what could be set otherwise, one change at a time.

use super::{Facts, shown_setting};
use crate::engine::{Engine, Seat, Site};
use lb_sim::core::{Check, Mode, OnFailure, Settings};
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
    /// What it costs beside checks; the end of a sentence.
    pub price: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Checks,
    Detector,
    Retry,
    /// Not a setting: what to do instead of stopping it.
    Drain,
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
    all.retain(|choice: &Choice| expressible(facts.engine, &choice.settings));
    all.extend(drain(facts));
    all
}

fn change(facts: &Facts, kind: Kind, changes: &[(&str, String)], price: &str) -> Option<Choice> {
    let mut settings = facts.settings.clone();
    let mut title = Vec::new();
    for (key, word) in changes {
        settings.set(key, word).ok()?;
        let own = facts.word_of(key);
        title.push(match own == *key {
            true => format!("{key}={word}"),
            false => format!("{own} {word}"),
        });
    }
    settings.consistent().ok()?;
    (settings != facts.settings).then(|| Choice {
        kind,
        title: title.join(" "),
        settings,
        spec: facts.spec,
        price: price.to_owned(),
    })
}

/// A fifth of it, and a timeout that fits.
fn shorter_interval(facts: &Facts) -> Option<Choice> {
    let check = &facts.settings.check;
    let shorter = round(check.interval / 5).max(Duration::from_millis(100));
    (shorter < check.interval).then_some(())?;
    let mut changes = vec![("interval", word(shorter))];
    let mut price = "";
    let follows = shown_setting(&facts.settings, "timeout") == "interval";
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
    (waits && half >= Duration::from_millis(50))
        .then(|| change(facts, Kind::Checks, &[("timeout", word(half))], price))?
}

fn lower_fall(facts: &Facts) -> Option<Choice> {
    let fall = facts.settings.check.fall;
    let lower = fall.checked_sub(1).filter(|lower| *lower >= 1)?;
    let timeout = shown_setting(&facts.settings, "timeout");
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
        let price =
            "it sees failed requests only where there is traffic, and needs as many as passive-failures says";
        all.extend(change(
            facts,
            Kind::Detector,
            &[("detector", with(facts, "passive"))],
            price,
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

fn with(facts: &Facts, more: &str) -> String {
    match facts.settings.detectors.to_string().as_str() {
        "poll" => more.to_owned(),
        others => format!("{others}+{more}"),
    }
}

fn retry(facts: &Facts) -> Option<Choice> {
    let word = match (facts.settings.mode, facts.settings.on_failure) {
        (_, OnFailure::Retry | OnFailure::RetryConnect) => return None,
        (Mode::Http, _) => "retry",
        (Mode::Tcp, _) => "retry-connect",
    };
    let price = "a retry is one more attempt: a budget keeps them from multiplying an outage";
    (facts.traffic.routers > facts.victims)
        .then(|| change(facts, Kind::Retry, &[("on-failure", word.to_owned())], price))?
}

/// A router that is told to leave need not cost anything.
fn drain(facts: &Facts) -> Option<Choice> {
    (facts.spec.fault == Fault::Stop).then(|| Choice {
        kind: Kind::Drain,
        title: format!("a drain of {} instead of a stop", word(facts.drain_wait)),
        settings: facts.settings.clone(),
        spec: Spec::new(Fault::Drain),
        price: "a restart takes that much longer".to_owned(),
    })
}

/// What a real one cannot have is no advice.
fn expressible(engine: Engine, settings: &Settings) -> bool {
    let Some(program) = engine.program() else {
        return true;
    };
    let at = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    let site = Site {
        listen: at,
        routers: vec![Seat {
            name: "router-1".to_owned(),
            traffic: at,
            health: at,
        }],
        dir: "/".into(),
        sockets: "/".into(),
        own: None,
    };
    program.configuration(&site, settings).is_ok()
}

/// As people set them: 100 ms, 200 ms, 500 ms, 1 s, 2 s, 5 s, 10 s and so on, the nearest below.
fn round(time: Duration) -> Duration {
    let steps =
        (0..6).flat_map(|power| [1, 2, 5].map(|digit| Duration::from_millis(digit * 10_u64.pow(power))));
    steps.take_while(|step| *step <= time).last().unwrap_or(time)
}

fn word(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}
