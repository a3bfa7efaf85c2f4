//! The router's command line, and its threads: data (this one), heads of responses where the
//! bug is, health, control, access log.

use crate::access_log::AccessLog;
use crate::clock::{self, Timestamp};
use crate::condition::Condition;
use crate::control::{self, Told};
use crate::crash::Dump;
use crate::gateway::{self, Gateway};
use crate::header_race::HeaderRace;
use crate::proxy::{ClientEof, Engine, HeadThread};
use crate::record::{DrainStage, Event};
use crate::registry::Desk;
use crate::routes::{Rules, Table};
use crate::settings::{Settings, SettingsArgs};
use crate::worker::{self, Worker, WorkerArgs};
use crate::{dice, health, listen, proxy, registry};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
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
    /// Connections for traffic begin with a PROXY protocol header (version 2) that says who the client is
    #[arg(long)]
    pub proxy_protocol: bool,
    /// Seed of the delays that the fault `slow` draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub worker: WorkerArgs,
    #[command(flatten)]
    pub settings: SettingsArgs,
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

/// How long gorouter keeps an idle connection to an endpoint; it cannot be configured.
const ENDPOINT_IDLE: Duration = Duration::from_secs(90);

/// Go's zero: no limit. Longer than any life of a router, and what timers can hold.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// Go's default for idle connections to one host.
const IDLE_PER_HOST: usize = 2;

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
    let settings = args.settings.settings()?.in_force();
    let begun = clock::now();
    let worker = Worker::start(&args.worker, "router")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let log = AccessLog::start(std::io::stdout())?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        // Signals first: one that comes early must not kill.
        let mut terminated = pin!(worker.terminated()?);
        let mut drains = signal(SignalKind::user_defined1())?;
        let condition = Condition::new(args.seed, &worker.name);
        let reserved = listen::reserve(args.listen, "--listen")?;
        let checks = listen::bind_std(args.health, "--health")?;
        let registrations = listen::bind_std(args.routes_api(), "--routes-api")?;
        let own = reserved.address();
        let dice = dice::seeded(args.seed, &worker.name, ROUTES);
        let mut routes = Table::new(Rules::of(&settings), dice);
        registry::read(&args.routes, own, &mut routes)?;
        let routes = Rc::new(RefCell::new(routes));
        let mut addresses = BTreeMap::from([
            ("http".to_owned(), reserved.address().to_string()),
            ("health".to_owned(), checks.local_addr()?.to_string()),
            ("routes".to_owned(), registrations.local_addr()?.to_string()),
        ]);
        health::start(checks, condition.clone(), worker.events.clone())?;
        let (desk, clerk) = Desk::open();
        registry::api::start(registrations, desk, own)?;
        let keeping = clerk.work(routes.clone(), settings.prune_stale_droplets_interval);
        tokio::task::spawn_local(keeping);
        let race = settings
            .has_header_race()
            .then(|| HeaderRace::start(Dump::new(&settings.build), worker.events.clone()))
            .transpose()?;
        if let Some(path) = &worker.control {
            let told = Told {
                condition: condition.clone(),
                race: race.clone(),
                build: settings.build_words(),
            };
            control::start(path, told)?;
            addresses.insert("control".to_owned(), path.display().to_string());
        }
        let gateway = Gateway::new(
            &worker.name,
            &settings,
            routes,
            condition.clone(),
            log.clone(),
            worker.events.clone(),
        )?;
        let heads = race.is_some().then(HeadThread::start).transpose()?;
        let gateway = Rc::new(gateway.with_header_race(race));
        let draining = gateway.clone();
        // Only the first SIGUSR1 counts.
        let drain = async {
            drains.recv().await;
            let begun = clock::now();
            condition.start_draining();
            draining.record_drain(DrainStage::Unhealthy);
            clock::until(begun + settings.drain_wait).await;
        };
        tokio::select! {
            biased;
            () = &mut terminated => return Ok(()),
            () = start_delay(begun, &settings, &addresses) => {}
        }
        // In gorouter's order: what is called healthy serves.
        let listener = reserved.listen()?;
        condition.start_serving();
        let engine = Engine::with_heads(engine(&settings, args.proxy_protocol), heads);
        let serving = proxy::serve(listener, gateway, engine, drain);
        announce(args, &worker, addresses);
        tokio::select! {
            () = &mut terminated => Ok::<(), Box<dyn Error>>(()),
            served = serving => Ok(served?),
        }
    })?;
    log.close(LAST_WORDS);
    // In-flight requests are cut, as gorouter's are: nothing is waited for.
    worker::exit_at_once(0)
}

/// Until the start delay is over: gorouter leaves its neighbours time to register their routes.
async fn start_delay(begun: Timestamp, settings: &Settings, addresses: &BTreeMap<String, String>) {
    let delay = settings.start_response_delay_interval;
    if delay.is_zero() {
        return;
    }
    let (http, health) = (&addresses["http"], &addresses["health"]);
    eprintln!(
        "router: {http} refuses and http://{health}/health says 503 for {} (start-response-delay-interval)",
        humantime::format_duration(delay)
    );
    clock::until(begun + delay).await;
}

/// What the forwarding engine makes of a gorouter's settings.
fn engine(settings: &Settings, proxy_protocol: bool) -> proxy::Settings {
    let limit = |time: Duration| if time.is_zero() { NO_LIMIT } else { time };
    let per_host = match (settings.disable_keep_alives, settings.max_idle_conns_per_host) {
        (true, _) => 0,
        (false, 0) => IDLE_PER_HOST,
        (false, n) => n,
    };
    let of_all = Some(settings.max_idle_conns).filter(|n| *n > 0);
    proxy::Settings {
        connect_timeout: limit(settings.endpoint_dial_timeout),
        response_timeout: limit(settings.endpoint_timeout),
        header_timeout: limit(settings.read_header_timeout),
        // gorouter has no limit of its own for a client in the middle of its request: the endpoint's ends it.
        client_timeout: limit(settings.endpoint_timeout),
        idle_timeout: limit(settings.frontend_idle_timeout),
        upstream_idle_timeout: ENDPOINT_IDLE,
        drain_timeout: limit(settings.drain_timeout),
        pool_idle_per_upstream: per_host.min(of_all.unwrap_or(per_host)),
        // Go cancels a request whose client has closed.
        client_eof: ClientEof::Abort,
        limits: gateway::limits(settings),
        proxy_protocol,
        ..proxy::Settings::default()
    }
}

/// Says that it serves: to the supervisor by its pipe, to people on stderr.
fn announce(args: &Args, worker: &Worker, addresses: BTreeMap<String, String>) {
    if !worker.supervised {
        let (http, health, routes) = (&addresses["http"], &addresses["health"], &addresses["routes"]);
        eprintln!(
            "router: traffic on {http}, health on http://{health}/health, routes from {} and http://{routes}/register",
            args.routes.display()
        );
    }
    worker.events.emit(Event::Ready {
        pid: std::process::id(),
        addresses,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Profile;

    #[test]
    fn the_engine_is_told_what_gorouter_was_told() {
        let seconds = Duration::from_secs;
        let go = engine(&Settings::of(Profile::Go).in_force(), false);
        assert_eq!(go.connect_timeout, seconds(5));
        assert_eq!(
            (go.response_timeout, go.drain_timeout),
            (seconds(60), seconds(60))
        );
        assert_eq!((go.header_timeout, go.idle_timeout), (NO_LIMIT, seconds(900)));
        assert_eq!(go.pool_idle_per_upstream, 0, "keep-alive is off");
        assert_eq!(go.client_eof, ClientEof::Abort);
        let mut settings = Settings::of(Profile::Gorouter);
        let told = engine(&settings.in_force(), true);
        assert_eq!(
            (told.response_timeout, told.drain_timeout),
            (seconds(900), seconds(900))
        );
        assert_eq!((told.pool_idle_per_upstream, told.proxy_protocol), (100, true));
        settings.max_idle_conns = 7;
        assert_eq!(engine(&settings, false).pool_idle_per_upstream, 7);
        (settings.max_idle_conns, settings.max_idle_conns_per_host) = (0, 0);
        assert_eq!(engine(&settings, false).pool_idle_per_upstream, 2);
    }
}
