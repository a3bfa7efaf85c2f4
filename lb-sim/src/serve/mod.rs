//! The live driver: sockets, clocks and two threads around the pure core.
//!
//! The *control thread* owns the [`Balancer`](crate::core::Balancer): it starts checks ([`probe`]), sleeps until the
//! next deadline ([`control`]), answers the admin socket ([`admin`]) and publishes what may be picked ([`table`]). The
//! *data thread* forwards ([`http`]) and only ever reads what was published: no lock that a check could hold.

pub mod admin;
pub mod control;
pub mod http;
pub mod probe;
pub mod table;
