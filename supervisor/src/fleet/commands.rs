//! What the actor does when told.

use super::actor::Actor;
use super::slot::{Place, Role, Slot, Truth};
use super::{Command, FleetError, Reply, Snapshot};
use crate::process::control::ask;
use crate::settings::PresetNote;
use router::clock::Timestamp;
use router::record::Event;
use rustix::process::Signal;
use serde_json::json;

impl Actor {
    pub fn on_command(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Inject {
                router,
                spec,
                plan,
                reply,
            } => self.inject(&router, spec, plan, reply, now),
            Command::CanCrash(answer) => self.on_can_crash(*answer),
            Command::CrashTrafficOver { child } => self.on_crash_traffic_over(child, now),
            Command::AbandonCrash { router } => self.abandon_crash(&router),
            Command::Pause {
                router,
                duration,
                reply,
            } => {
                let _ = reply.send(self.pause(&router, duration, now));
            }
            Command::Heal { router, reply } => self.heal(&router, reply, now),
            Command::Scale { routers, reply } => self.scale(routers, reply, now),
            Command::ScaleStep(step) => self.on_scale_step(*step),
            Command::Resume { router, reply } => {
                let _ = reply.send(self.resume(&router, now));
            }
            Command::Restart { router, reply } => {
                let _ = reply.send(self.restart(&router, now));
            }
            Command::Set { settings, reply } => self.set(&settings, reply),
            Command::SetDone(change) => self.set_done(*change),
            Command::Answered(answer) => self.on_answer(*answer, now),
            Command::DrainLoad { reply } => self.drain_load(reply),
            Command::Ps { reply } => {
                let _ = reply.send(self.snapshot(now));
            }
            Command::StopAll { reply } => self.stop(Some(reply)),
        }
    }

    fn restart(&mut self, router: &str, now: Timestamp) -> Result<(), FleetError> {
        let needs = "it can be started when it is dead";
        let index = self.find(router, |truth| truth == Truth::Dead, needs, now)?;
        self.slots[index].restarts.forgive();
        if self.slots[index].restart_due.is_some_and(|due| due > now) {
            // It was to come later; that has been told.
            let name = router.to_owned();
            self.hub.tell(now, Event::RestartDue { name, due_ns: now });
        }
        if self.slots[index].process.is_none() {
            self.spawn(index);
        } else {
            self.slots[index].restart_due = Some(now); // killed, but not reaped yet
        }
        Ok(())
    }

    /// The router of that name, if it is in a state that the command can hit; `needs` says which that would be.
    pub(super) fn find(
        &self,
        router: &str,
        fits: impl Fn(Truth) -> bool,
        needs: &str,
        now: Timestamp,
    ) -> Result<usize, FleetError> {
        let (asked, running) = (router.to_owned(), self.running());
        let known = |slot: &Slot| slot.place == Place::Member && slot.name == router;
        match self.slots.iter().position(known) {
            None => Err(FleetError::NoSuchRouter { asked, running }),
            Some(index) if !self.slots[index].role.is_router() => {
                Err(FleetError::NoRouter { asked, running })
            }
            Some(index) if fits(self.slots[index].truth) => Ok(index),
            Some(index) => {
                let state = self.slots[index].state_words(now);
                Err(self.not_running(router, state, needs))
            }
        }
    }

    pub(super) fn not_running(&self, router: &str, state: String, needs: &str) -> FleetError {
        FleetError::NotRunning {
            router: router.to_owned(),
            state,
            needs: needs.to_owned(),
            running: self.running(),
        }
    }

    fn running(&self) -> Vec<String> {
        let up = self
            .slots
            .iter()
            .filter(|slot| slot.role.is_router() && slot.place == Place::Member && slot.truth == Truth::Up);
        up.map(|slot| slot.name.clone()).collect()
    }

    fn drain_load(&mut self, reply: Reply<()>) {
        let Some(slot) = self
            .slots
            .iter_mut()
            .find(|slot| slot.role == Role::Load && slot.process.is_some())
        else {
            return drop(reply.send(Ok(())));
        };
        slot.leaving = Some(reply);
        let socket = self.plan.control_socket(Role::Load);
        let process = slot.process.clone();
        tokio::spawn(async move {
            if ask(&socket, &json!({ "cmd": "stop" })).await.is_err()
                && let Some(process) = process
            {
                let _ = process.signal(Signal::TERM);
            }
        });
    }

    fn snapshot(&self, now: Timestamp) -> Snapshot {
        let belief = |slot: &Slot| {
            let initial = router::record::Belief::Up;
            slot.role
                .is_router()
                .then(|| self.beliefs.get(&slot.name).copied().unwrap_or(initial))
        };
        let mut slots: Vec<&Slot> = self
            .slots
            .iter()
            .filter(|slot| slot.place != Place::Out)
            .collect();
        slots.sort_by_key(|slot| slot.role);
        Snapshot {
            processes: slots.iter().map(|slot| slot.state(belief(slot), now)).collect(),
            load: self.load_before + self.load,
            settings: self.settings(),
            preset: PresetNote::new(&self.plan.preset, &self.plan.lb),
        }
    }
}
