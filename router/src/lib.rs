//! gorouter's part of the lab, and the forwarding engine it shares with lb-sim.
//!
//! In the order that data meets them:

pub mod clock;
pub mod http1;
pub mod proxy;
pub mod record;
pub mod worker;
