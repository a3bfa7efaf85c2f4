//! `resetlab run`: a stack of its own, n deaths, one document.

pub use super::args::Args;

use super::forecast::Forecast;
use super::measure::{Teller, Trial};
use super::progress::Progress;
use super::stack::{self, Stack};
use super::summary::{
    self, Exposure, Interrupted, LoadReport, Machine, Percentiles, Setup, Standing, Summary,
};
use super::trial::{self, Happened, Rules, TrialError, rules::rules};
use super::watch::Watch;
use super::{args, begin, interrupted, plan, setup, table};
use crate::fleet::FleetHandle;
use crate::report;
use crate::settings::{LabSettings, entries, load::word};
use crate::signals::End;
use lb_sim::core::Settings;
use router::fault::Spec;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit codes of a run.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const OBJECTIVE_MISSED: u8 = 3;

/// Runs the experiment and prints its result. Call it on the main thread's current-thread runtime.
pub async fn run(args: &Args, json: bool) -> ExitCode {
    let mut settings = match args.stack.settings() {
        Ok(settings) => settings,
        Err(e) => return fail(USAGE, &e.to_string()),
    };
    if settings.rate <= 0.0 {
        return fail(USAGE, "--rate: an experiment needs requests, such as --rate 200");
    }
    let (spec, victims) = match args.spec().and_then(|spec| {
        args::possible(spec.fault, &settings)?;
        Ok((spec, args.victims.of(settings.routers)?))
    }) {
        Ok(fault) => fault,
        Err(e) => return fail(USAGE, &e),
    };
    settings.seed.get_or_insert_with(plan::fresh_seed);
    Experiment::run(args, spec, victims, settings, json).await
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("resetlab run: {why}");
    ExitCode::from(code)
}

/// Why a run ended before its last trial.
enum Ended {
    Failed(TrialError),
    Told(End),
}

/// What does not change during a run, and what has been measured.
struct Experiment<'a> {
    args: &'a Args,
    settings: LabSettings,
    /// Routers hit in each trial.
    victims: u32,
    json: bool,
    rules: Rules,
    forecast: Forecast,
    dir: PathBuf,
    /// Trials by their numbers whose outcomes may still be on their way.
    open: Vec<(u32, Happened)>,
    trials: Vec<Trial>,
    load: LoadReport,
    teller: Teller,
    complete: bool,
    standing: Standing,
    interrupted: Option<Interrupted>,
    records_lost: u64,
    setup: Setup,
    machine: Option<Machine>,
}

impl Experiment<'_> {
    async fn run(args: &Args, spec: Spec, victims: u32, settings: LabSettings, json: bool) -> ExitCode {
        let (mut stack, records) = match Stack::start(&settings).await {
            Ok(stack) => stack,
            Err(e) => return fail(e.exit, &e.text),
        };
        let rate = settings.rate;
        let forecast = Forecast::new(&settings, spec, victims);
        let mut experiment = Experiment {
            args,
            rules: rules(
                spec,
                &settings,
                &forecast,
                args.stack.restart_delay_given().then_some(settings.restart_delay),
            ),
            forecast,
            victims,
            json,
            dir: stack.dir.clone(),
            open: Vec::new(),
            trials: Vec::new(),
            load: LoadReport {
                rate,
                arrivals: word(&settings.arrivals),
                method: word(&settings.method),
                connection: word(&settings.connection()),
                ..LoadReport::default()
            },
            setup: Setup::new(&settings, spec, args.trials, victims),
            machine: Machine::here(),
            settings,
            teller: Teller::default(),
            complete: false,
            standing: Standing::UnderWay,
            interrupted: None,
            records_lost: 0,
        };
        let mut watch = Watch::new(records, &stack.dir);
        let ended = {
            let Stack { fleet, signals, .. } = &mut stack;
            tokio::select! {
                ended = experiment.trials(fleet, &mut watch) => ended.map_err(Ended::Failed),
                end = signals.next() => Err(Ended::Told(end)),
            }
        };
        experiment.complete = ended.is_ok();
        experiment.standing = Standing::Final;
        experiment.settle(&stack, &mut watch).await;
        experiment.measure(&watch);
        experiment.interrupted = experiment.interrupted(&watch);
        let stack::End {
            records_lost,
            trouble,
        } = stack.end().await;
        experiment.records_lost = records_lost;
        experiment.finish(ended, trouble)
    }

    async fn trials(&mut self, fleet: &FleetHandle, watch: &mut Watch) -> Result<(), TrialError> {
        let progress = Progress::new(self.args.trials, self.json);
        self.save();
        for why in begin::patience(&self.settings)
            .into_iter()
            .chain(self.rules.patience())
        {
            eprintln!("{why}");
        }
        begin::begin(fleet, watch, &self.settings).await?;
        let plan = plan::strikes(self.seed(), self.args.trials, self.settings.routers, self.victims);
        for (n, strike) in (1..).zip(&plan) {
            let happened = trial::run(fleet, watch, &self.rules, strike).await?;
            self.measure(watch);
            self.save();
            progress.done(&happened.measure(watch, n, &self.rules, &self.forecast));
            self.open.push((n, happened));
        }
        Ok(())
    }

    /// Stops the load and takes in the outcome of every request that was sent.
    async fn settle(&mut self, stack: &Stack, watch: &mut Watch) {
        if let Some(report) = stack.load_report().await {
            let ms = |key: &str| report[key].as_f64().map(|ns| ns / 1e6);
            self.load.late_p99_ms = ms("late_p99_ns");
            self.load.late_max_ms = ms("late_max_ns");
            self.load.latency_ms = Percentiles::of(&report, "");
            self.load.service_ms = Percentiles::of(&report, "service_");
        }
        // A load that cannot be stopped is dealt with when the stack ends; its outcomes so far are in.
        let _ = stack.fleet.drain_load().await;
        watch.take_all();
    }

    /// Measures the trials whose requests have all ended by now.
    fn measure(&mut self, watch: &Watch) {
        for (n, happened) in std::mem::take(&mut self.open) {
            let trials = happened.measure(watch, n, &self.rules, &self.forecast);
            self.trials.extend(trials);
        }
        self.teller = watch.teller.clone();
        let (sent, ok, lost) = watch.load;
        self.load = LoadReport {
            sent,
            ok,
            lost,
            healthy_ms: watch.answers.healthy(),
            ..self.load.clone()
        };
    }

    fn interrupted(&self, watch: &Watch) -> Option<Interrupted> {
        let done = self.trials.last().map_or(0, |trial| trial.trial);
        let of_trials: u64 = self.trials.iter().map(|trial| trial.lost.total()).sum();
        let unexplained = self.load.lost.saturating_sub(of_trials);
        interrupted::interrupted(&watch.records, done, self.victims, unexplained).filter(|_| !self.complete)
    }

    fn seed(&self) -> u64 {
        self.settings.seed.unwrap_or(1)
    }

    fn summary(&self) -> Summary {
        let exposure = Exposure::of(self.rules.spec, self.victims, &self.settings);
        let preset = self.settings.preset_note();
        Summary {
            schema: "resetlab.run.v1".into(),
            seed: self.seed().to_string(),
            engine: self.teller.engine.clone(),
            engine_version: self.teller.version.clone(),
            preset: preset.name.clone(),
            preset_grade: preset.grade.clone(),
            preset_versions: preset.versions.clone(),
            preset_with: preset.overridden.clone(),
            complete: self.complete,
            standing: self.standing,
            interrupted: self.interrupted,
            records_lost: self.records_lost,
            check: check_document(&self.settings.lb),
            router: entries::document(&self.settings.router.in_force()),
            load: self.load.clone(),
            slo: self.args.slo,
            summary: summary::totals(&self.trials, &self.load, exposure),
            theory: self.forecast.theory(),
            trials: self.trials.clone(),
            command: setup::command(),
            setup: Some(self.setup.clone()),
            machine: self.machine.clone(),
        }
    }

    /// Replaces `summary.json` whole, so that a reader never sees half of it.
    fn save(&self) -> bool {
        let saved = write_whole(&self.dir.join("summary.json"), &self.summary());
        if let Err(e) = &saved {
            eprintln!(
                "resetlab run: cannot write summary.json in {}: {e}",
                self.dir.display()
            );
        }
        saved.is_ok()
    }

    fn finish(self, ended: Result<(), Ended>, trouble: Option<String>) -> ExitCode {
        let saved = self.save();
        if !saved {
            eprintln!(
                "resetlab run: the summary.json there, if any, is of an earlier moment; what follows here is whole"
            );
        }
        let report = report::leave(&self.dir, "run");
        let report = report.map_or(String::new(), |path| {
            format!("report          {}\n", path.display())
        });
        let summary = self.summary();
        let text = if self.json {
            serde_json::to_string_pretty(&summary).expect("a summary has string keys only") + "\n"
        } else {
            format!(
                "{}results         {}\n{report}",
                table::render(&summary),
                self.dir.display()
            )
        };
        // A reader that has had enough (`| head`) is no failure of the run.
        let _ = std::io::stdout().write_all(text.as_bytes());
        let failed = trouble.is_some() || !saved;
        if let Some(trouble) = trouble {
            fail(FAILED, &trouble);
        }
        match ended {
            Err(Ended::Failed(e)) => {
                let code = match &e {
                    TrialError::Fleet(e) => e.exit_code(),
                    TrialError::Missed { .. } => FAILED,
                };
                return fail(
                    code,
                    &format!("{e}\nwhat was measured is in {}", self.dir.display()),
                );
            }
            // It has said so: what was measured is not whole in its directory, whoever ended it.
            _ if failed => return ExitCode::from(FAILED),
            Err(Ended::Told(end)) => return end.code(),
            Ok(()) => {}
        }
        match (self.args.slo, summary.summary.success) {
            (Some(slo), Some(success)) if success < slo => fail(
                OBJECTIVE_MISSED,
                &format!("objective missed: {success:.5} of the requests succeeded, {slo} wanted"),
            ),
            _ => ExitCode::SUCCESS,
        }
    }
}

/// Every setting by its word, and some as numbers.
fn check_document(settings: &Settings) -> serde_json::Value {
    let check = &settings.check;
    let words: std::collections::BTreeMap<_, _> = settings.words().into_iter().collect();
    let mut document = serde_json::json!(words);
    let figures = [
        ("interval_s", serde_json::json!(check.interval.as_secs_f64())),
        ("timeout_s", check.timeout.as_secs_f64().into()),
        ("fall", check.fall.into()),
        ("rise", check.rise.into()),
        ("jitter_s", check.jitter.as_secs_f64().into()),
        ("on_failure", words["on-failure"].as_str().into()),
        ("retries", settings.retry.retries.into()),
        ("retry_budget", words["retry-budget"].as_str().into()),
        ("retry_breaker", words["retry-breaker"].as_str().into()),
        ("connect_timeout_s", settings.connect_timeout.as_secs_f64().into()),
        (
            "response_timeout_s",
            settings.response_timeout.as_secs_f64().into(),
        ),
    ];
    for (key, figure) in figures {
        document[key] = figure;
    }
    document
}

fn write_whole(path: &Path, summary: &Summary) -> std::io::Result<()> {
    let new = path.with_extension("json.new");
    let mut document = serde_json::to_value(summary)?;
    if summary.standing == Standing::UnderWay && summary.load.sent == 0 {
        for unheard in ["sent", "ok", "lost"] {
            document["load"][unheard] = serde_json::Value::Null;
        }
    }
    std::fs::write(&new, serde_json::to_vec_pretty(&document)?)?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_setting_by_its_word() {
        let settings: Settings =
            "interval=500ms fall-interval=1s on-failure=retry retry-to=same retry-delay=1s fall=3"
                .parse()
                .unwrap();
        let check = check_document(&settings);
        for (key, word) in settings.words() {
            let shown = match &check[key] {
                serde_json::Value::String(shown) => shown.clone(),
                figure => figure.to_string(),
            };
            assert_eq!(shown, word, "{key}");
        }
        for (key, wanted) in [
            ("interval_s", serde_json::json!(0.5)),
            ("fall", 3.into()),
            ("on_failure", "retry".into()),
            ("retry-to", "same".into()),
            ("retry-delay", "1s".into()),
        ] {
            assert_eq!(check[key], wanted, "{key}");
        }
    }
}
