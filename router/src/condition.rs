//! What a router is like at present, how healthy it says it is and which fault it shows; shared by its threads.
//! Reading it never waits.

use crate::clock::{self, Timestamp};
use crate::dice;
use crate::fault::{Manner, Place, Spec};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Cheap to clone.
#[derive(Clone)]
pub struct Condition(Arc<Inner>);

/// What `/health` says; the numbers are their order in a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// 503: the start delay is not over.
    Initializing,
    /// 200
    Healthy,
    /// 503: it drains.
    Degraded,
}

struct Inner {
    /// A [`Health`].
    health: AtomicU8,
    /// Requests under way. Written by the data thread only.
    in_flight: AtomicU64,
    /// There is a fault: all that a request looks at while there is none.
    faulty: AtomicBool,
    fault: watch::Sender<Option<Spec>>,
    /// What delays are drawn from, per [`Place`], so that checks do not change what requests get.
    dice: [Mutex<ChaCha8Rng>; 2],
}

impl Condition {
    /// Initializing. The same seed and name draw the same delays.
    pub fn new(seed: u64, name: &str) -> Condition {
        let dice = |place: Place| Mutex::new(dice::seeded(seed, name, place as u64));
        Condition(Arc::new(Inner {
            health: AtomicU8::new(Health::Initializing as u8),
            in_flight: AtomicU64::new(0),
            faulty: AtomicBool::new(false),
            fault: watch::Sender::new(None),
            dice: [Place::Health, Place::Requests].map(dice),
        }))
    }

    /// From now on `/health` says yes.
    pub fn start_serving(&self) {
        self.0.health.fetch_max(Health::Healthy as u8, Ordering::AcqRel);
    }

    /// From now on `/health` says no.
    pub fn start_draining(&self) {
        self.0.health.store(Health::Degraded as u8, Ordering::Release);
    }

    pub fn health(&self) -> Health {
        match self.0.health.load(Ordering::Acquire) {
            0 => Health::Initializing,
            1 => Health::Healthy,
            _ => Health::Degraded,
        }
    }

    pub fn draining(&self) -> bool {
        self.health() == Health::Degraded
    }

    /// Shows `fault` instead of the present one; `None` heals. Returns when it took effect: what arrives later meets
    /// it. What waits because of the one before is decided anew.
    pub fn show(&self, fault: Option<Spec>) -> Timestamp {
        self.0.fault.send_replace(fault);
        self.0.faulty.store(fault.is_some(), Ordering::Release);
        clock::now()
    }

    pub fn fault(&self) -> Option<Spec> {
        match self.0.faulty.load(Ordering::Relaxed) {
            false => None,
            true => *self.0.fault.borrow(),
        }
    }

    /// Waits as long as the fault demands; then how to answer.
    pub async fn wait(&self, place: Place) -> Answer {
        let mut changes = self.0.fault.subscribe();
        loop {
            let fault = *changes.borrow_and_update();
            match fault.map_or(Manner::Honest, |fault| self.draw(&fault, place)) {
                Manner::Honest => return Answer::Honest,
                Manner::Error(status) => return Answer::Error(status),
                Manner::Cut => return Answer::Cut,
                // We hold the sender: it is never closed.
                Manner::Silent => drop(changes.changed().await),
                Manner::Late(delay) => tokio::select! {
                    _ = changes.changed() => {}
                    () = clock::until(clock::now() + delay) => return Answer::Honest,
                },
            }
        }
    }

    fn draw(&self, fault: &Spec, place: Place) -> Manner {
        let dice = &self.0.dice[place as usize];
        fault.manner(place, &mut *dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests whose head has come and that are not over.
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// A request began. Call from the data thread only: one writer needs no locked instruction.
    pub fn began(&self) {
        self.0.in_flight.store(self.in_flight() + 1, Ordering::Relaxed);
    }

    /// A request is over. Call from the data thread only.
    pub fn ended(&self) {
        self.0
            .in_flight
            .store(self.in_flight().saturating_sub(1), Ordering::Relaxed);
    }
}

/// How to answer what has waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Honest,
    Error(u16),
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_goes_one_way() {
        let condition = Condition::new(1, "router-1");
        assert_eq!(condition.health(), Health::Initializing);
        condition.start_serving();
        assert_eq!(condition.health(), Health::Healthy);
        condition.start_draining();
        condition.start_serving();
        assert_eq!(condition.health(), Health::Degraded);
        assert!(condition.draining());
    }
}
