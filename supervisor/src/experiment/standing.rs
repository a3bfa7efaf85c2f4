//! PURE: of which moment a saved summary is.

use serde::{Deserialize, Serialize};

/// Of which moment a summary is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Of the run's end, at its last trial or when somebody ended it.
    #[default]
    Final,
    /// Saved while the run went on. Where a reader finds it so, the run still goes on, or is one of the following.
    UnderWay,
    /// Its supervisor was killed, and nobody was left to save another.
    Killed,
    /// The one of its end could not be written.
    Unwritten,
}

impl Standing {
    pub(super) fn is_final(&self) -> bool {
        *self == Standing::Final
    }
}
