//! More routers, or fewer, under load: a new one is added to the balancer when it is ready, a surplus one leaves the
//! balancer, ends what it has in flight, and only then ends itself.

use super::actor::Actor;
use super::slot::{Place, Role, Slot, Truth};
use super::{Command, FleetError, Reply};
use crate::lab::Addresses;
use crate::process::control::ask;
use crate::process::restart::Restarts;
use router::clock::{self, Timestamp};
use router::listen;
use router::record::Event;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How large a fleet was, and is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    pub before: u32,
    pub routers: u32,
}

/// What the work done elsewhere wants of the actor.
pub(super) enum Step {
    /// Let it end.
    Dismiss {
        child: usize,
        signal: Signal,
        gone: Reply<()>,
    },
    Done {
        scaled: Scaled,
        /// The routers that came, or left.
        moved: Vec<usize>,
        result: Result<(), Setback>,
        reply: Reply<Scaled>,
    },
}

/// What went wrong.
pub(super) enum Setback {
    /// Everything is as it was.
    Undone(String),
    /// It was done all the same, at a cost.
    Done(String),
}

/// A router on its way in.
struct Newcomer {
    name: String,
    request: Value,
    ready: oneshot::Receiver<()>,
}

/// A router on its way out.
struct Leaver {
    name: String,
    child: usize,
    /// Undoes its removal.
    back: Value,
}

/// From one look at the balancer to the next.
const LOOK: Duration = Duration::from_millis(20);
/// For a router without requests to end by itself.
const STOP: Duration = Duration::from_secs(1);

impl Actor {
    pub(super) fn scale(&mut self, routers: u32, reply: Reply<Scaled>, now: Timestamp) {
        let before = self.plan.routers;
        let scaled = Scaled { before, routers };
        let refused = |why: &str| FleetError::Refused {
            who: "the fleet".into(),
            why: why.into(),
        };
        let most = Addresses::MOST_ROUTERS;
        if !(1..=most).contains(&routers) {
            let expected = format!("cannot have {routers} routers: expected a whole number from 1 to {most}");
            drop(reply.send(Err(FleetError::BadSetting(expected))));
        } else if self.starting.is_some() || self.stopping.is_some() {
            drop(reply.send(Err(refused("it is starting or stopping"))));
        } else if self.scaling {
            drop(reply.send(Err(refused("it is being scaled already"))));
        } else if let Some(peer) = &self.plan.peer {
            let why = format!(
                "a running {} takes its routers at its start: `resetlab down`, then `resetlab up --engine {0} \
                 --routers {routers}`",
                peer.engine
            );
            drop(reply.send(Err(FleetError::BadSetting(why))));
        } else if routers == before {
            drop(reply.send(Ok(scaled)));
        } else if routers > before {
            self.grow(scaled, reply, now);
        } else {
            self.shrink(scaled, reply);
        }
    }

    fn grow(&mut self, scaled: Scaled, reply: Reply<Scaled>, now: Timestamp) {
        let at = self.plan.addresses;
        let range = scaled.before + 1..=scaled.routers;
        for address in range.clone().flat_map(|n| [at.router(n), at.health(n)]) {
            if let Err(taken) = listen::bind_std(address, "") {
                let why = format!(
                    "cannot listen on {address}, which a new router needs: {}",
                    taken.why
                );
                return drop(reply.send(Err(FleetError::BadSetting(why))));
            }
        }
        self.scaling = true;
        let (mut moved, mut newcomers) = (Vec::new(), Vec::new());
        for n in range {
            let index = self.place(Role::Router(n), now);
            let (ready_to, ready) = oneshot::channel();
            let slot = &mut self.slots[index];
            slot.awaited.push(ready_to);
            newcomers.push(Newcomer {
                name: slot.name.clone(),
                request: json!({ "cmd": "add", "name": slot.name, "traffic": at.router(n), "health": at.health(n) }),
                ready,
            });
            moved.push(index);
            self.spawn(index);
        }
        let lb = self.plan.control_socket(Role::Lb);
        let commands = self.commands.clone();
        let limit = self.plan.start_limit();
        tokio::spawn(async move {
            let names: Vec<String> = newcomers.iter().map(|newcomer| newcomer.name.clone()).collect();
            let result = join(&lb, newcomers, limit).await;
            if result.is_err() {
                for name in names {
                    // Those that were not added yet are not known: as good.
                    let _ = ask(&lb, &json!({ "cmd": "remove", "name": name })).await;
                }
            }
            let done = Step::Done {
                scaled,
                moved,
                result: result.map_err(Setback::Undone),
                reply,
            };
            step(&commands, done).await;
        });
    }

    /// Its slot: that of an earlier router of the same number, which is forgotten, or a new one.
    fn place(&mut self, role: Role, now: Timestamp) -> usize {
        let known = self.slots.iter().position(|slot| slot.role == role);
        let index = known.unwrap_or(self.slots.len());
        let seed = self.plan.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
        let mut slot = Slot::new(role, Restarts::new(self.plan.restart, seed), now);
        match self.slots.get_mut(index) {
            Some(earlier) => {
                // Its records and logs go on.
                slot.incarnation = earlier.incarnation;
                *earlier = slot;
            }
            None => self.slots.push(slot),
        }
        index
    }

    fn shrink(&mut self, scaled: Scaled, reply: Reply<Scaled>) {
        self.scaling = true;
        self.plan.routers = scaled.routers;
        let surplus = |role: Role| matches!(role, Role::Router(n) if n > scaled.routers);
        let (mut leavers, mut moved) = (Vec::new(), Vec::new());
        for (child, slot) in self.slots.iter_mut().enumerate() {
            if surplus(slot.role) && slot.place == Place::Member {
                slot.place = Place::Leaving;
                slot.restart_due = None;
                let name = slot.name.clone();
                let at = self.plan.addresses;
                let Role::Router(n) = slot.role else { continue };
                let back =
                    json!({ "cmd": "add", "name": name, "traffic": at.router(n), "health": at.health(n) });
                leavers.push(Leaver { name, child, back });
                moved.push(child);
            }
        }
        let (lb, patience) = (self.plan.control_socket(Role::Lb), self.plan.router.drain_timeout);
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let result = part(&lb, &leavers, patience, &commands).await;
            let done = Step::Done {
                scaled,
                moved,
                result,
                reply,
            };
            step(&commands, done).await;
        });
    }

    pub(super) fn on_scale_step(&mut self, step: Step) {
        match step {
            Step::Dismiss { child, signal, gone } => self.dismiss(child, signal, Some(gone)),
            Step::Done {
                scaled,
                moved,
                result,
                reply,
            } => {
                self.scaling = false;
                let who = "scale".to_owned();
                let answer = match result {
                    Err(Setback::Undone(why)) => {
                        self.undo(scaled, moved);
                        Err(FleetError::Refused { who, why })
                    }
                    done => {
                        self.plan.routers = scaled.routers;
                        let Scaled { before, routers } = scaled;
                        self.hub.tell(clock::now(), Event::Scaled { before, routers });
                        match done {
                            Err(Setback::Done(why)) => Err(FleetError::Refused { who, why }),
                            _ => Ok(scaled),
                        }
                    }
                };
                let _ = reply.send(answer);
            }
        }
    }

    /// New routers go again, surplus ones stay.
    fn undo(&mut self, Scaled { before, routers }: Scaled, moved: Vec<usize>) {
        self.plan.routers = before;
        for child in moved {
            if routers > before {
                self.slots[child].place = Place::Leaving;
                self.dismiss(child, Signal::KILL, None);
            } else {
                let slot = &mut self.slots[child];
                slot.place = Place::Member;
                if slot.process.is_none() && !slot.restarts.gave_up() {
                    self.spawn(child);
                }
            }
        }
    }

    fn dismiss(&mut self, child: usize, signal: Signal, gone: Option<Reply<()>>) {
        let slot = &mut self.slots[child];
        slot.restart_due = None;
        let deaf = slot.truth == Truth::Hung || slot.pause.is_some();
        match &slot.process {
            Some(process) => {
                let _ = process.signal(if deaf { Signal::KILL } else { signal });
                slot.leaving = gone;
            }
            None => {
                slot.place = Place::Out;
                if let Some(gone) = gone {
                    let _ = gone.send(Ok(()));
                }
            }
        }
    }
}

/// Adds each when it is ready, which may take until `limit`.
async fn join(lb: &Path, newcomers: Vec<Newcomer>, limit: Duration) -> Result<(), String> {
    let deadline = clock::now() + limit;
    for Newcomer { name, request, ready } in newcomers {
        tokio::select! {
            ready = ready => ready.map_err(|_| format!("{name} died before it was ready; `resetlab logs {name}` says why"))?,
            () = clock::until(deadline) => return Err(format!("{name} was not ready within {limit:?}")),
        }
        let added = ask(lb, &request).await;
        added.map_err(|e| format!("the balancer did not add {name}: {e}"))?;
    }
    Ok(())
}

/// Takes all out of the balancer, waits for what they have in flight, lets them end.
async fn part(
    lb: &Path,
    leavers: &[Leaver],
    patience: Duration,
    commands: &mpsc::WeakSender<Command>,
) -> Result<(), Setback> {
    for (index, Leaver { name, .. }) in leavers.iter().enumerate() {
        let removed = ask(lb, &json!({ "cmd": "remove", "name": name })).await;
        if let Err(e) = removed {
            for Leaver { back, .. } in &leavers[..index] {
                let _ = ask(lb, back).await; // a balancer that is gone starts with all of them
            }
            return Err(Setback::Undone(format!(
                "the balancer did not remove {name}: {e}"
            )));
        }
    }
    let busy = quiet(lb, leavers, clock::now() + patience).await;
    let dismissals = leavers
        .iter()
        .map(|leaver| dismiss(commands.clone(), leaver.child));
    for dismissal in dismissals.map(tokio::spawn).collect::<Vec<_>>() {
        let _ = dismissal.await; // it does not panic
    }
    match busy {
        0 => Ok(()),
        n => Err(Setback::Done(format!(
            "done, but {n} requests were still under way there after the drain-timeout of {patience:?} and were cut"
        ))),
    }
}

/// Waits until the balancer has nothing under way at them; tells how much it has when the time is up.
async fn quiet(lb: &Path, leavers: &[Leaver], deadline: Timestamp) -> u64 {
    loop {
        let shown = ask(lb, &json!({ "cmd": "show" })).await.unwrap_or_default();
        let leaves = |backend: &&Value| {
            leavers
                .iter()
                .any(|leaver| backend["name"] == leaver.name.as_str())
        };
        let leaving = shown["leaving"].as_array().into_iter().flatten();
        let busy = leaving
            .filter(leaves)
            .filter_map(|backend| backend["in_flight"].as_u64())
            .sum();
        let now = clock::now();
        if busy == 0 || now >= deadline {
            return busy;
        }
        clock::until((now + LOOK).min(deadline)).await;
    }
}

/// Lets a router end, the hard way if it takes too long.
async fn dismiss(commands: mpsc::WeakSender<Command>, child: usize) {
    for signal in [Signal::TERM, Signal::KILL] {
        let (gone, is_gone) = oneshot::channel();
        step(&commands, Step::Dismiss { child, signal, gone }).await;
        tokio::select! {
            _ = is_gone => return,
            () = clock::until(clock::now() + STOP) => {}
        }
    }
}

async fn step(commands: &mpsc::WeakSender<Command>, step: Step) {
    if let Some(commands) = commands.upgrade() {
        let _ = commands.send(Command::ScaleStep(Box::new(step))).await;
    }
}
