//! Where routes come from: a file, and registrations over HTTP.
//!
//! - [`file`]: routes that stay
//! - [`message`]: PURE: what a registration says, in the words of gorouter's `router.register`
//! - [`api`]: `/register`, `/unregister` and `/routes`, on a thread of its own
//! - [`desk`]: how that thread reaches the routes, which belong to the data thread

pub mod api;
pub mod desk;
pub mod file;
pub mod message;

pub use desk::Desk;
pub use file::{FileError, read};

use std::net::{IpAddr, SocketAddr};

/// Whether a connection to `endpoint` surely comes back to the listener at `own`.
pub fn is_own(own: SocketAddr, endpoint: SocketAddr) -> bool {
    // `::ffff:127.0.0.1` is reached as 127.0.0.1 (RFC 4291 §2.5.5.2).
    let (listens, goes) = (own.ip().to_canonical(), endpoint.ip().to_canonical());
    // Connecting to the unspecified address reaches this machine's loopback; listening on it, every address here.
    let here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let reaches = listens == goes
        || (listens.is_unspecified() && here(goes))
        || (goes.is_unspecified() && here(listens));
    own.port() == endpoint.port() && reaches
}

/// Why an endpoint that [`is_own`] is refused.
pub fn own_address(endpoint: SocketAddr) -> String {
    format!(
        "{endpoint} is this router's own traffic address: requests would come back to it for ever; expected the application's"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_address_is_recognised_however_it_is_written() {
        for (own, endpoint, is) in [
            ("127.0.0.1:8081", "127.0.0.1:8081", true),
            ("127.0.0.1:8081", "127.0.0.1:8082", false),
            ("127.0.0.1:8081", "127.0.0.2:8081", false),
            ("0.0.0.0:8081", "127.5.0.2:8081", true),
            ("0.0.0.0:8081", "10.0.0.1:8081", false),
            ("127.0.0.1:8081", "0.0.0.0:8081", true),
            ("[::]:8081", "[::1]:8081", true),
            ("10.0.0.1:8081", "10.0.0.1:8081", true),
            ("127.9.10.2:8081", "[::ffff:127.9.10.2]:8081", true),
            ("127.9.10.2:8081", "[::ffff:127.9.10.3]:8081", false),
            ("[::ffff:10.0.0.1]:8081", "10.0.0.1:8081", true),
            ("0.0.0.0:8081", "[::ffff:127.5.0.2]:8081", true),
            ("127.0.0.1:8081", "[::ffff:0.0.0.0]:8081", true),
        ] {
            assert_eq!(
                is_own(own.parse().unwrap(), endpoint.parse().unwrap()),
                is,
                "{own} {endpoint}"
            );
        }
    }
}
