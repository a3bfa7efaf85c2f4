//! PURE: which trials are worth a picture, and what theory needs to know of a run.

use crate::engine::Engine;
use crate::experiment::measure::Trial;
use crate::experiment::summary::Summary;
use crate::report::advice::{self, Facts, Slowest};
use crate::report::pictures::Wanted;
use crate::report::shown;
use crate::report::statistics::median_place;
use crate::report::timeline::Moment;
use crate::settings::brief::SELDOM;
use lb_sim::theory::{Traffic, load};
use router::record::Fault;
use std::time::Duration;

/// The typical trial and the worst.
#[derive(Debug, Default)]
pub struct Chosen {
    pub trials: Vec<Wanted>,
    /// Why there is none.
    pub none: Option<String>,
}

/// The typical trial has the median `t_detect`; the worst one was noticed last, or never. Where detection is not known
/// they go by the lost requests.
pub fn chosen(s: &Summary) -> Chosen {
    let valid: Vec<&Trial> = s.trials.iter().filter(|trial| !trial.is_invalid()).collect();
    if s.trials.is_empty() {
        return none("no trial was completed");
    }
    if valid.is_empty() {
        return none("every trial is invalid");
    }
    if valid.iter().all(|trial| trial.at_ns.is_none()) {
        return none("summary.json does not say when the faults were: it was written by an older resetlab");
    }
    let (typical, how) = typical(&valid);
    let worst = valid.iter().copied().max_by(|a, b| {
        badness(a)
            .partial_cmp(&badness(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let interval = interval(s);
    let mut trials = Vec::new();
    let mut add = |trial: &Trial, id: &str, kind: &str| {
        let victims: Vec<&Trial> = match trial.trial {
            // An older program gave no numbers.
            0 => vec![trial],
            number => valid
                .iter()
                .copied()
                .filter(|other| other.trial == number)
                .collect(),
        };
        if let Some(moment) = Moment::of(&victims, interval) {
            let noticed = match (trial.detected, trial.t_detect_s) {
                (_, Some(t_detect)) => format!(
                    "{} was believed in use for {t_detect:.3} s after it went",
                    trial.router
                ),
                (Some(false), _) => format!("the balancer never noticed {}", trial.router),
                _ => format!("{} went", trial.router),
            };
            let lost = shown::counted(trial.lost.total() as f64, "request");
            trials.push(Wanted {
                dir: String::new(),
                id: id.to_owned(),
                caption: format!("Trial {}, {kind}: {noticed}, and {lost} were lost.", trial.trial),
                moment,
            });
        }
    };
    let n = valid.len();
    if n == 1 {
        add(typical, "timeline-only", "the only one");
    } else {
        add(
            typical,
            "timeline-typical",
            &format!("the typical one ({how} of {n})"),
        );
        if let Some(worst) = worst.filter(|worst| !std::ptr::eq(*worst, typical)) {
            add(worst, "timeline-worst", &format!("the worst of {n}"));
        }
    }
    Chosen { trials, none: None }
}

fn none(why: &str) -> Chosen {
    Chosen {
        trials: Vec::new(),
        none: Some(why.to_owned()),
    }
}

/// And what makes it typical.
fn typical<'a>(valid: &[&'a Trial]) -> (&'a Trial, &'static str) {
    let noticed: Vec<&Trial> = valid
        .iter()
        .copied()
        .filter(|trial| trial.t_detect_s.is_some())
        .collect();
    let times: Vec<f64> = noticed.iter().filter_map(|trial| trial.t_detect_s).collect();
    if let Some(place) = median_place(&times) {
        return (noticed[place], "the median t_detect");
    }
    let lost: Vec<f64> = valid.iter().map(|trial| trial.lost.total() as f64).collect();
    (
        valid[median_place(&lost).unwrap_or(0)],
        "the median of lost requests",
    )
}

/// Never noticed, late, costly: in this order.
fn badness(trial: &Trial) -> (bool, f64, u64) {
    (
        trial.detected == Some(false),
        trial.t_detect_s.unwrap_or(0.0),
        trial.lost.total(),
    )
}

fn interval(s: &Summary) -> Duration {
    let seconds = s.check["interval_s"]
        .as_f64()
        .filter(|s| (0.001..=86_400.0).contains(s));
    Duration::from_secs_f64(seconds.unwrap_or(5.0)).min(Duration::from_secs(60))
}

/// `None`: it was measured by an older program, or by a configuration of one's own that says what theory has no words
/// for.
pub fn facts(s: &Summary) -> Option<Facts> {
    let setup = s.setup.as_ref()?;
    let beyond = |why: &Option<String>| why.as_ref().is_some_and(|why| why.contains("engine-config"));
    if beyond(&s.theory.reason) || beyond(&s.theory.lost_reason) {
        return None;
    }
    let settings = advice::settings(&s.check)?;
    let engine: Engine = s.engine.parse().ok()?;
    let origin = |key: &str| setup.settings.iter().find(|setting| setting.key == key);
    let own = origin("engine-config").is_some_and(|setting| setting.origin != "default");
    let drain_wait = s.router["drain-wait"].as_str();
    let drain_wait = drain_wait.and_then(|word| humantime::parse_duration(word).ok());
    Some(Facts {
        checked: (engine != Engine::Nginx || own) && settings.check.interval < SELDOM,
        settings,
        spec: setup.fault,
        traffic: Traffic {
            rate: s.load.rate,
            routers: setup.routers.clamp(1, 1000),
            arrivals: match s.load.arrivals.as_str() {
                "constant" => load::Arrivals::Constant,
                _ => load::Arrivals::Poisson,
            },
            connections: match s.load.connection.as_str() {
                "per-request" => load::Connections::PerRequest,
                _ => load::Connections::Kept,
            },
        },
        victims: setup.victims.max(1),
        drain_wait: drain_wait.unwrap_or_default(),
        version: s.engine_version.clone(),
        preset: s.preset.clone(),
        patience: origin("client-timeout").and_then(|setting| humantime::parse_duration(&setting.value).ok()),
        slowest: slowest(s, setup.fault.fault),
        measured_lost: s.summary.lost_per_trial.map(|lost| lost.mean),
        engine,
    })
}

/// How long nearly all answers of healthy routers took: 999 of 1,000. An older run has those of all routers; one that
/// hangs or is slow has answered late itself, when it went on: then the last hundredth is its own.
fn slowest(s: &Summary, fault: Fault) -> Option<Slowest> {
    if let Some(healthy) = s.load.healthy_ms {
        return Slowest::of(healthy);
    }
    let service = s.load.service_ms.or(s.load.latency_ms)?;
    match fault {
        Fault::Hang | Fault::Silent | Fault::Slow => Slowest::new(service.p99, "99 %"),
        _ => Slowest::new(service.p999, "99.9 %"),
    }
}
