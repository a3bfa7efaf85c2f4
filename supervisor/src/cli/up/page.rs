//! The page of a lab: where it is, and what it is told.

use super::super::Failure;
use crate::control::LabFacts;
use crate::lab::Addresses;
use crate::page::{Digest, Feed, Fixed, Token, guard};
use crate::process::Entry;
use crate::settings::{LabSettings, ServedAt};
use crate::story::{Line, Story, Tone};
use router::clock::{self, Timestamp};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

/// The loopback port of the page.
pub(super) enum Paged {
    Off,
    At {
        listener: TcpListener,
        address: SocketAddr,
        token: Token,
        /// Why it is not where it is looked for first.
        moved: Option<String>,
    },
    /// Why it cannot be where nobody asked for it: no reason to have no lab.
    Taken(String),
}

/// Ports that are tried at the lab's own address, from the usual one on.
const PORTS: u16 = 10;
/// Each frame's time.
const FRAME: Duration = Duration::from_millis(100);
/// Readers hear of the end within that, or not at all.
const LAST_WORD: Duration = Duration::from_millis(500);

impl Paged {
    pub fn bind(at: ServedAt, addresses: &Addresses) -> Result<Paged, Failure> {
        let found = match at {
            ServedAt::Off => return Ok(Paged::Off),
            ServedAt::At(address) => {
                let bound = router::listen::bind(address, "--page");
                bound
                    .map(|listener| (listener, None))
                    .map_err(|e| Failure::new(2, e))?
            }
            ServedAt::Lab => match nearest(addresses.page()) {
                Ok(found) => found,
                Err(why) => return Ok(Paged::Taken(why)),
            },
        };
        let (listener, moved) = found;
        let address = listener.local_addr().map_err(|e| Failure::new(1, e))?;
        let token = Token::random().map_err(|e| Failure::new(1, format!("no token for the page: {e}")))?;
        Ok(Paged::At {
            listener,
            address,
            token,
            moved,
        })
    }

    /// With the token, behind what browsers send.
    pub fn url(&self) -> Option<String> {
        match self {
            Paged::At { address, token, .. } => Some(format!("http://{address}/#token={token}")),
            Paged::Off | Paged::Taken(_) => None,
        }
    }

    /// What a person should know who looks for it at the usual place.
    pub fn note(&self) -> Option<String> {
        match self {
            Paged::At { moved, .. } => moved.clone(),
            Paged::Taken(why) => Some(format!("no page for browsers: {why}")),
            Paged::Off => None,
        }
    }
}

/// The first free port from `usual` on, and why it is not that one; the error says why there is none.
fn nearest(usual: SocketAddr) -> Result<(TcpListener, Option<String>), String> {
    let mut why: Option<String> = None;
    for port in usual.port()..usual.port() + PORTS {
        match router::listen::bind(SocketAddr::new(usual.ip(), port), "--page") {
            Ok(listener) => {
                let moved = why.map(|why| format!("the page is at port {port}: {why}"));
                return Ok((listener, moved));
            }
            Err(e) => {
                why.get_or_insert(e.to_string());
            }
        }
    }
    Err(why.unwrap_or_default())
}

/// What makes frames of a lab's life.
pub(super) struct Live {
    pub feed: Arc<Feed>,
    digest: Digest,
    due: Timestamp,
}

impl Live {
    /// Serving `since` then, by both clocks; `program`: how it is called from a shell, with its lab.
    pub fn new(
        facts: &LabFacts,
        settings: &LabSettings,
        (since, wall): (Timestamp, SystemTime),
        program: String,
    ) -> Result<Live, Failure> {
        let epoch = guard::random_hex(8).map_err(|e| Failure::new(1, e))?;
        let digest = Digest::new(settings.clone(), since);
        let fixed = Fixed {
            lab: facts.name.clone(),
            engine: facts.balancer(),
            program,
            url: facts.url.clone(),
            started_wall: humantime::format_rfc3339_millis(wall).to_string(),
            epoch,
            since,
        };
        Ok(Live {
            feed: Arc::new(Feed::new(fixed, &digest)),
            digest,
            due: since + FRAME,
        })
    }

    pub fn record(&mut self, entry: &Entry) {
        self.digest.on_record(&entry.record);
    }

    /// One that arrives while the lab stops.
    pub fn join(&mut self, entry: &Entry) {
        self.digest.join(&entry.record);
    }

    pub fn lines(&mut self, lines: &[Line]) {
        self.digest.on_lines(lines);
    }

    pub fn note(&mut self, text: &str) {
        self.lines(&[Line {
            at: clock::now(),
            tone: Tone::Plain,
            text: text.to_owned(),
        }]);
    }

    /// When [`Live::flush`] is to be called next.
    pub fn next_deadline(&self) -> Timestamp {
        self.due
    }

    pub fn flush(&mut self, now: Timestamp, story: &Story) {
        if let Some(frame) = self.digest.flush(now, story) {
            self.feed.push(frame, &self.digest);
        }
        self.due = now + FRAME;
    }

    /// Tells what is left and that it was the last; returns when all who listen have heard it.
    pub async fn end(mut self, story: &Story) {
        self.flush(clock::now(), story);
        self.feed.end();
        let late = clock::now() + LAST_WORD;
        tokio::select! {
            () = self.feed.unread() => {}
            () = clock::until(late) => {}
        }
    }
}
