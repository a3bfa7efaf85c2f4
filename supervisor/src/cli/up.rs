//! `up`: a lab from its first process to its last, told on the way.

mod banner;
mod summary;
mod teller;

use super::signals::{End, Signals};
use super::{Common, Failure};
use crate::control::{self, LabFacts};
use crate::fleet::{Fleet, FleetHandle, FleetPlan, Records};
use crate::lab::{self, Journal, Lease, LeaseError, RuntimeDir, Taken};
use crate::process::restart::RestartPolicy;
use crate::settings::LabSettings;
use crate::story::Story;
use router::clock;
use std::path::PathBuf;
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
    /// Settings file [default: ./resetlab.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "RESETLAB_CONFIG")]
    config: Option<PathBuf>,
    /// How many routers, 1 to 250 [default: 4]
    #[arg(long, value_name = "N")]
    routers: Option<String>,
    /// How many instances of the app [default: 2]
    #[arg(long, value_name = "N")]
    apps: Option<String>,
    /// Requests a second; 0 is idle [default: 200]
    #[arg(long, value_name = "R")]
    rate: Option<String>,
    /// How requests follow each other [default: poisson]
    #[arg(long, value_name = "constant|poisson")]
    arrivals: Option<String>,
    /// A request not answered by then is lost [default: 5s]
    #[arg(long, value_name = "TIME")]
    client_timeout: Option<String>,
    /// From a router's death to its next start; short ones hide the window [default: 15s]
    #[arg(long, value_name = "TIME")]
    restart_delay: Option<String>,
    /// Seed of arrivals and jitter [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// Use the addresses 127.K.0.0/16 [default: the first free one]
    #[arg(long, value_name = "K")]
    net: Option<String>,
    /// Where the balancer listens [default: 127.K.0.2:8000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where results go [default: a new directory below ./resetlab-runs]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    #[command(flatten)]
    lb: lb_sim::SettingsArgs,
}

pub(super) async fn run(common: &Common, args: &UpArgs) -> Result<ExitCode, Failure> {
    let settings = args.settings()?;
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
    let plan = FleetPlan {
        addresses: lease.addresses,
        routers: settings.routers,
        apps: settings.apps,
        lb: settings.lb.clone(),
        seed: settings.seed,
        load: settings.load_plan(),
        restart: RestartPolicy::After(settings.restart_delay),
        run_dir: run_dir.clone(),
        control_dir: name.children.clone(),
    };
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
        again = signals.next() => return again.code(),
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

impl UpArgs {
    /// Defaults < file < environment < these flags.
    fn settings(&self) -> Result<LabSettings, Failure> {
        let environment = std::env::vars_os();
        let environment =
            environment.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        let bad = |e| Failure::new(2, e);
        let mut settings = LabSettings::load(self.config.as_deref(), environment).map_err(bad)?;
        let given = [
            ("routers", &self.routers),
            ("apps", &self.apps),
            ("rate", &self.rate),
            ("arrivals", &self.arrivals),
            ("client-timeout", &self.client_timeout),
            ("restart-delay", &self.restart_delay),
            ("seed", &self.seed),
            ("net", &self.net),
            ("listen", &self.listen),
            ("out", &self.out),
        ];
        for (key, word) in given {
            if let Some(word) = word {
                settings
                    .set(key, word)
                    .map_err(|words| Failure::new(2, format!("--{key}: {words}")))?;
            }
        }
        self.lb.apply(&mut settings.lb).map_err(|e| Failure::new(2, e))?;
        Ok(settings)
    }
}

fn taken(error: Taken) -> Failure {
    let code = if matches!(error, Taken::Io { .. }) { 1 } else { 2 };
    Failure::new(code, error)
}

fn leased(error: LeaseError) -> Failure {
    Failure::new(2, error)
}
