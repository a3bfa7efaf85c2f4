//! PURE: which endpoints serve a request. By host, wildcard host and context path; the longest match comes first.
//!
//! - [`table`]: all routes; registering, finding, pruning
//! - [`pool`]: the endpoints of one route, and whose turn it is
//! - [`endpoint`]: where a request may go, and whose instance that is
//! - [`uri`]: a route's name
//!
//! One thread owns a table and everything in it: counting requests and passing over failed endpoints takes no lock.

pub mod endpoint;
pub mod pool;
#[cfg(test)]
mod properties;
pub mod table;
#[cfg(test)]
mod tests;
pub mod uri;

pub use endpoint::{Endpoint, Instance};
pub use pool::{Pool, Turn};
pub use table::{Listed, Registration, Rules, Table};
pub use uri::Uri;
