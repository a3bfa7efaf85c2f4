//! PURE: what the balancer thinks of its routers, told.

use super::prediction::predict;
use super::window::Began;
use super::words::{about, by, seconds, word};
use super::{Line, Readmission, Router, SETTLE, Story, Tone};
use crate::fleet::Truth;
use lb_sim::core::Initial;
use router::clock::Timestamp;
use router::record::{Belief, Detector, Fault};

/// Why the balancer changed its mind.
pub(super) struct Why<'a> {
    pub reason: &'a str,
    pub by: Detector,
    /// An ejection ends then.
    pub until: Option<Timestamp>,
}

impl Story {
    pub(super) fn on_belief(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        to: Belief,
        why: Why,
    ) -> Vec<Line> {
        let first = self.unspoken.remove(name);
        if first && to == Belief::Down && self.begins_down(name) {
            let mut lines = self.on_first_down(at, name);
            lines.extend(self.on_use(at));
            return lines;
        }
        let mut lines = match to {
            Belief::Down | Belief::Ejected => self.on_out(at, now, name, to, &why),
            Belief::Up => {
                let reason = why.reason;
                let after = self.end_mistake(name, at);
                match self.routers.get_mut(name) {
                    Some(router) if !router.in_use => {
                        router.in_use = true;
                        router.ejected = false;
                        if router.condition.truth() != Truth::Up {
                            return self.on_taken_back(at, now, name, why.reason);
                        }
                        if let Some(window) =
                            router.window.as_mut().filter(|window| window.detected.is_some())
                        {
                            // Used again with attempts of the window still under way: no quiet will come.
                            window.quiet = true;
                            window.settle(now + SETTLE);
                        }
                        Line::one(at, Tone::Plain, format!("{name} believed up ({reason}){after}"))
                    }
                    _ => Vec::new(),
                }
            }
            Belief::GoingDown | Belief::GoingUp => Vec::new(),
        };
        lines.extend(self.on_use(at));
        lines
    }

    /// In use again, and not what it is taken for: a window of its own.
    fn on_taken_back(&mut self, at: Timestamp, now: Timestamp, name: &str, reason: &str) -> Vec<Line> {
        // What was sent there before it was noticed has its own window.
        let mut lines = Vec::new();
        if self
            .window(name)
            .is_some_and(|window| window.reason_due.is_some())
        {
            lines.extend(self.tell_death(name, None));
        }
        lines.extend(self.close(name, now));
        if let Some(router) = self.routers.get_mut(name) {
            let truth = router.condition.truth();
            router.take_back(at, &self.settings.check);
            let (tone, but) = match truth {
                // It may say at any moment that it is ready.
                Truth::Starting => (Tone::Plain, String::new()),
                truth => (Tone::Bad, format!(", but it is {}: a window opens", word(truth))),
            };
            let text = format!("{name} believed up ({reason}){but}");
            lines.extend(Line::one(at, tone, text));
        }
        lines.extend(self.on_use(at));
        lines
    }

    /// A new balancer knows of no check.
    pub(super) fn begin_anew(&mut self) {
        self.unspoken = self.routers.keys().cloned().collect();
        for router in self.routers.values_mut() {
            router.checks.clear();
        }
    }

    /// It is out of use until checks have passed, and none has: that is meant, and no mistake.
    fn begins_down(&self, name: &str) -> bool {
        let unchecked = |router: &Router| {
            let passed = router.checks.iter().any(|check| check.failures == 0);
            router.window.is_none() && !passed
        };
        self.settings.check.initial == Initial::Down && self.routers.get(name).is_some_and(unchecked)
    }

    fn on_first_down(&mut self, at: Timestamp, name: &str) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        (router.in_use, router.was_out) = (false, true);
        let text = format!("{name} is out of use until its checks have passed (initial=down)");
        Line::one(at, Tone::Plain, text)
    }

    /// Out of use: Down or Ejected.
    fn on_out(&mut self, at: Timestamp, now: Timestamp, name: &str, to: Belief, why: &Why) -> Vec<Line> {
        let settings = self.settings.check.clone();
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        let was_in_use = std::mem::replace(&mut router.in_use, false);
        let was_ejected = std::mem::replace(&mut router.ejected, to == Belief::Ejected);
        router.was_out = true;
        if was_in_use {
            router.out = Some((at, why.by));
        }
        let reason = why.reason;
        let by = by(Some(why.by));
        let verb = match to {
            Belief::Ejected => "EJECTED",
            _ => "DOWN",
        };
        let until = why.until.map_or(String::new(), |until| {
            format!("; back in {} unless its checks say Down", about(until.since(at)))
        });
        let predicted = predict(&settings, router);
        // A drain is there to be noticed.
        let drains = router
            .window
            .as_ref()
            .is_some_and(|window| window.fault == Fault::Drain);
        let tone = if drains { Tone::Plain } else { Tone::Bad };
        let text = match &mut router.window {
            // There was nothing to notice of one that was out of use.
            Some(window) if window.detected.is_none() && window.began != Began::OutOfUse => {
                window.detected = Some(at);
                window.detected_by = Some(why.by);
                window.predicted = predicted.ok();
                let beside = match (why.by, predicted) {
                    (Detector::Poll, Ok(predicted)) => format!("predicted {}", seconds(predicted)),
                    (Detector::Poll, Err(why)) => format!("no prediction: {why}"),
                    (_, Ok(predicted)) => format!("checks alone: {}", seconds(predicted)),
                    (_, Err(_)) => reason.to_owned(),
                };
                let t_detect = seconds(at.since(window.death));
                format!("{name} {verb}{by}: t_detect {t_detect} ({beside}){until}")
            }
            // Its death may be reaped a moment later; that record opens a window that is already detected.
            _ if was_in_use => {
                router.suspect(at, now + SETTLE, to, why.by, reason);
                format!("{name} {verb}{by} ({reason}){until}")
            }
            _ if was_ejected => format!("{name} {verb} as well{by} ({reason})"),
            _ if to == Belief::Ejected => format!("{name} stays {verb} ({reason}){until}"),
            _ => format!("{name} stays {verb}{by} ({reason})"),
        };
        Line::one(at, tone, text)
    }

    pub(super) fn on_readmitted(&mut self, at: Timestamp, name: &str, started: Timestamp) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        if !std::mem::take(&mut router.was_out) {
            return Vec::new();
        }
        let mut after = String::new();
        if let Some(ready) = router.ready
            && let Some(fault) = router.went_by.take()
        {
            let t_readmit = started.since(ready);
            after = format!(
                ": first request {} after it was ready (t_readmit)",
                seconds(t_readmit)
            );
            self.readmissions.push(Readmission {
                router: name.to_owned(),
                fault,
                t_readmit,
            });
        }
        Line::one(at, Tone::Good, format!("{name} UP{after}"))
    }

    pub(super) fn on_member(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        present: bool,
    ) -> Vec<Line> {
        let text = if present {
            match self.routers.get_mut(name) {
                Some(router) if router.member => return Vec::new(),
                // A later life in the fleet has nothing to do with the one before.
                _ => {
                    self.routers.insert(name.to_owned(), Router::serving());
                    self.unspoken.insert(name.to_owned());
                }
            }
            format!("{name} joined: the balancer may use it")
        } else {
            match self.routers.get_mut(name) {
                Some(router) if router.member => {
                    router.member = false;
                    if let Some(window) = &mut router.window {
                        window.is_removed(at, now + SETTLE);
                    }
                }
                _ => return Vec::new(),
            }
            format!("{name} is being taken out: no new attempt there")
        };
        let mut lines = Line::one(at, Tone::Plain, text);
        lines.extend(self.on_use(at));
        lines
    }
}
