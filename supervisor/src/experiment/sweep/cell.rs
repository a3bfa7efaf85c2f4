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
mod tests {
    use super::*;
    use crate::experiment::mistakes::Mistake;
    use router::record::{Event, ProbeResult};

    fn settings(words: &str) -> LabSettings {
        let mut settings = LabSettings::default();
        settings.lb = words.parse().unwrap();
        settings
    }

    fn death(t_detect_s: Option<f64>, lost: u64) -> Death {
        Death {
            router: "router-1".to_owned(),
            at_ns: None,
            stack: None,
            detected: Some(t_detect_s.is_some()),
            t_detect_s,
            predicted_t_detect_s: None,
            lost,
            events_dropped: 0,
            disturbed: Vec::new(),
        }
    }

    #[test]
    fn a_cell_has_theory_beside_each_figure() {
        let settings = settings("interval=1s timeout=200ms fall=1");
        let pauses = Pauses {
            length: Duration::from_millis(300),
            share: 0.01,
        };
        let mistake = Mistake {
            router: "router-2".to_owned(),
            at: Timestamp(5),
            duration_s: Some(1.8),
        };
        let seen = Seen {
            deaths: vec![death(Some(0.4), 20), death(Some(0.6), 30), death(None, 0)],
            checks_per_s: Some(4.0),
            mistakes: Some((
                pauses,
                Mistakes {
                    list: vec![mistake],
                    lived: Duration::from_secs(300),
                },
            )),
            late_p99_ms: Some(0.3),
        };
        let swept = [("interval".to_owned(), "1s".to_owned())];
        let cell = Cell::new(3, &swept, &settings, &Spec::new(Fault::Kill), seen);
        assert_eq!((cell.n, cell.detected, cell.missed()), (3, Some(2), 1));
        assert_eq!(cell.t_detect_s.unwrap().mean, 0.5);
        let theory = &cell.theory;
        assert_eq!(
            (
                theory.t_detect_s.min,
                theory.t_detect_s.mean,
                theory.t_detect_s.max
            ),
            (Some(0.0), Some(0.5), Some(1.0))
        );
        // 200 requests a second, four routers.
        assert_eq!(
            (theory.lost_per_death.mean, theory.checks_per_s),
            (Some(25.0), 4.0)
        );
        let told = cell.false_ejections.as_ref().unwrap();
        assert_eq!(
            (told.observed, told.t_mr_s, told.t_m_s),
            (1, Some(300.0), Some(1.8))
        );
        // A tenth of the pauses (every 30 s) is seen by a check.
        let t_mr = told.theory.t_mr_s.unwrap();
        assert!((t_mr / 300.0 - 1.0).abs() < 0.02, "{t_mr}");
        assert_eq!(
            (told.theory.low, told.theory.high, told.theory.inside),
            (Some(0), Some(3), Some(true))
        );
        let text = serde_json::to_string(&cell).unwrap();
        let again: Cell = serde_json::from_str(&text).unwrap();
        assert_eq!((again.deaths, again.settings), (cell.deaths, cell.settings));
    }

    #[test]
    fn invalid_deaths_are_in_no_figure() {
        let mut late = death(Some(9.0), 900);
        late.disturbed.push("load exited".to_owned());
        let seen = Seen {
            deaths: vec![death(Some(0.4), 20), late],
            checks_per_s: None,
            mistakes: None,
            late_p99_ms: None,
        };
        let cell = Cell::new(0, &[], &settings("interval=1s"), &Spec::new(Fault::Kill), seen);
        assert_eq!((cell.n, cell.invalid, cell.detected), (1, 1, Some(1)));
        assert_eq!(
            (cell.t_detect_s.unwrap().max, cell.lost_per_death),
            (0.4, Some(20.0))
        );
    }

    #[test]
    fn what_theory_does_not_know_is_null_with_a_reason() {
        let settings = settings("check=tcp");
        let seen = Seen {
            deaths: Vec::new(),
            checks_per_s: None,
            mistakes: None,
            late_p99_ms: None,
        };
        let cell = Cell::new(0, &[], &settings, &Spec::new(Fault::Hang), seen);
        let json = serde_json::to_value(&cell).unwrap();
        assert_eq!(json["t_detect_s"], serde_json::Value::Null);
        assert_eq!(json["lost_per_death"], serde_json::Value::Null);
        assert_eq!(json["theory"]["t_detect_s"]["mean"], serde_json::Value::Null);
        let reason = json["theory"]["t_detect_s"]["reason"].as_str().unwrap();
        assert!(reason.contains("TCP check"), "{reason}");
    }

    #[test]
    fn checks_are_counted_from_start_to_start() {
        let probe = |router: &str, ms: u64| Record {
            at: Timestamp(ms * 1_000_000 + 5),
            from: "lb".to_owned(),
            event: Event::Probe {
                router: router.to_owned(),
                probe: ms,
                started_ns: Timestamp(ms * 1_000_000),
                result: ProbeResult::Ok,
                status: None,
                failures: 0,
                fall: 2,
                successes: 1,
                rise: 2,
                prober: None,
            },
        };
        let mut records: Vec<_> = (0..20).map(|n| probe("router-1", 70 + n * 500)).collect();
        records.extend((0..20).map(|n| probe("router-2", 190 + n * 500)));
        let span = (Timestamp(1_000_000_000), Timestamp(4_000_000_000));
        assert_eq!(checks_per_second(&records, By::Balancer, span), Some(4.0));
        assert_eq!(checks_per_second(&records[..1], By::Balancer, span), None);
    }
}
