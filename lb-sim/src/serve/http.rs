//! The data thread's decisions: who gets a request, and what a client sees when an attempt fails.

use super::table::{Member, Shared, Table};
use crate::core::{BackendId, OnFailure, Picker};
use arc_swap::Cache;
use router::clock::Timestamp;
use router::http1::RequestHead;
use router::proxy::{AfterFailure, Attempt, Engine, Finish, Policy, Reply, Upstream, Verdict};
use router::record::{Cause, Event};
use router::worker::Events;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// The header that carries the load's request number.
pub const REQUEST_HEADER: &str = "x-resetlab-request";

/// Lives on the data thread; reads what the control thread has published and never waits for it.
pub struct Forward {
    shared: Arc<Shared>,
    events: Events,
    engine: Rc<Engine>,
    state: RefCell<State>,
}

struct State {
    table: Cache<&'static arc_swap::ArcSwap<Table>, Arc<Table>>,
    picker: Picker,
}

/// One request on its way.
pub struct Exchange {
    request: Option<u64>,
    backend: Option<BackendId>,
}
