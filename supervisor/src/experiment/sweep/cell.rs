//! PURE: what is swept, and what a cell of it has shown, with theory beside.

use super::args::Axis;
use crate::experiment::forecast::Forecast;
use crate::experiment::measure::checks::{By, Check};
use crate::experiment::mistakes::Mistakes;
use crate::experiment::summary::{Bounds, Spread};
use crate::settings::{LabSettings, PresetNote};
use lb_sim::theory::load;
use lb_sim::theory::mistakes::{self, Pauses};
use router::clock::Timestamp;
use router::fault::Spec;
use router::record::{Fault, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that decides what a sweep measures. Kept beside its results: only the same plan may go on with them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub schema: String,
    pub seed: String,
    pub fault: Fault,
    /// What stands in the load balancer's place; a plan without it is of a time when only lb-sim did.
    #[serde(default)]
    pub engine: String,
    pub trials: u32,
    pub pause: Option<String>,
    /// `null`: by each cell's interval.
    pub observe_s: Option<f64>,
    pub restart_delay_s: Option<f64>,
    pub routers: u32,
    pub apps: u32,
    pub rate: f64,
    pub arrivals: String,
    pub client_timeout_s: f64,
    pub drain_wait_s: f64,
    /// What the routers are configured with.
    #[serde(default)]
    pub router: BTreeMap<String, String>,
    /// What the settings started from.
    #[serde(default)]
    pub preset: PresetNote,
    /// The settings that are not swept, and what the swept ones would be otherwise.
    pub settings: BTreeMap<String, String>,
    pub axes: Vec<Axis>,
}

impl Plan {
    /// How many there are to be measured.
    pub fn cells(&self) -> usize {
        let words = self.axes.iter().map(|(_, words)| words.len());
        words.fold(1, usize::saturating_mul)
    }
}

/// One combination of settings, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Its place in the plan, from 0.
    pub cell: usize,
    /// The swept settings.
    pub settings: BTreeMap<String, String>,
    pub t_detect_s: Option<Spread>,
    /// `null`: the balancer does not tell what it believes.
    pub detected: Option<usize>,
    /// Valid deaths: all figures are of them.
    pub n: usize,
    /// Deaths whose trials are invalid.
    #[serde(default)]
    pub invalid: usize,
    /// Mean of the deaths. Where one was never noticed it is the least that they cost: its trial ended what it lost.
    pub lost_per_death: Option<f64>,
    pub checks_per_s: Option<f64>,
    /// `null` without `--pause`.
    pub false_ejections: Option<FalseEjections>,
    pub theory: Theory,
    pub deaths: Vec<Death>,
    /// 99 of 100 requests since its stack began were sent at most so much later than intended.
    #[serde(default)]
    pub late_p99_ms: Option<f64>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Death {
    pub router: String,
    /// As a trial's, by the clock of the stack's `events.ndjson`.
    #[serde(default)]
    pub at_ns: Option<Timestamp>,
    /// Which stack's, below the sweep's directory.
    #[serde(default)]
    pub stack: Option<String>,
    /// As a trial's; an older program left it out.
    #[serde(default)]
    pub detected: Option<bool>,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    pub lost: u64,
    pub events_dropped: u64,
    /// As a trial's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Theory {
    pub t_detect_s: Figures,
    pub lost_per_death: Figures,
    pub checks_per_s: f64,
}

/// Figures of theory; `reason` says why one of them is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub min: Option<f64>,
    pub mean: Option<f64>,
    pub max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Routers taken out of use while they only stood still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FalseEjections {
    pub observed: u64,
    /// The time that all routers lived, added up.
    pub router_hours: f64,
    /// Of the whole fleet.
    pub per_hour: Option<f64>,
    /// By router.
    pub t_mr_s: Option<f64>,
    pub t_m_s: Option<f64>,
    pub theory: FalseEjectionsTheory,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FalseEjectionsTheory {
    pub per_hour: Option<f64>,
    pub t_mr_s: Option<f64>,
    pub t_m_s: Option<f64>,
    /// In the time observed; with 95 % between `low` and `high`.
    pub expected: Option<f64>,
    pub low: Option<u64>,
    pub high: Option<u64>,
    /// The count observed lies there.
    pub inside: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was seen of a cell.
pub struct Seen {
    pub deaths: Vec<Death>,
    pub checks_per_s: Option<f64>,
    pub mistakes: Option<(Pauses, Mistakes)>,
    /// As a cell's.
    pub late_p99_ms: Option<f64>,
}

impl Cell {
    /// `settings` are those of the cell.
    pub fn new(
        number: usize,
        swept: &[(String, String)],
        settings: &LabSettings,
        spec: &Spec,
        seen: Seen,
    ) -> Cell {
        let theory = Forecast::new(settings, *spec, 1).theory();
        let valid: Vec<&Death> = seen.deaths.iter().filter(|death| !death.is_invalid()).collect();
        let lost: u64 = valid.iter().map(|death| death.lost).sum();
        let n = valid.len();
        let told: Option<Vec<bool>> = valid.iter().map(|death| death.detected).collect();
        let detected = told.map(|told| told.into_iter().filter(|detected| *detected).count());
        let missed = detected.map_or(0, |detected| n - detected);
        Cell {
            cell: number,
            settings: swept.iter().cloned().collect(),
            t_detect_s: Spread::censored(valid.iter().filter_map(|death| death.t_detect_s), missed),
            detected,
            n,
            invalid: seen.deaths.len() - n,
            lost_per_death: (n > 0).then(|| lost as f64 / n as f64),
            checks_per_s: seen.checks_per_s,
            false_ejections: seen
                .mistakes
                .map(|(pauses, mistakes)| false_ejections(settings, pauses, &mistakes)),
            theory: Theory {
                t_detect_s: figures(theory.t_detect_s, theory.reason),
                lost_per_death: figures(theory.lost, theory.lost_reason),
                checks_per_s: load::checks_per_second(&settings.lb.check, settings.routers),
            },
            deaths: seen.deaths,
            late_p99_ms: seen.late_p99_ms,
        }
    }
}

impl Cell {
    /// Deaths that the balancer never noticed.
    pub fn missed(&self) -> usize {
        self.detected
            .map_or(0, |detected| self.n.saturating_sub(detected))
    }
}

impl Death {
    /// As a trial is.
    pub fn is_invalid(&self) -> bool {
        self.events_dropped > 0 || !self.disturbed.is_empty()
    }
}

/// Health checks a second that started in the span: from each router's first to its last.
pub fn checks_per_second(records: &[Record], by: By, (from, to): (Timestamp, Timestamp)) -> Option<f64> {
    let mut routers: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for check in records.iter().filter_map(Check::of) {
        if check.by == by && (from..to).contains(&check.started) {
            routers.entry(check.router).or_default().push(check.started);
        }
    }
    let rate = |mut starts: Vec<Timestamp>| {
        starts.sort_unstable();
        let (first, last) = (*starts.first()?, *starts.last()?);
        let seconds = last.seconds_after(first);
        (seconds > 0.0).then(|| (starts.len() - 1) as f64 / seconds)
    };
    let rates: Option<Vec<f64>> = routers.into_values().map(rate).collect();
    rates
        .filter(|rates| !rates.is_empty())
        .map(|rates| rates.iter().sum())
}

fn false_ejections(settings: &LabSettings, pauses: Pauses, seen: &Mistakes) -> FalseEjections {
    let lived = seen.lived.as_secs_f64();
    let observed = seen.list.len() as u64;
    let theory = mistakes::by_pauses(&settings.lb, pauses);
    let expected = match theory {
        Ok(theory) => Some(lived / theory.recurrence.as_secs_f64()),
        Err(why) => why.is_never().then_some(0.0),
    };
    let range = expected.map(mistakes::poisson_95);
    let seconds = |time: Duration| time.as_secs_f64();
    FalseEjections {
        observed,
        router_hours: lived / 3600.0,
        per_hour: seen.per_hour(settings.routers),
        t_mr_s: seen.recurrence_s(),
        t_m_s: seen.duration_s(),
        theory: FalseEjectionsTheory {
            per_hour: match theory {
                Ok(theory) => Some(theory.per_hour(settings.routers)),
                Err(why) => why.is_never().then_some(0.0),
            },
            t_mr_s: theory.ok().map(|theory| seconds(theory.recurrence)),
            t_m_s: theory.ok().map(|theory| seconds(theory.duration)),
            expected,
            low: range.map(|range| range.0),
            high: range.map(|range| range.1),
            inside: range.map(|(low, high)| (low..=high).contains(&observed)),
            reason: theory.err().map(|why| why.to_string()),
        },
    }
}

fn figures(bounds: Option<Bounds>, reason: Option<String>) -> Figures {
    Figures {
        min: bounds.map(|bounds| bounds.min),
        mean: bounds.and_then(|bounds| bounds.mean),
        max: bounds.and_then(|bounds| bounds.max),
        reason,
    }
}

#[cfg(test)]
mod tests;
