//! PURE: whether another router can answer what the failed one has not, as far as that follows from how it failed.

use super::Facts;
use super::choices::{Choice, Kind, change, word};
use super::intervals::round;
use super::possible::{Changes, applied, fitting};
use lb_sim::core::{Mode, OnFailure, RetryOn, RetryTo};
use router::record::Fault;
use std::time::Duration;

/// What a client's patience must have room for: an attempt that waits in vain, and one that answers.
const ATTEMPTS: u32 = 2;

/// Theory has no figure for what it saves.
pub fn retry(facts: &Facts) -> Option<Choice> {
    // With nobody else to ask it saves nothing.
    (facts.traffic.routers > facts.victims).then_some(())?;
    match facts.spec.fault {
        // The process is gone, or its listener: nobody accepts.
        Fault::Kill | Fault::Crash | Fault::Stop | Fault::Drain => refused(facts),
        // The kernel accepts for it, and nothing comes.
        Fault::Hang | Fault::Silent if facts.settings.mode == Mode::Http => waits(facts),
        _ => None,
    }
}

fn is_on(facts: &Facts) -> bool {
    matches!(
        facts.settings.on_failure,
        OnFailure::Retry | OnFailure::RetryConnect
    )
}

fn turned_on(facts: &Facts) -> (&'static str, String) {
    let word = match facts.settings.mode {
        Mode::Http => "retry",
        Mode::Tcp => "retry-connect",
    };
    ("on-failure", word.to_owned())
}

fn refused(facts: &Facts) -> Option<Choice> {
    let retry = &facts.settings.retry;
    let mut changes = Changes::new();
    if !is_on(facts) {
        changes.push(turned_on(facts));
    }
    if retry.to == RetryTo::Same {
        changes.push(("retry-to", "other".to_owned()));
        // Nobody waits for a router that has not failed.
        if retry.delay > Duration::ZERO {
            changes.push(("retry-delay", "0s".to_owned()));
        }
    }
    let has = "sends a request that found no connection to another router instead of failing it";
    offer(facts, changes, has)
}

fn waits(facts: &Facts) -> Option<Choice> {
    let retry = &facts.settings.retry;
    let patience = facts.patience?;
    let mut changes = Changes::new();
    if !is_on(facts) {
        changes.push(turned_on(facts));
    }
    if retry.on == RetryOn::Connect {
        changes.push(("retry-on", "safe".to_owned()));
    }
    if retry.to == RetryTo::Same {
        changes.push(("retry-to", "other".to_owned()));
    }
    let mut timeout = facts.settings.response_timeout;
    if timeout * ATTEMPTS > patience {
        timeout = round(patience / (2 * ATTEMPTS));
        changes.push(("response-timeout", word(timeout)));
    }
    // It must be longer than what healthy routers take.
    (timeout >= Duration::from_millis(50) && facts.slowest.is_none_or(|slowest| timeout > slowest.time))
        .then_some(())?;
    let has = format!(
        "gives a request that may be sent twice to another router after {} without an answer, while its client still waits \
         (client-timeout {}); a healthy router that needs longer than that is asked in vain, too",
        word(timeout),
        word(patience)
    );
    offer(facts, changes, &has)
}

fn offer(facts: &Facts, changes: Changes, has: &str) -> Option<Choice> {
    let changes = fitting(facts, changes);
    let flags: Vec<String> = changes
        .iter()
        .map(|(key, word)| format!("--{key} {word}"))
        .collect();
    let budget = match applied(facts, &changes)?.retry.budget {
        Some(_) => "",
        None => " a retry is one more attempt, and no retry-budget keeps them from multiplying an outage;",
    };
    let says = format!(
        "{has};{budget} theory has no figure for what that saves, so measure it: the command that made this report, with `{}`",
        flags.join(" ")
    );
    change(facts, Kind::Retry, &changes, &says)
}
