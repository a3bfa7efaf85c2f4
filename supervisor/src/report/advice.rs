//! PURE: what another setting would change, as far as theory can tell.

mod choices;
mod possible;
mod retries;

use super::model::{Cell, Column, Table};
use super::shown;
use crate::engine::Engine;
use crate::experiment::forecast::without_checks;
use crate::settings::brief;
use choices::{Choice, Kind, choices};
use lb_sim::core::Settings;
use lb_sim::core::settings::KEYS;
use lb_sim::presets;
use lb_sim::theory::{Case, Traffic, load};
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
    /// Answers took as long as this in the run: a timeout below it would fail healthy routers. Not known of all runs.
    pub slowest: Option<Duration>,
    /// Lost requests a fault, as measured.
    pub measured_lost: Option<f64>,
    /// Whether anybody checks the routers.
    pub checked: bool,
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
    /// Mean, least, most, in seconds, or why there is none.
    t_detect: Result<(Option<f64>, f64, Option<f64>), String>,
    /// Mean.
    lost: Result<f64, String>,
    /// `None`: nobody checks.
    checks_per_s: Option<f64>,
}

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
            if told && !known {
                tried.push((choice, expected));
            }
        }
        if now.t_detect.is_err() && tried.is_empty() {
            return None;
        }
        let table = self.table(&now, &tried);
        let nothing = self.nothing_to_change(&now);
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
            sentences.push("Theory knows of no single setting here that would lose less.".to_owned());
        }
        let mut notes: Vec<String> = tried
            .iter()
            .filter(|(choice, _)| !named.iter().any(|(named, _)| named.is_same(choice)))
            .filter_map(|(choice, expected)| note(choice, expected))
            .collect();
        notes.extend(choices::kept_timeout(self));
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
        };
        let seconds = |time: Duration| time.as_secs_f64();
        let (mut t_detect, mut lost) = (case.t_detect(), case.lost());
        if let (false, Ok(bounds)) = (self.checked, t_detect) {
            (t_detect, lost) = without_checks(settings.check.interval, self.traffic, bounds, lost);
        }
        let t_detect = t_detect.map_err(|why| why.to_string());
        let lost = lost.and_then(|lost| lost.mean).map_err(|why| why.to_string());
        Expected {
            t_detect: t_detect.map(|bounds| {
                let bounds = bounds.map(seconds);
                (bounds.mean.ok(), bounds.min, bounds.max.ok())
            }),
            lost,
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

    /// Why all may stay as it is.
    fn nothing_to_change(&self, now: &Expected) -> Option<String> {
        let one = shown::one(self.spec.fault);
        if self.measured_lost == Some(0.0) {
            return Some(format!(
                "Nothing to change for this: no request was lost to a {one} with these settings."
            ));
        }
        let none = now.lost.as_ref().is_ok_and(|lost| *lost < 1.0);
        none.then(|| {
            format!(
                "Nothing to change: theory expects less than one lost request a {one} with these settings."
            )
        })
    }

    /// The most that is saved comes first; of what saves as much the one that costs nothing else. Of a retry theory has
    /// no figure: it stands last, and is always among them.
    fn best<'a>(&self, now: &Expected, tried: &'a [(Choice, Expected)]) -> Vec<&'a (Choice, Expected)> {
        let mut better: Vec<(f64, &(Choice, Expected))> = tried
            .iter()
            .filter_map(|each| Some((self.gain(now, &each.0, &each.1)?, each)))
            .collect();
        better.sort_by(|(a, (x, _)), (b, (y, _))| {
            let other = |choice: &Choice| (choice.kind != Kind::Wait, choice.price.len());
            b.total_cmp(a).then(other(x).cmp(&other(y)))
        });
        let retry = better
            .iter()
            .position(|(_, (choice, _))| choice.kind == Kind::Retry);
        let retry = retry.map(|place| better.remove(place));
        better.truncate(MOST - usize::from(retry.is_some()));
        better.into_iter().chain(retry).map(|(_, each)| each).collect()
    }

    /// How much of the loss a choice takes away, from 0 to 1; `None`: it is no better, or nobody knows.
    fn gain(&self, now: &Expected, choice: &Choice, expected: &Expected) -> Option<f64> {
        if choice.kind == Kind::Retry {
            // No figure of theory's, but what is left after every other: behind those that take most of it away.
            return Some(0.0);
        }
        match (&now.lost, &expected.lost) {
            (Ok(before), Ok(after)) => Some(1.0 - after / before).filter(|gain| *gain > 0.05),
            (Ok(_), Err(_)) => None,
            // Never noticed so far: whatever notices it is better.
            (Err(_), _) => match (&now.t_detect, &expected.t_detect) {
                (Err(_), Ok(_)) => Some(1.0),
                (Ok((Some(before), ..)), Ok((Some(after), ..))) if after < before => {
                    Some(1.0 - after / before)
                }
                _ => None,
            },
        }
    }

    fn sentence(&self, now: &Expected, choice: &Choice, expected: &Expected) -> String {
        let one = shown::one(choice.spec.fault);
        if choice.kind == Kind::Retry {
            return format!("{} {}.", capital(choice), choice.price);
        }
        let mut says = match (&now.t_detect, &expected.t_detect) {
            (Err(_), Ok((Some(after), ..))) => {
                format!(
                    "would notice it after {} on average, where nothing does now",
                    shown::time(*after)
                )
            }
            (Err(_), _) => "would notice it, where nothing does now".to_owned(),
            (Ok((Some(before), ..)), Ok((Some(after), ..))) if *after < 0.001 && choice.spec == self.spec => {
                format!(
                    "would notice it at once instead of after {}",
                    shown::time(*before)
                )
            }
            (Ok((Some(before), ..)), Ok((Some(after), ..)))
                if choice.spec == self.spec && shown::time(*before) != shown::time(*after) =>
            {
                format!(
                    "would notice it after {} instead of {}",
                    shown::time(*after),
                    shown::time(*before)
                )
            }
            _ => String::new(),
        };
        if let Ok(lost) = expected.lost {
            let instead = match &now.lost {
                Ok(before) => format!(" instead of {}", shown::mean(*before)),
                Err(_) => String::new(),
            };
            let and = if says.is_empty() { "would" } else { " and" };
            let lost = match lost < 0.5 {
                true => "less than 1 request".to_owned(),
                false => format!("about {}", shown::counted(lost, "request")),
            };
            says += &format!("{and} lose {lost} a {one}{instead}");
        }
        let checks = match (now.checks_per_s, expected.checks_per_s) {
            (Some(before), Some(after)) if (after - before).abs() > 1e-9 => {
                format!("{after:.1} checks a second instead of {before:.1}")
            }
            _ => String::new(),
        };
        let price = match (checks.is_empty(), choice.price.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!("; it costs {checks}"),
            (true, false) => format!("; {}", choice.price),
            (false, false) => format!("; it costs {checks}, and {}", choice.price),
        };
        format!("{} {says}, by theory{price}.", capital(choice))
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
    let why = expected.t_detect.as_ref().err().or(expected.lost.as_ref().err());
    let why = why.map(|why| format!("no figure, as {why}"));
    let price = Some(choice.price.clone()).filter(|price| !price.is_empty());
    let says: Vec<String> = price.into_iter().chain(why).collect();
    (!says.is_empty()).then(|| format!("{}: {}.", capital(choice), says.join("; ")))
}

fn row(setting: String, expected: &Expected) -> Vec<Cell> {
    let (mean, most) = match &expected.t_detect {
        Ok((mean, _, most)) => (Cell::number(*mean, 2), Cell::number(*most, 2)),
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
mod tests;
