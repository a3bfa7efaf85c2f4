//! PURE: what opens a window, and under which fault it is told.
//!
//! A router may suffer one fault upon another: a hang of one that answers late, the kill of one that hangs. Belief can
//! only follow what shows, so a window is told under the fault that made it visible:
//!
//! - Checks do not see the first (it shows at requests only, or it is slow but in time), and nobody has noticed it: its
//!   window ends when the next one comes, and the next one has a window of its own. Neither its `t_detect` nor its losses
//!   count from the first.
//! - Checks see the first, or it has been noticed: the next one changes nothing about when belief parted from truth. It
//!   is one window, of the first; what its checks alone would have taken is not known any more if they see it otherwise.
//! - The first is over: the next is a window of its own.
//!
//! A window is over when the fault it is told under is. If another goes on then, that one is told from there.

use super::window::{Began, Window};
use super::words::word;
use super::{Line, Router, SETTLE, Story, Tone};
use crate::fleet::Truth;
use lb_sim::core::CheckSettings;
use router::clock::Timestamp;
use router::record::{Detector, Fault, Stamp};
use std::time::Duration;

impl Story {
    /// `name` has gone by the fault of `window`. What the window before has cost, if that ends with it.
    pub(super) fn goes(&mut self, name: &str, window: Window, now: Timestamp) -> Vec<Line> {
        let mut lines = Vec::new();
        let Some(router) = self.routers.get_mut(name) else {
            return lines;
        };
        if let Some(open) = &mut router.window
            && open.ends_with(&window)
        {
            if open.over.is_none() {
                open.over = Some(window.earliest());
                open.until = Some((window.earliest(), window.fault));
                // What has noticed the next one came before its record.
                (open.detected, open.detected_by, open.predicted) = (None, None, None);
            }
            lines = self.close(name, now);
        }
        if let Some(router) = self.routers.get_mut(name) {
            router.open(window, now);
        }
        lines
    }

    /// The window of `name` was closed: what is still wrong with a router that is in use is told from there.
    pub(super) fn goes_on(&mut self, name: &str, over: Option<Timestamp>) -> Vec<Line> {
        let (Some(router), Some(over)) = (self.routers.get_mut(name), over) else {
            return Vec::new();
        };
        let Some(fault) = router.condition.fault() else {
            return Vec::new();
        };
        if !router.member || !router.in_use || router.window.is_some() {
            return Vec::new();
        }
        let mut window = Window::new(over, fault, Stamp::Signal);
        window.looks = router.looks_like(fault, &self.settings.check);
        (router.went_by, router.ready) = (Some(fault), None);
        router.window = Some(window);
        let truth = word(router.condition.truth());
        let text = format!("{name} is still {truth}: that is a window of its own from here");
        Line::one(over, Tone::Bad, text)
    }
}

impl Window {
    /// It is told no longer when `next` comes.
    fn ends_with(&self, next: &Window) -> bool {
        // A death may be reaped after checks have noticed it.
        let by_next = |at: Timestamp| at >= next.earliest() && self.detected_by != Some(Detector::Passive);
        let unseen = self.looks.is_none() && self.detected.is_none_or(by_next);
        // The exit of a router that drains is the end of its drain.
        let left = self.fault == Fault::Drain && next.stamp == Stamp::Exit;
        self.over.is_some() || unseen && !left && self.fault != next.fault && next.looks.is_some()
    }
}

impl Router {
    /// It has gone. A window that is open for this life stays; one that is out of use already is known to have gone.
    fn open(&mut self, window: Window, now: Timestamp) {
        let (at, looks) = (window.death, window.looks);
        let open = self.window.get_or_insert(window);
        if open.detected.is_none() && looks.is_some() && looks != open.looks {
            open.looks = open.looks.or(looks);
            open.crossed = true;
        }
        if !self.in_use && open.detected.is_none() {
            let late = match open.stamp {
                Stamp::Exit => SETTLE,
                Stamp::Signal | Stamp::Crash => Duration::ZERO,
            };
            match self.out.filter(|(out, _)| *out + late >= at) {
                // Its death was told of, or reaped, after it had been noticed.
                Some((out, by)) => (open.detected, open.detected_by) = (Some(out.max(at)), Some(by)),
                None => open.began = Began::OutOfUse,
            }
            (open.quiet, open.said) = (true, true);
            open.settle(now + SETTLE);
        }
        self.went_by = Some(open.fault);
        self.ready = None;
    }

    /// The balancer uses it again although something is wrong with it.
    pub(super) fn take_back(&mut self, at: Timestamp, check: &CheckSettings) {
        let fault = self.condition.fault().or(self.went_by);
        let fault = fault.unwrap_or(Fault::Kill);
        let mut window = Window::new(at, fault, Stamp::Signal);
        window.looks = self.looks_like(fault, check);
        window.began = Began::TakenBack;
        window.leaving = self.condition.truth() == Truth::Draining;
        self.window = Some(window);
        (self.went_by, self.ready) = (Some(fault), None);
    }

    fn looks_like(&self, fault: Fault, check: &CheckSettings) -> Option<Fault> {
        let behaviour = fault.is_behaviour().then_some(self.behaves.as_deref()).flatten();
        looks(fault, behaviour, check)
    }
}

/// What a fault looks like to a health check.
pub(super) fn looks(fault: Fault, detail: Option<&str>, check: &CheckSettings) -> Option<Fault> {
    use lb_sim::core::Check;
    if detail.is_some_and(|detail| detail.starts_with("on requests")) {
        return None;
    }
    match fault {
        Fault::Kill | Fault::Crash | Fault::Stop => Some(Fault::Kill),
        Fault::Hang | Fault::Silent => Some(Fault::Hang),
        // A wrong status comes as quickly as a refusal, but only to a check that reads it.
        Fault::Drain | Fault::Error => (check.check == Check::Http).then_some(Fault::Kill),
        // A check that waits for longer finds it well.
        Fault::Slow => {
            let delay = detail.and_then(|detail| detail.rsplit_once("by "));
            let delay = delay.and_then(|(_, word)| humantime::parse_duration(word).ok());
            let late = delay.is_some_and(|delay| delay >= check.timeout);
            (late && check.check == Check::Http).then_some(Fault::Hang)
        }
        Fault::Cut => None,
    }
}
