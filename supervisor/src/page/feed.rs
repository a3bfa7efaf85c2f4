//! The frames, shared: one writer, readers with a cursor each and nothing else.

use super::digest::Digest;
use super::frame::{Frame, Gap, Hello, SCHEMA};
use super::ms;
use super::ring::{Limits, Piece, Ring};
use crate::budget::DAYS;
use crate::engine::Engine;
use crate::settings::{LabSettings, restart};
use lb_sim::core::settings::KEYS;
use router::clock::{self, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What the page says of a lab that never changes.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub lab: String,
    /// `haproxy 2.6.12`
    pub engine: String,
    /// How this program is called from a shell, with `--lab` where it is needed.
    pub program: String,
    /// The balancer's.
    pub url: String,
    pub started_wall: String,
    /// Of this lab and no other one.
    pub epoch: String,
    /// When it began to serve.
    pub since: Timestamp,
}

/// Where frames go, and where readers find them.
pub struct Feed {
    fixed: Fixed,
    state: Mutex<State>,
    /// Something new is there.
    news: watch::Sender<()>,
}

struct State {
    ring: Ring,
    settings: LabSettings,
    ended: bool,
    /// When a reader asked last that does not wait.
    asked: Timestamp,
}

/// What a reader gets next.
pub(super) enum Next {
    /// An event, and the cursor after it.
    Event(String, u64),
    Nothing,
    End,
}

/// A page that is seen, and does not wait, asks again within that.
const ASKS_WITHIN: Duration = Duration::from_millis(400);
/// An event of frames is about as long as that at most.
const BATCH: usize = 64 << 10;

impl Feed {
    pub fn new(fixed: Fixed, digest: &Digest) -> Feed {
        Feed::within(Limits::default(), fixed, digest)
    }

    /// One that keeps no more than that.
    pub fn within(limits: Limits, fixed: Fixed, digest: &Digest) -> Feed {
        Feed {
            fixed,
            state: Mutex::new(State {
                ring: Ring::new(digest.base(), limits),
                settings: digest.settings().clone(),
                ended: false,
                asked: Timestamp::default(),
            }),
            news: watch::Sender::new(()),
        }
    }

    /// Adds a frame of `digest`.
    pub fn push(&self, frame: Frame, digest: &Digest) {
        let mut state = self.state();
        if frame.settings.is_some() {
            state.settings.clone_from(digest.settings());
        }
        state.ring.push(frame);
        drop(state);
        self.news.send_replace(());
    }

    /// Nothing comes any more.
    pub fn end(&self) {
        self.state().ended = true;
        self.news.send_replace(());
    }

    /// Returns when nobody reads, and nobody has asked for so long that he will ask again.
    pub async fn unread(&self) {
        self.news.closed().await;
        loop {
            let quiet = self.state().asked + ASKS_WITHIN;
            if clock::now() >= quiet {
                return;
            }
            clock::until(quiet).await;
        }
    }

    /// Somebody asked what there is.
    pub(super) fn asked(&self, now: Timestamp) {
        self.state().asked = now;
    }

    /// The oldest frame that is kept, or the next: where a reader begins that knows nothing of this lab.
    pub fn first(&self) -> u64 {
        self.state().ring.first()
    }

    /// In force now.
    pub fn settings(&self) -> LabSettings {
        self.state().settings.clone()
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// When the lab began to serve.
    pub(super) fn since(&self) -> Timestamp {
        self.fixed.since
    }

    /// Where one goes on that has heard `after` last; `None`: that was not this lab's.
    pub(super) fn cursor(&self, after: Option<&str>) -> Option<u64> {
        let state = self.state();
        let heard = after.and_then(|after| match after.split_once('.') {
            Some((epoch, seq)) => seq.parse::<u64>().ok().filter(|_| epoch == self.fixed.epoch),
            None => after.parse().ok(),
        });
        // A later one than there is was another lab's.
        heard
            .filter(|heard| *heard < state.ring.next())
            .map(|heard| heard + 1)
    }

    pub(super) fn hello(&self, now: Timestamp) -> String {
        let state = self.state();
        let fixed = &self.fixed;
        let hello = Hello {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            epoch: fixed.epoch.clone(),
            lab: fixed.lab.clone(),
            engine: fixed.engine.clone(),
            program: fixed.program.clone(),
            url: fixed.url.clone(),
            started_wall: fixed.started_wall.clone(),
            now: ms(fixed.since, now),
            first_seq: state.ring.first(),
            next_seq: state.ring.next(),
            base: state.ring.base().clone(),
            live_keys: live_keys(state.settings.engine),
            slo: state.settings.slo,
            budget_days: DAYS,
        };
        event("hello", None, &json(&hello))
    }

    pub(super) fn next(&self, cursor: u64) -> Next {
        let state = self.state();
        match state.ring.read(cursor, BATCH) {
            Piece::Frames { array, last } => {
                let id = format!("{}.{last}", self.fixed.epoch);
                Next::Event(event("frames", Some(&id), &array), last + 1)
            }
            Piece::Missed(frames) => {
                let base = serde_json::to_value(state.ring.base()).ok();
                let gap = event("gap", None, &json(&Gap { frames, base }));
                Next::Event(gap, state.ring.first())
            }
            Piece::Nothing if state.ended => Next::End,
            Piece::Nothing => Next::Nothing,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Frames of a panicked writer are old, not wrong.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that a running lab takes.
fn live_keys(engine: Engine) -> Vec<&'static str> {
    // A real one takes its settings at its start.
    let balancer = KEYS
        .into_iter()
        .filter(|key| !["mode", "proxy-protocol"].contains(key));
    let balancer = balancer.filter(|_| engine == Engine::LbSim);
    ["rate"]
        .into_iter()
        .chain(restart::KEYS)
        .chain(balancer)
        .collect()
}

/// An event as the wire has it; JSON has no line ends of its own.
pub(super) fn event(name: &str, id: Option<&str>, data: &str) -> String {
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    format!("event: {name}\n{id}data: {data}\n\n")
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
