//! The control thread: the balancer's deadlines and checks, and what it tells the others.

use super::admin;
use super::probe::{self, Ended};
use super::story::Story;
use super::table::{Member, Shared, Table};
use crate::core::{Action, BackendId, Balancer, SettingError, Settings, Verdict};
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
    pub events: Events,
    pub seed: u64,
    /// Answer on this Unix socket.
    pub admin: Option<PathBuf>,
    /// Where clients are accepted, for the `ready` record.
    pub listen: SocketAddr,
}

/// Runs until the thread's runtime is dropped; returns only an error of the admin socket. Needs a `LocalSet`.
pub async fn run(start: Start) -> io::Error {
    let (ended, mut results) = mpsc::unbounded_channel();
    let admin = start.admin.clone();
    let ready = ready(&start);
    let control = Rc::new(RefCell::new(Control::new(start, ended)));
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
    loop {
        control.borrow_mut().attend(clock::now());
        let deadline = control.borrow().balancer.next_deadline();
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
    pub members: Arc<[Arc<Member>]>,
    pub shared: Arc<Shared>,
    /// The last ended check of each backend.
    pub last: Vec<Option<Ended>>,
    pub rate: Rate,
    events: Events,
    running: Vec<Option<Running>>,
    since: Vec<Timestamp>,
    /// Of the table published last.
    version: u64,
    results: mpsc::UnboundedSender<Ended>,
    replan: Rc<Notify>,
}

struct Running {
    task: AbortHandle,
    started: Rc<Cell<Timestamp>>,
}

impl Control {
    fn new(start: Start, results: mpsc::UnboundedSender<Ended>) -> Control {
        let now = clock::now();
        let count = start.members.len();
        Control {
            balancer: Balancer::new(start.settings.check.clone(), count as u32, now, start.seed),
            settings: start.settings,
            members: start.members,
            shared: start.shared,
            last: vec![None; count],
            rate: Rate::default(),
            events: start.events,
            running: (0..count).map(|_| None).collect(),
            since: vec![now; count],
            version: 0,
            results,
            replan: Rc::new(Notify::new()),
        }
    }

    /// Changes settings while running; on error nothing changes.
    pub fn set(&mut self, patch: &serde_json::Map<String, serde_json::Value>) -> Result<(), SettingError> {
        self.settings.set_json(patch)?;
        let now = clock::now();
        self.balancer.apply_settings(now, self.settings.check.clone());
        self.version += 1;
        self.publish();
        self.events.emit_at(now, self.settings_event());
        self.shared.told(self.version);
        tracing::info!("settings: {}", self.settings);
        self.replan.notify_one();
        Ok(())
    }

    fn announce(&self, ready: Event) {
        self.events.emit(ready);
        self.events.emit(self.settings_event());
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
                Action::Start { probe, .. } => self.start(probe),
                Action::Expire(verdict) => self.expire(now, verdict),
            }
        }
    }

    fn start(&mut self, probe: crate::core::ProbeId) {
        let backend = probe.backend.index();
        let target = self.members[backend].health;
        let (check, path) = (self.settings.check.check, self.settings.check.path.clone());
        let started = Rc::new(Cell::new(clock::now()));
        let stamp = started.clone();
        let results = self.results.clone();
        let task = spawn_local(async move {
            let ended = probe::run(probe, target, check, &path, &stamp).await;
            // The receiver lives as long as this thread.
            let _ = results.send(ended);
        });
        let task = task.abort_handle();
        self.running[backend] = Some(Running { task, started });
    }

    fn ended(&mut self, ended: Ended) {
        if let Some(verdict) = self.balancer.on_probe(ended.ended, ended.probe, ended.result) {
            self.running[ended.probe.backend.index()] = None;
            self.conclude(ended, &verdict);
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
        if let Some(running) = self.running[verdict.probe.backend.index()].take() {
            running.task.abort();
            ended.started = running.started.get();
        }
        self.conclude(ended, &verdict);
    }

    fn conclude(&mut self, ended: Ended, verdict: &Verdict) {
        let backend = ended.probe.backend;
        let name = &self.members[backend.index()].name;
        let story = Story::new(name, &ended, verdict, &self.settings.check);
        // Traffic first: once the belief can be read, no new attempt goes there. Then the records, before those of the
        // data thread that follow from them; then whatever may block.
        let changes_use = verdict.transition.is_some_and(|change| change.changes_use());
        if changes_use {
            self.since[backend.index()] = clock::now();
            self.version += 1;
            self.publish();
        }
        story.record(&self.events);
        if changes_use {
            self.shared.told(self.version);
        }
        story.say();
        self.last[backend.index()] = Some(ended);
        self.rate.count(ended.ended);
    }

    fn publish(&self) {
        self.shared.publish(Table {
            version: self.version,
            settings: self.settings.clone(),
            members: self.members.clone(),
            usable: self.balancer.usable().collect(),
            since: self.since.clone(),
        });
    }

    /// Since when the backend may, or may not, be picked.
    pub fn since(&self, backend: BackendId) -> Timestamp {
        self.since[backend.index()]
    }
}

/// Checks that ended per second, over the last ten whole seconds.
#[derive(Default)]
pub struct Rate {
    /// Second of the monotonic clock → checks in it.
    seconds: BTreeMap<u64, u32>,
    first: Option<u64>,
}

impl Rate {
    const SPAN: u64 = 10;

    fn count(&mut self, at: Timestamp) {
        let second = at.0 / 1_000_000_000;
        self.first.get_or_insert(second);
        *self.seconds.entry(second).or_default() += 1;
        while self.seconds.len() as u64 > Self::SPAN + 1 {
            self.seconds.pop_first();
        }
    }

    /// 0 in the first second.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let second = now.0 / 1_000_000_000;
        let from = second
            .saturating_sub(Self::SPAN)
            .max(self.first.unwrap_or(second));
        let checks: u32 = self.seconds.range(from..second).map(|(_, count)| count).sum();
        if from == second {
            0.0
        } else {
            f64::from(checks) / (second - from) as f64
        }
    }
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
