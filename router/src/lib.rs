//! gorouter's part of the lab, and the forwarding engine it shares with lb-sim.
//!
//! What every process of the lab uses:
//! - [`clock`]: the one clock; [`record`]: what is written down; [`fault`]: what can be done to a router; [`worker`]: the child contract
//! - [`settings`]: what a gorouter is configured with; pure
//! - [`listen`]: listening sockets, and who has a taken port; [`dice`]: where chance comes from; [`uuid`]
//!
//! Then in the order that data meets them:
//! - [`http1`]: heads, framing, chunked; pure
//! - [`proxy_protocol`]: who the client is, when a balancer relays bytes; pure
//! - [`proxy`]: the forwarding engine
//! - [`gateway`]: which endpoint, which headers, which answer when it fails
//! - [`routes`]: host and path to endpoint; pure. [`registry`]: where routes come from: a file, an API
//! - [`access_log`]: a line a request
//!
//! Beside the data path: [`condition`] is what the router is like at present, [`health`] answers load balancers,
//! `control` its supervisor; [`header_race`] is the bug, [`crash`] the end it leads to.
//!
//! What must never happen: a health check or a log line makes a request wait; a crash answers, drains or flushes.

pub mod clock;
pub mod dice;
pub mod fault;
pub mod listen;
pub mod record;
pub mod settings;
pub mod uuid;
pub mod worker;

pub mod http1;
pub mod proxy;
pub mod proxy_protocol;

pub mod access_log;
pub mod condition;
mod control;
pub mod crash;
pub mod gateway;
pub mod header_race;
pub mod health;
pub mod registry;
pub mod routes;
mod run;

pub use run::{Args, run};
