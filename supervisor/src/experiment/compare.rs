//! `resetlab compare`: the same faults on lb-sim and on real load balancers, in turn, and whether they do the same.
//!
//! In the order that data meets them: [`args`] → [`live`] (a trial on a stack of its own) → [`side`] (an engine's trials)
//! → [`verdict`] → [`document`] → [`table`]. Trials are interleaved, one stack at a time: two under measurement at once
//! would disturb each other on a small machine.

pub mod args;
pub mod document;
mod live;
mod prepare;
pub mod side;
mod table;
#[cfg(test)]
pub(crate) mod tests;
pub mod verdict;

pub use args::Args;

use super::measure::Trial;
use super::progress::Progress;
use super::setup;
use super::summary::{Machine, Setup};
use crate::engine::Engine;
use crate::report;
use crate::settings::{LabSettings, load::word};
use crate::signals::{End, Signals};
use document::{Compared, Document, agree};
use live::{Lost, Task};
use router::fault::Spec;
use side::Done;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const OBJECTIVE_MISSED: u8 = 3;

/// Runs the comparison and prints its result. Call it on the main thread's current-thread runtime.
pub async fn run(args: Args, json: bool) -> ExitCode {
    match prepare::prepare(args, json) {
        Ok(comparison) => comparison.run().await,
        Err((code, why)) => fail(code, &why),
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("resetlab compare: {why}");
    ExitCode::from(code)
}

enum Ended {
    Told(End),
    Failed(String, u8),
}

/// How long a fault is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// As long as was asked for.
    For(Duration),
    /// Until the balancer has the router out of use, or has missed it.
    UntilNoticed,
    /// As if nobody had noticed: one of the engines does not tell whether it has, and all are treated alike.
    AsMissed,
}

/// What is compared, and what is known so far.
struct Comparison {
    engines: Vec<Engine>,
    faults: Vec<Spec>,
    trials: u32,
    strict: bool,
    json: bool,
    /// All but the engine; its seed is that of every trial.
    base: LabSettings,
    seed: u64,
    hold: Hold,
    dir: PathBuf,
    /// What was asked for, but for the engine.
    setup: Option<Setup>,
    done: BTreeMap<usize, Vec<Done>>,
    complete: bool,
    /// By the trial at which it ended.
    records_lost: u64,
}

impl Comparison {
    async fn run(mut self) -> ExitCode {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(e) => return fail(FAILED, &e.to_string()),
        };
        let ended = self.measure(&mut signals).await;
        self.complete = ended.is_ok();
        self.finish(ended)
    }

    /// Trial by trial, fault by fault; the engines take turns in going first, so that nothing that changes with time
    /// meets one of them only.
    async fn measure(&mut self, signals: &mut Signals) -> Result<(), Ended> {
        let all = self.trials * (self.faults.len() * self.engines.len()) as u32;
        let progress = Progress::new(all, self.json);
        let plan = super::plan::strikes(self.seed, self.trials, self.base.routers, 1);
        for (n, strike) in (1..).zip(&plan) {
            for (fault, spec) in self.faults.clone().into_iter().enumerate() {
                let mut engines = self.engines.clone();
                let turn = n as usize % engines.len();
                engines.rotate_left(turn);
                for engine in engines {
                    let settings = self.settings(engine, spec, n);
                    let task = Task {
                        settings: &settings,
                        spec,
                        strike,
                        n,
                        hold: self.hold,
                    };
                    let done = live::trial(&task, signals).await.map_err(|lost| match lost {
                        Lost::Told(end) => Ended::Told(end),
                        Lost::Failed(why, code) => Ended::Failed(format!("{engine}: {why}"), code),
                        Lost::Records(why, records) => {
                            self.records_lost = records;
                            Ended::Failed(format!("{engine}: {why}"), FAILED)
                        }
                    })?;
                    let line = told(&done);
                    self.done.entry(fault).or_default().push(done);
                    self.save().map_err(|e| {
                        Ended::Failed(
                            format!("cannot write results to {}: {e}", self.dir.display()),
                            FAILED,
                        )
                    })?;
                    // Said when it is safe: whoever reads this may end the comparison.
                    progress.beside(engine.name(), &line);
                }
            }
        }
        Ok(())
    }

    fn settings(&self, engine: Engine, spec: Spec, n: u32) -> LabSettings {
        let name = format!("{}-{n:03}-{engine}", side::word(spec.fault));
        let mut settings = self.base.clone();
        settings.engine = engine;
        settings.out = Some(self.dir.join("trials").join(name));
        settings
    }

    fn document(&self) -> Document {
        let engines: Vec<String> = self
            .engines
            .iter()
            .map(|engine| engine.name().to_owned())
            .collect();
        let share = self.base.rate / f64::from(self.base.routers);
        let compared = |(n, spec): (usize, &Spec)| {
            let theory = super::forecast::Forecast::new(&self.base, *spec, 1).theory();
            let done = self.done.get(&n).cloned().unwrap_or_default();
            Compared::of(spec.fault, theory, &engines, done, share)
        };
        let faults: Vec<Compared> = self.faults.iter().enumerate().map(compared).collect();
        let settings = self.base.lb.words();
        let settings = settings.into_iter().map(|(key, word)| (key.to_owned(), word));
        Document {
            schema: "resetlab.compare.v1".into(),
            seed: self.seed.to_string(),
            preset: self.base.preset_note(),
            complete: self.complete,
            records_lost: self.records_lost,
            planned: self.trials,
            rate: self.base.rate,
            arrivals: word(&self.base.arrivals),
            routers: self.base.routers,
            settings: settings.collect(),
            agree: agree(&faults, engines.len()),
            faults,
            engines,
            command: setup::command(),
            setup: self.setup.clone(),
            machine: Machine::here(),
        }
    }

    /// Replaces `compare.json` whole, so that a reader never sees half of it.
    fn save(&self) -> std::io::Result<()> {
        let path: &Path = &self.dir.join("compare.json");
        let new = path.with_extension("json.new");
        std::fs::write(&new, serde_json::to_vec_pretty(&self.document())?)?;
        std::fs::rename(&new, path)
    }

    fn finish(self, ended: Result<(), Ended>) -> ExitCode {
        let saved = self.save();
        let document = self.document();
        let report = report::leave(&self.dir, "compare");
        let report = report.map_or(String::new(), |path| format!("report   {}\n", path.display()));
        let text = if self.json {
            serde_json::to_string_pretty(&document).expect("a document has string keys only") + "\n"
        } else {
            format!(
                "{}results  {}\n{report}",
                table::render(&document),
                self.dir.display()
            )
        };
        // A reader that has had enough (`| head`) is no failure of the comparison.
        let _ = std::io::stdout().write_all(text.as_bytes());
        let unsaved = saved.map_err(|e| format!("cannot write results to {}: {e}", self.dir.display()));
        if let Err(why) = &unsaved {
            fail(FAILED, why);
        }
        match ended {
            // It has said so: what was measured is not in its directory, whoever ended it.
            Ok(()) | Err(Ended::Told(_)) if unsaved.is_err() => return ExitCode::from(FAILED),
            Err(Ended::Told(end)) => return end.code(),
            Err(Ended::Failed(why, code)) => {
                let kept = format!("what was measured is in {}", self.dir.display());
                return fail(code, &format!("{why}\n{kept}"));
            }
            Ok(()) => {}
        }
        match document.agree {
            Some(false) if self.strict => fail(OBJECTIVE_MISSED, "objective missed: the engines disagree"),
            _ => ExitCode::SUCCESS,
        }
    }
}

/// What the trial's line says of losses: the clients' word, as the table has it.
fn told(done: &Done) -> Trial {
    let mut trial = done.trial.clone();
    let sum = |counts: &BTreeMap<_, u64>| counts.values().sum();
    trial.lost.in_flight = sum(&done.clients.in_flight);
    trial.lost.window = sum(&done.clients.window);
    trial
}
