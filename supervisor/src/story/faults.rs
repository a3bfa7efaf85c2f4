//! PURE: what is done to a router, told.

use super::window::Window;
use super::words::word;
use super::{Line, Router, Story, Tone};
use router::clock::Timestamp;
use router::record::{DrainStage, Fault, Stamp};

impl Story {
    pub(super) fn on_fault(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        incarnation: u32,
        fault: Fault,
        detail: Option<&str>,
    ) -> Vec<Line> {
        if !self.routers.contains_key(name) {
            return Vec::new();
        }
        // One window at a time: what another fault has cost so far is told now.
        let mut lines = match fault {
            Fault::Hang | Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => self.close(name, now),
            Fault::Kill | Fault::Crash | Fault::Drain | Fault::Stop => Vec::new(),
        };
        let Some(router) = self.routers.get_mut(name) else {
            return lines;
        };
        let text = match fault {
            // Told by the death that follows.
            Fault::Kill | Fault::Crash | Fault::Stop => {
                router.killer = Some((incarnation, fault));
                return lines;
            }
            Fault::Drain => {
                router.killer = Some((incarnation, fault));
                format!("{name} DRAINS (SIGUSR1): unhealthy from now on, it serves on and then leaves")
            }
            Fault::Hang => {
                router.window = Some(Window::new(at, incarnation, fault, Stamp::Signal));
                format!("{name} HUNG (SIGSTOP){}", self.expectation(name, at))
            }
            Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => {
                router.window = Some(Window::new(at, incarnation, fault, Stamp::Signal));
                let detail = detail.map_or(String::new(), |detail| format!(" {detail}"));
                let fault = word(fault).to_uppercase();
                format!("{name} {fault}{detail}{}", self.expectation(name, at))
            }
        };
        let tone = Tone::Bad;
        lines.push(Line { at, tone, text });
        lines
    }

    pub(super) fn on_drain(
        &mut self,
        at: Timestamp,
        name: &str,
        stage: DrainStage,
        in_flight: u64,
    ) -> Vec<Line> {
        let text = match stage {
            DrainStage::Unhealthy => return Vec::new(), // told as a fault
            DrainStage::Closed => format!("{name} has closed its listener, {in_flight} requests under way"),
            DrainStage::Done if in_flight > 0 => {
                format!("{name} leaves and cuts {in_flight} requests: drain-timeout is over")
            }
            DrainStage::Done => format!("{name} leaves, nothing is under way"),
        };
        let tone = Tone::Plain;
        vec![Line { at, tone, text }]
    }

    /// The fleet was scaled down from `before`: what the routers that are gone have cost is told, the rest forgotten.
    pub(super) fn part(&mut self, now: Timestamp, routers: u32, before: u32) -> Vec<Line> {
        let mut lines = Vec::new();
        for name in (routers + 1..=before).map(|n| format!("router-{n}")) {
            lines.extend(self.close(&name, now));
            self.routers.remove(&name);
        }
        lines
    }

    /// A router that the fleet was scaled up by.
    pub(super) fn meet(&mut self, name: &str) {
        if name.starts_with("router-") && !self.routers.contains_key(name) {
            let router = Router {
                believed_up: true,
                ..Router::default()
            };
            self.routers.insert(name.to_owned(), router);
        }
    }
}
