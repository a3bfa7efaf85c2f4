//! When a victim that was brought back is used again.

use super::{Rules, TrialError, missed};
use crate::experiment::measure::revives;
use crate::experiment::watch::Watch;
use router::clock::{self, Timestamp};
use router::record::{Event, Fault, Record};
use std::path::{Path, PathBuf};

/// Until `router`, which was told to come back at `revived`, has served a request: by the balancer's word, and where it
/// gives none, by the router's own log.
pub(super) async fn readmitted(
    watch: &mut Watch,
    rules: &Rules,
    router: &str,
    revived: Timestamp,
) -> Result<(), TrialError> {
    let alive = |record: &Record| record.at >= revived && revives(record, router);
    let started = watch.find_or_wait(clock::now() + rules.start, alive).await;
    started.map_err(missed("waiting for the router to serve again"))?;
    let served = |record: &Record| {
        record.at >= revived && matches!(&record.event, Event::Readmitted { router: r, .. } if r == router)
    };
    let told = watch.teller.belief;
    if told && watch.in_use(router) && watch.find(served).is_none() {
        // Not noticed so far, or a failed check short of `fall`: there is nothing to come back from, unless one
        // more interval shows that it is noticed still.
        let watched = watch.collect(clock::now() + rules.interval).await;
        watched.map_err(missed("after an unnoticed fault"))?;
        if watch.in_use(router) {
            return Ok(());
        }
    }
    let ejected = watch.ejected_until(router).unwrap_or_default();
    let deadline = clock::now().max(ejected) + rules.readmission;
    if told {
        let seen = watch.find_or_wait(deadline, served).await;
        return seen.map(drop).map_err(missed(USED));
    }
    if rules.spec.fault == Fault::Hang {
        // What had waited at it is served first, and is no sign of a new request.
        let waited = watch.collect(clock::now() + rules.attempt).await;
        waited.map_err(missed(USED))?;
    }
    let log = AccessLog::of(watch, router);
    if watch.find(served).is_some() {
        return Ok(());
    }
    // The log is looked at whenever something is heard: the load tells its totals ten times a second.
    let used = watch.wait(deadline, |record| served(record) || log.has_grown());
    used.await.map(drop).map_err(missed(USED))
}

const USED: &str = "waiting for the router to be used again";

/// A router's log of the requests it served.
struct AccessLog {
    path: PathBuf,
    length: u64,
}

impl AccessLog {
    fn of(watch: &Watch, router: &str) -> AccessLog {
        let path = watch.logs.join(format!("{router}.stdout.log"));
        let length = length(&path);
        AccessLog { path, length }
    }

    fn has_grown(&self) -> bool {
        length(&self.path) > self.length
    }
}

/// A file that is not there has nothing in it.
fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
