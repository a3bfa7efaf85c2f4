//! PURE: what each router is, and what the balancer thinks of it, from records to changes.

use super::frame::{BeliefChange, Frame, Lane, TruthChange};
use super::{ms, word};
use crate::fleet::Truth;
use crate::story::{self, Condition};
use router::clock::Timestamp;
use router::record::{Belief, Detector, Event, Fault, Record, Stamp};
use std::collections::BTreeMap;

/// Of all routers that there have been.
pub(super) struct Lanes {
    since: Timestamp,
    lanes: BTreeMap<String, Standing>,
    /// The balancer does not tell what it believes.
    silent: bool,
}

/// What a belief is called that nobody tells.
pub(super) const UNTOLD: &str = "unknown";
/// Of a router that the fleet has let go.
pub(super) const ABSENT: &str = "absent";

struct Standing {
    condition: Condition,
    truth: Truth,
    truth_at: Timestamp,
    belief: String,
    member: bool,
    /// The fleet has let it go: when its process has ended it is absent, not dead.
    left: bool,
    /// The latest injected fault that kills, and the life it hit.
    injected: Option<(u32, Fault)>,
}

impl Default for Standing {
    /// One that is being started, and that the balancer does not know yet.
    fn default() -> Standing {
        Standing {
            condition: Condition::default(),
            truth: Truth::Starting,
            truth_at: Timestamp::default(),
            belief: word(&Belief::Up),
            member: false,
            left: false,
            injected: None,
        }
    }
}

impl Standing {
    fn word(&self, truth: Truth) -> String {
        match truth {
            Truth::Dead if self.left => ABSENT.to_owned(),
            truth => word(&truth),
        }
    }
}

impl Lanes {
    /// router-1 … router-`routers`, all of them up.
    pub fn new(since: Timestamp, routers: u32) -> Lanes {
        let up = || Standing {
            condition: Condition::ready(),
            truth: Truth::Up,
            truth_at: since,
            member: true,
            ..Standing::default()
        };
        Lanes {
            since,
            lanes: (1..=routers).map(|n| (format!("router-{n}"), up())).collect(),
            silent: false,
        }
    }

    /// As they are before any record.
    pub fn lanes(&self) -> BTreeMap<String, Lane> {
        let lane = |standing: &Standing| Lane {
            truth: standing.word(standing.truth),
            truth_since: ms(self.since, standing.truth_at),
            belief: standing.belief.clone(),
            belief_since: 0.0,
            member: standing.member,
        };
        let named = self.lanes.iter();
        named
            .map(|(name, standing)| (name.clone(), lane(standing)))
            .collect()
    }

    pub fn on_record(&mut self, record: &Record, frame: &mut Frame) {
        if let Event::Spawned { name, .. } = &record.event
            && name.starts_with("router-")
        {
            self.lanes.entry(name.clone()).or_default();
        }
        if let Some(name) = story::subject(record) {
            self.on_fate(name, record, frame);
        }
        match &record.event {
            Event::Belief {
                router,
                to,
                reason,
                by,
                until_ns,
                ..
            } => {
                let until = until_ns.map(|until| ms(self.since, until));
                let why = (*by, reason.as_str(), until);
                self.believe(record.at, router, &word(to), why, frame);
            }
            Event::Member { router, present } => {
                let lane = self.lanes.entry(router.clone()).or_default();
                lane.left = !*present;
                if lane.member != *present {
                    lane.member = *present;
                    frame.members.push((router.clone(), *present));
                }
                if *present {
                    let why = (Detector::Poll, "new to the balancer", None);
                    self.believe(record.at, router, self.at_first(), why, frame);
                } else {
                    let why = (Detector::Poll, "taken out of the fleet", None);
                    self.believe(record.at, router, ABSENT, why, frame);
                }
            }
            Event::Spawned { name, .. } if name == "lb" => {
                self.all_believed(record.at, self.at_first(), "a new balancer", frame);
            }
            Event::Engine { engine, belief, .. } => {
                self.silent = !belief;
                let why = format!("{engine} does not tell what it believes");
                if self.silent {
                    self.all_believed(record.at, UNTOLD, &why, frame);
                }
            }
            _ => {}
        }
    }

    /// What a balancer thinks of a router that it has not checked yet.
    fn at_first(&self) -> &'static str {
        if self.silent { UNTOLD } else { "up" }
    }

    fn all_believed(&mut self, at: Timestamp, belief: &str, why: &str, frame: &mut Frame) {
        let present = self.lanes.iter().filter(|(_, lane)| !lane.left);
        let names: Vec<String> = present.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.believe(at, &name, belief, (Detector::Poll, why, None), frame);
        }
    }

    /// One of several probers may change its mind without the balancer changing its own.
    fn believe(
        &mut self,
        at: Timestamp,
        name: &str,
        belief: &str,
        (by, why, until): (Detector, &str, Option<f64>),
        frame: &mut Frame,
    ) {
        let Some(lane) = self.lanes.get_mut(name).filter(|lane| lane.belief != belief) else {
            return;
        };
        belief.clone_into(&mut lane.belief);
        frame.belief.push(BeliefChange {
            router: name.to_owned(),
            at: ms(self.since, at),
            belief: belief.to_owned(),
            by: word(&by),
            why: why.to_owned(),
            until,
        });
    }

    fn on_fate(&mut self, name: &str, record: &Record, frame: &mut Frame) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        lane.condition.on_record(record);
        if let Event::Fault {
            incarnation, fault, ..
        } = &record.event
            && fault.is_death()
        {
            lane.injected = Some((*incarnation, *fault));
        }
        let (before, truth) = (lane.truth, lane.condition.truth());
        lane.truth = truth;
        // A death is known before its reason is.
        let explained = before == truth && matches!(record.event, Event::Exited { .. });
        if before == truth && !explained {
            return;
        }
        if !explained {
            lane.truth_at = record.at;
        }
        let change = TruthChange {
            router: name.to_owned(),
            at: ms(self.since, lane.truth_at),
            truth: lane.word(truth),
            why: why(&record.event, lane.injected),
        };
        let same = |told: &&mut TruthChange| told.router == change.router && told.at == change.at;
        match frame.truth.iter_mut().rev().find(same) {
            Some(told) => *told = change,
            None => frame.truth.push(change),
        }
    }
}

fn why(event: &Event, injected: Option<(u32, Fault)>) -> String {
    match event {
        Event::Fault { fault, detail, .. } => {
            let detail = detail.iter().map(|detail| format!(" ({detail})"));
            word(fault) + &detail.collect::<String>()
        }
        Event::Death {
            incarnation, stamp, ..
        } => match (stamp, injected) {
            (Stamp::Crash, _) => word(&Fault::Crash),
            (_, Some((life, fault))) if life == *incarnation => word(&fault),
            _ => "ended by somebody else's hand".to_owned(),
        },
        Event::Exited { words, .. } => words.clone(),
        Event::Spawned { incarnation: 1, .. } => "started".to_owned(),
        Event::Spawned { .. } => "started again".to_owned(),
        Event::Ready { .. } => "ready".to_owned(),
        Event::Resumed { .. } => "resumed".to_owned(),
        Event::Healed { .. } => "healed".to_owned(),
        Event::Drain { .. } => word(&Fault::Drain),
        _ => String::new(),
    }
}
