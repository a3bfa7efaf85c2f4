//! Why a fleet did not do what it was told.

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
            FleetError::NoSuchRouter { .. } | FleetError::NoRouter { .. } | FleetError::NotRunning { .. } => {
                4
            }
            FleetError::BadSetting(_) => 2,
            FleetError::Refused { .. } | FleetError::Start(_) | FleetError::Gone => 1,
        }
    }
}
