//! Idle connections to backends. What is in here has nothing unread, no request under way, and is owed to nobody.

use super::Settings;
use super::heads::Heads;
use super::policy::Sever;
use crate::clock::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// All idle connections of one thread, by upstream key.
#[derive(Default)]
pub struct Pools {
    pools: RefCell<BTreeMap<u32, Pool>>,
}

#[derive(Default)]
struct Pool {
    /// Connections taken before the last discard do not come back.
    generation: u64,
    /// Connections of this generation and older ones are to end, whatever is under way on them.
    severed: Option<(u64, Sever)>,
    /// The most recently used is last and is taken first.
    idle: Vec<Idle>,
}

struct Idle {
    stream: TcpStream,
    heads: Option<Box<Heads>>,
    addr: SocketAddr,
    since: Timestamp,
}

/// A connection to a backend, and where it belongs.
pub(super) struct Leased {
    pub stream: TcpStream,
    /// Who can read its heads on another thread. Boxed: where nobody can, it costs a word to carry around.
    pub heads: Option<Box<Heads>>,
    pub key: u32,
    pub addr: SocketAddr,
    pub generation: u64,
}

impl Pools {
    /// Closes all idle connections of `key`; those in use are closed instead of coming back.
    pub fn discard(&self, key: u32) {
        if let Some(pool) = self.pools.borrow_mut().get_mut(&key) {
            pool.generation += 1;
            pool.idle.clear();
        }
    }

    /// The same, and those in use end at once.
    pub(super) fn sever(&self, key: u32, how: Sever) {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(key).or_default();
        pool.severed = Some((pool.generation, how));
        pool.generation += 1;
        pool.idle.clear();
    }

    /// Whether a connection of `key` and that generation is to end.
    pub(super) fn severed(&self, key: u32, generation: u64) -> Option<Sever> {
        let (latest, how) = self.pools.borrow().get(&key)?.severed?;
        (generation <= latest).then_some(how)
    }

    /// Idle connections of `key`.
    pub fn idle(&self, key: u32) -> usize {
        self.pools.borrow().get(&key).map_or(0, |pool| pool.idle.len())
    }

    /// Closes every idle connection.
    pub fn clear(&self) {
        for pool in self.pools.borrow_mut().values_mut() {
            pool.idle.clear();
        }
    }

    /// Closes what has been idle for too long or has been closed or written to by its backend.
    pub(super) fn sweep(&self, now: Timestamp, settings: &Settings) {
        for pool in self.pools.borrow_mut().values_mut() {
            pool.idle.retain(|idle| {
                now.since(idle.since) < settings.upstream_idle_timeout && silent(&idle.stream)
            });
        }
    }

    pub(super) fn generation(&self, key: u32) -> u64 {
        self.pools.borrow_mut().entry(key).or_default().generation
    }

    /// The most recently used connection that is still fit for use.
    pub(super) fn take(
        &self,
        key: u32,
        addr: SocketAddr,
        now: Timestamp,
        settings: &Settings,
    ) -> Option<Leased> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.get_mut(&key)?;
        while let Some(idle) = pool.idle.pop() {
            let young = now.since(idle.since) < settings.upstream_idle_timeout;
            if young && idle.addr == addr && silent(&idle.stream) {
                return Some(Leased {
                    stream: idle.stream,
                    heads: idle.heads,
                    key,
                    addr,
                    generation: pool.generation,
                });
            }
        }
        None
    }

    pub(super) fn give_back(&self, leased: Leased, now: Timestamp, settings: &Settings) {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(leased.key).or_default();
        if pool.generation == leased.generation && pool.idle.len() < settings.pool_idle_per_upstream {
            pool.idle.push(Idle {
                stream: leased.stream,
                heads: leased.heads,
                addr: leased.addr,
                since: now,
            });
        }
    }
}

/// Nothing has arrived: neither bytes, which nobody asked for, nor the end. Costs no system call unless something
/// has, because the last read left tokio's readiness cleared; and unlike `poll_read` it cannot be put off by
/// tokio's cooperative budget, which would let unasked bytes pass for an answer.
fn silent(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}
