//! gorouter's part of the lab, and the forwarding engine it shares with lb-sim.
//!
//! In the order that data meets them:

pub mod clock;
pub mod listen;
pub mod record;
pub mod worker;

pub mod http1;
pub mod proxy;
