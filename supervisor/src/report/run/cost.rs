//! PURE: what such faults cost in error budget.

use super::{text, words};
use crate::budget::{ALERTS, Alert, Budget, DAYS};
use crate::experiment::summary::Summary;
use crate::report::model::{Block, Cell, Column, Section, Table};
use crate::report::shown;

/// Deaths an hour of each router.
const RATES: [f64; 3] = [0.1, 1.0, 10.0];
/// Where no objective was given.
const THREE_NINES: f64 = 0.999;

pub fn section(s: &Summary) -> Section {
    Section {
        id: "budget",
        title: "What it costs in error budget".to_owned(),
        blocks: blocks(s).unwrap_or_default(),
    }
}

/// `None`: nothing was measured, or no load.
fn blocks(s: &Summary) -> Option<Vec<Block>> {
    let lost = s.summary.lost_per_trial?.mean;
    let one = s.trials.first().map(|trial| shown::one(trial.fault))?;
    let budget = Budget {
        slo: s.slo.unwrap_or(THREE_NINES),
        days: DAYS,
        rate: s.load.rate,
    };
    (budget.requests() > 0.0).then_some(())?;
    if budget.allowed() < 1.0 {
        return Some(vec![text(format!(
            "The objective of {} allows no lost request: there is no budget to spend.",
            shown::percent(budget.slo)
        ))]);
    }
    let whose = match s.slo {
        Some(_) => "the objective of this run (`--slo`)",
        None => "an objective that nobody gave (`--slo` sets one)",
    };
    let mut blocks = vec![text(format!(
        "With {}, {whose}, {} days at {} requests a second allow {} of {} requests to be lost. One {one} cost {} here.",
        shown::percent(budget.slo),
        DAYS,
        shown::mean(budget.rate),
        shown::grouped(budget.allowed()),
        shown::grouped(budget.requests()),
        shown::counted(lost, "request"),
    ))];
    if super::unnoticed(s) > 0 {
        blocks.push(text(format!(
            "{} of {} were never noticed, and lasted until their trials ended them. A real one lasts until somebody does: \
             read success, budget and alerts below as the least that it costs.",
            super::unnoticed(s),
            s.summary.n
        )));
    }
    match s.setup.as_ref() {
        Some(setup) => {
            blocks.push(Block::Table(rates(&budget, lost, setup.routers, one)));
            let most = RATES.iter().copied().fold(0.0, f64::max) * f64::from(setup.routers);
            if most * lost > budget.lost_an_hour(most, lost) {
                blocks.push(text(format!(
                    "Where all that is sent is lost, {one}s follow each other faster than routers come back: no more can be \
                     lost than that."
                )));
            }
        }
        None => blocks.push(text(
            "How many routers there were is not in the summary: what a crash rate of each costs cannot be told.".to_owned(),
        )),
    }
    let lasting = s
        .summary
        .t_stop_s
        .or(s.summary.t_detect_s)
        .map_or(0.0, |time| time.mean);
    blocks.push(Block::Table(alerts(&budget, lost, lasting, one)));
    blocks.push(text(told(&budget, lost, lasting, one)));
    Some(blocks)
}

fn rates(budget: &Budget, lost: f64, routers: u32, one: &str) -> Table {
    let row = |rate: &f64| {
        let an_hour = budget.lost_an_hour(rate * f64::from(routers), lost);
        let spent = budget
            .left(an_hour * 24.0 * budget.days)
            .map(|left| (1.0 - left) * 100.0);
        let success = 1.0 - (an_hour / (budget.rate * 3600.0)).min(1.0);
        vec![
            Cell::number(Some(*rate), 1),
            Cell::number(Some(an_hour), 1),
            Cell::number(Some(success * 100.0), shown::success_digits(success, 4) as u8),
            Cell::number(spent, 1),
            budget.lasts(an_hour).map_or_else(
                || Cell::Missing {
                    missing: "never".to_owned(),
                },
                |days| Cell::number(Some(days), 1),
            ),
            Cell::number(budget.burn_rate(success), 2),
            Cell::Words(reached(budget.burn_rate(success))),
        ]
    };
    Table {
        caption: format!("If each of {routers} routers had a {one} so often"),
        columns: vec![
            Column::new("deaths_per_hour", &format!("{one}s of a router"), "1/h"),
            Column::new("lost_per_hour", "lost", "requests/h"),
            Column::new("success_percent", "success", "%"),
            Column::new("budget_spent_percent", "of the budget", "%"),
            Column::new("budget_lasts_days", "budget lasts", "days"),
            Column::new("burn_rate", "burn rate", ""),
            Column::new("alerts", "alerts that fire", ""),
        ],
        rows: RATES.iter().map(row).collect(),
        marked: None,
    }
}

/// The alerts that such a burn rate reaches when it goes on: `6 over 6 h, 1 over 3 d`.
fn reached(burn: Option<f64>) -> String {
    let reached = ALERTS
        .iter()
        .filter(|alert| burn.is_some_and(|burn| burn >= alert.burn_rate));
    let names: Vec<String> = reached
        .map(|alert| format!("{} over {}", alert.burn_rate, span(alert.long_s)))
        .collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

/// `1 h and 5 min`
fn windows(alert: &Alert) -> String {
    format!("{} and {}", span(alert.long_s), span(alert.short_s))
}

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 3600.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

fn alerts(budget: &Budget, lost: f64, lasting: f64, one: &str) -> Table {
    let row = |alert: &Alert| {
        let fired = alert.fired_by(budget, lost, lasting);
        vec![
            Cell::Words(format!("{} over {}", alert.burn_rate, windows(alert))),
            Cell::number(budget.burn_over(lost, alert.long_s), 2),
            Cell::number(alert.burn_in_short(budget, lost, lasting), 2),
            words(if fired == Some(1) { "yes" } else { "no" }),
            fired.map_or_else(Cell::missing, Cell::Count),
        ]
    };
    Table {
        caption: format!(
            "Would anybody be told of one {one}? An alert fires when its burn rate is reached over both windows"
        ),
        columns: vec![
            Column::new("alert", "alert", ""),
            Column::new("burn_long", "burn rate, long window", ""),
            Column::new("burn_short", "short window", ""),
            Column::new("fires", "fires", ""),
            Column::new("deaths_to_fire", &format!("{one}s that fire it"), ""),
        ],
        rows: ALERTS.iter().map(row).collect(),
        marked: None,
    }
}

fn told(budget: &Budget, lost: f64, lasting: f64, one: &str) -> String {
    let fires: Vec<String> = ALERTS
        .iter()
        .filter(|alert| alert.fired_by(budget, lost, lasting) == Some(1))
        .map(|alert| format!("{} over {}", alert.burn_rate, windows(alert)))
        .collect();
    let says = match fires.is_empty() {
        true => format!("A single {one} fires none of them"),
        false => format!("A single {one} fires {}", fires.join(", ")),
    };
    let never = lost > 0.0
        && ALERTS
            .iter()
            .any(|alert| alert.fired_by(budget, lost, lasting).is_none());
    let none = match never {
        true => {
            " Where no number of them is named each is too little for the short window by itself: only several within \
             that fire the alert."
        }
        false => "",
    };
    format!(
        "{says}.{none} A burn rate of 1 spends the budget in exactly its {DAYS} days. Alerts as in chapter 5 of the Site \
         Reliability Workbook (Google): 14.4 over 1 h and 6 over 6 h wake somebody, 1 over 3 d writes a ticket; the short \
         window ends them soon after the trouble has."
    )
}
