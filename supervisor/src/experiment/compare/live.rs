//! One trial on a live stack of its own: start, fault, end, and only then the figures, when nothing can come any more.

use super::Hold;
use super::side::{Clients, Done};
use crate::experiment::begin;
use crate::experiment::forecast::Forecast;
use crate::experiment::measure;
use crate::experiment::plan::Strike;
use crate::experiment::stack::{self, Stack};
use crate::experiment::trial::{self, Happened, Rules, TrialError, rules};
use crate::experiment::watch::Watch;
use crate::settings::LabSettings;
use crate::signals::{End, Signals};
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Event, Record};

/// Why there is no trial.
pub enum Lost {
    Told(End),
    /// What to print, and the exit code.
    Failed(String, u8),
    /// What to print, and how many of its records could not be written.
    Records(String, u64),
}

/// What a trial is to be.
pub struct Task<'a> {
    pub settings: &'a LabSettings,
    pub spec: Spec,
    pub strike: &'a Strike,
    /// Its number, from 1.
    pub n: u32,
    pub hold: Hold,
}

/// Runs `task`. Whatever happens, its stack is gone afterwards.
pub async fn trial(task: &Task<'_>, signals: &mut Signals) -> Result<Done, Lost> {
    let started = Stack::start(task.settings).await;
    let (stack, records) = started.map_err(|e| Lost::Failed(e.text, e.exit))?;
    let forecast = Forecast::new(task.settings, task.spec, 1);
    let rules = rules::rules(task.spec, task.settings, &forecast, None);
    let rules = Rules {
        comes_back: false,
        restart_delay: match task.hold {
            Hold::For(time) => Some(time),
            Hold::UntilNoticed => None,
            Hold::AsMissed => Some(rules.give_up),
        },
        ..rules
    };
    let patience = begin::patience(task.settings).into_iter().chain(rules.patience());
    for why in patience.filter(|_| task.n == 1) {
        eprintln!("{}: {why}", task.settings.engine);
    }
    let mut watch = Watch::new(records, &stack.dir);
    let happened = tokio::select! {
        happened = happen(&stack, &mut watch, &rules, task) => happened,
        end = signals.next() => {
            let ended = stack.end().await;
            return Err(match ended.trouble {
                Some(why) => Lost::Records(why, ended.records_lost),
                None => Lost::Told(end),
            });
        }
    };
    let report = stack.load_report().await;
    // Every request ends before anything else does; what cannot be stopped is dealt with when the stack ends.
    let _ = stack.fleet.drain_load().await;
    let (ended, dir) = (clock::now(), stack.dir.clone());
    let stack::End {
        records_lost,
        trouble,
    } = stack.end().await;
    let failed = |why: String, code: u8| {
        let why = format!("{why}\nthe logs of that trial are in {}", dir.display());
        Err(Lost::Failed(why, code))
    };
    let happened = match (happened, trouble) {
        (Ok(happened), None) => happened,
        (Err(e), _) => {
            let code = match &e {
                TrialError::Fleet(e) => e.exit_code(),
                TrialError::Missed { .. } => 1,
            };
            return failed(e.to_string(), code);
        }
        (Ok(_), Some(trouble)) => {
            let why = format!("{trouble}\nthe logs of that trial are in {}", dir.display());
            return Err(Lost::Records(why, records_lost));
        }
    };
    watch.take_all();
    watch.records.retain(|record| belongs(record, ended));
    let seen = measure::seen_by_clients(&watch.records, &happened.victims);
    let trial = happened.measure(&watch, task.n, &rules, &forecast);
    let told = &watch.teller.engine;
    if told != task.settings.engine.name() {
        return failed(format!("{told} stood in its place, and nobody said why"), 1);
    }
    match (trial.into_iter().next(), seen.into_iter().next()) {
        (Some(trial), Some(seen)) => Ok(Done {
            teller: watch.teller.clone(),
            clients: Clients::of(seen),
            late_p99_ms: report.and_then(|report| report["late_p99_ns"].as_f64().map(|ns| ns / 1e6)),
            trial,
        }),
        _ => failed("no router was hit".to_owned(), 1),
    }
}

async fn happen(
    stack: &Stack,
    watch: &mut Watch,
    rules: &Rules,
    task: &Task<'_>,
) -> Result<Happened, TrialError> {
    begin::begin(&stack.fleet, watch, task.settings).await?;
    trial::run(&stack.fleet, watch, rules, task.strike).await
}

/// A stack that ends looks like deaths to its balancer. What it and the load tell of requests may come late, and counts.
fn belongs(record: &Record, ended: Timestamp) -> bool {
    let of_requests = matches!(
        record.event,
        Event::Attempt { .. } | Event::Outcome { .. } | Event::Dropped { .. }
    );
    record.at <= ended || of_requests
}
