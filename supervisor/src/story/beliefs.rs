//! PURE: what the balancer thinks of its routers, told.

use super::checks::predict;
use super::words::{about, by, seconds};
use super::{Line, Readmission, Router, SETTLE, Story, Tone};
use lb_sim::core::Initial;
use router::clock::Timestamp;
use router::record::{Belief, Detector};

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
            return self.on_first_down(at, name);
        }
        match to {
            Belief::Down | Belief::Ejected => self.on_out(at, now, name, to, &why),
            Belief::Up => {
                let reason = why.reason;
                let after = self.end_mistake(name, at);
                match self.routers.get_mut(name) {
                    Some(router) if !router.in_use => {
                        router.in_use = true;
                        router.ejected = false;
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
        }
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
        let text = match &mut router.window {
            Some(window) if window.detected.is_none() => {
                window.detected = Some(at);
                window.detected_by = Some(why.by);
                window.predicted = predicted;
                let beside = match (why.by, predicted) {
                    (Detector::Poll, Some(predicted)) => format!("predicted {}", seconds(predicted)),
                    (Detector::Poll, None) => {
                        "no prediction: no check with these settings before it went".to_owned()
                    }
                    (_, Some(predicted)) => format!("checks alone: {}", seconds(predicted)),
                    (_, None) => reason.to_owned(),
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
        let mut lines = Line::one(at, Tone::Bad, text);
        let none = self
            .routers
            .values()
            .all(|router| !router.in_use || !router.member);
        if was_in_use && none {
            let text = "no router is believed up: every request fails at once".to_owned();
            lines.extend(Line::one(at, Tone::Bad, text));
        }
        lines
    }

    pub(super) fn on_readmitted(&mut self, at: Timestamp, name: &str, started: Timestamp) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        if !std::mem::take(&mut router.was_out) {
            return Vec::new();
        }
        let mut after = String::new();
        if let (Some(fault), Some(ready)) = (router.went_by.take(), router.ready) {
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

    pub(super) fn on_member(&mut self, at: Timestamp, name: &str, present: bool) -> Vec<Line> {
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
                Some(router) if router.member => router.member = false,
                _ => return Vec::new(),
            }
            format!("{name} is being taken out: no new attempt there")
        };
        Line::one(at, Tone::Plain, text)
    }
}
