//! PURE: what a lab says when it serves: where, with which settings, and what theory expects.

use crate::control::LabFacts;
use crate::experiment::forecast::Forecast;
use crate::experiment::summary::Bounds;
use crate::lab::Addresses;
use crate::settings::LabSettings;
use crate::settings::brief::brief;
use lb_sim::theory;
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// `program` is how the reader can call this program again.
pub(super) fn lines(facts: &LabFacts, at: &Addresses, settings: &LabSettings, program: &str) -> Vec<String> {
    let arrivals = crate::settings::load::word(&settings.arrivals);
    let lab = if facts.name == "default" {
        String::new()
    } else {
        format!(" --lab {}", facts.name)
    };
    let crashes = settings.crash_traffic.map_or(String::new(), |rate| {
        let (per_second, kind) = (rate.per_second, rate.trigger);
        let in_vain = match settings.router.has_header_race() {
            true => "",
            false => ", and these do not",
        };
        format!("; beside it {per_second}/s that gorouter dies of ({kind}){in_vain}")
    });
    let mut lines = vec![
        format!(
            "lab \"{}\" serves: curl -i -H 'Host: app.test' {}",
            facts.name, facts.url
        ),
        format!("  balancer  {}", facts.url),
        format!("  engine    {}", facts.balancer()),
        format!(
            "  routers   {}",
            span(settings.routers, |n| format!(
                "{} (health :{})",
                at.router(n),
                at.health(n).port()
            ))
        ),
        format!("            {}", gorouter(&settings.router)),
        format!("  app       {}", span(settings.apps, |m| at.app(m).to_string())),
        format!("  load      {} requests/s, {arrivals}{crashes}", settings.rate),
        format!("  preset    {}", settings.preset_note()),
        format!("  settings  {}", brief(&settings.lb)),
        format!("            all of them: {program}{lab} ps --wide"),
        format!(
            "  restart   {} after a death{}, doubled for each in a row up to {}, {}",
            humantime::format_duration(settings.restart_delay),
            match settings.router.start_response_delay_interval {
                Duration::ZERO => String::new(),
                delay => format!(" (serving {} later)", humantime::format_duration(delay)),
            },
            humantime::format_duration(settings.restart_max_delay),
            settings.restart_limit.map_or_else(
                || "never given up".to_owned(),
                |limit| format!("given up after {limit}")
            ),
        ),
        format!("  metrics   {}", facts.metrics.as_deref().unwrap_or("off")),
        format!("  page      {}", facts.page.as_deref().unwrap_or("off")),
        format!("  results   {}", facts.run_dir.display()),
        String::new(),
        expectation("killed", Fault::Kill, settings),
        expectation("hung", Fault::Hang, settings),
    ];
    if settings.has_checks()
        && !settings.lb.detectors.passive
        && let Ok(window) = theory::t_detect(&settings.lb.check, Fault::Kill)
        && settings.restart_delay + settings.router.start_response_delay_interval < window.max
    {
        lines.push(format!(
            "A router is back {} after its death, so the balancer may never notice; a longer --restart-delay shows the window",
            humantime::format_duration(
                settings.restart_delay + settings.router.start_response_delay_interval
            )
        ));
    }
    lines.push(String::new());
    lines.push(format!(
        "Next, in another terminal:  {program}{lab} kill router-{}",
        settings.routers.min(2)
    ));
    lines.push("Ctrl-C ends the lab".to_owned());
    lines
}

/// Which gorouter the routers are.
fn gorouter(router: &router::settings::Settings) -> String {
    let words = router.words();
    let profile = words.iter().find(|(key, _)| *key == "profile");
    let profile = profile.map_or("", |(_, word)| word);
    let bug = match router.has_header_race() {
        true => "with the bug",
        false => "without the bug",
    };
    format!("{}: {bug}; profile {profile}", router.build_words())
}

pub(in crate::cli) fn expectation(done: &str, fault: Fault, settings: &LabSettings) -> String {
    let theory = Forecast::new(settings, Spec::new(fault), 1).theory();
    let Some(window) = theory.t_detect_s else {
        let why = theory.reason.unwrap_or_default();
        return format!("A {done} router: no prediction: {why}");
    };
    let span = |bounds: Bounds, number: fn(f64) -> String| {
        let most = bounds.max.map_or("no bound".to_owned(), number);
        match bounds.mean {
            Some(mean) => (number(mean), format!(" ({} to {most})", number(bounds.min))),
            None => (format!("{} to {most}", number(bounds.min)), String::new()),
        }
    };
    let (mean, range) = span(window, |seconds| format!("{seconds:.2}"));
    let cost = theory.lost.map_or(String::new(), |lost| {
        let (mean, range) = span(lost, requests);
        format!(", at the cost of about {mean} requests{range}")
    });
    let detectors = settings.lb.detectors;
    let out = if detectors.passive { "out of use" } else { "Down" };
    // Without a mean the range says little by itself.
    let why = match (window.mean, theory.reason) {
        (None, Some(why)) => format!(": {why}"),
        _ => String::new(),
    };
    // No time at all is not a measured one.
    let when = match window.max {
        Some(0.0) => "at once".to_owned(),
        _ => format!("after {mean} s{range}"),
    };
    format!("A {done} router is expected {out} {when}{cost}{why}")
}

/// Of a few, tenths count.
fn requests(n: f64) -> String {
    if n >= 10.0 {
        return format!("{n:.0}");
    }
    let words = format!("{n:.1}");
    words.strip_suffix(".0").unwrap_or(&words).to_owned()
}

/// "first … last (n)"
fn span(count: u32, address: impl Fn(u32) -> String) -> String {
    match count {
        1 => address(1),
        2 => format!("{}, {}", address(1), address(2)),
        n => format!("{} … {} ({n})", address(1), address(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn killed(words: &[(&str, &str)]) -> String {
        let mut settings = LabSettings::default();
        for (key, word) in words {
            settings.set("a test", key, word).unwrap();
        }
        expectation("killed", Fault::Kill, &settings)
    }

    #[test]
    fn what_takes_no_time_is_at_once_and_few_requests_have_tenths() {
        let at_once = killed(&[("detector", "sentinel")]);
        assert!(at_once.contains("Down at once"), "{at_once}");
        assert!(!at_once.contains("0.00"), "{at_once}");
        let checks = [("interval", "1s"), ("timeout", "1s"), ("fall", "3")];
        let some = killed(&[&checks[..], &[("rate", "100")]].concat());
        assert!(
            some.contains("after 2.50 s (2.00 to 3.00), at the cost of about 62 requests (50 to 75)"),
            "{some}"
        );
        let few = killed(&[&checks[..], &[("rate", "10")]].concat());
        assert!(few.contains("about 6.2 requests (5 to 7.5)"), "{few}");
    }
}
