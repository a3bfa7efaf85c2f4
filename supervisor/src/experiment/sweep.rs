//! `resetlab sweep`: many settings on one stack, a row each: how long a dead router is used, what that loses, what the
//! checks cost, how often a living one is ejected; theory beside. Which interval should I choose?
//!
//! In the order that data meets them: [`args`] → [`driver`] (live) → [`cell`] → [`store`] → [`verdict`] → [`table`].

pub mod args;
pub mod cell;
mod driver;
mod remedy;
mod store;
mod table;
pub mod verdict;

pub use args::Args;

use super::load::arrivals::Arrivals;
use super::stack::Stack;
use super::summary::{Machine, Setup};
use super::trial::TrialError;
use super::watch::Watch;
use super::{begin, plan, setup};
use crate::engine::{Engine, choice};
use crate::fleet::FleetHandle;
use crate::report;
use crate::settings::LabSettings;
use crate::signals::{End, Signals};
use args::Axis;
use cell::{Cell, Plan};
use driver::Task;
use router::fault::Spec;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use store::{Store, StoreError};
use verdict::{Document, Origin};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const OBJECTIVE_MISSED: u8 = 3;

/// How long each cell with pauses is watched, unless told otherwise.
const OBSERVE: Duration = Duration::from_secs(30);

/// Runs the sweep and prints its result. Call it on the main thread's current-thread runtime.
pub async fn run(args: Args, json: bool) -> ExitCode {
    match Sweep::prepare(args, json) {
        Ok(sweep) => sweep.run().await,
        Err((code, why)) => fail(code, &why),
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("resetlab sweep: {why}");
    ExitCode::from(code)
}

/// What a running stack is asked through.
#[derive(Clone, Copy)]
struct Live<'a> {
    fleet: &'a FleetHandle,
    /// Where its load answers.
    load: &'a Path,
}

enum Ended {
    Failed(TrialError),
    /// A stack could not be had, or not be ended; the exit code.
    Stack(String, u8),
    NotSaved(std::io::Error),
    Told(End),
}

struct Sweep {
    args: Args,
    json: bool,
    plan: Plan,
    task: Task,
    /// What each cell sets, with the whole settings that makes.
    todo: Vec<(Vec<(String, String)>, LabSettings)>,
    store: Store,
    origin: Origin,
    /// By stacks that have ended.
    records_lost: u64,
}

impl Sweep {
    /// All that can be wrong with what was asked is wrong here.
    fn prepare(mut args: Args, json: bool) -> Result<Sweep, (u8, String)> {
        let usage = |why: &dyn std::fmt::Display| (USAGE, why.to_string());
        let lists = args.stack.take_lists();
        let axes: Result<Vec<Axis>, String> = lists
            .into_iter()
            .map(|(key, text)| Ok((key.clone(), args::words(&key, &text)?)))
            .collect();
        let axes = axes.map_err(|e| usage(&e))?;
        let mut base = args.stack.settings_unchecked().map_err(|e| usage(&e))?;
        if base.rate <= 0.0 {
            return Err(usage(&"--rate: an experiment needs requests, such as --rate 200"));
        }
        super::args::possible(args.fault.into(), &base).map_err(|e| usage(&e))?;
        if let (Some(file), Some((key, _))) = (&base.engine_config, axes.first()) {
            let file = file.display();
            return Err(usage(&format!(
                "--{key}: {file} says how routers are checked: a sweep cannot vary it there; without the file it can"
            )));
        }
        let saved = base.out.as_deref().and_then(store::seed);
        let seed = base.seed.or(saved).unwrap_or_else(plan::fresh_seed);
        base.seed = Some(seed);
        let mut todo = Vec::new();
        for (number, swept) in (0..).zip(args::product(&axes).map_err(|e| usage(&e))?) {
            let mut settings = base.clone();
            for (key, word) in &swept {
                settings
                    .set(&format!("--{key}"), key, word)
                    .map_err(|e| usage(&e.problem))?;
            }
            settings.possible_together().map_err(|e| usage(&e))?;
            choice::peer(&settings).map_err(|e| (e.exit_code(), e.to_string()))?;
            settings.seed = Some(seed.wrapping_add(number));
            todo.push((swept, settings));
        }
        let delay = args.stack.restart_delay_given().then_some(base.restart_delay);
        let task = Task {
            spec: Spec::new(args.fault.into()),
            trials: args.trials,
            pauses: args.pause.map(|spec| spec.0),
            observe: args.observe.or(args.pause.map(|_| OBSERVE)),
            restart_delay: delay,
        };
        let plan = document(&args, &task, &base, axes);
        let origin = Origin {
            command: setup::command(),
            setup: Some(Setup::new(&base, task.spec, task.trials, 1)),
            machine: Machine::here(),
        };
        let store = Store::open(base.out.as_deref(), &plan).map_err(|e| match e {
            StoreError::Io(e) => (FAILED, e.to_string()),
            e @ StoreError::AnotherPlan { .. } => usage(&e),
        })?;
        Ok(Sweep {
            args,
            json,
            plan,
            task,
            todo,
            records_lost: store.records_lost,
            store,
            origin,
        })
    }

    async fn run(mut self) -> ExitCode {
        let done = self.store.cells.len();
        if done > 0 {
            eprintln!(
                "resetlab sweep: {done} of {} cells are done in {}: going on",
                self.todo.len(),
                self.store.dir.display()
            );
        }
        let Some(first) = self.left().first().copied() else {
            return self.finish(Ok(()), None);
        };
        if self.todo[first].1.engine != Engine::LbSim {
            let ended = self.stacks().await;
            return self.finish(ended, None);
        }
        let mut settings = self.todo[first].1.clone();
        settings.seed = self.plan.seed.parse().ok();
        settings.out = Some(self.store.stack_dir());
        let (mut stack, records) = match Stack::start(&settings).await {
            Ok(stack) => stack,
            Err(e) => return fail(e.exit, &e.text),
        };
        let mut watch = Watch::new(records, &stack.dir);
        let load = stack.load_socket();
        let ended = {
            let Stack { fleet, signals, .. } = &mut stack;
            let live = Live { fleet, load: &load };
            tokio::select! {
                ended = self.cells(live, &mut watch, &settings) => ended,
                end = signals.next() => Err(Ended::Told(end)),
            }
        };
        let end = stack.end().await;
        self.records_lost += end.records_lost;
        self.finish(ended, end.trouble)
    }

    /// A running program takes no other settings: each cell has a stack of its own.
    async fn stacks(&mut self) -> Result<(), Ended> {
        // Also between two stacks somebody may end it.
        let signals = Signals::new().map_err(|e| Ended::Stack(e.to_string(), FAILED));
        let mut signals = signals?;
        for number in self.left() {
            let mut settings = self.todo[number].1.clone();
            settings.out = Some(self.store.stack_dir());
            let started = Stack::start(&settings).await;
            let (stack, records) = started.map_err(|e| Ended::Stack(e.text, e.exit))?;
            let mut watch = Watch::new(records, &stack.dir);
            let load = stack.load_socket();
            let live = Live {
                fleet: &stack.fleet,
                load: &load,
            };
            let ended = tokio::select! {
                ended = self.alone(number, live, &mut watch, &settings) => ended,
                end = signals.next() => Err(Ended::Told(end)),
            };
            let end = stack.end().await;
            self.records_lost += end.records_lost;
            if let Some(trouble) = end.trouble {
                return Err(Ended::Stack(trouble, FAILED));
            }
            ended?;
        }
        Ok(())
    }

    /// The cells that are not done, in order.
    fn left(&self) -> Vec<usize> {
        let done = |number: &usize| self.store.cells.iter().any(|cell| cell.cell == *number);
        (0..self.todo.len()).filter(|number| !done(number)).collect()
    }

    async fn cells(
        &mut self,
        live: Live<'_>,
        watch: &mut Watch,
        settings: &LabSettings,
    ) -> Result<(), Ended> {
        begin::begin(live.fleet, watch, settings)
            .await
            .map_err(Ended::Failed)?;
        for number in self.left() {
            let swept = self.todo[number].0.clone();
            self.cell(number, &swept, live, watch).await?;
        }
        Ok(())
    }

    /// Begins with a stack of its own, and measures its one cell.
    async fn alone(
        &mut self,
        number: usize,
        live: Live<'_>,
        watch: &mut Watch,
        settings: &LabSettings,
    ) -> Result<(), Ended> {
        begin::begin(live.fleet, watch, settings)
            .await
            .map_err(Ended::Failed)?;
        self.cell(number, &[], live, watch).await
    }

    /// Measures and saves a cell; `changed` is what its stack has to be told of its settings.
    async fn cell(
        &mut self,
        number: usize,
        changed: &[(String, String)],
        live: Live<'_>,
        watch: &mut Watch,
    ) -> Result<(), Ended> {
        let (swept, settings) = &self.todo[number];
        let seen = driver::measure(live.fleet, live.load, watch, &self.task, changed, settings)
            .await
            .map_err(Ended::Failed)?;
        let cell = Cell::new(number, swept, settings, &self.task.spec, seen);
        let words: Vec<String> = swept.iter().map(|(key, word)| format!("{key}={word}")).collect();
        self.store.add(cell).map_err(Ended::NotSaved)?;
        self.store.save(&self.document()).map_err(Ended::NotSaved)?;
        // Said when it is safe: whoever reads this may kill the sweep.
        if !self.json {
            eprintln!("cell {}/{}: {}", number + 1, self.todo.len(), words.join(" "));
        }
        Ok(())
    }

    fn document(&self) -> Document {
        let document = Document::new(
            &self.plan,
            &self.store.cells,
            self.todo.len(),
            self.args.slo,
            self.args.deaths_per_hour,
        );
        Document {
            origin: self.origin.clone(),
            records_lost: self.records_lost,
            ..document
        }
    }

    fn finish(self, ended: Result<(), Ended>, trouble: Option<String>) -> ExitCode {
        let document = self.document();
        let dir = &self.store.dir;
        let saved = self.store.save(&document);
        let report = report::leave(dir, "sweep");
        let report = report.map_or(String::new(), |path| {
            format!("report          {}\n", path.display())
        });
        let text = if self.json {
            serde_json::to_string_pretty(&document).expect("a document has string keys only") + "\n"
        } else {
            format!(
                "{}results         {}\n{report}",
                table::render(&document),
                dir.display()
            )
        };
        // A reader that has had enough (`| head`) is no failure of the sweep.
        let _ = std::io::stdout().write_all(text.as_bytes());
        let again = on_with(dir);
        let unsaved = saved.map_err(|e| format!("cannot write results to {}: {e}", dir.display()));
        let troubles: Vec<String> = trouble.into_iter().chain(unsaved.err()).collect();
        for trouble in &troubles {
            fail(FAILED, trouble);
        }
        match ended {
            Err(Ended::Told(end)) => {
                eprintln!("resetlab sweep: interrupted; {again}");
                // What it measured is not whole in its directory, whoever ended it.
                return match troubles.is_empty() {
                    true => end.code(),
                    false => ExitCode::from(FAILED),
                };
            }
            Err(Ended::Stack(why, code)) => return fail(code, &format!("{why}\n{again}")),
            Err(Ended::NotSaved(e)) => {
                return fail(FAILED, &format!("cannot write results to {}: {e}", dir.display()));
            }
            Err(Ended::Failed(e)) => {
                let code = match &e {
                    TrialError::Fleet(e) => e.exit_code(),
                    TrialError::Missed { .. } => FAILED,
                };
                return fail(code, &format!("{e}\n{again}"));
            }
            Ok(()) => {}
        }
        if !troubles.is_empty() {
            return ExitCode::from(FAILED);
        }
        match self.args.slo {
            Some(slo) if document.missed() => fail(
                OBJECTIVE_MISSED,
                &format!(
                    "objective missed: no cell reaches {slo}{}",
                    remedy::remedy(&document, &self.todo, self.task.spec)
                ),
            ),
            _ => ExitCode::SUCCESS,
        }
    }
}

fn on_with(dir: &Path) -> String {
    format!("the same command with --out {} goes on", dir.display())
}

fn document(args: &Args, task: &Task, base: &LabSettings, axes: Vec<Axis>) -> Plan {
    let seconds = |time: Duration| time.as_secs_f64();
    let own = |words: Vec<(&str, String)>| {
        words
            .into_iter()
            .map(|(key, word)| (key.to_owned(), word))
            .collect()
    };
    Plan {
        schema: "resetlab.sweep-plan.v1".to_owned(),
        seed: base.seed.unwrap_or(1).to_string(),
        fault: task.spec.fault,
        engine: base.engine.name().to_owned(),
        trials: task.trials,
        pause: args.pause.map(|pause| pause.to_string()),
        observe_s: task.observe.map(seconds),
        restart_delay_s: task.restart_delay.map(seconds),
        routers: base.routers,
        apps: base.apps,
        rate: base.rate,
        arrivals: match base.arrivals {
            Arrivals::Constant => "constant",
            Arrivals::Poisson => "poisson",
        }
        .to_owned(),
        client_timeout_s: seconds(base.client_timeout),
        drain_wait_s: seconds(base.router.drain_wait),
        router: own(base.router.in_force().words()),
        preset: base.preset_note(),
        settings: own(base.lb.words()),
        axes,
    }
}
