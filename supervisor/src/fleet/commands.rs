//! What the actor does when told.

use super::actor::Actor;
use super::slot::{Role, Slot, Truth};
use super::{Command, FleetError, Injected, Reply, Snapshot};
use crate::process::control::ask;
use crate::process::restart::{Backoff, RestartPolicy};
use crate::settings::restart;
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Event, Fault, Stamp};
use rustix::process::Signal;
use serde_json::{Map, Value, json};

/// A change of settings, ready to be made or made.
pub(super) struct Change {
    lb: lb_sim::core::Settings,
    rate: Option<f64>,
    restart: Option<Backoff>,
    reply: Reply<()>,
    result: Result<(), FleetError>,
}

impl Actor {
    pub fn on_command(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Inject { router, spec, reply } => self.inject(&router, spec, reply, now),
            Command::Resume { router, reply } => {
                let _ = reply.send(self.resume(&router, now));
            }
            Command::Restart { router, reply } => {
                let _ = reply.send(self.restart(&router, now));
            }
            Command::Set { settings, reply } => self.set(&settings, reply),
            Command::SetDone(change) => self.set_done(*change),
            Command::CrashRefused {
                child,
                incarnation,
                why,
            } => {
                let slot = &mut self.slots[child];
                if slot.incarnation == incarnation
                    && let Some(reply) = slot.crashing.take()
                {
                    slot.injected = false;
                    let _ = reply.send(Err(FleetError::Refused {
                        who: slot.name.clone(),
                        why,
                    }));
                }
            }
            Command::DrainLoad { reply } => self.drain_load(reply),
            Command::Ps { reply } => {
                let _ = reply.send(self.snapshot(now));
            }
            Command::StopAll { reply } => self.stop(Some(reply)),
        }
    }

    fn inject(&mut self, router: &str, spec: Spec, reply: Reply<Injected>, now: Timestamp) {
        let fault = spec.fault;
        let hits = |truth| match fault {
            Fault::Kill => matches!(truth, Truth::Starting | Truth::Up | Truth::Hung),
            _ => truth == Truth::Up,
        };
        let index = match self.find(router, hits, now) {
            Ok(index) => index,
            Err(e) => return drop(reply.send(Err(e))),
        };
        if fault == Fault::Crash {
            return self.crash(index, spec, reply);
        }
        let slot = &mut self.slots[index];
        let signal = if fault == Fault::Kill {
            Signal::KILL
        } else {
            Signal::STOP
        };
        let at = clock::now();
        let sent = slot.process.as_ref().map(|process| process.signal(signal));
        if !matches!(sent, Some(Ok(()))) {
            let state = "gone already".to_owned();
            return drop(reply.send(Err(self.not_running(router, state))));
        }
        let incarnation = slot.incarnation;
        self.hub.tell(
            at,
            Event::Fault {
                router: slot.name.clone(),
                incarnation,
                fault,
                detail: spec.detail(),
            },
        );
        match fault {
            Fault::Kill => {
                slot.injected = true;
                self.die(index, at, Stamp::Signal);
            }
            _ => slot.become_(Truth::Hung, at),
        }
        let _ = reply.send(Ok(Injected { at, incarnation }));
    }

    /// The router answers by dying; its `crash` record stamps the death.
    fn crash(&mut self, index: usize, spec: Spec, reply: Reply<Injected>) {
        let slot = &mut self.slots[index];
        let (incarnation, socket) = (slot.incarnation, self.plan.control_socket(slot.role));
        slot.injected = true;
        slot.crashing = Some(reply);
        let fault = Fault::Crash;
        self.hub.tell(
            clock::now(),
            Event::Fault {
                router: slot.name.clone(),
                incarnation,
                fault,
                detail: spec.detail(),
            },
        );
        let commands = self.commands.clone();
        tokio::spawn(async move {
            use crate::process::control::AskError;
            let why = match ask(&socket, &json!({ "cmd": "crash" })).await {
                // Dying without an answer is the answer.
                Ok(_) | Err(AskError::Closed) => return,
                Err(e) => e.to_string(),
            };
            if let Some(commands) = commands.upgrade() {
                let _ = commands
                    .send(Command::CrashRefused {
                        child: index,
                        incarnation,
                        why,
                    })
                    .await;
            }
        });
    }

    fn resume(&mut self, router: &str, now: Timestamp) -> Result<(), FleetError> {
        let index = self.find(router, |truth| truth == Truth::Hung, now)?;
        let slot = &mut self.slots[index];
        let at = clock::now();
        let sent = slot.process.as_ref().map(|process| process.signal(Signal::CONT));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.not_running(router, "gone already".to_owned()));
        }
        slot.become_(Truth::Up, at);
        self.hub.tell(
            at,
            Event::Resumed {
                router: slot.name.clone(),
                incarnation: slot.incarnation,
            },
        );
        Ok(())
    }

    fn restart(&mut self, router: &str, now: Timestamp) -> Result<(), FleetError> {
        let index = self.find(router, |truth| truth == Truth::Dead, now)?;
        self.slots[index].restarts.forgive();
        if self.slots[index].process.is_none() {
            self.spawn(index);
        } else {
            self.slots[index].restart_due = Some(now); // killed, but not reaped yet
        }
        Ok(())
    }

    /// The router of that name, if it is in a state that the command can hit.
    fn find(&self, router: &str, fits: impl Fn(Truth) -> bool, now: Timestamp) -> Result<usize, FleetError> {
        let known = |slot: &Slot| slot.role.is_router() && slot.name == router;
        match self.slots.iter().position(known) {
            None => Err(FleetError::NoSuchRouter {
                asked: router.to_owned(),
                running: self.running(),
            }),
            Some(index) if fits(self.slots[index].truth) => Ok(index),
            Some(index) => Err(self.not_running(router, self.slots[index].state_words(now))),
        }
    }

    fn not_running(&self, router: &str, state: String) -> FleetError {
        FleetError::NotRunning {
            router: router.to_owned(),
            state,
            running: self.running(),
        }
    }

    fn running(&self) -> Vec<String> {
        let up = self
            .slots
            .iter()
            .filter(|slot| slot.role.is_router() && slot.truth == Truth::Up);
        up.map(|slot| slot.name.clone()).collect()
    }

    /// Checks all, then asks the balancer and the load; what is in force changes only when they have agreed.
    fn set(&mut self, settings: &Map<String, Value>, reply: Reply<()>) {
        let mut lb = Map::new();
        let mut rate = None;
        let mut backoff = self.backoff();
        for (key, value) in settings {
            let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let parsed = match key.as_str() {
                "rate" => crate::settings::parse_rate(&word).map(|value| rate = Some(value)),
                key if restart::KEYS.contains(&key) => restart::set(&mut backoff, key, &word),
                _ if !lb_sim::core::settings::KEYS.contains(&key.as_str()) => {
                    let known = lb_sim::core::settings::KEYS.join(", ");
                    Err(format!(
                        "a running lab has no setting `{key}`: expected rate, {}, {known}",
                        restart::KEYS.join(", ")
                    ))
                }
                _ => {
                    lb.insert(key.clone(), Value::String(word));
                    Ok(())
                }
            };
            if let Err(expected) = parsed {
                return drop(reply.send(Err(FleetError::BadSetting(expected))));
            }
        }
        let restart = Some(backoff).filter(|backoff| *backoff != self.backoff());
        let mut next = self.plan.lb.clone();
        if let Err(e) = next.set_json(&lb) {
            return drop(reply.send(Err(FleetError::BadSetting(e.to_string()))));
        }
        let (lb_socket, load_socket) = (
            self.plan.control_socket(Role::Lb),
            self.plan.control_socket(Role::Load),
        );
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let mut result = Ok(());
            if !lb.is_empty() {
                let request = json!({ "cmd": "set", "settings": lb });
                result = ask(&lb_socket, &request).await.map(drop).map_err(|e| ("lb", e));
            }
            if let (Some(rate), Ok(_)) = (rate, &result) {
                let request = json!({ "cmd": "set", "settings": { "rate": rate } });
                result = ask(&load_socket, &request)
                    .await
                    .map(drop)
                    .map_err(|e| ("load", e));
            }
            let result = result.map_err(|(who, e)| FleetError::Refused {
                who: who.into(),
                why: e.to_string(),
            });
            if let Some(commands) = commands.upgrade() {
                let _ = commands
                    .send(Command::SetDone(Box::new(Change {
                        lb: next,
                        rate,
                        restart,
                        reply,
                        result,
                    })))
                    .await;
            }
        });
    }

    fn set_done(&mut self, change: Change) {
        if change.result.is_ok() {
            let mut ours = Map::new();
            self.plan.lb = change.lb;
            if let Some(rate) = change.rate {
                self.plan.load.rate = rate;
                ours.insert("rate".into(), json!(rate));
            }
            if let Some(backoff) = change.restart {
                let before = restart::words(&self.backoff());
                self.plan.restart = RestartPolicy::Backoff(backoff);
                for slot in self.slots.iter_mut().filter(|slot| slot.role.is_router()) {
                    slot.restarts.set_policy(self.plan.restart);
                }
                let changed = restart::words(&backoff).into_iter().zip(before);
                for ((key, word), _) in changed.filter(|(now, before)| now != before) {
                    ours.insert(key.into(), json!(word));
                }
            }
            if !ours.is_empty() {
                self.hub.tell(
                    clock::now(),
                    Event::Settings {
                        settings: Value::Object(ours),
                    },
                );
            }
        }
        let _ = change.reply.send(change.result);
    }

    /// What a change of restart settings starts from.
    fn backoff(&self) -> Backoff {
        match self.plan.restart {
            RestartPolicy::Backoff(backoff) => backoff,
            RestartPolicy::Manual => Backoff::default(),
        }
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
        let mut settings = serde_json::to_value(&self.plan.lb).expect("settings are words");
        settings["rate"] = json!(self.plan.load.rate);
        if let RestartPolicy::Backoff(backoff) = self.plan.restart {
            for (key, word) in restart::words(&backoff) {
                settings[key] = json!(word);
            }
        }
        for (key, time) in [
            ("drain-wait", self.plan.drain.wait),
            ("drain-timeout", self.plan.drain.timeout),
        ] {
            settings[key] = json!(humantime::format_duration(time).to_string().replace(' ', ""));
        }
        Snapshot {
            processes: self
                .slots
                .iter()
                .map(|slot| slot.state(belief(slot), now))
                .collect(),
            load: self.load_before + self.load,
            settings,
        }
    }
}
