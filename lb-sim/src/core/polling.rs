//! Polling: which check starts when, and what its end does to the belief and to the wait for the next.

use super::checker::Outstanding;
use super::gaps::{self, Chance};
use super::{Action, BackendId, Balancer, ProbeId, Schedule, Transition, Verdict};
use router::clock::Timestamp;
use router::record::{Belief, Detector, ProbeResult};

impl Balancer {
    /// The tick of that prober has come: starts a check, unless one is under way.
    pub(super) fn tick(&mut self, now: Timestamp, id: BackendId, prober: usize) -> Option<Action> {
        let settings = &self.settings;
        let checker = self.backends[id.index()].checker_mut(prober);
        let scheduled = checker.due.unwrap_or(now);
        let mut not_after = None;
        if settings.schedule == Schedule::End {
            checker.due = None;
        } else {
            let belief = checker.health.belief();
            let wait = gaps::wait(settings, belief, self.quiet);
            let gap = Chance::draw(settings, &mut self.random).applied(wait);
            // A fixed rate: the next tick counts from the scheduled one, however late the driver was. One that is late by
            // a good part of an interval (a stopped process) has lost the beat and starts a new one.
            let from = if now.since(scheduled) > wait / 4 {
                now
            } else {
                scheduled
            };
            let waits_for_traffic = self.quiet && settings.no_traffic_interval.is_some();
            checker.counted = (!waits_for_traffic).then_some((from, belief));
            checker.due = Some(from + gap);
            not_after = (settings.timeout <= gap).then_some(from + gap);
        }
        if checker.probe.is_some() && !settings.overlaps() {
            let deadline = self.backends[id.index()].deadline();
            self.deadlines.set(id, deadline);
            return None;
        }
        Some(self.start(now, id, prober, not_after))
    }

    /// Starts a check.
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        id: BackendId,
        prober: usize,
        not_after: Option<Timestamp>,
    ) -> Action {
        self.probes += 1;
        let number = self.probes;
        let expires = now + self.settings.timeout;
        let expires = not_after.map_or(expires, |at| expires.min(at));
        let backend = &mut self.backends[id.index()];
        let checker = backend.checker_mut(prober);
        let probe = Outstanding {
            number,
            started: now,
            expires,
        };
        checker.older.extend(checker.probe.replace(probe));
        self.deadlines.set(id, backend.deadline());
        Action::Start {
            probe: ProbeId { backend: id, number },
            timeout: expires.since(now),
        }
    }

    pub(super) fn conclude(
        &mut self,
        now: Timestamp,
        id: BackendId,
        prober: usize,
        probe: Outstanding,
        result: ProbeResult,
    ) -> Verdict {
        let Balancer { settings, random, .. } = self;
        let (after_end, recount) = match settings.schedule {
            Schedule::End => (true, false),
            Schedule::Start | Schedule::Deadline => (false, gaps::depend_on_belief(settings)),
            Schedule::Batch | Schedule::BatchByState => (false, false),
        };
        let chance = (after_end || recount).then(|| Chance::draw(settings, random));
        let quiet = self.quiet;
        let was_usable = self.backends[id.index()].checker(prober).health.usable();
        let transition = self.change(now, id, Detector::Poll, |backend, settings| {
            let healthy = result == ProbeResult::Ok;
            if healthy {
                // It lives, whatever an older check will find.
                backend.urgent.take_if(|urgent| urgent.started <= probe.started);
            }
            let checker = backend.checker_mut(prober);
            if !(healthy && checker.health.condemned_after(probe.started)) {
                checker.count(now, result, settings);
            }
            let Some(chance) = chance else { return };
            let belief = checker.health.belief();
            let gap = chance.applied(gaps::wait(settings, belief, quiet));
            if after_end {
                checker.due = Some(now + gap);
            } else if let Some((from, _)) = checker.counted.take_if(|(_, counted)| *counted != belief) {
                // Once the check has changed the belief the tick comes when it would have come with that belief.
                checker.due = Some(now.max(from + gap));
            }
        });
        let usable = self.backends[id.index()].checker(prober).health.usable();
        if let Some(rounds) = self.rounds.get_mut(prober) {
            rounds.ended(now, id, usable);
        }
        Verdict {
            flipped: usable != was_usable,
            ..self.verdict_of(id, prober, Detector::Poll, &probe, transition)
        }
    }

    /// The next turn in a round: when, and of which prober's.
    pub(super) fn next_turn(&self) -> Option<(Timestamp, usize)> {
        let rounds = self.rounds.iter().enumerate();
        rounds
            .filter_map(|(prober, rounds)| Some((rounds.next()?, prober)))
            .min()
    }

    pub(super) fn take_turn(&mut self, now: Timestamp, prober: usize) -> Option<Action> {
        let Balancer {
            settings,
            random,
            quiet,
            ..
        } = self;
        let gap = |up: bool| {
            let belief = if up { Belief::Up } else { Belief::Down };
            Chance::draw(settings, random).applied(gaps::wait(settings, belief, *quiet))
        };
        let id = self.rounds[prober].step(now, gap)?;
        // A check that another schedule has begun is as good.
        let under_way = self.backends[id.index()].checker(prober).probe.is_some();
        (!under_way).then(|| self.start(now, id, prober, None))
    }

    pub(super) fn verdict_of(
        &self,
        id: BackendId,
        prober: usize,
        by: Detector,
        probe: &Outstanding,
        transition: Option<Transition>,
    ) -> Verdict {
        let backend = &self.backends[id.index()];
        let health = &backend.checker(prober).health;
        Verdict {
            probe: ProbeId {
                backend: id,
                number: probe.number,
            },
            by,
            started: probe.started,
            prober: prober as u32,
            against: backend.against(),
            belief: backend.belief(),
            flipped: transition.is_some_and(|change| change.changes_use()),
            failures: health.failures(),
            successes: health.successes(),
            transition,
        }
    }
}
