//! PURE: which load balancer was measured, and what it tells of itself.

use router::record::{Event, Record};
use serde::{Deserialize, Serialize};

/// The balancer's own account of what it tells. What it does not tell is unknown: `null`, never 0 and never "not
/// detected".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teller {
    pub engine: String,
    pub version: String,
    /// Whom it believes to be Up.
    pub belief: bool,
    /// Its failed attempts and their causes.
    pub attempts: bool,
    /// All its attempts: when the last one at a router started is known, and not only when the last one of those that it
    /// tells of did.
    #[serde(default)]
    pub every_attempt: bool,
}

impl Default for Teller {
    /// lb-sim, which tells everything and writes no `engine` record.
    fn default() -> Teller {
        Teller {
            engine: "lb-sim".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            belief: true,
            attempts: true,
            every_attempt: true,
        }
    }
}

impl Teller {
    /// No attempt that failed goes untold.
    pub fn tells_all(&self) -> bool {
        *self == Teller::default()
    }

    /// Of a real one's `engine` record.
    pub fn of(record: &Record) -> Option<Teller> {
        match &record.event {
            Event::Engine {
                engine,
                version,
                belief,
                attempts,
                every_attempt,
            } => Some(Teller {
                engine: engine.clone(),
                version: version.clone(),
                belief: *belief,
                attempts: *attempts,
                every_attempt: *every_attempt,
            }),
            _ => None,
        }
    }
}
