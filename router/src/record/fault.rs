//! What is done to a router.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Hang,
    /// The article's bug.
    Crash,
    /// SIGUSR1: unhealthy at once, serves on, then leaves.
    Drain,
    /// SIGTERM: leaves at once.
    Stop,
    /// Accepts and never answers.
    Silent,
    /// Answers 5xx.
    Error,
    /// Resets connections in the middle of a response body.
    Cut,
    /// Answers late.
    Slow,
}

impl Fault {
    /// The process ends by it.
    pub fn is_death(self) -> bool {
        matches!(self, Fault::Kill | Fault::Crash | Fault::Drain | Fault::Stop)
    }

    /// What is sent to a router that suffers it fails, also when it is over. One that hung answers when it runs again, one
    /// that drains serves on, and one that cuts does so to long answers.
    pub fn fails_all(self) -> bool {
        matches!(
            self,
            Fault::Kill | Fault::Crash | Fault::Stop | Fault::Silent | Fault::Error
        )
    }

    /// The router does it to itself on request and goes on living: ended by healing it.
    pub fn is_behaviour(self) -> bool {
        matches!(self, Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow)
    }
}

/// How the article's bug ended a router: the same race, seen from different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CrashVariant {
    /// The error handler found the hook writing: the article's own stack.
    #[serde(rename = "map-writes-in-error-handler")]
    MapWritesInErrorHandler,
    /// The hook found the error handler writing.
    #[serde(rename = "map-writes-in-1xx-hook")]
    MapWritesInHook,
    /// One of them walked over the map while the other wrote.
    #[serde(rename = "map-iteration-and-write")]
    MapIterationAndWrite,
    /// The hook ran after the handler was done and its connection closed.
    #[serde(rename = "nil-pointer-in-1xx-hook")]
    NilPointerInHook,
}
