//! PURE: the `resetlab.compare.v1` document.

use super::side::{Done, Side, word};
use super::verdict::Verdict;
use crate::experiment::doubts;
use crate::experiment::summary::{Machine, Setup, Theory};
use crate::settings::PresetNote;
use router::record::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `resetlab compare --json` prints and `compare.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    pub schema: String,
    pub seed: String,
    /// What the settings started from.
    pub preset: PresetNote,
    /// `false`: interrupted before all trials were done.
    pub complete: bool,
    /// Records of a trial that could not be written; such a trial ends the comparison, and is no part of it.
    #[serde(default)]
    pub records_lost: u64,
    /// Planned for each fault and engine.
    pub planned: u32,
    pub engines: Vec<String>,
    pub rate: f64,
    pub arrivals: String,
    pub routers: u32,
    /// Those of the balancer, by their keys.
    pub settings: BTreeMap<String, String>,
    pub faults: Vec<Compared>,
    /// All verdicts together: `false` as soon as one is; `null` unless every fault was judged on every engine.
    pub agree: Option<bool>,
    /// As a shell takes it.
    pub command: String,
    /// What was asked for, but for the engine; `null`: by an older program.
    #[serde(default)]
    pub setup: Option<Setup>,
    /// Where it ran; `null`: not known.
    #[serde(default)]
    pub machine: Option<Machine>,
}

/// One fault on every engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compared {
    pub fault: String,
    pub theory: Theory,
    /// In the order of the document's engines; one that has no trial so far is missing.
    pub engines: Vec<Side>,
    /// Each engine after the first, beside it.
    pub verdicts: Vec<Verdict>,
    pub trials: Vec<Done>,
}

impl Compared {
    /// `done` are the fault's trials; `share` is the load of one router.
    pub fn of(fault: Fault, theory: Theory, engines: &[String], done: Vec<Done>, share: f64) -> Compared {
        let of = |engine: &String| {
            let done: Vec<&Done> = done.iter().filter(|done| done.teller.engine == *engine).collect();
            Side::of(&done, share)
        };
        let sides: Vec<Side> = engines.iter().filter_map(of).collect();
        let verdicts = match sides.split_first() {
            Some((first, others)) if Some(&first.teller.engine) == engines.first() => others
                .iter()
                .map(|other| Verdict::of(first, other, theory.reason.as_deref()))
                .collect(),
            _ => Vec::new(),
        };
        Compared {
            fault: word(fault),
            theory,
            engines: sides,
            verdicts,
            trials: done,
        }
    }
}

impl Document {
    /// What is said of the fewest valid trials of an engine.
    pub fn few(&self) -> Option<String> {
        let sides = self.faults.iter().flat_map(|fault| &fault.engines);
        let least = sides.map(|side| side.n).min()?;
        let trials = if least == 1 { "trial" } else { "trials" };
        doubts::few(&format!("n = {least} valid {trials} of an engine"), least)
    }

    /// What is said of a load that was late.
    pub fn late(&self) -> Option<String> {
        let sides = self.faults.iter().flat_map(|fault| &fault.engines);
        let worst = sides.filter_map(|side| side.late_p99_ms).reduce(f64::max);
        let trials = self.faults.iter().flat_map(|fault| &fault.trials);
        let valid = trials.filter(|done| !done.trial.is_invalid());
        doubts::late(worst, valid.filter_map(|done| done.clients.window_s))
    }

    /// Faults that were not judged on every engine: an interruption came first, or there was nothing to judge by.
    pub fn unjudged(&self) -> impl Iterator<Item = &Compared> {
        let engines = self.engines.len();
        self.faults.iter().filter(move |fault| !fault.is_judged(engines))
    }

    /// Those that were.
    pub fn judged(&self) -> impl Iterator<Item = &Compared> {
        let engines = self.engines.len();
        self.faults.iter().filter(move |fault| fault.is_judged(engines))
    }
}

impl Compared {
    /// Whether each of so many `engines` has a verdict beside the first.
    fn is_judged(&self, engines: usize) -> bool {
        let judged = self.verdicts.iter().filter(|verdict| verdict.agree.is_some());
        engines > 1 && judged.count() + 1 >= engines
    }
}

/// Of all `faults` on so many `engines`: what was not compared agrees in nothing.
pub fn agree(faults: &[Compared], engines: usize) -> Option<bool> {
    let mut verdicts = faults.iter().flat_map(|fault| &fault.verdicts);
    if verdicts.any(|verdict| verdict.agree == Some(false)) {
        return Some(false);
    }
    let all = !faults.is_empty() && faults.iter().all(|fault| fault.is_judged(engines));
    all.then_some(true)
}
