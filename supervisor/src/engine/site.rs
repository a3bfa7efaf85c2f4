//! PURE: where a program stands in the lab.

use std::net::SocketAddr;
use std::path::PathBuf;

/// All that a configuration is written for. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where clients come; loopback only.
    pub listen: SocketAddr,
    pub routers: Vec<Seat>,
    /// Its own directory, which it runs in: configuration, and whatever it writes.
    pub dir: PathBuf,
    /// Where its Unix sockets are: a short path, as their names are limited to 107 bytes.
    pub sockets: PathBuf,
    /// A configuration of the user's own instead of a generated one: its file.
    pub own: Option<PathBuf>,
}

/// A router as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// `router-1`.
    pub name: String,
    pub traffic: SocketAddr,
    /// Where its health is checked.
    pub health: SocketAddr,
}

impl Site {
    /// Where it answers what it believes, if it does.
    pub fn admin(&self) -> PathBuf {
        self.sockets.join("lb-admin.sock")
    }

    /// Where a line for each request goes: a named pipe that the guard reads.
    pub fn log(&self) -> PathBuf {
        self.sockets.join("lb-log.pipe")
    }

    /// The router with this traffic address.
    pub fn at(&self, traffic: SocketAddr) -> Option<&Seat> {
        self.routers.iter().find(|seat| seat.traffic == traffic)
    }

    /// The router of this name.
    pub fn named(&self, name: &str) -> Option<&Seat> {
        self.routers.iter().find(|seat| seat.name == name)
    }
}

#[cfg(test)]
impl Site {
    /// Two routers, for tests of programs.
    pub fn example() -> Site {
        let seat = |n: u8| Seat {
            name: format!("router-{n}"),
            traffic: SocketAddr::from(([127, 9, 1, n], 8081)),
            health: SocketAddr::from(([127, 9, 1, n], 8080)),
        };
        Site {
            listen: SocketAddr::from(([127, 9, 0, 2], 8000)),
            routers: vec![seat(1), seat(2)],
            dir: "/run/lab/lb".into(),
            sockets: "/tmp/lab.d".into(),
            own: None,
        }
    }
}
