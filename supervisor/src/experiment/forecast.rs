//! PURE: what theory says of the run's fault under its settings, and how long a trial waits because of that.

use super::load::Connection;
use super::load::arrivals::Arrivals;
use super::measure;
use super::summary::{Bounds, Theory};
use crate::engine::Beyond;
use crate::settings::LabSettings;
use lb_sim::core::{Detectors, Settings};
use lb_sim::theory::{self, Case, NoTheory, Patience, Phase, Traffic, load};
use router::clock::Timestamp;
use router::fault::Spec;
use std::time::Duration;

/// A fault under settings.
#[derive(Clone, Debug)]
pub struct Forecast {
    settings: Settings,
    spec: Spec,
    /// Hit at a time.
    victims: u32,
    traffic: Traffic,
    drain_wait: Duration,
    patience: Patience,
    /// `None`: nobody makes checks.
    interval: Option<Duration>,
    /// What the balancer does that theory has no words for.
    beyond: Beyond,
}

/// More attempts than that do not come late: fifteen gaps of Poisson arrivals are as good as never.
const GAPS_TO_SPARE: u32 = 15;
/// What notices on a busy machine may be so late.
const LATE: Duration = Duration::from_secs(1);

impl Forecast {
    pub fn new(lab: &LabSettings, spec: Spec, victims: u32) -> Forecast {
        Forecast {
            settings: lab.lb.clone(),
            spec,
            victims,
            traffic: Traffic {
                rate: lab.rate,
                routers: lab.routers,
                arrivals: match lab.arrivals {
                    Arrivals::Constant => load::Arrivals::Constant,
                    Arrivals::Poisson => load::Arrivals::Poisson,
                },
                connections: match lab.connection() {
                    Connection::KeepAlive => load::Connections::Kept,
                    Connection::PerRequest => load::Connections::PerRequest,
                },
            },
            drain_wait: lab.router.drain_wait,
            patience: lab.engine.patience(lab.client_timeout),
            interval: lab.has_checks().then_some(lab.lb.check.interval),
            beyond: lab.beyond.clone(),
        }
    }

    /// `t_detect` of one fault, in seconds, where theory has a figure for its phase.
    pub fn predict(&self, phase: &measure::Phase, fault: Timestamp) -> Option<f64> {
        if !self.unknown_detection().is_empty() {
            return None;
        }
        let mut settings = self.settings.clone();
        if phase.failures > 0 {
            // A busy machine has made a check too late: one less is missing.
            settings.check.fall = settings.check.fall.saturating_sub(phase.failures).max(1);
            settings.check.interval = settings.check.fall_interval.unwrap_or(settings.check.interval);
        }
        let phase = Phase::of(fault, phase.started, phase.ended, phase.passed);
        let predicted = self.case(&settings).predict(phase).ok()?;
        Some(predicted.as_secs_f64())
    }

    /// From the fault until the balancer has missed it: a whole interval (and no less than a busy machine may be late)
    /// later than it could have been by polling, or where that never sees it, by what else there is.
    pub fn give_up(&self) -> Duration {
        let Some(interval) = self.interval else {
            return self.attempts() + LATE;
        };
        let check = &self.settings.check;
        let polling = Settings {
            detectors: Detectors::default(),
            ..self.settings.clone()
        };
        let most = |settings: &Settings| self.case(settings).t_detect().and_then(|bounds| bounds.max);
        let longest = most(&polling).unwrap_or_else(|_| {
            // As many checks as would do otherwise are waited for.
            let longest = check.fall_interval.map_or(interval, |gap| gap.max(interval));
            let gap = longest.mul_f64(1.0 + check.spread.fraction()) + check.jitter;
            let checks = (gap + check.timeout * self.victims) * (check.fall + 1);
            let all = most(&self.settings).unwrap_or_else(|_| self.attempts());
            checks.max(all)
        });
        longest + interval.max(LATE)
    }

    /// What stands beside the measurement.
    pub fn theory(&self) -> Theory {
        let case = self.case(&self.settings);
        let (mut t_detect, mut lost) = (
            case.t_detect().map_err(|e| e.to_string()),
            case.lost().map_err(|e| e.to_string()),
        );
        let detection = self.unknown_detection();
        let all: Vec<&String> = self.beyond.detection.iter().chain(&self.beyond.losses).collect();
        if !detection.is_empty() {
            t_detect = Err(no_words(&detection));
        }
        if !all.is_empty() {
            lost = Err(no_words(&all));
        }
        let seconds = |bounds: theory::Bounds<Duration>| bounds.map(|time| time.as_secs_f64());
        Theory {
            t_detect_s: t_detect
                .as_ref()
                .ok()
                .copied()
                .map(|bounds| document(seconds(bounds))),
            reason: match &t_detect {
                Err(why) => Some(why.clone()),
                Ok(bounds) => missing(bounds),
            },
            lost_per_trial: lost.as_ref().ok().and_then(|lost| lost.mean.ok()),
            lost: lost.as_ref().ok().copied().map(document),
            lost_reason: match &lost {
                Err(why) => Some(why.clone()),
                Ok(bounds) => missing(bounds),
            },
        }
    }

    /// What of the engine-config makes it unknown when a death is noticed: where failed attempts count, that depends on
    /// where requests are sent.
    fn unknown_detection(&self) -> Vec<&String> {
        let sent = self
            .beyond
            .losses
            .iter()
            .filter(|_| self.settings.detectors.passive);
        self.beyond.detection.iter().chain(sent).collect()
    }

    /// Until failed attempts have ejected, or will not.
    fn attempts(&self) -> Duration {
        let Settings {
            detectors,
            passive,
            connect_timeout,
            response_timeout,
            ..
        } = self.settings;
        let gap = f64::from(self.traffic.routers) / self.traffic.rate.max(f64::MIN_POSITIVE);
        match Duration::try_from_secs_f64(gap) {
            Ok(gap) if detectors.passive => {
                // Nobody waits longer than the client.
                let attempt = (connect_timeout + response_timeout).min(self.patience.time);
                gap.saturating_mul(passive.failures + GAPS_TO_SPARE)
                    .saturating_add(attempt)
            }
            _ => Duration::ZERO,
        }
    }

    fn case<'a>(&'a self, settings: &'a Settings) -> Case<'a> {
        Case {
            settings,
            spec: &self.spec,
            traffic: self.traffic,
            victims: self.victims,
            drain_wait: self.drain_wait,
            patience: self.patience,
            checked: self.interval.is_some(),
        }
    }
}

fn document(bounds: theory::Bounds<f64>) -> Bounds {
    Bounds {
        min: bounds.min,
        mean: bounds.mean.ok(),
        max: bounds.max.ok(),
    }
}

fn no_words(beyond: &[&String]) -> String {
    let beyond: Vec<&str> = beyond.iter().map(|each| each.as_str()).collect();
    format!(
        "theory has no words for what the engine-config has: {}",
        beyond.join(", ")
    )
}

/// Why one of the figures is missing.
fn missing<T>(bounds: &theory::Bounds<T>) -> Option<String> {
    let missing = bounds.mean.as_ref().err().or(bounds.max.as_ref().err());
    missing.map(NoTheory::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::fault::On;
    use router::record::Fault;

    fn forecast(settings: &str, spec: Spec) -> Forecast {
        let mut lab = LabSettings::default();
        for word in settings.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            lab.set("a test", key, value).unwrap();
        }
        Forecast::new(&lab, spec, 1)
    }

    #[test]
    fn a_trial_waits_for_polling_even_where_another_detector_should_be_first() {
        let kill = Spec::new(Fault::Kill);
        let polled = forecast("interval=1s fall=2", kill);
        assert_eq!(polled.give_up(), Duration::from_secs(3));
        let sentinel = forecast("interval=1s fall=2 detector=sentinel", kill);
        assert_eq!(sentinel.give_up(), Duration::from_secs(3));
        assert_eq!(sentinel.theory().t_detect_s.unwrap().max, Some(0.0));
    }

    #[test]
    fn of_several_victims_each_waits_for_those_before_it_and_the_loss_says_why_it_is_not_known() {
        let words = "interval=1s timeout=400ms fall=1 schedule=batch";
        let mut hang = forecast(words, Spec::new(Fault::Hang));
        assert_eq!(hang.give_up(), Duration::from_millis(2400));
        assert_eq!(hang.theory().lost_reason, None);
        hang.victims = 3;
        assert_eq!(hang.give_up(), Duration::from_millis(3200));
        let theory = hang.theory();
        assert_eq!(theory.t_detect_s.unwrap().mean, Some(1.3));
        assert!(theory.lost_reason.unwrap().contains("several victims"));
    }

    #[test]
    fn what_decides_the_losses_only_leaves_the_detection_predicted() {
        let kill = Spec::new(Fault::Kill);
        let of = |settings: &str| {
            let mut forecast = forecast(settings, kill);
            forecast
                .beyond
                .losses
                .push("the server option maxconn".to_owned());
            forecast
        };
        let why = "theory has no words for what the engine-config has: the server option maxconn";
        let phase = measure::Phase {
            started: Timestamp(0),
            ended: Timestamp(0),
            passed: true,
            failures: 0,
        };
        let checked = of("interval=1s fall=2");
        let theory = checked.theory();
        assert_eq!(theory.t_detect_s.unwrap().max, Some(2.0));
        assert_eq!((theory.reason, theory.lost), (None, None));
        assert_eq!(theory.lost_reason.as_deref(), Some(why));
        // Where attempts are counted it decides when they are made.
        let counted = of("interval=1s fall=2 detector=passive");
        assert_eq!(counted.predict(&phase, Timestamp(0)), None);
        let theory = counted.theory();
        assert_eq!((theory.t_detect_s, theory.reason.as_deref()), (None, Some(why)));
        let mut other = of("interval=1s fall=2");
        other
            .beyond
            .detection
            .push("servers with different inter".to_owned());
        let theory = other.theory();
        assert_eq!(
            theory.reason.unwrap(),
            "theory has no words for what the engine-config has: servers with different inter"
        );
        assert!(
            theory
                .lost_reason
                .unwrap()
                .ends_with("inter, the server option maxconn")
        );
    }

    /// Measured of nginx 1.22.1: never, 149 of 149 attempts ended when their clients left.
    #[test]
    fn clients_that_leave_before_nginx_gives_up_tell_it_nothing() {
        let of =
            |words: &str| forecast(&format!("response-timeout=3s {words}"), Spec::new(Fault::Hang)).theory();
        let never = of("engine=nginx client-timeout=1s");
        assert_eq!((never.t_detect_s, never.lost), (None, None));
        assert!(
            never
                .reason
                .unwrap()
                .contains("clients leave (client-timeout) before")
        );
        for sooner in ["engine=nginx client-timeout=5s", "preset=nginx client-timeout=1s"] {
            assert_eq!(of(sooner).t_detect_s.unwrap().min, 3.0, "{sooner}");
        }
        for (engine, outlives) in [("haproxy", true), ("envoy", false)] {
            let watched = format!("engine={engine} client-timeout=1s interval=8s detector=passive");
            let first = of(&watched).t_detect_s.unwrap().min < 4.0;
            assert_eq!(first, outlives, "{engine}");
        }
    }

    #[test]
    fn a_check_that_had_failed_before_the_fault_counts() {
        let forecast = forecast("interval=300ms timeout=200ms fall=2", Spec::new(Fault::Crash));
        let at = |ms: u64| Timestamp(1_000_000_000 + ms * 1_000_000);
        let after = |failures| {
            let phase = measure::Phase {
                started: at(0),
                ended: at(1),
                passed: failures == 0,
                failures,
            };
            forecast.predict(&phase, at(100)).unwrap()
        };
        assert_eq!((after(0), after(1)), (0.5, 0.2));
    }

    #[test]
    fn checks_of_once_a_day_are_no_figure() {
        let hang = forecast("preset=caddy-passive", Spec::new(Fault::Hang)).theory();
        assert_eq!(
            (hang.t_detect_s, hang.lost, hang.lost_per_trial),
            (None, None, None)
        );
        for reason in [hang.reason, hang.lost_reason] {
            assert!(reason.unwrap().contains("wait for ever"));
        }
        for preset in ["caddy-passive", "nginx"] {
            let kill = forecast(&format!("preset={preset}"), Spec::new(Fault::Kill)).theory();
            let t_detect = kill.t_detect_s.unwrap();
            assert!(
                t_detect.mean.is_none_or(|mean| mean < 1.0),
                "{preset}: {t_detect:?}"
            );
            assert_eq!(t_detect.max, None, "{preset}");
            // Caddy's one failure is all that a death costs, whenever it comes.
            let most = kill.lost.and_then(|lost| lost.max);
            assert_eq!(most, (preset == "caddy-passive").then_some(1.0), "{preset}");
        }
    }

    #[test]
    fn what_nobody_can_notice_is_given_up_and_says_why() {
        let requests = Spec {
            on: On::Requests,
            ..Spec::new(Fault::Error)
        };
        let polled = forecast("interval=200ms timeout=100ms fall=2", requests);
        assert_eq!(polled.give_up(), Duration::from_millis(1900));
        let theory = polled.theory();
        assert_eq!(theory.t_detect_s, None);
        assert!(
            theory.reason.clone().unwrap().contains("requests only"),
            "{theory:?}"
        );
        let passive = forecast(
            "interval=200ms timeout=100ms fall=2 detector=passive rate=4",
            requests,
        );
        let unchecked = forecast("preset=nginx", Spec::new(Fault::Kill));
        assert!(
            unchecked.give_up() < Duration::from_secs(10),
            "nobody waits for a check"
        );
        assert!(
            passive.give_up() > Duration::from_secs(20),
            "20 attempts of one a second"
        );
    }
}
