//! The live driver: sockets, clocks and two threads around the pure core.
//!
//! The *control thread* owns the [`Balancer`](crate::core::Balancer): it starts checks ([`probe`]), holds sentinel
//! connections ([`sentinel`]), sleeps until the next deadline ([`control`]), answers the admin socket ([`admin`]),
//! tells what happened ([`story`]) and publishes what may be picked ([`table`]). The *data thread* chooses and counts
//! ([`traffic`]), says which attempts failed ([`judge`]) and forwards: requests ([`http`]) or connections ([`tcp`], [`relay`],
//! [`sever`]); it only ever reads what was published: no lock that a check could hold.

pub mod admin;
pub mod control;
mod decision;
mod fleet;
pub mod http;
pub mod judge;
pub mod probe;
pub mod relay;
pub mod sentinel;
pub mod sever;
mod shares;
pub mod story;
pub mod table;
pub mod tcp;
pub mod totals;
pub mod traffic;

use crate::Args;
use crate::core::{BackendId, Initial, Mode, SettingError, Settings};
use router::clock;
use router::proxy::{self, Engine};
use router::worker::{Events, Worker};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use table::{Member, Shared, Table, Tally};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

/// Why the balancer cannot run, for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(
        "no backends: give each router as --backend NAME=TRAFFIC_ADDR,HEALTH_ADDR, for example --backend 127.0.0.1:9001"
    )]
    NoBackends,
    #[error("two backends are called `{0}`: each needs a name of its own")]
    SameName(String),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("cannot listen on {0}: another program has this port; --listen moves it")]
    PortTaken(SocketAddr),
    #[error("cannot listen on {0}: {1}; --listen moves it")]
    Listen(SocketAddr, io::Error),
    #[error("cannot answer on the control socket {0}; --control moves it")]
    Control(io::Error),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// Runs until SIGTERM, Ctrl-C or the end of the lifeline. Exit status 0, 1 if it failed, 2 if it was asked for
/// something that cannot be.
pub fn run(args: Args) -> ExitCode {
    log_to_stderr();
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(match failure {
                Failure::Start(_) => 1,
                _ => 2,
            })
        }
    }
}

fn serve(args: Args) -> Result<(), Failure> {
    let mut settings = Settings::default();
    args.settings.apply(&mut settings)?;
    let members = members(&args)?;
    let worker = Worker::start(&args.worker, "lb")?;
    let shared = Arc::new(Shared::new(Table {
        version: 0,
        settings: settings.clone(),
        usable: believed_first(&settings, members.len()),
        shares: Vec::new(),
        panic: false,
        trials: Vec::new(),
        present: vec![true; members.len()],
        since: vec![clock::now(); members.len()],
        members: members.clone(),
    }));
    let runtime = runtime()?;
    let listener = runtime
        .block_on(async { proxy::bind(args.listen) })
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => Failure::PortTaken(args.listen),
            _ => Failure::Listen(args.listen, error),
        })?;
    let listen = listener.local_addr()?;
    tracing::info!("listening on {listen}");
    let (seen, attempts) = mpsc::unbounded_channel();
    let start = control::Start {
        attempts,
        settings,
        members,
        shared: shared.clone(),
        events: worker.events.clone(),
        seed: args.seed,
        admin: worker.control,
        listen,
    };
    let control_failed = spawn_control(start)?;
    LocalSet::new().block_on(
        &runtime,
        forward(listener, shared, worker.events, seen, control_failed, args.seed),
    )
}

/// The data thread: this one.
async fn forward(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    events: Events,
    seen: mpsc::UnboundedSender<judge::Seen>,
    control_failed: oneshot::Receiver<io::Error>,
    seed: u64,
) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let engine = Engine::new(proxy::Settings::default());
    // It cannot change while running.
    let mode = shared.table().load().settings.mode;
    let severs = Rc::new(sever::Severs::default());
    let driver: Box<dyn traffic::Driver> = match mode {
        Mode::Http => Box::new(http::Follower(engine.clone())),
        Mode::Tcp => Box::new(tcp::Follower(severs.clone())),
    };
    let traffic = traffic::Traffic::new(shared, events, seen, driver, seed);
    let balancing = traffic.clone();
    let serving = async {
        match mode {
            Mode::Http => {
                let policy = Rc::new(http::Forward(balancing));
                proxy::serve(listener, policy, engine, std::future::pending()).await
            }
            Mode::Tcp => tcp::serve(listener, balancing, severs).await,
        }
    };
    tokio::select! {
        result = serving => Ok(result?),
        () = traffic.follow() => Ok(()),
        error = control_failed => Err(match error {
            Ok(error) => Failure::Control(error),
            Err(_) => Failure::Start(io::Error::other("the control thread has died")),
        }),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn spawn_control(start: control::Start) -> io::Result<oneshot::Receiver<io::Error>> {
    let (failed, failure) = oneshot::channel();
    let runtime = runtime()?;
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            let error = LocalSet::new().block_on(&runtime, control::run(start));
            // Nobody listens when the process is on its way out.
            let _ = failed.send(error);
        })?;
    Ok(failure)
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Whom requests may be sent to before anybody was checked; the control thread publishes what follows.
fn believed_first(settings: &Settings, members: usize) -> Vec<BackendId> {
    match settings.check.initial {
        Initial::Up => (0..members as u32).map(BackendId).collect(),
        Initial::Down => Vec::new(),
    }
}

fn members(args: &Args) -> Result<Arc<[Arc<Member>]>, Failure> {
    let mut members: Vec<Arc<Member>> = Vec::new();
    for (i, backend) in args.backends.iter().enumerate() {
        let name = backend
            .name
            .clone()
            .unwrap_or_else(|| format!("router-{}", i + 1));
        if members.iter().any(|member| member.name == name) {
            return Err(Failure::SameName(name));
        }
        let (traffic, health, tally) = (backend.traffic, backend.health, Tally::default());
        members.push(Arc::new(Member {
            name,
            traffic,
            health,
            tally,
        }));
    }
    if members.is_empty() {
        return Err(Failure::NoBackends);
    }
    Ok(members.into())
}

/// Lines for people; `RESETLAB_LOG=debug` shows more. Harmless when somebody else has set up a subscriber.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RESETLAB_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let says = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let able = io::IsTerminal::is_terminal(&io::stderr()) && says("TERM").is_some_and(|term| term != "dumb");
    let colours = able && says("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(colours)
        .with_env_filter(filter)
        .with_target(false)
        .try_init();
}
