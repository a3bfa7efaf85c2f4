//! Experiments, in the order that data meets them: plan → load → run → measure → summary → table.

pub mod plan;

pub mod watch;

pub mod measure;

pub mod summary;

pub mod table;
