//! The children of a lab and the actor that owns them: commands in, records out.
//!
//! [`Fleet::start`] brings up the app and the routers, then the balancer, then the load, each when the ones before it
//! have said `ready`. From then on the actor tells truth from belief: what a router *is*.
//!
//! Nothing here tells the balancer that a router died, unless its detector is `notice`: it learns of a death by its
//! own means.

mod actor;
mod commands;
mod crashes;
mod deaths;
mod error;
mod faults;
mod hub;
mod roles;
mod scale;
mod settings;
mod slot;
mod snapshot;
mod stopping;

pub use error::FleetError;
pub use scale::Scaled;
pub use slot::{Role, Truth};
pub use snapshot::{LoadTotals, ProcessState, Snapshot};
pub use stopping::StopReport;

use crate::crash::Plan;
use crate::engine::Peer;
use crate::lab::{Addresses, Journal};
use crate::process::{Entry, restart::RestartPolicy};
use router::clock::Timestamp;
use router::fault::Spec;
use router::record::{CrashVariant, Fault};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};

/// What to start.
#[derive(Clone, Debug)]
pub struct FleetPlan {
    pub addresses: Addresses,
    /// 1..=250.
    pub routers: u32,
    /// Instances of the app.
    pub apps: u32,
    pub lb: lb_sim::core::Settings,
    /// What stands in the balancer's place; `None`: lb-sim.
    pub peer: Option<Peer>,
    /// Of the balancer's start spread and jitter.
    pub seed: u64,
    pub load: LoadPlan,
    /// Of routers; everything else is restarted almost at once.
    pub restart: RestartPolicy,
    /// What every router is configured with: [in force](router::settings::Settings::in_force).
    pub router: router::settings::Settings,
    /// What children are; `None`: this very executable.
    pub program: Option<PathBuf>,
    /// Where logs and the route file go; absolute.
    pub run_dir: PathBuf,
    /// Where the children's control sockets go; short, absolute.
    pub control_dir: PathBuf,
}

/// What the load client sends.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Requests a second; 0 is idle until `set rate=…`.
    pub rate: f64,
    /// Its other flags without dashes, for example `("arrivals", "poisson")`.
    pub flags: Vec<(&'static str, String)>,
}

/// Every record of every child and of the supervisor, in the order of arrival, none missing.
pub type Records = mpsc::UnboundedReceiver<Entry>;

/// Starts a fleet.
pub struct Fleet;

/// Commands a fleet; cheap to clone. When the last handle is gone, everything is stopped.
#[derive(Clone)]
pub struct FleetHandle {
    commands: mpsc::Sender<Command>,
    live: broadcast::Sender<Entry>,
}

/// A fault that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// A signal: just before it was sent. Everything else: as the router itself stamped it.
    pub at: Timestamp,
    /// The life of the router that it hit.
    pub incarnation: u32,
    /// Of a crash: what it took.
    pub crash: Option<Crash>,
}

/// What it took to crash a router, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Requests sent until its death was known.
    pub attempts: u64,
    /// From the first of them to the death.
    pub took: Duration,
    /// Its last words: `fatal error: concurrent map writes`.
    pub message: String,
    pub variant: Option<CrashVariant>,
}

type Reply<T> = oneshot::Sender<Result<T, FleetError>>;

enum Command {
    Inject {
        router: String,
        spec: Spec,
        /// Of a crash.
        plan: Plan,
        reply: Reply<Injected>,
    },
    CanCrash(Box<crashes::Answer>),
    CrashTrafficOver {
        child: usize,
    },
    /// Whoever waited for its crash has gone.
    AbandonCrash {
        router: String,
    },
    Pause {
        router: String,
        duration: Duration,
        reply: Reply<Injected>,
    },
    Heal {
        router: String,
        reply: Reply<()>,
    },
    Resume {
        router: String,
        reply: Reply<()>,
    },
    Scale {
        routers: u32,
        reply: Reply<Scaled>,
    },
    ScaleStep(Box<scale::Step>),
    Restart {
        router: String,
        reply: Reply<()>,
    },
    Set {
        settings: Map<String, Value>,
        reply: Reply<()>,
    },
    SetDone(Box<settings::Change>),
    /// What a router answered.
    Answered(Box<faults::Answer>),
    DrainLoad {
        reply: Reply<()>,
    },
    Ps {
        reply: oneshot::Sender<Snapshot>,
    },
    StopAll {
        reply: oneshot::Sender<StopReport>,
    },
}

impl Fleet {
    /// Starts everything and returns when the load is ready. On an error nothing is left running. Call it on the
    /// main thread's current-thread runtime: children die with the thread that started them.
    ///
    /// All records go to `journal`, to the returned stream and to [`FleetHandle::subscribe`].
    pub async fn start(
        plan: FleetPlan,
        journal: Option<Journal>,
    ) -> Result<(FleetHandle, Records), FleetError> {
        let (to_actor, commands) = mpsc::channel(64);
        let (hub, records) = hub::Hub::new(journal);
        let handle = FleetHandle {
            commands: to_actor.clone(),
            live: hub.live.clone(),
        };
        let (ready, started) = oneshot::channel();
        let actor = actor::Actor::new(plan, hub, commands, to_actor.downgrade(), ready)?;
        tokio::spawn(actor.run());
        drop(to_actor);
        started.await.unwrap_or(Err(FleetError::Gone))?;
        Ok((handle, records))
    }
}

impl FleetHandle {
    /// Returns when the fault took effect. Every fault is stamped by a `fault` record; `kill`, `crash` and `stop` also
    /// by a `death`, which comes for `drain` when the router has left, and for `crash` when it has died of the requests
    /// that the fault began with.
    pub async fn inject(&self, router: &str, spec: Spec) -> Result<Injected, FleetError> {
        self.hit(router, spec, Plan::default()).await
    }

    /// Sends what gorouter dies of until the router has died, which takes up to a second or so. Dropped, nothing more
    /// is sent.
    pub async fn crash(&self, router: &str, plan: Plan) -> Result<Injected, FleetError> {
        self.hit(router, Spec::new(Fault::Crash), plan).await
    }

    async fn hit(&self, router: &str, spec: Spec, plan: Plan) -> Result<Injected, FleetError> {
        let _waiting = (spec.fault == Fault::Crash).then(|| Waiting {
            commands: &self.commands,
            router,
        });
        self.ask(|reply| Command::Inject {
            router: router.to_owned(),
            spec,
            plan,
            reply,
        })
        .await
    }

    /// Lets a router stand still for `duration`; returns when it has begun to. A `paused` record tells its end.
    pub async fn pause(&self, router: &str, duration: Duration) -> Result<Injected, FleetError> {
        self.ask(|reply| Command::Pause {
            router: router.to_owned(),
            duration,
            reply,
        })
        .await
    }

    /// Ends `silent`, `error`, `cut` or `slow`.
    pub async fn heal(&self, router: &str) -> Result<(), FleetError> {
        self.ask(|reply| Command::Heal {
            router: router.to_owned(),
            reply,
        })
        .await
    }

    /// Makes the fleet that large, 1..=250: new routers are added to the balancer when they are ready, surplus ones
    /// leave it before they end, so that no request is lost. Returns when it is done.
    pub async fn scale(&self, routers: u32) -> Result<Scaled, FleetError> {
        self.ask(|reply| Command::Scale { routers, reply }).await
    }

    /// Lets a hung router run again.
    pub async fn resume(&self, router: &str) -> Result<(), FleetError> {
        self.ask(|reply| Command::Resume {
            router: router.to_owned(),
            reply,
        })
        .await
    }

    /// Starts a dead router without waiting for its delay; `ready` comes as a record.
    pub async fn restart_now(&self, router: &str) -> Result<(), FleetError> {
        self.ask(|reply| Command::Restart {
            router: router.to_owned(),
            reply,
        })
        .await
    }

    /// Changes settings of the balancer, `rate` of the load, `restart-delay`: all of it or nothing.
    pub async fn set(&self, settings: Map<String, Value>) -> Result<(), FleetError> {
        self.ask(|reply| Command::Set { settings, reply }).await
    }

    /// Ends the load; returns when nothing is in flight any more and its last record has arrived.
    pub async fn drain_load(&self) -> Result<(), FleetError> {
        self.ask(|reply| Command::DrainLoad { reply }).await
    }

    pub async fn ps(&self) -> Result<Snapshot, FleetError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(Command::Ps { reply })
            .await
            .map_err(|_| FleetError::Gone)?;
        answer.await.map_err(|_| FleetError::Gone)
    }

    /// Ends every child: SIGTERM, SIGKILL after 1 s, hung ones SIGKILL at once. Returns when all are reaped and the
    /// journal is written.
    pub async fn stop_all(&self) -> StopReport {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::StopAll { reply }).await.is_err() {
            return StopReport::default();
        }
        answer.await.unwrap_or_default()
    }

    /// Records from now on. A receiver that lags behind loses the oldest ones and is told how many.
    pub fn subscribe(&self) -> broadcast::Receiver<Entry> {
        self.live.subscribe()
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, FleetError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| FleetError::Gone)?;
        answer.await.unwrap_or(Err(FleetError::Gone))
    }
}

/// Somebody waits for a crash.
struct Waiting<'a> {
    commands: &'a mpsc::Sender<Command>,
    router: &'a str,
}

impl Drop for Waiting<'_> {
    /// Answered, there is nothing to abandon any more.
    fn drop(&mut self) {
        let router = self.router.to_owned();
        // A fleet too busy to hear it goes on until the traffic has its own end.
        let _ = self.commands.try_send(Command::AbandonCrash { router });
    }
}
