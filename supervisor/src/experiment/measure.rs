//! PURE: records in, windows out. Every definition here is a row of the words table: `t_detect`, `t_stop`,
//! `t_clear`, `t_readmit`, lost (in flight, window). What was not observed is `None`, never 0.
//!
//! [`trials`] measures the victims of one strike together, so that a request which failed at several of them is lost
//! once: `join` says whose it was, `untold` where no attempt failed, `client` where the balancer tells of none, `checks`
//! where the check clock stood, `stop` which attempt was the last, `forwarded` what the balancer did meanwhile.

pub mod checks;
mod client;
mod forwarded;
mod join;
mod stop;
mod teller;
mod untold;

pub use checks::{Anchor, Phase};
pub use client::Seen;
pub use forwarded::Forwarded;
pub use teller::Teller;

use join::{Joined, Spell};
use router::clock::Timestamp;
use router::record::{
    Belief, Cause, CrashVariant, Detector, DrainStage, Event, Fault, Outcome, Record, Stamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One victim of one trial: one fault of one incarnation, and what it cost. Times in seconds from the fault: the
/// death, or for a drain its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Which of the run's trials, from 1: the victims of one have the same number.
    #[serde(default)]
    pub trial: u32,
    pub fault: Fault,
    /// Its parameters in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub router: String,
    pub stamp: Stamp,
    /// When it took effect, by the clock of `events.ndjson`. A trial without it is of an older program.
    #[serde(default)]
    pub at_ns: Option<Timestamp>,
    /// Fault since the last check's start (`start`) or end (`end`).
    pub phase_s: Option<f64>,
    /// `crash`: how many requests it took; `null` otherwise.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// `crash`: how the bug showed; `null` otherwise.
    #[serde(default)]
    pub variant: Option<CrashVariant>,
    /// `null`: the balancer does not tell what it believes.
    pub detected: Option<bool>,
    /// Who was first.
    #[serde(default)]
    pub detected_by: Option<Detector>,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    /// `null` also when the balancer tells of some attempts only, or has not said which one was the last.
    pub t_stop_s: Option<f64>,
    /// None was started there after the fault: there is no last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_attempt: bool,
    /// Start of the last attempt whose request was lost, `null` if none was or only requests in flight were. Never after
    /// `t_stop`.
    #[serde(default)]
    pub t_lost_s: Option<f64>,
    pub t_clear_s: Option<f64>,
    pub t_readmit_s: Option<f64>,
    /// `drain`: its listener was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_closed_s: Option<f64>,
    pub lost: Lost,
    /// Of failed attempts; `null`: the balancer does not tell of attempts.
    pub causes: Option<BTreeMap<Cause, u64>>,
    /// Failed attempts that nobody saw: the balancer's log names only how often a request was tried again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reckoned: u64,
    /// Lost requests without a failed attempt: their clients gave up first, or a real balancer told of none. They are in
    /// `lost`, by when they were sent, and in no cause; `null` as `causes`.
    #[serde(default)]
    pub lost_without_attempt: Option<u64>,
    /// Requests that failed here and were answered after a retry; `null` as `causes`.
    pub saved_by_retry: Option<u64>,
    /// What the balancer forwarded, to all routers, from the fault until the last victim served again.
    #[serde(default)]
    pub forwarded: Option<Forwarded>,
    pub events_dropped: u64,
    /// The balancer's own checks started so much later than they were due, at most, from two intervals before the fault
    /// on; `null` where it does not tell of its checks, or their gaps are random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_late_ms: Option<f64>,
    /// The balancer, the load or the app ended in the middle of the trial: how, in words. Then it measured something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbed: Vec<String>,
}

/// Requests that ended otherwise than `ok` because of the fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Their attempt had started before the death, or before a draining router closed its listener.
    pub in_flight: u64,
    /// Their attempt was started at the dead router.
    pub window: u64,
    /// No router was in use meanwhile: no attempt was made anywhere. Of victims hit together the first has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unserved: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

/// A fault that took effect at a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    pub router: String,
    pub at: Timestamp,
    pub stamp: Stamp,
    pub crash: Option<Crash>,
}

/// What it took to crash a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    pub attempts: u64,
    pub variant: Option<CrashVariant>,
}

/// What a trial did.
#[derive(Clone, Copy, Debug)]
pub struct Strike<'a> {
    /// Which of the run's, from 1.
    pub trial: u32,
    pub fault: Fault,
    pub victims: &'a [Victim],
    /// The victims were brought back from then on.
    pub held_until: Timestamp,
    pub anchor: Anchor,
    /// From one check's anchor to the next check's start, where that is always the same.
    pub interval: Option<Duration>,
    pub teller: &'a Teller,
}

impl Lost {
    pub fn total(&self) -> u64 {
        self.at_routers().saturating_add(self.unserved)
    }

    /// Those of which an attempt was made: what theory of one router's window speaks of.
    pub fn at_routers(&self) -> u64 {
        self.in_flight.saturating_add(self.window)
    }
}

/// Measures each victim of a strike, in the order of `strike.victims`. `records` must hold the span from the checks
/// before the faults to the re-admissions, and the outcomes of all requests attempted in it; `predict` gives the
/// predicted `t_detect` of a fault at its time, in seconds.
pub fn trials(
    records: &[Record],
    strike: &Strike<'_>,
    predict: impl Fn(&Phase, Timestamp) -> Option<f64>,
) -> Vec<Trial> {
    let spells: Vec<Spell> = strike
        .victims
        .iter()
        .map(|victim| spell(records, victim))
        .collect();
    let costs = costs(records, &spells, strike.teller);
    let begun = strike.victims.iter().map(|victim| victim.at).min();
    // As long as attempts are counted by their causes.
    let over = spells.iter().filter_map(|spell| spell.over).max();
    let ended = over.map_or(strike.held_until, |over| over.max(strike.held_until));
    let forwarded = begun.and_then(|begun| forwarded::between(records, begun, ended));
    let dropped = dropped(records);
    let disturbed = begun.map_or_else(Vec::new, |begun| disturbed(records, begun, ended));
    let late = strike.interval.zip(begun).and_then(|(interval, begun)| {
        let since = begun - interval * 2;
        checks::late_ms(records, strike.anchor, interval, (since, ended))
    });
    let measure = |((victim, spell), cost): ((&Victim, &Spell), Cost)| {
        let phase = checks::phase(records, &victim.router, victim.at);
        Trial {
            phase_s: phase.map(|p| p.seconds(strike.anchor, victim.at)),
            predicted_t_detect_s: phase.and_then(|p| predict(&p, victim.at)),
            forwarded,
            events_dropped: dropped,
            checks_late_ms: late,
            disturbed: disturbed.clone(),
            ..victim.trial(records, strike, spell, cost)
        }
    };
    strike
        .victims
        .iter()
        .zip(&spells)
        .zip(costs)
        .map(measure)
        .collect()
}

/// What each victim of a strike cost its clients, whatever the balancer tells.
pub fn seen_by_clients(records: &[Record], victims: &[Victim]) -> Vec<Seen> {
    let spells: Vec<Spell> = victims.iter().map(|victim| spell(records, victim)).collect();
    client::seen(records, &spells)
}

/// What became of a victim's requests, by the balancer's word where there is one.
struct Cost {
    lost: Lost,
    clear: Option<f64>,
    /// `None`: known to the client only.
    attempts: Option<Joined>,
}

fn costs(records: &[Record], spells: &[Spell], teller: &Teller) -> Vec<Cost> {
    if teller.attempts {
        let told = |joined: Joined| Cost {
            lost: joined.lost.clone(),
            clear: joined.clear,
            attempts: Some(joined),
        };
        return join::join(records, spells, teller)
            .into_iter()
            .map(told)
            .collect();
    }
    let seen = |seen: Seen| Cost {
        lost: seen.lost,
        clear: seen.clear,
        attempts: None,
    };
    client::seen(records, spells).into_iter().map(seen).collect()
}

impl Victim {
    fn trial(&self, records: &[Record], strike: &Strike<'_>, spell: &Spell, cost: Cost) -> Trial {
        let Victim {
            router,
            at,
            stamp,
            crash,
        } = self;
        let noticed = noticed(records, router, *at, spell.over).filter(|_| strike.teller.belief);
        let down = noticed.map(|(down, _)| down);
        let after = |time: Timestamp| time.seconds_after(*at);
        let attempts = cost.attempts.as_ref();
        // One that began before the fault is none of those that it met.
        let last_attempt = stop::last_attempt(records, strike, spell, down, attempts)
            .map(|last| last.filter(|last| *last >= *at).map(after));
        Trial {
            trial: strike.trial,
            fault: strike.fault,
            detail: detail(records, router, *at),
            router: router.clone(),
            stamp: *stamp,
            at_ns: Some(*at),
            phase_s: None,
            attempts: crash.map(|crash| crash.attempts),
            variant: crash.and_then(|crash| crash.variant),
            detected: strike.teller.belief.then_some(noticed.is_some()),
            detected_by: noticed.map(|(_, by)| by),
            t_detect_s: down.map(after),
            predicted_t_detect_s: None,
            t_stop_s: last_attempt.flatten(),
            no_attempt: last_attempt == Some(None),
            t_lost_s: attempts
                .and_then(|attempts| attempts.t_lost(last_attempt.map(|last| last.unwrap_or(0.0)))),
            t_clear_s: cost.clear,
            t_readmit_s: t_readmit(records, spell),
            t_closed_s: spell.closed.map(after),
            causes: attempts.map(|attempts| attempts.causes.clone()),
            reckoned: attempts.map_or(0, |attempts| attempts.reckoned),
            lost_without_attempt: attempts.map(|attempts| attempts.untold),
            saved_by_retry: attempts.map(|attempts| attempts.saved),
            lost: cost.lost,
            forwarded: None,
            events_dropped: 0,
            checks_late_ms: None,
            disturbed: Vec::new(),
        }
    }
}

/// The balancer gives it no requests, whoever decided that.
pub fn is_out_of_use(belief: Belief) -> bool {
    matches!(belief, Belief::Down | Belief::Ejected)
}

/// `router` serves again: a new life, or the end of what it did or suffered.
pub fn revives(record: &Record, router: &str) -> bool {
    match &record.event {
        Event::Ready { .. } => record.from == router,
        Event::Resumed { router: r, .. } | Event::Healed { router: r, .. } => r == router,
        _ => false,
    }
}

impl Trial {
    /// How long requests were sent there. `returning`: retries come back to the router, also when it is known to be dead.
    pub fn window_s(&self, returning: bool) -> Option<f64> {
        match (self.t_stop_s.or(self.no_attempt.then_some(0.0))?, self.t_detect_s) {
            (stop, Some(detect)) if returning => Some(stop.min(detect)),
            (stop, _) => Some(stop),
        }
    }

    /// Its figures say nothing: records of it are missing, or something else than the victim ended.
    pub fn is_invalid(&self) -> bool {
        self.events_dropped > 0 || !self.disturbed.is_empty()
    }
}

/// How others than routers ended from the fault until then.
fn disturbed(records: &[Record], fault: Timestamp, until: Timestamp) -> Vec<String> {
    let ends = records
        .iter()
        .filter(|record| record.at >= fault && record.at <= until);
    ends.filter_map(|record| match &record.event {
        Event::Exited { name, words, .. } if !name.starts_with("router-") => Some(format!("{name} {words}")),
        _ => None,
    })
    .collect()
}

/// Records lost on the way: a trial with any is invalid.
pub fn dropped(records: &[Record]) -> u64 {
    records
        .iter()
        .map(|record| {
            if let Event::Dropped { count } = record.event {
                count
            } else {
                0
            }
        })
        .sum()
}

fn spell(records: &[Record], victim: &Victim) -> Spell {
    let Victim { router, at, .. } = victim;
    let closed = first_after(records, *at, |record| {
        record.from == *router
            && matches!(
                record.event,
                Event::Drain {
                    stage: DrainStage::Closed,
                    ..
                }
            )
    });
    Spell {
        router: router.clone(),
        fault: *at,
        closed,
        over: first_after(records, *at, |record| revives(record, router)),
    }
}

/// When it was taken out of use before it was `over`, and who decided.
fn noticed(
    records: &[Record],
    router: &str,
    fault: Timestamp,
    over: Option<Timestamp>,
) -> Option<(Timestamp, Detector)> {
    let decided = records.iter().filter_map(|record| match &record.event {
        Event::Belief {
            router: r, to, by, ..
        } if r == router && is_out_of_use(*to) && record.at >= fault => Some((record.at, *by)),
        _ => None,
    });
    decided
        .min_by_key(|(at, _)| *at)
        .filter(|(at, _)| over.is_none_or(|over| *at <= over))
}

/// Before the router's next fault.
fn t_readmit(records: &[Record], spell: &Spell) -> Option<f64> {
    let alive = spell.over?;
    let router = &spell.router;
    let next = first_after(
        records,
        alive,
        |record| matches!(&record.event, Event::Fault { router: r, .. } if r == router),
    );
    let served =
        |record: &Record| matches!(&record.event, Event::Readmitted { router: r, .. } if r == router);
    first_after(records, alive, served)
        .filter(|served| next.is_none_or(|next| *served < next))
        .map(|served| served.seconds_after(alive))
}

/// Of the last fault there until then: a crash begins before it takes effect.
fn detail(records: &[Record], router: &str, fault: Timestamp) -> Option<String> {
    let details = records.iter().filter_map(|record| match &record.event {
        Event::Fault {
            router: r, detail, ..
        } if r == router && record.at <= fault => Some((record.at, detail)),
        _ => None,
    });
    details
        .max_by_key(|(at, _)| *at)
        .and_then(|(_, detail)| detail.clone())
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn first_after(records: &[Record], since: Timestamp, wanted: impl Fn(&Record) -> bool) -> Option<Timestamp> {
    records
        .iter()
        .filter(|record| record.at >= since && wanted(record))
        .map(|record| record.at)
        .min()
}

#[cfg(test)]
mod tests;
