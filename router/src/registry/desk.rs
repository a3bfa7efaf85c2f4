//! How other threads reach the routes.
//!
//! The table belongs to the data thread, which counts requests and failures in it. What others want done is handed in
//! and done there between requests, so the data path takes no lock and sees every change whole; a snapshot to swap
//! would have to bring those counts along.

use crate::clock::{self, Timestamp};
use crate::routes::{Listed, Registration, Table};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Where wishes are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Desk(mpsc::Sender<Wish>);

/// Who fulfils them.
pub struct Clerk(mpsc::Receiver<Wish>);

enum Wish {
    Register(Registration, oneshot::Sender<()>),
    Unregister(Registration, oneshot::Sender<bool>),
    List(oneshot::Sender<Listing>),
}

/// Every route by its name.
pub type Listing = BTreeMap<String, Vec<Listed>>;

/// The data thread is gone: the process ends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the router is stopping")]
pub struct Stopping;

/// Wishes that may wait; more wait outside.
const QUEUE: usize = 64;

impl Desk {
    pub fn open() -> (Desk, Clerk) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Desk(sender), Clerk(receiver))
    }

    /// In force when this returns.
    pub async fn register(&self, registration: Registration) -> Result<(), Stopping> {
        self.ask(|answer| Wish::Register(registration, answer)).await
    }

    /// False: no route had that endpoint.
    pub async fn unregister(&self, registration: Registration) -> Result<bool, Stopping> {
        self.ask(|answer| Wish::Unregister(registration, answer)).await
    }

    pub async fn list(&self) -> Result<Listing, Stopping> {
        self.ask(Wish::List).await
    }

    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> Result<T, Stopping> {
        let (answer, answered) = oneshot::channel();
        self.0.send(wish(answer)).await.map_err(|_| Stopping)?;
        answered.await.map_err(|_| Stopping)
    }
}

impl Clerk {
    /// Fulfils wishes, and prunes every `interval`, as long as it is polled. On the thread of the table.
    pub async fn work(mut self, table: Rc<RefCell<Table>>, interval: Duration) {
        let mut due = clock::now() + interval;
        loop {
            tokio::select! {
                wish = self.0.recv() => match wish {
                    Some(wish) => wish.fulfil(&mut table.borrow_mut(), clock::now()),
                    // Nobody is left to wish; pruning goes on.
                    None => clock::until(due).await,
                },
                () = clock::until(due) => {}
            }
            let now = clock::now();
            if now >= due {
                table.borrow_mut().prune(now);
                due = now + interval;
            }
        }
    }
}

impl Wish {
    /// Who asked may be gone; it is done all the same.
    fn fulfil(self, table: &mut Table, now: Timestamp) {
        match self {
            Wish::Register(registration, answer) => {
                table.register(now, &registration);
                let _ = answer.send(());
            }
            Wish::Unregister(registration, answer) => {
                let _ = answer.send(table.unregister(now, &registration));
            }
            Wish::List(answer) => {
                let _ = answer.send(table.list());
            }
        }
    }
}
