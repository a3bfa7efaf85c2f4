//! A small L7 load balancer with health checks whose decisions are pure.
//!
//! In the order that data meets them:

pub mod core;
pub mod theory;
