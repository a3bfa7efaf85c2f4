//! `up`: a lab from its first process to its last, told on the way.

pub(super) mod banner;
mod open;
mod page;
mod summary;
mod teller;

use super::{Common, Failure};
use crate::control::{self, Api, LabFacts, SharedMetrics};
use crate::crash::{CrashRate, Order, Traffic};
use crate::engine;
use crate::fleet::{Fleet, FleetHandle, Records};
use crate::lab::{self, Addresses, Journal, Lease, LeaseError, RuntimeDir, Taken};
use crate::metrics::Metrics;
use crate::page::{self as pages, Guard};
use crate::process::control::ask;
use crate::process::restart::RestartPolicy;
use crate::report::{self, lab::Session};
use crate::settings::{BadSetting, LabSettings, ServedAt, StackArgs};
use crate::signals::{End, Signals};
use crate::story::Story;
use page::{Live, Paged};
use router::clock::{self, Timestamp};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use summary::{Ended, Totals};
use teller::Teller;
use tokio::net::TcpListener;
use tokio::sync::Notify;

const EXAMPLES: &str = "\
Examples:
  resetlab up
  resetlab up --interval 1s --timeout 1s --fall 2 --rate 500 --arrivals constant
  resetlab up --preset haproxy --set fall=2       a real one's settings: resetlab presets
  resetlab up --crash-traffic 5/s       routers crash by themselves, as in production
  resetlab --lab canary up --routers 20 --restart-delay 2s --out /tmp/canary

Settings come from resetlab.toml (interval = \"5s\"), then RESETLAB_* (RESETLAB_INTERVAL=5s), then flags.";

#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct UpArgs {
    #[command(flatten)]
    stack: StackArgs,
    /// Serve /metrics for Prometheus there, or off [default: 127.K.0.1:9100]
    #[arg(long, value_name = "ADDR", help_heading = None)]
    metrics: Option<String>,
    /// Serve the page for browsers there, or off [default: 127.K.0.1:8080]
    #[arg(long, value_name = "ADDR", help_heading = None)]
    page: Option<String>,
    /// Show the page in a browser
    #[arg(long, help_heading = None)]
    open: bool,
    /// The share of requests that is to succeed: the page reckons the error budget with it [default: 0.999]
    #[arg(long, value_name = "SHARE", help_heading = None)]
    slo: Option<String>,
    /// Also send, through the balancer, what gorouter dies of: 5/s, 5/s:continue, or off [default: off]
    #[arg(long, value_name = "R/s[:KIND]", help_heading = None)]
    crash_traffic: Option<String>,
}

impl UpArgs {
    /// What all layers make together.
    pub fn settings(&self) -> Result<LabSettings, BadSetting> {
        let mut settings = self.stack.settings()?;
        let given = [
            ("metrics", &self.metrics),
            ("page", &self.page),
            ("slo", &self.slo),
            ("crash-traffic", &self.crash_traffic),
        ];
        for (key, word) in given {
            if let Some(word) = word {
                settings.set(&format!("--{key}"), key, word)?;
            }
        }
        Ok(settings)
    }
}

pub(super) async fn run(common: &Common, args: &UpArgs) -> Result<ExitCode, Failure> {
    let settings = args.settings().map_err(|e| Failure::new(2, e))?;
    let peer = engine::choice::peer(&settings).map_err(|e| Failure::new(e.exit_code(), e))?;
    let mut signals = Signals::new().map_err(|e| Failure::new(1, e))?;
    let runtime = RuntimeDir::open().map_err(taken)?;
    let name = runtime.take(&common.lab).map_err(taken)?;
    let lease =
        Lease::take(settings.net, settings.listen, settings.routers, settings.apps).map_err(leased)?;
    let scraped = scraped(&settings, &lease.addresses)?;
    let paged = Paged::bind(settings.page, &lease.addresses)?;
    // Before there are children of ours: it is not one.
    let browser = args.open.then(|| match paged.url() {
        Some(url) => open::browser(&url, &name.children),
        None => Err("no browser was opened: this lab has no page".to_owned()),
    });
    let run_dir = lab::make_run_dir(settings.out.as_deref(), &name.name).map_err(|e| Failure::new(1, e))?;
    name.remember(&run_dir);
    let warn = |words| {
        eprintln!("resetlab: RESULTS ARE BEING LOST: {words}; the lab goes on, what is lost is counted");
    };
    let journal = Journal::open(&run_dir, warn).map_err(|e| Failure::new(1, e))?;
    let restart = RestartPolicy::Backoff(settings.backoff());
    let mut plan = settings.fleet_plan(&lease, &name, &run_dir, restart);
    let version = peer.as_ref().and_then(|peer| peer.version.clone());
    plan.peer = peer;
    let delay = settings.router.start_response_delay_interval;
    if !delay.is_zero() {
        let delay = humantime::format_duration(delay);
        eprintln!("resetlab: the routers serve after their start-response-delay-interval of {delay}");
    }
    let (fleet, records) = tokio::select! {
        started = Fleet::start(plan, Some(journal)) => started.map_err(|e| {
            lab::give_back(&run_dir);
            Failure::new(e.exit_code(), e)
        })?,
        // What has been started dies with this process.
        end = signals.next() => return Ok(end.code()),
    };
    let serving_since = clock::now();
    let started_wall = humantime::format_rfc3339_seconds(clock::wall()).to_string();
    let facts = LabFacts {
        name: name.name.clone(),
        pid: std::process::id(),
        url: format!("http://{}/", lease.addresses.lb()),
        engine: settings.engine.to_string(),
        engine_version: version,
        run_dir,
        metrics: scraped.url(),
        page: paged.url(),
    };
    let figures = SharedMetrics::new(Mutex::new(Metrics::new(settings.lb.clone(), settings.routers)));
    let listener = control::bind(&name.socket).map_err(|e| Failure::new(1, e))?;
    let down = Arc::new(Notify::new());
    let balancer = name.children.join("lb.sock");
    let api = Api::new(fleet.clone(), facts.clone(), &balancer, down.clone());
    let (orders, read) = (api.without_token(), figures.clone());
    let api = tokio::spawn(control::serve(listener, api, read));
    let mut notes = Vec::new();
    match scraped {
        Scraped::Off => {}
        Scraped::At(listener) => drop(tokio::spawn(control::serve_metrics(listener, figures.clone()))),
        Scraped::Taken(why) => notes.push(format!("no /metrics for Prometheus: {why}")),
    }
    notes.extend(paged.note());
    let mut live = None;
    if let Paged::At {
        listener,
        address,
        token,
        ..
    } = paged
    {
        let program = teller::program_of(&facts);
        let told = live.insert(Live::new(&facts, &settings, serving_since, program)?);
        let guard = Guard::new(address, token);
        tokio::spawn(pages::serve(
            listener,
            told.feed.clone(),
            guard,
            control::orders(orders),
        ));
    }
    let crash_traffic = crash_traffic(&settings, &lease.addresses)?;
    let mut teller = Teller::new(common.json, serving_since);
    teller.start(&facts, &lease.addresses, &settings);
    match browser {
        Some(Ok(browser)) => browser.begin(),
        Some(Err(why)) => notes.push(why),
        None => {}
    }
    notes.iter().for_each(|note| teller.note(note));
    let mut account = Account {
        story: Story::new(settings.lb.clone(), settings.routers),
        totals: Totals::default(),
        live,
    };
    let (end, mut records) = tell(&mut teller, &mut account, &figures, records, &mut signals, &down).await;

    api.abort();
    account.totals.crash_traffic = crash_traffic.map(|(rate, traffic)| (rate, traffic.attempts()));
    let lab = Ended {
        // It may not live to say it later.
        load: ask(&name.children.join("load.sock"), &json!({ "cmd": "show" }))
            .await
            .unwrap_or_default(),
        facts,
        settings,
        started_wall,
        serving_since,
        ended: clock::now(),
    };
    Ok(stop(
        &mut teller,
        account,
        &mut records,
        fleet,
        &mut signals,
        (end, lab),
    )
    .await)
}

/// What has become of a lab so far.
struct Account {
    story: Story,
    totals: Totals,
    /// For browsers.
    live: Option<Live>,
}

/// Requests that gorouter dies of, if there are to be any.
fn crash_traffic(settings: &LabSettings, at: &Addresses) -> Result<Option<(CrashRate, Traffic)>, Failure> {
    let Some(rate) = settings.crash_traffic else {
        return Ok(None);
    };
    let order = Order::at_balancer(at.lb(), &rate, settings.seed.unwrap_or(1));
    let traffic = Traffic::start(order).map_err(|e| Failure::new(1, format!("no crash traffic: {e}")))?;
    Ok(Some((rate, traffic)))
}

/// Tells the story until somebody ends it.
async fn tell(
    teller: &mut Teller,
    account: &mut Account,
    figures: &SharedMetrics,
    mut records: Records,
    signals: &mut Signals,
    down: &Notify,
) -> (End, Records) {
    let Account { story, totals, live } = account;
    let end = loop {
        let (deadline, printed) = (story.next_deadline(), teller.next_deadline());
        let framed = live.as_ref().map(Live::next_deadline);
        tokio::select! {
            Some(entry) = records.recv() => {
                totals.add(&entry.record);
                teller.record(&entry);
                let lines = story.on_record(clock::now(), &entry.record);
                if let Some(live) = live {
                    live.record(&entry);
                    live.lines(&lines);
                }
                teller.tell(lines);
                let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
                figures.on_record(&entry.record);
                figures.on_story(story);
            }
            () = due(deadline) => {
                let lines = story.on_deadline(clock::now());
                if let Some(live) = live {
                    live.lines(&lines);
                }
                teller.tell(lines);
                figures.lock().unwrap_or_else(PoisonError::into_inner).on_story(story);
            }
            () = due(printed) => teller.print(clock::now()),
            () = due(framed) => {
                if let Some(live) = live {
                    live.flush(clock::now(), story);
                }
            }
            end = signals.next() => break end,
            () = down.notified() => break End::Down,
        }
    };
    (end, records)
}

/// Never, if there is none.
async fn due(deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => clock::until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn stop(
    teller: &mut Teller,
    account: Account,
    records: &mut Records,
    fleet: FleetHandle,
    signals: &mut Signals,
    (end, lab): (End, Ended),
) -> ExitCode {
    let Account {
        mut story,
        mut totals,
        mut live,
    } = account;
    teller.note("stopping");
    if let Some(live) = &mut live {
        live.note("stopping");
        live.flush(clock::now(), &story);
    }
    teller.flush();
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
        live.iter_mut().for_each(|live| live.join(&entry));
    }
    // What its routers did as the lab stopped is no part of their windows.
    story.finish(lab.ended);
    if let Some(live) = live {
        live.end(&story).await;
    }
    let dir = lab.facts.run_dir.clone();
    let session = summary::session(&story, &totals, &report, lab);
    let (done, page) = tokio::sync::oneshot::channel();
    let (left, place) = (session.clone(), dir);
    // A thread that nobody waits for: a long session's records take their time, and nothing runs any more.
    std::thread::spawn(move || done.send(leave(&left, &place)));
    let (saved, page) = tokio::select! {
        left = page => left.unwrap_or((false, None)),
        again = signals.next() => {
            eprintln!("resetlab: told twice: no report; `resetlab report DIR` makes it, DIR being the results");
            return again.code();
        }
    };
    teller.end(&story, &totals, &report, &session, page.as_deref());
    if report.journal.lost > 0 || !report.left.is_empty() || !saved {
        return ExitCode::FAILURE;
    }
    end.code()
}

/// What the session measured, in its directory, and the report of it: whether the first could be written, and where the
/// second is.
fn leave(session: &Session, dir: &Path) -> (bool, Option<PathBuf>) {
    let path = dir.join("summary.json");
    let new = path.with_extension("json.new");
    let saved = serde_json::to_vec_pretty(session).map_err(std::io::Error::from);
    let saved = saved.and_then(|text| std::fs::write(&new, text));
    if let Err(e) = saved.and_then(|()| std::fs::rename(&new, &path)) {
        eprintln!("resetlab up: cannot write {}: {e}", path.display());
        return (false, None);
    }
    (true, report::leave(dir, "up"))
}

/// The loopback port of `/metrics`.
enum Scraped {
    Off,
    At(TcpListener),
    /// Why it cannot be where nobody asked for it: no reason to have no lab.
    Taken(String),
}

impl Scraped {
    fn url(&self) -> Option<String> {
        match self {
            Scraped::At(listener) => {
                let address = listener.local_addr().ok()?;
                Some(format!("http://{address}/metrics"))
            }
            Scraped::Off | Scraped::Taken(_) => None,
        }
    }
}

fn scraped(settings: &LabSettings, addresses: &Addresses) -> Result<Scraped, Failure> {
    match settings.metrics {
        ServedAt::Off => Ok(Scraped::Off),
        ServedAt::At(address) => {
            let bound = router::listen::bind(address, "--metrics");
            bound.map(Scraped::At).map_err(|e| Failure::new(2, e))
        }
        ServedAt::Lab => {
            let bound = router::listen::bind(addresses.metrics(), "--metrics");
            Ok(bound.map_or_else(|e| Scraped::Taken(e.to_string()), Scraped::At))
        }
    }
}

fn taken(error: Taken) -> Failure {
    let code = if matches!(error, Taken::Io { .. }) { 1 } else { 2 };
    Failure::new(code, error)
}

fn leased(error: LeaseError) -> Failure {
    Failure::new(2, error)
}
