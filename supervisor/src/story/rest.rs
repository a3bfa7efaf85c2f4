//! PURE: where requests were lost that no window explains. Every lost request is in one place, so that all places add up.

use super::words::{about, requests, seconds};
use super::{Line, Story, Tone};
use router::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Lost requests by where they were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostWhere {
    /// A window has counted them.
    pub windows: u64,
    /// They failed at once: no router was in use.
    pub no_router: u64,
    /// Nobody was there who could have answered them.
    pub balancer_away: u64,
    pub app_away: u64,
    /// At a router that was in no window: it answered 5xx by itself, or was tried although it was believed Down.
    pub at_routers: u64,
    pub not_known: u64,
}

/// What is known of the times beside windows.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// No router was in use.
    pub nowhere: Spans,
    pub balancer: Spans,
    pub app: Spans,
    /// Requests that failed at once since the last of `nowhere` began.
    refused: u64,
    /// Of requests that are not kept any more.
    forgotten: LostWhere,
}

/// Stretches of time in which something held, one after the other.
#[derive(Debug, Default)]
pub(super) struct Spans(VecDeque<(Timestamp, Option<Timestamp>)>);

/// So many are kept of each kind, the latest.
const KEPT: usize = 4096;

impl Spans {
    /// It holds from now on, or does not. The stretch that ends with that.
    pub fn turn(&mut self, at: Timestamp, holds: bool) -> Option<Duration> {
        let open = self.0.back_mut().filter(|(_, to)| to.is_none());
        match (open, holds) {
            (Some((from, to)), false) => {
                *to = Some(at);
                Some(at.since(*from))
            }
            (None, true) => {
                if self.0.len() == KEPT {
                    self.0.pop_front();
                }
                self.0.push_back((at, None));
                None
            }
            _ => None,
        }
    }

    pub fn goes_on(&self) -> bool {
        self.0.back().is_some_and(|(_, to)| to.is_none())
    }

    pub fn covers(&self, at: Timestamp) -> bool {
        let begun = self.0.partition_point(|(from, _)| *from <= at);
        let last = begun.checked_sub(1).map(|last| self.0[last].1);
        last.is_some_and(|to| to.is_none_or(|to| at < to))
    }
}

impl LostWhere {
    pub fn total(&self) -> u64 {
        self.places().iter().map(|(_, count)| count).sum()
    }

    /// In words that finish "lost …".
    pub fn places(&self) -> [(&'static str, u64); 6] {
        [
            ("in windows", self.windows),
            ("with no router in use", self.no_router),
            ("while the balancer was not there", self.balancer_away),
            ("while the app was not there", self.app_away),
            ("at routers outside their windows", self.at_routers),
            ("at a place that is not known", self.not_known),
        ]
    }

    fn add(&mut self, other: LostWhere) {
        self.windows += other.windows;
        self.no_router += other.no_router;
        self.balancer_away += other.balancer_away;
        self.app_away += other.app_away;
        self.at_routers += other.at_routers;
        self.not_known += other.not_known;
    }
}

impl Story {
    /// Where all lost requests so far were lost, the windows that are open not counted before they are over.
    pub fn lost_where(&self) -> LostWhere {
        let mut lost = self.joins.rest(&self.rest);
        lost.add(self.rest.forgotten);
        lost
    }

    /// Makes room for one more lost request.
    pub(super) fn forget(&mut self) {
        let forgotten = self.joins.forget(&self.rest);
        self.rest.forgotten.add(forgotten);
    }

    pub(super) fn on_unrouted(&mut self, request: Option<u64>) {
        self.rest.refused += 1;
        if let Some(request) = request {
            self.joins.unrouted(request);
        }
    }

    /// A process that is no router is gone, or there again.
    pub(super) fn on_away(&mut self, at: Timestamp, name: &str, away: bool) {
        match name {
            "lb" => drop(self.rest.balancer.turn(at, away)),
            "app" => drop(self.rest.app.turn(at, away)),
            _ => {}
        }
    }

    /// After each change of what is in use: whether anything is.
    pub(super) fn on_use(&mut self, at: Timestamp) -> Vec<Line> {
        let none = self
            .routers
            .values()
            .all(|router| !router.in_use || !router.member);
        let before = self.rest.nowhere.goes_on();
        let lasted = self.rest.nowhere.turn(at, none);
        if none && !before {
            self.rest.refused = 0;
            let text = "no router is believed up: every request fails at once".to_owned();
            return Line::one(at, Tone::Bad, text);
        }
        let Some(lasted) = lasted else {
            return Vec::new();
        };
        let lasted = match lasted < Duration::from_secs(1) {
            true => about(lasted),
            false => seconds(lasted),
        };
        let text = match self.rest.refused {
            0 => format!("no router was in use for {lasted}"),
            refused => format!(
                "no router was in use for {lasted}: {} failed at once meanwhile",
                requests(refused)
            ),
        };
        Line::one(at, Tone::Plain, text)
    }
}
