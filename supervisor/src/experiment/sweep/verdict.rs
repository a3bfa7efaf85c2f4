//! PURE: the `resetlab.sweep.v1` document, and which cell meets an objective at the least cost.

use super::cell::{Cell, Plan};
use crate::experiment::doubts;
use crate::experiment::summary::{Machine, Setup};
use serde::{Deserialize, Serialize};

/// What `resetlab sweep --json` prints and `summary.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    pub schema: String,
    pub plan: Plan,
    /// `false`: cells are missing.
    pub complete: bool,
    pub slo: Option<f64>,
    /// Of each router; what `success` is reckoned with.
    pub deaths_per_hour: f64,
    /// The cell that meets the objective with the fewest checks; of several the one that takes the fewest living routers
    /// for dead, by theory where it has a figure of all of them and otherwise by the higher `fall`.
    pub chosen: Option<usize>,
    pub cells: Vec<Judged>,
    /// Records that could not be written: the stacks' logs lack them, the figures do not.
    #[serde(default)]
    pub records_lost: u64,
    /// 99 of 100 requests were sent at most so much later than intended, whatever the cell; `null`: not known.
    #[serde(default)]
    pub late_p99_ms: Option<f64>,
    #[serde(flatten)]
    pub origin: Origin,
}

/// How a sweep came about: what its latest part was told, and where. It decides nothing about what may go on with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// As a shell takes it; empty: by an older program.
    #[serde(default)]
    pub command: String,
    #[serde(default)]
    pub setup: Option<Setup>,
    #[serde(default)]
    pub machine: Option<Machine>,
}

/// A cell and what it means for clients.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    #[serde(flatten)]
    pub cell: Cell,
    /// 1 − (deaths an hour × routers × lost per death) / requests an hour. `null` without deaths measured, and where one
    /// was never noticed: what it costs has no end but its trial's.
    pub success: Option<f64>,
    /// Of such a cell the most that it can be.
    #[serde(default)]
    pub success_at_most: Option<f64>,
}

impl Document {
    pub fn new(
        plan: &Plan,
        cells: &[Cell],
        wanted: usize,
        slo: Option<f64>,
        deaths_per_hour: f64,
    ) -> Document {
        let mut cells: Vec<Judged> = cells
            .iter()
            .map(|cell| {
                let success = success(cell, plan, deaths_per_hour);
                let known = cell.missed() == 0;
                Judged {
                    success: success.filter(|_| known),
                    success_at_most: success.filter(|_| !known),
                    cell: cell.clone(),
                }
            })
            .collect();
        cells.sort_by_key(|judged| judged.cell.cell);
        Document {
            schema: "resetlab.sweep.v1".to_owned(),
            plan: plan.clone(),
            complete: cells.len() == wanted,
            slo,
            deaths_per_hour,
            chosen: slo.and_then(|slo| chosen(&cells, slo)),
            records_lost: 0,
            late_p99_ms: cells
                .iter()
                .filter_map(|judged| judged.cell.late_p99_ms)
                .reduce(f64::max),
            cells,
            origin: Origin::default(),
        }
    }

    /// An objective was given and no cell meets it.
    pub fn missed(&self) -> bool {
        self.slo.is_some() && self.chosen.is_none()
    }
}

/// The share of requests that succeed when each router dies so often.
fn success(cell: &Cell, plan: &Plan, deaths_per_hour: f64) -> Option<f64> {
    let lost = deaths_per_hour * f64::from(plan.routers) * cell.lost_per_death?;
    // Below 0 routers do not come back between deaths.
    Some((1.0 - lost / (plan.rate * 3600.0)).max(0.0))
}

/// What decides between cells that meet the objective with as many checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Only one does.
    None,
    /// Theory's false ejections an hour.
    FalseEjections,
    /// They were not looked at, or have no theory: a higher `fall` forgives more.
    Fall,
    /// Neither tells them apart: the fewest lost requests.
    Lost,
}

impl Judged {
    /// What a death costs; `None` also where one was never noticed, of which that is not known.
    pub fn lost(&self) -> Option<f64> {
        self.cell.lost_per_death.filter(|_| self.cell.missed() == 0)
    }

    /// Living routers taken for dead, of the whole fleet, by theory.
    pub fn false_per_hour(&self) -> Option<f64> {
        self.cell.false_ejections.as_ref()?.theory.per_hour
    }

    /// Where it is swept.
    pub fn fall(&self) -> Option<u32> {
        self.cell.settings.get("fall")?.parse().ok()
    }
}

impl Document {
    /// What is said of deaths that were never noticed.
    pub fn unnoticed(&self) -> Option<String> {
        let cells = || self.cells.iter().filter(|judged| judged.cell.missed() > 0);
        let missed: usize = cells().map(|judged| judged.cell.missed()).sum();
        let deaths: usize = self.cells.iter().map(|judged| judged.cell.n).sum();
        (missed > 0).then(|| {
            format!(
                "the balancer never noticed {missed} of {deaths} deaths, in {} of {} cells: what these lost was ended by \
                 their trials, so that it is the least that it costs; such a cell has no success and cannot be chosen",
                cells().count(),
                self.cells.len()
            )
        })
    }

    /// What is said of deaths whose trials are invalid.
    pub fn invalid(&self) -> Option<String> {
        let invalid: usize = self.cells.iter().map(|judged| judged.cell.invalid).sum();
        let (deaths, are) = match invalid {
            1 => ("death", "is"),
            _ => ("deaths", "are"),
        };
        (invalid > 0).then(|| {
            format!(
                "{invalid} {deaths} {are} invalid and in no figure: records were lost, or another process ended meanwhile"
            )
        })
    }

    /// What is said of the fewest deaths of a cell.
    pub fn few(&self) -> Option<String> {
        let least = self.cells.iter().map(|judged| judged.cell.n).min()?;
        let deaths = if least == 1 { "death" } else { "deaths" };
        doubts::few(&format!("n = {least} {deaths} a cell"), least)
    }

    /// What is said of a load that was late.
    pub fn late(&self) -> Option<String> {
        let deaths = self.cells.iter().flat_map(|judged| &judged.cell.deaths);
        let valid = deaths.filter(|death| !death.is_invalid());
        doubts::late(self.late_p99_ms, valid.filter_map(|death| death.t_detect_s))
    }

    /// By what the chosen cell was preferred to others with as many checks.
    pub fn tie(&self) -> Tie {
        self.slo
            .map_or(Tie::None, |slo| tie(&fewest_checks(&self.cells, slo)))
    }
}

/// Those that meet the objective with the least probe load; that is theory's, which does not vary.
fn fewest_checks(cells: &[Judged], slo: f64) -> Vec<&Judged> {
    let meets = || {
        cells
            .iter()
            .filter(|judged| judged.success.is_some_and(|success| success >= slo))
    };
    let load = |judged: &Judged| judged.cell.theory.checks_per_s;
    let least = meets().map(load).fold(f64::INFINITY, f64::min);
    meets()
        .filter(|judged| load(judged) <= least * (1.0 + 1e-9))
        .collect()
}

fn tie(equals: &[&Judged]) -> Tie {
    let differ = |of: &dyn Fn(&Judged) -> f64| {
        let first = equals.first().map(|judged| of(judged));
        equals.iter().any(|judged| Some(of(judged)) != first)
    };
    let known = equals.iter().all(|judged| judged.false_per_hour().is_some());
    match equals {
        [] | [_] => Tie::None,
        _ if known && differ(&|judged| judged.false_per_hour().unwrap_or(0.0)) => Tie::FalseEjections,
        _ if differ(&|judged| judged.fall().map_or(0.0, f64::from)) => Tie::Fall,
        _ => Tie::Lost,
    }
}

fn chosen(cells: &[Judged], slo: f64) -> Option<usize> {
    let equals = fewest_checks(cells, slo);
    let by = tie(&equals);
    let mistakes = |judged: &Judged| match by {
        Tie::FalseEjections => judged.false_per_hour().unwrap_or(f64::INFINITY),
        Tie::Fall => -judged.fall().map_or(0.0, f64::from),
        Tie::None | Tie::Lost => 0.0,
    };
    let best = equals.into_iter().min_by(|a, b| {
        let success = |judged: &Judged| judged.success.unwrap_or(0.0);
        mistakes(a)
            .total_cmp(&mistakes(b))
            .then(success(b).total_cmp(&success(a)))
    });
    best.map(|judged| judged.cell.cell)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::experiment::sweep::cell::{Figures, Theory};
    use router::record::Fault;

    pub fn plan() -> Plan {
        Plan {
            schema: "resetlab.sweep-plan.v1".to_owned(),
            seed: "7".to_owned(),
            fault: Fault::Kill,
            engine: "lb-sim".to_owned(),
            trials: 3,
            pause: None,
            observe_s: None,
            restart_delay_s: None,
            routers: 4,
            apps: 2,
            rate: 200.0,
            arrivals: "poisson".to_owned(),
            client_timeout_s: 5.0,
            drain_wait_s: 20.0,
            router: Default::default(),
            preset: Default::default(),
            settings: Default::default(),
            axes: vec![("interval".to_owned(), vec!["1s".to_owned(), "5s".to_owned()])],
        }
    }

    pub fn cell(number: usize, lost: Option<f64>, checks_per_s: f64) -> Cell {
        let none = Figures {
            min: None,
            mean: None,
            max: None,
            reason: Some("it is random".to_owned()),
        };
        let interval = ["1s", "5s"][number % 2].to_owned();
        Cell {
            cell: number,
            settings: [("interval".to_owned(), interval)].into(),
            t_detect_s: None,
            detected: Some(0),
            n: 0,
            invalid: 0,
            lost_per_death: lost,
            checks_per_s: None,
            false_ejections: None,
            theory: Theory {
                t_detect_s: none.clone(),
                lost_per_death: none,
                checks_per_s,
            },
            deaths: Vec::new(),
            late_p99_ms: None,
        }
    }

    #[test]
    fn the_cell_that_meets_the_objective_with_the_fewest_checks_is_chosen() {
        let cells = [
            cell(0, Some(18.0), 8.0),
            cell(1, Some(72.0), 4.0),
            cell(2, Some(36.0), 4.0),
            cell(3, Some(720.0), 0.8),
            cell(4, None, 0.1),
        ];
        let judged = |slo, deaths| Document::new(&plan(), &cells, 5, slo, deaths);
        // 4 deaths an hour of 720,000 requests: 72 lost each are 0.04 % of them.
        let document = judged(Some(0.9995), 1.0);
        assert!((document.cells[1].success.unwrap() - 0.9996).abs() < 1e-12);
        assert_eq!(document.cells[4].success, None);
        assert_eq!(
            document.chosen,
            Some(2),
            "as few checks as the other, and it loses less"
        );
        assert_eq!(judged(Some(0.99), 1.0).chosen, Some(3));
        assert_eq!(judged(Some(0.9999), 1.0).chosen, Some(0));
        // Twice as many deaths, and it no longer does.
        let missed = judged(Some(0.9999), 2.0);
        assert!(missed.missed());
        assert!(!judged(None, 1.0).missed());
        assert!(document.complete && !Document::new(&plan(), &cells, 6, None, 1.0).complete);
    }

    /// Two hangs behind a TCP check, both ended by their trials after 0.6 s.
    #[test]
    fn a_cell_that_missed_a_death_has_no_success_and_is_never_chosen() {
        let mut blind = cell(0, Some(30.0), 0.5);
        (blind.n, blind.detected) = (2, Some(1));
        let sighted = cell(1, Some(60.0), 4.0);
        let of = |cells: &[Cell]| Document::new(&plan(), cells, cells.len(), Some(0.999), 1.0);
        let both = of(&[blind.clone(), sighted]);
        assert_eq!(both.chosen, Some(1));
        assert_eq!((both.cells[0].success, both.cells[0].lost()), (None, None));
        assert!(both.cells[0].success_at_most.unwrap() > 0.999);
        assert!(
            both.unnoticed()
                .unwrap()
                .starts_with("the balancer never noticed 1 of 2 deaths, in 1 of 2 cells")
        );
        let alone = of(&[blind]);
        assert!(alone.missed() && alone.chosen.is_none());
    }

    #[test]
    fn of_cells_with_as_many_checks_the_one_with_the_fewest_mistakes_is_chosen() {
        let with = |number: usize, lost: f64, fall: &str, mistakes: Option<f64>| {
            let mut cell = cell(number, Some(lost), 4.0);
            cell.settings.insert("fall".to_owned(), fall.to_owned());
            let seen = mistakes.map(|per_hour| {
                serde_json::json!({"observed": 0, "router_hours": 1.0, "theory": {"per_hour": per_hour}})
            });
            cell.false_ejections = seen.map(|seen| serde_json::from_value(seen).unwrap());
            cell
        };
        let of = |cells: &[Cell], slo| Document::new(&plan(), cells, 2, Some(slo), 1.0);
        let paused = of(
            &[with(0, 18.0, "1", Some(580.0)), with(1, 36.0, "2", Some(9.8))],
            0.999,
        );
        assert_eq!((paused.chosen, paused.tie()), (Some(1), Tie::FalseEjections));
        let unpaused = of(&[with(0, 18.0, "1", None), with(1, 36.0, "2", None)], 0.999);
        assert_eq!((unpaused.chosen, unpaused.tie()), (Some(1), Tie::Fall));
        // Only one of them meets it: there is nothing to weigh.
        let strict = of(
            &[with(0, 18.0, "1", Some(580.0)), with(1, 72.0, "2", Some(9.8))],
            0.9998,
        );
        assert_eq!((strict.chosen, strict.tie()), (Some(0), Tie::None));
        let alike = of(&[with(0, 36.0, "2", None), with(1, 18.0, "2", None)], 0.999);
        assert_eq!((alike.chosen, alike.tie()), (Some(1), Tie::Lost));
    }
}
