//! One trial on a live fleet: wait until all is well, hit the victims at the planned phase, hold them so until the
//! balancer has them out of use, bring them back, wait for their first served requests.

mod aim;
mod readmission;
pub mod rules;

pub use rules::Rules;

use super::forecast::Forecast;
use super::measure::{self, Trial, Victim, is_out_of_use};
use super::plan::Strike;
use super::watch::{Missed, Watch};
use crate::fleet::{FleetError, FleetHandle, Injected};
use router::clock::{self, Timestamp};
use router::fault::Spec;
use router::record::{Event, Fault, Record, Stamp};
use std::time::Duration;

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
            interval: rules.steady,
            teller: &watch.teller,
        };
        measure::trials(&records, &strike, |phase, fault| forecast.predict(phase, fault))
    }
}

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
    let aim = aim::aim(watch, rules, &names, plan.phase).await?;
    let since = aim - rules.oldest() - rules.attempt;
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
    let happened = Happened {
        victims,
        since,
        held_until,
    };
    if rules.comes_back {
        come_back(fleet, watch, rules, &happened).await?;
    }
    Ok(happened)
}

/// Brings the victims back, and waits until they are used again.
async fn come_back(
    fleet: &FleetHandle,
    watch: &mut Watch,
    rules: &Rules,
    happened: &Happened,
) -> Result<(), TrialError> {
    for victim in &happened.victims {
        match rules.spec.fault {
            Fault::Hang => fleet.resume(&victim.router).await?,
            fault if fault.is_behaviour() => fleet.heal(&victim.router).await?,
            _ => fleet.restart_now(&victim.router).await?,
        }
    }
    for victim in &happened.victims {
        readmission::readmitted(watch, rules, &victim.router, happened.held_until).await?;
    }
    Ok(())
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

/// Until the balancer has it out of use and no attempt waits there any more, or has missed it. A balancer that does not
/// tell what it believes is given all the time it could need.
///
/// A hung router is held until its last attempt has ended: resumed earlier it would answer requests that the window
/// had caught, and the count of lost requests would depend on the moment of resuming. So would a dead one that is
/// restarted while requests wait to be tried there again.
async fn hold(watch: &mut Watch, rules: &Rules, victim: &Victim) -> Result<(), TrialError> {
    let Victim {
        router, at: fault, ..
    } = victim;
    let out = |record: &Record| {
        record.at >= *fault
            && matches!(&record.event, Event::Belief { router: r, to, .. } if r == router && is_out_of_use(*to))
    };
    // Without its belief nothing is found, and the time is up.
    let noticed = match watch.find_or_wait(*fault + rules.give_up, out).await {
        Ok(record) => Some(record.at),
        Err(Missed::Late(_)) => None,
        Err(source) => return Err(missed("waiting for it to be out of use")(source)),
    };
    if rules.spec.fault == Fault::Drain {
        left(watch, rules, victim).await?;
    }
    let quiet = |record: &Record| {
        record.at >= *fault && matches!(&record.event, Event::Quiet { router: r, .. } if r == router)
    };
    // A real one may not say when its last attempt has ended: at a dead router at once, at a hung one within its timeout;
    // what a trial leaves under way ends with the load.
    let patience = match rules.spec.fault {
        fault if watch.is_real() && fault.is_death() => SLACK,
        _ => rules.attempt + SLACK,
    };
    if let Some(noticed) = noticed {
        match watch.find_or_wait(clock::now() + patience, quiet).await {
            // Connections relayed by `mode=tcp` may live on: what is known of the last attempt has to do.
            Ok(_) | Err(Missed::Late(_)) => {}
            Err(source) => return Err(missed("waiting for the last attempt to end")(source)),
        }
        // Where nobody comes back nobody can answer them.
        if rules.comes_back && !rules.lingering.is_zero() {
            let tried = watch.collect(noticed + rules.lingering).await;
            tried.map_err(missed("waiting for the last retry there"))?;
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

pub fn missed(what: &str) -> impl FnOnce(Missed) -> TrialError {
    let what = what.to_owned();
    move |source| TrialError::Missed { what, source }
}
