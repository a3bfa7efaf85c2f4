//! PURE: the balancer's checks and settings, told.

use super::prediction::predict;
use super::window::Began;
use super::words::{self, seconds, word};
use super::{CHECKS, Check, Line, Router, SETTLE, Story, Tone};
use lb_sim::theory;
use router::clock::Timestamp;
use router::record::{Fault, ProbeResult};

impl Router {
    /// A check that began at `started` found it well: if it had gone, it is back before anybody noticed.
    fn is_well(&mut self, started: Timestamp, now: Timestamp) {
        if let Some(window) = &mut self.window
            && window.detected.is_none()
            && window.over.is_some_and(|over| started >= over)
        {
            window.report_due.get_or_insert(now + SETTLE);
        }
    }

    fn keep(&mut self, check: Check) {
        if self.checks.len() == CHECKS {
            self.checks.pop_front();
        }
        self.checks.push_back(check);
    }
}

impl Story {
    /// "; the balancer should notice in 7.410 s", if theory has a figure for this phase.
    pub(super) fn expectation(&self, name: &str, at: Timestamp) -> String {
        let Some(router) = self.routers.get(name) else {
            return String::new();
        };
        let Some(window) = &router.window else {
            return String::new();
        };
        if window.detected.is_some() {
            return String::new();
        }
        if window.began == Began::OutOfUse {
            return "; it was out of use already".to_owned();
        }
        if window.looks.is_none() {
            return "; health checks do not see that".to_owned();
        }
        // A real balancer's checks are those that reach a router.
        let unseen = match self.real && !router.checks.is_empty() {
            true => "; its checks are not seen until it answers again",
            false => "",
        };
        let detectors = self.settings.detectors;
        let who = if detectors.passive || detectors.sentinel || detectors.notice {
            "checks alone"
        } else {
            "the balancer"
        };
        match predict(&self.settings.check, router) {
            Ok(predicted) => {
                let left = seconds((window.death + predicted).since(at));
                format!("; {who} should notice in {left}{unseen}")
            }
            Err(_) => unseen.to_owned(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one record")]
    pub(super) fn on_probe(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        started: Timestamp,
        result: ProbeResult,
        status: Option<u16>,
        (count, of): (u32, u32),
    ) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        let failures = if result == ProbeResult::Ok { 0 } else { count };
        router.keep(Check {
            started,
            ended: at,
            failures,
        });
        if result == ProbeResult::Ok {
            router.is_well(started, now);
            let text = format!("{name} check ok {count}/{of}");
            return if router.in_use || router.ejected {
                Vec::new()
            } else {
                vec![Line {
                    at,
                    tone: Tone::Plain,
                    text,
                }]
            };
        }
        if !router.in_use {
            return Vec::new();
        }
        let status = status.map_or(String::new(), |status| format!(" {status}"));
        let after = match &router.window {
            Some(window) => format!(", {} after it went", seconds(at.since(window.death))),
            None => String::new(),
        };
        let text = format!(
            "{name} check failed {count}/{of} ({}{status}){after}",
            word(result)
        );
        vec![Line {
            at,
            tone: Tone::Warning,
            text,
        }]
    }

    /// A real load balancer does not tell of its checks: their arrival at the router does.
    pub(super) fn on_check_seen(&mut self, at: Timestamp, now: Timestamp, name: &str, status: Option<u16>) {
        let healthy = &self.settings.check.healthy_status;
        // A connection that asks nothing has got all it wanted.
        let passed = status.is_none_or(|status| healthy.contains(status));
        let Some(router) = self.routers.get_mut(name) else {
            return;
        };
        let before = router.checks.back().map_or(0, |check| check.failures);
        let failures = if passed { 0 } else { before + 1 };
        if passed {
            router.is_well(at, now);
        }
        router.keep(Check {
            started: at,
            ended: at,
            failures,
        });
    }

    pub(super) fn on_settings(
        &mut self,
        at: Timestamp,
        from: &str,
        settings: &serde_json::Value,
    ) -> Vec<Line> {
        let Some(patch) = settings.as_object() else {
            return Vec::new();
        };
        if from != "lb" {
            return vec![Line {
                at,
                tone: Tone::Plain,
                text: format!("now {}", words::settings(patch)),
            }];
        }
        let before = self.settings.clone();
        // What a newer balancer knows beyond our words is not ours to tell.
        let _ = self.settings.set_json(patch);
        if self.settings == before {
            return Vec::new();
        }
        // The phase of the old checks says nothing about the new ones.
        for router in self.routers.values_mut() {
            router.checks.clear();
            if let Some(window) = &mut router.window {
                window.reset = true;
            }
        }
        let changed = self
            .settings
            .words()
            .into_iter()
            .zip(before.words())
            .filter(|(now, then)| now != then);
        let changed: Vec<String> = changed.map(|((key, word), _)| format!("{key}={word}")).collect();
        let mut text = format!("now {}", changed.join(" "));
        if let Ok(window) = theory::t_detect(&self.settings.check, Fault::Kill) {
            let words = format!("{} to {}", seconds(window.min), seconds(window.max));
            let detectors = self.settings.detectors;
            let who = if detectors == lb_sim::core::Detectors::default() {
                ""
            } else {
                " by checks alone"
            };
            text += &format!(": a killed router is Down{who} after {words}");
            text += &match theory::t_detect(&self.settings.check, Fault::Hang) {
                Ok(hung) => format!(
                    ", a hung one after {} to {}",
                    seconds(hung.min),
                    seconds(hung.max)
                ),
                Err(why) => format!("; a hung one: {why}"),
            };
        }
        vec![Line {
            at,
            tone: Tone::Plain,
            text,
        }]
    }
}
