//! One trial on a live fleet: wait until all is well, hit one router at the planned phase, hold it dead until the
//! balancer knows, revive it, wait for its first served request.

use super::measure::Anchor;
use super::plan::Death;
use super::watch::{Missed, Watch};
use crate::fleet::FleetHandle;
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Belief, Event, Fault, Stamp};
use std::time::Duration;

/// What a trial needs to know of the run.
#[derive(Clone, Debug)]
pub struct Rules {
    pub fault: Fault,
    pub anchor: Anchor,
    pub interval: Duration,
    /// Theory's longest `t_detect` plus one interval: then the balancer has missed it.
    pub give_up: Duration,
    /// `None`: held dead until the balancer believes Down. Otherwise restarted (or resumed) this long after the death.
    pub restart_delay: Option<Duration>,
    /// Longest life of an attempt: connect plus response timeout.
    pub attempt: Duration,
    /// Longest wait for a Down router to be believed Up and used again.
    pub readmission: Duration,
}

/// A death that happened, to be measured when its outcomes are in.
#[derive(Clone, Debug)]
pub struct Happened {
    pub router: String,
    pub death: (Timestamp, Stamp),
    /// Records from here on belong to the trial.
    pub since: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("{what}: {source}; the logs in the run directory tell more")]
    Missed { what: String, source: Missed },
    #[error("{0}")]
    Fleet(String),
}

/// Runs one trial. Cancel-safe in the sense that the fleet's end heals whatever it left.
pub async fn run(
    fleet: &FleetHandle,
    watch: &mut Watch,
    rules: &Rules,
    plan: Death,
) -> Result<Happened, TrialError> {
    let router = format!("router-{}", plan.router + 1);
    let aim = aim(watch, rules, &router, plan.phase).await?;
    let since = aim - rules.interval - rules.attempt;
    watch
        .collect(aim)
        .await
        .map_err(missed("waiting for the planned phase"))?;

    let injected = fleet
        .inject(&router, Spec::new(rules.fault))
        .await
        .map_err(|e| TrialError::Fleet(e.to_string()))?;
    let stamp = match rules.fault {
        Fault::Crash => Stamp::Crash,
        _ => Stamp::Signal,
    };
    let died = (injected.at, stamp);

    match rules.restart_delay {
        Some(delay) => watch
            .collect(died.0 + delay)
            .await
            .map_err(missed("holding the router dead"))?,
        None => hold(watch, rules, &router, died.0).await?,
    }
    let revived = clock::now();
    match rules.fault {
        Fault::Hang => fleet.resume(&router).await,
        _ => fleet.restart_now(&router).await,
    }
    .map_err(|e| TrialError::Fleet(e.to_string()))?;
    readmitted(watch, rules, &router, revived).await?;
    Ok(Happened {
        router,
        death: died,
        since,
    })
}

/// When to strike: after a check of a router believed Up, at `phase` of the interval.
async fn aim(watch: &mut Watch, rules: &Rules, router: &str, phase: f64) -> Result<Timestamp, TrialError> {
    let begun = clock::now();
    let patience = begun + rules.interval + rules.give_up + rules.readmission;
    let record = watch
        .wait(patience, |record| {
            matches!(&record.event, Event::Probe { router: r, failures: 0, started_ns, .. }
                if r == router && *started_ns >= begun)
        })
        .await
        .map_err(missed("waiting for a passed check before the fault"))?;
    let anchor = match (&record.event, rules.anchor) {
        (Event::Probe { started_ns, .. }, Anchor::Start) => *started_ns,
        _ => record.at,
    };
    let aim = anchor + rules.interval.mul_f64(phase);
    // A phase of nearly nothing may already be over: the same phase one interval later is as good.
    Ok(if aim <= clock::now() {
        aim + rules.interval
    } else {
        aim
    })
}

/// Until the balancer believes Down and no attempt waits there any more, or it has missed the death.
///
/// A hung router is held until its last attempt has ended: resumed earlier it would answer requests that the window
/// had caught, and the count of lost requests would depend on the moment of resuming.
async fn hold(watch: &mut Watch, rules: &Rules, router: &str, death: Timestamp) -> Result<(), TrialError> {
    let down = |record: &router::record::Record| matches!(&record.event, Event::Belief { router: r, to: Belief::Down, .. } if r == router);
    if !watch
        .records
        .iter()
        .any(|record| record.at >= death && down(record))
    {
        match watch.wait(death + rules.give_up, down).await {
            Ok(_) => {}
            Err(Missed::Late(_)) => return Ok(()),
            Err(source) => {
                return Err(TrialError::Missed {
                    what: "waiting for Down".into(),
                    source,
                });
            }
        }
    }
    let quiet = |record: &router::record::Record| {
        record.at >= death && matches!(&record.event, Event::Quiet { router: r, .. } if r == router)
    };
    if !watch.records.iter().any(quiet) {
        let deadline = clock::now() + rules.attempt + Duration::from_secs(1);
        watch
            .wait(deadline, quiet)
            .await
            .map_err(missed("waiting for the last attempt to end"))?;
    }
    Ok(())
}

async fn readmitted(
    watch: &mut Watch,
    rules: &Rules,
    router: &str,
    revived: Timestamp,
) -> Result<(), TrialError> {
    let served = |record: &router::record::Record| {
        record.at >= revived && matches!(&record.event, Event::Readmitted { router: r, .. } if r == router)
    };
    let out_of_use = |watch: &Watch| matches!(watch.belief(router), Belief::Down | Belief::GoingUp);
    if !out_of_use(watch) {
        // Not noticed so far, or a failed check short of `fall`: there is nothing to come back from, unless one
        // more interval shows that it is noticed still.
        let watched = watch.collect(clock::now() + rules.interval).await;
        watched.map_err(missed("after an unnoticed death"))?;
        if !out_of_use(watch) {
            return Ok(());
        }
    }
    if watch.records.iter().any(served) {
        return Ok(());
    }
    let deadline = clock::now() + rules.readmission;
    watch
        .wait(deadline, served)
        .await
        .map(|_| ())
        .map_err(missed("waiting for the router to be used again"))
}

pub fn missed(what: &str) -> impl FnOnce(Missed) -> TrialError {
    let what = what.to_owned();
    move |source| TrialError::Missed { what, source }
}
