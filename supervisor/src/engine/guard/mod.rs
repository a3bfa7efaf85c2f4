//! The guard: the child of the fleet that stands for a real load balancer, and its parent.
//!
//! It writes the program's configuration and lets the program judge it ([`prepare`]), starts it ([`keeper`]), waits until
//! it serves, and turns what it tells ([`ear`]) into the records that lb-sim would write ([`scribe`], PURE). It ends with
//! its program and the program with it, however either ends: see `process::apart`.

mod ear;
mod keeper;
mod output;
mod prepare;
mod scribe;

use super::{Engine, Program, ReadyBy, Seat, Site, Told, Wall};
use crate::process::apart::Walls;
use ear::{Ear, Heard};
use keeper::{Ended, Keeper};
use router::clock::{self, Timestamp};
use router::record::Event;
use router::worker::{self, Worker, WorkerArgs};
use scribe::Scribe;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

/// A program that does not serve by then never will.
const START: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub worker: WorkerArgs,
    #[arg(long)]
    pub engine: Engine,
    /// Its executable.
    #[arg(long)]
    pub program: PathBuf,
    #[arg(long)]
    pub listen: SocketAddr,
    #[arg(long = "backend")]
    pub backends: Vec<lb_sim::args::BackendArg>,
    /// The program's own directory.
    #[arg(long)]
    pub dir: PathBuf,
    /// Append its log there.
    #[arg(long)]
    pub log: PathBuf,
    /// A configuration of the user's own.
    #[arg(long)]
    pub own: Option<PathBuf>,
    #[command(flatten)]
    pub settings: lb_sim::SettingsArgs,
}

/// Why there is no program, or none any more; for people.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Refused(String),
    #[error("{engine} rejects its configuration {file}:\n{said}")]
    Rejected {
        engine: Engine,
        /// And what it was made of.
        file: String,
        said: String,
    },
    #[error("{engine} {how}")]
    Ended { engine: Engine, how: String },
    #[error("{engine} did not serve within {START:?}; the last it said:\n{said}")]
    Late { engine: Engine, said: String },
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

impl Trouble {
    /// 2: what it was asked for cannot be.
    fn exit_code(&self) -> u8 {
        match self {
            Trouble::Refused(_) | Trouble::Rejected { .. } => 2,
            Trouble::Ended { .. } | Trouble::Late { .. } | Trouble::Io { .. } => 1,
        }
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Trouble {
        let what = what.into();
        move |source| Trouble::Io { what, source }
    }
}

/// Runs until SIGTERM, the end of the lifeline, or the end of the program, which is trouble.
pub fn run(args: Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Trouble::io("no runtime")).and_then(|runtime| {
        // The main thread: the program dies with the thread that started it.
        tokio::task::LocalSet::new().block_on(&runtime, guard(args))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("error: {trouble}");
            ExitCode::from(trouble.exit_code())
        }
    }
}

async fn guard(args: Args) -> Result<(), Trouble> {
    let worker = Worker::start(&args.worker, "lb").map_err(Trouble::io("cannot start"))?;
    let mut terminated = std::pin::pin!(worker.terminated().map_err(Trouble::io("no signal handler"))?);
    // What the program forks and leaves behind becomes ours, to be ended with us.
    nix::sys::prctl::set_child_subreaper(true).map_err(|e| Trouble::io("no subreaper")(e.into()))?;
    let Some(program) = args.engine.program() else {
        return Err(Trouble::Refused(format!("{} needs no guard", args.engine)));
    };
    let (site, settings) = (site(&args), settings(&args)?);
    let channels = keeper::Channels::open(&site)?;
    let ready = prepare::configure(program, &args.program, &site, settings, &channels).await?;
    let mut keeper = Keeper::start(program, &args.program, &site, &channels)?;
    let mut ear = Ear::open(program, &site, channels, &args.log)?;
    // Opened before anybody can know that it is there.
    let control = args
        .worker
        .control
        .as_deref()
        .map(worker::bind_control)
        .transpose();
    let control = control.map_err(Trouble::io("the control socket"))?;
    tokio::select! {
        biased;
        served = serves(program, &mut keeper, &mut ear) => served?,
        () = &mut terminated => return keeper.stop().await,
    }
    let scribe = Scribe::new(&site, program.lingering(&ready.settings), clock::now());
    let scribe = Rc::new(RefCell::new(scribe));
    announce(&worker, &args, &site, program, &ready, keeper.walls());
    if let Some(listener) = control {
        let (scribe, engine) = (scribe.clone(), args.engine);
        tokio::task::spawn_local(async move {
            worker::answer_control(listener, move |request| {
                answer(engine, &scribe.borrow(), &request)
            })
            .await
        });
    }
    let wall = wall();
    let mut reader = program.reader();
    let mut read = |line: &str| reader(line, &site, wall);
    let mut told = Vec::new();
    loop {
        let owed = scribe.borrow().owes();
        let next = scribe.borrow().next_deadline(worker.events.wanted());
        tokio::select! {
            biased;
            () = &mut terminated => return keeper.stop().await,
            ended = keeper.ended() => return Err(trouble_of(args.engine, ended)),
            heard = ear.hear(owed) => heard_of(heard?, program, &mut read, &site, &ready.settings, &mut scribe.borrow_mut(), &mut told),
            () = clock::until(next.unwrap_or_default()), if next.is_some() => {}
        }
        scribe.borrow_mut().attend(clock::now(), &mut told);
        for (at, event) in told.drain(..) {
            worker.events.emit_at(at, event);
        }
    }
}

/// Whatever came, in the order in which the program can have said it.
fn heard_of(
    heard: Heard,
    program: &dyn Program,
    read: &mut dyn FnMut(&str) -> Vec<Told>,
    site: &Site,
    settings: &lb_sim::core::Settings,
    scribe: &mut Scribe,
    told: &mut Vec<(Timestamp, Event)>,
) {
    let now = clock::now();
    for line in &heard.lines {
        for each in read(line) {
            scribe.told(now, each, told);
        }
    }
    if heard.asked {
        scribe.asked();
    }
    if let Some(answer) = heard.answer {
        for seen in program.beliefs(&answer, site, settings) {
            scribe.answered(now, seen, told);
        }
        for flow in program.flows(&answer, site) {
            scribe.flows(now, &flow, told);
        }
    }
}

async fn serves(program: &dyn Program, keeper: &mut Keeper, ear: &mut Ear) -> Result<(), Trouble> {
    let engine = program.engine();
    let deadline = clock::now() + START;
    let text = match program.ready_by() {
        ReadyBy::Line(text) => Some(text),
        ReadyBy::Answer => None,
    };
    tokio::select! {
        biased;
        said = keeper.says(text) => said.map_err(|ended| trouble_of(engine, ended))?,
        answered = ear.greet(), if text.is_none() => answered?,
        () = clock::until(deadline) => {
            let said = keeper.last_words().await;
            return Err(Trouble::Late { engine, said });
        }
    }
    Ok(())
}

fn trouble_of(engine: Engine, ended: Ended) -> Trouble {
    let Ended { code, how, said } = ended;
    let how = match code {
        Some(_) => format!("{how}; the last it said:\n{said}"),
        // Killed from outside it had no chance to say why: its last line, which is told of the lab's `lb`, would mislead.
        None => how,
    };
    Trouble::Ended { engine, how }
}

fn announce(
    worker: &Worker,
    args: &Args,
    site: &Site,
    program: &dyn Program,
    ready: &prepare::Ready,
    walls: Walls,
) {
    let addresses = BTreeMap::from([("http".to_owned(), args.listen.to_string())]);
    let pid = std::process::id();
    worker.events.emit(Event::Ready { pid, addresses });
    let tells = program.tells(site, &ready.settings);
    worker.events.emit(Event::Engine {
        engine: args.engine.to_string(),
        version: ready.version.clone(),
        belief: tells.belief,
        attempts: tells.attempts,
        every_attempt: tells.every_attempt,
    });
    let settings = serde_json::to_value(&ready.settings).unwrap_or_default();
    worker.events.emit(Event::Settings { settings });
    for text in &ready.notes {
        eprintln!("{text}");
        worker.events.emit(Event::Note { text: text.clone() });
    }
    eprintln!(
        "{} {} serves {}, {} routers",
        args.engine,
        ready.version,
        args.listen,
        site.routers.len()
    );
    if walls == Walls::None {
        eprintln!(
            "debug: this machine allows no process namespaces: what {} forks is ended by its guard only",
            args.engine
        );
    }
}

fn site(args: &Args) -> Site {
    let control = args.worker.control.as_deref().and_then(|path| path.parent());
    Site {
        listen: args.listen,
        routers: args
            .backends
            .iter()
            .enumerate()
            .map(|(i, backend)| Seat {
                name: backend
                    .name
                    .clone()
                    .unwrap_or_else(|| format!("router-{}", i + 1)),
                traffic: backend.traffic,
                health: backend.health,
            })
            .collect(),
        dir: args.dir.clone(),
        sockets: control.map_or_else(|| args.dir.clone(), PathBuf::from),
        own: args.own.clone(),
    }
}

fn settings(args: &Args) -> Result<lb_sim::core::Settings, Trouble> {
    let mut settings = lb_sim::core::Settings::default();
    args.settings
        .apply(&mut settings)
        .map_err(|e| Trouble::Refused(e.to_string()))?;
    Ok(settings)
}

fn wall() -> Wall {
    let since = clock::wall().duration_since(std::time::UNIX_EPOCH);
    Wall::new(since.unwrap_or_default(), clock::now())
}

/// What its control socket says.
fn answer(engine: Engine, scribe: &Scribe, request: &Value) -> Result<Value, String> {
    match request["cmd"].as_str() {
        Some("show") => Ok(json!({ "backends": scribe.show(clock::now()) })),
        Some("set") => Err(format!(
            "a running {engine} takes its settings at its start: `resetlab down`, then `resetlab up` with the new ones"
        )),
        _ => Err(format!("{engine} is not told such things: only lb-sim is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::exit;

    #[test]
    fn a_killed_program_is_not_explained_by_its_last_line() {
        let ended = |code| Ended {
            code,
            how: exit::words(code, code.is_none().then_some(9), Duration::from_secs(41), None),
            said: "[WARNING] (1): Health check succeeded".to_owned(),
        };
        let killed = trouble_of(Engine::Haproxy, ended(None)).to_string();
        assert_eq!(killed, "haproxy killed by SIGKILL after 41 s");
        let exited = trouble_of(Engine::Haproxy, ended(Some(7))).to_string();
        assert!(exited.starts_with("haproxy exited 7 after 41 s; the last it said:\n[WARNING]"));
    }
}
