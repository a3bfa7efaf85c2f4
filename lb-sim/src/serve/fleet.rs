//! Which routers there are: more, fewer, and what is said of one.

use super::control::Control;
use super::decision::Decision;
use super::sentinel::Sentinel;
use super::table::{Member, Tally};
use crate::core::{BackendId, Transition};
use router::clock;
use router::record::{Belief, Event};
use std::net::SocketAddr;
use std::sync::Arc;

impl Control {
    /// Somebody says that a router's process has exited. `false`: no such router.
    pub fn notice(&mut self, name: &str) -> bool {
        let Some(backend) = self.named(name) else {
            return false;
        };
        if let Some(change) = self.balancer.on_notice(clock::now(), backend) {
            self.decide(change, "its supervisor said that it has exited".to_owned());
        }
        true
    }

    /// One more router, or one that was removed before. `false`: it is there already.
    pub fn add(&mut self, name: &str, traffic: SocketAddr, health: SocketAddr) -> bool {
        let now = clock::now();
        let member = |tally| {
            Arc::new(Member {
                name: name.to_owned(),
                traffic,
                health,
                tally,
            })
        };
        let mut members = self.members.to_vec();
        let (mut before, first) = (None, Decision::first(&self.settings.check));
        let known = members.iter().position(|member| member.name == name);
        let backend = match known.map(|place| BackendId(place as u32)) {
            Some(backend) if self.balancer.present(backend) => return false,
            Some(backend) => {
                members[backend.index()] = member(Tally::default());
                before = Some(self.balancer.belief(backend));
                self.balancer.restore_backend(now, backend);
                self.since[backend.index()] = now;
                self.last[backend.index()] = None;
                self.decisions[backend.index()] = first.clone();
                backend
            }
            None => {
                members.push(member(Tally::default()));
                let backend = self.balancer.add_backend(now);
                self.since.push(now);
                self.last.push(None);
                self.running.push(Vec::new());
                self.decisions.push(first.clone());
                self.sentinels.push(Sentinel::default());
                backend
            }
        };
        self.members = members.into();
        self.change_fleet(name, true, Vec::new());
        let to = self.balancer.belief(backend);
        // Who was never heard of is taken for Up by whoever reads.
        let from_state = before.unwrap_or(Belief::Up);
        if from_state != to {
            let event = Event::Belief {
                router: name.to_owned(),
                from_state,
                to,
                reason: first.reason,
                by: first.by,
                until_ns: None,
            };
            self.events.emit_at(now, event);
        }
        true
    }

    /// No new attempt goes to that router; it is not checked any more. `false`: no such router.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(backend) = self.named(name) else {
            return false;
        };
        let now = clock::now();
        let returned = self.balancer.remove_backend(now, backend);
        self.since[backend.index()] = now;
        for running in self.running[backend.index()].drain(..) {
            running.task.abort();
        }
        self.sentinels[backend.index()].stop();
        self.change_fleet(name, false, returned);
        true
    }

    /// `returned`: of fewer routers, fewer may be ejected.
    fn change_fleet(&mut self, name: &str, present: bool, returned: Vec<Transition>) {
        for change in &returned {
            self.since[change.backend.index()] = change.at;
        }
        self.version += 1;
        self.publish();
        let router = name.to_owned();
        self.events.emit(Event::Member { router, present });
        for change in returned {
            let reason = self.over_the_share();
            self.tell(change, reason);
        }
        self.shared.told(self.version);
        let how = if present {
            "belongs to the fleet"
        } else {
            "was taken out of the fleet"
        };
        tracing::info!("{name} {how}");
        self.replan.notify_one();
    }

    fn named(&self, name: &str) -> Option<BackendId> {
        let place = self.members.iter().position(|member| member.name == name)?;
        Some(BackendId(place as u32)).filter(|backend| self.balancer.present(*backend))
    }
}
