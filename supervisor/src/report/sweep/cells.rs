//! PURE: all cells of a sweep in rows, theory beside what was measured.

use super::view::View;
use crate::budget::Budget;
use crate::experiment::sweep::verdict::Judged;
use crate::report::model::{Cell, Column, Table};
use crate::report::shown;

/// A row a cell.
pub fn table(view: &View) -> Table {
    let document = view.document;
    let varied = view.varied();
    let mut columns: Vec<Column> = varied.iter().map(|(key, _)| Column::new(key, key, "")).collect();
    columns.extend([
        Column::new("n", "n", ""),
        Column::new("detected", "seen", ""),
        Column::new("t_detect_s_mean", "t_detect", "s"),
        Column::new("theory_t_detect_s_mean", "theory", "s"),
        Column::new("t_detect_s_max", "most", "s"),
        Column::new("theory_t_detect_s_max", "theory", "s"),
        Column::new("lost_per_death", "lost", "/death"),
        Column::new("theory_lost_per_death", "theory", "/death"),
        Column::new("checks_per_s", "checks", "/s"),
        Column::new("success", "success", "%"),
    ]);
    let rows = document.cells.iter().map(|judged| {
        let setting = |key: &String| judged.cell.settings.get(key).cloned().unwrap_or_default();
        let mut row: Vec<Cell> = varied.iter().map(|(key, _)| Cell::Words(setting(key))).collect();
        row.extend(figures(judged));
        row
    });
    let marked = view.marked().map(|marked| marked.cell.cell);
    let best = document
        .cells
        .iter()
        .position(|judged| Some(judged.cell.cell) == marked);
    let marked = match document.slo {
        _ if best.is_none() => "",
        Some(_) if document.chosen.is_some() => {
            " Marked: it reaches the objective with the fewest checks (and of those the fewest false ejections, or the highest fall)."
        }
        _ => " Marked: it loses least.",
    };
    Table {
        caption: format!(
            "t_detect: the mean of n deaths, then the longest; seen: how many were noticed; where some were not, lost is the least that a death costs. Success: if each of {} routers dies {} an hour, at {} requests a second.{marked}",
            document.plan.routers,
            super::times(document.deaths_per_hour),
            document.plan.rate
        ),
        columns,
        rows: rows.collect(),
        marked: best.filter(|_| document.cells.len() > 1),
    }
}

fn figures(judged: &Judged) -> [Cell; 10] {
    let cell = &judged.cell;
    let spread = cell.t_detect_s;
    let theory = &cell.theory;
    let told = |value: Option<f64>, reason: &Option<String>, digits: u8| match (value, reason) {
        (None, Some(reason)) => Cell::Missing {
            missing: reason.clone(),
        },
        _ => Cell::number(value, digits),
    };
    [
        Cell::Count(cell.n as u64),
        cell.detected
            .map_or_else(Cell::missing, |detected| Cell::Count(detected as u64)),
        Cell::number(spread.map(|spread| spread.mean), 3),
        told(theory.t_detect_s.mean, &theory.t_detect_s.reason, 3),
        Cell::number(spread.map(|spread| spread.max), 3),
        Cell::number(theory.t_detect_s.max, 3),
        Cell::number(cell.lost_per_death, 1),
        told(theory.lost_per_death.mean, &theory.lost_per_death.reason, 1),
        Cell::number(cell.checks_per_s, 2),
        match (judged.success, judged.success_at_most) {
            (None, Some(most)) => Cell::Missing {
                missing: format!("at most {}", shown::success(most, 4)),
            },
            (success, _) => Cell::number(
                success.map(|success| success * 100.0),
                success.map_or(4, |success| shown::success_digits(success, 4) as u8),
            ),
        },
    ]
}

/// What the settings that are spoken of do to an error budget.
pub fn cost(view: &View, budget: &Budget) -> Table {
    let document = view.document;
    let mut told: Vec<(&str, &Judged)> = vec![("best", view.best)];
    for (what, judged) in [("in force now", view.base), ("loses most", view.worst)] {
        if let Some(judged) = judged
            && told.iter().all(|(_, other)| other.cell.cell != judged.cell.cell)
        {
            told.push((what, judged));
        }
    }
    let an_hour = document.deaths_per_hour * f64::from(document.plan.routers);
    let rows = told.into_iter().map(|(what, judged)| {
        let lost = judged.lost();
        let deaths = lost
            .filter(|lost| *lost > 0.0)
            .map(|lost| budget.allowed() / lost);
        let days = lost.and_then(|lost| budget.lasts(budget.lost_an_hour(an_hour, lost)));
        let never = |value: Option<f64>, digits| match (value, lost) {
            (None, None) if judged.cell.missed() > 0 => Cell::Missing {
                missing: "it missed deaths".to_owned(),
            },
            (None, Some(_)) => Cell::Missing {
                missing: "it loses none".to_owned(),
            },
            (value, _) => Cell::number(value, digits),
        };
        vec![
            Cell::Words(format!("{} ({what})", view.name(judged))),
            Cell::number(judged.cell.lost_per_death, 1),
            never(deaths, 0),
            Cell::number(judged.success.and_then(|success| budget.burn_rate(success)), 2),
            never(days, 1),
        ]
    });
    Table {
        caption: "A burn rate of 1 spends the budget exactly; above it, the budget ends before its days do."
            .to_owned(),
        columns: vec![
            Column::new("setting", "setting", ""),
            Column::new("lost_per_death", "lost a death", "requests"),
            Column::new("deaths_in_budget", "deaths it allows", ""),
            Column::new("burn_rate", "burn rate", "×"),
            Column::new("budget_days", "it lasts", "days"),
        ],
        rows: rows.collect(),
        marked: None,
    }
}
