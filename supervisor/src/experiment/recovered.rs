//! PURE: a run that nobody ended, made of its records: its last saved summary lacks what came after it.

use super::forecast::Forecast;
use super::healthy::Answers;
use super::interrupted;
use super::measure::{self, Anchor, Strike, Teller, Trial, Victim};
use super::summary::{self, Exposure, Summary};
use super::trial::rules::rules;
use crate::page::traffic::LoadCount;
use crate::report::advice;
use crate::settings::LabSettings;
use router::clock::Timestamp;
use router::record::{Event, Fault, Record, Stamp};
use std::time::Duration;

/// Of a run whose rhythm is not known: checks before a fault are looked for so far back.
const BEFORE: Duration = Duration::from_secs(60);

/// Adds what `all` the records of its directory hold: trials that were completed, what the one has cost that was under way,
/// and the load. What was measured while it ran stays as it is.
pub fn recover(s: &mut Summary, all: impl IntoIterator<Item = Record>) {
    let Some(setup) = &s.setup else { return };
    let (spec, victims) = (setup.fault, setup.victims.max(1));
    let mut count = LoadCount::default();
    let mut teller = Teller::default();
    let mut answers = Answers::default();
    let mut records = Vec::new();
    for record in all {
        count.on_record(&record);
        answers.on_record(&record);
        teller = Teller::of(&record).unwrap_or(teller);
        if !matches!(record.event, Event::Tick { .. } | Event::Latencies { .. }) {
            records.push(record);
        }
    }
    let settings = settings(s);
    let exposure = settings
        .as_ref()
        .map_or(Exposure::Unknown, |lab| Exposure::of(spec, victims, lab));
    let done = s.trials.last().map_or(0, |trial| trial.trial);
    let strikes = strikes(&records, spec.fault, victims);
    for (n, strike) in (1..).zip(&strikes).skip(done as usize) {
        let next = strikes.get(n as usize);
        if next.is_none() && !is_over(&records, strike) {
            break;
        }
        // Those of the trial after it may tell how its last requests ended.
        let until = strikes.get(n as usize + 1).and_then(|later| later.first());
        let until = until.map_or(Timestamp(u64::MAX), |victim| victim.at);
        s.trials.extend(measured(
            &records,
            (n, strike),
            until,
            &teller,
            s,
            settings.as_ref(),
        ));
    }
    let totals = count.sum();
    (s.load.sent, s.load.ok, s.load.lost) = (totals.sent, totals.ok, totals.lost);
    s.load.healthy_ms = answers.healthy();
    (s.engine, s.engine_version) = (teller.engine, teller.version);
    let done = s.trials.last().map_or(0, |trial| trial.trial);
    let of_trials = s.trials.iter().map(|trial| trial.lost.total());
    let of_trials = of_trials.fold(0, u64::saturating_add);
    let unexplained = s.load.lost.saturating_sub(of_trials);
    s.interrupted = interrupted::interrupted(&records, done, victims, unexplained);
    s.summary = summary::totals(&s.trials, &s.load, exposure);
}

/// What theory needs of them. `None`: not in the document, or set in a way that it does not tell.
fn settings(s: &Summary) -> Option<LabSettings> {
    const KEYS: [&str; 7] = [
        "routers",
        "rate",
        "arrivals",
        "connection",
        "client-timeout",
        "drain-wait",
        "engine",
    ];
    let stated = &s.setup.as_ref()?.settings;
    let own = |key: &str, origin: &str| key == "engine-config" && origin != "default";
    if stated.iter().any(|setting| own(&setting.key, &setting.origin)) {
        return None;
    }
    let mut lab = LabSettings::default();
    for setting in stated.iter().filter(|setting| KEYS.contains(&&*setting.key)) {
        lab.set("summary.json", &setting.key, &setting.value).ok()?;
    }
    lab.lb = advice::settings(&s.check)?;
    Some(lab)
}

/// Victims of each trial that has begun, in order. A crash takes effect when its router dies, and without a death not yet.
fn strikes(records: &[Record], fault: Fault, victims: u32) -> Vec<Vec<Victim>> {
    let effect = |router: &str, since: Timestamp| {
        let died = |record: &&Record| {
            record.from == router && matches!(record.event, Event::Crash { .. }) && record.at >= since
        };
        match fault {
            Fault::Crash => records.iter().find(died).map(|record| record.at),
            _ => Some(since),
        }
    };
    let hit = records.iter().filter_map(|record| match &record.event {
        Event::Fault { router, fault: f, .. } if *f == fault => Some(Victim {
            router: router.clone(),
            at: effect(router, record.at)?,
            stamp: match fault {
                Fault::Crash => Stamp::Crash,
                _ => Stamp::Signal,
            },
            crash: None,
        }),
        _ => None,
    });
    let hit: Vec<Victim> = hit.collect();
    hit.chunks_exact(victims as usize)
        .map(<[Victim]>::to_vec)
        .collect()
}

/// Each of them has come back and served, by the balancer's word.
fn is_over(records: &[Record], strike: &[Victim]) -> bool {
    let served = |victim: &Victim| {
        let revived = records
            .iter()
            .find(|record| record.at >= victim.at && measure::revives(record, &victim.router));
        let back = |record: &Record, since: Timestamp| {
            record.at >= since
                && matches!(&record.event, Event::Readmitted { router, .. } if *router == victim.router)
        };
        revived.is_some_and(|revived| records.iter().any(|record| back(record, revived.at)))
    };
    strike.iter().all(served)
}

fn measured(
    records: &[Record],
    (n, victims): (u32, &[Victim]),
    until: Timestamp,
    teller: &Teller,
    s: &Summary,
    settings: Option<&LabSettings>,
) -> Vec<Trial> {
    let (Some(setup), Some(begun)) = (&s.setup, victims.iter().map(|victim| victim.at).min()) else {
        return Vec::new();
    };
    let theory = settings.map(|lab| {
        let forecast = Forecast::new(lab, setup.fault, setup.victims.max(1));
        let rules = rules(setup.fault, lab, &forecast, None);
        (forecast, rules)
    });
    let rules = theory.as_ref().map(|(_, rules)| rules);
    let since = begun - rules.map_or(BEFORE, |rules| rules.oldest() + rules.attempt);
    let its_own = |record: &&Record| record.at >= since && record.at < until;
    let records: Vec<Record> = records.iter().filter(its_own).cloned().collect();
    let strike = Strike {
        trial: n,
        fault: setup.fault.fault,
        victims,
        // It was held at least so long; what brought it back is among the records.
        held_until: begun,
        anchor: rules.map_or(Anchor::Start, |rules| rules.anchor),
        interval: rules.and_then(|rules| rules.steady),
        teller,
    };
    measure::trials(&records, &strike, |phase, fault| {
        theory.as_ref()?.0.predict(phase, fault)
    })
}
