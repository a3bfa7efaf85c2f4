//! One child's place in the fleet, through all its incarnations.

use super::{Injected, Reply};
use crate::process::Process;
use crate::process::restart::Restarts;
use router::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    Hung,
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
    pub last_exit: Option<String>,
    /// When this incarnation died, if it did: later stamps of the same death are ignored.
    pub death: Option<Timestamp>,
    /// The death was our doing.
    pub injected: bool,
    /// Ends by itself on request: the load after `stop`.
    pub leaving: Option<Reply<()>>,
    /// Asked to crash; answered when it has.
    pub crashing: Option<Reply<Injected>>,
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
            leaving: None,
            crashing: None,
        }
    }

    pub fn become_(&mut self, truth: Truth, at: Timestamp) {
        self.truth = truth;
        self.since = at;
    }

    /// For sentences: "dead since 3.2 s (killed by SIGKILL after 41 s), restart in 11.8 s".
    pub fn state_words(&self, now: Timestamp) -> String {
        use crate::process::exit::span;
        let since = span(now.since(self.since));
        match self.truth {
            Truth::Starting => format!("still starting (since {since})"),
            Truth::Up => format!("up since {since}"),
            Truth::Hung => format!("hung since {since}"),
            Truth::Dead => {
                let why = self
                    .last_exit
                    .as_ref()
                    .map_or(String::new(), |words| format!(" ({words})"));
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
