//! What a child leaves behind ends with the lab, in whatever session it is. One test to a process: the fleet takes all
//! orphans of its process for its own.

mod support;

use router::clock;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use supervisor::fleet::{DrainPlan, Fleet, FleetPlan};
use supervisor::lab::Lease;
use supervisor::process::restart::RestartPolicy;
use supervisor::settings::LabSettings;
use support::{all_end_within, watch};

/// A router that does not hear SIGTERM and has a process in another session, which has one in yet another.
const STUB: &str = r#"#!/bin/sh
[ "$1" = __router ] || exec "$RESETLAB" "$@"
trap '' TERM
setsid sh -c 'setsid sleep 1000 & echo $! >> "$PIDS"; sleep 1000' &
echo $! >> "$PIDS"
echo $$ >> "$PIDS"
echo '{"t_ns":1,"from":"router-1","event":"ready","pid":1,"addresses":{}}' >&4
while :; do sleep 1000; done
"#;

#[tokio::test]
async fn nothing_is_left_after_two_seconds() {
    let place = support::Place::new();
    let program = place.path().join("stub");
    let stub = STUB
        .replace("$RESETLAB", env!("CARGO_BIN_EXE_resetlab"))
        .replace("$PIDS", place.path().join("pids").to_str().unwrap());
    std::fs::write(&program, stub).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let lease = Lease::take(None, None, 2, 1).unwrap();
    let settings = LabSettings::default();
    let plan = FleetPlan {
        addresses: lease.addresses,
        routers: 2,
        apps: 1,
        lb: settings.lb.clone(),
        seed: 1,
        load: settings.load_plan(),
        restart: RestartPolicy::Manual,
        drain: DrainPlan {
            wait: Duration::ZERO,
            timeout: Duration::ZERO,
        },
        program: Some(program),
        run_dir: place.path().to_owned(),
        control_dir: place.path().to_owned(),
    };
    let (fleet, _records) = Fleet::start(plan, None).await.unwrap();
    let pids = || {
        let pids = std::fs::read_to_string(place.path().join("pids")).unwrap_or_default();
        pids.lines()
            .map(|pid| pid.parse::<u32>().unwrap())
            .collect::<Vec<_>>()
    };
    let deadline = clock::now() + Duration::from_secs(20);
    while pids().len() < 6 && clock::now() < deadline {
        clock::until(clock::now() + Duration::from_millis(5)).await; // a shell cannot announce when it has written
    }
    let watched: Vec<_> = pids().into_iter().filter_map(watch).collect();
    assert_eq!(watched.len(), 6);

    let begun = clock::now();
    let report = fleet.stop_all().await;
    let took = clock::now().since(begun);
    assert!(all_end_within(&watched, Duration::ZERO), "something is left");
    assert_eq!(report.left, Vec::<String>::new());
    assert_eq!(report.forced, ["router-1", "router-2"]);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
