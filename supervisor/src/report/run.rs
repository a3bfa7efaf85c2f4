//! PURE: the report of a run: its summary, and two of its trials as pictures.

mod chosen;
mod cost;
mod detection;
mod latency;
mod lost;
mod method;
mod trials;
mod verdict;

pub use chosen::{Chosen, chosen, facts};

use super::advice::{Advice, commands};
use super::figure::Figure;
use super::model::{Block, Cell, Kind, Report, SCHEMA, Section};
use super::{Extent, shown, warnings};
use crate::experiment::setup::quoted;
use crate::experiment::summary::Summary;

/// What the records show of the chosen trials.
#[derive(Debug, Default)]
pub struct Pictures {
    pub figures: Vec<Figure>,
    /// What was wrong with the records, in sentences.
    pub warnings: Vec<String>,
}

/// All that a run has shown. `name` is its directory's; `doubts` were found while reading it.
pub fn report(
    name: &str,
    s: &Summary,
    chosen: &Chosen,
    pictures: Pictures,
    doubts: Vec<String>,
    extent: Extent,
) -> Report {
    let facts = facts(s);
    let advice = facts
        .as_ref()
        .and_then(|facts| facts.advice())
        .unwrap_or_default();
    let how = how(s, &advice.first);
    let doubts = doubts.into_iter().chain(pictures.warnings.clone());
    let warnings = warnings::warnings(s).into_iter().chain(doubts).collect();
    let mut sections = vec![
        others(&advice),
        timeline(chosen, pictures),
        detection::section(s),
        lost::section(s),
        cost::section(s),
        latency::section(s),
        trials::section(s, extent),
        method::section(s, extent),
    ];
    sections.retain(|section| !section.blocks.is_empty());
    Report {
        schema: SCHEMA,
        kind: Kind::Run,
        title: title(s),
        subtitle: subtitle(name, s),
        complete: s.complete,
        verdict: super::model::Verdict {
            sentence: verdict::sentence(s, facts.as_ref()),
            advice: advice.sentences.into_iter().chain(how).collect(),
        },
        warnings,
        sections,
    }
}

/// `20 kills of 4 routers behind lb-sim`
fn title(s: &Summary) -> String {
    let fault = s.trials.first().map(|trial| trial.fault);
    let fault = fault.or(s.setup.as_ref().map(|setup| setup.fault.fault));
    let wanted = s.setup.as_ref().map_or(0, |setup| setup.trials as usize);
    let what = match (fault, s.trials.len()) {
        (None, _) => "A run".to_owned(),
        (Some(fault), 0) if s.interrupted.is_some() && wanted > 1 => {
            format!("The first of {}", shown::several(fault, wanted))
        }
        (Some(fault), n) => shown::several(fault, n),
    };
    let routers = s.setup.as_ref().map_or(String::new(), |setup| {
        format!(" of {}", shown::counted(f64::from(setup.routers), "router"))
    });
    format!("{what}{routers} behind {}", engine(s))
}

/// `haproxy 2.6.12`
fn engine(s: &Summary) -> String {
    match (s.engine.as_str(), s.engine_version.as_str()) {
        // Ours has resetlab's version.
        ("lb-sim", _) | (_, "") => s.engine.clone(),
        (name, version) => format!("{name} {version}"),
    }
}

fn subtitle(name: &str, s: &Summary) -> String {
    match &s.setup {
        Some(setup) => format!("{name}, {}", setup.started.replace('T', " ").replace('Z', " UTC")),
        None => name.to_owned(),
    }
}

/// The commands that set the first of what was advised: to measure it as this run did, and in a running lab.
fn how(s: &Summary, first: &[String]) -> Option<String> {
    // A file of one's own says itself how routers are checked: it is to be changed there.
    let settings = s.setup.as_ref().map_or(&[][..], |setup| &setup.settings);
    let own_file = settings
        .iter()
        .any(|set| set.key == "engine-config" && set.origin != "default");
    if first.is_empty() || s.command.is_empty() || own_file {
        return None;
    }
    let run = format!("{}{}", commands::elsewhere(&s.command), commands::set(first));
    let live = match commands::is_live(&s.engine, first) {
        true => {
            let words: Vec<String> = first.iter().map(|word| quoted(word)).collect();
            format!("; `resetlab set {}` sets it in a running lab", words.join(" "))
        }
        false => String::new(),
    };
    Some(format!(
        "The first of these: `{run}` measures it as this run did{live}."
    ))
}

/// What to change, with theory's figures.
fn others(advice: &Advice) -> Section {
    let mut blocks = Vec::new();
    if !advice.table.rows.is_empty() {
        blocks.push(Block::Table(advice.table.clone()));
        let measured = "By theory, for this fault and this load: nothing of it was measured in this run.";
        blocks.push(text(measured.to_owned()));
        blocks.extend(advice.notes.iter().cloned().map(text));
    }
    Section {
        id: "advice",
        title: "What other settings would do".to_owned(),
        blocks,
    }
}

/// The pictures, or why there are none.
fn timeline(chosen: &Chosen, pictures: Pictures) -> Section {
    let mut blocks: Vec<Block> = pictures.figures.into_iter().map(Block::Figure).collect();
    if blocks.is_empty() {
        let why = match &chosen.none {
            Some(why) => format!("No timeline can be drawn: {why}."),
            None => "No timeline can be drawn: the directory has no records of these trials.".to_owned(),
        };
        blocks.push(text(why));
    }
    Section {
        id: "timeline",
        title: "What happened: truth over belief".to_owned(),
        blocks,
    }
}

/// Faults that the balancer missed: what they cost depends on how long their trials waited.
fn unnoticed(s: &Summary) -> usize {
    let missed = |detected: usize| s.summary.n.saturating_sub(detected);
    s.summary.detected.map_or(0, missed)
}

/// To the millisecond; below 100 ms a digit more, as in the terminal.
fn seconds(value: Option<f64>) -> Cell {
    let digits = match value {
        Some(v) if v > 0.0 && v < 0.1 => 4,
        _ => 3,
    };
    Cell::number(value, digits)
}

fn words(text: &str) -> Cell {
    Cell::Words(text.to_owned())
}

fn text(text: String) -> Block {
    Block::Text { text }
}

#[cfg(test)]
pub(crate) mod tests;
