//! A small L7 load balancer with health checks whose decisions are pure.
//!
//! In the order that data meets them:
//!
//! - [`args`]: the command line
//! - [`core`]: PURE: when to check, what to believe, where to send; [`theory`]: what that means, in closed form
//! - [`serve`]: the live driver: checks, admin socket, forwarding
//!
//! What must never happen: a router is believed Down before `fall` checks in a row have failed; the data thread waits
//! for a check; a change of settings drops a connection or forgets a belief; the balancer learns of a death from
//! anything but its checks.

pub mod args;
pub mod core;
pub mod serve;
pub mod theory;

pub use args::{Args, BackendArg, SettingsArgs};
pub use serve::run;
