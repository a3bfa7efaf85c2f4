//! PURE: how long it took until the balancer knew, beside what theory says.

use super::{seconds, text, words};
use crate::experiment::measure::Trial;
use crate::experiment::sample;
use crate::experiment::summary::{Spread, Summary};
use crate::report::figure::{Dots, Ecdf, Figure, Picture, Points, Series};
use crate::report::model::{Block, Cell, Column, Section, Table};
use crate::report::shown;
use crate::report::statistics::{band, median_interval};

pub fn section(s: &Summary) -> Section {
    let mut blocks = vec![Block::Table(spreads(s))];
    if let Some(why) = &s.theory.reason {
        blocks.push(text(format!("Theory of t_detect: {why}.")));
    }
    blocks.extend(distribution(s).map(Block::Figure));
    blocks.push(text(format!("{DEFINITIONS} {}", phases(s))));
    blocks.extend(granularity(s).map(|why| text(why.to_owned())));
    blocks.extend(residuals(s));
    Section {
        id: "detection",
        title: "How long until the balancer knew".to_owned(),
        blocks,
    }
}

const DEFINITIONS: &str = "t_detect is the time from the fault until the balancer takes the router for dead; t_stop until \
    the start of the last attempt there, 0 if there was none; t_lost until the start of the last attempt there whose request was \
    lost, which is never later than t_stop; t_clear until the intended time of the last request sent there after the fault \
    that was lost, which is later only where the balancer told of no attempt for that request; t_readmit from the router's \
    return until it serves again. What was never noticed is above every percentile, and its t_stop and t_clear end with its \
    trial. A percentile is the value of the nearest rank, the median of an even n the lower of the two in the middle; p95 of \
    fewer than 20 and p99 of fewer than 100 would be the largest, and are left out for that. The median's interval is that \
    of two order statistics (exact, by the binomial distribution); the band is that of Dvoretzky, Kiefer and Wolfowitz. Both \
    hold with 95 % whatever the law is, and go by trials: victims of one trial fell together, and its first stands for it. \
    In line with theory means that theory's mean lies in the 95 % interval of the measured one (Student's t, by trials, 5 or \
    more) and the values within theory's bounds, not that another mean does not.";

/// What the trials' phases do to that.
fn phases(s: &Summary) -> &'static str {
    let random = ["jitter", "spread"].iter().any(|key| {
        let word = s.check[*key].as_str().unwrap_or("");
        word.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
    });
    let valid = s.valid();
    if valid.iter().all(|trial| trial.phase_s.is_none()) {
        return "Where the checks stood at the faults is not known.";
    }
    let whole = s.setup.as_ref().is_some_and(|setup| setup.whole_gap);
    if random && !whole {
        return "The gaps between checks are random here, and the phases of the trials were drawn from the shortest of them: \
                they do not cover the gap, and a mean may be off theory's for that alone.";
    }
    match s.complete && sample::draws(&valid) >= sample::FEW {
        true if random => {
            "The gaps between checks are random here. The trials' faults cover the moments between two checks evenly, more of \
             them in the longer gaps, as faults at random would; what was left of a gap was chance."
        }
        true => {
            "The trials' phases cover the check interval evenly, so that all of these are rather too wide than too narrow."
        }
        false => {
            "The trials are too few, or too many of them are missing, for their phases to cover the check interval."
        }
    }
}

/// How finely a real balancer's log tells of time, where that is coarser than what is measured by it.
fn granularity(s: &Summary) -> Option<&'static str> {
    (s.engine == "nginx").then_some(
        "nginx's log has attempts in whole milliseconds and tells of an ejection when the line about it comes, some \
         milliseconds after it: differences of less than 20 ms between its times mean nothing.",
    )
}

/// One of a trial's times.
type Time = fn(&Trial) -> Option<f64>;

fn values(s: &Summary, value: Time) -> Vec<f64> {
    s.valid().into_iter().filter_map(value).collect()
}

/// What t_detect is where it is told: infinite if the balancer never noticed.
fn noticed(t: &Trial) -> Option<f64> {
    match t.detected {
        Some(false) => Some(f64::INFINITY),
        _ => t.t_detect_s,
    }
}

fn spreads(s: &Summary) -> Table {
    let t = &s.summary;
    let rows: [(&str, Option<Spread>, Time); 5] = [
        ("t_detect", t.t_detect_s, noticed),
        ("t_stop", t.t_stop_s, |t| t.t_stop_s),
        ("t_lost", t.t_lost_s, |t| t.t_lost_s),
        ("t_clear", t.t_clear_s, |t| t.t_clear_s),
        ("t_readmit", t.t_readmit_s, |t| t.t_readmit_s),
    ];
    let mut table = Table {
        caption: "Measured times, and theory's of t_detect".to_owned(),
        columns: vec![
            Column::new("time", "", ""),
            Column::new("n", "n", ""),
            Column::new("min_s", "least", "s"),
            Column::new("mean_s", "mean", "s"),
            Column::new("p50_s", "median", "s"),
            Column::new("p50_low_s", "95 % from", "s"),
            Column::new("p50_high_s", "to", "s"),
            Column::new("p95_s", "p95", "s"),
            Column::new("p99_s", "p99", "s"),
            Column::new("max_s", "most", "s"),
        ],
        ..Table::default()
    };
    for (name, spread, value) in rows {
        let values = values(s, value);
        let n = values.iter().filter(|value| value.is_finite()).count();
        let draws = sample::firsts(&s.valid()).into_iter().filter_map(value);
        let sure = median_interval(&draws.collect::<Vec<_>>());
        let of = |figure: fn(&Spread) -> Option<f64>| match spread.as_ref().and_then(figure) {
            None if n < values.len() => never(),
            figure => seconds(figure),
        };
        let end = |end: Option<f64>| match end {
            Some(end) if end.is_infinite() => never(),
            end => seconds(end),
        };
        let enough = |least: usize, cell: Cell| {
            if values.len() < least {
                Cell::missing()
            } else {
                cell
            }
        };
        table.rows.push(vec![
            words(name),
            Cell::Count(n as u64),
            seconds(spread.map(|s| s.min)),
            seconds(spread.map(|s| s.mean)),
            of(|s| s.p50),
            end(sure.map(|(low, _)| low)),
            end(sure.map(|(_, high)| high)),
            enough(20, of(|s| s.p95)),
            enough(100, of(|s| s.p99)),
            seconds(spread.map(|s| s.max)),
        ]);
    }
    if let Some(theory) = s.theory.t_detect_s {
        let mut row = vec![Cell::missing(); table.columns.len()];
        row[0] = words("t_detect, theory");
        row[2] = seconds(Some(theory.min));
        row[3] = seconds(theory.mean);
        row[9] = seconds(theory.max);
        table.rows.push(row);
    }
    table
}

fn distribution(s: &Summary) -> Option<Figure> {
    let series = |name: &str, value: Time| {
        let (values, never): (Vec<f64>, Vec<f64>) =
            values(s, value).into_iter().partition(|value| value.is_finite());
        Series {
            name: name.to_owned(),
            values,
            never: never.len(),
        }
    };
    let all = [
        series("t_detect", noticed),
        series("t_stop", |t| t.t_stop_s),
        series("t_clear", |t| t.t_clear_s),
    ];
    let series: Vec<Series> = all
        .into_iter()
        .filter(|series| !series.values.is_empty())
        .collect();
    let first = series.first()?;
    let name = first.name.clone();
    let (n, draws) = (first.values.len() + first.never, first_draws(s, &name));
    let bounds = s.theory.t_detect_s;
    let band = band(draws).filter(|band| *band < 1.0);
    let says = bounds.map_or("theory has no bounds".to_owned(), |bounds| {
        let most = bounds.max.map_or("no bound".to_owned(), shown::time);
        format!("theory: {} to {most}", shown::time(bounds.min))
    });
    let within = band.map_or(String::new(), |band| {
        format!(
            "; the true curve of {name} is within ±{:.0} points of this one, with 95 % confidence",
            band * 100.0
        )
    });
    let what = match name.as_str() {
        "t_detect" => "had been noticed",
        _ => "were over",
    };
    Some(Figure {
        id: "ecdf".to_owned(),
        caption: format!(
            "How many of {n} {}s {what} ({name}) so many seconds after them, beside the last attempt (t_stop) and the last \
             lost request (t_clear); {says}{within}.",
            fault_word(s)
        ),
        alt: format!(
            "Empirical distributions of {} over {n} {}s.",
            names(&series),
            fault_word(s)
        ),
        picture: Picture::Ecdf(Ecdf {
            x_label: format!("seconds from the {}", fault_word(s)),
            series,
            bounds: bounds.map(|bounds| (bounds.min, bounds.mean, bounds.max)),
            band,
        }),
    })
}

/// How many of its values are draws of their own.
fn first_draws(s: &Summary, name: &str) -> usize {
    let value: Time = match name {
        "t_detect" => noticed,
        "t_stop" => |t| t.t_stop_s,
        _ => |t| t.t_clear_s,
    };
    sample::means(&s.valid(), value).len()
}

fn never() -> Cell {
    Cell::Missing {
        missing: "never".to_owned(),
    }
}

fn names(series: &[Series]) -> String {
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    names.join(", ")
}

fn fault_word(s: &Summary) -> &'static str {
    s.trials.first().map_or("fault", |trial| shown::one(trial.fault))
}

/// Measured minus predicted, by trial.
fn residuals(s: &Summary) -> Vec<Block> {
    let residual = |t: &Trial| {
        Some((
            f64::from(t.trial),
            (t.t_detect_s? - t.predicted_t_detect_s?) * 1e3,
        ))
    };
    let all: Vec<(f64, f64)> = s.valid().into_iter().filter_map(residual).collect();
    let (Some(r), false) = (s.summary.residual_ms, all.is_empty()) else {
        return Vec::new();
    };
    let n = all.len();
    let interval = s.check["interval_s"].as_f64().unwrap_or(f64::INFINITY);
    let ties = match r.max > 500.0 * interval {
        true => {
            "; one of about an interval is a death in the very millisecond of a check, where the log cannot tell which \
                 was first"
        }
        false => "",
    };
    vec![Block::Figure(Figure {
        id: "residuals".to_owned(),
        caption: format!(
            "What is left of each trial's t_detect after its prediction, which is made from its router's last check: \
             |measured − predicted| has the median {:.1} ms, most {:.1} ms, n = {n}{ties}.",
            r.median, r.max
        ),
        alt: format!("Measured minus predicted t_detect of {n} trials, in milliseconds, around 0."),
        picture: Picture::Dots(Dots {
            x_label: "trial".to_owned(),
            y_label: "measured − predicted, ms".to_owned(),
            series: vec![Points {
                name: "t_detect".to_owned(),
                points: all,
            }],
            line: Some((0.0, 0.0, "as predicted".to_owned())),
        }),
    })]
}
