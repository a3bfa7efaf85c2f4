//! One cell on a live stack: change the settings, wait until all is well with them, let routers die, watch for a while.

use super::cell::{self, Death, Seen};
use crate::experiment::begin::names;
use crate::experiment::forecast::Forecast;
use crate::experiment::measure::checks::Check;
use crate::experiment::mistakes;
use crate::experiment::pause;
use crate::experiment::plan;
use crate::experiment::trial::{self, TrialError, rules};
use crate::experiment::watch::Watch;
use crate::fleet::FleetHandle;
use crate::process::control;
use crate::settings::LabSettings;
use lb_sim::theory::mistakes::Pauses;
use router::clock::{self, Timestamp};
use router::fault::Spec;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// What is done in each cell.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub spec: Spec,
    pub trials: u32,
    pub pauses: Option<Pauses>,
    /// `None`: by the cell's interval.
    pub observe: Option<Duration>,
    pub restart_delay: Option<Duration>,
}

/// Beyond what checks take, on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Measures a cell; `load` is where its load answers, `settings` are its own, its seed included, and `swept` what the
/// stack has to be told of them.
pub async fn measure(
    fleet: &FleetHandle,
    load: &Path,
    watch: &mut Watch,
    task: &Task,
    swept: &[(String, String)],
    settings: &LabSettings,
) -> Result<Seen, TrialError> {
    let words: Map<String, Value> = swept
        .iter()
        .map(|(key, word)| (key.clone(), Value::String(word.clone())))
        .collect();
    if !words.is_empty() {
        fleet.set(words).await?;
    }
    settled(watch, settings).await?;
    watch.records.clear();
    let deaths = deaths(fleet, watch, task, settings).await?;
    settled(watch, settings).await?;
    watch.records.clear();
    let (checks_per_s, mistakes) = observe(fleet, watch, task, settings).await?;
    Ok(Seen {
        deaths,
        checks_per_s,
        mistakes: task.pauses.zip(mistakes),
        late_p99_ms: late_p99_ms(load).await,
    })
}

async fn late_p99_ms(load: &Path) -> Option<f64> {
    let report = control::ask(load, &serde_json::json!({ "cmd": "show" }))
        .await
        .ok()?;
    report["late_p99_ns"].as_f64().map(|ns| ns / 1e6)
}

async fn deaths(
    fleet: &FleetHandle,
    watch: &mut Watch,
    task: &Task,
    settings: &LabSettings,
) -> Result<Vec<Death>, TrialError> {
    let forecast = Forecast::new(settings, task.spec, 1);
    let rules = rules::rules(task.spec, settings, &forecast, task.restart_delay);
    let strikes = plan::strikes(settings.seed.unwrap_or(1), task.trials, settings.routers, 1);
    let stack = watch.logs.parent().and_then(Path::file_name);
    let stack = stack.map(|name| name.to_string_lossy().into_owned());
    let mut deaths = Vec::new();
    for (n, strike) in (1..).zip(&strikes) {
        let happened = trial::run(fleet, watch, &rules, strike).await?;
        let trials = happened.measure(watch, n, &rules, &forecast);
        deaths.extend(trials.into_iter().map(|trial| Death {
            detected: trial.detected,
            t_detect_s: trial.t_detect_s,
            predicted_t_detect_s: trial.predicted_t_detect_s,
            lost: trial.lost.total(),
            events_dropped: trial.events_dropped,
            disturbed: trial.disturbed,
            at_ns: trial.at_ns,
            stack: stack.clone(),
            router: trial.router,
        }));
    }
    Ok(deaths)
}

/// Watches the checks, and with pauses the mistakes; returns when all is well again.
async fn observe(
    fleet: &FleetHandle,
    watch: &mut Watch,
    task: &Task,
    settings: &LabSettings,
) -> Result<(Option<f64>, Option<mistakes::Mistakes>), TrialError> {
    let span = task.observe.unwrap_or_else(|| {
        let intervals = settings.lb.check.interval * 4;
        intervals.clamp(Duration::from_secs(1), Duration::from_secs(30))
    });
    let begin = clock::now();
    let end = begin + span;
    match task.pauses {
        None => watch.collect(end).await.map_err(trial::missed("watching"))?,
        Some(pauses) => {
            let plan = pause::schedule(settings.seed.unwrap_or(1), pauses, settings.routers, span);
            let (watched, ()) = tokio::join!(watch.collect(end), pause::drive(fleet, pauses, &plan, begin));
            watched.map_err(trial::missed("watching"))?;
        }
    }
    let checks = cell::checks_per_second(&watch.records, watch.checks_by, (begin, end));
    if task.pauses.is_none() {
        return Ok((checks, None));
    }
    settled(watch, settings).await?;
    let seen = mistakes::count(&watch.records, &names(settings), (begin, end));
    Ok((checks, Some(seen)))
}

/// Until each router is in use and has passed a check that started from now on.
async fn settled(watch: &mut Watch, settings: &LabSettings) -> Result<(), TrialError> {
    let begin = clock::now();
    let check = &settings.lb.check;
    let cycle = check.interval + check.jitter + check.timeout;
    let names = names(settings);
    let checked = settings.shows_checks();
    let ejected: Option<Timestamp> = names.iter().filter_map(|name| watch.ejected_until(name)).max();
    // A wait that began before the first request goes on.
    let quiet = check.no_traffic_interval.unwrap_or_default();
    let deadline = begin.max(ejected.unwrap_or(begin)) + quiet + cycle * (check.rise + 2) + SLACK;
    let mut passed = BTreeSet::new();
    while checked && passed.len() < names.len() || !names.iter().all(|name| watch.in_use(name)) {
        let record = watch.next_by(begin, deadline).await;
        let record = record.map_err(trial::missed("waiting until every router is in use and checked"))?;
        if let Some(check) = Check::of(&record)
            && check.by == watch.checks_by
            && check.passed
            && check.started >= begin
        {
            passed.insert(check.router.to_owned());
        }
    }
    Ok(())
}
