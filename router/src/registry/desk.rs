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

/// Longer than any life of a router, and what timers can hold.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

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
    /// Fulfils wishes, and prunes every `interval` (zero: never), as long as it is polled. On the thread of the table.
    pub async fn work(mut self, table: Rc<RefCell<Table>>, interval: Duration) {
        let interval = if interval.is_zero() { NEVER } else { interval };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::message;
    use crate::routes::Rules;
    use crate::settings::Settings;

    /// What is listed after one registration that is stale at once.
    fn listed(interval: Duration) -> usize {
        let mut rules = Rules::of(&Settings::default());
        rules.stale_after = Duration::ZERO;
        let table = Rc::new(RefCell::new(Table::new(rules, crate::dice::seeded(1, "", 0))));
        let (desk, clerk) = Desk::open();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            tokio::task::spawn_local(clerk.work(table, interval));
            let message = br#"{"host": "127.0.0.1", "port": 9000, "uris": ["app.test"]}"#;
            let registration = message::parse(message).unwrap();
            desk.register(registration.clone()).await.unwrap();
            let begun = clock::now();
            let mut count = desk.list().await.unwrap().len();
            while count > 0 && !interval.is_zero() && clock::now().since(begun) < Duration::from_secs(20) {
                count = desk.list().await.unwrap().len();
            }
            assert_eq!(desk.unregister(registration).await, Ok(count > 0));
            count
        })
    }

    #[test]
    fn wishes_are_fulfilled_and_stale_routes_pruned_unless_that_is_off() {
        assert_eq!(listed(Duration::from_millis(1)), 0);
        assert_eq!(listed(Duration::ZERO), 1);
    }

    #[test]
    fn whoever_asks_a_router_that_stops_is_told() {
        let (desk, clerk) = Desk::open();
        drop(clerk);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(desk.list()), Err(Stopping));
    }
}
