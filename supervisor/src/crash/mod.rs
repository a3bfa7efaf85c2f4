//! The requests that gorouter dies of: its backend answers with interim responses (1xx), and the client goes away in
//! the middle of them. Nothing is done to the router itself; whether, when and how it dies is its own affair.
//!
//! - [`trigger`]: what is asked for, how long a client stays; [`rate`]: such requests now and then, as a setting; pure
//! - [`traffic`]: clients on threads of their own, so that neither they nor the supervisor wait for each other

mod client;
pub mod rate;
pub mod traffic;
pub mod trigger;

pub use rate::CrashRate;
pub use traffic::{Order, Traffic};
pub use trigger::Trigger;

use serde::{Deserialize, Serialize};

/// How a router is to be crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(default, rename = "with")]
    pub trigger: Trigger,
    /// Give up after so many requests; `None`: after [`Plan::MOST_ATTEMPTS`], and at once if the router does not have
    /// the bug.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// The router's two writers wait for each other, so that one request is enough.
    #[serde(default)]
    pub sure: bool,
}

impl Plan {
    /// Seven times what the most stubborn trigger took of the real gorouter.
    pub const MOST_ATTEMPTS: u64 = 200_000;

    pub fn limit(&self) -> u64 {
        self.attempts.unwrap_or(Plan::MOST_ATTEMPTS)
    }
}
