//! The places of one listener, shared by its connections.

use super::places::{Asked, Places};
use router::clock::{self, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Where the places are.
pub(super) struct Hall {
    places: Mutex<Places<Arc<Notify>>>,
    /// Somebody has left.
    left: Notify,
}

/// A place in a hall; dropping it leaves it.
pub(super) struct Seat {
    hall: Arc<Hall>,
    number: u64,
}

/// How many places there are, are taken, and have been taken from somebody idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Count {
    pub limit: usize,
    pub taken: usize,
    pub turned_out: u64,
}

impl Hall {
    /// Nobody has to make way who was idle for less than `patience`.
    pub fn new(limit: usize, patience: Duration) -> Arc<Hall> {
        Arc::new(Hall {
            places: Mutex::new(Places::new(limit, patience)),
            left: Notify::new(),
        })
    }

    /// A place now, if there is one or if somebody makes way, for somebody who is idle since `idle` and who goes when
    /// `end` is notified. Otherwise the time until which nobody makes way.
    pub fn take_now(
        self: &Arc<Hall>,
        idle: Option<Timestamp>,
        end: &Arc<Notify>,
    ) -> Result<Seat, Option<Timestamp>> {
        let asked = self.places().take(clock::now(), idle, end.clone());
        let number = match asked {
            Asked::Free(number) => number,
            Asked::Instead(number, other) => {
                other.notify_one();
                number
            }
            Asked::Full(until) => return Err(until),
        };
        Ok(Seat {
            hall: self.clone(),
            number,
        })
    }

    /// A place as soon as there is one, for somebody who just came.
    pub async fn take(self: &Arc<Hall>, end: &Arc<Notify>) -> Seat {
        loop {
            let left = self.left.notified();
            match self.take_now(Some(clock::now()), end) {
                Ok(seat) => return seat,
                Err(None) => left.await,
                Err(Some(due)) => tokio::select! {
                    () = left => {}
                    () = clock::until(due) => {}
                },
            }
        }
    }

    pub fn count(&self) -> Count {
        let places = self.places();
        Count {
            limit: places.limit(),
            taken: places.len(),
            turned_out: places.turned_out(),
        }
    }

    fn places(&self) -> MutexGuard<'_, Places<Arc<Notify>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Nothing has moved since then; `None`: something does.
    pub fn idle(&self, since: Option<Timestamp>) {
        self.hall.places().idle(self.number, since);
    }

    /// Whether whoever sits there is in the middle of what must not be broken off.
    pub fn keep(&self, kept: bool) {
        self.hall.places().keep(self.number, kept);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hall.places().leave(self.number);
        self.hall.left.notify_one();
    }
}
