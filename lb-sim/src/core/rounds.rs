//! Checks one router after the other: whose turn it is, and when the next round begins.

use super::{BackendId, Schedule};
use router::clock::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// The rounds of one prober; none unless its schedule is [`Schedule::Batch`] or [`Schedule::BatchByState`].
///
/// Traefik (`pkg/healthcheck`): two loops, for healthy and for unhealthy targets, each with a ticker that keeps one tick
/// it could not deliver and drops further ones; each round takes the targets that wait at its start. pingora
/// (`LoadBalancer::run_health_check`): one loop, the next round a frequency after the start of this one, or at its end.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    by_state: bool,
    /// Of all routers, or of those that are Up and those that are Down.
    lists: Vec<List>,
}

/// Routers that are checked in one round.
#[derive(Clone, Debug)]
struct List {
    /// The next tick.
    due: Timestamp,
    /// Who waits for the next round, in the order of their turns.
    waiting: VecDeque<BackendId>,
    round: Option<Round>,
    /// A tick that came during the round.
    queued: bool,
}

/// A round under way.
#[derive(Clone, Debug)]
struct Round {
    started: Timestamp,
    rest: VecDeque<BackendId>,
    /// Whose check is under way, or else since when the next one may start.
    turn: Result<BackendId, Timestamp>,
}

impl Rounds {
    /// The first round begins at `first`; who is Up, `up` says.
    pub fn new(schedule: Schedule, first: Timestamp) -> Option<Rounds> {
        let by_state = match schedule {
            Schedule::Batch => false,
            Schedule::BatchByState => true,
            Schedule::Start | Schedule::End | Schedule::Deadline => return None,
        };
        let list = List {
            due: first,
            waiting: VecDeque::new(),
            round: None,
            queued: false,
        };
        let lists = vec![list; if by_state { 2 } else { 1 }];
        Some(Rounds { by_state, lists })
    }

    /// `id` takes part from the next round of its list on.
    pub fn join(&mut self, id: BackendId, up: bool) {
        let list = self.of(up);
        self.lists[list].waiting.push_back(id);
    }

    /// `id` takes part no more; a round does not wait for its check.
    pub fn leave(&mut self, now: Timestamp, id: BackendId) {
        for list in &mut self.lists {
            list.waiting.retain(|waiting| *waiting != id);
            if let Some(round) = &mut list.round {
                round.rest.retain(|rest| *rest != id);
                if round.turn == Ok(id) {
                    round.turn = Err(now);
                }
            }
        }
    }

    /// When [`Rounds::step`] has something to do.
    pub fn next(&self) -> Option<Timestamp> {
        self.lists
            .iter()
            .filter_map(|list| list.next(self.by_state))
            .min()
    }

    /// Does what is due: a tick, or the next turn of a round. Who is to be checked now, if anybody; its end is to be
    /// told to [`Rounds::ended`]. `gap`: from the start of one round of routers that are Up, or of those that are Down, to
    /// that of the next.
    pub fn step(&mut self, now: Timestamp, gap: impl FnOnce(bool) -> Duration) -> Option<BackendId> {
        let by_state = self.by_state;
        let due = |list: &List| list.next(by_state).is_some_and(|at| at <= now);
        let place = self.lists.iter().position(due)?;
        let list = &mut self.lists[place];
        if let Some(round) = list.round.as_mut().filter(|round| round.turn.is_err()) {
            if let Some(id) = round.rest.pop_front() {
                round.turn = Ok(id);
                return Some(id);
            }
            let started = round.started;
            list.round = None;
            if !by_state {
                list.due = now.max(started + gap(true));
            } else if std::mem::take(&mut list.queued) {
                list.begin(now);
            }
            return None;
        }
        if by_state {
            let gap = gap(place == 0);
            // As a ticker: from when it was due, unless it has stood still.
            list.due = if now.since(list.due) > gap / 4 {
                now + gap
            } else {
                list.due + gap
            };
        }
        match list.round {
            Some(_) => list.queued = true,
            None => list.begin(now),
        }
        None
    }

    /// The check of `id` has ended, and makes it Up or Down: the round it belongs to goes on.
    pub fn ended(&mut self, now: Timestamp, id: BackendId, up: bool) {
        let its = |list: &&mut List| list.round.as_ref().is_some_and(|round| round.turn == Ok(id));
        let Some(list) = self.lists.iter_mut().find(its) else {
            return;
        };
        if let Some(round) = &mut list.round {
            round.turn = Err(now);
        }
        self.join(id, up);
    }

    /// Rounds not begun come after `wait` makes of what was left until them.
    pub fn reschedule(&mut self, now: Timestamp, wait: impl Fn(Duration, bool) -> Duration) {
        for (place, list) in self.lists.iter_mut().enumerate() {
            list.due = now + wait(list.due.since(now), place == 0);
        }
    }

    /// When the next round is due, for the schedule that takes over.
    pub fn due(&self) -> Option<Timestamp> {
        self.lists.iter().map(|list| list.due).min()
    }

    fn of(&self, up: bool) -> usize {
        usize::from(self.by_state && !up)
    }
}

impl List {
    fn next(&self, by_state: bool) -> Option<Timestamp> {
        match &self.round {
            None => Some(self.due),
            Some(round) => match round.turn {
                Err(at) => Some(at),
                Ok(_) => by_state.then_some(self.due),
            },
        }
    }

    fn begin(&mut self, now: Timestamp) {
        self.round = Some(Round {
            started: now,
            rest: std::mem::take(&mut self.waiting),
            turn: Err(now),
        });
    }
}
