//! PURE: what a sweep has shown: which setting to take, and what it costs.
//!
//! [`wanted`] says which deaths are worth a picture, [`report`] makes the pages: `view` picks what is spoken of, `cells`
//! lays all settings beside each other, `maps` draws them, `deaths` looks at single ones, `mistakes` at living routers
//! taken for dead.

mod cells;
mod deaths;
mod maps;
mod mistakes;
#[cfg(test)]
mod tests;
mod view;

use super::advice::commands;
use super::figure::Figure;
use super::method;
use super::model::{Block, Kind, Report, SCHEMA, Section, Verdict};
use super::pictures::Wanted;
use super::shown::{beside, counted, one, percent, several, time, when};
use super::warnings::sentence;
use crate::budget;
use crate::experiment::doubts;
use crate::experiment::setup::{Setting, quoted};
use crate::experiment::sweep::verdict::{Document, Judged, Tie};
use view::View;

/// The deaths that are worth a picture.
pub fn wanted(document: &Document) -> Vec<Wanted> {
    View::of(document).map_or_else(Vec::new, |view| deaths::wanted(&view))
}

/// `place` is the sweep's directory, by its name; `figures` are those of [`wanted`]; `doubts` are the reader's.
pub fn report(document: &Document, place: &str, figures: Vec<Figure>, doubts: Vec<String>) -> Report {
    let plan = &document.plan;
    let engine = match plan.engine.as_str() {
        "" => "lb-sim",
        engine => engine,
    };
    let setup = document.origin.setup.as_ref();
    let title = format!(
        "{}, {} each, {} routers behind {engine}",
        counted(plan.cells() as f64, "setting"),
        several(plan.fault, plan.trials as usize),
        plan.routers
    );
    let mut warnings = warnings(document);
    warnings.extend(doubts);
    let mut report = Report {
        schema: SCHEMA,
        kind: Kind::Sweep,
        title,
        subtitle: method::subtitle(place, setup.map(|setup| setup.started.as_str())),
        complete: document.complete,
        verdict: Verdict {
            sentence: "It was interrupted before its first setting had been measured.".to_owned(),
            advice: Vec::new(),
        },
        warnings,
        sections: Vec::new(),
    };
    if let Some(view) = View::of(document) {
        report.verdict = verdict(&view);
        report.sections = sections(&view, figures);
    }
    report.sections.push(method(document));
    report
}

fn sections(view: &View, figures: Vec<Figure>) -> Vec<Section> {
    let section = |id, title: &str, blocks: Vec<Block>| Section {
        id,
        title: title.to_owned(),
        blocks,
    };
    let pictures = figures.into_iter().map(Block::Figure).collect();
    let all = [
        section("maps", "What the settings do", maps::blocks(view)),
        section("trials", "All settings", vec![Block::Table(cells::table(view))]),
        section("timeline", "A typical death, and the worst", pictures),
        section("detection", "How long it took to notice", deaths::detection(view)),
        section("residuals", "Beside prediction", deaths::residuals(view)),
        section(
            "mistakes",
            "Living routers taken for dead",
            mistakes::blocks(view),
        ),
        section("budget", "What it costs", cost(view)),
    ];
    all.into_iter()
        .filter(|section| !section.blocks.is_empty())
        .collect()
}

fn verdict(view: &View) -> Verdict {
    let document = view.document;
    let plan = &document.plan;
    let best = view.best;
    let (name, figures) = (view.name(best), figures(best));
    let often = format!(
        "each of {} routers {} {} an hour",
        plan.routers,
        if one(plan.fault) == "death" {
            "dies"
        } else {
            "has this fault"
        },
        times(document.deaths_per_hour)
    );
    let sentence = match (document.slo, document.chosen) {
        (Some(slo), Some(_)) => format!(
            "{name} reaches {} with the fewest checks{}, if {often}: {figures}.",
            percent(slo),
            match document.tie() {
                Tie::None => "",
                Tie::FalseEjections => " and, of those with as few, the fewest false ejections by theory",
                Tie::Fall => " and, of those with as few, the highest fall",
                Tie::Lost => " and, of those with as few, the fewest lost requests",
            }
        ),
        (Some(slo), None) => {
            let none = format!(
                "None of {} reaches {} if {often}",
                counted(document.cells.len() as f64, "setting"),
                percent(slo)
            );
            match best.success {
                Some(success) => {
                    let reached = beside(success, slo);
                    format!("{none}: the best, {name}, reaches {reached}: {figures}.")
                }
                None => format!("{none}: {}.", unknown(view)),
            }
        }
        (None, _) => match document.cells.len() {
            1 => format!("{} with {name}: {figures}.", when(plan.fault, 1)),
            n if best.lost().is_none() => format!(
                "Of {n} settings none can be said to lose least: {}.",
                unknown(view)
            ),
            n => format!("Of {n} settings {name} loses least: {figures}."),
        },
    };
    Verdict {
        sentence,
        advice: advice(view),
    }
}

/// Why there is no best.
fn unknown(view: &View) -> String {
    match view.document.unnoticed() {
        Some(why) => why,
        None => "no death was measured".to_owned(),
    }
}

/// `a killed router is used for 1.6 s, 78 requests lost a death, 4 checks a second`.
fn figures(judged: &Judged) -> String {
    let cell = &judged.cell;
    let noticed = match (&cell.t_detect_s, cell.n) {
        (_, 0) => "no death was measured".to_owned(),
        (None, _) if cell.detected.is_none() => "it does not tell when it noticed".to_owned(),
        (None, _) => "no death was noticed".to_owned(),
        (Some(spread), n) if cell.missed() > 0 => format!(
            "{} of {n} deaths noticed, after {} on average",
            n - cell.missed(),
            time(spread.mean)
        ),
        (Some(spread), _) => format!("noticed after {} on average", time(spread.mean)),
    };
    let lost = cell.lost_per_death.map_or(String::new(), |lost| {
        let least = if cell.missed() > 0 { "at least " } else { "" };
        format!(", {least}{} lost a death", counted(lost, "request"))
    });
    format!(
        "{noticed}{lost}, {} a second",
        counted(cell.theory.checks_per_s, "check")
    )
}

fn advice(view: &View) -> Vec<String> {
    let document = view.document;
    let mut advice = Vec::new();
    let from = view
        .base
        .or(view.worst)
        .filter(|from| from.cell.cell != view.best.cell.cell);
    if let Some(from) = from
        && let (Some(before), Some(after)) = (from.cell.lost_per_death, view.best.lost())
    {
        let (checks, more) = (from.cell.theory.checks_per_s, view.best.cell.theory.checks_per_s);
        let which = match view.base {
            Some(_) => format!("{} in force now", view.name(from)),
            None => format!("{}, which loses most", view.name(from)),
        };
        let price = match (super::shown::mean(checks), super::shown::mean(more)) {
            (before, after) if before == after => format!("as many checks a second ({after})"),
            (before, after) => format!("{after} instead of {before} checks a second"),
        };
        advice.push(format!(
            "From {which}, change to {}: {} lost a death instead of {}{}, for {price}{}.",
            view.flags(view.best),
            counted(after, "request"),
            if from.cell.missed() > 0 { "at least " } else { "" },
            super::shown::mean(before),
            mistakes::instead(from, view.best)
        ));
    }
    advice.extend(how(view));
    if let Some(cheap) = view.cheaper() {
        let (here, there) = (&view.best.cell, &cheap.cell);
        advice.push(format!(
            "{} makes {} instead of {} checks a second and loses {} instead of {}.",
            view.name(cheap),
            super::shown::mean(there.theory.checks_per_s),
            super::shown::mean(here.theory.checks_per_s),
            super::shown::mean(there.lost_per_death.unwrap_or(0.0)),
            counted(here.lost_per_death.unwrap_or(0.0), "request")
        ));
    }
    if let Some(seen) = view
        .best
        .cell
        .false_ejections
        .as_ref()
        .filter(|seen| seen.observed > 0)
    {
        let rate = seen.per_hour.map_or(String::new(), |rate| {
            format!(", {rate:.1} an hour of the whole fleet")
        });
        advice.push(format!(
            "{} also takes living routers for dead: {} of them while they stood still{rate}.",
            view.name(view.best),
            seen.observed
        ));
    }
    advice.extend(mistakes::not_looked_at(view));
    if document.slo.is_none() && document.cells.len() > 1 {
        advice.push(
            "With --slo 0.999 the setting is marked that reaches it with the fewest checks; --out with this directory \
             judges what is measured already."
                .to_owned(),
        );
    }
    advice
}

/// The commands that set the best of what was swept.
fn how(view: &View) -> Option<String> {
    let document = view.document;
    let engine = document.plan.engine.as_str();
    let best = &view.best.cell.settings;
    let words: Vec<String> = best.iter().map(|(key, word)| format!("{key}={word}")).collect();
    let setup = document.origin.setup.as_ref().filter(|_| !words.is_empty())?;
    let base: Vec<Setting> = setup
        .settings
        .iter()
        .filter(|base| !best.contains_key(&base.key))
        .cloned()
        .collect();
    let up = format!(
        "`resetlab up{}{}`",
        commands::stack(engine, &base, |_| None),
        commands::set(&words)
    );
    Some(match commands::is_live(engine, &words) {
        true => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!(
                "`resetlab set {}` sets that in a running lab, {up} from its start.",
                words.join(" ")
            )
        }
        false => format!("{up} is a lab that is set so."),
    })
}

/// `once`, `2 times`.
fn times(n: f64) -> String {
    match n == 1.0 {
        true => "once".to_owned(),
        false => format!("{} times", super::shown::mean(n)),
    }
}

/// Deaths against an error budget: how many it takes, and how long it lasts.
fn cost(view: &View) -> Vec<Block> {
    let document = view.document;
    let plan = &document.plan;
    let budget = budget::Budget {
        slo: document.slo.unwrap_or(0.999),
        days: budget::DAYS,
        rate: plan.rate,
    };
    if budget.allowed() <= 0.0 {
        return Vec::new();
    }
    let whole = match document.slo {
        Some(slo) => format!("An objective of {}", percent(slo)),
        None => format!("No objective was given; one of {}", percent(budget.slo)),
    };
    let text = format!(
        "{whole} allows {:.0} of the {:.2} million requests of {} days to fail at {} requests a second. Each of {} \
         routers is taken to die {} an hour.",
        budget.allowed(),
        budget.requests() / 1e6,
        budget.days,
        plan.rate,
        plan.routers,
        times(document.deaths_per_hour)
    );
    vec![Block::Text { text }, Block::Table(cells::cost(view, &budget))]
}

fn warnings(document: &Document) -> Vec<String> {
    let mut warnings = Vec::new();
    let (done, planned) = (document.cells.len(), document.plan.cells());
    if !document.complete {
        warnings.push(format!(
            "Interrupted after {done} of {} cells: the others are missing. The same command with --out and this \
             directory goes on.",
            planned.max(done)
        ));
    }
    let doubts = [
        document.unnoticed(),
        document.few(),
        doubts::unwritten(document.records_lost),
        document.invalid(),
        document.late(),
    ];
    warnings.extend(doubts.into_iter().flatten().map(|doubt| sentence(&doubt)));
    warnings
}

fn method(document: &Document) -> Section {
    let plan = &document.plan;
    let axes: Vec<String> = plan
        .axes
        .iter()
        .map(|(key, words)| format!("{key} {}", words.join(", ")))
        .collect();
    let word = |value: Option<f64>| value.map(|seconds| format!("{seconds} s"));
    let late = document.late_p99_ms.map(|late| format!("p99 {late:.2} ms"));
    let facts = [
        ("Swept", Some(axes.join("; "))),
        (
            "Fault",
            Some(format!(
                "{}, {} a cell",
                super::shown::word(&plan.fault),
                plan.trials
            )),
        ),
        (
            "Phases",
            Some("spread evenly over the gap between two checks".to_owned()),
        ),
        ("Preset", Some(plan.preset.to_string())),
        ("Routers", Some(plan.routers.to_string())),
        (
            "Load",
            Some(format!("{} requests/s, {}, open loop", plan.rate, plan.arrivals)),
        ),
        (
            "Load was late by",
            Some(late.unwrap_or_else(|| "not known".to_owned())),
        ),
        ("Pauses", plan.pause.clone()),
        ("Watched for", word(plan.observe_s)),
        ("Held dead for", word(plan.restart_delay_s)),
        ("Seed", Some(plan.seed.clone())),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    let origin = &document.origin;
    method::section(
        facts,
        &method::Source {
            engine: &plan.engine,
            engine_version: None,
            version: origin.setup.as_ref().map(|setup| setup.version.as_str()),
            stated: origin.setup.as_ref().map(|setup| setup.settings.as_slice()),
            machine: origin.machine.as_ref(),
            settings: Some(&plan.settings),
            command: &origin.command,
            seed: &plan.seed,
        },
    )
}
