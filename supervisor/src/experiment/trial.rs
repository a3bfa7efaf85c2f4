//! One trial on a live fleet: wait until all is well, hit the victims at the planned phase, hold them so until the
//! balancer has them out of use, bring them back, wait for their first served requests.

use super::forecast::Forecast;
use super::measure::{self, Anchor, Trial, Victim, is_out_of_use, revives};
use super::plan::Strike;
use super::watch::{Missed, Watch};
use crate::fleet::{FleetError, FleetHandle, Injected};
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Event, Fault, Record, Stamp};
use std::time::Duration;

/// What a trial needs to know of the run.
#[derive(Clone, Debug)]
pub struct Rules {
    pub spec: Spec,
    pub anchor: Anchor,
    pub interval: Duration,
    /// Theory's longest `t_detect` plus one interval: then the balancer has missed it.
    pub give_up: Duration,
    /// `None`: held until the balancer has it out of use. Otherwise brought back this long after the fault, or after
    /// the exit of a drained router.
    pub restart_delay: Option<Duration>,
    /// Longest life of an attempt: connect plus response timeout.
    pub attempt: Duration,
    /// `drain`: longest time from SIGUSR1 to the exit.
    pub leaving: Duration,
    /// Longest time from a router's start to `ready`.
    pub start: Duration,
    /// Longest wait for a Down router to be believed Up and used again.
    pub readmission: Duration,
}

/// A trial that happened, to be measured when its outcomes are in.
#[derive(Clone, Debug)]
pub struct Happened {
    pub victims: Vec<Victim>,
    /// Records from here on belong to the trial.
    pub since: Timestamp,
    /// The fault was held until then.
    pub held_until: Timestamp,
}

impl Happened {
    /// Trial `n` by what is known of it so far, one for each victim.
    pub fn measure(&self, watch: &Watch, n: u32, rules: &Rules, forecast: &Forecast) -> Vec<Trial> {
        let records = watch.records.iter().filter(|record| record.at >= self.since);
        let records: Vec<Record> = records.cloned().collect();
        let strike = measure::Strike {
            trial: n,
            fault: rules.spec.fault,
            victims: &self.victims,
            held_until: self.held_until,
            anchor: rules.anchor,
        };
        measure::trials(&records, &strike, |phase, fault| forecast.predict(phase, fault))
    }
}

/// A process is up a moment after it was started, and told to wait.
pub const START: Duration = Duration::from_secs(10);
/// What a process may take beyond its own deadlines on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error("{what}: {source}; the logs in the run directory tell more")]
    Missed { what: String, source: Missed },
    #[error(transparent)]
    Fleet(#[from] FleetError),
}

/// Runs one trial. Cancel-safe in the sense that the fleet's end heals whatever it left.
pub async fn run(
    fleet: &FleetHandle,
    watch: &mut Watch,
    rules: &Rules,
    plan: &Strike,
) -> Result<Happened, TrialError> {
    let names: Vec<String> = plan.routers.iter().map(|n| format!("router-{}", n + 1)).collect();
    let aim = aim(watch, rules, &names, plan.phase).await?;
    let since = aim - rules.interval - rules.attempt;
    watch
        .collect(aim)
        .await
        .map_err(missed("waiting for the planned phase"))?;

    let victims = strike(fleet, rules.spec, &names).await?;
    for victim in &victims {
        match rules.restart_delay {
            Some(delay) => delayed(watch, rules, victim, delay).await?,
            None => hold(watch, rules, victim).await?,
        }
    }
    let held_until = clock::now();
    for victim in &victims {
        match rules.spec.fault {
            Fault::Hang => fleet.resume(&victim.router).await?,
            fault if fault.is_behaviour() => fleet.heal(&victim.router).await?,
            _ => fleet.restart_now(&victim.router).await?,
        }
    }
    for victim in &victims {
        readmitted(watch, rules, &victim.router, held_until).await?;
    }
    Ok(Happened {
        victims,
        since,
        held_until,
    })
}

/// When to strike: after a check of the first victim, with all of them in use, at `phase` of the interval.
async fn aim(
    watch: &mut Watch,
    rules: &Rules,
    victims: &[String],
    phase: f64,
) -> Result<Timestamp, TrialError> {
    let begun = clock::now();
    let patience = begun + rules.interval + rules.give_up + rules.readmission;
    let record = loop {
        let passed = |record: &Record| {
            matches!(&record.event, Event::Probe { router, failures: 0, started_ns, .. }
                if *router == victims[0] && *started_ns >= begun)
        };
        let record = watch.wait(patience, passed).await;
        let record = record.map_err(missed("waiting for a passed check before the fault"))?;
        if victims.iter().all(|victim| watch.in_use(victim)) {
            break record;
        }
    };
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

/// Hits all victims at once: the commands are with the fleet before it carries out the first. A crash is aimed at that
/// moment, and comes when the router has been asked what it dies of often enough: everything counts from its death.
async fn strike(fleet: &FleetHandle, spec: Spec, names: &[String]) -> Result<Vec<Victim>, TrialError> {
    let stamp = match spec.fault {
        Fault::Crash => Stamp::Crash,
        _ => Stamp::Signal,
    };
    let begun: Vec<_> = names
        .iter()
        .map(|name| {
            let (fleet, name) = (fleet.clone(), name.clone());
            tokio::spawn(async move { fleet.inject(&name, spec).await })
        })
        .collect();
    let mut victims = Vec::new();
    for (name, injected) in names.iter().zip(begun) {
        let Injected { at, crash, .. } = injected.await.unwrap_or(Err(FleetError::Gone))?;
        victims.push(Victim {
            router: name.clone(),
            at,
            stamp,
            crash: crash.map(|crash| measure::Crash {
                attempts: crash.attempts,
                variant: crash.variant,
            }),
        });
    }
    Ok(victims)
}

/// Until `delay` after the fault, or after the exit of a router that takes its time to leave.
async fn delayed(
    watch: &mut Watch,
    rules: &Rules,
    victim: &Victim,
    delay: Duration,
) -> Result<(), TrialError> {
    let from = if rules.spec.fault == Fault::Drain {
        left(watch, rules, victim).await?
    } else {
        victim.at
    };
    watch
        .collect(from + delay)
        .await
        .map_err(missed("holding the router dead"))
}

/// Until the balancer has it out of use and no attempt waits there any more, or has missed it.
///
/// A hung router is held until its last attempt has ended: resumed earlier it would answer requests that the window
/// had caught, and the count of lost requests would depend on the moment of resuming.
async fn hold(watch: &mut Watch, rules: &Rules, victim: &Victim) -> Result<(), TrialError> {
    let Victim {
        router, at: fault, ..
    } = victim;
    let out = |record: &Record| {
        record.at >= *fault
            && matches!(&record.event, Event::Belief { router: r, to, .. } if r == router && is_out_of_use(*to))
    };
    let noticed = match watch.find_or_wait(*fault + rules.give_up, out).await {
        Ok(_) => true,
        Err(Missed::Late(_)) => false,
        Err(source) => return Err(missed("waiting for it to be out of use")(source)),
    };
    if rules.spec.fault == Fault::Drain {
        left(watch, rules, victim).await?;
    }
    let quiet = |record: &Record| {
        record.at >= *fault && matches!(&record.event, Event::Quiet { router: r, .. } if r == router)
    };
    if noticed {
        match watch
            .find_or_wait(clock::now() + rules.attempt + SLACK, quiet)
            .await
        {
            // Connections relayed by `mode=tcp` may live on: what is known of the last attempt has to do.
            Ok(_) | Err(Missed::Late(_)) => {}
            Err(source) => return Err(missed("waiting for the last attempt to end")(source)),
        }
    }
    Ok(())
}

/// The exit of a drained router.
async fn left(watch: &mut Watch, rules: &Rules, victim: &Victim) -> Result<Timestamp, TrialError> {
    let exited = |record: &Record| {
        record.at >= victim.at
            && matches!(&record.event, Event::Exited { name, .. } if *name == victim.router)
    };
    watch
        .find_or_wait(victim.at + rules.leaving + SLACK, exited)
        .await
        .map(|record| record.at)
        .map_err(missed("waiting for the drained router to leave"))
}

async fn readmitted(
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
    if watch.in_use(router) && watch.find(served).is_none() {
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
    watch
        .find_or_wait(deadline, served)
        .await
        .map(drop)
        .map_err(missed("waiting for the router to be used again"))
}

pub fn missed(what: &str) -> impl FnOnce(Missed) -> TrialError {
    let what = what.to_owned();
    move |source| TrialError::Missed { what, source }
}
