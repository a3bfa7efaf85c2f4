//! PURE: routers that only stood still, and were taken out of use for it.

use super::view::View;
use crate::experiment::sweep::cell::FalseEjections;
use crate::experiment::sweep::verdict::Judged;
use crate::report::model::{Block, Cell, Column, Table};
use crate::report::shown::{counted, mean};

/// Nothing where nobody paused routers.
pub fn blocks(view: &View) -> Vec<Block> {
    let document = view.document;
    let seen: Vec<(&Judged, &FalseEjections)> = document
        .cells
        .iter()
        .filter_map(|judged| Some((judged, judged.cell.false_ejections.as_ref()?)))
        .collect();
    if seen.is_empty() {
        return Vec::new();
    }
    let judged = seen.iter().filter_map(|(_, seen)| seen.theory.inside);
    let (inside, all) = judged.fold((0, 0), |(inside, all), one| (inside + u64::from(one), all + 1));
    let observed: u64 = seen.iter().map(|(_, seen)| seen.observed).sum();
    let pause = document.plan.pause.as_deref().unwrap_or("not recorded");
    let theory = match all {
        0 => "Theory has no figure for these settings.".to_owned(),
        all => format!(
            "In {inside} of {} the count lies where theory expects it with 95 %; one in twenty would not by chance.",
            counted(all as f64, "setting")
        ),
    };
    let often = match observed {
        0 => "none of them was taken out of use for it".to_owned(),
        1 => "once one was taken out of use for it".to_owned(),
        n => format!("{n} times one was taken out of use for it"),
    };
    let text = format!("Routers stood still now and then ({pause}), alive all the while; {often}. {theory}");
    vec![Block::Text { text }, Block::Table(table(view, &seen))]
}

/// What a change does to them, by theory: the end of a sentence.
pub fn instead(from: &Judged, to: &Judged) -> String {
    match (from.false_per_hour(), to.false_per_hour()) {
        (Some(before), Some(after)) if mean(before) == mean(after) => {
            format!(
                ", and as many living routers taken for dead an hour ({}, by theory)",
                mean(after)
            )
        }
        (Some(before), Some(after)) => format!(
            ", and {} living routers taken for dead an hour instead of {}, by theory",
            mean(after),
            mean(before)
        ),
        _ => String::new(),
    }
}

/// Where nobody paused routers the price of a setting that forgives little is not known.
pub fn not_looked_at(view: &View) -> Option<String> {
    let document = view.document;
    let varied = view.varied();
    let forgives = |key: &str| varied.iter().any(|(varied, _)| varied == key);
    let least = |judged: &Judged| {
        let lowest = document.cells.iter().filter_map(Judged::fall).min();
        judged.fall().is_some_and(|fall| Some(fall) == lowest)
    };
    (document.plan.pause.is_none() && (forgives("fall") || forgives("timeout"))).then(|| {
        let which = match forgives("fall") && least(view.best) {
            true => format!(
                "{} forgives the fewest failed checks of all: a pause of a healthy router may take it out of use",
                view.name(view.best)
            ),
            false => "A lower fall or timeout takes living routers for dead sooner".to_owned(),
        };
        format!("{which}. False ejections were not looked at; `--pause 150ms@5%` and the like measures them.")
    })
}

fn table(view: &View, seen: &[(&Judged, &FalseEjections)]) -> Table {
    let row = |(judged, seen): &(&Judged, &FalseEjections)| {
        let theory = &seen.theory;
        let told = |value: Option<f64>, digits: u8| match (value, &theory.reason) {
            (None, Some(reason)) => Cell::Missing {
                missing: reason.clone(),
            },
            _ => Cell::number(value, digits),
        };
        let range = match (theory.low, theory.high) {
            (Some(low), Some(high)) => {
                let out = if theory.inside == Some(false) {
                    ", outside"
                } else {
                    ""
                };
                Cell::Words(format!("{low} to {high}{out}"))
            }
            _ => Cell::missing(),
        };
        vec![
            Cell::Words(view.name(judged)),
            Cell::Count(seen.observed),
            told(theory.expected, 1),
            range,
            Cell::number(seen.t_mr_s, 0),
            Cell::number(theory.t_mr_s, 0),
            Cell::number(seen.t_m_s, 2),
            Cell::number(theory.t_m_s, 2),
        ]
    };
    Table {
        caption: "T_MR: from one mistake about a router to the next. T_M: how long one lasts.".to_owned(),
        columns: vec![
            Column::new("setting", "setting", ""),
            Column::new("observed", "mistakes", ""),
            Column::new("expected", "theory", ""),
            Column::new("range_95", "95 %", ""),
            Column::new("t_mr_s", "T_MR", "s"),
            Column::new("theory_t_mr_s", "theory", "s"),
            Column::new("t_m_s", "T_M", "s"),
            Column::new("theory_t_m_s", "theory", "s"),
        ],
        rows: seen.iter().map(row).collect(),
        marked: None,
    }
}
