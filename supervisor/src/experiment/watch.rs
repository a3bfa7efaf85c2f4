//! The records of a running experiment, kept as they arrive, and waiting for the next one that matters.

use super::healthy::Answers;
use super::measure::Teller;
use super::measure::checks::By;
use crate::fleet::Records;
use crate::process::Entry;
use router::clock::{self, Timestamp};
use router::record::{Belief, Event, Record};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a wait ended without the record.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    #[error("not seen within {:.1} s", .0.as_secs_f64())]
    Late(Duration),
    #[error("the event stream ended")]
    Closed,
}

/// Keeps what measuring needs of the record stream, and knows what the balancer is and believes.
pub struct Watch {
    stream: Records,
    /// Where each process's output is.
    pub logs: PathBuf,
    /// The balancer and what it tells; lb-sim until a real one has said what it is.
    pub teller: Teller,
    /// Whose records of checks count.
    pub checks_by: By,
    /// Everything since the last [`Watch::forget`], in order of arrival.
    pub records: Vec<Record>,
    beliefs: BTreeMap<String, (Belief, Option<Timestamp>)>,
    /// The latest totals of the load: sent, ok, lost.
    pub load: (u64, u64, u64),
    /// How long healthy routers took to answer.
    pub answers: Answers,
}

impl Watch {
    /// `dir` is the run's.
    pub fn new(stream: Records, dir: &Path) -> Watch {
        Watch {
            stream,
            logs: dir.join("logs"),
            teller: Teller::default(),
            checks_by: By::Balancer,
            records: Vec::new(),
            beliefs: BTreeMap::new(),
            load: (0, 0, 0),
            answers: Answers::default(),
        }
    }

    /// A real balancer stands in lb-sim's place.
    pub fn is_real(&self) -> bool {
        self.teller != Teller::default()
    }

    /// The balancer gives it requests; so it does until it has said otherwise, and as far as anybody knows where it
    /// says nothing.
    pub fn in_use(&self, router: &str) -> bool {
        let belief = self.beliefs.get(router).map(|(belief, _)| *belief);
        matches!(belief, None | Some(Belief::Up | Belief::GoingDown))
    }

    /// The balancer has said that it gives it requests.
    pub fn is_told_in_use(&self, router: &str) -> bool {
        self.beliefs.contains_key(router) && self.in_use(router)
    }

    /// When its ejection ends, if it is ejected.
    pub fn ejected_until(&self, router: &str) -> Option<Timestamp> {
        self.beliefs.get(router).and_then(|(_, until)| *until)
    }

    /// The latest kept record that is `wanted`.
    pub fn find(&self, wanted: impl Fn(&Record) -> bool) -> Option<&Record> {
        self.records.iter().rev().find(|record| wanted(record))
    }

    /// A record that is `wanted`, kept already or to come. Cancel-safe.
    pub async fn find_or_wait(
        &mut self,
        deadline: Timestamp,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Record, Missed> {
        if let Some(record) = self.find(&wanted) {
            return Ok(record.clone());
        }
        self.wait(deadline, wanted).await
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

    /// Takes in the next record, if one comes before the end of a wait that began at `begun`.
    pub async fn next_by(&mut self, begun: Timestamp, deadline: Timestamp) -> Result<Record, Missed> {
        self.wait(deadline, |_| true)
            .await
            .map_err(|missed| match missed {
                Missed::Late(_) => Missed::Late(deadline.since(begun)),
                Missed::Closed => Missed::Closed,
            })
    }

    /// Takes in records until `holds`.
    pub async fn until(&mut self, deadline: Timestamp, holds: impl Fn(&Watch) -> bool) -> Result<(), Missed> {
        let begun = clock::now();
        while !holds(self) {
            self.next_by(begun, deadline).await?;
        }
        Ok(())
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
        self.answers.on_record(record);
        match &record.event {
            Event::Belief {
                router, to, until_ns, ..
            } => {
                // Down in between says nothing of its ejection, which may outlast it.
                let before = self.beliefs.get(router).and_then(|(_, until)| *until);
                let until = until_ns.or(before).filter(|_| *to != Belief::Up);
                self.beliefs.insert(router.clone(), (*to, until));
            }
            Event::Tick { sent, ok, lost, .. } => {
                self.load = (*sent, *ok, *lost);
                return;
            }
            Event::Latencies { .. } => return,
            Event::Engine { .. } => {
                if let Some(teller) = Teller::of(record) {
                    (self.teller, self.checks_by) = (teller, By::Router);
                }
            }
            Event::Probe { .. } => self.checks_by = By::Balancer,
            _ => {}
        }
        self.records.push(record.clone());
    }
}
