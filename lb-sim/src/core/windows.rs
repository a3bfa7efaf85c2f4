//! How long real load balancers' defaults take to notice, in virtual time: from the settings that express each system to
//! the least, mean and greatest time from a death to Down.
//!
//! The expectations are those of the closed forms, checked against the systems' sources and documentation; they are not
//! taken from this program.

use super::world::{BIRTH, Truth, World};
use super::{BackendId, CheckSettings, Settings};
use router::record::Belief;
use std::time::Duration;

/// Seconds from a death to Down: least, mean, greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window(pub f64, pub f64, pub f64);

/// A router among `of` that was checked for a while and then becomes `truth`, once in each of `deaths` moments spread
/// evenly over the time from one check to the next. Chance is another each time.
pub(super) struct Death<'a> {
    pub settings: &'a str,
    pub truth: Truth,
    pub of: u32,
    pub deaths: u32,
    /// Requests have come before.
    pub traffic: bool,
}

impl<'a> Death<'a> {
    pub fn new(settings: &'a str, truth: Truth) -> Death<'a> {
        Death {
            settings,
            truth,
            of: 1,
            deaths: 400,
            traffic: true,
        }
    }

    /// Every time from the death to Down, in seconds.
    pub fn times(&self) -> Vec<f64> {
        let settings = checks(self.settings);
        let gap = match settings.no_traffic_interval {
            Some(gap) if !self.traffic => gap,
            _ => settings.interval + settings.jitter,
        };
        // Until chance has mixed the phases.
        let by_chance = settings.spread.0 > 0 || !settings.jitter.is_zero();
        let warm_up = if by_chance { 20 } else { 2 };
        let time = |death: u32| {
            let mut world = World::new(settings.clone(), self.of, death.into());
            if self.traffic {
                world.balancer.on_traffic();
            }
            let phase = gap.mul_f64((f64::from(death) + 0.5) / f64::from(self.deaths));
            world.run_until(BIRTH + gap * warm_up + phase);
            let (died, victim) = (world.now, BackendId(0));
            world.set_truth(victim, self.truth);
            let limit = died + Duration::from_secs(86_400);
            let down = world.run_to_belief(victim, Belief::Down, limit);
            down.expect("Down within a day").since(died).as_secs_f64()
        };
        (0..self.deaths).map(time).collect()
    }

    pub fn window(&self) -> Window {
        let times = self.times();
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = times.iter().copied().fold(0.0, f64::max);
        Window(least, times.iter().sum::<f64>() / times.len() as f64, greatest)
    }
}

/// Those of the checks.
pub(super) fn checks(settings: &str) -> CheckSettings {
    settings.parse::<Settings>().expect("settings").check
}

/// Within one part in 200 of the width, and of the mean.
pub(super) fn assert_window(name: &str, seen: Window, expected: Window) {
    let slack = (expected.2 - expected.0) / 200.0 + expected.1 / 200.0;
    let near = |seen: f64, expected: f64| (seen - expected).abs() <= slack;
    let all = near(seen.0, expected.0) && near(seen.1, expected.1) && near(seen.2, expected.2);
    assert!(all, "{name}: {seen:?}, expected {expected:?}");
}

const HAPROXY: &str = "interval=2s timeout=interval fall=3 rise=2 schedule=end first-result=decides";
const ENVOY: &str = "interval=10s timeout=1s fall=3 rise=2 schedule=end initial=down first-check=now \
    first-result=decides down-at-once=status healthy-status=200 no-traffic-interval=60s";

/// System, settings, refused, hung. `Silent` routers are hung for TCP checks: a stopped process goes on completing
/// handshakes.
fn defaults() -> Vec<(&'static str, String, Window, Window)> {
    let tcp = " check=tcp";
    let row = |name, settings: &str, refused: [f64; 3], hung: [f64; 3]| {
        let window = |[least, mean, greatest]: [f64; 3]| Window(least, mean, greatest);
        (name, settings.to_owned(), window(refused), window(hung))
    };
    vec![
        row("HAProxy", HAPROXY, [4.0, 5.0, 6.0], [10.0, 11.0, 12.0]),
        row(
            "HAProxy, timeout check 1s",
            &format!("{HAPROXY} timeout=1s"),
            [4.0, 5.0, 6.0],
            [7.0, 8.0, 9.0],
        ),
        row(
            "HAProxy, fastinter 500ms, timeout check 1s",
            &format!("{HAPROXY} timeout=1s fall-interval=500ms rise-interval=500ms"),
            [1.0, 2.0, 3.0],
            [4.0, 5.0, 6.0],
        ),
        row(
            "nginx Plus",
            "interval=5s timeout=60s fall=1 rise=1",
            [0.0, 2.5, 5.0],
            [60.0, 62.5, 65.0],
        ),
        row("Envoy", ENVOY, [20.0, 25.0, 30.0], [23.0, 28.0, 33.0]),
        row(
            "Traefik",
            "interval=30s timeout=5s fall=1 rise=1 schedule=batch-by-state first-check=interval",
            [0.0, 15.0, 30.0],
            [5.0, 20.0, 35.0],
        ),
        row(
            "Caddy",
            "interval=30s timeout=5s fall=1 rise=1 overlap=on counting=cumulative first-check=now",
            [0.0, 15.0, 30.0],
            [5.0, 20.0, 35.0],
        ),
        row(
            "pingora",
            &format!("interval=1s timeout=1s fall=1 rise=1 schedule=batch first-check=now{tcp}"),
            [0.0, 0.5, 1.0],
            [1.0, 1.5, 2.0],
        ),
        row(
            "ALB",
            "interval=30s timeout=5s fall=2 rise=5 first-result=decides",
            [30.0, 45.0, 60.0],
            [35.0, 50.0, 65.0],
        ),
        row(
            "NLB",
            &format!("interval=30s timeout=10s fall=2 rise=5{tcp}"),
            [30.0, 45.0, 60.0],
            [40.0, 55.0, 70.0],
        ),
        row(
            "Classic",
            "interval=30s timeout=5s fall=2 rise=10",
            [30.0, 45.0, 60.0],
            [35.0, 50.0, 65.0],
        ),
        row(
            "GCP",
            "interval=5s timeout=5s fall=2 rise=2",
            [5.0, 7.5, 10.0],
            [10.0, 12.5, 15.0],
        ),
        row(
            "Azure",
            &format!("interval=5s timeout=interval fall=1 rise=1 down-at-once=status+refused{tcp}"),
            [0.0, 2.5, 5.0],
            [5.0, 7.5, 10.0],
        ),
        row(
            "Application Gateway, from the start",
            "interval=30s timeout=30s fall=3 rise=1 first-result=decides",
            [60.0, 75.0, 90.0],
            [90.0, 105.0, 120.0],
        ),
        row(
            "Application Gateway, from the end",
            "interval=30s timeout=30s fall=3 rise=1 first-result=decides schedule=end",
            [60.0, 75.0, 90.0],
            [150.0, 165.0, 180.0],
        ),
        row(
            "F5",
            "interval=5s timeout=16s schedule=deadline down-at-once=refused rise=1",
            [0.0, 2.5, 5.0],
            [11.0, 13.5, 16.0],
        ),
        row(
            "Kubernetes readiness",
            "interval=10s timeout=1s fall=3 rise=1 initial=down first-check=now",
            [20.0, 25.0, 30.0],
            [21.0, 26.0, 31.0],
        ),
    ]
}

#[test]
fn defaults_of_real_systems_notice_when_the_closed_forms_say() {
    for (name, settings, refused, hung) in defaults() {
        let hangs = if settings.contains("check=tcp") {
            Truth::Silent
        } else {
            Truth::Hung
        };
        let seen = Death::new(&settings, Truth::Refusing).window();
        assert_window(&format!("{name}, refused"), seen, refused);
        let seen = Death::new(&settings, hangs).window();
        assert_window(&format!("{name}, hung"), seen, hung);
    }
}

#[test]
fn an_envoy_cluster_that_was_never_used_takes_minutes() {
    let death = Death {
        traffic: false,
        ..Death::new(ENVOY, Truth::Refusing)
    };
    assert_window("refused", death.window(), Window(120.0, 150.0, 180.0));
}

/// With chance the greatest is a bound that a sample need not reach; the mean is what theory says.
fn assert_mean(name: &str, times: &[f64], bounds: (f64, f64), mean: f64) {
    let seen = times.iter().sum::<f64>() / times.len() as f64;
    assert!(
        (seen / mean - 1.0).abs() < 0.01,
        "{name}: mean {seen}, expected {mean}"
    );
    let within = |time: &f64| *time > bounds.0 - 1e-6 && *time < bounds.1 + 1e-6;
    assert!(times.iter().all(within), "{name}: {times:?}");
}

#[test]
fn spread_and_jitter_move_the_mean_as_the_closed_forms_say() {
    // Gaps uniform in I(1 ± p): the mean wait for the next check is I/2 (1 + p²/3).
    let spread = format!("{HAPROXY} spread=50%");
    let death = |settings, truth| Death {
        deaths: 4_000,
        ..Death::new(settings, truth)
    };
    let times = death(&spread, Truth::Refusing).times();
    assert_mean("spread, refused", &times, (2.0, 9.0), 5.083);
    let times = death(&spread, Truth::Hung).times();
    assert_mean("spread, hung", &times, (8.0, 15.0), 11.083);
    // Gaps uniform in [I, I + J): E[gap²] / 2E[gap], and the pending gaps.
    let jitter = format!("{ENVOY} jitter=3s");
    let times = death(&jitter, Truth::Refusing).times();
    assert_mean("jitter, refused", &times, (20.0, 39.0), 28.783);
    let times = death(&jitter, Truth::Hung).times();
    assert_mean("jitter, hung", &times, (23.0, 42.0), 31.783);
}

#[test]
fn of_k_probers_the_m_th_finds_it_after_m_of_k_plus_1_parts_of_an_interval() {
    for (agreement, mean) in [
        (1, 30.0 + 30.0 / 7.0),
        (3, 30.0 + 90.0 / 7.0),
        (6, 30.0 + 180.0 / 7.0),
    ] {
        let settings =
            format!("interval=30s timeout=5s fall=2 probers=6 first-check=random agreement={agreement}");
        for (truth, more) in [(Truth::Refusing, 0.0), (Truth::Hung, 5.0)] {
            let death = Death {
                deaths: 1_000,
                ..Death::new(&settings, truth)
            };
            let bounds = (30.0 + more, 60.0 + more);
            assert_mean(&settings, &death.times(), bounds, mean + more);
        }
    }
    // Each for its share: it is believed Down when the last finds it so.
    let settings = "interval=30s timeout=5s fall=2 probers=6 first-check=spread";
    let death = Death {
        deaths: 1_000,
        ..Death::new(settings, Truth::Refusing)
    };
    assert_mean(settings, &death.times(), (30.0, 60.0), 30.0 + 180.0 / 7.0);
}
