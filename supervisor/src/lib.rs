//! resetlab: a stack of processes in which a router can die, and what that costs.
//!
//! In the order that data meets them:
//! - [`cli`]: verbs; [`settings`]: defaults, file, environment, flags
//! - [`lab`]: what a lab owns on this machine: name, network, results
//! - [`process`]: children, from birth to the last word; [`fleet`]: the actor that owns them
//! - [`engine`]: real load balancers in lb-sim's place, and their guard
//! - [`app`], [`experiment::load`]: the children that are not routers or balancers
//! - [`crash`]: the requests that routers die of
//! - [`control`]: the API that other terminals talk to; [`story`]: the lab told as it happens, pure;
//!   [`metrics`]: the lab as Prometheus sees it, pure; [`page`]: as a browser does
//! - [`terminal`]: what a stream can show
//! - [`experiment`]: trials, measured; [`report`]: what they showed, to be read; [`budget`]: what a loss means to an
//!   objective
//! - [`diagnose`]: logs and versions judged, with no lab at all; pure but for reading
//!
//! What must never happen: a process outlives its supervisor; a slow reader or a full disk delays the lab; the
//! balancer hears of a death from here, unless its detector is `notice`.

pub mod app;
pub mod budget;
pub mod cli;
pub mod control;
pub mod crash;
pub mod diagnose;
pub mod engine;
pub mod experiment;
pub mod fleet;
pub mod lab;
pub mod metrics;
pub mod page;
pub mod process;
pub mod report;
pub mod settings;
pub mod signals;
pub mod story;
pub mod terminal;
