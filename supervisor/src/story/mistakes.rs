//! PURE: routers that were taken out of use while nothing was wrong with them.

use super::words::{about, word};
use super::{Line, Router, Story, Tone};
use router::clock::Timestamp;
use router::record::{Belief, Detector};
use std::time::Duration;

/// A transition out of use while truth was up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub router: String,
    pub at: Timestamp,
    pub by: Detector,
    /// Until it was believed Up again, or died; `None`: not yet.
    pub lasted: Option<Duration>,
}

/// Out of use, and no death is known. One by somebody else's hand is known at its reaping only.
pub(super) struct Suspicion {
    at: Timestamp,
    pub due: Timestamp,
    believed: Belief,
    by: Detector,
    reason: String,
}

impl Router {
    /// It was taken out of use at `at`; what to think of that is known at `due`.
    pub(super) fn suspect(&mut self, at: Timestamp, due: Timestamp, to: Belief, by: Detector, reason: &str) {
        if self.window.is_none() && self.condition.deserves_use() {
            self.suspicion = Some(Suspicion {
                at,
                due,
                believed: to,
                by,
                reason: reason.to_owned(),
            });
        }
    }
}

impl Story {
    /// Nothing came that explains it.
    pub(super) fn judge(&mut self, name: &str, now: Timestamp) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        let Some(suspicion) = router.suspicion.take_if(|suspicion| suspicion.due <= now) else {
            return Vec::new();
        };
        if !router.in_use {
            router.mistake = Some(self.mistakes.len());
        }
        self.mistakes.push(Mistake {
            router: name.to_owned(),
            at: suspicion.at,
            by: suspicion.by,
            lasted: router.in_use.then(|| now.since(suspicion.at)),
        });
        let truth = word(router.condition.truth());
        let believed = match suspicion.believed {
            Belief::Ejected => "Ejected",
            _ => "Down",
        };
        let (by, reason) = (word(suspicion.by), &suspicion.reason);
        let text = format!("MISTAKE: {name} is {truth} but believed {believed} (by {by}: {reason})");
        Line::one(suspicion.at, Tone::Bad, text)
    }

    /// The mistake about it is over. ` after 3.2 s of mistake`, if there was one.
    pub(super) fn end_mistake(&mut self, name: &str, at: Timestamp) -> String {
        let Some(router) = self.routers.get_mut(name) else {
            return String::new();
        };
        let Some(mistake) = router.mistake.take() else {
            return String::new();
        };
        let mistake = &mut self.mistakes[mistake];
        let lasted = at.since(mistake.at);
        mistake.lasted = Some(lasted);
        format!(" after a mistake of {}", about(lasted))
    }
}
