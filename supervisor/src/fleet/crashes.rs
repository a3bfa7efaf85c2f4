//! Crashing a router the way gorouter crashes: it is sent the requests that do it until it has died of them. The router
//! says by its `crash` record when it did; nothing is done to it.

use super::actor::Actor;
use super::slot::Role;
use super::{Command, Crash, FleetError, Injected, Reply};
use crate::crash::{Order, Plan, Traffic};
use crate::process::control::ask;
use lb_sim::core::ProxyProtocol;
use router::clock::{self, Timestamp};
use router::record::{CrashVariant, Event, Fault, Stamp};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A crash that somebody waits for.
pub(super) struct Crashing {
    reply: Reply<Injected>,
    plan: Plan,
    /// What the router says of its build.
    build: String,
    has_race: bool,
    /// `None`: the router has not answered yet whether it can crash.
    sent: Option<Sent>,
}

struct Sent {
    traffic: Traffic,
    since: Timestamp,
}

/// What a router answered when it was asked whether it can crash.
pub(super) struct Answer {
    child: usize,
    incarnation: u32,
    result: Result<Build, FleetError>,
}

struct Build {
    words: String,
    has_race: bool,
}

/// A router that has been sent its last request may be dying of it: it prints a long trace first.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Crashing {
    pub fn attempts(&self) -> u64 {
        self.sent.as_ref().map_or(0, |sent| sent.traffic.attempts())
    }

    /// `crash by early-hints`
    pub fn words(&self) -> String {
        format!("crash {}", detail(&self.plan))
    }

    fn took(&self, until: Timestamp) -> Duration {
        self.sent
            .as_ref()
            .map_or(Duration::ZERO, |sent| until.since(sent.since))
    }
}

fn detail(plan: &Plan) -> String {
    let sure = if plan.sure { ", the race widened" } else { "" };
    format!("by {}{sure}", plan.trigger)
}

impl Actor {
    pub(super) fn crash(&mut self, index: usize, plan: Plan, reply: Reply<Injected>, now: Timestamp) {
        let slot = &mut self.slots[index];
        if slot.crashing.is_some() {
            let (name, state) = (
                slot.name.clone(),
                format!("{} and being crashed", slot.state_words(now)),
            );
            let busy = self.not_running(&name, state, "it is sent crash traffic already");
            return drop(reply.send(Err(busy)));
        }
        slot.crashing = Some(Crashing {
            reply,
            plan,
            build: String::new(),
            has_race: false,
            sent: None,
        });
        let (incarnation, name) = (slot.incarnation, slot.name.clone());
        let socket = self.plan.control_socket(slot.role);
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let result = prepare(&socket, &name, &plan).await;
            let answer = Answer {
                child: index,
                incarnation,
                result,
            };
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::CanCrash(Box::new(answer))).await;
            }
        });
    }

    /// It can crash, or shall be shown that it does not: the traffic begins.
    pub(super) fn on_can_crash(&mut self, answer: Answer) {
        let index = answer.child;
        let slot = &mut self.slots[index];
        let current = slot.incarnation == answer.incarnation;
        let Some(mut crashing) = slot
            .crashing
            .take_if(|crashing| current && crashing.sent.is_none())
        else {
            return; // it ended meanwhile, and that was answered
        };
        let build = match answer.result {
            Ok(build) => build,
            Err(why) => return drop(crashing.reply.send(Err(why))),
        };
        let since = clock::now();
        let traffic = match Traffic::start(self.order(index, &crashing.plan, since)) {
            Ok(traffic) => traffic,
            Err(error) => {
                let (who, why) = (
                    "the supervisor".to_owned(),
                    format!("cannot start clients: {error}"),
                );
                return drop(crashing.reply.send(Err(FleetError::Refused { who, why })));
            }
        };
        self.hub.tell(
            since,
            Event::Fault {
                router: self.slots[index].name.clone(),
                incarnation: answer.incarnation,
                fault: Fault::Crash,
                detail: Some(detail(&crashing.plan)),
            },
        );
        let (over, commands) = (traffic.over(), self.commands.clone());
        tokio::spawn(async move {
            over.await;
            clock::until(clock::now() + LAST_WORDS).await;
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::CrashTrafficOver { child: index }).await;
            }
        });
        (crashing.build, crashing.has_race) = (build.words, build.has_race);
        crashing.sent = Some(Sent { traffic, since });
        let slot = &mut self.slots[index];
        slot.injected = true;
        slot.crashing = Some(crashing);
    }

    fn order(&self, index: usize, plan: &Plan, now: Timestamp) -> Order {
        let slot = &self.slots[index];
        let target = match slot.role {
            Role::Router(n) => self.plan.addresses.router(n),
            _ => self.plan.addresses.lb(),
        };
        let life = (index as u64) << 32 | u64::from(slot.incarnation);
        Order {
            introduced: self.plan.lb.proxy_protocol == ProxyProtocol::V2,
            ..Order::at_router(target, plan, self.plan.seed.wrapping_mul(1_000_003) ^ life, now)
        }
    }

    /// Its own last word.
    pub(super) fn on_crash(
        &mut self,
        index: usize,
        at: Timestamp,
        message: String,
        variant: Option<CrashVariant>,
    ) {
        let slot = &mut self.slots[index];
        let (crashing, incarnation) = (slot.crashing.take(), slot.incarnation);
        self.die(index, at, Stamp::Crash);
        if let Some(crashing) = crashing {
            let crash = Crash {
                attempts: crashing.attempts(),
                took: crashing.took(at),
                message,
                variant,
            };
            let _ = crashing.reply.send(Ok(Injected {
                at,
                incarnation,
                crash: Some(crash),
            }));
        }
    }

    /// Every client has left for good: it has survived, unless the traffic that this is about is history.
    pub(super) fn on_crash_traffic_over(&mut self, index: usize, now: Timestamp) {
        let is_over =
            |crashing: &mut Crashing| crashing.sent.as_ref().is_some_and(|sent| sent.traffic.is_over());
        let slot = &mut self.slots[index];
        let Some(crashing) = slot.crashing.take_if(is_over) else {
            return;
        };
        slot.injected = false;
        let survived = FleetError::Survived {
            router: slot.name.clone(),
            incarnation: slot.incarnation,
            attempts: crashing.attempts(),
            took: crashing.took(now - LAST_WORDS),
            why: if crashing.has_race {
                "it has the bug, and this kind of request may need more; of the real gorouter on a machine with nothing \
                 else to do, early-hints took 17 to 439, continue 3,063 to 29,480, and one-hint did not do it in 111,549"
                    .to_owned()
            } else {
                format!("it does not have the bug ({})", crashing.build)
            },
        };
        let text = survived.to_string();
        self.hub.tell(now, Event::Note { text });
        let _ = crashing.reply.send(Err(survived));
    }

    /// Something else happened to it: no more is sent, and whoever waits is told `what`.
    pub(super) fn spoil_crash(&mut self, index: usize, what: &str) {
        let slot = &mut self.slots[index];
        if let Some(crashing) = slot.crashing.take() {
            slot.injected = slot.death.is_some() || slot.draining;
            let spoilt = FleetError::Spoilt {
                router: slot.name.clone(),
                what: what.to_owned(),
                attempts: crashing.attempts(),
            };
            let _ = crashing.reply.send(Err(spoilt));
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn abandon_crash(&mut self, router: &str) {
        for slot in self.slots.iter_mut().filter(|slot| slot.name == router) {
            let abandoned = slot.crashing.take_if(|crashing| crashing.reply.is_closed());
            if let Some(crashing) = abandoned {
                slot.injected = false;
                let (name, attempts) = (&slot.name, crashing.attempts());
                let text =
                    format!("{name} is sent no more after {attempts} attempts: nobody waits for its crash");
                self.hub.tell(clock::now(), Event::Note { text });
            }
        }
    }
}

/// Asks a router what it is, and to widen its race if that is wanted.
async fn prepare(socket: &Path, router: &str, plan: &Plan) -> Result<Build, FleetError> {
    let refused = |why: String| FleetError::Refused {
        who: router.to_owned(),
        why,
    };
    let shown = ask(socket, &json!({ "cmd": "show" })).await;
    let shown = shown.map_err(|e| refused(e.to_string()))?;
    let build = Build {
        words: shown["build"].as_str().unwrap_or("build unknown").to_owned(),
        has_race: shown["header_race"] == Value::Bool(true),
    };
    if !build.has_race && (plan.attempts.is_none() || plan.sure) {
        return Err(FleetError::Immune {
            router: router.to_owned(),
            build: build.words,
        });
    }
    if plan.sure {
        let widened = ask(socket, &json!({ "cmd": "widen" })).await;
        widened.map_err(|e| refused(e.to_string()))?;
    }
    Ok(build)
}
