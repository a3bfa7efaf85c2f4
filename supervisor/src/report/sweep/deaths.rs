//! PURE: single deaths of a sweep: the typical one and the worst, how long they took to be noticed, and how well that was
//! foretold.

use super::view::View;
use crate::experiment::summary::{Residual, Spread};
use crate::experiment::sweep::cell::Death;
use crate::experiment::sweep::verdict::Judged;
use crate::report::figure::{Dots, Ecdf, Figure, Picture, Points, Series};
use crate::report::model::Block;
use crate::report::pictures::Wanted;
use crate::report::shown::{counted, one, time};
use crate::report::statistics::{band, median_place};
use crate::report::timeline::{Moment, Victim};

/// A typical death with the best settings, and the one that lost most of all.
pub fn wanted(view: &View) -> Vec<Wanted> {
    let valid = |death: &'_ &Death| !death.is_invalid();
    let best: Vec<&Death> = view.best.cell.deaths.iter().filter(valid).collect();
    let times: Vec<f64> = best
        .iter()
        .map(|death| death.t_detect_s.unwrap_or(f64::INFINITY))
        .collect();
    let typical = median_place(&times).map(|place| (view.best, best[place]));
    let cells = view.document.cells.iter();
    let all = cells.flat_map(|judged| {
        judged
            .cell
            .deaths
            .iter()
            .filter(valid)
            .map(move |death| (judged, death))
    });
    let worst = all.max_by(|(_, a), (_, b)| {
        let late = |death: &Death| death.t_detect_s.unwrap_or(f64::INFINITY);
        a.lost.cmp(&b.lost).then(late(a).total_cmp(&late(b)))
    });
    let same = |a: &Death, b: &Death| a.at_ns == b.at_ns && a.router == b.router;
    let worst = worst.filter(|(_, worst)| typical.is_none_or(|(_, typical)| !same(typical, worst)));
    let told = [
        ("typical", "A typical death", typical),
        ("worst", "The death that lost most", worst),
    ];
    told.into_iter()
        .filter_map(|(id, title, death)| {
            let (judged, death) = death?;
            picture(view, id, title, judged, death)
        })
        .collect()
}

fn picture(view: &View, id: &str, title: &str, judged: &Judged, death: &Death) -> Option<Wanted> {
    let noticed = match death.t_detect_s {
        Some(t) => format!("noticed after {t:.3} s"),
        None => "never noticed".to_owned(),
    };
    let predicted = death
        .predicted_t_detect_s
        .map_or(String::new(), |t| format!(" (predicted {t:.3} s)"));
    let title = title.replace("death", one(view.document.plan.fault));
    Some(Wanted {
        dir: death.stack.clone()?,
        id: id.to_owned(),
        caption: format!(
            "{title}, with {}: {} {noticed}{predicted}, {} lost.",
            view.name(judged),
            death.router,
            counted(death.lost as f64, "request")
        ),
        moment: Moment {
            at: death.at_ns?,
            fault: view.document.plan.fault,
            victims: vec![Victim {
                router: death.router.clone(),
                lost: Some(death.lost),
            }],
            interval: view.interval(judged)?,
            t_detect_s: death.t_detect_s,
            predicted_t_detect_s: death.predicted_t_detect_s,
            t_stop_s: None,
            t_clear_s: None,
        },
    })
}

/// The distribution for the best settings, and for those that are in force now.
pub fn detection(view: &View) -> Vec<Block> {
    let mut told = vec![view.best];
    let other = view.base.or(view.worst);
    told.extend(other.filter(|other| other.cell.cell != view.best.cell.cell));
    let figures = told.into_iter().filter_map(|judged| ecdf(view, judged));
    figures.map(Block::Figure).collect()
}

fn ecdf(view: &View, judged: &Judged) -> Option<Figure> {
    let cell = &judged.cell;
    let valid = cell.deaths.iter().filter(|death| !death.is_invalid());
    let values: Vec<f64> = valid.filter_map(|death| death.t_detect_s).collect();
    let never = cell.missed();
    let spread = Spread::censored(values.iter().copied(), never)?;
    let theory = &cell.theory.t_detect_s;
    let bounds = theory.min.map(|min| (min, theory.mean, theory.max));
    let beside = match (theory.min, theory.max) {
        (Some(min), Some(max)) => format!("; theory says {} to {}", time(min), time(max)),
        _ => theory
            .reason
            .as_ref()
            .map_or(String::new(), |why| format!("; no theory: {why}")),
    };
    let series = Series {
        name: view.name(judged),
        values,
        never,
    };
    let told = format!(
        "{}: noticed after {} to {}, {} on average ({}){beside}.",
        series.name,
        time(spread.min),
        time(spread.max),
        time(spread.mean),
        series.n()
    );
    let n = series.values.len() + never;
    Some(Figure {
        id: format!("detection-{}", cell.cell),
        alt: format!("Cumulative distribution of t_detect. {told}"),
        caption: told,
        picture: Picture::Ecdf(Ecdf {
            x_label: "t_detect, s".to_owned(),
            band: band(n).filter(|_| n > 1),
            series: vec![series],
            bounds,
        }),
    })
}

/// Every death that theory foretold, beside what it foretold.
pub fn residuals(view: &View) -> Vec<Block> {
    let deaths: Vec<&Death> = view
        .document
        .cells
        .iter()
        .flat_map(|judged| &judged.cell.deaths)
        .filter(|death| !death.is_invalid())
        .collect();
    let residual = |death: &&Death| {
        let predicted = death.predicted_t_detect_s?;
        Some((predicted, (death.t_detect_s? - predicted) * 1e3))
    };
    let points: Vec<(f64, f64)> = deaths.iter().filter_map(residual).collect();
    let sizes = Spread::of(points.iter().map(|(_, residual)| residual.abs()));
    let Some(far) = sizes.and_then(Residual::of) else {
        return Vec::new();
    };
    let without = match deaths.len() - points.len() {
        0 => String::new(),
        n => format!("; {n} more had no prediction or were not noticed"),
    };
    let told = format!(
        "Measured minus predicted t_detect of each {}, all settings together: |measured − predicted| has the median {:.1} ms, \
         most {:.1} ms (n = {}{without}).",
        one(view.document.plan.fault),
        far.median,
        far.max,
        points.len()
    );
    vec![Block::Figure(Figure {
        id: "residuals".to_owned(),
        alt: told.clone(),
        caption: told,
        picture: Picture::Dots(Dots {
            x_label: "predicted t_detect, s".to_owned(),
            y_label: "measured − predicted, ms".to_owned(),
            series: vec![Points {
                name: "deaths".to_owned(),
                points,
            }],
            line: Some((0.0, 0.0, "as predicted".to_owned())),
        }),
    })]
}
