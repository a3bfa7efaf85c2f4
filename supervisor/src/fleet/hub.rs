//! Where records go: the journal, the one who must have all of them, and whoever listens.

use crate::lab::{Journal, JournalReport};
use crate::process::Entry;
use router::clock::Timestamp;
use router::record::{Event, Record};
use tokio::sync::{broadcast, mpsc};

/// Listeners that lag behind by more than this lose the oldest records; the lab never waits for them.
const LIVE_RECORDS: usize = 16_384;

pub(super) struct Hub {
    journal: Option<Journal>,
    all: mpsc::UnboundedSender<Entry>,
    pub live: broadcast::Sender<Entry>,
}

impl Hub {
    pub fn new(journal: Option<Journal>) -> (Hub, super::Records) {
        let (all, records) = mpsc::unbounded_channel();
        (
            Hub {
                journal,
                all,
                live: broadcast::Sender::new(LIVE_RECORDS),
            },
            records,
        )
    }

    pub fn publish(&self, entry: Entry) {
        if let Some(journal) = &self.journal {
            journal.write(&entry);
        }
        // Nobody has to listen.
        let _ = self.live.send(entry.clone());
        let _ = self.all.send(entry);
    }

    /// A record of the supervisor's own.
    pub fn tell(&self, at: Timestamp, event: Event) {
        self.publish(Entry::new(Record {
            at,
            from: "supervisor".into(),
            event,
        }));
    }

    pub fn close(self) -> JournalReport {
        self.journal.map(Journal::close).unwrap_or_default()
    }
}
