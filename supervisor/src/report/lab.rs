//! PURE: what a session of `up` has shown.
//!
//! There is one way to a report: from a [`Session`]. Where `up` was ended, it is the document that it wrote, with the
//! figures of the very story that page and terminal told; where it was killed, [`replay`] makes the same document of the
//! records. `tables` lays it out.

mod advice;
mod beside;
pub mod changes;
mod merged;
mod replay;
pub mod session;
mod tables;
#[cfg(test)]
mod tests;

pub use merged::Merged;
pub use replay::replay;
pub use session::Session;

use super::figure::{Bars, Figure, Picture};
use super::method;
use super::model::{Block, Kind, Report, SCHEMA, Section, Verdict};
use super::pictures::Wanted;
use super::shown::{counted, grouped, percent, time, word};
use super::timeline::{Moment, Victim};
use super::warnings::sentence;
use crate::budget::{Budget, DAYS};
use crate::experiment::doubts;
use router::clock::Timestamp;
use router::record::Outcome;
use session::Window;
use std::collections::BTreeMap;
use std::time::Duration;

/// Later than this in a tick, and the load's own figures deserve doubt.
const LATE_MS: f64 = 5.0;
/// Where no objective is known.
const THREE_NINES: f64 = 0.999;

/// The window that cost most.
fn worst(session: &Session) -> Option<(usize, &Window)> {
    beside::windows(session).max_by(|(_, a), (_, b)| {
        let long = |window: &Window| window.t_detect_s.unwrap_or(f64::INFINITY);
        a.lost().cmp(&b.lost()).then(long(a).total_cmp(&long(b)))
    })
}

/// Its picture.
pub fn wanted(session: &Session) -> Vec<Wanted> {
    let interval = setting(session, "interval").and_then(|word| humantime::parse_duration(word).ok());
    let picture = |window: &Window| {
        let noticed = match window.t_detect_s {
            Some(t) => format!("noticed after {t:.3} s"),
            None if window.open && session.running => format!("not noticed{}", so_far(window)),
            None if window.open => format!("not noticed when the session ended{}", so_far(window)),
            None => "not noticed".to_owned(),
        };
        Wanted {
            dir: String::new(),
            id: "worst".to_owned(),
            caption: format!(
                "The window that cost most: {} ({}) {noticed}, {} lost.",
                window.router,
                word(&window.fault),
                counted(window.lost() as f64, "request")
            ),
            moment: Moment {
                at: window.death_ns,
                fault: window.fault,
                victims: vec![Victim {
                    router: window.router.clone(),
                    lost: Some(window.lost()),
                }],
                interval: interval.unwrap_or(Duration::from_secs(5)),
                t_detect_s: window.t_detect_s,
                predicted_t_detect_s: window.predicted_t_detect_s,
                t_stop_s: window.t_stop_s,
                t_clear_s: None,
            },
        }
    };
    worst(session)
        .map(|(_, window)| picture(window))
        .into_iter()
        .collect()
}

/// `, 1.234 s so far`
fn so_far(window: &Window) -> String {
    window
        .open_for_s
        .map_or(String::new(), |seconds| format!(", {seconds:.3} s so far"))
}

/// A setting of the balancer at the end, or at the beginning.
fn setting<'a>(session: &'a Session, key: &str) -> Option<&'a str> {
    let lab = session.lab.as_ref()?;
    let first = lab.settings.iter().find(|setting| setting.key == key);
    let last = lab.balancer.get(key).map(String::as_str);
    last.or(first.map(|setting| setting.value.as_str()))
}

/// `place` is the session's directory, by its name; `figures` are those of [`wanted`]; `doubts` are the reader's.
pub fn report(session: &Session, place: &str, figures: Vec<Figure>, doubts: Vec<String>) -> Report {
    let lab = session.lab.as_ref();
    let engine = lab.map_or("a balancer", |lab| lab.engine.as_str());
    let lasted = lab.map_or(String::new(), |lab| format!(" in {}", time(lab.duration_s)));
    let windows = counted(beside::windows(session).count() as f64, "window");
    let mut warnings = warnings(session);
    warnings.extend(doubts);
    let pictures = figures.into_iter().map(Block::Figure).collect();
    let section = |id, title: &str, blocks: Vec<Block>| Section {
        id,
        title: title.to_owned(),
        blocks,
    };
    let (losses, begun) = (losses(session), lab.map(|lab| lab.serving_since_ns));
    let sections = [
        section("timeline", "The window that cost most", pictures),
        section(
            "trials",
            "Every window",
            tables::windows(session, begun, worst(session)),
        ),
        section(
            "settings",
            "What was changed while it ran",
            changes::blocks(session, begun),
        ),
        section("lost", "What clients lost", losses),
        section(
            "mistakes",
            "Living routers taken for dead",
            tables::mistakes(session, begun),
        ),
        section("budget", "What it cost in error budget", budget(session)),
        section("latency", "How long requests took", tables::latency(session)),
        method(session),
    ];
    Report {
        schema: SCHEMA,
        kind: Kind::Lab,
        title: format!("A session with {windows}{lasted}, behind {engine}"),
        subtitle: method::subtitle(place, lab.and_then(|lab| lab.started_wall.as_deref())),
        complete: session.complete,
        verdict: verdict(session),
        warnings,
        sections: sections
            .into_iter()
            .filter(|section| !section.blocks.is_empty())
            .collect(),
    }
}

fn verdict(session: &Session) -> Verdict {
    let load = &session.load;
    let of_load = match session.success() {
        Some(success) => {
            let slo = session.lab.as_ref().and_then(|lab| lab.slo);
            let beside = match slo {
                Some(slo) if success < slo => format!(", below the objective of {}", percent(slo)),
                Some(slo) => format!(", the objective is {}", percent(slo)),
                None => String::new(),
            };
            format!(
                "{} of {} requests lost: {:.3} % succeeded{beside}",
                load.lost,
                load.sent,
                success * 100.0
            )
        }
        None => "no request was sent".to_owned(),
    };
    let beside = beside::words(session);
    let sentence = match beside::windows(session).count() {
        0 if session.windows.is_empty() => {
            format!("No router went while the session lasted{beside}; {of_load}.")
        }
        0 => format!("No router in use went while the session lasted{beside}; {of_load}."),
        n => {
            let lost: u64 = session.windows.iter().map(Window::lost).sum();
            let windows = counted(n as f64, "window");
            let open = match (session.open().count(), n) {
                (0, _) => String::new(),
                (1, 1) if session.running => ", still open,".to_owned(),
                (open, _) if session.running => format!(", {open} of which still open,"),
                (1, 1) => ", in which the session ended,".to_owned(),
                (1, _) => ", in the last of which the session ended,".to_owned(),
                (open, _) => format!(", {open} of which the session ended in,"),
            };
            format!(
                "{windows}{open} cost {}{beside}; {of_load}.",
                counted(lost as f64, "request")
            )
        }
    };
    let advice = advice::advice(session);
    Verdict { sentence, advice }
}

/// By outcome, and why attempts failed.
fn losses(session: &Session) -> Vec<Block> {
    if session.load.lost == 0 && session.windows.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Table(tables::outcomes(session))];
    blocks.extend(beside::table(session));
    blocks.extend(tables::causes(session).map(Block::Table));
    let bar = |window: &Window| {
        let parts: &BTreeMap<Outcome, u64> = &window.lost.by_outcome;
        let parts = parts
            .iter()
            .map(|(outcome, count)| (word(outcome), *count as f64));
        (
            format!("{} {}", window.router, word(&window.fault)),
            parts.collect(),
        )
    };
    let bars: Vec<(String, Vec<(String, f64)>)> = session.windows.iter().take(BARS).map(bar).collect();
    if bars.iter().any(|(_, parts)| !parts.is_empty()) {
        let first = if session.windows.len() > BARS {
            format!(", the first {BARS}")
        } else {
            String::new()
        };
        let caption = format!("Requests that each window cost, by what their clients got{first}.");
        blocks.push(Block::Figure(Figure {
            id: "lost-by-window".to_owned(),
            alt: caption.clone(),
            caption,
            picture: Picture::Bars(Bars {
                x_label: "lost requests".to_owned(),
                bars,
            }),
        }));
    }
    blocks
}

/// Bars that a reader can tell apart.
const BARS: usize = 20;

fn budget(session: &Session) -> Vec<Block> {
    let lab = session.lab.as_ref();
    let (Some(rate), Some(success)) = (lab.and_then(|lab| lab.rate), session.success()) else {
        return Vec::new();
    };
    let slo = lab.and_then(|lab| lab.slo);
    let budget = Budget {
        slo: slo.unwrap_or(THREE_NINES),
        days: DAYS,
        rate,
    };
    // Those of before that was measured had one rate.
    let of_one_rate = || budget.left(session.load.lost as f64).map(|left| 1.0 - left);
    let spent = match session.load.lost_where {
        Some(_) => session.load.budget_spent,
        None => of_one_rate(),
    };
    let (Some(spent), Some(burn)) = (spent, budget.burn_rate(success)) else {
        return Vec::new();
    };
    let varied = session.changes.iter().any(|change| change.key == "rate");
    let charged = match varied {
        true => ", each lost request charged at the rate of then",
        false => "",
    };
    let whose = if slo.is_some() {
        "An objective of"
    } else {
        "No objective is known; one of"
    };
    vec![Block::Text {
        text: format!(
            "{whose} {} allows {} requests of {DAYS} days at {rate} requests a second to be lost. This session spent \
             {:.2} % of them{charged}, at {burn:.1} times the rate at which they would last.",
            percent(budget.slo),
            grouped(budget.allowed()),
            spent * 100.0
        ),
    }]
}

fn warnings(session: &Session) -> Vec<String> {
    let mut warnings = beside::warnings(session);
    if session.running {
        warnings.push(
            "This session is still running; this is what there is so far: the figures are made of its records, up to the last \
             one."
                .to_owned(),
        );
    } else if !session.complete {
        warnings.push(
            "This session was not ended, or its summary is not there: the figures are made of its records, up to the last \
             one."
                .to_owned(),
        );
    }
    let open = match session.running {
        true => "is still open",
        false => "was still open when the session ended",
    };
    warnings.extend(session.open().map(|window| {
        format!(
            "The window of {} {open}{}: it had cost {} by then.",
            window.router,
            so_far(window),
            counted(window.lost() as f64, "request")
        )
    }));
    warnings.extend(doubts::unwritten(session.records_lost).map(|text| sentence(&text)));
    if let Some(late) = session.load.late_p99_ms.filter(|late| *late > LATE_MS) {
        warnings.push(format!(
            "The load was late (p99 up to {late:.1} ms in a tick): the machine was too busy to trust the figures."
        ));
    }
    if !session.left_running.is_empty() {
        warnings.push(format!(
            "Still running when it ended: {}.",
            session.left_running.join(", ")
        ));
    }
    warnings
}

fn method(session: &Session) -> Section {
    let Some(lab) = &session.lab else {
        return method::section(Vec::new(), &method::Source::default());
    };
    let load = match (lab.rate, &lab.arrivals) {
        (Some(rate), Some(arrivals)) => format!("{rate} requests/s, {arrivals}, open loop"),
        _ => "not recorded".to_owned(),
    };
    let late = session.load.late_p99_ms;
    let traffic = session
        .crash_traffic
        .as_ref()
        .map(|traffic| format!("{}/s that gorouter dies of, {} sent", traffic.rate, traffic.sent));
    let facts = [
        (
            "Routers at the beginning",
            lab.routers.map(|routers| routers.to_string()),
        ),
        ("Load", Some(load)),
        (
            "Load was late by",
            late.map(|late| format!("p99 {late:.2} ms in the worst tick")),
        ),
        ("Crash traffic", traffic),
        ("Lasted", Some(time(lab.duration_s))),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    let mut section = method::section(
        facts,
        &method::Source {
            engine: &lab.engine,
            engine_version: lab.engine_version.as_deref(),
            version: Some(lab.version.as_str()).filter(|version| !version.is_empty()),
            stated: Some(lab.settings.as_slice()).filter(|settings| !settings.is_empty()),
            machine: lab.machine.as_ref(),
            settings: Some(&lab.balancer),
            command: &lab.command,
            seed: "",
        },
    );
    let command = |block: &Block| matches!(block, Block::Command { .. });
    if let (Some(place), Some(orders)) = (
        section.blocks.iter().position(command),
        changes::to_follow(session, Some(lab.serving_since_ns)),
    ) {
        let text =
            "That begins with the settings of the beginning. What was changed while it ran:".to_owned();
        section
            .blocks
            .splice(place + 1..place + 1, [Block::Text { text }, orders]);
    }
    section
}

/// Seconds since the session began to serve.
fn since(begun: Option<Timestamp>, at: Timestamp) -> Option<f64> {
    Some(at.seconds_after(begun?))
}
