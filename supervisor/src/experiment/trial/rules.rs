//! PURE: what a trial goes by, from settings and theory.

use crate::engine::Engine;
use crate::experiment::forecast::Forecast;
use crate::experiment::measure::Anchor;
use crate::settings::LabSettings;
use lb_sim::core::{OnFailure, RetryTo, Schedule};
use lb_sim::theory::Ages;
use router::fault::Spec;
use std::time::Duration;

/// What a trial needs to know of the run.
#[derive(Clone, Debug)]
pub struct Rules {
    pub spec: Spec,
    pub anchor: Anchor,
    /// Phases are shares of it.
    pub interval: Duration,
    /// Or of these, where gaps are random.
    pub ages: Option<Ages>,
    /// The gap between two checks, where it is always the same.
    pub steady: Option<Duration>,
    /// Somebody checks the routers' health.
    pub checked: bool,
    /// Before the first request a check may be this much later than any other (Envoy).
    pub quiet: Duration,
    /// Theory's longest `t_detect` plus an interval, or a second where that is longer: then the balancer has missed it.
    pub give_up: Duration,
    /// `None`: held until the balancer has it out of use. Otherwise brought back this long after the fault, or after
    /// the exit of a drained router.
    pub restart_delay: Option<Duration>,
    /// Longest life of an attempt: connect plus response timeout, or as long as its client waits.
    pub attempt: Duration,
    /// Requests may be tried so long again at a router that is out of use already (`retry-to=same`, as HAProxy):
    /// brought back earlier it would answer them, and save what a dead router had lost.
    pub lingering: Duration,
    /// `drain`: longest time from SIGUSR1 to the exit.
    pub leaving: Duration,
    /// Longest time from a router's start to `ready`.
    pub start: Duration,
    /// Longest wait for a Down router to be believed Up and used again.
    pub readmission: Duration,
    /// The trial goes on until the victims are used again; otherwise it ends with the fault, and the stack with it.
    pub comes_back: bool,
}

/// A process is up a moment after it was started, and told to wait.
const START: Duration = Duration::from_secs(10);
/// A router ejected for a time is tried again after it: a trial sees what that costs.
const SECOND_TRY: Duration = Duration::from_secs(3);
/// A retry is late by that at most on a busy machine.
const LINGERING_SLACK: Duration = Duration::from_millis(250);
const READMISSION_SLACK: Duration = Duration::from_secs(5);

/// What trials of `spec` go by; `restart_delay` where it was asked for.
pub fn rules(
    spec: Spec,
    settings: &LabSettings,
    forecast: &Forecast,
    restart_delay: Option<Duration>,
) -> Rules {
    let check = &settings.lb.check;
    let router = settings.router.in_force();
    let cycle = check.interval + check.jitter + check.timeout;
    let ejection = settings.lb.passive.ejection;
    let checked = settings.has_checks();
    // A real balancer may not say until when it keeps a router ejected; lb-sim does.
    let ejected = match settings.engine {
        Engine::LbSim => Duration::ZERO,
        _ => ejection,
    };
    let attempt = settings.lb.connect_timeout + settings.lb.response_timeout;
    let attempt = attempt.min(settings.client_timeout);
    let random = !check.jitter.is_zero() || check.spread.fraction() > 0.0;
    let others = [
        check.fall_interval,
        check.down_interval,
        check.rise_interval,
        check.no_traffic_interval,
    ];
    // Of rounds only the first router's checks keep time.
    let rounds = matches!(check.schedule, Schedule::Batch | Schedule::BatchByState);
    let steady = !random && !rounds && check.probers == 1 && others.iter().all(Option::is_none);
    Rules {
        spec,
        steady: steady.then_some(check.interval),
        anchor: match check.schedule {
            Schedule::End => Anchor::End,
            _ => Anchor::Start,
        },
        interval: settings.rhythm(),
        ages: Ages::of(check).filter(|_| settings.shows_checks()),
        checked: settings.shows_checks(),
        quiet: check.no_traffic_interval.unwrap_or(Duration::ZERO),
        give_up: match checked {
            true => forecast.give_up(),
            false => ejection + SECOND_TRY,
        },
        restart_delay,
        attempt,
        lingering: lingering(spec, settings, attempt),
        leaving: router.drain_wait + router.drain_timeout,
        start: START + router.start_response_delay_interval,
        readmission: READMISSION_SLACK
            + match checked {
                true => cycle * (check.rise + 2) + ejected,
                false => ejection,
            },
        comes_back: true,
    }
}

impl Rules {
    /// How long after a check a fault of that phase comes, from 0 to 1.
    pub fn after(&self, phase: f64) -> Duration {
        self.ages
            .map_or_else(|| self.interval.mul_f64(phase), |ages| ages.at(phase))
    }

    /// No check before a fault is of longer before it.
    pub fn oldest(&self) -> Duration {
        self.ages
            .map_or(self.interval, |ages| ages.most().max(self.interval))
    }
}

/// After the last request that was sent to a router: all its retries there, as long as its client waits.
fn lingering(spec: Spec, settings: &LabSettings, attempt: Duration) -> Duration {
    let lb_sim::core::RetrySettings {
        retries,
        to,
        delay,
        jitter,
        time,
        ..
    } = settings.lb.retry;
    let retried = matches!(settings.lb.on_failure, OnFailure::Retry | OnFailure::RetryConnect);
    if !retried || to != RetryTo::Same {
        return Duration::ZERO;
    }
    // A dead router refuses at once; another may keep each attempt. A random wait grows tenfold at most.
    let attempt = match spec.fault.is_death() {
        true => Duration::ZERO,
        false => attempt,
    };
    let all = (delay + jitter * 10 + attempt).saturating_mul(retries);
    let longest = time.map_or(settings.client_timeout, |time| {
        settings.client_timeout.min(time + attempt)
    });
    all.min(longest) + LINGERING_SLACK
}

impl Rules {
    /// Why nothing seems to happen at first.
    pub fn patience(&self) -> Option<String> {
        let quiet = humantime::format_duration(self.quiet);
        (self.quiet > self.interval).then(|| {
            format!(
                "waiting for the first check up to {quiet}: until a request has come checks keep no-traffic-interval={quiet}, \
                 and a wait that has begun goes on (--set no-traffic-interval=1s shortens it)"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::record::Fault;

    fn of(words: &str) -> Rules {
        let mut lab = LabSettings::default();
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            lab.set("a test", key, value).unwrap();
        }
        let kill = Spec::new(Fault::Kill);
        rules(kill, &lab, &Forecast::new(&lab, kill, 1), None)
    }

    #[test]
    fn a_balancer_without_checks_is_waited_for_as_long_as_it_ejects() {
        let words = "interval=1day detector=passive passive-ejection=10s";
        let without = of(words);
        assert!(!without.checked);
        assert_eq!(without.give_up, Duration::from_secs(13));
        assert!(without.readmission < Duration::from_secs(30));
        assert!(
            without.interval < Duration::from_secs(2),
            "phases are not shares of a day"
        );
        assert!(of("interval=5s").checked);
    }

    #[test]
    fn a_router_is_held_while_requests_are_tried_at_it_again() {
        // Three retries a second apart, of clients that wait 5 s.
        let haproxy = of("preset=haproxy");
        assert_eq!(haproxy.lingering, Duration::from_millis(3250));
        assert_eq!(
            of("preset=haproxy client-timeout=2s").lingering,
            Duration::from_millis(2250)
        );
        for elsewhere in ["preset=envoy", "preset=haproxy retry-to=other", "interval=1s"] {
            assert_eq!(of(elsewhere).lingering, Duration::ZERO, "{elsewhere}");
        }
    }

    #[test]
    fn where_gaps_are_random_a_fault_may_come_later_after_a_check_than_the_interval() {
        let steady = of("interval=1s");
        assert_eq!(steady.after(0.75), Duration::from_millis(750));
        assert_eq!(steady.oldest(), Duration::from_secs(1));
        // Envoy's jitter, as long as the interval: a quarter of the moments is later than 1.125 s after a check.
        let random = of("interval=1s jitter=1s");
        assert!(random.after(0.75) > Duration::from_millis(1100));
        assert!(random.after(0.999) <= random.oldest() && random.oldest() < Duration::from_secs(2));
        assert_eq!(
            of("interval=1s jitter=1s engine=nginx").ages,
            None,
            "nobody checks"
        );
    }

    #[test]
    fn an_attempt_lasts_no_longer_than_its_client_waits() {
        assert_eq!(of("client-timeout=5s").attempt, Duration::from_secs(3));
        assert_eq!(
            of("client-timeout=2s response-timeout=50s").attempt,
            Duration::from_secs(2)
        );
    }
}
