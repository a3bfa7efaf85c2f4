//! What stands in the load balancer's place: lb-sim, or a real one.
//!
//! A real one is a [`Program`]: PURE functions that write its configuration, say how it is started, and read what it tells.
//! [`site`] is where it stands, [`told`] what it tells, [`locate`] finds its executable. The `guard` runs it: the child of
//! the fleet that lb-sim would be, which turns what the program tells into the records of the balancer.

pub mod choice;
mod envoy;
pub mod guard;
mod haproxy;
pub mod locate;
mod nginx;
pub mod program;
pub mod site;
pub mod told;

pub use program::{
    ADMIN_FD, Admin, Adopted, Beyond, Demands, Ignored, Inexpressible, LOG_FD, Program, Reader, ReadyBy,
    Refused, Tells,
};
pub use site::{Seat, Site};
pub use told::{Attempt, Flow, Seen, Told, Wall};

use lb_sim::theory::Patience;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Ours.
    #[default]
    LbSim,
    Haproxy,
    Nginx,
    Envoy,
}

/// A real load balancer that is installed, for the settings that it is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub engine: Engine,
    /// Its executable.
    pub program: PathBuf,
    /// As that says it: `2.6.12`; `None`: in no words that are known.
    pub version: Option<String>,
    /// A configuration of the user's own.
    pub own: Option<PathBuf>,
}

impl Engine {
    pub const ALL: [Engine; 4] = [Engine::LbSim, Engine::Haproxy, Engine::Nginx, Engine::Envoy];

    /// As flags, documents and records have it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::LbSim => "lb-sim",
            Engine::Haproxy => "haproxy",
            Engine::Nginx => "nginx",
            Engine::Envoy => "envoy",
        }
    }

    /// What is known of a real one; `None`: lb-sim.
    pub fn program(self) -> Option<&'static dyn Program> {
        match self {
            Engine::LbSim => None,
            Engine::Haproxy => Some(&haproxy::Haproxy),
            Engine::Nginx => Some(&nginx::Nginx),
            Engine::Envoy => Some(&envoy::Envoy),
        }
    }
}

impl Engine {
    /// How long clients of it wait that go after `time`.
    pub fn patience(self, time: Duration) -> Patience {
        // lb-sim waits for the router whoever has gone.
        let outlived = self.program().is_none_or(|program| program.outlives_clients());
        Patience { time, outlived }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;
    fn from_str(word: &str) -> Result<Engine, String> {
        let found = Engine::ALL.into_iter().find(|engine| engine.name() == word);
        found.ok_or_else(|| format!("engine cannot be `{word}`: expected lb-sim, haproxy, nginx or envoy"))
    }
}
