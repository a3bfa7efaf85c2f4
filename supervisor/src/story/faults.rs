//! PURE: what happens to routers, told: faults, deaths, returns.

use super::opening::looks;
use super::window::{Began, Window};
use super::words::{about, requests, seconds, word};
use super::{Line, REASON, SETTLE, Story, Tone};
use router::clock::Timestamp;
use router::record::{DrainStage, Event, Fault, Record, Stamp};

impl Story {
    /// Takes the records that tell what a process is.
    pub(super) fn on_fate(&mut self, now: Timestamp, record: &Record) -> Vec<Line> {
        let at = record.at;
        match &record.event {
            Event::Fault {
                router,
                incarnation,
                fault,
                detail,
            } => self.on_fault(at, now, router, (*incarnation, *fault), detail.as_deref()),
            Event::Drain { stage, in_flight } => self.on_drain(at, now, &record.from, *stage, *in_flight),
            Event::Death {
                router,
                incarnation,
                stamp,
            } => self.on_death(at, now, router, *incarnation, *stamp),
            Event::Exited { name, words, .. } => self.on_exited(at, now, name, words),
            Event::RestartDue { name, due_ns } if *due_ns <= at => {
                Line::one(at, Tone::Plain, format!("{name} is restarted now, as ordered"))
            }
            Event::RestartDue { name, due_ns } => {
                let delay = about(due_ns.since(at));
                Line::one(at, Tone::Plain, format!("{name} will be restarted in {delay}"))
            }
            Event::GaveUp {
                name,
                deaths,
                within_s,
            } => {
                let text = format!(
                    "{name} GIVEN UP: it died {deaths} times within {within_s:.1} s and is not started again by \
                     itself; `resetlab logs {name}` says why, `resetlab restart {name}` tries once more"
                );
                Line::one(at, Tone::Bad, text)
            }
            Event::Ready { .. } => self.on_ready(at, &record.from, "is ready again", None),
            Event::Resumed { router, .. } => self.on_ready(at, router, "runs again", Some(Fault::Hang)),
            Event::Healed { router, fault, .. } => {
                let how = format!("is healed ({})", word(*fault));
                self.on_ready(at, router, &how, Some(*fault))
            }
            Event::Paused {
                router, started_ns, ..
            } => self.on_paused(at, router, *started_ns),
            _ => Vec::new(),
        }
    }

    fn on_fault(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        (incarnation, fault): (u32, Fault),
        detail: Option<&str>,
    ) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        router.injected = Some((incarnation, fault));
        if fault.is_behaviour() {
            router.behaves = detail.map(str::to_owned);
        }
        let what = match fault {
            Fault::Crash => {
                let how = detail.map_or(String::new(), |detail| format!(" ({detail})"));
                let text = format!("{name} is sent what gorouter dies of{how}");
                return Line::one(at, Tone::Plain, text);
            }
            // Told by what follows: the death, the router's own word.
            Fault::Kill | Fault::Stop | Fault::Drain => return Vec::new(),
            Fault::Hang => "HUNG (SIGSTOP)",
            Fault::Silent => "SILENT: it accepts and never answers",
            Fault::Error => "ANSWERS 5xx",
            Fault::Cut => "CUTS: it resets connections in the middle of a response",
            Fault::Slow => "SLOW: it answers late",
        };
        let mut window = Window::new(at, fault, Stamp::Signal);
        window.looks = looks(fault, detail, &self.settings.check);
        let mut lines = self.goes(name, window, now);
        let detail = detail.map_or(String::new(), |detail| format!(" ({detail})"));
        let expectation = self.expectation(name, at);
        let text = format!("{name} {what}{detail}{expectation}");
        lines.extend(Line::one(at, Tone::Bad, text));
        lines
    }

    fn on_drain(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        stage: DrainStage,
        in_flight: u64,
    ) -> Vec<Line> {
        let looks = looks(Fault::Drain, None, &self.settings.check);
        let Some(router) = self.routers.get_mut(name) else {
            return Vec::new();
        };
        let under_way = requests(in_flight);
        let begun = router.window.as_ref().map(|window| window.death);
        let mut lines = Vec::new();
        let text = match stage {
            DrainStage::Unhealthy => {
                // By hand, `kill -USR1`, it comes without a fault.
                let incarnation = router.injected.map_or(0, |(incarnation, _)| incarnation);
                router.injected = Some((incarnation, Fault::Drain));
                let mut window = Window::new(at, Fault::Drain, Stamp::Signal);
                window.looks = looks;
                if router.member {
                    lines = self.goes(name, window, now);
                }
                let expectation = self.expectation(name, at);
                format!(
                    "{name} DRAINS: /health is 503, everything else is served, {under_way} in flight{expectation}"
                )
            }
            DrainStage::Closed => {
                let after = begun.map_or(String::new(), |begun| {
                    format!(", {} after its drain began", about(at.since(begun)))
                });
                format!("{name} closed its listener{after}: {under_way} left to finish")
            }
            DrainStage::Done if in_flight == 0 => format!("{name} is drained: nothing is left there"),
            DrainStage::Done => {
                let text = format!("{name} drained too long: {under_way} cut off (drain-timeout)");
                return Line::one(at, Tone::Bad, text);
            }
        };
        lines.extend(Line::one(at, Tone::Plain, text));
        lines
    }

    fn on_death(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        name: &str,
        incarnation: u32,
        stamp: Stamp,
    ) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name).filter(|router| router.member) else {
            return Vec::new(); // it was taken out before
        };
        router.suspicion = None; // that is why
        let own = router.injected.filter(|(life, _)| *life == incarnation);
        let fault = match (stamp, own) {
            (Stamp::Crash, _) => Fault::Crash,
            // One that died of what it was sent says so itself.
            (_, Some((_, fault))) if fault.is_death() && fault != Fault::Crash => fault,
            _ => Fault::Kill,
        };
        self.end_mistake(name, at);
        // A life that ended before it was ready is no life, the window of the one before goes on; a hung router that is
        // killed has been silent since it hung: one window.
        let lines = self.goes(name, Window::new(at, fault, stamp), now);
        if let Some(window) = self.window(name) {
            window.leaving = false;
            window.reason_due = Some(now + REASON);
            window.told_at = at;
            window.settle(now + SETTLE);
        }
        lines
    }

    fn on_exited(&mut self, at: Timestamp, now: Timestamp, name: &str, words: &str) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            self.gone.insert(name.to_owned());
            self.on_away(at, name, true);
            return Line::one(at, Tone::Bad, format!("{name} is gone: {words}"));
        };
        if !router.member {
            return Line::one(at, Tone::Plain, format!("{name} has left ({words})"));
        }
        match &mut router.window {
            Some(window) if window.reason_due.is_some() => self.tell_death(name, Some(words)),
            Some(window) if window.leaving => {
                window.leaving = false;
                window.settle(now + SETTLE);
                Line::one(at, Tone::Plain, format!("{name} has left ({words})"))
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn tell_death(&mut self, name: &str, words: Option<&str>) -> Vec<Line> {
        let Some(window) = self.window(name) else {
            return Vec::new();
        };
        window.reason_due = None;
        let (at, detected) = (window.told_at, window.detected.is_some());
        let (verb, tone) = match window.fault {
            Fault::Drain => ("has left", Tone::Plain),
            Fault::Stop => ("STOPPED by SIGTERM", Tone::Bad),
            _ => ("DEAD", Tone::Bad),
        };
        let why = words.map_or(String::new(), |words| format!(" ({words})"));
        let expectation = if detected {
            String::new()
        } else {
            self.expectation(name, at)
        };
        Line::one(at, tone, format!("{name} {verb}{why}{expectation}"))
    }

    /// `ended`: of a life that went on.
    fn on_ready(&mut self, at: Timestamp, name: &str, how: &str, ended: Option<Fault>) -> Vec<Line> {
        let Some(router) = self.routers.get_mut(name) else {
            let back = self.gone.remove(name);
            self.on_away(at, name, false);
            let line = || Line::one(at, Tone::Plain, format!("{name} {how}"));
            return if back { line() } else { Vec::new() };
        };
        if !router.member {
            return Vec::new(); // told when it joins
        }
        // It was back before it was used again, and says so only now.
        let used_since = |window: &mut Window| window.began == Began::TakenBack && window.death >= at;
        router.window.take_if(used_since);
        let went = router.went_by.is_some();
        if ended.is_some() && router.condition.fault().is_some() {
            let mut after = String::new();
            if let Some(window) = router
                .window
                .as_mut()
                .filter(|window| Some(window.fault) == ended)
            {
                window.over = Some(at);
                after = format!(", {} after it went", seconds(at.since(window.death)));
            }
            let still = word(router.condition.truth());
            return Line::one(
                at,
                Tone::Bad,
                format!("{name} {how}{after}, and is still {still}"),
            );
        }
        router.ready = Some(at);
        let text = match &mut router.window {
            Some(window) => {
                window.over = Some(at);
                format!("{name} {how}, {} after it went", seconds(at.since(window.death)))
            }
            None if !went && router.in_use => return Vec::new(), // its first life, or slow until now
            None => format!("{name} {how}; the balancer has to notice that, too"),
        };
        Line::one(at, Tone::Plain, text)
    }

    fn on_paused(&mut self, at: Timestamp, name: &str, started: Timestamp) -> Vec<Line> {
        let Some(router) = self.routers.get(name) else {
            return Vec::new();
        };
        let mistaken = |mistake: usize| self.mistakes[mistake].at >= started;
        let cost = router.suspicion.is_some() || router.mistake.is_some_and(mistaken);
        let (tone, cost) = if cost {
            (Tone::Warning, ": the balancer took that for a death")
        } else {
            (Tone::Plain, "")
        };
        let paused = about(at.since(started));
        Line::one(at, tone, format!("{name} stood still for {paused}{cost}"))
    }
}
