//! PURE: records in, windows out. Every definition here is a row of the words table: `t_detect`, `t_stop`,
//! `t_clear`, `t_readmit`, lost (in flight, window). What was not observed is `None`, never 0.
//!
//! [`trials`] measures the victims of one strike together, so that a request which failed at several of them is lost
//! once: `spell` says how long each did harm, `join` whose a request was, `untold` where no attempt failed, `client`
//! where the balancer tells of none, `checks` where the check clock stood, `stop` which attempt was the last,
//! `forwarded` what the balancer did meanwhile.

pub mod checks;
mod client;
mod forwarded;
mod join;
mod spell;
mod stop;
mod strike;
mod teller;
mod trial;
mod untold;

pub use checks::{Anchor, Phase};
pub use client::Seen;
pub use forwarded::Forwarded;
pub use spell::{is_out_of_use, revives};
pub use strike::{Crash, Strike, Victim};
pub use teller::Teller;
pub use trial::{Lost, Trial};

use join::Joined;
use router::clock::Timestamp;
use router::record::{Event, Record};
use spell::Spell;

/// Measures each victim of a strike, in the order of `strike.victims`. `records` must hold the span from the checks
/// before the faults to the re-admissions, and the outcomes of all requests attempted in it; `predict` gives the
/// predicted `t_detect` of a fault at its time, in seconds.
pub fn trials(
    records: &[Record],
    strike: &Strike<'_>,
    predict: impl Fn(&Phase, Timestamp) -> Option<f64>,
) -> Vec<Trial> {
    let spells = spells(records, strike.victims);
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
        let phase = checks::phase(records, &victim.router, victim.at, spell.over);
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
    client::seen(records, &spells(records, victims))
}

fn spells(records: &[Record], victims: &[Victim]) -> Vec<Spell> {
    victims.iter().map(|victim| Spell::of(records, victim)).collect()
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
        let noticed = spell.noticed(records).filter(|_| strike.teller.belief);
        let down = noticed.map(|(down, _)| down);
        let after = |time: Timestamp| time.seconds_after(*at);
        let attempts = cost.attempts.as_ref();
        // One that began before the fault is none of those that it met.
        let last_attempt = stop::last_attempt(records, strike, spell, down, attempts)
            .map(|last| last.filter(|last| *last >= *at).map(after));
        let t_stop_s = last_attempt.map(|last| last.unwrap_or(0.0));
        // What was in flight is of no window: one of 0 s, if that was all.
        let in_flight = (cost.lost.in_flight > 0).then_some(0.0);
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
            t_stop_s,
            no_attempt: last_attempt == Some(None),
            t_lost_s: attempts.and_then(|attempts| attempts.t_lost(t_stop_s).or(in_flight)),
            t_clear_s: cost.clear.or(in_flight),
            t_readmit_s: spell.readmitted_after(records),
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

#[cfg(test)]
mod tests;
