//! What is done to routers: signals, which are stamped here, and behaviours, which the router stamps itself.

use super::actor::Actor;
use super::slot::{Pause, Slot, Truth};
use super::{Command, FleetError, Injected, Reply};
use crate::crash::Plan;
use crate::process::control::ask;
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Event, Fault, Stamp};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// What a router said when it was asked over its control socket.
pub(super) struct Answer {
    child: usize,
    incarnation: u32,
    asked: Asked,
    /// When it took effect.
    result: Result<Timestamp, String>,
}

enum Asked {
    Show(Spec, Reply<Injected>),
    Heal(Reply<()>),
}

impl Actor {
    /// `plan` is of a crash.
    pub(super) fn inject(
        &mut self,
        router: &str,
        spec: Spec,
        plan: Plan,
        reply: Reply<Injected>,
        now: Timestamp,
    ) {
        let fault = spec.fault;
        let hits = |truth: Truth| match fault {
            Fault::Kill => truth != Truth::Dead,
            Fault::Hang | Fault::Stop => truth.runs(),
            Fault::Drain => truth.runs() && truth != Truth::Draining,
            // Its clients must reach the app.
            Fault::Crash => matches!(truth, Truth::Up | Truth::Slow),
            Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => truth == Truth::Up,
        };
        let needs = match fault {
            Fault::Kill => "only what lives can be killed".to_owned(),
            Fault::Hang | Fault::Stop | Fault::Drain => "it has to run for that".to_owned(),
            Fault::Crash | Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => {
                format!(
                    "it has to be up for that; `resetlab heal {router}` ends another fault, `resetlab resume {router}` a hang"
                )
            }
        };
        // Told to stop, it counts as dead from then on; one that does not listen lives on and can be killed.
        let lingers =
            |slot: &&Slot| slot.name == router && slot.truth == Truth::Dead && slot.process.is_some();
        if fault == Fault::Kill
            && let Some(slot) = self
                .slots
                .iter()
                .filter(|slot| slot.role.is_router())
                .find(lingers)
            && let Some(process) = &slot.process
        {
            let (at, incarnation) = (clock::now(), slot.incarnation);
            let _ = process.signal(Signal::KILL); // an error means that it is gone already
            let crash = None;
            return drop(reply.send(Ok(Injected {
                at,
                incarnation,
                crash,
            })));
        }
        let index = match self.find(router, hits, &needs, now) {
            Ok(index) => index,
            Err(e) => return drop(reply.send(Err(e))),
        };
        match fault {
            Fault::Kill => self.strike(index, spec, Signal::KILL, reply),
            Fault::Hang => self.strike(index, spec, Signal::STOP, reply),
            Fault::Stop => self.strike(index, spec, Signal::TERM, reply),
            Fault::Drain => self.strike(index, spec, Signal::USR1, reply),
            Fault::Crash => self.crash(index, plan, reply, now),
            Fault::Silent | Fault::Error | Fault::Cut | Fault::Slow => {
                let mut request = serde_json::to_value(spec).expect("a fault has string keys only");
                // Its kind has the key of the same name.
                request["cmd"] = json!("fault");
                self.ask_router(index, request, Asked::Show(spec, reply));
            }
        }
    }

    /// A fault that is a signal: it takes effect when it is sent.
    fn strike(&mut self, index: usize, spec: Spec, signal: Signal, reply: Reply<Injected>) {
        let at = clock::now();
        let slot = &mut self.slots[index];
        let sent = slot.process.as_ref().map(|process| process.signal(signal));
        if !matches!(sent, Some(Ok(()))) {
            let router = self.slots[index].name.clone();
            let gone = self.not_running(&router, "gone already".to_owned(), "nothing was hit");
            return drop(reply.send(Err(gone)));
        }
        let incarnation = slot.incarnation;
        self.tell_fault(index, at, spec);
        let slot = &mut self.slots[index];
        match spec.fault {
            Fault::Hang => {
                slot.become_(Truth::Hung, at);
                self.end_pause(index, at); // it stands still for longer now
                self.spoil_crash(index, "was hung");
            }
            Fault::Drain => {
                slot.injected = true;
                slot.draining = true;
                slot.become_(Truth::Draining, at);
                self.spoil_crash(index, "was told to drain");
            }
            _ => {
                slot.injected = true;
                self.die(index, at, Stamp::Signal);
            }
        }
        let crash = None;
        let _ = reply.send(Ok(Injected {
            at,
            incarnation,
            crash,
        }));
    }

    pub(super) fn heal(&mut self, router: &str, reply: Reply<()>, now: Timestamp) {
        let needs = match self
            .slots
            .iter()
            .find(|slot| slot.name == router)
            .map(|slot| slot.truth)
        {
            Some(Truth::Hung) => format!("`resetlab resume {router}` lets it run again"),
            _ => "there is nothing to heal".to_owned(),
        };
        let found = self.find(router, Truth::runs, &needs, now);
        let found = found.and_then(|index| match &self.slots[index] {
            slot if slot.behaviour.is_some() => Ok(index),
            slot => Err(self.not_running(router, slot.state_words(now), &needs)),
        });
        match found {
            Ok(index) => self.ask_router(index, json!({ "cmd": "heal" }), Asked::Heal(reply)),
            Err(e) => drop(reply.send(Err(e))),
        }
    }

    fn ask_router(&self, child: usize, request: Value, asked: Asked) {
        let slot = &self.slots[child];
        let (incarnation, socket) = (slot.incarnation, self.plan.control_socket(slot.role));
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let result = match ask(&socket, &request).await {
                Ok(answer) => Ok(answer["t_ns"].as_u64().map_or_else(clock::now, Timestamp)),
                Err(e) => Err(e.to_string()),
            };
            let answer = Answer {
                child,
                incarnation,
                asked,
                result,
            };
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::Answered(Box::new(answer))).await;
            }
        });
    }

    pub(super) fn on_answer(&mut self, answer: Answer, now: Timestamp) {
        let slot = &mut self.slots[answer.child];
        let alive = slot.incarnation == answer.incarnation && slot.truth != Truth::Dead;
        let (name, incarnation) = (slot.name.clone(), answer.incarnation);
        let refused = |why: String| FleetError::Refused {
            who: name.clone(),
            why,
        };
        match (answer.asked, answer.result) {
            (Asked::Show(_, reply), Err(why)) => drop(reply.send(Err(refused(why)))),
            (Asked::Heal(reply), Err(why)) => drop(reply.send(Err(refused(why)))),
            (Asked::Show(_, reply), Ok(_)) if !alive => {
                let state = slot.state_words(now);
                drop(reply.send(Err(self.not_running(&name, state, "it died meanwhile"))));
            }
            (Asked::Heal(reply), Ok(_)) if !alive => {
                let state = slot.state_words(now);
                drop(reply.send(Err(self.not_running(&name, state, "it died meanwhile"))));
            }
            (Asked::Show(spec, reply), Ok(at)) => {
                slot.behaviour = Some(spec);
                self.tell_fault(answer.child, at, spec);
                self.behave(answer.child, at);
                self.spoil_crash(answer.child, "was told to misbehave otherwise");
                let crash = None;
                let _ = reply.send(Ok(Injected {
                    at,
                    incarnation,
                    crash,
                }));
            }
            (Asked::Heal(reply), Ok(at)) => {
                if let Some(spec) = slot.behaviour.take() {
                    let fault = spec.fault;
                    self.hub.tell(
                        at,
                        Event::Healed {
                            router: name,
                            incarnation,
                            fault,
                        },
                    );
                    self.behave(answer.child, at);
                }
                let _ = reply.send(Ok(()));
            }
        }
    }

    /// What it is follows from what it was told, unless it is stopped.
    fn behave(&mut self, index: usize, at: Timestamp) {
        let slot = &mut self.slots[index];
        let truth = slot.running_truth();
        if slot.truth != Truth::Hung && slot.truth != truth {
            slot.become_(truth, at);
        }
    }

    pub(super) fn resume(&mut self, router: &str, now: Timestamp) -> Result<(), FleetError> {
        let needs = "there is nothing to resume, only a hung router can be";
        let index = self.find(router, |truth| truth == Truth::Hung, needs, now)?;
        let slot = &mut self.slots[index];
        let at = clock::now();
        let sent = slot.process.as_ref().map(|process| process.signal(Signal::CONT));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.not_running(router, "gone already".to_owned(), needs));
        }
        let truth = slot.running_truth();
        slot.become_(truth, at);
        self.hub.tell(
            at,
            Event::Resumed {
                router: slot.name.clone(),
                incarnation: slot.incarnation,
            },
        );
        Ok(())
    }

    pub(super) fn pause(
        &mut self,
        router: &str,
        duration: Duration,
        now: Timestamp,
    ) -> Result<Injected, FleetError> {
        let needs = "only a router that runs can stand still";
        let index = self.find(router, Truth::runs, needs, now)?;
        let slot = &mut self.slots[index];
        if slot.pause.is_some() {
            return Err(self.not_running(router, "paused already".to_owned(), needs));
        }
        let at = clock::now();
        let sent = slot.process.as_ref().map(|process| process.signal(Signal::STOP));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.not_running(router, "gone already".to_owned(), needs));
        }
        slot.pause = Some(Pause {
            started: at,
            until: at + duration,
        });
        Ok(Injected {
            at,
            incarnation: slot.incarnation,
            crash: None,
        })
    }

    /// Lets those run again whose pause is over by `now`.
    pub(super) fn end_pauses(&mut self, now: Timestamp) {
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if slot.pause.is_some_and(|pause| pause.until <= now) {
                if let Some(process) = &slot.process {
                    let _ = process.signal(Signal::CONT); // an error means that it is gone already
                }
                self.end_pause(index, clock::now());
            }
        }
    }

    /// It runs again, or has ended.
    pub(super) fn end_pause(&mut self, index: usize, at: Timestamp) {
        let slot = &mut self.slots[index];
        if let Some(Pause { started, .. }) = slot.pause.take() {
            self.hub.tell(
                at,
                Event::Paused {
                    router: slot.name.clone(),
                    incarnation: slot.incarnation,
                    started_ns: started,
                },
            );
        }
    }

    fn tell_fault(&self, index: usize, at: Timestamp, spec: Spec) {
        let slot = &self.slots[index];
        self.hub.tell(
            at,
            Event::Fault {
                router: slot.name.clone(),
                incarnation: slot.incarnation,
                fault: spec.fault,
                detail: spec.detail(),
            },
        );
    }
}
