//! PURE: one router: what it was, what the balancer thought, and where these did not fit.

use super::word;
use crate::fleet::Truth;
use crate::report::figure::{ABSENT, Lane, UNKNOWN};
use crate::story::Condition;
use router::clock::Timestamp;
use router::record::{Belief, Event, Record};

/// A router while the records go by.
#[derive(Clone, Debug)]
pub struct Actor {
    condition: Condition,
    /// `None`: before the first word about it.
    truth: Steps<Option<Truth>>,
    /// That word was its birth: before it there was no such router.
    born: Option<bool>,
    /// The fleet has let it go: when its process has ended it is absent, not dead.
    left: bool,
    /// `None`: it has no part in what the balancer uses, or nobody tells.
    belief: Steps<Option<Belief>>,
    /// Health checks that the balancer told of: start, end, result.
    pub checks: Vec<Tick>,
    /// Health checks that the router told of.
    pub seen: Vec<Tick>,
}

type Tick = (Timestamp, Timestamp, String);

/// What a thing was before the picture, and from when on it was something else.
#[derive(Clone, Debug)]
struct Steps<T> {
    from: Timestamp,
    before: T,
    after: Vec<(Timestamp, T)>,
}

/// To have it in use is right.
pub fn deserves_use(truth: Truth) -> bool {
    matches!(truth, Truth::Up | Truth::Slow)
}

pub fn in_use(belief: Option<Belief>) -> bool {
    matches!(belief, Some(Belief::Up | Belief::GoingDown))
}

impl Actor {
    pub fn new(from: Timestamp, belief: Option<Belief>) -> Actor {
        Actor {
            // What becomes of one that nobody has seen come is told as of one that was ready.
            condition: Condition::ready(),
            truth: Steps::new(from, None),
            born: None,
            left: false,
            belief: Steps::new(from, belief),
            checks: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Takes a record that is about it.
    pub fn on_fate(&mut self, record: &Record) {
        let birth = matches!(record.event, Event::Spawned { incarnation: 1, .. });
        self.born.get_or_insert(birth);
        self.condition.on_record(record);
        let truth = Some(self.condition.truth());
        self.truth.set(
            record.at,
            truth.filter(|truth| !self.left || *truth != Truth::Dead),
        );
    }

    pub fn belongs(&mut self, present: bool) {
        self.left = !present;
    }

    pub fn believe(&mut self, at: Timestamp, belief: Option<Belief>) {
        self.belief.set(at, belief);
    }

    /// Something changed about it in the picture, and it was not only that it came in.
    pub fn is_eventful(&self, to: Timestamp) -> bool {
        let (truth, belief) = (self.truth.pieces(to), self.belief.pieces(to));
        let truth = truth
            .iter()
            .skip_while(|(_, truth)| matches!(truth, None | Some(Truth::Starting)));
        let belief = belief
            .iter()
            .skip_while(|(_, belief)| matches!(belief, None | Some(Belief::GoingUp)));
        truth.count() > 1 || belief.count() > 1
    }

    /// When it deserved its use again, and was in use, after it had not been well from `at` on. A balancer that is not
    /// `told` of is taken to use it.
    pub fn well_again(&self, at: Timestamp, told: bool) -> Option<Timestamp> {
        let mut ill = false;
        for (time, truth, belief) in self.moments(Timestamp(u64::MAX)) {
            let well = truth.is_some_and(deserves_use) && (!told || in_use(belief));
            if ill && well {
                return Some(time);
            }
            ill |= !well && time >= at;
        }
        None
    }

    /// Its lane up to `to`, in seconds from `at`; `lost` is what the fault cost where it was a victim's.
    pub fn lane(
        &self,
        name: &str,
        (at, to): (Timestamp, Timestamp),
        probes: bool,
        lost: Option<u64>,
    ) -> Lane {
        let seconds = |time: Timestamp| time.seconds_after(at);
        let ticks = if probes { &self.checks } else { &self.seen };
        let mut gaps = self.gaps(to);
        // What the picture cuts off has no length.
        let label = |(from, end): &(Timestamp, Timestamp)| match (*from <= self.truth.from, *end >= to) {
            (_, true) => "goes on".to_owned(),
            (true, false) => "since before".to_owned(),
            (false, false) => format!("{:.3} s", end.seconds_after(*from)),
        };
        // The cost of the fault stands at the gap that it made.
        let own = gaps
            .iter()
            .position(|(_, end)| *end > at)
            .filter(|_| lost.is_some());
        let labelled = gaps.drain(..).enumerate().map(|(n, gap)| {
            let cost = lost
                .filter(|_| own == Some(n))
                .map(|lost| format!(" · {lost} lost"));
            (
                seconds(gap.0),
                seconds(gap.1),
                label(&gap) + &cost.unwrap_or_default(),
            )
        });
        let gaps = labelled.collect();
        let belief = self.belief.pieces(to);
        let told = belief.iter().any(|(_, belief)| belief.is_some());
        let belief = belief.into_iter().filter(|_| told);
        Lane {
            router: name.to_owned(),
            truth: self
                .truth
                .pieces(to)
                .into_iter()
                .map(|(from, truth)| {
                    (
                        seconds(from),
                        truth.map_or_else(|| self.before().to_owned(), word),
                    )
                })
                .collect(),
            belief: belief
                .map(|(from, belief)| (seconds(from), belief.map(word).unwrap_or_default()))
                .collect(),
            checks: ticks
                .iter()
                .filter(|(started, ..)| *started <= to)
                .map(|(started, ended, result)| (seconds(*started), seconds(*ended), result.clone()))
                .collect(),
            gaps,
        }
    }

    /// What it was before the first word about it, and after the last.
    fn before(&self) -> &'static str {
        match self.born {
            Some(true) => ABSENT,
            _ if self.left => ABSENT,
            _ => UNKNOWN,
        }
    }

    /// It was believed in use, and is known not to have deserved it.
    fn gaps(&self, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let mut gaps: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut open = None;
        for (time, truth, belief) in self.moments(to) {
            let gap = truth.is_some_and(|truth| !deserves_use(truth)) && in_use(belief);
            match (open, gap) {
                (None, true) => open = Some(time),
                (Some(from), false) => {
                    gaps.push((from, time));
                    open = None;
                }
                _ => {}
            }
        }
        gaps.extend(open.map(|from| (from, to)));
        gaps
    }

    /// Each change before `to`, with both sides as they were from then on.
    fn moments(&self, to: Timestamp) -> Vec<(Timestamp, Option<Truth>, Option<Belief>)> {
        let (truth, belief) = (self.truth.pieces(to), self.belief.pieces(to));
        let mut times: Vec<Timestamp> = truth.iter().map(|(time, _)| *time).collect();
        times.extend(belief.iter().map(|(time, _)| *time));
        times.sort_unstable();
        times.dedup();
        let at = |time: Timestamp| (time, self.truth.at(time), self.belief.at(time));
        times.into_iter().map(at).collect()
    }
}

impl<T: Copy + PartialEq> Steps<T> {
    fn new(from: Timestamp, before: T) -> Steps<T> {
        Steps {
            from,
            before,
            after: Vec::new(),
        }
    }

    /// Records of two processes come a moment out of order: a step goes where its time is.
    fn set(&mut self, at: Timestamp, value: T) {
        if at <= self.from {
            self.before = value;
            return;
        }
        let place = self.after.partition_point(|(time, _)| *time <= at);
        self.after.insert(place, (at, value));
    }

    fn at(&self, time: Timestamp) -> T {
        let step = self.after.iter().rev().find(|(from, _)| *from <= time);
        step.map_or(self.before, |(_, value)| *value)
    }

    /// What it was from then on, up to `to`; the first piece begins with the picture.
    fn pieces(&self, to: Timestamp) -> Vec<(Timestamp, T)> {
        let mut pieces = vec![(self.from, self.before)];
        for step in self.after.iter().filter(|(time, _)| *time < to) {
            if pieces.last().is_none_or(|(_, value)| *value != step.1) {
                pieces.push(*step);
            }
        }
        pieces
    }
}
