//! What follows from a death: it is told, noticed, and made good.

use super::FleetError;
use super::actor::Actor;
use super::slot::{Place, Role, Truth};
use crate::process::Exit;
use crate::process::control::ask;
use crate::process::orphans::{self, Orphans};
use crate::process::restart::{Death, Killer, Next};
use router::clock::Timestamp;
use router::record::{Event, Stamp};
use serde_json::json;
use std::collections::BTreeSet;

impl Actor {
    /// The death of the present incarnation became known; only its first stamp counts.
    pub(super) fn die(&mut self, index: usize, at: Timestamp, stamp: Stamp) {
        let slot = &mut self.slots[index];
        if slot.death.is_some() {
            return;
        }
        slot.death = Some(at);
        slot.become_(Truth::Dead, at);
        let incarnation = slot.incarnation;
        slot.awaited.clear();
        if slot.role.is_router() {
            self.hub.tell(
                at,
                Event::Death {
                    router: slot.name.clone(),
                    incarnation,
                    stamp,
                },
            );
        }
        self.end_pause(index, at);
        self.spoil_crash(index, "ended otherwise");
    }

    pub(super) fn on_exit(&mut self, index: usize, exit: Exit) {
        let leaves = self.slots[index].leaving.is_some() || self.slots[index].place == Place::Leaving;
        let expected = self.stopping.is_some() || leaves;
        if !expected {
            self.die(index, exit.at, Stamp::Exit);
            self.notice(index);
        }
        self.spoil_crash(index, "left");
        let slot = &mut self.slots[index];
        let process = slot.process.take();
        slot.last_exit = Some(exit.clone());
        if slot.place == Place::Leaving {
            slot.place = Place::Out;
        }
        if slot.truth != Truth::Dead {
            slot.become_(Truth::Dead, exit.at);
        }
        if slot.role == Role::Load {
            self.load_before = self.load_before + std::mem::take(&mut self.load);
        }
        self.hub.tell(
            exit.at,
            Event::Exited {
                name: slot.name.clone(),
                pid: process.map_or(0, |process| process.pid),
                incarnation: slot.incarnation,
                code: exit.code,
                signal: exit.signal,
                uptime_s: exit.uptime.as_secs_f64(),
                words: exit.words.clone(),
            },
        );
        if let Some((reply, _)) = self.starting.take_if(|_| !expected) {
            self.not_started = Some((reply, self.not_up(index, &exit)));
            self.stop(None);
        } else if let Some(reply) = self.slots[index].leaving.take() {
            let _ = reply.send(Ok(()));
        } else if !expected {
            self.plan_restart(index, &exit);
        }
        self.sweep_orphans();
        self.skip_phase_if_done();
    }

    /// What a real balancer had to say to its start is more than a line; 2: it was asked for what cannot be.
    fn not_up(&self, index: usize, exit: &Exit) -> FleetError {
        let slot = &self.slots[index];
        let log = self.plan.run_dir.join("logs/lb.stderr.log");
        let said = std::fs::read_to_string(log).unwrap_or_default();
        match said.rfind("error: ") {
            Some(at) if slot.role == Role::Lb && self.plan.peer.is_some() => {
                let said = said[at + "error: ".len()..].trim_end().to_owned();
                match exit.code {
                    Some(2) => FleetError::BadSetting(said),
                    _ => FleetError::Start(said),
                }
            }
            _ => FleetError::Start(format!("{} {}", slot.name, exit.words)),
        }
    }

    /// The detector `notice`: the balancer hears of the death at once.
    fn notice(&self, index: usize) {
        let slot = &self.slots[index];
        if slot.role.is_router() && self.plan.lb.detectors.notice {
            let socket = self.plan.control_socket(Role::Lb);
            let request = json!({ "cmd": "notice", "router": slot.name });
            // A balancer that does not hear it finds out by polling.
            tokio::spawn(async move { drop(ask(&socket, &request).await) });
        }
    }

    fn plan_restart(&mut self, index: usize, exit: &Exit) {
        let slot = &mut self.slots[index];
        let another = slot.injected || exit.signal == Some(nix::libc::SIGKILL);
        let next = slot.restarts.on_death(Death {
            at: slot.death.unwrap_or(exit.at),
            uptime: exit.uptime,
            by: if another { Killer::Another } else { Killer::Itself },
        });
        let name = slot.name.clone();
        let event = match next {
            Next::StartAt(due_ns) => {
                slot.restart_due = Some(due_ns);
                Event::RestartDue { name, due_ns }
            }
            Next::GiveUp { deaths, within } => Event::GaveUp {
                name,
                deaths,
                within_s: within.as_secs_f64(),
            },
            Next::Wait => return,
        };
        self.hub.tell(exit.at, event);
    }

    pub(super) fn sweep_orphans(&mut self) {
        let running = match self.stopping {
            Some(_) => Orphans::Kill,
            None => Orphans::Spare,
        };
        let processes = self.slots.iter().filter_map(|slot| slot.process.as_ref());
        let ours: BTreeSet<u32> = processes.map(|process| process.pid).collect();
        self.orphans = orphans::sweep(running, |pid| ours.contains(&pid));
    }
}
