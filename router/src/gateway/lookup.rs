//! Which endpoint a request goes to first, and which requests go nowhere.

use super::exchange::Exchange;
use super::replies::{self, Answer, Failure};
use super::{Gateway, LARGEST_HEAD};
use crate::clock::Timestamp;
use crate::condition::Health;
use crate::routes::Endpoint;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

impl Gateway {
    /// The endpoint of a request's first attempt, or the answer to a request that has none. In the order of gorouter's
    /// handlers.
    pub(super) fn lookup(&self, exchange: &mut Exchange, now: Timestamp) -> Result<Endpoint, Answer> {
        if exchange.marks.is_check {
            return Err(replies::health(self.condition.health() == Health::Healthy));
        }
        let host = exchange.host();
        if host.is_empty() || is_address_of(host, exchange.client.ip()) {
            return Err(replies::empty_host());
        }
        let wanted = match &exchange.app_instance {
            Some(wanted) => Some(instance_of(wanted).ok_or_else(replies::invalid_app_instance)?),
            None => None,
        };
        let mut routes = self.routes.borrow_mut();
        let pool = routes.find(host, exchange.target()).cloned();
        if let Some((app, index)) = wanted {
            let missing = || replies::unknown_instance(host, app, index);
            let endpoint = pool.as_ref().and_then(|pool| pool.instance(app, index));
            let endpoint = endpoint.ok_or_else(missing)?;
            let max_conns = routes.rules().max_conns;
            if max_conns > 0 && endpoint.requests() >= max_conns {
                return Err(replies::connection_limit(host));
            }
            self.admit(exchange)?;
            (exchange.surgical, exchange.attempts_left, exchange.pool) = (true, 0, pool);
            return Ok(endpoint);
        }
        let pool = pool.ok_or_else(|| replies::unknown_route(host))?;
        if pool.is_empty() {
            return Err(match self.settings.empty_pool_response_code_503 {
                true => replies::no_endpoints(host),
                false => replies::unknown_route(host),
            });
        }
        if pool.is_overloaded(routes.rules()) {
            return Err(replies::connection_limit(host));
        }
        self.admit(exchange)?;
        let most = usize::try_from(self.settings.max_attempts).unwrap_or(usize::MAX);
        exchange.attempts_left = most.min(pool.len()).saturating_sub(1) as u32;
        let endpoint = routes.next(&pool, &mut exchange.turn, now);
        exchange.pool = Some(pool);
        endpoint.ok_or_else(|| replies::endpoint_failure(&Failure::NoneLeft))
    }

    /// What else stops a request whose route is known.
    fn admit(&self, exchange: &Exchange) -> Result<(), Answer> {
        let largest = LARGEST_HEAD.min(super::max_header_bytes(&self.settings));
        if exchange.size >= largest {
            return Err(replies::too_large());
        }
        if exchange.marks.looped {
            return Err(replies::routing_loop(exchange.host()));
        }
        Ok(())
    }
}

/// Whether a `Host` value is an address, with a port or without: some load balancers write their own there.
fn is_address_of(host: &str, ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let name = host.split(':').next().unwrap_or_default();
            name.starts_with(|first: char| first.is_ascii_digit())
                && name.parse::<Ipv4Addr>().is_ok_and(|address| address == ip)
        }
        IpAddr::V6(ip) => host
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']')?.0.parse::<Ipv6Addr>().ok())
            .is_some_and(|address| address == ip),
    }
}

/// `GUID:INDEX`, the GUID in lower case.
fn instance_of(value: &str) -> Option<(&str, &str)> {
    let (app, index) = value.split_once(':')?;
    let is_guid = app.len() == 36
        && app.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    (is_guid && is_index).then_some((app, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_a_host_is_recognised() {
        for (host, client, is) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1:8081", "127.0.0.1", true),
            ("127.0.0.2", "127.0.0.1", false),
            ("127.0.0.1.test", "127.0.0.1", false),
            ("[::1]:80", "::1", true),
            ("[::2]", "::1", false),
            ("app.test", "::1", false),
        ] {
            assert_eq!(
                is_address_of(host, client.parse().unwrap()),
                is,
                "{host} {client}"
            );
        }
    }

    #[test]
    fn an_instance_is_named_by_guid_and_index() {
        let guid = "0a6e9cc9-1b5a-4d4e-9c0e-8f0d8a8b2f6e";
        assert_eq!(instance_of(&format!("{guid}:12")), Some((guid, "12")));
        for wrong in [
            "",
            ":",
            "guid:0",
            &format!("{guid}:"),
            &format!("{guid}:x"),
            &format!("{guid}:1:2"),
            guid,
        ] {
            assert_eq!(instance_of(wrong), None, "{wrong}");
        }
        assert_eq!(instance_of(&format!("{}:0", guid.to_uppercase())), None);
    }
}
