//! A small L7 load balancer with health checks whose decisions are pure.
//!
//! In the order that data meets them:
//!
//! - [`args`]: the command line
//! - [`core`]: PURE: when to check, what to believe, where to send; [`theory`]: what that means, in closed form
//! - [`presets`]: PURE: what real load balancers are set to, with sources
//! - [`serve`]: the live driver: checks, admin socket, forwarding
//!
//! What must never happen: polling believes a router Down before `fall` checks in a row have failed; the data thread
//! waits for a check; a change of settings drops a connection or forgets what was counted; the balancer learns of a
//! death from anything but checks, traffic or its own connections, unless the detector is `notice`.

pub mod args;
pub mod core;
pub mod presets;
pub mod serve;
pub mod theory;

pub use args::{Args, BackendArg, SettingsArgs};
pub use serve::run;
