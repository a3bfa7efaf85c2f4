//! PURE: what a lab says when it serves: where, with which settings, and what theory expects.

use crate::control::LabFacts;
use crate::lab::Addresses;
use crate::settings::LabSettings;
use lb_sim::theory::{self, Window};
use router::record::Fault;
use std::time::Duration;

/// `program` is how the reader can call this program again.
pub(super) fn lines(facts: &LabFacts, at: &Addresses, settings: &LabSettings, program: &str) -> Vec<String> {
    let arrivals = settings.load_plan().flags[0].1.clone();
    let lab = if facts.name == "default" {
        String::new()
    } else {
        format!(" --lab {}", facts.name)
    };
    let mut lines = vec![
        format!(
            "lab \"{}\" serves: curl -i -H 'Host: app.test' {}",
            facts.name, facts.url
        ),
        format!("  balancer  {}", facts.url),
        format!(
            "  routers   {}",
            span(settings.routers, |n| format!(
                "{} (health :{})",
                at.router(n),
                at.health(n).port()
            ))
        ),
        format!("  app       {}", span(settings.apps, |m| at.app(m).to_string())),
        format!("  load      {} requests/s, {arrivals}", settings.rate),
        format!("  settings  {}", settings.lb),
        format!(
            "  restart   {} after a death, doubled for each in a row up to {}, {}",
            humantime::format_duration(settings.restart_delay),
            humantime::format_duration(settings.restart_max_delay),
            settings.restart_limit.map_or_else(
                || "never given up".to_owned(),
                |limit| format!("given up after {limit}")
            ),
        ),
        format!("  results   {}", facts.run_dir.display()),
        String::new(),
        expectation("killed", Fault::Kill, settings),
        expectation("hung", Fault::Hang, settings),
    ];
    if let Ok(window) = theory::t_detect(&settings.lb.check, Fault::Kill)
        && settings.restart_delay < window.max
    {
        lines.push(format!(
            "A router is back {} after its death, so the balancer may never notice; a longer --restart-delay shows the window",
            humantime::format_duration(settings.restart_delay)
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

fn expectation(done: &str, fault: Fault, settings: &LabSettings) -> String {
    match theory::t_detect(&settings.lb.check, fault) {
        Err(why) => format!("A {done} router: no prediction: {why}"),
        Ok(Window { min, mean, max }) => {
            let lost = |window: Duration| theory::requests_in(window, settings.rate, settings.routers);
            format!(
                "A {done} router is expected Down after {:.2} s ({:.2} to {:.2}), at the cost of about {:.0} requests ({:.0} to {:.0})",
                mean.as_secs_f64(),
                min.as_secs_f64(),
                max.as_secs_f64(),
                lost(mean),
                lost(min),
                lost(max),
            )
        }
    }
}

/// "first … last (n)"
fn span(count: u32, address: impl Fn(u32) -> String) -> String {
    match count {
        1 => address(1),
        2 => format!("{}, {}", address(1), address(2)),
        n => format!("{} … {} ({n})", address(1), address(n)),
    }
}
