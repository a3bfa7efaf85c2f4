//! What the balancer hears beside its checks: failed attempts, ended sentinel connections, notices.

use super::checker::Outstanding;
use super::{
    Action, BackendId, Balancer, CheckSettings, Health, Heard, PassiveAction, PassiveReturn, PassiveSettings,
    ProbeId, Share, Transition, Verdict,
};
use router::clock::Timestamp;
use router::record::Detector;

impl Balancer {
    /// The sentinel connection of `id` has ended: a check to start at once, unless one such is under way or the
    /// backend is Down anyway.
    pub fn on_connection_lost(&mut self, now: Timestamp, id: BackendId) -> Option<Action> {
        let backend = &mut self.backends[id.index()];
        if !backend.present || backend.urgent.is_some() || !backend.checks_pass() {
            return None;
        }
        self.probes += 1;
        let (number, timeout) = (self.probes, self.settings.timeout);
        backend.urgent = Some(Outstanding {
            number,
            started: now,
            expires: now + timeout,
        });
        self.deadlines.set(id, backend.deadline());
        let probe = ProbeId { backend: id, number };
        Some(Action::Start { probe, timeout })
    }

    /// Somebody who knows says that the process has exited.
    pub fn on_notice(&mut self, now: Timestamp, id: BackendId) -> Option<Transition> {
        self.change(now, id, Detector::Notice, |backend, settings| {
            backend.condemn(now, settings);
        })
    }

    /// An attempt at `id` has ended, and it was no trial: see [`Balancer::hear`].
    pub fn on_attempt(&mut self, now: Timestamp, id: BackendId, failed: bool) -> Option<Transition> {
        self.hear(
            now,
            id,
            match failed {
                true => Heard::Failed { trial: false },
                false => Heard::Succeeded { trial: false },
            },
        )
    }

    /// Something is heard of an attempt at `id`. What was under way when it went out of use counts only as far as it
    /// lengthens an ejection.
    pub fn hear(&mut self, now: Timestamp, id: BackendId, heard: Heard) -> Option<Transition> {
        let settings = self.passive?;
        let backend = &mut self.backends[id.index()];
        if backend.present && backend.passive.ejected() {
            if backend.passive.observe_ejected(now, heard, &settings) {
                return self.end_ejection(now, id);
            }
            self.deadlines.set(id, backend.deadline());
            return None;
        }
        let failed = match heard {
            Heard::Trying => return None,
            Heard::Failed { .. } => true,
            Heard::Succeeded { .. } => false,
        };
        if !backend.usable() || !backend.passive.observe(now, failed, &settings) {
            return None;
        }
        if settings.action == PassiveAction::Eject {
            return self.eject(now, id, &settings);
        }
        backend.passive.forget();
        self.hurry(now, id);
        match settings.action {
            PassiveAction::Eject | PassiveAction::FastInter => None,
            PassiveAction::FailCheck => self.fail_check(now, id, |_, _| {}),
            PassiveAction::SuddenDeath => self.fail_check(now, id, Health::weaken),
            PassiveAction::MarkDown => self.change(now, id, Detector::Passive, |backend, settings| {
                backend.condemn(now, settings);
            }),
        }
    }

    /// The backends that wait for a request to try them, each with the number of that trial.
    pub fn trials(&self) -> impl Iterator<Item = (BackendId, u32)> {
        let backends = self.backends.iter().enumerate();
        backends
            .filter(|(_, backend)| backend.present && backend.checks_pass())
            .filter_map(|(i, backend)| Some((BackendId(i as u32), backend.passive.trial()?)))
    }

    /// Whether failed attempts have put `backend` out of use.
    pub fn ejected(&self, backend: BackendId) -> bool {
        self.backends[backend.index()].passive.ejected()
    }

    fn eject(&mut self, now: Timestamp, id: BackendId, settings: &PassiveSettings) -> Option<Transition> {
        let share = self.ejected_of(settings);
        let alone = share.present == 1 && settings.back == PassiveReturn::Trial;
        if alone || share.ejected >= share.most {
            return None;
        }
        self.change(now, id, Detector::Passive, |backend, _| {
            backend.passive.eject(now, settings);
        })
    }

    /// Counts one failed check that nobody has made, after `first`.
    fn fail_check(
        &mut self,
        now: Timestamp,
        id: BackendId,
        first: impl Fn(&mut Health, &CheckSettings),
    ) -> Option<Transition> {
        self.change(now, id, Detector::Passive, |backend, settings| {
            for checker in backend.checkers_mut() {
                first(&mut checker.health, settings);
                checker.health.observe(now, false, settings);
            }
        })
    }

    /// The next check comes after the fall interval at the latest, if there is one. One under way is left alone.
    fn hurry(&mut self, now: Timestamp, id: BackendId) {
        let Some(wait) = self.settings.fall_interval else {
            return;
        };
        let backend = &mut self.backends[id.index()];
        for checker in backend.checkers_mut() {
            checker.due = checker.due.map(|due| due.min(now + wait));
        }
        self.deadlines.set(id, backend.deadline());
    }

    /// How failed attempts are judged from now on; without, all ejections end.
    pub fn apply_passive(&mut self, now: Timestamp, settings: Option<PassiveSettings>) -> Vec<Transition> {
        self.passive = settings;
        if let Some(settings) = settings {
            let backends = self.backends.iter_mut().enumerate();
            for (i, backend) in backends.filter(|(_, backend)| backend.present) {
                backend.passive.adapt(now, &settings);
                self.deadlines.set(BackendId(i as u32), backend.deadline());
            }
        }
        self.keep_the_share(now)
    }

    /// Checks that lost sentinel connections have started count no more.
    pub fn forget_sentinels(&mut self) {
        for (i, backend) in self.backends.iter_mut().enumerate() {
            if backend.urgent.take().is_some() {
                self.deadlines.set(BackendId(i as u32), backend.deadline());
            }
        }
    }

    /// Takes a backend out of the fleet. It keeps its number, and what was believed of it. Of fewer, fewer may be
    /// ejected.
    pub fn remove_backend(&mut self, now: Timestamp, id: BackendId) -> Vec<Transition> {
        self.backends[id.index()].leave();
        for rounds in &mut self.rounds {
            rounds.leave(now, id);
        }
        self.deadlines.set(id, None);
        self.keep_the_share(now)
    }

    /// Takes it in again, as one that nobody has checked yet.
    pub fn restore_backend(&mut self, now: Timestamp, id: BackendId) {
        let firsts = self.firsts(now);
        self.backends[id.index()] = self.newcomer(now, firsts);
        self.welcome(id);
    }

    /// Passed, it says nothing that polling would not say by itself.
    pub(super) fn conclude_urgent(
        &mut self,
        now: Timestamp,
        id: BackendId,
        probe: Outstanding,
        healthy: bool,
    ) -> Verdict {
        let transition = self.change(now, id, Detector::Sentinel, |backend, settings| {
            if !healthy {
                backend.condemn(now, settings);
            }
        });
        self.verdict(id, Detector::Sentinel, &probe, transition)
    }

    /// The time of an ejection has passed.
    pub(super) fn return_is_due(&mut self, now: Timestamp, id: BackendId) -> Option<Action> {
        let backend = &mut self.backends[id.index()];
        let settings = self.passive.unwrap_or_default();
        // Whom checks have found Down is not tried: they decide.
        if !backend.checks_pass() || backend.passive.time_is_up(&settings) {
            return self.end_ejection(now, id).map(Action::Return);
        }
        self.deadlines.set(id, backend.deadline());
        Some(Action::Try(id))
    }

    /// Whether a passed check of `backend` ends its ejection.
    pub(super) fn check_restores(&self) -> bool {
        let settings = self.passive.as_ref();
        settings.is_some_and(|settings| settings.uneject || settings.back == PassiveReturn::Check)
    }

    fn end_ejection(&mut self, now: Timestamp, id: BackendId) -> Option<Transition> {
        self.change(now, id, Detector::Passive, |backend, _| backend.passive.end())
    }

    /// Ends ejections beyond the share, those first that would end first.
    fn keep_the_share(&mut self, now: Timestamp) -> Vec<Transition> {
        let settings = self.passive.unwrap_or(PassiveSettings {
            max_ejected: Share(0),
            least_ejected: 0,
            ..PassiveSettings::default()
        });
        let share = self.ejected_of(&settings);
        if share.ejected <= share.most {
            return Vec::new();
        }
        let backends = self.backends.iter().enumerate();
        let mut ends: Vec<_> = backends
            .filter(|(_, backend)| backend.present && backend.passive.ejected())
            .map(|(i, backend)| {
                // Who is on trial is nearly back; for whom only a check can bring back there is no time.
                let until = match (backend.passive.ejected_until(), backend.passive.trial()) {
                    (Some(until), _) => until,
                    (None, Some(_)) => now,
                    (None, None) => Timestamp(u64::MAX),
                };
                (until, BackendId(i as u32))
            })
            .collect();
        ends.sort();
        ends.truncate(share.ejected - share.most);
        ends.into_iter()
            .filter_map(|(_, id)| self.end_ejection(now, id))
            .collect()
    }

    fn ejected_of(&self, settings: &PassiveSettings) -> Ejected {
        let backends = || self.backends.iter().filter(|backend| backend.present);
        let present = backends().count();
        let least = settings.least_ejected as usize;
        Ejected {
            present,
            ejected: backends().filter(|backend| backend.passive.ejected()).count(),
            most: settings.max_ejected.of(present).max(least),
        }
    }
}

/// How many of those present are ejected, and how many may be.
struct Ejected {
    present: usize,
    ejected: usize,
    most: usize,
}
