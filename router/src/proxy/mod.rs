//! The forwarding engine: HTTP/1.1 connections of clients on one side, pooled connections to backends on the other.
//!
//! It forwards; a [`Policy`] decides. Everything of one [`serve`] runs on one thread: a tokio `current_thread` runtime
//! inside a `LocalSet`. In the order that data meets them:
//!
//! - [`serve`](serve()): accepts, drains, stops; `listener`: the socket for it
//! - `announced`: a PROXY protocol header; `client`: one client connection, from head to head
//! - `exchange`: one request, and its attempts; `hold`: before it is decided where it goes
//! - `pool`, `dial`: connections to backends
//! - `transfer`: one attempt: request up, responses down, both at once
//! - `heads`, `turn`: response heads read on a thread of their own, if that is wanted
//! - `wait`: between two attempts
//! - `tunnel`: after `101 Switching Protocols`
//!
//! What must never happen: a response that ended early looks complete; a byte a backend sent unasked reaches a
//! client; a request is sent again after part of it is no longer at hand; an exchange is not `finished`.

mod announced;
mod buffer;
mod client;
mod dial;
mod exchange;
mod gate;
mod heads;
mod hold;
mod listener;
mod outcome;
mod output;
mod policy;
mod pool;
mod reply;
mod running;
mod serve;
mod settings;
#[cfg(test)]
mod tests;
mod timer;
mod transfer;
mod tunnel;
mod turn;
mod wait;

pub use heads::{HeadThread, Interims};
pub use listener::bind;
pub use policy::{AfterFailure, Attempt, Draining, End, Finish, Policy, Sever, Upstream, Verdict};
pub use pool::Pools;
pub use reply::{Reply, reason};
pub use serve::serve;
pub use settings::{ClientEof, Settings};

use buffer::Buffer;
use gate::Gate;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// What outlives a connection: settings and idle connections to backends. One per thread.
pub struct Engine {
    settings: Cell<Settings>,
    pools: Pools,
    /// Read buffers that no request needs at the moment, so that idle connections hold none.
    spare: RefCell<Vec<Buffer>>,
    /// Where heads of responses are read, if not where requests are served.
    heads: Option<HeadThread>,
    /// Of every [`serve`](serve()), to wake its connections.
    gates: RefCell<Vec<Weak<Gate>>>,
}

/// More spare buffers than this are given back.
const SPARE: usize = 64;

impl Engine {
    pub fn new(settings: Settings) -> Rc<Engine> {
        Engine::with_heads(settings, None)
    }

    /// Heads of responses are read on `heads`, wherever the policy has an [`Interims`] for what comes before them.
    pub fn with_heads(settings: Settings, heads: Option<HeadThread>) -> Rc<Engine> {
        Rc::new(Engine {
            settings: Cell::new(settings),
            pools: Pools::default(),
            spare: RefCell::default(),
            heads,
            gates: RefCell::default(),
        })
    }

    pub fn settings(&self) -> Settings {
        self.settings.get()
    }

    /// In force for every request that starts from now on.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.set(settings);
    }

    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Ends what is under way at `key`, and has idle connections to it closed. Those that start later are left alone.
    pub fn sever(&self, key: u32, how: Sever) {
        self.pools.sever(key, how);
        for gate in self.gates.borrow().iter().filter_map(Weak::upgrade) {
            gate.alarm();
        }
    }

    fn watch(&self, gate: &Rc<Gate>) {
        let mut gates = self.gates.borrow_mut();
        gates.retain(|gate| gate.strong_count() > 0);
        gates.push(Rc::downgrade(gate));
    }

    fn lend(&self) -> Buffer {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    fn take_back(&self, mut buffer: Buffer) {
        buffer.clear();
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(buffer);
        }
    }
}
