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
    let span = |bounds: Bounds, digits: usize| {
        let number = |value: f64| format!("{value:.digits$}");
        let most = bounds.max.map_or("no bound".to_owned(), number);
        match bounds.mean {
            Some(mean) => (number(mean), format!(" ({} to {most})", number(bounds.min))),
            None => (format!("{} to {most}", number(bounds.min)), String::new()),
        }
    };
    let (mean, range) = span(window, 2);
    let cost = theory.lost.map_or(String::new(), |lost| {
        let (mean, range) = span(lost, 0);
        format!(", at the cost of about {mean} requests{range}")
    });
    let detectors = settings.lb.detectors;
    let out = if detectors.passive { "out of use" } else { "Down" };
    // Without a mean the range says little by itself.
    let why = match (window.mean, theory.reason) {
        (None, Some(why)) => format!(": {why}"),
        _ => String::new(),
    };
    format!("A {done} router is expected {out} after {mean} s{range}{cost}{why}")
}

/// "first … last (n)"
fn span(count: u32, address: impl Fn(u32) -> String) -> String {
    match count {
        1 => address(1),
        2 => format!("{}, {}", address(1), address(2)),
        n => format!("{} … {} ({n})", address(1), address(n)),
    }
}
