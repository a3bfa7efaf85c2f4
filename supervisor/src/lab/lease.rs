//! A network of 127.k.0.0/16 that no other lab uses at the same time.

use super::Addresses;
use router::listen::{self, ListenError};
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};

/// Held as long as this value, or the process, lives.
///
/// An abstract Unix socket is the lock: its name space is the network namespace, just like that of the addresses,
/// so labs of other users and with other runtime directories are seen too, and nothing stale can stay behind.
/// It is closed on exec: a child never holds the lease.
pub struct Lease {
    pub addresses: Addresses,
    _lock: UnixListener,
}

/// Why there is no network to be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(
        "network 127.{0}.0.0/16 is leased by another lab; --net K takes another one, no --net finds a free one"
    )]
    Leased(u8),
    #[error(transparent)]
    Port(#[from] ListenError),
    #[error("all networks from 127.1 to 127.254 are leased or in use; the last: {0}")]
    None(String),
}

impl Lease {
    /// The first free network, or `net` alone. A network with one of the needed ports taken is passed over; with
    /// `net` or `listen` given, that is an error which says by whom.
    pub fn take(
        net: Option<u8>,
        listen: Option<SocketAddr>,
        routers: u32,
        apps: u32,
    ) -> Result<Lease, LeaseError> {
        if let Some(listen) = listen {
            listen::bind_std(listen, "--listen")?;
        }
        let mut last = None;
        for k in net.map_or(1..=254, |k| k..=k) {
            match take_one(k, listen, routers, apps) {
                Ok(lease) => return Ok(lease),
                Err(why) => last = Some(why),
            }
        }
        match (net, last) {
            (Some(_), Some(why)) => Err(why),
            (_, why) => Err(LeaseError::None(
                why.map_or_else(String::new, |why| why.to_string()),
            )),
        }
    }
}

fn take_one(k: u8, listen: Option<SocketAddr>, routers: u32, apps: u32) -> Result<Lease, LeaseError> {
    let name = UnixAddress::from_abstract_name(format!("resetlab-net-{k}"))
        .expect("a short name without a zero byte");
    let lock = UnixListener::bind_addr(&name).map_err(|_| LeaseError::Leased(k))?;
    let addresses = Addresses::new(k, listen);
    for address in addresses.all(routers, apps) {
        let flag = if address == addresses.lb() {
            "--listen"
        } else {
            "--net K instead of"
        };
        drop(listen::bind_std(address, flag)?);
    }
    Ok(Lease {
        addresses,
        _lock: lock,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock;
    use std::time::Duration;

    /// One of two networks that nobody else takes: labs take those from the first on by themselves.
    fn remote(which: u32) -> u8 {
        (200 + std::process::id() % 27 * 2 + which) as u8
    }

    #[test]
    fn two_leases_differ_and_a_dropped_one_is_free_again() {
        let first = Lease::take(None, None, 3, 1).unwrap();
        let second = Lease::take(None, None, 3, 1).unwrap();
        assert_ne!(first.addresses.net(), second.addresses.net());
        let k = remote(0);
        let take = || Lease::take(Some(k), None, 3, 1);
        let third = take().unwrap();
        assert!(matches!(take(), Err(LeaseError::Leased(leased)) if leased == k));
        drop(third);
        // What other tests fork meanwhile holds it until it has become another program.
        let patience = clock::now() + Duration::from_secs(30);
        while let Err(why) = take() {
            assert!(clock::now() < patience, "{why}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_taken_port_is_named_with_its_holder() {
        let k = remote(1);
        let _taken = listen::bind_std(Addresses::new(k, None).router(1), "").unwrap();
        let Err(error) = Lease::take(Some(k), None, 1, 1) else {
            panic!("the port is taken")
        };
        assert!(
            error
                .to_string()
                .contains(&format!("(pid {})", std::process::id())),
            "{error}"
        );
    }
}
