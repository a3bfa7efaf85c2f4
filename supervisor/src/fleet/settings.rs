//! Settings of a running fleet: asked for, agreed to, in force.

use super::actor::Actor;
use super::slot::Role;
use super::{Command, FleetError, Reply};
use crate::engine::{Peer, Refused, choice};
use crate::process::control::ask;
use crate::process::restart::{Backoff, RestartPolicy};
use crate::settings::{entries, restart};
use lb_sim::presets::similar;
use router::clock;
use router::record::Event;
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
    /// Checks all, then asks the balancer and the load; what is in force changes only when they have agreed.
    pub(super) fn set(&mut self, settings: &Map<String, Value>, reply: Reply<()>) {
        let mut lb = Map::new();
        let mut rate = None;
        let mut backoff = self.backoff();
        for (key, value) in settings {
            let key = &key.replace('_', "-");
            let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let parsed = match key.as_str() {
                "rate" => crate::settings::parse_rate(&word).map(|value| rate = Some(value)),
                key if restart::KEYS.contains(&key) => restart::set(&mut backoff, key, &word),
                "mode" | "proxy-protocol" | "metrics" | "page" | "slo" | "crash-traffic" | "preset"
                | "engine" => Err(fixed(key, &word)),
                key if router::settings::KEYS.contains(&key) => Err(fixed(key, &word)),
                _ if !lb_sim::core::settings::KEYS.contains(&key.as_str()) => {
                    let known = lb_sim::core::settings::KEYS.into_iter().chain(restart::KEYS);
                    let near = match similar(key, known.chain(["rate"])).join(", ") {
                        none if none.is_empty() => none,
                        near => format!("perhaps {near}; "),
                    };
                    Err(format!(
                        "a running lab has no setting `{key}`: {near}it has rate, restart-* and the balancer's, which \
                         `resetlab ps --wide` lists"
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
        if let (Some(peer), Some((key, word))) = (&self.plan.peer, lb.iter().next()) {
            let word = word.as_str().unwrap_or_default();
            let why = self.not_live(peer, key, word);
            return drop(reply.send(Err(FleetError::BadSetting(why))));
        }
        let restart = Some(backoff).filter(|backoff| *backoff != self.backoff());
        let mut next = self.plan.lb.clone();
        if let Err(e) = next.set_json(&lb) {
            return drop(reply.send(Err(FleetError::BadSetting(e.to_string()))));
        }
        if let Err(e) = self.plan.preset.allows(&next) {
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

    pub(super) fn set_done(&mut self, change: Change) {
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

    /// All that is in force, by its words.
    pub(super) fn settings(&self) -> Value {
        let backoff = match self.plan.restart {
            RestartPolicy::Backoff(backoff) => Some(backoff),
            RestartPolicy::Manual => None,
        };
        entries::shown(&self.plan.lb, self.plan.load.rate, backoff, &self.plan.router)
    }

    /// What to do about a setting that a real balancer was started with.
    fn not_live(&self, peer: &Peer, key: &str, word: &str) -> String {
        let mut next = self.plan.lb.clone();
        let engine = peer.engine;
        if let Err(e) = next.set(key, word) {
            return e.to_string();
        }
        if peer.own.is_some() {
            return format!(
                "{key} cannot change: the file that {engine} was started with says how routers are checked; change it \
                 there, then `resetlab down` and the command that started the lab"
            );
        }
        let addresses = &self.plan.addresses;
        let site = choice::placed(addresses, self.plan.routers, None);
        let program = engine.program();
        if let Some(Err(why)) = program.map(|program| program.configuration(&site, &next)) {
            return Refused::new(engine, &next, why).to_string();
        }
        format!(
            "{key} cannot change now: a running {engine} takes its settings at its start: `resetlab down`, then the \
             command that started the lab with `--set {key}={word}` added; rate and restart-* change live"
        )
    }

    /// What a change of restart settings starts from.
    fn backoff(&self) -> Backoff {
        match self.plan.restart {
            RestartPolicy::Backoff(backoff) => backoff,
            RestartPolicy::Manual => Backoff::default(),
        }
    }
}

/// What to do about a setting that processes are started with.
fn fixed(key: &str, word: &str) -> String {
    format!("{key} cannot change while running: `resetlab down`, then `resetlab up --{key} {word}`")
}
