//! The control thread: the balancer's deadlines and checks, and what it tells the others.

use super::admin;
use super::decision::Decision;
use super::probe::{self, Ended};
use super::sentinel::{Loss, Sentinel};
use super::table::{Member, Shared};
use super::totals::{Rate, Totals};
use super::traffic::Seen;
use crate::core::{
    Action, BackendId, Balancer, Check, CheckSettings, Initial, PassiveSettings, ProbeId, SettingError,
    Settings, Verdict,
};
use router::clock::{self, Timestamp};
use router::record::{Event, ProbeResult};
use router::worker::Events;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, spawn_local};

/// What the control thread is born with.
pub struct Start {
    pub settings: Settings,
    pub members: Arc<[Arc<Member>]>,
    pub shared: Arc<Shared>,
    /// What the data thread has seen of failed attempts.
    pub attempts: mpsc::UnboundedReceiver<Seen>,
    pub events: Events,
    pub seed: u64,
    /// Answer on this Unix socket.
    pub admin: Option<PathBuf>,
    /// Where clients are accepted, for the `ready` record.
    pub listen: SocketAddr,
}

/// Runs until the thread's runtime is dropped; returns only an error of the admin socket. Needs a `LocalSet`.
pub async fn run(mut start: Start) -> io::Error {
    let (ended, mut results) = mpsc::unbounded_channel();
    let (lost, mut losses) = mpsc::unbounded_channel();
    let (_, none) = mpsc::unbounded_channel();
    let mut attempts = std::mem::replace(&mut start.attempts, none);
    let admin = start.admin.clone();
    let ready = ready(&start);
    let control = Rc::new(RefCell::new(Control::new(start, ended, lost)));
    let mut admin = std::pin::pin!(admin::serve(admin, control.clone()));
    // The first poll binds the socket: whoever reads `ready` may connect.
    if let Some(error) = poll_fn(|context| match admin.as_mut().poll(context) {
        Poll::Ready(error) => Poll::Ready(Some(error)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
    {
        return error;
    }
    control.borrow().announce(ready);
    let replan = control.borrow().replan.clone();
    let shared = control.borrow().shared.clone();
    loop {
        control.borrow_mut().attend(clock::now());
        let deadline = control.borrow().next_deadline();
        tokio::select! {
            // Results first: a check that has ended in time must not expire because we were busy.
            biased;
            Some(result) = results.recv() => {
                let mut control = control.borrow_mut();
                control.ended(result);
                while let Ok(result) = results.try_recv() {
                    control.ended(result);
                }
            }
            Some(loss) = losses.recv() => control.borrow_mut().connection_lost(loss),
            Some(seen) = attempts.recv() => {
                let mut control = control.borrow_mut();
                control.attempt_seen(seen);
                while let Ok(seen) = attempts.try_recv() {
                    control.attempt_seen(seen);
                }
            }
            () = shared.first_attempt() => control.borrow_mut().balancer.on_traffic(),
            () = replan.notified() => {}
            error = &mut admin => return error,
            () = until(deadline) => {}
        }
    }
}

/// The balancer and everything around it that only this thread touches.
pub struct Control {
    pub balancer: Balancer,
    pub settings: Settings,
    /// Those of its checks, for the checks under way.
    asked: Rc<CheckSettings>,
    pub members: Arc<[Arc<Member>]>,
    pub shared: Arc<Shared>,
    /// The last ended check of each backend.
    pub last: Vec<Option<Ended>>,
    pub rate: Rate,
    /// What each backend's last change of use was, and why.
    pub decisions: Vec<Decision>,
    pub(super) events: Events,
    pub(super) sentinels: Vec<Sentinel>,
    sentinels_held: bool,
    losses: mpsc::UnboundedSender<Loss>,
    totals: Totals,
    pub(super) running: Vec<Vec<Running>>,
    pub(super) since: Vec<Timestamp>,
    /// Of the table published last.
    pub(super) version: u64,
    results: mpsc::UnboundedSender<Ended>,
    pub(super) replan: Rc<Notify>,
}

/// A check under way. Two at a time at most: polling's and the sentinel's.
pub(super) struct Running {
    probe: ProbeId,
    /// When the sentinel connection had ended, if that started the check.
    lost: Option<Timestamp>,
    pub(super) task: AbortHandle,
    started: Rc<Cell<Timestamp>>,
}

impl Control {
    fn new(
        start: Start,
        results: mpsc::UnboundedSender<Ended>,
        losses: mpsc::UnboundedSender<Loss>,
    ) -> Control {
        let now = clock::now();
        let count = start.members.len();
        let mut balancer = Balancer::new(start.settings.check.clone(), count as u32, now, start.seed);
        balancer.apply_passive(now, passive(&start.settings));
        Control {
            balancer,
            decisions: vec![Decision::first(&start.settings.check); count],
            sentinels_held: false,
            sentinels: (0..count).map(|_| Sentinel::default()).collect(),
            losses,
            totals: Totals::default(),
            asked: Rc::new(start.settings.check.clone()),
            settings: start.settings,
            members: start.members,
            shared: start.shared,
            last: vec![None; count],
            rate: Rate::default(),
            events: start.events,
            running: (0..count).map(|_| Vec::new()).collect(),
            since: vec![now; count],
            version: 0,
            results,
            replan: Rc::new(Notify::new()),
        }
    }

    /// Changes settings while running; on error nothing changes.
    pub fn set(&mut self, patch: &serde_json::Map<String, serde_json::Value>) -> Result<(), SettingError> {
        let mut next = self.settings.clone();
        next.set_json(patch)?;
        if (next.mode, next.proxy_protocol) != (self.settings.mode, self.settings.proxy_protocol) {
            return Err(SettingError::Together(
                "mode and proxy-protocol cannot change while running: start the balancer again",
            ));
        }
        self.settings = next;
        self.asked = Rc::new(self.settings.check.clone());
        let now = clock::now();
        self.balancer.apply_settings(now, self.settings.check.clone());
        if !self.settings.detectors.sentinel {
            self.balancer.forget_sentinels();
        }
        let returned = self.balancer.apply_passive(now, passive(&self.settings));
        for change in &returned {
            self.since[change.backend.index()] = now;
        }
        self.version += 1;
        self.publish();
        self.events.emit_at(now, self.settings_event());
        for change in returned {
            let reason = if self.settings.detectors.passive {
                self.over_the_share()
            } else {
                "passive detection was turned off".to_owned()
            };
            self.tell(change, reason);
        }
        self.shared.told(self.version);
        tracing::info!("settings: {}", self.settings);
        self.replan.notify_one();
        Ok(())
    }

    /// Why an ejection ended before its time.
    pub(super) fn over_the_share(&self) -> String {
        let share = self.settings.passive.max_ejected;
        format!("no more than {share} of the routers may be ejected")
    }

    fn announce(&self, ready: Event) {
        self.events.emit(ready);
        self.events.emit(self.settings_event());
        if self.settings.check.initial == Initial::Down {
            for (i, decision) in self.decisions.iter().enumerate() {
                self.believed_from_the_start(BackendId(i as u32), decision);
            }
        }
        tracing::info!("checking {} routers: {}", self.members.len(), self.settings);
    }

    fn settings_event(&self) -> Event {
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        Event::Settings { settings }
    }

    /// Does everything that is due.
    fn attend(&mut self, now: Timestamp) {
        let mut actions = Vec::new();
        self.balancer.on_deadline(now, &mut actions);
        for action in actions {
            match action {
                Action::Start { probe, .. } => self.start(probe, None),
                Action::Expire(verdict) => self.expire(now, verdict),
                Action::Return(change) => self.decide(change, "its ejection is over".to_owned()),
                Action::Overdue(overdue) => self.overdue(overdue),
            }
        }
        self.tend_sentinels();
        self.totals.tell(now, &self.shared, &self.events);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let totals = self.totals.next_deadline(&self.events);
        self.balancer.next_deadline().into_iter().chain(totals).min()
    }

    /// A sentinel connection has ended: is the router still there?
    fn connection_lost(&mut self, loss: Loss) {
        let (now, backend) = (clock::now(), loss.backend);
        if !self.sentinels[backend.index()].ended(loss) {
            return;
        }
        if let Some(Action::Start { probe, .. }) = self.balancer.on_connection_lost(now, backend) {
            self.start(probe, Some(now));
        }
    }

    fn attempt_seen(&mut self, seen: Seen) {
        let Some(change) = self.balancer.on_attempt(clock::now(), seen.backend, seen.failed) else {
            return;
        };
        let reason = format!("{} attempts in a row failed", self.settings.passive.failures);
        self.decide(change, reason);
    }

    /// Holds a sentinel connection to every router that polling believes Up.
    fn tend_sentinels(&mut self) {
        let on = self.settings.detectors.sentinel;
        if !on && !std::mem::take(&mut self.sentinels_held) {
            return;
        }
        self.sentinels_held = on;
        for (i, sentinel) in self.sentinels.iter_mut().enumerate() {
            let backend = BackendId(i as u32);
            let checking = self.balancer.checks_urgently(backend);
            if !checking {
                let forgotten = self.running[i].extract_if(.., |running| running.lost.is_some());
                forgotten.for_each(|running| running.task.abort());
            }
            let wanted = on
                && self.balancer.present(backend)
                && crate::core::health::usable(self.balancer.found(backend));
            if !wanted {
                sentinel.stop();
            } else if !checking {
                let target = self.members[i].traffic;
                sentinel.hold(backend, target, &self.settings, &self.losses);
            }
        }
    }

    fn start(&mut self, probe: ProbeId, lost: Option<Timestamp>) {
        let backend = probe.backend.index();
        let target = self.members[backend].health;
        let mut asked = self.asked.clone();
        if lost.is_some() && asked.check != Check::Http {
            // An open port says nothing here: a dying listener outlives the connection by microseconds.
            Rc::make_mut(&mut asked).check = Check::Http;
        }
        let started = Rc::new(Cell::new(clock::now()));
        let stamp = started.clone();
        let results = self.results.clone();
        let task = spawn_local(async move {
            let ended = probe::run(probe, target, &asked, &stamp).await;
            // The receiver lives as long as this thread.
            let _ = results.send(ended);
        });
        let task = task.abort_handle();
        self.running[backend].push(Running {
            probe,
            lost,
            task,
            started,
        });
    }

    fn take_running(&mut self, probe: ProbeId) -> Option<Running> {
        let running = &mut self.running[probe.backend.index()];
        let place = running.iter().position(|running| running.probe == probe)?;
        Some(running.swap_remove(place))
    }

    fn ended(&mut self, ended: Ended) {
        let lost = self.take_running(ended.probe).and_then(|running| running.lost);
        if let Some(verdict) = self.balancer.on_probe(ended.ended, ended.probe, ended.result) {
            self.conclude(ended, lost, &verdict);
        }
    }

    /// The check took too long: its task and connection go.
    fn expire(&mut self, now: Timestamp, verdict: Verdict) {
        let mut ended = Ended {
            probe: verdict.probe,
            started: verdict.started,
            ended: now,
            result: ProbeResult::Timeout,
            status: None,
        };
        let mut lost = None;
        if let Some(running) = self.take_running(verdict.probe) {
            running.task.abort();
            ended.started = running.started.get();
            lost = running.lost;
        }
        self.conclude(ended, lost, &verdict);
    }

    /// Since when the backend may, or may not, be picked.
    pub fn since(&self, backend: BackendId) -> Timestamp {
        self.since[backend.index()]
    }
}

/// How failed attempts are judged, if at all.
fn passive(settings: &Settings) -> Option<PassiveSettings> {
    settings.detectors.passive.then_some(settings.passive)
}

fn ready(start: &Start) -> Event {
    let mut addresses = BTreeMap::from([("http".to_owned(), start.listen.to_string())]);
    if let Some(path) = &start.admin {
        addresses.insert("control".to_owned(), path.display().to_string());
    }
    Event::Ready {
        pid: std::process::id(),
        addresses,
    }
}

async fn until(deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => clock::until(deadline).await,
        None => std::future::pending().await,
    }
}
