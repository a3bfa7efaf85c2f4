//! What the balancer believes and picks, as pure state machines: no socket, no clock, no tokio, and no randomness
//! but the seeded generator the [`Balancer`] is born with. The live driver and tests call the same functions.
//!
//! In reading order: [`settings`] and [`detect`] say how routers are checked, [`health`] turns results into a belief,
//! [`passive`] counts failed attempts, [`schedule`] knows which backend is due, [`balancer`] joins them, `detectors` is
//! what it hears beside its checks; [`pick`] chooses where a request goes, [`retry`] whether it may go elsewhere.

mod backend;
pub mod balancer;
pub mod detect;
mod detectors;
pub mod health;
pub mod passive;
pub mod pick;
pub mod retry;
pub mod schedule;
pub mod settings;
mod words;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod world;

pub use balancer::{Action, Balancer, ProbeId, Verdict};
pub use detect::{Detectors, Mode, PassiveSettings, ProxyProtocol, RetrySettings, Share};
pub use health::{Health, Transition};
pub use passive::Passive;
pub use pick::Picker;
pub use retry::{Denied, RetryGate};
pub use settings::{Balance, Check, CheckSettings, OnFailure, Schedule, SettingError, Settings};

/// One backend, numbered from 0 in the order of the command line. Backends are added, never removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u32);

impl BackendId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
