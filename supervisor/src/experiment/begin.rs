//! How an experiment begins: with every router in use, and then requests.

use super::trial::{TrialError, missed};
use super::watch::Watch;
use crate::engine::Engine;
use crate::fleet::FleetHandle;
use crate::settings::LabSettings;
use lb_sim::core::{FirstCheck, FirstResult, Initial};
use router::clock::{self, Timestamp};
use serde_json::{Map, json};
use std::time::Duration;

/// How long the load may take to get going.
const STEADY: Duration = Duration::from_secs(10);
/// Beyond what checks take, on a busy machine.
const SLACK: Duration = Duration::from_secs(5);
/// Checks that come more often need no word.
const NOTED: Duration = Duration::from_secs(3);

/// Routers are out of use until checks have passed (`initial=down`): requests before that would be lost to nobody's
/// fault, and a load that waits loses none.
pub fn load_waits(settings: &LabSettings) -> bool {
    settings.lb.check.initial == Initial::Down && settings.has_checks()
}

/// Why nothing seems to happen at first.
pub fn patience(settings: &LabSettings) -> Option<String> {
    let check = &settings.lb.check;
    let one = check.rise == 1 || check.first_result == FirstResult::Decides;
    let at_once = one && check.first_check == FirstCheck::Now;
    (load_waits(settings) && !at_once && check.interval >= NOTED).then(|| {
        "waiting until the balancer uses every router: each is out of use until its checks have passed (initial=down)"
            .to_owned()
    })
}

/// Starts a load that waits when every router is in use; returns when the first request was answered.
pub async fn begin(fleet: &FleetHandle, watch: &mut Watch, settings: &LabSettings) -> Result<(), TrialError> {
    if load_waits(settings) {
        in_use(watch, settings).await?;
        let rate = Map::from_iter([("rate".to_owned(), json!(settings.rate))]);
        fleet.set(rate).await?;
    }
    let begun = clock::now();
    let answered = watch.until(begun + STEADY, |watch| watch.load.1 > 0).await;
    answered.map_err(missed("waiting for the first answered request"))
}

async fn in_use(watch: &mut Watch, settings: &LabSettings) -> Result<(), TrialError> {
    let deadline = first_use(clock::now(), settings);
    let names = names(settings);
    // lb-sim says so of each; a real balancer has said nothing when its first checks were quicker than its first answer.
    let all = |watch: &Watch| {
        names.iter().all(|name| match settings.engine {
            Engine::LbSim => watch.is_told_in_use(name),
            _ => watch.in_use(name),
        })
    };
    let used = watch.until(deadline, all).await;
    used.map_err(missed(
        "waiting until the balancer uses every router (initial=down)",
    ))
}

/// By then every router should be in use.
fn first_use(now: Timestamp, settings: &LabSettings) -> Timestamp {
    let check = &settings.lb.check;
    let quiet = check.no_traffic_interval.unwrap_or_default();
    let gap = check.interval.max(quiet).mul_f64(1.0 + check.spread.fraction());
    now + (gap + check.jitter + check.timeout) * (check.rise + 2) + SLACK
}

pub fn names(settings: &LabSettings) -> Vec<String> {
    (1..=settings.routers).map(|n| format!("router-{n}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> LabSettings {
        let mut lab = LabSettings::default();
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            lab.set("a test", key, value).unwrap();
        }
        lab
    }

    #[test]
    fn requests_wait_for_routers_that_begin_down() {
        assert!(load_waits(&of("preset=kubernetes")) && load_waits(&of("preset=aws-nlb")));
        assert!(patience(&of("preset=kubernetes")).is_some());
        assert!(
            patience(&of("preset=envoy")).is_none(),
            "its first checks come at once, and one decides"
        );
        assert!(!load_waits(&of("interval=1s")));
        assert!(
            !load_waits(&of("initial=down interval=1day")),
            "nobody would ever put them to use"
        );
    }

    #[test]
    fn the_first_use_is_waited_for_as_long_as_all_checks_take() {
        let after = |words| first_use(Timestamp(0), &of(words)).since(Timestamp(0));
        let words = "initial=down interval=10s timeout=5s rise=3";
        assert_eq!(after(words), Duration::from_secs(80));
        assert!(
            after("preset=envoy") > Duration::from_secs(60),
            "its first wait is long"
        );
    }
}
