//! PURE: what the settings do, drawn: a map where two vary, dots or bars where one does, and always what more checks buy.

use super::view::View;
use crate::experiment::sweep::verdict::Judged;
use crate::report::figure::{Bars, Dots, Figure, HeatMap, Picture, Points};
use crate::report::model::Block;

/// One setting and the words it takes in turn.
type Axis = (String, Vec<String>);

/// What is drawn of a cell.
struct Quantity {
    id: &'static str,
    title: &'static str,
    unit: &'static str,
    digits: u8,
    more_is_better: bool,
    of: fn(&Judged) -> Option<f64>,
}

const T_DETECT: Quantity = Quantity {
    id: "t-detect",
    title: "Mean t_detect",
    unit: "s",
    digits: 2,
    more_is_better: false,
    of: |judged| judged.cell.t_detect_s.map(|spread| spread.mean),
};
const LOST: Quantity = Quantity {
    id: "lost",
    title: "Lost requests a death",
    unit: "requests",
    digits: 1,
    more_is_better: false,
    of: Judged::lost,
};
const SUCCESS: Quantity = Quantity {
    id: "success",
    title: "Success",
    unit: "%",
    digits: 3,
    more_is_better: true,
    of: |judged| judged.success.map(|success| success * 100.0),
};

pub fn blocks(view: &View) -> Vec<Block> {
    let axes = view.varied();
    let mut blocks = Vec::new();
    match axes.as_slice() {
        [] => return Vec::new(),
        [axis] => blocks.extend(one(view, axis).map(Block::Figure)),
        [rows, columns] => {
            let maps = [T_DETECT, LOST, SUCCESS].map(|quantity| map(view, &quantity, (rows, columns), &[]));
            blocks.extend(maps.map(Block::Figure));
        }
        axes => blocks.extend(several(view, axes)),
    }
    blocks.extend(trade(view).map(Block::Figure));
    blocks
}

/// Each death over the setting where that is a number or a time, else a bar for each word.
fn one(view: &View, (key, words): &Axis) -> Option<Figure> {
    let of = |word: &String| view.with(key, word).into_iter();
    let numbers: Option<Vec<f64>> = words.iter().map(|word| number(word)).collect();
    let Some(numbers) = numbers else {
        let bar = |word: &String| {
            let lost = of(word).filter_map(Judged::lost).next()?;
            Some((word.clone(), vec![("lost a death".to_owned(), lost)]))
        };
        let told = format!("Lost requests a death by {key}, mean of each setting's deaths.");
        return Some(Figure {
            id: "lost".to_owned(),
            alt: told.clone(),
            caption: told,
            picture: Picture::Bars(Bars {
                x_label: "lost requests a death".to_owned(),
                bars: words.iter().filter_map(bar).collect(),
            }),
        });
    };
    let at = || words.iter().zip(&numbers);
    let measured = at().flat_map(|(word, x)| {
        let deaths = of(word).flat_map(|judged| &judged.cell.deaths);
        let valid = deaths.filter(|death| !death.is_invalid());
        valid.filter_map(move |death| Some((*x, death.t_detect_s?)))
    });
    let theory = at().flat_map(|(word, x)| {
        of(word).filter_map(move |judged| Some((*x, judged.cell.theory.t_detect_s.mean?)))
    });
    let (measured, theory): (Vec<_>, Vec<_>) = (measured.collect(), theory.collect());
    let told = format!(
        "t_detect of each death over {key} (n = {}), theory's mean beside.",
        measured.len()
    );
    let unit = if words.iter().all(|word| word.parse::<f64>().is_ok()) {
        ""
    } else {
        ", s"
    };
    (!measured.is_empty()).then(|| Figure {
        id: "t-detect".to_owned(),
        alt: told.clone(),
        caption: told,
        picture: Picture::Dots(Dots {
            x_label: format!("{key}{unit}"),
            y_label: "t_detect, s".to_owned(),
            series: vec![
                Points {
                    name: "deaths".to_owned(),
                    points: measured,
                },
                Points {
                    name: "theory's mean".to_owned(),
                    points: theory,
                },
            ],
            line: None,
        }),
    })
}

/// Cells over two axes; `fixed` are the others' words.
fn map(view: &View, quantity: &Quantity, (rows, columns): (&Axis, &Axis), fixed: &[(&str, &str)]) -> Figure {
    let cell = |row: &String, column: &String| {
        view.document.cells.iter().find(|judged| {
            let is = |key: &str, word: &str| judged.cell.settings.get(key).map(String::as_str) == Some(word);
            is(&rows.0, row) && is(&columns.0, column) && fixed.iter().all(|(key, word)| is(key, word))
        })
    };
    let values = rows.1.iter().map(|row| {
        let value = |column| cell(row, column).and_then(quantity.of);
        columns.1.iter().map(value).collect()
    });
    let best = &view.best.cell;
    let place = |axis: &Axis| {
        let word = best.settings.get(&axis.0)?;
        axis.1.iter().position(|other| other == word)
    };
    let here = fixed
        .iter()
        .all(|(key, word)| best.settings.get(*key).map(String::as_str) == Some(*word));
    let marked = place(rows)
        .zip(place(columns))
        .filter(|_| here && view.marked().is_some());
    let with: Vec<String> = fixed.iter().map(|(key, word)| format!("{key}={word}")).collect();
    let with = if with.is_empty() {
        String::new()
    } else {
        format!(", {}", with.join(" "))
    };
    let frame = match (marked, view.document.chosen) {
        (None, _) => "",
        (Some(_), Some(_)) => "; the frame is around the setting that was chosen",
        (Some(_), None) => "; the frame is around the one that loses least",
    };
    let suffix: String = fixed.iter().map(|(_, word)| format!("-{word}")).collect();
    let caption = format!(
        "{} by {} and {}{with}, the darker the worse{frame}.",
        quantity.title, rows.0, columns.0
    );
    Figure {
        id: format!("{}{suffix}", quantity.id),
        alt: caption.clone(),
        caption,
        picture: Picture::HeatMap(HeatMap {
            x_label: columns.0.clone(),
            y_label: rows.0.clone(),
            columns: columns.1.clone(),
            rows: rows.1.clone(),
            values: values.collect(),
            unit: quantity.unit.to_owned(),
            digits: quantity.digits,
            marked,
            more_is_better: quantity.more_is_better,
        }),
    }
}

/// Small maps of a reader's patience.
const MAPS: usize = 4;

/// Of three settings and more, the two that matter most make a map; there is one for each combination of the others, or
/// one for that of the best cell where these are too many.
fn several(view: &View, axes: &[&Axis]) -> Vec<Block> {
    let mut axes = axes.to_vec();
    axes.sort_by(|a, b| weight(view, b).total_cmp(&weight(view, a)));
    let (pair, others) = axes.split_at(2);
    let mut combinations: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (key, words) in others {
        let with = |fixed: &Vec<_>| {
            let fixed = fixed.clone();
            words
                .iter()
                .map(move |word| [fixed.clone(), vec![(key.as_str(), word.as_str())]].concat())
        };
        combinations = combinations.iter().flat_map(with).collect();
    }
    let all = combinations.len();
    let names: Vec<&str> = others.iter().map(|(key, _)| key.as_str()).collect();
    let mut text = format!(
        "{} settings vary: {} and {} change the losses most and make the maps",
        axes.len(),
        pair[0].0,
        pair[1].0
    );
    if all <= MAPS {
        text += &format!(", one for each {}.", names.join(" and "));
    } else {
        combinations = vec![
            others
                .iter()
                .filter_map(|(key, _)| Some((key.as_str(), view.best.cell.settings.get(key)?.as_str())))
                .collect(),
        ];
        text += &format!(
            ", with {} as in {}: the table has the {} others.",
            names.join(" and "),
            view.name(view.best),
            all - 1
        );
    }
    let mut blocks = vec![Block::Text { text }];
    let maps = combinations
        .iter()
        .map(|fixed| map(view, &LOST, (pair[0], pair[1]), fixed));
    blocks.extend(maps.map(Block::Figure));
    blocks
}

/// How far the mean losses of an axis' words are apart.
fn weight(view: &View, (key, words): &Axis) -> f64 {
    let mean = |word: &String| {
        let cells = view.with(key, word).into_iter();
        let lost: Vec<f64> = cells.filter_map(Judged::lost).collect();
        (!lost.is_empty()).then(|| lost.iter().sum::<f64>() / lost.len() as f64)
    };
    let means: Vec<f64> = words.iter().filter_map(mean).collect();
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    let most = means.iter().copied().fold(0.0, f64::max);
    (most - least).max(0.0)
}

/// What more checks buy.
fn trade(view: &View) -> Option<Figure> {
    let point = |judged: &&Judged| Some((judged.cell.theory.checks_per_s, judged.lost()?));
    let (efficient, others): (Vec<&Judged>, Vec<&Judged>) = view
        .document
        .cells
        .iter()
        .partition(|judged| view.is_efficient(judged));
    let named = |name: &str, cells: Vec<&Judged>| Points {
        name: name.to_owned(),
        points: cells.iter().filter_map(point).collect(),
    };
    let told = format!(
        "Lost requests a death over health checks a second, a point a setting: {} of {} are not beaten by another on both.",
        efficient.len(),
        view.document.cells.len()
    );
    let series = [named("not beaten", efficient), named("beaten by another", others)];
    let series: Vec<Points> = series
        .into_iter()
        .filter(|points| !points.points.is_empty())
        .collect();
    (view.document.cells.len() > 1 && !series.is_empty()).then(|| Figure {
        id: "trade".to_owned(),
        alt: told.clone(),
        caption: told,
        picture: Picture::Dots(Dots {
            x_label: "checks a second, all routers".to_owned(),
            y_label: "lost requests a death".to_owned(),
            series,
            line: None,
        }),
    })
}

/// A number, or a time in seconds.
fn number(word: &str) -> Option<f64> {
    let time = || {
        humantime::parse_duration(word)
            .ok()
            .map(|time| time.as_secs_f64())
    };
    word.parse::<f64>().ok().or_else(time)
}
