//! All routes.

use super::endpoint::{Endpoint, Instance, Stations};
use super::pool::{Pool, Turn};
use super::uri::{ANY_HOST, Uri, host_of, lower};
use crate::clock::Timestamp;
use crate::settings::{Balancing, Settings};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Routes by host, and below each by the segments of context paths.
#[derive(Debug)]
pub struct Table {
    rules: Rules,
    /// `*` among them.
    exact: BTreeMap<String, Node>,
    /// By what follows `*.`.
    wild: BTreeMap<String, Node>,
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

#[derive(Debug, Default)]
struct Node {
    pool: Option<Rc<Pool>>,
    children: BTreeMap<String, Node>,
}

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
            self.clean_host(uri, now);
        }
        self.stations.forget_unused(registration.address);
        known
    }

    /// Removes what was not registered for too long, and routes that are empty for too long.
    pub fn prune(&mut self, now: Timestamp) {
        self.each(&mut |_, pool| {
            pool.prune(now);
        });
        let rules = self.rules;
        for hosts in [&mut self.exact, &mut self.wild] {
            hosts.retain(|_, node| node.clean(now, &rules));
        }
        self.stations.forget_all_unused();
    }

    /// The pool of the longest route that matches a `Host` value and a path: the host's own routes first, then
    /// wildcards from the longest to the shortest, then `*`; below each the longest path.
    pub fn find(&self, host: &str, path: &str) -> Option<&Rc<Pool>> {
        let host = host_of(host);
        let own = self.exact.get(&*host).and_then(|node| node.find(path));
        own.or_else(|| {
            let mut rest = &*host;
            while let Some((_, suffix)) = rest.split_once('.') {
                if let Some(pool) = self.wild.get(suffix).and_then(|node| node.find(path)) {
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
        self.each(&mut |name, pool| {
            let endpoints = pool.list(|endpoint, stale_after, balancing| Listed {
                address: endpoint.address,
                instance: Arc::clone(&endpoint.instance),
                stale_after,
                balancing,
            });
            listed.insert(name, endpoints);
        });
        listed
    }

    /// Addresses that some route knows.
    pub fn addresses(&self) -> usize {
        self.stations.len()
    }

    fn pool(&mut self, uri: &Uri, now: Timestamp) -> Rc<Pool> {
        let hosts = if uri.wild { &mut self.wild } else { &mut self.exact };
        let mut node = hosts.entry(uri.host.clone()).or_default();
        for segment in segments(&uri.path) {
            node = node.children.entry(segment.to_owned()).or_default();
        }
        let balancing = self.rules.balancing;
        let pool = node
            .pool
            .get_or_insert_with(|| Rc::new(Pool::new(&uri.context_path, balancing, now)));
        Rc::clone(pool)
    }

    fn find_exactly(&self, uri: &Uri) -> Option<&Rc<Pool>> {
        let hosts = if uri.wild { &self.wild } else { &self.exact };
        let mut node = hosts.get(&uri.host)?;
        for segment in segments(&uri.path) {
            node = node.children.get(segment)?;
        }
        node.pool.as_ref()
    }

    fn each(&self, visit: &mut impl FnMut(String, &Pool)) {
        for (hosts, prefix) in [(&self.exact, ""), (&self.wild, "*.")] {
            for (host, node) in hosts {
                node.each(format!("{prefix}{host}"), visit);
            }
        }
    }

    /// Forgets the routes of a host that are over.
    fn clean_host(&mut self, uri: &Uri, now: Timestamp) {
        let hosts = if uri.wild { &mut self.wild } else { &mut self.exact };
        if let Some(node) = hosts.get_mut(&uri.host)
            && !node.clean(now, &self.rules)
        {
            hosts.remove(&uri.host);
        }
    }
}

impl Node {
    /// The pool of the longest context path that `path` begins with, segment by segment.
    fn find(&self, path: &str) -> Option<&Rc<Pool>> {
        let mut longest = self.pool.as_ref();
        if self.children.is_empty() {
            return longest;
        }
        let path = lower(path.split('?').next().unwrap_or_default());
        let path = path.strip_prefix('/').unwrap_or(&path);
        let mut node = self;
        for segment in segments(path.strip_suffix('/').unwrap_or(path)) {
            match node.children.get(segment) {
                Some(child) => node = child,
                None => break,
            }
            longest = node.pool.as_ref().or(longest);
        }
        longest
    }

    fn each(&self, name: String, visit: &mut impl FnMut(String, &Pool)) {
        for (segment, child) in &self.children {
            child.each(format!("{name}/{segment}"), visit);
        }
        if let Some(pool) = &self.pool {
            visit(name, pool);
        }
    }

    /// False: nothing is left.
    fn clean(&mut self, now: Timestamp, rules: &Rules) -> bool {
        self.children.retain(|_, child| child.clean(now, rules));
        self.pool = self.pool.take().filter(|pool| !pool.is_over(now, rules));
        self.pool.is_some() || !self.children.is_empty()
    }
}

/// None for an empty path.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(move |_| !path.is_empty())
}

#[cfg(test)]
impl Table {
    pub(super) fn dice(&mut self, dice: ChaCha8Rng) {
        self.dice = dice;
    }
}
