//! Experiments: plan → load → run → measure → summary.

pub mod measure;
pub mod plan;
pub mod summary;
