//! One child's place in the fleet, through all its incarnations.

use super::Reply;
use super::crashes::Crashing;
use crate::process::restart::Restarts;
use crate::process::{Exit, Process};
use router::clock::Timestamp;
use router::fault::Spec;
use router::record::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a child does; in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    App,
    /// Router `n`, from 1.
    Router(u32),
    Lb,
    Load,
}

/// What a process is, whatever the balancer believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    Starting,
    Up,
    /// Answers late, on request.
    Slow,
    /// Answers 5xx, or cuts its answers off, on request.
    Erroring,
    /// Accepts and answers nothing, on request.
    Silent,
    Hung,
    /// Unhealthy, serving what it gets, about to leave.
    Draining,
    Dead,
}

pub(super) struct Slot {
    pub name: String,
    pub role: Role,
    pub truth: Truth,
    pub since: Timestamp,
    /// Lives so far; 0: never started.
    pub incarnation: u32,
    /// Not reaped yet.
    pub process: Option<Arc<Process>>,
    pub addresses: BTreeMap<String, String>,
    pub restarts: Restarts,
    pub restart_due: Option<Timestamp>,
    pub last_exit: Option<Exit>,
    /// When this incarnation died, if it did: later stamps of the same death are ignored.
    pub death: Option<Timestamp>,
    /// The death was our doing.
    pub injected: bool,
    /// What it was told to do to its clients: `silent`, `error`, `cut`, `slow`.
    pub behaviour: Option<Spec>,
    /// SIGUSR1 was sent to this incarnation.
    pub draining: bool,
    pub pause: Option<Pause>,
    pub place: Place,
    /// Told when it is ready; dropped when it dies before.
    pub awaited: Vec<oneshot::Sender<()>>,
    /// Ends by itself on request: the load after `stop`, a router that the fleet has no place for any more.
    pub leaving: Option<Reply<()>>,
    /// It is sent what crashes it, until it has crashed.
    pub crashing: Option<Crashing>,
}

/// Whether the fleet counts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Member,
    /// Still there, but not for long: `scale` takes it out.
    Leaving,
    Out,
}

/// It stands still for a moment, and is not dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub started: Timestamp,
    pub until: Timestamp,
}

impl Truth {
    /// The process does what it does: faults can be shown, signals are heard.
    pub fn runs(self) -> bool {
        match self {
            Truth::Up | Truth::Slow | Truth::Erroring | Truth::Silent | Truth::Draining => true,
            Truth::Starting | Truth::Hung | Truth::Dead => false,
        }
    }
}

impl Role {
    pub fn name(self) -> String {
        match self {
            Role::App => "app".into(),
            Role::Router(n) => format!("router-{n}"),
            Role::Lb => "lb".into(),
            Role::Load => "load".into(),
        }
    }

    pub fn is_router(self) -> bool {
        matches!(self, Role::Router(_))
    }
}

impl Slot {
    pub fn new(role: Role, restarts: Restarts, now: Timestamp) -> Slot {
        Slot {
            name: role.name(),
            role,
            truth: Truth::Dead,
            since: now,
            incarnation: 0,
            process: None,
            addresses: BTreeMap::new(),
            restarts,
            restart_due: None,
            last_exit: None,
            death: None,
            injected: false,
            behaviour: None,
            draining: false,
            pause: None,
            place: Place::Member,
            awaited: Vec::new(),
            leaving: None,
            crashing: None,
        }
    }

    pub fn become_(&mut self, truth: Truth, at: Timestamp) {
        self.truth = truth;
        self.since = at;
    }

    /// What it is as long as it is not stopped.
    pub fn running_truth(&self) -> Truth {
        match self.behaviour.map(|spec| spec.fault) {
            _ if self.draining => Truth::Draining,
            Some(Fault::Silent) => Truth::Silent,
            Some(Fault::Error | Fault::Cut) => Truth::Erroring,
            Some(Fault::Slow) => Truth::Slow,
            _ => Truth::Up,
        }
    }

    /// The fault in force, in words: `hang`, `silent on requests`.
    pub fn fault_words(&self) -> Option<String> {
        let word = |fault: Fault| {
            let word = serde_json::to_value(fault).unwrap_or_default();
            word.as_str().unwrap_or_default().to_owned()
        };
        match (self.truth, self.behaviour) {
            (Truth::Dead, _) => None,
            (Truth::Hung, _) => Some(word(Fault::Hang)),
            (Truth::Draining, _) => Some(word(Fault::Drain)),
            (_, Some(spec)) => {
                let detail = spec.detail().map_or(String::new(), |detail| format!(" {detail}"));
                Some(word(spec.fault) + &detail)
            }
            (_, None) => self.crashing.as_ref().map(Crashing::words),
        }
    }

    /// For sentences: "dead since 3.2 s (killed by SIGKILL after 41 s), restart in 11.8 s".
    pub fn state_words(&self, now: Timestamp) -> String {
        use crate::process::exit::span;
        let since = span(now.since(self.since));
        match self.truth {
            Truth::Starting => format!("still starting (since {since})"),
            Truth::Up => format!("up since {since}"),
            Truth::Slow => format!("slow since {since}"),
            Truth::Erroring => format!("erroring since {since}"),
            Truth::Silent => format!("silent since {since}"),
            Truth::Hung => format!("hung since {since}"),
            Truth::Draining => format!("draining since {since}"),
            Truth::Dead if self.process.is_some() => {
                format!(
                    "told to end since {since} and still there; `resetlab kill {}` ends it",
                    self.name
                )
            }
            Truth::Dead => {
                let why = self
                    .last_exit
                    .as_ref()
                    .map_or(String::new(), |exit| format!(" ({})", exit.words));
                let due = match self.restart_due {
                    Some(due) => format!(", restart in {}", span(due.since(now))),
                    None if self.restarts.gave_up() => ", given up".to_owned(),
                    None => String::new(),
                };
                format!("dead since {since}{why}{due}")
            }
        }
    }
}
