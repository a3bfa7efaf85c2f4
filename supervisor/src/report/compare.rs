//! PURE: whether load balancers did the same, and by how much they did not.
//!
//! [`wanted`] says which trials are worth a picture: the same one of each engine. `tables` lays the engines beside each
//! other, `figures` draws them.

mod figures;
mod tables;
#[cfg(test)]
mod tests;

use super::figure::Figure;
use super::method;
use super::model::{Block, Kind, Report, SCHEMA, Section, Verdict};
use super::pictures::Wanted;
use super::shown::{counted, several};
use super::statistics::median_place;
use super::timeline::{Moment, Victim};
use super::warnings::sentence;
use crate::experiment::compare::document::{Compared, Document};
use crate::experiment::compare::side::{Done, Side};
use crate::experiment::compare::verdict::{APART, RESIDUAL_MS, UNSEEN};
use crate::experiment::doubts;
use crate::experiment::sample::FEW;
use std::collections::BTreeMap;

/// Of each fault the trial whose window is the median one of the first engine, on every engine.
pub fn wanted(document: &Document) -> Vec<Wanted> {
    let interval = document.settings.get("interval");
    let Some(interval) = interval.and_then(|word| humantime::parse_duration(word).ok()) else {
        return Vec::new();
    };
    let of_fault = |fault: &Compared| -> Vec<Wanted> {
        let of = |engine: &str| -> Vec<&Done> {
            let valid = |done: &&Done| done.teller.engine == *engine && !done.trial.is_invalid();
            fault.trials.iter().filter(valid).collect()
        };
        let Some(first) = document.engines.first().map(|engine| of(engine)) else {
            return Vec::new();
        };
        let windows: Vec<f64> = first
            .iter()
            .map(|done| done.clients.window_s.unwrap_or(0.0))
            .collect();
        let Some(number) = median_place(&windows).map(|place| first[place].trial.trial) else {
            return Vec::new();
        };
        let same = |engine: &String| of(engine).into_iter().find(|done| done.trial.trial == number);
        let trials = document.engines.iter().filter_map(same);
        trials
            .filter_map(|done| picture(&fault.fault, done, interval))
            .collect()
    };
    document.faults.iter().flat_map(of_fault).collect()
}

fn picture(fault: &str, done: &Done, interval: std::time::Duration) -> Option<Wanted> {
    let trial = &done.trial;
    let engine = &done.teller.engine;
    let sum = |counts: &BTreeMap<_, u64>| counts.values().sum::<u64>();
    let lost = sum(&done.clients.in_flight) + sum(&done.clients.window);
    let noticed = match (trial.t_detect_s, trial.detected) {
        (Some(t), _) => format!("noticed after {t:.3} s"),
        (None, Some(_)) => "never noticed".to_owned(),
        (None, None) => "it does not tell when it noticed".to_owned(),
    };
    Some(Wanted {
        dir: format!("trials/{fault}-{:03}-{engine}", trial.trial),
        id: format!("{fault}-{engine}"),
        caption: format!(
            "{fault} on {engine}, trial {}: {} {noticed}, {} lost.",
            trial.trial,
            trial.router,
            counted(lost as f64, "request")
        ),
        moment: Moment {
            at: trial.at_ns?,
            fault: trial.fault,
            victims: vec![Victim {
                router: trial.router.clone(),
                lost: Some(lost),
            }],
            interval,
            t_detect_s: trial.t_detect_s,
            predicted_t_detect_s: trial.predicted_t_detect_s,
            t_stop_s: trial.t_stop_s,
            t_clear_s: done.clients.window_s,
        },
    })
}

/// `place` is the comparison's directory, by its name; `pictures` are those of [`wanted`]; `doubts` are the reader's.
pub fn report(document: &Document, place: &str, pictures: Vec<Figure>, doubts: Vec<String>) -> Report {
    let faults: Vec<String> = document
        .faults
        .iter()
        .map(|fault| {
            let trial = fault.trials.first().map(|done| done.trial.fault);
            trial.map_or_else(
                || fault.fault.clone(),
                |fault| several(fault, document.planned as usize),
            )
        })
        .collect();
    let mut warnings = warnings(document);
    warnings.extend(doubts);
    let mut sections: Vec<Section> = Vec::new();
    for fault in &document.faults {
        sections.extend(section(document, fault, &pictures));
    }
    sections.extend(tables::trials(document));
    sections.push(method(document));
    let setup = document.setup.as_ref();
    Report {
        schema: SCHEMA,
        kind: Kind::Compare,
        title: format!("{} on {}", faults.join(" and "), document.engines.join(" and ")),
        subtitle: method::subtitle(place, setup.map(|setup| setup.started.as_str())),
        complete: document.complete,
        verdict: verdict(document),
        warnings,
        sections,
    }
}

fn verdict(document: &Document) -> Verdict {
    let engines = document.engines.join(" and ");
    let verdicts = || {
        document
            .faults
            .iter()
            .flat_map(|fault| fault.verdicts.iter().map(move |verdict| (fault, verdict)))
    };
    let apart: Vec<String> = verdicts()
        .filter(|(_, verdict)| verdict.agree == Some(false))
        .flat_map(|(fault, verdict)| {
            let judged = [
                ("classes", &verdict.classes),
                ("numbers", &verdict.numbers),
                ("residuals", &verdict.residuals),
            ];
            let apart = judged
                .into_iter()
                .filter(|(_, judged)| judged.agree == Some(false));
            apart.map(move |(what, judged)| {
                let pair = format!("{} and {}", verdict.against, verdict.engine);
                format!(
                    "{pair} disagree in the {what} of {}: {}.",
                    fault.fault, judged.reason
                )
            })
        })
        .collect();
    let judged = words(document.judged());
    let unjudged = match (words(document.unjudged()), document.complete) {
        (none, _) if none.is_empty() => String::new(),
        (some, false) => format!("; {some} {} not compared", was(document.unjudged().count())),
        (some, true) => format!("; {some} could not be judged"),
    };
    if !apart.is_empty() {
        let faults = verdicts().filter(|(_, verdict)| verdict.agree == Some(false));
        let mut faults: Vec<&str> = faults.map(|(fault, _)| fault.fault.as_str()).collect();
        faults.dedup();
        let unjudged = unjudged
            .strip_prefix("; ")
            .map_or(String::new(), |why| format!(" {}.", capital(why)));
        return Verdict {
            sentence: format!(
                "{engines} disagree in {}: {}{unjudged}",
                faults.join(" and "),
                apart.join(" ")
            ),
            advice: Vec::new(),
        };
    }
    if judged.is_empty() {
        let why = match document.complete {
            false => "It ended before anything could be compared.",
            true => "Nothing could be judged: too little was lost, and too little is told.",
        };
        return Verdict {
            sentence: why.to_owned(),
            advice: Vec::new(),
        };
    }
    let reasons: Vec<String> = verdicts()
        .filter(|(_, verdict)| verdict.numbers.agree.is_some())
        .map(|(fault, verdict)| format!("{}: {}", fault.fault, verdict.numbers.reason))
        .collect();
    let few = few(document).map_or(String::new(), |n| format!(" as far as n = {n} tells"));
    Verdict {
        sentence: format!(
            "{engines} agree in {judged}{few}: the same outcomes, and the same share of the requests sent into the window \
             ({}){unjudged}.",
            reasons.join("; ")
        ),
        advice: taken_for(document),
    }
}

/// `kill and hang`
fn words<'a>(faults: impl Iterator<Item = &'a Compared>) -> String {
    faults
        .map(|fault| fault.fault.as_str())
        .collect::<Vec<_>>()
        .join(" and ")
}

fn was(n: usize) -> &'static str {
    if n == 1 { "was" } else { "were" }
}

/// The fewest valid trials that a verdict stands on, where they are too few to be sure.
fn few(document: &Document) -> Option<usize> {
    let sides = document.judged().flat_map(|fault| &fault.engines);
    sides.map(|side| side.n).min().filter(|n| *n < FEW)
}

/// What agreement is good for.
fn taken_for(document: &Document) -> Vec<String> {
    let real: Vec<&str> = document
        .engines
        .iter()
        .map(String::as_str)
        .filter(|engine| *engine != "lb-sim")
        .collect();
    if real.len() == document.engines.len() || real.is_empty() {
        return Vec::new();
    }
    let what = match few(document) {
        Some(n) => format!("As far as n = {n} tells, what"),
        None => "What".to_owned(),
    };
    let of = match document.unjudged().next() {
        Some(_) => format!(" of {}", words(document.judged())),
        None => String::new(),
    };
    vec![format!(
        "{what} lb-sim shows{of} with these settings can be taken for {}; `resetlab sweep --preset {} --interval 1s,2s,5s` \
         tries others.",
        real.join(" and "),
        document.preset.name
    )]
}

/// One fault on all engines.
fn section(document: &Document, fault: &Compared, pictures: &[Figure]) -> Option<Section> {
    if fault.engines.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Table(tables::beside(document, fault))];
    if !fault.verdicts.is_empty() {
        blocks.push(Block::Table(tables::judged(fault)));
        blocks.push(Block::Text {
            text: format!(
                "Shares may be {:.0} % apart, or one request a trial; medians of residuals may be {RESIDUAL_MS:.0} ms.",
                APART * 100.0
            ),
        });
    }
    blocks.extend(figures::all(fault).into_iter().map(Block::Figure));
    blocks.extend(tables::causes(fault).map(Block::Table));
    let own = |figure: &&Figure| {
        let engines = document.engines.iter();
        engines
            .clone()
            .any(|engine| figure.id == format!("{}-{engine}", fault.fault))
    };
    blocks.extend(pictures.iter().filter(own).cloned().map(Block::Figure));
    Some(Section {
        id: anchor(&fault.fault),
        title: format!("{}, engine beside engine", capital(&fault.fault)),
        blocks,
    })
}

/// Anchors are known words.
fn anchor(fault: &str) -> &'static str {
    const FAULTS: [&str; 9] = [
        "kill", "hang", "crash", "drain", "stop", "silent", "error", "cut", "slow",
    ];
    FAULTS
        .into_iter()
        .find(|known| *known == fault)
        .unwrap_or("fault")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn warnings(document: &Document) -> Vec<String> {
    let mut warnings = Vec::new();
    if !document.complete {
        let done: usize = document.faults.iter().map(|fault| fault.trials.len()).sum();
        let planned = document.planned as usize * document.faults.len() * document.engines.len();
        warnings.push(format!("Ended early: {done} of {planned} trials are in."));
    }
    warnings.extend(doubts::unwritten(document.records_lost).map(|text| sentence(&text)));
    let sides = || document.faults.iter().flat_map(|fault| &fault.engines);
    warnings.extend(document.few().map(|text| sentence(&text)));
    let invalid: usize = sides().map(|side| side.invalid).sum();
    if invalid > 0 {
        let plural = if invalid == 1 { "trial is" } else { "trials are" };
        warnings.push(format!(
            "{invalid} {plural} invalid and in no figure: records were lost, or another process ended meanwhile."
        ));
    }
    let silent = |side: &&Side| !side.teller.belief;
    let mut silent: Vec<&str> = sides()
        .filter(silent)
        .map(|side| side.teller.engine.as_str())
        .collect();
    silent.sort_unstable();
    silent.dedup();
    for engine in silent {
        warnings.push(format!(
            "{engine} does not tell what it believes: its t_detect is not known, and only what clients saw is compared."
        ));
    }
    warnings.extend(document.late().map(|text| sentence(&text)));
    warnings
}

fn phases(document: &Document) -> String {
    let even = "spread evenly over the gap between two checks, the same for each engine";
    let mut sides = document.faults.iter().flat_map(|fault| &fault.engines);
    match sides.any(Side::hides_checks) {
        true => format!("{even}, but where they are not seen: {UNSEEN}"),
        false => even.to_owned(),
    }
}

fn method(document: &Document) -> Section {
    let versions: BTreeMap<&str, &str> = document
        .faults
        .iter()
        .flat_map(|fault| &fault.engines)
        .map(|side| (side.teller.engine.as_str(), side.teller.version.as_str()))
        .collect();
    let engines: Vec<String> = document
        .engines
        .iter()
        .map(|engine| match versions.get(engine.as_str()) {
            Some(version) => format!("{engine} {version}"),
            None => engine.clone(),
        })
        .collect();
    let facts = [
        ("Preset", document.preset.to_string()),
        (
            "Trials",
            format!(
                "{} of each fault on each engine, in turn, each on a stack of its own",
                document.planned
            ),
        ),
        ("Phases", phases(document)),
        (
            "Arrivals",
            "one sequence, the same in every trial on every engine: a trial of one is paired with the same trial of the \
             others, and all trials share the chances of one draw; another --seed draws another"
                .to_owned(),
        ),
        ("Routers", document.routers.to_string()),
        (
            "Load",
            format!("{} requests/s, {}, open loop", document.rate, document.arrivals),
        ),
        ("Seed", document.seed.clone()),
    ];
    let facts = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    method::section(
        facts,
        &method::Source {
            engine: &engines.join(", "),
            engine_version: None,
            version: document.setup.as_ref().map(|setup| setup.version.as_str()),
            stated: document.setup.as_ref().map(|setup| setup.settings.as_slice()),
            machine: document.machine.as_ref(),
            settings: Some(&document.settings),
            command: &document.command,
            seed: &document.seed,
        },
    )
}
