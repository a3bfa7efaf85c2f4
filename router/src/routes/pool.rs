//! The endpoints of one route, and whose turn it is.

use super::endpoint::Endpoint;
use super::table::Rules;
use crate::clock::Timestamp;
use crate::settings::Balancing;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use std::cell::RefCell;
use std::time::Duration;

/// A route's endpoints. A request holds on to its pool even if the route goes meanwhile.
#[derive(Debug)]
pub struct Pool {
    context_path: String,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    members: Vec<Member>,
    balancing: Balancing,
    /// Whose turn it is; drawn when the first request comes, so that routers do not walk in step.
    next: Option<usize>,
    /// When an endpoint came or went.
    changed: Timestamp,
    /// It was named in a file: it stays, even empty.
    fixed: bool,
}

#[derive(Debug)]
struct Member {
    endpoint: Endpoint,
    registered: Timestamp,
    /// It goes this long after it was registered last; `None`: never.
    stale_after: Option<Duration>,
    failed: Option<Timestamp>,
}

/// Where one request stands in its pool: what its attempts so far have passed.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The instance its session sticks to; for the first attempt only.
    sticky: Option<String>,
    next: Option<usize>,
}

impl Turn {
    /// Of a request whose session sticks to an instance, if it does.
    pub fn of(sticky: Option<String>) -> Turn {
        Turn { sticky, next: None }
    }
}

impl Pool {
    pub(super) fn new(context_path: &str, balancing: Balancing, now: Timestamp) -> Pool {
        Pool {
            context_path: context_path.to_owned(),
            state: RefCell::new(State {
                members: Vec::new(),
                balancing,
                next: None,
                changed: now,
                fixed: false,
            }),
        }
    }

    /// As registered: `/`, `/v1`.
    pub fn context_path(&self) -> &str {
        &self.context_path
    }

    pub fn len(&self) -> usize {
        self.state.borrow().members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// There are endpoints, and none of them may get another request.
    pub fn is_overloaded(&self, rules: &Rules) -> bool {
        let members = &self.state.borrow().members;
        !members.is_empty() && members.iter().all(|member| member.is_overloaded(rules))
    }

    /// The endpoint for the next attempt of a request; `None` if all have as many requests as they may.
    pub(super) fn next(
        &self,
        turn: &mut Turn,
        now: Timestamp,
        rules: &Rules,
        dice: &mut ChaCha8Rng,
    ) -> Option<Endpoint> {
        let state = &mut *self.state.borrow_mut();
        if let Some(id) = turn.sticky.take()
            && let Some(member) = state
                .members
                .iter()
                .find(|member| member.endpoint.instance.id == id)
            && !member.is_overloaded(rules)
        {
            return Some(member.endpoint.clone());
        }
        let member = match state.balancing {
            Balancing::RoundRobin => state.round_robin(turn, now, rules, dice),
            Balancing::LeastConnection => state.least_connection(rules, dice),
        }?;
        Some(state.members[member].endpoint.clone())
    }

    /// The endpoint failed: it sits out.
    pub fn failed(&self, endpoint: &Endpoint, now: Timestamp) {
        let mut state = self.state.borrow_mut();
        if let Some(member) = state.member(endpoint) {
            member.failed = Some(now);
        }
    }

    /// The instance of an application by its index.
    pub fn instance(&self, app: &str, index: &str) -> Option<Endpoint> {
        let state = self.state.borrow();
        let is_it =
            |member: &&Member| member.endpoint.instance.app == app && member.endpoint.instance.index == index;
        state
            .members
            .iter()
            .rev()
            .find(is_it)
            .map(|member| member.endpoint.clone())
    }

    /// Adds an endpoint, or renews it.
    pub(super) fn put(
        &self,
        endpoint: Endpoint,
        stale_after: Option<Duration>,
        balancing: Option<Balancing>,
        now: Timestamp,
    ) {
        let state = &mut *self.state.borrow_mut();
        state.balancing = balancing.unwrap_or(state.balancing);
        state.changed = now;
        match state.member(&endpoint) {
            Some(member) => {
                member.endpoint = endpoint;
                member.registered = now;
                // What a file names stays.
                member.stale_after = member.stale_after.and(stale_after);
            }
            None => state.members.push(Member {
                endpoint,
                registered: now,
                stale_after,
                failed: None,
            }),
        }
    }

    /// It was named in a file.
    pub(super) fn fix(&self) {
        self.state.borrow_mut().fixed = true;
    }

    /// False: there was no such endpoint.
    pub(super) fn remove(&self, address: std::net::SocketAddr, now: Timestamp) -> bool {
        self.retain(now, |member| member.endpoint.address != address)
    }

    /// Removes what was not registered for too long. False: nothing was.
    pub(super) fn prune(&self, now: Timestamp) -> bool {
        self.retain(now, |member| {
            member
                .stale_after
                .is_none_or(|limit| now.since(member.registered) <= limit)
        })
    }

    /// It has no endpoint and is not to be kept.
    pub(super) fn is_over(&self, now: Timestamp, rules: &Rules) -> bool {
        let state = self.state.borrow();
        let kept = rules
            .keep_empty
            .is_some_and(|limit| now.since(state.changed) <= limit);
        state.members.is_empty() && !state.fixed && !kept
    }

    /// What `/routes` tells of each endpoint.
    pub(super) fn list<T>(&self, of: impl Fn(&Endpoint, Option<Duration>, Balancing) -> T) -> Vec<T> {
        let state = self.state.borrow();
        let each = |member: &Member| of(&member.endpoint, member.stale_after, state.balancing);
        state.members.iter().map(each).collect()
    }

    fn retain(&self, now: Timestamp, keep: impl Fn(&Member) -> bool) -> bool {
        let mut state = self.state.borrow_mut();
        let before = state.members.len();
        state.members.retain(keep);
        let removed = state.members.len() < before;
        if removed {
            state.changed = now;
        }
        removed
    }
}

impl State {
    fn member(&mut self, endpoint: &Endpoint) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.endpoint.address == endpoint.address)
    }

    /// The next that neither sits out nor has too many requests; if all sit out, nobody does any more. A request's
    /// own attempts go on from where its last one was, whatever others pick meanwhile.
    fn round_robin(
        &mut self,
        turn: &mut Turn,
        now: Timestamp,
        rules: &Rules,
        dice: &mut ChaCha8Rng,
    ) -> Option<usize> {
        let size = self.members.len();
        if size == 0 {
            return None;
        }
        let start = match turn.next {
            Some(next) => next % size,
            None => {
                let start = match self.next {
                    Some(next) => next % size,
                    None => below(dice, size),
                };
                self.next = Some(start + 1);
                start
            }
        };
        let order = || (start..size).chain(0..start);
        for index in order() {
            let member = &mut self.members[index];
            member.failed = member
                .failed
                .filter(|&failed| now.since(failed) <= rules.retry_after);
        }
        let rested =
            order().find(|&i| self.members[i].failed.is_none() && !self.members[i].is_overloaded(rules));
        let picked = rested.or_else(|| {
            let picked = order().find(|&i| !self.members[i].is_overloaded(rules))?;
            self.members.iter_mut().for_each(|member| member.failed = None);
            Some(picked)
        })?;
        turn.next = Some(picked + 1);
        Some(picked)
    }

    /// One of those with the fewest requests. Failed ones do not sit out here: gorouter's do not either.
    fn least_connection(&self, rules: &Rules, dice: &mut ChaCha8Rng) -> Option<usize> {
        let mut least: Option<(usize, u32)> = None;
        let mut equals = 1;
        for (index, member) in self.members.iter().enumerate() {
            if member.is_overloaded(rules) {
                continue;
            }
            let requests = member.endpoint.requests();
            match least {
                Some((_, fewest)) if requests > fewest => {}
                Some((_, fewest)) if requests == fewest => {
                    equals += 1;
                    if below(dice, equals) == 0 {
                        least = Some((index, requests));
                    }
                }
                _ => {
                    equals = 1;
                    least = Some((index, requests));
                }
            }
        }
        least.map(|(index, _)| index)
    }
}

impl Member {
    fn is_overloaded(&self, rules: &Rules) -> bool {
        rules.max_conns > 0 && self.endpoint.requests() >= rules.max_conns
    }
}

/// A number below `limit`, which is not 0.
fn below(dice: &mut ChaCha8Rng, limit: usize) -> usize {
    ((u64::from(dice.next_u32()) * limit as u64) >> 32) as usize
}
