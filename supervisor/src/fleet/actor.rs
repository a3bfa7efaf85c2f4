//! The loop: one task owns all children.

use super::slot::{Role, Slot, Truth};
use super::stopping::{Phase, StopReport};
use super::{Command, FleetError, FleetPlan, LoadTotals, Reply, hub::Hub};
use crate::process::alarm::Alarm;
use crate::process::restart::{Backoff, RestartPolicy, Restarts};
use crate::process::{Birth, ChildEvent, Entry, Exit, News, Nursery, watch};
use router::clock::{self, Timestamp};
use router::record::{Belief, Event};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// A balancer, load or app that died is not part of any experiment.
const AT_ONCE: RestartPolicy = RestartPolicy::Backoff(Backoff {
    delay: Duration::from_millis(100),
    max_delay: Duration::from_secs(5),
    jitter: 0.1,
    stable: Duration::from_secs(60),
    limit: None,
});
/// Of the balancer and the load, who write a record per failed request; of the others the kernel's default.
const BIG_PIPE: i32 = 1 << 20;
const PIPE: i32 = 64 << 10;

pub(super) struct Actor {
    pub plan: FleetPlan,
    pub hub: Hub,
    pub slots: Vec<Slot>,
    pub beliefs: BTreeMap<String, Belief>,
    /// Totals of load clients that are gone, and of the present one.
    pub load_before: LoadTotals,
    pub load: LoadTotals,
    /// For results of work done elsewhere; weak, so that the fleet ends with its last handle.
    pub commands: mpsc::WeakSender<Command>,
    nursery: Nursery,
    inbox: mpsc::Receiver<Command>,
    news: mpsc::Receiver<ChildEvent>,
    to_news: mpsc::Sender<ChildEvent>,
    child_ended: Signal,
    alarm: Alarm,
    pub starting: Option<(Reply<()>, Timestamp)>,
    /// Whoever waits for a start that has failed: told why when nothing is left of it.
    pub not_started: Option<(Reply<()>, FleetError)>,
    pub stopping: Option<(Phase, Vec<oneshot::Sender<StopReport>>)>,
    pub forced: Vec<String>,
    pub scaling: bool,
    /// Descendants of children that are gone, still running.
    pub orphans: usize,
    bad_lines: u64,
}

impl Actor {
    pub fn new(
        plan: FleetPlan,
        hub: Hub,
        inbox: mpsc::Receiver<Command>,
        commands: mpsc::WeakSender<Command>,
        ready: Reply<()>,
    ) -> Result<Actor, FleetError> {
        let failed = |e: std::io::Error| FleetError::Start(e.to_string());
        let now = clock::now();
        std::fs::create_dir_all(plan.run_dir.join("logs")).map_err(failed)?;
        std::fs::write(plan.routes_file(), plan.routes()).map_err(failed)?;
        let policy = |role: Role| if role.is_router() { plan.restart } else { AT_ONCE };
        let slots = (0..).zip(plan.roles()).map(|(index, role)| {
            let seed = plan.seed.wrapping_mul(1_000_003).wrapping_add(index);
            Slot::new(role, Restarts::new(policy(role), seed), now)
        });
        let slots = slots.collect();
        let (to_news, news) = mpsc::channel(4096);
        Ok(Actor {
            hub,
            slots,
            beliefs: BTreeMap::new(),
            load_before: LoadTotals::default(),
            load: LoadTotals::default(),
            commands,
            nursery: Nursery::new(plan.program.clone()).map_err(failed)?,
            inbox,
            news,
            to_news,
            child_ended: signal(SignalKind::child()).map_err(failed)?,
            alarm: Alarm::new().map_err(failed)?,
            starting: Some((ready, now + plan.start_limit())),
            not_started: None,
            stopping: None,
            forced: Vec::new(),
            scaling: false,
            orphans: 0,
            bad_lines: 0,
            plan,
        })
    }

    pub async fn run(mut self) {
        self.start_next();
        while !self.stopped() {
            self.alarm.set(self.next_deadline());
            tokio::select! {
                command = self.inbox.recv(), if !self.inbox.is_closed() || !self.inbox.is_empty() => match command {
                    Some(command) => self.on_command(command, clock::now()),
                    None => self.stop(None),
                },
                Some(event) = self.news.recv() => self.on_news(event),
                () = self.alarm.ring() => self.on_deadline(clock::now()),
                _ = self.child_ended.recv() => self.sweep_orphans(),
            }
        }
        self.end();
    }

    /// Starts what may start now that the ones before it are ready; reports when all are.
    fn start_next(&mut self) {
        let ready = |slots: &[Slot], wanted: fn(Role) -> bool| {
            slots
                .iter()
                .filter(|slot| wanted(slot.role))
                .all(|slot| slot.truth == Truth::Up)
        };
        let base = |role| matches!(role, Role::App | Role::Router(_));
        let wave: Option<fn(Role) -> bool> = if !ready(&self.slots, base) {
            Some(base)
        } else if !ready(&self.slots, |role| role == Role::Lb) {
            Some(|role| role == Role::Lb)
        } else if !ready(&self.slots, |role| role == Role::Load) {
            Some(|role| role == Role::Load)
        } else {
            None
        };
        let Some(wave) = wave else {
            if let Some((reply, _)) = self.starting.take() {
                let _ = reply.send(Ok(()));
            }
            return;
        };
        for index in 0..self.slots.len() {
            if wave(self.slots[index].role) && self.slots[index].incarnation == 0 {
                self.spawn(index);
            }
        }
    }

    /// Starts the next incarnation; a failure to do so is treated like an early death.
    pub fn spawn(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let pipe_bytes = if matches!(slot.role, Role::Lb | Role::Load) {
            BIG_PIPE
        } else {
            PIPE
        };
        let logs = self.plan.run_dir.join("logs");
        slot.incarnation += 1;
        let arguments = self.plan.arguments(slot.role, slot.incarnation);
        slot.restart_due = None;
        slot.death = None;
        slot.injected = false;
        slot.behaviour = None;
        slot.draining = false;
        if slot.last_exit.is_some() {
            slot.restarts.on_restart();
        }
        let incarnation = slot.incarnation;
        let born = self.nursery.spawn(Birth {
            name: &slot.name,
            arguments,
            logs: &logs,
            pipe_bytes,
        });
        match born {
            Ok(child) => {
                let process = child.process.clone();
                slot.become_(Truth::Starting, process.started);
                let name = slot.name.clone();
                self.hub.tell(
                    process.started,
                    Event::Spawned {
                        name,
                        pid: process.pid,
                        incarnation,
                    },
                );
                slot.process = Some(process);
                tokio::spawn(watch(child, index, incarnation, self.to_news.clone()));
            }
            Err(e) => {
                let at = clock::now();
                let words = format!("could not be started: {e}");
                self.on_exit(
                    index,
                    Exit {
                        at,
                        code: None,
                        signal: None,
                        uptime: Duration::ZERO,
                        words,
                    },
                );
            }
        }
    }

    fn on_news(&mut self, event: ChildEvent) {
        let index = event.child;
        if self.slots[index].incarnation != event.incarnation {
            return; // of an incarnation that is history
        }
        match event.news {
            News::Record(entry) => self.on_record(index, entry),
            News::BadLine(line) => {
                self.bad_lines += 1;
                if self.bad_lines == 1 {
                    let line: String = line.chars().take(200).collect();
                    let text = format!(
                        "{} wrote a line that is not a record: {line}",
                        self.slots[index].name
                    );
                    self.hub.tell(clock::now(), Event::Note { text });
                }
            }
            News::Exited(exit) => self.on_exit(index, exit),
        }
    }

    fn on_record(&mut self, index: usize, entry: Entry) {
        let at = entry.record.at;
        let slot = &mut self.slots[index];
        let mut all_ready = false;
        let mut died = None;
        match &entry.record.event {
            Event::Ready { addresses, .. } => {
                slot.addresses = addresses.clone();
                slot.become_(Truth::Up, at);
                for awaiting in slot.awaited.drain(..) {
                    let _ = awaiting.send(());
                }
                all_ready = self.starting.is_some();
                if slot.role == Role::Lb {
                    self.beliefs.clear(); // a new balancer starts from its initial belief
                }
            }
            Event::Crash { message, variant } => died = Some((message.clone(), *variant)),
            Event::Drain { .. } => {
                // Told by us, or by a SIGUSR1 from anywhere else.
                if !std::mem::replace(&mut slot.draining, true) && slot.truth.runs() {
                    slot.become_(Truth::Draining, at);
                }
                slot.injected = true;
            }
            Event::Member {
                router,
                present: false,
            } => {
                self.beliefs.remove(router);
            }
            Event::Belief { router, to, .. } => {
                self.beliefs.insert(router.clone(), *to);
            }
            Event::Tick { sent, ok, lost, .. } => {
                self.load = LoadTotals {
                    sent: *sent,
                    ok: *ok,
                    lost: *lost,
                }
            }
            _ => {}
        }
        self.hub.publish(entry);
        if let Some((message, variant)) = died {
            self.on_crash(index, at, message, variant);
        }
        if all_ready {
            self.start_next();
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let start = self.starting.as_ref().map(|(_, deadline)| *deadline);
        let stop = self.stopping.as_ref().map(|(phase, _)| phase.deadline());
        self.slots
            .iter()
            .flat_map(|slot| [slot.restart_due, slot.pause.map(|pause| pause.until)])
            .flatten()
            .chain(start)
            .chain(stop)
            .min()
    }

    fn on_deadline(&mut self, now: Timestamp) {
        self.end_pauses(now);
        if let Some((phase, _)) = &self.stopping {
            if phase.deadline() <= now {
                self.next_phase(now);
            }
            return;
        }
        if let Some((reply, _)) = self.starting.take_if(|(_, deadline)| *deadline <= now) {
            let late = self
                .slots
                .iter()
                .filter(|slot| slot.truth != Truth::Up && slot.incarnation > 0);
            let names: Vec<&str> = late.map(|slot| slot.name.as_str()).collect();
            let limit = self.plan.start_limit();
            let why = format!("not ready after {limit:?}: {}", names.join(", "));
            self.not_started = Some((reply, FleetError::Start(why)));
            self.stop(None);
        }
        for index in 0..self.slots.len() {
            if self.slots[index].restart_due.is_some_and(|due| due <= now) {
                self.spawn(index);
            }
        }
    }
}
