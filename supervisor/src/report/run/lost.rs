//! PURE: what the faults cost clients.

use super::{text, words};
use crate::experiment::measure::Trial;
use crate::experiment::summary::Summary;
use crate::report::figure::{Bars, Dots, Figure, Picture, Points};
use crate::report::model::{Block, Cell, Column, Section, Table};
use crate::report::shown;
use router::record::Cause;
use std::collections::BTreeMap;

pub fn section(s: &Summary) -> Section {
    let mut blocks = vec![Block::Table(totals(s))];
    blocks.extend(s.summary.success.map(|success| {
        text(format!(
            "{} of the requests that ended were answered, one {} after the other{}.",
            shown::success(success, 3),
            s.trials.first().map_or("fault", |trial| shown::one(trial.fault)),
            match super::unnoticed(s) {
                0 => "",
                _ => "; those that nobody noticed lasted until their trials ended them, and with a longer wait more would be lost",
            }
        ))
    }));
    blocks.extend(outcomes(s));
    blocks.extend(causes(s));
    if let Some(why) = &s.theory.lost_reason {
        blocks.push(text(format!("Theory of lost requests: {why}.")));
    }
    blocks.extend(bars(s).map(Block::Figure));
    blocks.extend(windows(s).map(Block::Figure));
    Section {
        id: "lost",
        title: "What clients lost".to_owned(),
        blocks,
    }
}

/// Of all trials.
fn sum(s: &Summary, count: fn(&Trial) -> u64) -> u64 {
    s.valid().into_iter().map(count).fold(0, u64::saturating_add)
}

fn counted(count: u64, is_known: bool) -> Cell {
    match is_known {
        true => Cell::Count(count),
        false => Cell::missing(),
    }
}

fn totals(s: &Summary) -> Table {
    let lost = s.summary.lost_per_trial.map(|lost| lost.mean);
    let one = s.trials.first().map_or("fault", |trial| shown::one(trial.fault));
    let saved = s.summary.saved_by_retry;
    // Without a request, or a trial, there is nothing that they could have counted.
    let of_load = |count| counted(count, s.complete || s.load.sent > 0);
    let of_trials = |count| counted(sum(s, count), !s.trials.is_empty());
    let rows = [
        ("sent", "in the whole run", of_load(s.load.sent)),
        ("answered", "as wanted", of_load(s.load.ok)),
        ("lost", "ended otherwise", of_load(s.load.lost)),
        (
            "in flight",
            "of these, at the router when it went",
            of_trials(|t| t.lost.in_flight),
        ),
        (
            "window",
            "of these, sent to it after that",
            of_trials(|t| t.lost.window),
        ),
        (
            "no router",
            "of these, while none was in use",
            of_trials(|t| t.lost.unserved),
        ),
        ("lost, mean", &*format!("a {one}"), Cell::number(lost, 1)),
        (
            "theory of it",
            "the mean it expects",
            Cell::number(s.theory.lost_per_trial, 1),
        ),
        (
            "saved",
            "failed at the router, answered after a retry",
            saved.map_or_else(Cell::missing, Cell::Count),
        ),
    ];
    Table {
        caption: "Requests".to_owned(),
        columns: vec![
            Column::new("figure", "", ""),
            Column::new("meaning", "", ""),
            Column::new("requests", "requests", ""),
        ],
        rows: rows
            .into_iter()
            .map(|(name, meaning, value)| vec![words(name), words(meaning), value])
            .collect(),
        marked: None,
    }
}

fn outcomes(s: &Summary) -> Option<Block> {
    let all = &s.summary.by_outcome;
    let total: u64 = all.values().fold(0, |sum, count| sum.saturating_add(*count));
    (total > 0).then(|| {
        let row = |(outcome, count): (&router::record::Outcome, &u64)| {
            vec![
                Cell::Words(shown::word(outcome)),
                words(shown::outcome(*outcome)),
                Cell::Count(*count),
                Cell::number(Some(*count as f64 / total as f64 * 100.0), 1),
            ]
        };
        Block::Table(Table {
            caption: "What clients got instead of an answer".to_owned(),
            columns: vec![
                Column::new("outcome", "outcome", ""),
                Column::new("meaning", "meaning", ""),
                Column::new("requests", "requests", ""),
                Column::new("share_percent", "share", "%"),
            ],
            rows: all.iter().map(row).collect(),
            marked: None,
        })
    })
}

fn all_causes(s: &Summary) -> BTreeMap<Cause, u64> {
    let mut all = BTreeMap::new();
    for (cause, count) in s.valid().iter().flat_map(|t| t.causes.iter().flatten()) {
        let sum: &mut u64 = all.entry(*cause).or_default();
        *sum = sum.saturating_add(*count);
    }
    all
}

fn causes(s: &Summary) -> Vec<Block> {
    let all = all_causes(s);
    let unknown = s.valid().iter().any(|trial| trial.causes.is_none());
    let mut blocks = Vec::new();
    if !all.is_empty() {
        let meaning = |cause: &Cause| match cause {
            Cause::Refused => "nobody listens: the process is gone",
            Cause::Reset => "the connection was reset",
            Cause::Eof => "the connection ended before an answer",
            Cause::ConnectTimeout => "no connection within connect-timeout",
            Cause::ResponseTimeout => "no answer within response-timeout",
            Cause::Cut => "the answer ended in its middle",
            Cause::Status5xx => "the router answered with an error",
            Cause::Malformed => "the answer was no HTTP",
            Cause::ClientGone => "the client went away first",
        };
        blocks.push(Block::Table(Table {
            caption: "Why attempts at the router failed, as the balancer saw it".to_owned(),
            columns: vec![
                Column::new("cause", "cause", ""),
                Column::new("meaning", "meaning", ""),
                Column::new("attempts", "attempts", ""),
            ],
            rows: all
                .iter()
                .map(|(cause, count)| {
                    vec![
                        Cell::Words(shown::word(cause)),
                        words(meaning(cause)),
                        Cell::Count(*count),
                    ]
                })
                .collect(),
            marked: None,
        }));
    }
    if unknown {
        blocks.push(text(format!(
            "{} does not tell of its attempts: why they failed is not known.",
            s.engine
        )));
    }
    blocks
}

fn bars(s: &Summary) -> Option<Figure> {
    let n = s.summary.n;
    let lost = sum(s, |t| t.lost.total());
    if lost == 0 {
        return None;
    }
    let counts = |parts: Vec<(String, u64)>| -> Vec<(String, f64)> {
        let parts = parts.into_iter().filter(|(_, count)| *count > 0);
        parts
            .map(|(name, count)| (name, count as f64 / n as f64))
            .collect()
    };
    let outcomes = s
        .summary
        .by_outcome
        .iter()
        .map(|(outcome, count)| (shown::word(outcome), *count));
    let causes = all_causes(s)
        .into_iter()
        .map(|(cause, count)| (shown::word(&cause), count));
    let when = vec![
        ("in flight".to_owned(), sum(s, |t| t.lost.in_flight)),
        ("window".to_owned(), sum(s, |t| t.lost.window)),
        ("no router in use".to_owned(), sum(s, |t| t.lost.unserved)),
    ];
    let bars = [
        ("lost, by when", counts(when)),
        ("lost, by outcome", counts(outcomes.collect())),
        ("failed attempts, by cause", counts(causes.collect())),
    ];
    let bars = bars.into_iter().filter(|(_, parts)| !parts.is_empty());
    let one = s.trials.first().map_or("fault", |trial| shown::one(trial.fault));
    Some(Figure {
        id: "lost-bars".to_owned(),
        caption: format!(
            "Lost requests a {one}, on average of {n}, by when they were sent and what their clients got, and the failed \
             attempts behind them."
        ),
        alt: format!("{lost} lost requests of {n} {one}s, by time, outcome and cause."),
        picture: Picture::Bars(Bars {
            x_label: format!("requests a {one}"),
            bars: bars.map(|(name, parts)| (name.to_owned(), parts)).collect(),
        }),
    })
}

/// Lost in the window over how long it was.
fn windows(s: &Summary) -> Option<Figure> {
    let returning = s.retries_return();
    let window = if returning { "t_detect" } else { "t_stop" };
    let point = |t: &Trial| Some((t.window_s(returning)?, t.lost.window as f64));
    let points: Vec<(f64, f64)> = s.valid().into_iter().filter_map(point).collect();
    let n = points.len();
    let one = s.trials.first().map_or("fault", |trial| shown::one(trial.fault));
    if n == 0 {
        return None;
    }
    let setup = s.setup.as_ref();
    let routers = setup
        .filter(|setup| setup.victims == 1)
        .map(|setup| setup.routers);
    let share = routers.map(|routers| s.load.rate / f64::from(routers.max(1)));
    let line = share.map(|share| {
        (
            0.0,
            share,
            format!("{} a second: the router's share", shown::mean(share)),
        )
    });
    let beside = match (&line, s.summary.lost_over_expected) {
        (Some(_), Some(ratio)) => format!(
            "; {:.0} % of what its share of the load sends to a router in that time",
            ratio * 100.0
        ),
        _ => String::new(),
    };
    Some(Figure {
        id: "lost-window".to_owned(),
        caption: format!("What was lost in each window over how long it was{beside}, n = {n}."),
        alt: format!("Lost requests over {window} of {n} {one}s."),
        picture: Picture::Dots(Dots {
            x_label: format!("{window}, s"),
            y_label: "requests lost in the window".to_owned(),
            series: vec![Points {
                name: "trials".to_owned(),
                points,
            }],
            line,
        }),
    })
}
