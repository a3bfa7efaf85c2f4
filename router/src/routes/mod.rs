//! PURE: which endpoint serves a host.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Routes by exact host, and `*` for every host that has none of its own.
#[derive(Debug, Default)]
pub struct Table {
    exact: BTreeMap<String, Route>,
    fallback: Option<Route>,
    /// Every address has one key, whatever routes name it.
    keys: BTreeMap<SocketAddr, u32>,
}

/// Where a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Small and stable for the life of the table.
    pub key: u32,
    pub address: SocketAddr,
}

/// Why there is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    UnknownHost,
    NoEndpoint,
}

/// The name of the fallback route.
pub const ANY_HOST: &str = "*";

#[derive(Debug, Default)]
struct Route {
    endpoints: Vec<Endpoint>,
    next: Cell<usize>,
}

impl Table {
    /// Adds endpoints to a host, which may be [`ANY_HOST`]; without endpoints the host is known but unavailable.
    pub fn register(&mut self, host: &str, addresses: &[SocketAddr]) {
        let endpoints: Vec<Endpoint> = addresses
            .iter()
            .map(|&address| {
                let next = self.keys.len() as u32;
                let key = *self.keys.entry(address).or_insert(next);
                Endpoint { key, address }
            })
            .collect();
        let route = if host == ANY_HOST {
            self.fallback.get_or_insert_default()
        } else {
            self.exact.entry(normal(host).into_owned()).or_default()
        };
        for endpoint in endpoints {
            if !route.endpoints.contains(&endpoint) {
                route.endpoints.push(endpoint);
            }
        }
    }

    /// The next endpoint of a `Host` value, in turn.
    pub fn pick(&self, host: &str) -> Result<Endpoint, Miss> {
        let route = self
            .exact
            .get(&*normal(host))
            .or(self.fallback.as_ref())
            .ok_or(Miss::UnknownHost)?;
        let turn = route.next.get();
        let endpoint = route
            .endpoints
            .get(turn % route.endpoints.len().max(1))
            .ok_or(Miss::NoEndpoint)?;
        route.next.set(turn.wrapping_add(1));
        Ok(*endpoint)
    }

    /// How many hosts have a route, and how many endpoints there are.
    pub fn size(&self) -> (usize, usize) {
        (
            self.exact.len() + usize::from(self.fallback.is_some()),
            self.keys.len(),
        )
    }
}

/// Without port and final dot, in lower case; allocates only where letters change.
fn normal(host: &str) -> Cow<'_, str> {
    let name = match host.rsplit_once(':') {
        // The colons of `[::1]` are no port's.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn endpoints_take_turns() {
        let mut table = Table::default();
        table.register("app.test", &[address(1), address(2), address(1)]);
        let ports: Vec<u16> = (0..4)
            .map(|_| table.pick("app.test").unwrap().address.port())
            .collect();
        assert_eq!(ports, [1, 2, 1, 2]);
    }

    #[test]
    fn hosts_are_compared_without_case_port_and_final_dot() {
        let mut table = Table::default();
        table.register("App.Test", &[address(1)]);
        table.register("[::1]", &[address(2)]);
        for host in ["app.test", "APP.TEST:8081", "app.test."] {
            assert_eq!(table.pick(host).unwrap().address, address(1), "{host}");
        }
        assert_eq!(table.pick("[::1]:80").unwrap().address, address(2));
        assert_eq!(table.pick("[::1]").unwrap().address, address(2));
        assert_eq!(table.pick("other.test"), Err(Miss::UnknownHost));
    }

    #[test]
    fn the_fallback_serves_hosts_without_a_route_of_their_own() {
        let mut table = Table::default();
        table.register("empty.test", &[]);
        table.register(ANY_HOST, &[address(3)]);
        assert_eq!(table.pick("empty.test"), Err(Miss::NoEndpoint));
        assert_eq!(table.pick("any.test").unwrap().address, address(3));
        assert_eq!(table.size(), (2, 1));
    }

    #[test]
    fn an_address_has_one_key_in_all_routes() {
        let mut table = Table::default();
        table.register("a.test", &[address(1), address(2)]);
        table.register("b.test", &[address(2)]);
        table.pick("a.test").unwrap();
        assert_eq!(table.pick("a.test").unwrap(), table.pick("b.test").unwrap());
    }
}
