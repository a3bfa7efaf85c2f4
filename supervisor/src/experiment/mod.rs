//! Experiments, in the order that data meets them: args → plan and forecast → load → run (begin, trial, watch) → measure → sample (what counts) → summary → table.
//! A sweep does the same for many settings on one stack, with pauses and the mistakes they cause;
//! a comparison runs the same faults on lb-sim and on real load balancers in turn.

pub mod args;

pub mod plan;

pub mod forecast;

pub mod load;

pub mod run;

pub mod stack;

pub mod begin;

pub mod trial;

pub mod progress;

pub mod watch;

pub mod healthy;

pub mod measure;

pub mod interrupted;

pub mod recovered;

pub mod setup;

pub mod sample;

pub mod spread;

pub mod standing;

pub mod summary;

pub mod doubts;

pub mod table;

pub mod pause;

pub mod mistakes;

pub mod sweep;

pub mod compare;
