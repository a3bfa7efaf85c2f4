//! Relayed connections whose router goes out of use, where that ends them. A connection pays for it with one comparison
//! whenever it moves bytes.

use crate::core::BackendId;
use router::proxy::Sever;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Per backend: the connections to it.
#[derive(Default)]
pub struct Severs(RefCell<BTreeMap<BackendId, Rc<Line>>>);

#[derive(Default)]
struct Line {
    /// The last time it was severed, counted, and how.
    severed: Cell<(u64, Option<Sever>)>,
    /// Connections so far: names for them.
    connections: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

/// One connection's hold on its backend; lasts until that is severed.
pub struct Hold {
    line: Rc<Line>,
    taken: u64,
    name: u64,
}

impl Severs {
    pub fn hold(&self, backend: BackendId) -> Hold {
        let line = self.0.borrow_mut().entry(backend).or_default().clone();
        let name = line.connections.get();
        line.connections.set(name + 1);
        Hold {
            taken: line.severed.get().0,
            line,
            name,
        }
    }

    /// Ends all that hold on to `backend` now.
    pub fn sever(&self, backend: BackendId, how: Sever) {
        let Some(line) = self.0.borrow().get(&backend).cloned() else {
            return;
        };
        line.severed.set((line.severed.get().0 + 1, Some(how)));
        for (_, waker) in line.waiting.take() {
            waker.wake();
        }
    }
}

impl Hold {
    /// The output of `work`, unless the backend is severed before.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, Sever> {
        let mut work = pin!(work);
        let mut waits = false;
        poll_fn(|cx| {
            if let (now, Some(how)) = self.line.severed.get()
                && now != self.taken
            {
                return Poll::Ready(Err(how));
            }
            if !std::mem::replace(&mut waits, true) {
                // A connection is a task of its own, so it is always woken the same way.
                let waker = cx.waker().clone();
                self.line.waiting.borrow_mut().insert(self.name, waker);
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.line.waiting.borrow_mut().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test]
    async fn severing_ends_who_holds_on_then_and_nobody_else() {
        let severs = Severs::default();
        let [old, other] = [severs.hold(BackendId(1)), severs.hold(BackendId(2))];
        let ended = async {
            let old = old.during(pending::<()>());
            let sever = async { severs.sever(BackendId(1), Sever::Reset) };
            tokio::join!(old, sever).0
        };
        assert_eq!(ended.await, Err(Sever::Reset));
        assert_eq!(severs.hold(BackendId(1)).during(async { 1 }).await, Ok(1));
        assert_eq!(other.during(async { 2 }).await, Ok(2));
        assert_eq!(old.during(async { 3 }).await, Err(Sever::Reset), "it is over");
    }
}
