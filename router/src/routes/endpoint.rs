//! Where a request may go.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

/// One instance of an application at its address. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub address: SocketAddr,
    pub instance: Arc<Instance>,
    station: Rc<Station>,
}

/// What a registration says of an instance; absent words are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Application GUID.
    pub app: String,
    /// `private_instance_id`
    pub id: String,
    /// `private_instance_index`
    pub index: String,
    pub tags: Option<BTreeMap<String, String>>,
    pub isolation_segment: String,
    pub availability_zone: String,
}

impl Endpoint {
    /// Small, and the address's own in all routes for as long as one of them knows it.
    pub fn key(&self) -> u32 {
        self.station.key
    }

    /// Requests given to the address that it has not begun to answer.
    pub fn requests(&self) -> u32 {
        self.station.requests.get()
    }

    /// A request is given to it.
    pub fn take(&self) {
        self.station.requests.set(self.requests() + 1);
    }

    /// It has begun to answer a request, or failed to.
    pub fn give_back(&self) {
        self.station.requests.set(self.requests().saturating_sub(1));
    }
}

/// What all routes share about an address.
#[derive(Debug)]
struct Station {
    key: u32,
    requests: Cell<u32>,
}

/// Every address that a route knows.
#[derive(Debug, Default)]
pub(super) struct Stations {
    known: BTreeMap<SocketAddr, Rc<Station>>,
    /// Keys of addresses that nobody knows any more.
    free: Vec<u32>,
}

impl Stations {
    pub fn endpoint(&mut self, address: SocketAddr, instance: Arc<Instance>) -> Endpoint {
        let next = self.known.len() as u32 + self.free.len() as u32;
        let free = &mut self.free;
        let station = self.known.entry(address).or_insert_with(|| {
            let key = free.pop().unwrap_or(next);
            Rc::new(Station {
                key,
                requests: Cell::new(0),
            })
        });
        Endpoint {
            address,
            instance,
            station: Rc::clone(station),
        }
    }

    /// Forgets an address that neither a route nor a request holds.
    pub fn forget_unused(&mut self, address: SocketAddr) {
        if let Some(station) = self.known.get(&address)
            && Rc::strong_count(station) == 1
        {
            self.free.push(station.key);
            self.known.remove(&address);
        }
    }

    /// Forgets all such addresses.
    pub fn forget_all_unused(&mut self) {
        let free = &mut self.free;
        self.known.retain(|_, station| {
            let used = Rc::strong_count(station) > 1;
            if !used {
                free.push(station.key);
            }
            used
        });
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }
}
