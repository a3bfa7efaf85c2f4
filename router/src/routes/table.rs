//! All routes.

use super::endpoint::{Endpoint, Instance, Stations};
use super::pool::{Pool, Turn};
use super::uri::{ANY_HOST, LONGEST, Uri, host_of, lower};
use crate::clock::Timestamp;
use crate::settings::{Balancing, Settings};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Bound::{Included, Unbounded};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Routes by host, and below each by context path.
#[derive(Debug)]
pub struct Table {
    rules: Rules,
    /// `*` among them.
    exact: BTreeMap<String, Routes>,
    /// By what follows `*.`.
    wild: BTreeMap<String, Routes>,
    stations: Stations,
    dice: ChaCha8Rng,
}

/// What holds for all routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Of routes that do not say otherwise.
    pub balancing: Balancing,
    /// Requests at a time of one endpoint; 0: no limit.
    pub max_conns: u32,
    /// A registration may only lower it.
    pub stale_after: Duration,
    /// How long a failed endpoint sits out.
    pub retry_after: Duration,
    /// How long a route is kept that has lost its last endpoint; `None`: not at all.
    pub keep_empty: Option<Duration>,
}

/// An endpoint, and the routes it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub uris: Vec<Uri>,
    pub address: SocketAddr,
    pub instance: Instance,
    /// It goes so long after it was registered last, at the latest after [`Rules::stale_after`].
    pub stale_after: Option<Duration>,
    /// The whole route's, from now on.
    pub balancing: Option<Balancing>,
}

/// One endpoint of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub address: SocketAddr,
    pub instance: Arc<Instance>,
    /// `None`: it stays until it is unregistered.
    pub stale_after: Option<Duration>,
    pub balancing: Balancing,
}

/// The routes of one host, by path in lower case without its first slash. Whole paths and not a tree of segments: what
/// a registration costs, and how deep its removal goes, must not depend on how many slashes it has.
#[derive(Debug, Default)]
struct Routes(BTreeMap<String, Rc<Pool>>);

impl Rules {
    pub fn of(settings: &Settings) -> Rules {
        let keeps_empty = settings.empty_pool_response_code_503 && !settings.empty_pool_timeout.is_zero();
        Rules {
            balancing: settings.balancing_algorithm,
            max_conns: settings.max_conns,
            stale_after: settings.droplet_stale_threshold,
            retry_after: settings.droplet_stale_threshold / 4,
            keep_empty: keeps_empty.then_some(settings.empty_pool_timeout),
        }
    }
}

impl Table {
    /// `dice` decide where a round begins and between equals.
    pub fn new(rules: Rules, dice: ChaCha8Rng) -> Table {
        Table {
            rules,
            exact: BTreeMap::new(),
            wild: BTreeMap::new(),
            stations: Stations::default(),
            dice,
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Adds an endpoint to each of its routes, or renews it there.
    pub fn register(&mut self, now: Timestamp, registration: &Registration) {
        let stale_after = registration
            .stale_after
            .filter(|asked| !asked.is_zero())
            .map_or(self.rules.stale_after, |asked| asked.min(self.rules.stale_after));
        let instance = Arc::new(registration.instance.clone());
        for uri in &registration.uris {
            let endpoint = self
                .stations
                .endpoint(registration.address, Arc::clone(&instance));
            self.pool(uri, now)
                .put(endpoint, Some(stale_after), registration.balancing, now);
        }
    }

    /// A route that is never pruned, even without endpoints: it is known but unavailable then.
    pub fn fix(&mut self, uri: &Uri, endpoints: Vec<(SocketAddr, Instance)>, balancing: Option<Balancing>) {
        let now = Timestamp::default();
        let pool = self.pool(uri, now);
        pool.fix();
        for (address, instance) in endpoints {
            let endpoint = self.stations.endpoint(address, Arc::new(instance));
            pool.put(endpoint, None, balancing, now);
        }
    }

    /// Takes an endpoint out of its routes. False: none of them had it.
    pub fn unregister(&mut self, now: Timestamp, registration: &Registration) -> bool {
        let mut known = false;
        for uri in &registration.uris {
            let found = self.find_exactly(uri).cloned();
            known |= found.is_some_and(|pool| pool.remove(registration.address, now));
            self.clean(uri, now);
        }
        self.stations.forget_unused(registration.address);
        known
    }

    /// Removes what was not registered for too long, and routes that are empty for too long.
    pub fn prune(&mut self, now: Timestamp) {
        let rules = self.rules;
        for hosts in [&mut self.exact, &mut self.wild] {
            hosts.retain(|_, routes| {
                routes.0.retain(|_, pool| {
                    pool.prune(now);
                    !pool.is_over(now, &rules)
                });
                !routes.0.is_empty()
            });
        }
        self.stations.forget_all_unused();
    }

    /// The pool of the longest route that matches a `Host` value and a path: the host's own routes first, then
    /// wildcards from the longest to the shortest, then `*`; below each the longest path.
    pub fn find(&self, host: &str, path: &str) -> Option<&Rc<Pool>> {
        let host = host_of(host);
        let own = self.exact.get(&*host).and_then(|routes| routes.find(path));
        own.or_else(|| {
            // No route's host is longer than LONGEST.
            let mut rest = host.get(host.len().saturating_sub(LONGEST)..).unwrap_or(&host);
            while let Some((_, suffix)) = rest.split_once('.') {
                if let Some(pool) = self.wild.get(suffix).and_then(|routes| routes.find(path)) {
                    return Some(pool);
                }
                rest = suffix;
            }
            self.exact.get(ANY_HOST)?.find(path)
        })
    }

    /// The endpoint for a request's next attempt.
    pub fn next(&mut self, pool: &Pool, turn: &mut Turn, now: Timestamp) -> Option<Endpoint> {
        pool.next(turn, now, &self.rules, &mut self.dice)
    }

    /// Every route by its name.
    pub fn list(&self) -> BTreeMap<String, Vec<Listed>> {
        let mut listed = BTreeMap::new();
        for (hosts, prefix) in [(&self.exact, ""), (&self.wild, "*.")] {
            for (host, routes) in hosts {
                for (path, pool) in &routes.0 {
                    let slash = if path.is_empty() { "" } else { "/" };
                    let endpoints = pool.list(|endpoint, stale_after, balancing| Listed {
                        address: endpoint.address,
                        instance: Arc::clone(&endpoint.instance),
                        stale_after,
                        balancing,
                    });
                    listed.insert(format!("{prefix}{host}{slash}{path}"), endpoints);
                }
            }
        }
        listed
    }

    /// Addresses that some route knows.
    pub fn addresses(&self) -> usize {
        self.stations.len()
    }

    fn pool(&mut self, uri: &Uri, now: Timestamp) -> Rc<Pool> {
        let hosts = if uri.wild { &mut self.wild } else { &mut self.exact };
        let routes = hosts.entry(uri.host.clone()).or_default();
        let balancing = self.rules.balancing;
        let new = || Rc::new(Pool::new(&uri.context_path, balancing, now));
        Rc::clone(routes.0.entry(uri.path.clone()).or_insert_with(new))
    }

    fn find_exactly(&self, uri: &Uri) -> Option<&Rc<Pool>> {
        let hosts = if uri.wild { &self.wild } else { &self.exact };
        hosts.get(&uri.host)?.0.get(&uri.path)
    }

    /// Forgets a route if it is over.
    fn clean(&mut self, uri: &Uri, now: Timestamp) {
        let hosts = if uri.wild { &mut self.wild } else { &mut self.exact };
        if let Some(routes) = hosts.get_mut(&uri.host)
            && routes
                .0
                .get(&uri.path)
                .is_some_and(|pool| pool.is_over(now, &self.rules))
        {
            routes.0.remove(&uri.path);
            if routes.0.is_empty() {
                hosts.remove(&uri.host);
            }
        }
    }
}

impl Routes {
    /// The pool of the longest context path that `path` begins with, segment by segment.
    fn find(&self, path: &str) -> Option<&Rc<Pool>> {
        let (last, pool) = self.0.last_key_value()?;
        if last.is_empty() {
            return Some(pool);
        }
        // No route is longer than LONGEST; what a request has beyond that decides nothing.
        let path = path.get(..=LONGEST).unwrap_or(path);
        let path = lower(path.split('?').next().unwrap_or_default());
        let path = path.strip_prefix('/').unwrap_or(&path);
        let mut rest = path.strip_suffix('/').unwrap_or(path);
        // Every name that begins with the sought one, and is not after `rest`, comes between the two. So the last one
        // that is not after `rest` is it, or shares it with `rest`.
        loop {
            let (name, pool) = self.0.range::<str, _>((Unbounded, Included(rest))).next_back()?;
            let shared = rest.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            let ends = |at: usize| at == 0 || at == rest.len() || rest.as_bytes()[at] == b'/';
            if shared == name.len() && ends(shared) {
                return Some(pool);
            }
            let whole = if ends(shared) {
                shared
            } else {
                rest[..shared].rfind('/').unwrap_or(0)
            };
            rest = &rest[..whole];
        }
    }
}

#[cfg(test)]
impl Table {
    pub(super) fn dice(&mut self, dice: ChaCha8Rng) {
        self.dice = dice;
    }
}
