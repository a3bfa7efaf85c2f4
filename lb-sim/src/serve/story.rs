//! What happened, as records for programs and as lines for people.

use super::probe::Ended;
use crate::core::{CheckSettings, Counting, Schedule, Transition, Verdict};
use router::clock::Timestamp;
use router::record::{Belief, Event, ProbeResult};
use router::worker::Events;

/// One ended check, and the belief it changed, if it did.
pub struct Story<'a> {
    router: &'a str,
    ended: &'a Ended,
    /// Failed and successful checks in a row; beyond the threshold the count says nothing more.
    failures: u32,
    fall: u32,
    successes: u32,
    rise: u32,
    /// Which of several it was, from 1.
    prober: Option<u32>,
    change: Option<(Transition, String)>,
    /// The failures in a row had made it Down before.
    stale: bool,
    until: Option<Timestamp>,
}

impl<'a> Story<'a> {
    /// `until`: the end of its ejection.
    pub fn new(
        router: &'a str,
        ended: &'a Ended,
        verdict: &Verdict,
        settings: &CheckSettings,
        until: Option<Timestamp>,
    ) -> Story<'a> {
        let CheckSettings { fall, rise, .. } = *settings;
        let (failures, successes) = (verdict.failures.min(fall), verdict.successes.min(rise));
        let several = settings.probers > 1;
        let change = verdict.transition.or_else(|| {
            // Of several probers one has changed its own mind, and the belief stays.
            let belief = verdict.belief;
            (several && verdict.flipped).then_some(Transition {
                backend: verdict.probe.backend,
                at: ended.ended,
                from: belief,
                to: belief,
                by: verdict.by,
            })
        });
        let change = change.map(|change| {
            let which = which(verdict.prober, verdict.against, settings);
            let returns =
                change.to == Belief::Ejected || (change.from, change.to) == (Belief::Ejected, Belief::Up);
            let why =
                match several && !(returns && change.from != change.to && ended.result == ProbeResult::Ok) {
                    true => own_reason(ended, verdict, settings),
                    false => reason(change, ended, verdict, settings),
                };
            (change, why + &which)
        });
        let stale = verdict.failures > fall;
        Story {
            router,
            ended,
            failures,
            fall,
            successes,
            rise,
            prober: several.then_some(verdict.prober + 1),
            change,
            stale,
            until,
        }
    }

    /// The belief that changed, and why.
    pub fn change(&self) -> Option<(Transition, &str)> {
        self.change
            .as_ref()
            .map(|(change, reason)| (*change, reason.as_str()))
    }

    /// For programs; never blocks.
    pub fn record(&self, events: &Events) {
        if !events.wanted() {
            return;
        }
        let probe = Event::Probe {
            router: self.router.to_owned(),
            probe: self.ended.probe.number,
            started_ns: self.ended.started,
            result: self.ended.result,
            status: self.ended.status,
            failures: self.failures,
            fall: self.fall,
            successes: self.successes,
            rise: self.rise,
            prober: self.prober,
        };
        events.emit_at(self.ended.ended, probe);
        if let Some((change, reason)) = &self.change {
            let belief = Event::Belief {
                router: self.router.to_owned(),
                from_state: change.from,
                to: change.to,
                reason: reason.clone(),
                by: change.by,
                until_ns: self.until.filter(|_| change.to == Belief::Ejected),
            };
            events.emit_at(change.at, belief);
        }
    }

    /// For people; may block on a stopped terminal.
    pub fn say(&self) {
        let Story {
            router,
            failures,
            fall,
            ..
        } = *self;
        match &self.change {
            Some((change, reason)) if change.from == change.to => {
                tracing::info!("{router} is {} as before: {reason}", state(change.to))
            }
            Some((change, reason)) if change.changes_use() => {
                tracing::warn!("{router} is {}: {reason}", state(change.to))
            }
            Some((change, reason)) => tracing::info!("{router} is {}: {reason}", state(change.to)),
            None if self.ended.result == ProbeResult::Ok => {}
            // Once Down, the same failure at every interval is no news.
            None if self.stale => tracing::debug!("{router}: check failed: {}", words(self.ended)),
            None => tracing::info!("{router}: check failed {failures}/{fall}: {}", words(self.ended)),
        }
    }
}

/// Why the belief changed where one prober makes it.
fn reason(change: Transition, ended: &Ended, verdict: &Verdict, settings: &CheckSettings) -> String {
    let CheckSettings { fall, rise, .. } = *settings;
    let (failures, successes) = (verdict.failures.min(fall), verdict.successes.min(rise));
    let words = words(ended);
    match change.to {
        Belief::GoingDown if ended.result == ProbeResult::Ok => "check succeeded".to_owned(),
        Belief::GoingDown if settings.schedule == Schedule::Deadline => format!("check failed: {words}"),
        Belief::GoingDown => format!("check failed {failures}/{fall}: {words}"),
        Belief::Down if change.from == Belief::GoingUp => format!("check failed again: {words}"),
        Belief::Down => found_down(ended, verdict, settings),
        Belief::GoingUp => format!("check succeeded {successes}/{rise}"),
        Belief::Up if change.from == Belief::GoingDown => "check succeeded again".to_owned(),
        Belief::Up if change.from == Belief::Ejected => {
            "a check succeeded, which ends its ejection".to_owned()
        }
        Belief::Up => found_up(verdict, settings),
        // By polling alone it would be up.
        Belief::Ejected => "checks succeed, its ejection is not over".to_owned(),
    }
}

/// Why one of several probers thinks otherwise now, or has begun to. What they believe together may be the opposite of
/// what this check says: two that find a router Down outvote the third, which has just passed.
fn own_reason(ended: &Ended, verdict: &Verdict, settings: &CheckSettings) -> String {
    let CheckSettings { fall, .. } = *settings;
    match (ended.result, verdict.flipped) {
        (ProbeResult::Ok, true) => found_up(verdict, settings),
        (ProbeResult::Ok, false) => "check succeeded".to_owned(),
        (_, true) => found_down(ended, verdict, settings),
        (_, false) if settings.schedule == Schedule::Deadline => format!("check failed: {}", words(ended)),
        (_, false) => format!(
            "check failed {}/{fall}: {}",
            verdict.failures.min(fall),
            words(ended)
        ),
    }
}

/// What made a prober find it Down.
fn found_down(ended: &Ended, verdict: &Verdict, settings: &CheckSettings) -> String {
    let (fall, words) = (settings.fall, words(ended));
    match verdict.failures {
        _ if settings.down_at_once.applies(ended.result) => format!("check failed: {words}, which is enough"),
        failures if failures < fall => format!("its first check failed: {words}"),
        _ => format!(
            "{fall} of {fall} checks{} failed, the last: {words}",
            in_a_row(settings)
        ),
    }
}

/// What made a prober find it Up.
fn found_up(verdict: &Verdict, settings: &CheckSettings) -> String {
    let rise = settings.rise;
    match verdict.successes {
        successes if successes < rise => "its first check succeeded".to_owned(),
        _ => format!("{rise} of {rise} checks{} succeeded", in_a_row(settings)),
    }
}

fn in_a_row(settings: &CheckSettings) -> &'static str {
    match settings.counting {
        Counting::Consecutive => " in a row",
        Counting::Cumulative => "",
    }
}

/// Which of several probers says so, and how many of them find the router Down; nothing where there is one.
pub fn which(prober: u32, against: u32, settings: &CheckSettings) -> String {
    match settings.probers {
        1 => String::new(),
        probers => format!(" (prober {}; {against} of {probers} find it down)", prober + 1),
    }
}

/// How a check failed: `refused`, `no answer within 2.001s`, `status 503`.
pub fn words(ended: &Ended) -> String {
    match (ended.result, ended.status) {
        (ProbeResult::Ok, _) => "ok".to_owned(),
        (ProbeResult::Refused, _) => "refused".to_owned(),
        (ProbeResult::Reset, _) => "reset".to_owned(),
        (ProbeResult::Eof, _) => "closed without an answer".to_owned(),
        (ProbeResult::Timeout, _) => {
            format!(
                "no answer within {:.3}s",
                ended.ended.since(ended.started).as_secs_f64()
            )
        }
        (ProbeResult::Status, Some(status)) => format!("status {status}"),
        (ProbeResult::Status, None) => "wrong status".to_owned(),
        (ProbeResult::Malformed, _) => "not HTTP".to_owned(),
    }
}

pub fn state(belief: Belief) -> &'static str {
    match belief {
        Belief::Up => "Up",
        Belief::GoingDown => "going down",
        Belief::Down => "Down",
        Belief::GoingUp => "going up",
        Belief::Ejected => "ejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{BackendId, ProbeId};
    use router::record::Detector;

    /// The reason after one check of the second of three probers, of which two must agree.
    fn reason(
        result: ProbeResult,
        flipped: bool,
        counts: (u32, u32),
        change: Option<(Belief, Belief)>,
    ) -> String {
        let settings = CheckSettings {
            probers: 3,
            agreement: Some(2),
            rise: 5,
            ..CheckSettings::default()
        };
        let (backend, number) = (BackendId(0), 1);
        let probe = ProbeId { backend, number };
        let ended = Ended {
            probe,
            started: Timestamp(0),
            ended: Timestamp(1),
            result,
            status: None,
        };
        let transition = change.map(|(from, to)| Transition {
            backend,
            at: ended.ended,
            from,
            to,
            by: Detector::Poll,
        });
        let verdict = Verdict {
            probe,
            by: Detector::Poll,
            started: ended.started,
            prober: 1,
            failures: counts.0,
            successes: counts.1,
            against: 2,
            flipped,
            belief: change.map_or(Belief::Down, |(_, to)| to),
            transition,
        };
        let story = Story::new("router-1", &ended, &verdict, &settings, None);
        let (_, reason) = story.change().expect("something changed");
        reason.to_owned()
    }

    #[test]
    fn of_several_probers_a_passed_check_is_never_called_failed() {
        let (ok, refused) = (ProbeResult::Ok, ProbeResult::Refused);
        let which = " (prober 2; 2 of 3 find it down)";
        let (down, rising) = (Belief::Down, Belief::GoingUp);
        for (told, wanted) in [
            // Its own mind has changed, and the others still outvote it.
            (reason(ok, true, (0, 1), None), "its first check succeeded"),
            (reason(ok, true, (0, 5), None), "5 of 5 checks in a row succeeded"),
            (
                reason(ok, true, (0, 5), Some((rising, down))),
                "5 of 5 checks in a row succeeded",
            ),
            (
                reason(refused, true, (2, 0), Some((down, rising))),
                "2 of 2 checks in a row failed, the last: refused",
            ),
            (
                reason(refused, true, (1, 0), None),
                "its first check failed: refused",
            ),
            (reason(ok, false, (0, 1), Some((down, rising))), "check succeeded"),
            (
                reason(refused, false, (1, 0), Some((rising, down))),
                "check failed 1/2: refused",
            ),
        ] {
            assert_eq!(told, format!("{wanted}{which}"));
        }
    }
}
