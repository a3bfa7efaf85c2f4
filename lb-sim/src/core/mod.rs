//! What the balancer believes and picks, as pure state machines: no socket, no clock, no tokio, and no randomness
//! but the seeded generator the [`Balancer`] is born with. The live driver and tests call the same functions.
//!
//! In reading order: [`settings`] and [`detect`] say how routers are checked, [`health`] turns results into a belief,
//! [`passive`] counts failed attempts, [`schedule`] knows which backend is due, [`balancer`] joins them, `detectors` is
//! what it hears beside its checks; [`pick`] chooses where a request goes, [`retry`] whether it may go elsewhere.

pub mod answer;
mod backend;
pub mod balancer;
mod checker;
mod checks;
pub mod detect;
mod detectors;
mod gaps;
pub mod health;
mod keys;
pub mod passive;
pub mod pick;
mod polling;
mod reload;
pub mod retry;
mod rounds;
pub mod schedule;
pub mod settings;
pub mod status;
mod verdict;
mod words;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod check_cases;
#[cfg(test)]
mod check_properties;
#[cfg(test)]
mod detector_properties;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod traps;
#[cfg(test)]
mod windows;
#[cfg(test)]
pub(crate) mod world;

pub use answer::{Answer, Answers};
pub use balancer::Balancer;
pub use detect::{
    Detectors, Growth, Mode, PassiveAction, PassiveCounting, PassiveOn, PassiveReturn, PassiveSettings,
    ProxyProtocol, RetryOn, RetrySettings, RetryTo, Share,
};
pub use health::{Health, Transition};
pub use passive::Passive;
pub use pick::Picker;
pub use retry::{Denied, RetryGate};
pub use settings::{
    AtOnce, Balance, Check, CheckSettings, Counting, FirstCheck, FirstResult, Initial, OnFailure,
    OpenConnections, Schedule, SettingError, Settings,
};
pub use status::Statuses;
pub use verdict::{Action, Overdue, ProbeId, Verdict};

/// One backend, numbered from 0 in the order of the command line. Backends are added, never removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u32);

impl BackendId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
