//! The engine on real loopback sockets, against raw peers whose every byte is written out here.

mod bodies;
mod demands;
mod drains;
mod failures;
mod interim;
mod lab;
mod life;
mod named;
mod refusals;
mod severed;
mod waits;
