//! PURE: the records around one fault as a picture: truth above belief, checks as ticks, lost requests below.
//!
//! [`scenes`] takes the records of a lab from its beginning, one after the other and none kept that is in no picture: a
//! log of hundreds of megabytes is as good as a short one. `lane` is what becomes of one router, `span` how much is shown,
//! `scene` what is said of it.
//! A picture ends before the next fault of any router: what that costs is another picture's.

mod lane;
mod scene;
mod span;
#[cfg(test)]
mod tests;

pub use scene::Scene;

use super::figure::{Mark, Timeline};
use crate::experiment::measure::{self, Trial};
use crate::story;
use lane::Actor;
use router::clock::Timestamp;
use router::record::{Belief, Event, Fault, Outcome, ProbeResult, Record};
use serde::Serialize;
use span::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A fault to be shown, and what was measured of it. Seconds are from `at`.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When it took effect, by the clock of the records.
    pub at: Timestamp,
    pub fault: Fault,
    pub victims: Vec<Victim>,
    /// How often routers are checked: the picture begins a bit more than that before the fault.
    pub interval: Duration,
    pub t_detect_s: Option<f64>,
    pub predicted_t_detect_s: Option<f64>,
    pub t_stop_s: Option<f64>,
    pub t_clear_s: Option<f64>,
}

/// A router that was hit, and how many requests that cost, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    pub router: String,
    pub lost: Option<u64>,
}

/// Lanes that a reader can take in.
const LANES: usize = 6;
/// Lost requests are counted by the tenth of a second.
const BUCKET_S: f64 = 0.1;

/// The pictures of `moments`, in their order. `records` are those of a lab from its beginning, in the order in which they
/// arrived; those of requests may come after all others.
pub fn scenes(moments: &[Moment], records: impl IntoIterator<Item = Record>) -> Vec<Scene> {
    let mut films: Vec<Film> = moments.iter().map(Film::new).collect();
    for record in records {
        for film in &mut films {
            film.on_record(&record);
        }
    }
    films.into_iter().map(Film::scene).collect()
}

impl Moment {
    /// Of the victims of one trial; `None` when the program that measured them did not say when it was.
    pub fn of(victims: &[&Trial], interval: Duration) -> Option<Moment> {
        let first = victims.first()?;
        let latest = |value: fn(&Trial) -> Option<f64>| {
            let values: Vec<f64> = victims.iter().filter_map(|trial| value(trial)).collect();
            values.into_iter().reduce(f64::max)
        };
        Some(Moment {
            at: victims.iter().filter_map(|trial| trial.at_ns).min()?,
            fault: first.fault,
            victims: victims
                .iter()
                .map(|trial| Victim {
                    router: trial.router.clone(),
                    lost: Some(trial.lost.total()),
                })
                .collect(),
            interval,
            t_detect_s: latest(|trial| trial.t_detect_s),
            predicted_t_detect_s: latest(|trial| trial.predicted_t_detect_s),
            t_stop_s: latest(|trial| trial.t_stop_s),
            t_clear_s: latest(|trial| trial.t_clear_s),
        })
    }
}

/// Takes the records and keeps what may be in the picture.
struct Film<'a> {
    moment: &'a Moment,
    span: Span,
    routers: BTreeMap<String, Actor>,
    /// The balancer serves: it uses the routers that it knows until it says otherwise.
    serves: bool,
    told: bool,
    /// The balancer tells of its checks itself.
    probes: bool,
    /// Lost requests by when they were due, and their outcomes.
    lost: BTreeMap<(Timestamp, Outcome), u64>,
    /// Victims that serve again: what befalls them then is another fault.
    revived: BTreeSet<String>,
    /// The first fault after this one.
    next: Option<Timestamp>,
    /// The load ended: what follows is the end of the lab.
    stopped: Option<Timestamp>,
    /// When the last event was.
    last: Option<Timestamp>,
}

impl<'a> Film<'a> {
    fn new(moment: &'a Moment) -> Film<'a> {
        Film {
            moment,
            span: Span::of(moment),
            routers: BTreeMap::new(),
            serves: false,
            told: true,
            probes: false,
            lost: BTreeMap::new(),
            revived: BTreeSet::new(),
            next: None,
            stopped: None,
            last: None,
        }
    }

    fn on_record(&mut self, record: &Record) {
        let at = record.at;
        if !matches!(record.event, Event::Outcome { .. }) {
            self.last = self.last.max(Some(at));
        }
        if at > self.span.last && !matches!(record.event, Event::Outcome { .. } | Event::Probe { .. }) {
            return;
        }
        if let Some(name) = story::subject(record).filter(|name| is_router(name)) {
            let belief = (self.serves && self.told).then_some(Belief::Up);
            let from = self.span.from;
            // One that is born later is known to the balancer when that says so.
            let belief = belief.filter(|_| !matches!(record.event, Event::Spawned { .. }));
            let actor = self.routers.entry(name.to_owned());
            actor.or_insert_with(|| Actor::new(from, belief)).on_fate(record);
        }
        self.follow(record);
        match &record.event {
            Event::Ready { .. } if record.from == "lb" => self.begin(at, Some(Belief::Up)),
            Event::Spawned { name, .. } if name == "lb" => self.begin(at, None),
            Event::Engine { belief, .. } if !belief => {
                self.told = false;
                self.begin(at, None);
            }
            Event::Belief { router, to, .. } => self.actor(router).believe(at, Some(*to)),
            Event::Member { router, present } => {
                let belief = (*present && self.told).then_some(Belief::Up);
                let actor = self.actor(router);
                actor.believe(at, belief);
                actor.belongs(*present);
            }
            Event::Probe {
                router,
                started_ns,
                result,
                ..
            } => {
                self.probes = true;
                self.check(router, (*started_ns, at), word(result));
            }
            Event::SentinelCheck {
                router,
                started_ns,
                result,
                ..
            } => {
                self.check(router, (*started_ns, at), word(result));
            }
            Event::CheckSeen { status } => {
                // A connection that asks nothing has got all it wanted.
                let passed = status.is_none_or(|status| (200..400).contains(&status));
                let result = if passed {
                    ProbeResult::Ok
                } else {
                    ProbeResult::Status
                };
                if self.span.holds(at) {
                    self.actor(&record.from).seen.push((at, at, word(result)));
                }
            }
            Event::Outcome {
                intended_ns, outcome, ..
            } if *outcome != Outcome::Ok && self.span.holds(*intended_ns) => {
                *self.lost.entry((*intended_ns, *outcome)).or_default() += 1;
            }
            Event::Exited { name, .. } if name == "load" && at > self.moment.at => {
                self.stopped.get_or_insert(at);
            }
            _ => {}
        }
    }

    /// Until the next fault of any router.
    fn follow(&mut self, record: &Record) {
        let at = record.at;
        if at <= self.moment.at {
            return;
        }
        for victim in &self.moment.victims {
            if measure::revives(record, &victim.router) {
                self.revived.insert(victim.router.clone());
            }
        }
        if let Event::Fault { router, .. } | Event::Death { router, .. } = &record.event {
            let hit = self.moment.victims.iter().any(|victim| victim.router == *router);
            if !hit || self.revived.contains(router) {
                self.next = Some(self.next.map_or(at, |next| next.min(at)));
            }
        }
    }

    /// A new balancer knows of no check; one that serves uses all routers until it says otherwise.
    fn begin(&mut self, at: Timestamp, belief: Option<Belief>) {
        self.serves = belief.is_some();
        for actor in self.routers.values_mut() {
            actor.believe(at, belief.filter(|_| self.told));
        }
    }

    fn check(&mut self, router: &str, (started, ended): (Timestamp, Timestamp), result: String) {
        if started <= self.span.last && ended >= self.span.from {
            self.actor(router).checks.push((started, ended, result));
        }
    }

    fn actor(&mut self, router: &str) -> &mut Actor {
        let from = self.span.from;
        self.routers
            .entry(router.to_owned())
            .or_insert_with(|| Actor::new(from, None))
    }

    fn scene(self) -> Scene {
        let at = self.moment.at;
        let seconds = |time: Timestamp| time.seconds_after(at);
        let victims = || self.moment.victims.iter();
        let again: Option<Vec<Timestamp>> = victims()
            .map(|victim| self.routers.get(&victim.router)?.well_again(at, self.told))
            .collect();
        let again = again.and_then(|again| again.into_iter().max());
        let to = self.span.end(again, self.next, self.stopped);
        let shown = self.shown(to);
        let lanes = shown.iter().filter_map(|name| {
            let victim = victims().find(|victim| victim.router == **name);
            let lost = victim.and_then(|victim| victim.lost);
            Some(self.routers.get(*name)?.lane(name, (at, to), self.probes, lost))
        });
        let lanes: Vec<_> = lanes.collect();
        let mut lost: BTreeMap<(i64, Outcome), u64> = BTreeMap::new();
        for ((due, outcome), count) in self.lost.iter().filter(|((due, _), _)| *due < to) {
            let bucket = (seconds(*due) / BUCKET_S).floor() as i64;
            *lost.entry((bucket, *outcome)).or_default() += count;
        }
        let lost = lost
            .into_iter()
            .map(|((bucket, outcome), count)| (bucket as f64 * BUCKET_S, word(outcome), count));
        let (from, to) = (seconds(self.span.from), seconds(to));
        let seen_s = self.moment.t_detect_s.unwrap_or(0.0);
        Scene {
            whole: self.last.is_some_and(|last| seconds(last) >= seen_s),
            hidden: self.routers.len() - lanes.len(),
            cost: victims().map(|victim| victim.lost).sum(),
            told: self.told,
            seen_by_routers: !self.probes && self.routers.values().any(|actor| !actor.seen.is_empty()),
            timeline: Timeline {
                from,
                to,
                lanes,
                lost: lost.collect(),
                marks: self.marks(to),
            },
        }
    }

    /// The routers that get a lane: the victims first, then those to which something happened, in the order of their
    /// numbers.
    fn shown(&self, to: Timestamp) -> Vec<&String> {
        let victims: Vec<&String> = self.moment.victims.iter().map(|victim| &victim.router).collect();
        let mut others: Vec<(&String, &Actor)> = self
            .routers
            .iter()
            .filter(|(name, _)| !victims.contains(name))
            .collect();
        others.sort_by_key(|(name, actor)| (!actor.is_eventful(to), number(name)));
        others.truncate(LANES.saturating_sub(victims.len()));
        others.sort_by_key(|(name, _)| number(name));
        let known = victims
            .into_iter()
            .filter(|name| self.routers.contains_key(*name));
        known
            .take(LANES)
            .chain(others.into_iter().map(|(name, _)| name))
            .collect()
    }

    /// Moments with names, those that the picture reaches.
    fn marks(&self, to: f64) -> Vec<Mark> {
        let moment = self.moment;
        let begin = match moment.fault.is_death() && moment.fault != Fault::Drain {
            true => "death".to_owned(),
            false => word(moment.fault),
        };
        let marks = [
            (Some(0.0), begin),
            (moment.predicted_t_detect_s, "predicted".to_owned()),
            (moment.t_detect_s, "t_detect".to_owned()),
            (moment.t_stop_s, "t_stop".to_owned()),
        ];
        let known = marks
            .into_iter()
            .filter_map(|(at, name)| Some(Mark { at: at?, name }));
        known.filter(|mark| mark.at <= to).collect()
    }
}

fn is_router(name: &str) -> bool {
    name.starts_with("router-")
}

/// `router-10` stands after `router-9`.
fn number(router: &str) -> u32 {
    let digits = router.rsplit('-').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
}

/// As the records have it: `going_down`.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
