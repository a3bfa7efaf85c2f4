//! `up`: a lab from its first process to its last, told on the way.

mod banner;
mod summary;
mod teller;

use super::{Common, Failure};
use crate::control::{self, LabFacts};
use crate::fleet::{Fleet, FleetHandle, Records};
use crate::lab::{self, Journal, Lease, LeaseError, RuntimeDir, Taken};
use crate::process::restart::RestartPolicy;
use crate::settings::StackArgs;
use crate::signals::{End, Signals};
use crate::story::Story;
use router::clock;
use std::process::ExitCode;
use std::sync::Arc;
use summary::Totals;
use teller::Teller;
use tokio::sync::Notify;

const EXAMPLES: &str = "\
Examples:
  resetlab up
  resetlab up --interval 1s --timeout 1s --fall 2 --rate 500 --arrivals constant
  resetlab --lab canary up --routers 20 --restart-delay 2s --out /tmp/canary

Settings come from resetlab.toml (interval = \"5s\"), then RESETLAB_* (RESETLAB_INTERVAL=5s), then flags.";

#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct UpArgs {
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(common: &Common, args: &UpArgs) -> Result<ExitCode, Failure> {
    let settings = args.stack.settings().map_err(|e| Failure::new(2, e))?;
    let mut signals = Signals::new().map_err(|e| Failure::new(1, e))?;
    let runtime = RuntimeDir::open().map_err(taken)?;
    let name = runtime.take(&common.lab).map_err(taken)?;
    let lease =
        Lease::take(settings.net, settings.listen, settings.routers, settings.apps).map_err(leased)?;
    let run_dir = lab::make_run_dir(settings.out.as_deref(), &name.name).map_err(|e| Failure::new(1, e))?;
    let warn = |words| {
        eprintln!("resetlab: RESULTS ARE BEING LOST: {words}; the lab goes on, what is lost is counted");
    };
    let journal = Journal::open(&run_dir, warn).map_err(|e| Failure::new(1, e))?;
    let plan = settings.fleet_plan(
        &lease,
        &name,
        &run_dir,
        RestartPolicy::Backoff(settings.backoff()),
    );
    let (fleet, records) = tokio::select! {
        started = Fleet::start(plan, Some(journal)) => started.map_err(|e| Failure::new(e.exit_code(), e))?,
        // What has been started dies with this process.
        end = signals.next() => return Ok(end.code()),
    };
    let serving_since = clock::now();
    let facts = LabFacts {
        name: name.name.clone(),
        pid: std::process::id(),
        url: format!("http://{}/", lease.addresses.lb()),
        run_dir,
    };
    let listener = control::bind(&name.socket).map_err(|e| Failure::new(1, e))?;
    let down = Arc::new(Notify::new());
    let api = tokio::spawn(control::serve(
        listener,
        fleet.clone(),
        facts.clone(),
        down.clone(),
    ));
    let mut teller = Teller::new(common.json, serving_since);
    teller.start(&facts, &lease.addresses, &settings);
    let story = Story::new(settings.lb.clone(), settings.routers);
    let (end, mut story, totals, mut records) = tell(&mut teller, story, records, &mut signals, &down).await;

    api.abort();
    let code = stop(
        &mut teller,
        &mut story,
        totals,
        &mut records,
        fleet,
        &mut signals,
        end,
    )
    .await;
    Ok(code)
}

/// Tells the story until somebody ends it.
async fn tell(
    teller: &mut Teller,
    mut story: Story,
    mut records: Records,
    signals: &mut Signals,
    down: &Notify,
) -> (End, Story, Totals, Records) {
    let mut totals = Totals::default();
    let end = loop {
        let deadline = story.next_deadline();
        tokio::select! {
            Some(entry) = records.recv() => {
                totals.add(&entry.record);
                teller.record(&entry);
                teller.tell(story.on_record(clock::now(), &entry.record));
            }
            () = clock::until(deadline.unwrap_or_default()), if deadline.is_some() => {
                teller.tell(story.on_deadline(clock::now()));
            }
            end = signals.next() => break end,
            () = down.notified() => break End::Down,
        }
    };
    (end, story, totals, records)
}

async fn stop(
    teller: &mut Teller,
    story: &mut Story,
    mut totals: Totals,
    records: &mut Records,
    fleet: FleetHandle,
    signals: &mut Signals,
    end: End,
) -> ExitCode {
    teller.note("stopping");
    let report = tokio::select! {
        report = fleet.stop_all() => report,
        // Asked twice: everything dies with this process.
        again = signals.next() => {
            eprintln!("resetlab: told twice: everything ends at once, without a summary; the records so far are kept");
            return again.code();
        }
    };
    while let Ok(entry) = records.try_recv() {
        totals.add(&entry.record);
        teller.record(&entry);
        story.join(&entry.record);
    }
    story.finish(clock::now());
    teller.end(story, &totals, &report);
    if report.journal.lost > 0 || !report.left.is_empty() {
        return ExitCode::FAILURE;
    }
    end.code()
}

fn taken(error: Taken) -> Failure {
    let code = if matches!(error, Taken::Io { .. }) { 1 } else { 2 };
    Failure::new(code, error)
}

fn leased(error: LeaseError) -> Failure {
    Failure::new(2, error)
}
