//! What an ended check, or another detector, changes: traffic first, then the records, then people.

use super::control::Control;
use super::probe::Ended;
use super::story::{self, Story};
use super::table::Table;
use crate::core::{
    BackendId, CheckSettings, Initial, Overdue, PassiveAction, PassiveCounting, PassiveSettings, Transition,
    Verdict, panic,
};
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
        // A count on the way decides nothing.
        if change.to != Belief::GoingDown {
            self.decisions[backend.index()] = Decision {
                by: change.by,
                reason,
            };
        }
    }

    /// Something else than a belief has changed, and there is nothing to tell of it.
    pub(super) fn republish(&mut self) {
        self.version += 1;
        self.publish();
        self.shared.told(self.version);
    }

    pub(super) fn publish(&self) {
        let usable: Vec<_> = self.balancer.usable().collect();
        let all = (0..self.members.len()).map(|i| BackendId(i as u32));
        let present: Vec<_> = all.clone().filter(|id| self.balancer.present(*id)).collect();
        let threshold = self.settings.panic_threshold;
        let instead = panic::instead(&usable, &present, threshold).map(<[BackendId]>::to_vec);
        let panics = instead.is_some();
        // Each of several probers panics by itself.
        let shares = self.balancer.shares().into_iter().map(|share| {
            panic::instead(&share, &present, threshold).map_or_else(|| share.clone(), <[BackendId]>::to_vec)
        });
        let shares = shares.collect();
        let panicked = self.shared.table().load().panic;
        self.shared.publish(Table {
            version: self.version,
            settings: self.settings.clone(),
            members: self.members.clone(),
            usable: instead.unwrap_or(usable),
            shares,
            panic: panics,
            trials: self.balancer.trials().collect(),
            present: all.map(|id| self.balancer.present(id)).collect(),
            since: self.since.clone(),
        });
        if panics != panicked {
            let text = match panics {
                true => "too few routers may be used: all are (panic-threshold)".to_owned(),
                false => "enough routers may be used again: only they are (panic-threshold)".to_owned(),
            };
            tracing::warn!("{text}");
            self.events.emit(Event::Note { text });
        }
    }
}

/// Why what was heard of attempts has changed a belief.
pub(super) fn heard(change: Transition, settings: &PassiveSettings) -> String {
    if change.to == Belief::Up {
        return "the request that tried it succeeded".to_owned();
    }
    let PassiveSettings { failures, window, .. } = *settings;
    let window = humantime::format_duration(window);
    let failed = match settings.counting {
        PassiveCounting::Row => format!("{failures} attempts in a row failed"),
        PassiveCounting::Window => format!("{failures} attempts failed within {window}"),
        PassiveCounting::Quiet => format!("{failures} attempts failed without {window} of quiet"),
    };
    match settings.action {
        PassiveAction::Eject | PassiveAction::MarkDown => failed,
        PassiveAction::FailCheck | PassiveAction::SuddenDeath | PassiveAction::FastInter => {
            format!("{failed}, which counts as a failed check")
        }
    }
}
