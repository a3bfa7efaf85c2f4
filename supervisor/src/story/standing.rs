//! PURE: what is known of one router.

use super::Condition;
use super::mistakes::Suspicion;
use super::window::Window;
use router::clock::Timestamp;
use router::record::{Detector, Fault};
use std::collections::VecDeque;

/// What is known of one router.
#[derive(Default)]
pub(super) struct Router {
    pub condition: Condition,
    /// The balancer knows it.
    pub member: bool,
    pub checks: VecDeque<Check>,
    /// Believed Up or going down.
    pub in_use: bool,
    /// Ejected, and its checks may well succeed.
    pub ejected: bool,
    /// When, and by whom, it was taken out of use last.
    pub out: Option<(Timestamp, Detector)>,
    /// Was out of use, and has served no request since.
    pub was_out: bool,
    pub window: Option<Window>,
    /// The latest injected fault and the life it hit: what a death is called.
    pub injected: Option<(u32, Fault)>,
    /// The latest behaviour that it was told to show, in words.
    pub behaves: Option<String>,
    /// What it went by last, until it serves again.
    pub went_by: Option<Fault>,
    /// Ready, running or healed again since it went.
    pub ready: Option<Timestamp>,
    pub suspicion: Option<Suspicion>,
    /// Place of the mistake that goes on, in [`Story::mistakes`].
    pub mistake: Option<usize>,
}

/// A health check that ended.
pub(super) struct Check {
    pub started: Timestamp,
    pub ended: Timestamp,
    /// Failures in a row with this one.
    pub failures: u32,
}

/// So many of its checks are remembered.
pub(super) const CHECKS: usize = 16;

impl Router {
    /// One that the lab began with.
    pub fn serving() -> Router {
        Router {
            condition: Condition::ready(),
            member: true,
            in_use: true,
            ..Router::default()
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        let window = self.window.as_ref().and_then(Window::next_deadline);
        let suspicion = self.suspicion.as_ref().map(|suspicion| suspicion.due);
        window.into_iter().chain(suspicion).min()
    }
}
