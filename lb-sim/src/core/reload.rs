//! New settings between two checks.

use super::backend::{self, Backend};
use super::checker::Checker;
use super::rounds::Rounds;
use super::{BackendId, Balancer, CheckSettings, Health, Schedule, gaps};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use router::record::Belief;
use std::time::Duration;

impl Balancer {
    /// Changes the settings between two checks. No belief and no count changes; what is left of each wait shrinks or
    /// grows with the interval, so backends stay spread; a check under way gets the new timeout. Where probers come, go or
    /// have to agree otherwise, each starts from what was believed.
    pub fn apply_settings(&mut self, now: Timestamp, settings: CheckSettings) {
        let old = std::mem::replace(&mut self.settings, settings);
        let Balancer {
            settings: new,
            backends,
            random,
            deadlines,
            rounds,
            quiet,
            ..
        } = self;
        let rescale = Rescale {
            old: &old,
            new,
            quiet: *quiet,
        };
        let present = backends.iter().filter(|backend| backend.present).count() as u64;
        if (old.probers, old.agreement) != (new.probers, new.agreement) {
            for backend in backends.iter_mut().filter(|backend| backend.present) {
                regroup(backend, now, new, random);
            }
        }
        let was_due = rounds.iter().filter_map(Rounds::due).min();
        if (old.schedule, old.probers) != (new.schedule, new.probers) {
            rounds.clear();
            let left = was_due.map_or(new.interval, |due| rescale.left(now, due, Belief::Up));
            rounds.extend((0..new.probers).map_while(|_| Rounds::new(new.schedule, now + left)));
            for (i, backend) in backends.iter().enumerate().filter(|(_, backend)| backend.present) {
                for (rounds, checker) in rounds.iter_mut().zip(backend.checkers()) {
                    rounds.join(BackendId(i as u32), checker.health.usable());
                }
            }
        } else {
            for rounds in rounds.iter_mut() {
                rounds.reschedule(now, |left, up| {
                    rescale.left(now, now + left, if up { Belief::Up } else { Belief::Down })
                });
            }
        }
        let stay = backends
            .iter_mut()
            .enumerate()
            .filter(|(_, backend)| backend.present);
        for (place, (i, backend)) in stay.enumerate() {
            if let Some(urgent) = &mut backend.urgent {
                urgent.expires = now.max(urgent.started + new.timeout);
            }
            let spread = now + gaps::share(new.interval, place as u64, present);
            for checker in backend.checkers_mut() {
                rescale.apply(now, checker, spread);
            }
            deadlines.set(BackendId(i as u32), backend.deadline());
        }
    }
}

/// From these settings to those.
struct Rescale<'a> {
    old: &'a CheckSettings,
    new: &'a CheckSettings,
    quiet: bool,
}

impl Rescale<'_> {
    /// What remains of the wait until `due`.
    fn left(&self, now: Timestamp, due: Timestamp, belief: Belief) -> Duration {
        let wait = gaps::wait(self.new, belief, self.quiet);
        let before = gaps::wait(self.old, belief, self.quiet);
        let left = gaps::share(due.since(now), gaps::nanos(wait), gaps::nanos(before));
        left.min(gaps::longest(self.new, wait))
    }

    /// `spread`: when one is checked that waited for nothing.
    fn apply(&self, now: Timestamp, checker: &mut Checker, spread: Timestamp) {
        let Rescale { new, .. } = self;
        checker.set_overdue(new);
        checker.counted = None;
        let belief = checker.health.belief();
        let due = checker.due.map(|due| now + self.left(now, due, belief));
        for probe in checker.older.iter_mut().chain(&mut checker.probe) {
            probe.expires = now.max(probe.started + new.timeout);
        }
        let wait = gaps::wait(new, belief, self.quiet);
        checker.due = match (&checker.probe, new.schedule) {
            (_, Schedule::Batch | Schedule::BatchByState) => None,
            (Some(_), Schedule::End) => None,
            (None, _) => Some(due.unwrap_or(spread)),
            (Some(probe), _) => {
                let due = due.unwrap_or(probe.started + wait).max(now);
                // A tick the shorter wait would lose to the check under way waits for it.
                let loses = new.timeout <= wait && !new.overlaps();
                Some(if loses { due.max(probe.expires) } else { due })
            }
        };
    }
}

/// One checker for each prober, all of the belief that was theirs together.
fn regroup(backend: &mut Backend, now: Timestamp, settings: &CheckSettings, random: &mut ChaCha8Rng) {
    let usable = backend.checks_pass();
    for checker in backend.checkers_mut() {
        checker.health.agree(now, usable);
    }
    let probers = settings.probers as usize;
    backend.others.truncate(probers - 1);
    while backend.others.len() + 1 < probers {
        let first = now + gaps::within(settings.interval, random);
        let health = Health::new(now, usable);
        backend
            .others
            .push(Checker::new(now, health, Some(first), settings));
    }
    backend.quorum = backend::quorum(settings);
}
