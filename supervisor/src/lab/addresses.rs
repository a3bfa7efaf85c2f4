//! PURE: where everything of a lab listens, within its 127.k.0.0/16.

use std::net::{Ipv4Addr, SocketAddr};

/// The addresses of one lab. Ports are below the ephemeral range, so no client can take one before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    net: u8,
    listen: Option<SocketAddr>,
}

impl Addresses {
    /// More routers have no addresses.
    pub const MOST_ROUTERS: u32 = 250;

    /// `listen` moves the balancer out of 127.`net`.0.2:8000.
    pub fn new(net: u8, listen: Option<SocketAddr>) -> Addresses {
        Addresses { net, listen }
    }

    /// `k` of 127.k.0.0/16.
    pub fn net(self) -> u8 {
        self.net
    }

    pub fn lb(self) -> SocketAddr {
        self.listen.unwrap_or_else(|| self.at(0, 2, 8000))
    }

    /// Where Prometheus looks for the lab.
    pub fn metrics(self) -> SocketAddr {
        self.at(0, 1, 9100)
    }

    /// Where browsers look.
    pub fn page(self) -> SocketAddr {
        self.at(0, 1, 8080)
    }

    /// Traffic port of router `n`, 1..=250.
    pub fn router(self, n: u32) -> SocketAddr {
        self.at(1, n, 8081)
    }

    /// Health port of router `n`.
    pub fn health(self, n: u32) -> SocketAddr {
        self.at(1, n, 8080)
    }

    /// Instance `m` of the app, 1..=250.
    pub fn app(self, m: u32) -> SocketAddr {
        self.at(2, m, 9000)
    }

    /// All that a lab of this size listens on, the balancer's first.
    pub fn all(self, routers: u32, apps: u32) -> Vec<SocketAddr> {
        let routers = (1..=routers).flat_map(|n| [self.router(n), self.health(n)]);
        std::iter::once(self.lb())
            .chain(routers)
            .chain((1..=apps).map(|m| self.app(m)))
            .collect()
    }

    fn at(self, third: u8, last: u32, port: u16) -> SocketAddr {
        let last = u8::try_from(last).expect("settings allow at most 250 routers and apps");
        (Ipv4Addr::new(127, self.net, third, last), port).into()
    }
}
