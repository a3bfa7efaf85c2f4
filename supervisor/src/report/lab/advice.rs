//! PURE: what to change after a session, and what to type for it.

use super::session::{Lab, Session, Window};
use super::{changes, setting, worst};
use crate::engine::Engine;
use crate::report::advice::{self, Advice, Facts, Slowest, commands};
use crate::report::shown::{self, word};
use crate::settings::brief::SELDOM;
use crate::story::Began;
use lb_sim::theory::{Traffic, load};
use router::fault::Spec;
use router::record::Fault;
use serde_json::json;

/// Fewer windows of a kind are too few to go by.
const FEW: usize = 5;
/// Trials that tell more.
const TRIALS: u32 = 20;
/// Whole sentences, for the window that cost most, after what cost more than all windows.
pub fn advice(session: &Session) -> Vec<String> {
    let mut sentences = super::beside::advice(session);
    match worst(session) {
        Some((_, window)) if window.lost() == 0 && session.load.lost > 0 => {}
        Some((_, window)) if window.lost() == 0 => {
            sentences.push("No request was lost: nothing has to change.".to_owned());
        }
        _ => sentences.extend(of_windows(session)),
    }
    sentences
}

fn of_windows(session: &Session) -> Vec<String> {
    let Some((_, window)) = worst(session) else {
        return vec![format!(
            "`resetlab{} kill router-2`, while a lab runs, shows a window.",
            changes::named(session)
        )];
    };
    let mut sentences: Vec<String> = unnoticed(window)
        .into_iter()
        // It may be noticed yet.
        .filter(|_| !(session.running && window.open))
        .collect();
    // Checks that pass notice nothing sooner, and `run` would measure a fault that they see.
    if window.t_detect_s.is_none() && window.fault.is_behaviour() {
        return sentences;
    }
    let theory = session
        .lab
        .as_ref()
        .and_then(|lab| Some((lab, facts(session, lab, window)?.advice()?)));
    if let Some((lab, theory)) = theory {
        let Advice {
            sentences: told,
            first,
            ..
        } = theory;
        sentences.extend(told);
        sentences.extend((!first.is_empty()).then(|| how(session, lab, &first)));
    }
    sentences.extend(measure(session, window));
    sentences
}

/// Why the window is not a whole one.
fn unnoticed(window: &Window) -> Option<String> {
    let router = &window.router;
    match (window.t_detect_s, window.open) {
        (Some(_), _) => None,
        (None, _) if window.began == Began::OutOfUse || window.removed => None,
        // Some of them only requests meet, and checks pass.
        (None, open) if window.fault.is_behaviour() => {
            let until = match window.until {
                Some(next) => format!("before the {} that came upon it", shown::one(next)),
                None if open => "to the end".to_owned(),
                None => "until it was healed".to_owned(),
            };
            Some(format!(
                "Nothing noticed {router} ({}) {until}: where checks pass and requests fail, `detector=passive` is what sees \
                 it.",
                word(&window.fault)
            ))
        }
        (None, false) if window.fault == Fault::Hang => {
            Some(format!("{router} was resumed before its checks had noticed."))
        }
        (None, true) => Some(format!(
            "The session ended before {router} was noticed: let the next one go on for longer."
        )),
        (None, false) => Some(format!(
            "{router} came back before its checks had noticed: a longer `--restart-delay` shows the whole window."
        )),
    }
}

/// The commands that set the first of what was advised.
fn how(session: &Session, lab: &Lab, first: &[String]) -> String {
    let words = first.join(" ");
    let up = format!("`resetlab up{}{}`", stack(session, lab), commands::set(first));
    let live = commands::is_live(&lab.engine, first);
    match live {
        true => format!(
            "The first of these, while a lab runs: `resetlab{} set {words}`; from its start: {up}.",
            changes::named(session)
        ),
        false => format!("The first of these: {up}."),
    }
}

/// Where a few windows say little: the command that measures more of them with the same settings.
fn measure(session: &Session, window: &Window) -> Option<String> {
    let alike = |other: &&Window| other.fault == window.fault && other.t_detect_s.is_some() && !other.open;
    let n = session.windows.iter().filter(alike).count();
    let lab = session.lab.as_ref()?;
    let fault = word(&window.fault);
    let more = format!("`resetlab sweep --fault {fault} --interval 1s,2s,5s --fall 1..3` compares settings");
    if n >= FEW {
        return Some(format!("{more}."));
    }
    let so_few = match n {
        0 => format!("No whole window of a {} was seen", shown::one(window.fault)),
        1 => format!("One {} is little to go by", shown::one(window.fault)),
        n => format!("{n} {}s are little to go by", shown::one(window.fault)),
    };
    let possible = match window.fault {
        Fault::Cut => String::new(),
        _ => format!(
            ": `resetlab run --fault {fault} --trials {TRIALS}{}` measures {TRIALS} with this session's settings, and {more}",
            stack(session, lab)
        ),
    };
    Some(format!("{so_few}{possible}."))
}

/// What somebody has set, as flags of another command. As it was at the end.
fn stack(session: &Session, lab: &Lab) -> String {
    commands::stack(&lab.engine, &lab.settings, |key| changes::last(session, key))
}

/// What theory needs to know; `None`: an older program did not say, or a configuration of one's own says what theory has
/// no words for.
fn facts(session: &Session, lab: &Lab, window: &Window) -> Option<Facts> {
    let of = |key: &str| lab.settings.iter().find(|setting| setting.key == key);
    let own = of("engine-config").is_some_and(|setting| setting.origin != "default");
    let settings = advice::settings(&json!(lab.balancer)).filter(|_| !own)?;
    let engine: Engine = lab.engine.parse().ok()?;
    let duration = |key: &str| humantime::parse_duration(setting(session, key)?).ok();
    let rate = changes::last(session, "rate").and_then(|rate| rate.parse().ok());
    let routers = changes::last(session, "routers").and_then(|routers| routers.parse().ok());
    let same = |other: &&Window| other.fault == window.fault && !other.open;
    let lost: Vec<f64> = session
        .windows
        .iter()
        .filter(same)
        .map(|window| window.lost() as f64)
        .collect();
    let unchanged = session.changes.is_empty() && !lost.is_empty();
    Some(Facts {
        checked: engine != Engine::Nginx && settings.check.interval < SELDOM,
        settings,
        spec: Spec::new(window.fault),
        traffic: Traffic {
            rate: rate.or(lab.rate)?,
            routers: routers.or(lab.routers)?.clamp(1, 1000),
            arrivals: match lab.arrivals.as_deref() {
                Some("constant") => load::Arrivals::Constant,
                _ => load::Arrivals::Poisson,
            },
            connections: match setting(session, "connection") {
                Some("per-request") => load::Connections::PerRequest,
                _ => load::Connections::Kept,
            },
        },
        victims: 1,
        drain_wait: duration("drain-wait").unwrap_or_default(),
        version: lab.engine_version.clone().unwrap_or_default(),
        preset: setting(session, "preset").unwrap_or_default().to_owned(),
        patience: duration("client-timeout"),
        slowest: slowest(session),
        // What other settings have lost says nothing of these.
        measured_lost: unchanged.then(|| lost.iter().sum::<f64>() / lost.len() as f64),
        engine,
    })
}

/// How long nearly all answers of healthy routers took. Of an older session, how long all did but for the last hundredth,
/// which may be those of a router that hung.
fn slowest(session: &Session) -> Option<Slowest> {
    if let Some(healthy) = session.load.healthy_ms {
        return Slowest::of(healthy);
    }
    let service = session.load.service_ms.or(session.load.latency_ms)?;
    Slowest::new(service.p99, "99 %")
}

#[cfg(test)]
mod tests;
