//! The router's command line, and its threads: data (this one), health, control, access log.

use crate::access_log::AccessLog;
use crate::clock;
use crate::condition::Condition;
use crate::fault::Spec;
use crate::gateway::{self, Gateway};
use crate::proxy::{ClientEof, Engine};
use crate::record::{DrainStage, Event};
use crate::registry::Desk;
use crate::routes::{Rules, Table};
use crate::settings::Settings;
use crate::worker::{self, Events, Worker, WorkerArgs};
use crate::{crash, dice, health, listen, proxy, registry};
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// gorouter's job: routes by Host to an application, answers /health
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address for traffic
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Address for health checks
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub health: SocketAddr,
    /// Routes: TOML with `[[route]] host = "app.test" endpoints = ["127.0.0.1:9000"]`
    #[arg(long, value_name = "FILE")]
    pub routes: PathBuf,
    /// Address for registrations (POST /register, /unregister) and GET /routes
    /// [default: the health address, two ports up]
    #[arg(long, value_name = "ADDR")]
    pub routes_api: Option<SocketAddr>,
    /// Longest wait for an endpoint's response, with its unit
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub endpoint_timeout: Duration,
    /// How many endpoints a request may be tried at
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_attempts: u32,
    /// After SIGUSR1: how long to serve on while /health answers 503, so that load balancers look elsewhere
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = humantime::parse_duration)]
    pub drain_wait: Duration,
    /// After that: how long requests under way may take to finish
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub drain_timeout: Duration,
    /// Connections for traffic begin with a PROXY protocol header (version 2) that says who the client is
    #[arg(long)]
    pub proxy_protocol: bool,
    /// Seed of the delays that the fault `slow` draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub worker: WorkerArgs,
}

/// Time that SIGTERM leaves for writing out the access log.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The stream of the dice that picks endpoints; those of [`Condition`] come before it.
const ROUTES: u64 = 2;

impl Args {
    fn routes_api(&self) -> SocketAddr {
        let port = match self.health.port() {
            0 => 0,
            health => health.checked_add(2).unwrap_or(health - 2),
        };
        self.routes_api.unwrap_or(SocketAddr::new(self.health.ip(), port))
    }
}

/// Serves until SIGTERM, then stops at once; SIGUSR1 drains first, as gorouter does. Exit code 2 when it cannot start, and after a crash.
pub fn run(args: Args) -> ExitCode {
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("router: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve(args: &Args) -> Result<(), Box<dyn Error>> {
    let worker = Worker::start(&args.worker, "router")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let log = AccessLog::start(std::io::stdout())?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        // Signals first: one that comes early must not kill.
        let terminated = worker.terminated()?;
        let mut drains = signal(SignalKind::user_defined1())?;
        let settings = Settings {
            endpoint_timeout: args.endpoint_timeout,
            max_attempts: args.max_attempts,
            drain_wait: args.drain_wait,
            drain_timeout: args.drain_timeout,
            ..Settings::default()
        };
        let condition = Condition::new(args.seed, &worker.name);
        let listener = listen::bind(args.listen, "--listen")?;
        let checks = listen::bind_std(args.health, "--health")?;
        let registrations = listen::bind_std(args.routes_api(), "--routes-api")?;
        let own = listener.local_addr()?;
        let mut routes = Table::new(
            Rules::of(&settings),
            dice::seeded(args.seed, &worker.name, ROUTES),
        );
        registry::read(&args.routes, own, &mut routes)?;
        let routes = Rc::new(RefCell::new(routes));
        let mut addresses = BTreeMap::from([
            ("http".to_owned(), listener.local_addr()?.to_string()),
            ("health".to_owned(), checks.local_addr()?.to_string()),
            ("routes".to_owned(), registrations.local_addr()?.to_string()),
        ]);
        health::start(checks, condition.clone(), worker.events.clone())?;
        let (desk, clerk) = Desk::open();
        registry::api::start(registrations, desk, own)?;
        let keeping = clerk.work(routes.clone(), settings.prune_stale_droplets_interval);
        tokio::task::spawn_local(keeping);
        if let Some(path) = &worker.control {
            control(path.clone(), condition.clone(), worker.events.clone())?;
            addresses.insert("control".to_owned(), path.display().to_string());
        }
        let engine = proxy::Settings {
            connect_timeout: settings.endpoint_dial_timeout,
            response_timeout: settings.endpoint_timeout,
            idle_timeout: settings.frontend_idle_timeout,
            drain_timeout: settings.drain_timeout,
            limits: gateway::limits(&settings),
            // Go's server gives up a request whose client has closed its side.
            client_eof: ClientEof::Abort,
            proxy_protocol: args.proxy_protocol,
            ..proxy::Settings::default()
        };
        let gateway = Rc::new(Gateway::new(
            &worker.name,
            &settings,
            routes,
            condition.clone(),
            log.clone(),
            worker.events.clone(),
        )?);
        let draining = gateway.clone();
        // Only the first SIGUSR1 counts.
        let drain = async {
            drains.recv().await;
            let begun = clock::now();
            condition.start_draining();
            draining.record_drain(DrainStage::Unhealthy);
            clock::until(begun + args.drain_wait).await;
        };
        let serving = proxy::serve(listener, gateway, Engine::new(engine), drain);
        announce(args, &worker, addresses);
        tokio::select! {
            () = terminated => Ok::<(), Box<dyn Error>>(()),
            served = serving => Ok(served?),
        }
    })?;
    log.close(LAST_WORDS);
    // In-flight requests are cut, as gorouter's are: nothing is waited for.
    worker::exit_at_once(0)
}

/// Says that it serves: to the supervisor by its pipe, to people on stderr.
fn announce(args: &Args, worker: &Worker, addresses: BTreeMap<String, String>) {
    if !worker.supervised {
        let (http, health) = (&addresses["http"], &addresses["health"]);
        eprintln!(
            "router: traffic on {http}, health on http://{health}/health, routes from {}",
            args.routes.display()
        );
    }
    worker.events.emit(Event::Ready {
        pid: std::process::id(),
        addresses,
    });
}

/// Serves the control socket on a thread of its own: a crash takes effect whatever the data thread is doing.
fn control(path: PathBuf, condition: Condition, events: Events) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        worker::bind_control(&path).map_err(|e| {
            format!(
                "cannot listen on {}: {e}; `--control PATH` moves it",
                path.display()
            )
        })?
    };
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            let answer = move |request: Value| answer(&request, &condition, &events);
            let served =
                tokio::task::LocalSet::new().block_on(&runtime, worker::answer_control(listener, answer));
            if let Err(error) = served {
                eprintln!("router: control socket: {error}");
            }
        })?;
    Ok(())
}

fn answer(request: &Value, condition: &Condition, events: &Events) -> Result<Value, String> {
    match request["cmd"].as_str() {
        Some("crash") => crash::crash(events),
        Some("show") => Ok(json!({
            "pid": std::process::id(),
            "draining": condition.draining(),
            "in_flight": condition.in_flight(),
            "fault": condition.fault(),
        })),
        Some("fault") => {
            let spec = Spec::deserialize(request).map_err(|error| format!("fault: {error}"))?;
            spec.check()?;
            Ok(json!({ "ok": true, "t_ns": condition.show(Some(spec)) }))
        }
        Some("heal") => {
            let healed = condition.fault();
            Ok(json!({ "ok": true, "t_ns": condition.show(None), "healed": healed }))
        }
        _ => Err("expected \"cmd\": \"fault\", \"heal\", \"crash\" or \"show\"".to_owned()),
    }
}
