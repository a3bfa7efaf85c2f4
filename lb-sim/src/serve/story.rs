//! What happened, as records for programs and as lines for people.

use super::probe::Ended;
use crate::core::{CheckSettings, Verdict};
use router::record::{Belief, Event, ProbeResult};
use router::worker::Events;

/// Tells of one ended check and of the belief it changed, if it did.
pub fn tell(events: &Events, router: &str, ended: &Ended, verdict: &Verdict, settings: &CheckSettings) {
    let CheckSettings { fall, rise, .. } = *settings;
    // Beyond the threshold the count says nothing more.
    let (failures, successes) = (verdict.failures.min(fall), verdict.successes.min(rise));
    if events.wanted() {
        let probe = Event::Probe {
            router: router.to_owned(),
            probe: ended.probe.number,
            started_ns: ended.started,
            result: ended.result,
            status: ended.status,
            failures,
            fall,
            successes,
            rise,
        };
        events.emit_at(ended.ended, probe);
    }
    let Some(change) = verdict.transition else {
        if ended.result != ProbeResult::Ok {
            tracing::debug!("{router}: check failed: {}", words(ended));
        }
        return;
    };
    let reason = match change.to {
        Belief::GoingDown => format!("check failed {failures}/{fall}: {}", words(ended)),
        Belief::Down if change.from == Belief::GoingUp => format!("check failed again: {}", words(ended)),
        Belief::Down => format!(
            "{fall} of {fall} checks in a row failed, the last: {}",
            words(ended)
        ),
        Belief::GoingUp => format!("check succeeded {successes}/{rise}"),
        Belief::Up if change.from == Belief::GoingDown => "check succeeded again".to_owned(),
        Belief::Up => format!("{rise} of {rise} checks in a row succeeded"),
        Belief::Ejected => "ejected".to_owned(),
    };
    match change.to {
        Belief::Up | Belief::Down if change.changes_use() => {
            tracing::warn!("{router} is {}: {reason}", state(change.to))
        }
        to => tracing::info!("{router} is {}: {reason}", state(to)),
    }
    let belief = Event::Belief {
        router: router.to_owned(),
        from_state: change.from,
        to: change.to,
        reason,
    };
    events.emit_at(change.at, belief);
}

/// How a check failed: `refused`, `timeout after 2.001s`, `status 503`.
fn words(ended: &Ended) -> String {
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

fn state(belief: Belief) -> &'static str {
    match belief {
        Belief::Up => "Up",
        Belief::GoingDown => "going down",
        Belief::Down => "Down",
        Belief::GoingUp => "going up",
        Belief::Ejected => "ejected",
    }
}
