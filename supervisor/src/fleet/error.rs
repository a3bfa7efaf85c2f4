//! Why a fleet did not do what it was told.

use std::time::Duration;

/// One readable sentence each: what, why, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    #[error("no router \"{asked}\"; running: {}", names(running))]
    NoSuchRouter { asked: String, running: Vec<String> },
    #[error(
        "no router \"{asked}\": that is a process of the lab, but only routers can be hit; running: {}",
        names(running)
    )]
    NoRouter { asked: String, running: Vec<String> },
    /// It exists, but not in the state that the command needs.
    #[error("{router} is {state}: {needs}; running: {}", names(running))]
    NotRunning {
        router: String,
        state: String,
        needs: String,
        running: Vec<String>,
    },
    #[error(
        "{router} does not have the bug ({build}); routers of `resetlab up` without --go, --routing-release and \
         --header-race have it; `--attempts N` without --sure sends what crashes others all the same"
    )]
    Immune { router: String, build: String },
    /// It was sent what crashes gorouter, and lives.
    #[error("{router} (life {incarnation}) survived {attempts} attempts in {:.1} s: {why}", took.as_secs_f64())]
    Survived {
        router: String,
        incarnation: u32,
        attempts: u64,
        took: Duration,
        why: String,
    },
    #[error("{router} {what} after {attempts} attempts at crashing it")]
    Spoilt {
        router: String,
        what: String,
        attempts: u64,
    },
    #[error("{0}")]
    BadSetting(String),
    #[error("{who} did not do it: {why}")]
    Refused { who: String, why: String },
    #[error("the stack did not come up: {0}")]
    Start(String),
    #[error("the lab is stopping")]
    Gone,
}

fn names(running: &[String]) -> String {
    if running.is_empty() {
        return "none".to_owned();
    }
    running.join(", ")
}

impl FleetError {
    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            FleetError::NoSuchRouter { .. }
            | FleetError::NoRouter { .. }
            | FleetError::NotRunning { .. }
            | FleetError::Spoilt { .. } => 4,
            FleetError::BadSetting(_) => 2,
            FleetError::Refused { .. }
            | FleetError::Immune { .. }
            | FleetError::Survived { .. }
            | FleetError::Start(_)
            | FleetError::Gone => 1,
        }
    }
}
