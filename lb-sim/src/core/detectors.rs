//! What the balancer hears beside its checks: failed attempts, ended sentinel connections, notices.

use super::checker::Outstanding;
use super::{Action, BackendId, Balancer, PassiveSettings, ProbeId, Share, Transition, Verdict};
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

    /// An attempt at `id` has ended. Those that end when it is out of use already say nothing new.
    pub fn on_attempt(&mut self, now: Timestamp, id: BackendId, failed: bool) -> Option<Transition> {
        let settings = self.passive?;
        let backend = &mut self.backends[id.index()];
        if !backend.usable() || !backend.passive.observe(failed, &settings) {
            return None;
        }
        let (ejected, most) = self.ejected_of(&settings);
        if ejected >= most {
            return None;
        }
        self.change(now, id, Detector::Passive, |backend, _| {
            backend.passive.eject(now, &settings);
        })
    }

    /// How failed attempts are judged from now on; without, all ejections end.
    pub fn apply_passive(&mut self, now: Timestamp, settings: Option<PassiveSettings>) -> Vec<Transition> {
        self.passive = settings;
        if let Some(settings) = settings {
            let backends = self.backends.iter_mut().enumerate();
            for (i, backend) in backends.filter(|(_, backend)| backend.present) {
                backend.passive.shorten(now + settings.cap);
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

    pub(super) fn end_ejection(&mut self, now: Timestamp, id: BackendId) -> Option<Transition> {
        self.backends[id.index()].passive.ejected_until()?;
        self.change(now, id, Detector::Passive, |backend, _| backend.passive.end())
    }

    /// Ends ejections beyond the share, those first that would end first.
    fn keep_the_share(&mut self, now: Timestamp) -> Vec<Transition> {
        let settings = self.passive.unwrap_or(PassiveSettings {
            max_ejected: Share(0),
            ..PassiveSettings::default()
        });
        let (ejected, most) = self.ejected_of(&settings);
        if ejected <= most {
            return Vec::new();
        }
        let backends = self.backends.iter().enumerate();
        let mut ends: Vec<_> = backends
            .filter(|(_, backend)| backend.present)
            .filter_map(|(i, backend)| Some((backend.passive.ejected_until()?, BackendId(i as u32))))
            .collect();
        ends.sort();
        ends.truncate(ejected - most);
        ends.into_iter()
            .filter_map(|(_, id)| self.end_ejection(now, id))
            .collect()
    }

    /// How many are ejected, and how many may be.
    fn ejected_of(&self, settings: &PassiveSettings) -> (usize, usize) {
        let present = self.backends.iter().filter(|backend| backend.present);
        let (all, ejected) = present.fold((0, 0), |(all, ejected), backend| {
            (
                all + 1,
                ejected + usize::from(backend.passive.ejected_until().is_some()),
            )
        });
        (ejected, settings.max_ejected.of(all))
    }
}
