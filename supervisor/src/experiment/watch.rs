//! The records of a running experiment, kept as they arrive, and waiting for the next one that matters.

use crate::fleet::Records;
use crate::process::Entry;
use router::clock::{self, Timestamp};
use router::record::{Belief, Event, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a wait ended without the record.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    #[error("not seen within {0:?}")]
    Late(Duration),
    #[error("the event stream ended")]
    Closed,
}

/// Keeps what measuring needs of the record stream, and knows each router's belief.
pub struct Watch {
    stream: Records,
    /// Everything since the last [`Watch::forget`], in order of arrival.
    pub records: Vec<Record>,
    beliefs: BTreeMap<String, Belief>,
    /// The latest totals of the load: sent, ok, lost.
    pub load: (u64, u64, u64),
}

impl Watch {
    pub fn new(stream: Records) -> Watch {
        Watch {
            stream,
            records: Vec::new(),
            beliefs: BTreeMap::new(),
            load: (0, 0, 0),
        }
    }

    /// The balancer's opinion; Up until it said otherwise.
    pub fn belief(&self, router: &str) -> Belief {
        self.beliefs.get(router).copied().unwrap_or(Belief::Up)
    }

    /// Waits until `wanted` holds for an arriving record and returns it. Cancel-safe.
    pub async fn wait(
        &mut self,
        deadline: Timestamp,
        mut wanted: impl FnMut(&Record) -> bool,
    ) -> Result<Record, Missed> {
        let begun = clock::now();
        loop {
            let record = tokio::select! {
                biased;
                record = self.next() => record?,
                () = clock::until(deadline) => return Err(Missed::Late(deadline.since(begun))),
            };
            if wanted(&record) {
                return Ok(record);
            }
        }
    }

    /// Takes in the next record, if one comes in time.
    pub async fn next_by(&mut self, deadline: Timestamp) -> Result<Record, Missed> {
        self.wait(deadline, |_| true).await
    }

    /// Takes in everything until `deadline`.
    pub async fn collect(&mut self, deadline: Timestamp) -> Result<(), Missed> {
        match self.wait(deadline, |_| false).await {
            Err(Missed::Late(_)) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Takes in what has arrived already.
    pub fn take_all(&mut self) {
        while let Ok(Entry { record, .. }) = self.stream.try_recv() {
            self.keep(&record);
        }
    }

    async fn next(&mut self) -> Result<Record, Missed> {
        let Entry { record, .. } = self.stream.recv().await.ok_or(Missed::Closed)?;
        self.keep(&record);
        Ok(record)
    }

    fn keep(&mut self, record: &Record) {
        match &record.event {
            Event::Belief { router, to, .. } => {
                self.beliefs.insert(router.clone(), *to);
            }
            Event::Tick { sent, ok, lost, .. } => {
                self.load = (*sent, *ok, *lost);
                return;
            }
            Event::CheckSeen { .. } => return,
            _ => {}
        }
        self.records.push(record.clone());
    }
}
