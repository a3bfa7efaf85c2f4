//! What an ended check, or another detector, changes: traffic first, then the records, then people.

use super::control::Control;
use super::probe::Ended;
use super::story::{self, Story};
use super::table::Table;
use crate::core::{BackendId, CheckSettings, Initial, Overdue, Transition, Verdict};
use router::clock::{self, Timestamp};
use router::record::{Belief, Detector, Event};

/// Who decided that a backend is used, or not, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    pub by: Detector,
    pub reason: String,
}

impl Decision {
    /// Of a router that nobody has checked yet.
    pub(super) fn first(settings: &CheckSettings) -> Decision {
        let reason = match settings.initial {
            Initial::Up => "believed up until a check says otherwise",
            Initial::Down => "believed down until checks say otherwise",
        };
        Decision {
            by: Detector::Poll,
            reason: reason.to_owned(),
        }
    }
}

impl Control {
    pub(super) fn conclude(&mut self, ended: Ended, lost: Option<Timestamp>, verdict: &Verdict) {
        let backend = ended.probe.backend;
        if let Some(lost_ns) = lost {
            let event = Event::SentinelCheck {
                router: self.members[backend.index()].name.clone(),
                lost_ns,
                started_ns: ended.started,
                result: ended.result,
                status: ended.status,
            };
            if let Some(change) = verdict.transition {
                let words = story::words(&ended);
                self.decide_with(
                    change,
                    format!("its sentinel connection ended and a check failed: {words}"),
                    event,
                );
            } else {
                self.events.emit_at(ended.ended, event);
            }
            return;
        }
        let name = &self.members[backend.index()].name;
        let until = self.balancer.ejected_until(backend);
        let story = Story::new(name, &ended, verdict, &self.settings.check, until);
        // Traffic first: once the belief can be read, no new attempt goes there. Then the records, before those of the
        // data thread that follow from them; then whatever may block.
        let changes_use = verdict.transition.is_some_and(|change| change.changes_use());
        if changes_use {
            self.since[backend.index()] = clock::now();
        }
        // One prober's mind is enough where each decides for its share.
        let publishes = changes_use || (verdict.flipped && self.settings.check.each_decides());
        if publishes {
            self.version += 1;
            self.publish();
        }
        story.record(&self.events);
        if publishes {
            self.shared.told(self.version);
        }
        if let Some((change, reason)) = story.change().filter(|(change, _)| change.changes_use()) {
            self.decisions[backend.index()] = Decision {
                by: change.by,
                reason: reason.to_owned(),
            };
        }
        story.say();
        self.last[backend.index()] = Some(ended);
        self.rate.count(ended.ended);
    }

    /// No check of a prober's has succeeded for too long.
    pub(super) fn overdue(&mut self, overdue: Overdue) {
        let timeout = humantime::format_duration(self.settings.check.timeout);
        let which = story::which(overdue.prober, overdue.against, &self.settings.check);
        let reason = format!("no check has succeeded for {timeout}{which}");
        match overdue.transition {
            Some(change) => self.decide(change, reason),
            None => {
                let belief = self.balancer.belief(overdue.backend);
                let change = Transition {
                    backend: overdue.backend,
                    at: clock::now(),
                    from: belief,
                    to: belief,
                    by: Detector::Poll,
                };
                self.version += 1;
                self.publish();
                self.tell(change, reason);
                self.shared.told(self.version);
            }
        }
    }

    /// Who is not Up from the start is told of; who is never heard of is taken for Up by whoever reads.
    pub(super) fn believed_from_the_start(&self, backend: BackendId, decision: &Decision) {
        self.events.emit(Event::Belief {
            router: self.members[backend.index()].name.clone(),
            from_state: Belief::Up,
            to: self.balancer.belief(backend),
            reason: decision.reason.clone(),
            by: decision.by,
            until_ns: None,
        });
    }

    /// A change of mind that no check of polling's has made.
    pub(super) fn decide(&mut self, change: Transition, reason: String) {
        self.act(change);
        self.tell(change, reason);
        self.shared.told(self.version);
    }

    /// As [`Control::decide`], with the record that explains it first.
    fn decide_with(&mut self, change: Transition, reason: String, first: Event) {
        self.act(change);
        self.events.emit_at(change.at, first);
        self.tell(change, reason);
        self.shared.told(self.version);
    }

    /// Traffic first: once the belief can be read, no new attempt goes there.
    fn act(&mut self, change: Transition) {
        if !change.changes_use() {
            return;
        }
        self.since[change.backend.index()] = clock::now();
        self.version += 1;
        self.publish();
    }

    pub(super) fn tell(&mut self, change: Transition, reason: String) {
        let backend = change.backend;
        let router = self.members[backend.index()].name.clone();
        tracing::warn!("{router} is {}: {reason}", story::state(change.to));
        let until_ns = self
            .balancer
            .ejected_until(backend)
            .filter(|_| change.to == Belief::Ejected);
        self.events.emit_at(
            change.at,
            Event::Belief {
                router,
                from_state: change.from,
                to: change.to,
                reason: reason.clone(),
                by: change.by,
                until_ns,
            },
        );
        self.decisions[backend.index()] = Decision {
            by: change.by,
            reason,
        };
    }

    pub(super) fn publish(&self) {
        self.shared.publish(Table {
            version: self.version,
            settings: self.settings.clone(),
            members: self.members.clone(),
            usable: self.balancer.usable().collect(),
            shares: self.balancer.shares(),
            since: self.since.clone(),
        });
    }
}
