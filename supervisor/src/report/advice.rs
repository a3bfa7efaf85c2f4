//! PURE: what another setting would change, as far as theory can tell.

mod choices;
pub mod commands;
mod intervals;
mod possible;
mod retries;
mod worth;

use super::model::{Cell, Column, Table};
use super::shown;
use crate::engine::Engine;
use crate::experiment::healthy::Healthy;
use crate::settings::brief;
use choices::{Choice, Kind, choices};
use lb_sim::core::Settings;
use lb_sim::core::settings::KEYS;
use lb_sim::presets;
use lb_sim::theory::{Case, NoTheory, Patience, Traffic, load};
use router::fault::Spec;
use serde_json::Value;
use std::time::Duration;

/// What was measured, as theory needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub settings: Settings,
    pub spec: Spec,
    pub traffic: Traffic,
    /// Routers hit at a time.
    pub victims: u32,
    /// How long a router serves on that is drained.
    pub drain_wait: Duration,
    /// What stood in the load balancer's place,
    pub engine: Engine,
    /// which of it,
    pub version: String,
    /// and whose defaults it started from: the real system may forbid more than the engine does.
    pub preset: String,
    /// How long clients wait.
    pub patience: Option<Duration>,
    /// A timeout below it would fail healthy routers. Not known of all runs.
    pub slowest: Option<Slowest>,
    /// Lost requests a fault, as measured.
    pub measured_lost: Option<f64>,
    /// Whether anybody checks the routers.
    pub checked: bool,
}

/// How long answers of healthy routers took in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    /// So many of them no longer than this.
    pub time: Duration,
    /// `99.9 %`
    pub share: &'static str,
}

impl Slowest {
    /// Of those in a thousand that are in question only where there are thousands.
    pub fn of(healthy: Healthy) -> Option<Slowest> {
        match healthy.n < ENOUGH {
            true => Slowest::new(healthy.p99, "99 %"),
            false => Slowest::new(healthy.p999, "99.9 %"),
        }
    }

    pub fn new(ms: f64, share: &'static str) -> Option<Slowest> {
        (ms.is_finite() && (0.0..1e9).contains(&ms)).then(|| Slowest {
            time: Duration::from_secs_f64(ms / 1e3),
            share,
        })
    }
}

/// What to change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// The settings in force, marked, and others beside.
    pub table: Table,
    /// Whole sentences, the most worthwhile first.
    pub sentences: Vec<String>,
    /// What the first of them sets: `interval=1s`, a word each. Empty: nothing is set, or nothing is to change.
    pub first: Vec<String>,
    /// What has no place in the table: prices, and why a figure is missing. Whole sentences.
    pub notes: Vec<String>,
}

/// Settings and what theory expects of them.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    /// Mean and most, in seconds, or why there is none.
    t_detect: Result<(Option<f64>, Option<f64>), NoTheory>,
    /// Mean.
    lost: Result<f64, NoTheory>,
    /// `None`: nobody checks.
    checks_per_s: Option<f64>,
}

/// Of fewer answers the slowest in a thousand is any.
const ENOUGH: u64 = 1000;
/// Sentences of an advice.
const MOST: usize = 4;

/// The settings in force out of a document's `check`: what is no setting in it is another form of one.
pub fn settings(check: &Value) -> Option<Settings> {
    let known = brief::pairs(check).filter(|(key, _)| KEYS.contains(key));
    // A document with few of them is not one of settings.
    (known.count() >= 10).then(|| brief::of(check))?
}

impl Facts {
    /// What else could be set, and what it would do; `None` where theory has no figure for anything.
    pub fn advice(&self) -> Option<Advice> {
        let now = self.expected(&self.settings, &self.spec, self.drain_wait);
        let mut tried: Vec<(Choice, Expected)> = Vec::new();
        for choice in choices(self) {
            let expected = self.expected(&choice.settings, &choice.spec, choice.drain_wait);
            let told = expected.t_detect.is_ok() || choice.kind == Kind::Retry;
            let known = tried.iter().any(|(other, _)| other.is_same(&choice));
            if told && !known && !self.is_idle(&now, &choice, &expected) {
                tried.push((choice, expected));
            }
        }
        if now.t_detect.is_err() && tried.is_empty() {
            return None;
        }
        let table = self.table(&now, &tried);
        let nothing = self.nothing_to_name(&now);
        let named = match nothing {
            Some(_) => Vec::new(),
            None => self.best(&now, &tried),
        };
        let first = named.first().map(|(choice, _)| self.changed(choice));
        let mut sentences: Vec<String> = named
            .iter()
            .map(|(choice, expected)| self.sentence(&now, choice, expected))
            .collect();
        sentences.extend(nothing);
        if sentences.is_empty() {
            sentences.push(match tried.is_empty() {
                true => "No other setting was tried: none that could be quicker can be set here.".to_owned(),
                false => "None of the other settings tried here would lose less, by theory.".to_owned(),
            });
        }
        let mut notes: Vec<String> = tried
            .iter()
            .filter(|(choice, _)| !named.iter().any(|(named, _)| named.is_same(choice)))
            .filter_map(|(choice, expected)| note(choice, expected))
            .collect();
        notes.extend(intervals::kept_timeout(self));
        notes.extend(self.kept_to());
        Some(Advice {
            table,
            sentences,
            first: first.unwrap_or_default(),
            notes,
        })
    }

    /// What a choice sets, in the words of `set` and `--set`.
    fn changed(&self, choice: &Choice) -> Vec<String> {
        let pairs = |settings: &Settings| settings.words().into_iter().collect::<Vec<_>>();
        let now = pairs(&self.settings);
        let balancer = pairs(&choice.settings);
        let balancer = balancer.into_iter().filter(|pair| !now.contains(pair));
        let mut words: Vec<String> = balancer.map(|(key, word)| format!("{key}={word}")).collect();
        if choice.kind == Kind::Wait {
            words.push(choice.title.clone());
        }
        words
    }

    fn expected(&self, settings: &Settings, spec: &Spec, drain_wait: Duration) -> Expected {
        let case = Case {
            settings,
            spec,
            traffic: self.traffic,
            victims: self.victims,
            drain_wait,
            patience: self
                .patience
                .map_or(Patience::ENDLESS, |time| self.engine.patience(time)),
            checked: self.checked,
        };
        Expected {
            t_detect: case.t_detect().map(|bounds| {
                let bounds = bounds.map(|time| time.as_secs_f64());
                (bounds.mean.ok(), bounds.max.ok())
            }),
            lost: case.lost().and_then(|lost| lost.mean),
            checks_per_s: self
                .checked
                .then(|| load::checks_per_second(&settings.check, self.traffic.routers)),
        }
    }

    fn table(&self, now: &Expected, tried: &[(Choice, Expected)]) -> Table {
        let in_force = format!("in force: {}", self.in_force());
        let mut rows = vec![row(in_force, now)];
        rows.extend(
            tried
                .iter()
                .map(|(choice, expected)| row(choice.title.clone(), expected)),
        );
        let one = shown::one(self.spec.fault);
        Table {
            caption: "What theory expects of other settings, one change at a time".to_owned(),
            columns: vec![
                Column::new("setting", "setting", ""),
                Column::new("theory_t_detect_s", "detected after, mean", "s"),
                Column::new("theory_t_detect_max_s", "at most", "s"),
                Column::new("theory_lost", &format!("lost a {one}, mean"), "requests"),
                Column::new("theory_checks_per_s", "checks", "1/s"),
            ],
            rows,
            marked: Some(0),
        }
    }

    /// `interval 5s, fall 2`
    pub fn in_force(&self) -> String {
        self.words_in_force().join(", ")
    }

    /// `interval 5s` and `fall 2`, in the words of the real one where it stood there.
    pub fn words_in_force(&self) -> Vec<String> {
        let mut words = match self.checked {
            false => vec!["no health checks".to_owned()],
            true => ["interval", "fall"]
                .map(|key| format!("{} {}", self.word_of(key), shown_setting(&self.settings, key)))
                .into(),
        };
        let detectors = self.settings.detectors.to_string();
        if detectors != "poll" {
            words.push(format!("detector {detectors}"));
        }
        words
    }

    /// What the load balancer itself calls a setting: HAProxy's `inter`.
    pub(self) fn word_of(&self, key: &str) -> String {
        let preset = presets::named(self.engine.name());
        let alias = preset
            .and_then(|preset| preset.rule(key))
            .and_then(|rule| rule.word.clone());
        alias.unwrap_or_else(|| key.to_owned())
    }

    /// Of a system that can do less than lb-sim.
    fn kept_to(&self) -> Option<String> {
        let preset = possible::preset(self).filter(|_| self.engine == Engine::LbSim)?;
        (!preset.ranges.is_empty() || preset.engine.is_some()).then(|| {
            format!(
                "Only what {} can be set to is named: lb-sim itself can do more, such as detector=sentinel.",
                preset.title
            )
        })
    }
}

/// A setting's word: `5s`.
fn shown_setting(settings: &Settings, key: &str) -> String {
    let words = settings.words().into_iter();
    words
        .filter(|(known, _)| *known == key)
        .map(|(_, word)| word)
        .collect()
}

/// What a choice has to say that no sentence has said.
fn note(choice: &Choice, expected: &Expected) -> Option<String> {
    if choice.kind == Kind::Retry {
        return Some(format!("{} {}.", capital(choice), choice.price));
    }
    let why = expected.t_detect.err().or(expected.lost.err());
    let why = why.map(|why| format!("no figure, as {why}"));
    let price = Some(choice.price.clone()).filter(|price| !price.is_empty());
    let says: Vec<String> = price.into_iter().chain(why).collect();
    (!says.is_empty()).then(|| format!("{}: {}.", capital(choice), says.join("; ")))
}

fn row(setting: String, expected: &Expected) -> Vec<Cell> {
    let (mean, most) = match &expected.t_detect {
        Ok((mean, most)) => (Cell::number(*mean, 2), Cell::number(*most, 2)),
        Err(_) => (Cell::missing(), Cell::missing()),
    };
    vec![
        Cell::Words(setting),
        mean,
        most,
        Cell::number(expected.lost.as_ref().ok().copied(), 1),
        Cell::number(expected.checks_per_s, 1),
    ]
}

/// As the beginning of a sentence: what is typed stands between back-ticks.
fn capital(choice: &Choice) -> String {
    match choice.kind {
        Kind::Drain => {
            let mut letters = choice.title.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        }
        _ => format!("`{}`", choice.title),
    }
}

#[cfg(test)]
mod honesty;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vendors;
