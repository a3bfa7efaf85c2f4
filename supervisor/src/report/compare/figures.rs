//! PURE: engines drawn beside each other.

use crate::experiment::compare::document::Compared;
use crate::experiment::compare::side::Done;
use crate::experiment::compare::verdict::name;
use crate::report::figure::{Bars, Dots, Ecdf, Figure, Picture, Points, Series};
use crate::report::statistics::band;

pub fn all(fault: &Compared) -> Vec<Figure> {
    let detection = ecdf(fault, "t-detect", "t_detect", |done| match done.trial.detected {
        Some(false) => Some(f64::INFINITY),
        _ => done.trial.t_detect_s,
    });
    let window = ecdf(fault, "window", "window that clients saw", |done| {
        done.clients.window_s
    });
    [detection, window, residuals(fault), outcomes(fault)]
        .into_iter()
        .flatten()
        .collect()
}

/// Values of the valid trials, by engine; engines without any are left out.
fn by_engine<T>(fault: &Compared, value: impl Fn(&Done) -> Option<T>) -> Vec<(String, Vec<T>)> {
    let of = |engine: &String| {
        let valid = fault
            .trials
            .iter()
            .filter(|done| done.teller.engine == *engine && !done.trial.is_invalid());
        valid.filter_map(&value).collect::<Vec<T>>()
    };
    let engines = fault.engines.iter().map(|side| side.teller.engine.clone());
    engines
        .map(|engine| (engine.clone(), of(&engine)))
        .filter(|(_, values)| !values.is_empty())
        .collect()
}

/// What never came is infinite.
fn ecdf(fault: &Compared, id: &str, what: &str, value: fn(&Done) -> Option<f64>) -> Option<Figure> {
    let series = |(name, values): (String, Vec<f64>)| {
        let (values, never): (Vec<f64>, Vec<f64>) = values.into_iter().partition(|value| value.is_finite());
        Series {
            name,
            values,
            never: never.len(),
        }
    };
    let all: Vec<Series> = by_engine(fault, value).into_iter().map(series).collect();
    let first = all.first().map(|series| series.values.len() + series.never)?;
    if all.iter().all(|series| series.values.is_empty()) {
        return None;
    }
    let counts: Vec<String> = all
        .iter()
        .map(|series| format!("{} {}", series.name, series.n()))
        .collect();
    let own = id == "t-detect";
    let bounds = fault.theory.t_detect_s.filter(|_| own);
    let beside = if bounds.is_some() {
        ", theory's bounds drawn in"
    } else {
        ""
    };
    let caption = format!(
        "{}: {what}, as far as it is known ({}){beside}.",
        fault.fault,
        counts.join(", ")
    );
    Some(Figure {
        id: format!("{}-{id}", fault.fault),
        alt: format!("Cumulative distributions, one line an engine. {caption}"),
        caption,
        picture: Picture::Ecdf(Ecdf {
            x_label: format!("{what}, s"),
            series: all,
            bounds: bounds.map(|bounds| (bounds.min, bounds.mean, bounds.max)),
            band: band(first).filter(|_| first > 1),
        }),
    })
}

fn residuals(fault: &Compared) -> Option<Figure> {
    let residual = |done: &Done| {
        let trial = &done.trial;
        let predicted = trial.predicted_t_detect_s?;
        Some((predicted, (trial.t_detect_s? - predicted) * 1e3))
    };
    let all = by_engine(fault, residual);
    let n: usize = all.iter().map(|(_, points)| points.len()).sum();
    let caption = format!(
        "{}: measured minus predicted t_detect of each trial (n = {n}).",
        fault.fault
    );
    (n > 0).then(|| Figure {
        id: format!("{}-residuals", fault.fault),
        alt: caption.clone(),
        caption,
        picture: Picture::Dots(Dots {
            x_label: "predicted t_detect, s".to_owned(),
            y_label: "measured − predicted, ms".to_owned(),
            series: all
                .into_iter()
                .map(|(name, points)| Points { name, points })
                .collect(),
            line: Some((0.0, 0.0, "as predicted".to_owned())),
        }),
    })
}

fn outcomes(fault: &Compared) -> Option<Figure> {
    let bars: Vec<(String, Vec<(String, f64)>)> = fault
        .engines
        .iter()
        .map(|side| {
            let mean = |count: u64| count as f64 / side.n.max(1) as f64;
            let parts = side.outcomes.iter();
            let parts = parts.map(|(outcome, count)| (name(*outcome), mean(count.in_flight + count.window)));
            (side.teller.engine.clone(), parts.collect())
        })
        .collect();
    let caption = format!(
        "{}: lost requests a trial by what their clients got.",
        fault.fault
    );
    bars.iter().any(|(_, parts)| !parts.is_empty()).then(|| Figure {
        id: format!("{}-outcomes", fault.fault),
        alt: caption.clone(),
        caption,
        picture: Picture::Bars(Bars {
            x_label: "lost requests a trial".to_owned(),
            bars,
        }),
    })
}
