//! Promises of the fleet itself, without a command line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use router::clock;
use router::record::Event;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use supervisor::fleet::{Fleet, FleetPlan, Truth};
use supervisor::lab::Lease;
use supervisor::process::restart::RestartPolicy;
use supervisor::settings::LabSettings;
use support::{all_end_within, watch};
use tokio::sync::Mutex;

/// One fleet at a time: it takes all orphans of its process for its own.
static ONE: Mutex<()> = Mutex::const_new(());

fn plan(lease: &Lease, dir: &Path, program: PathBuf) -> FleetPlan {
    let settings = LabSettings::default();
    FleetPlan {
        addresses: lease.addresses,
        routers: 2,
        apps: 1,
        preset: settings.preset.clone(),
        lb: settings.lb.clone(),
        peer: None,
        seed: 1,
        load: settings.load_plan(),
        restart: RestartPolicy::Manual,
        router: settings.router.in_force(),
        program: Some(program),
        run_dir: dir.to_owned(),
        control_dir: dir.to_owned(),
    }
}

#[tokio::test]
async fn a_pause_is_as_long_as_was_said_and_no_fault() {
    let _one = ONE.lock().await;
    let place = support::Place::new();
    let lease = Lease::take(None, None, 2, 1).unwrap();
    let plan = plan(&lease, place.path(), env!("CARGO_BIN_EXE_resetlab").into());
    let (fleet, mut records) = Fleet::start(plan, None).await.unwrap();
    // Long enough to ask twice on a busy machine.
    let pause = Duration::from_secs(2);
    let begun = fleet.pause("router-1", pause).await.unwrap();
    let during = fleet.ps().await.unwrap();
    let router = during
        .processes
        .iter()
        .find(|process| process.name == "router-1")
        .unwrap();
    assert!(router.truth == Truth::Up && router.paused);
    let again = fleet.pause("router-1", pause).await.unwrap_err();
    assert!(
        again.exit_code() == 4 && again.to_string().contains("router-1 is paused already"),
        "{again}"
    );
    let (at, started) = loop {
        let record = records.recv().await.unwrap().record;
        assert!(
            !matches!(record.event, Event::Fault { .. } | Event::Death { .. }),
            "{record:?}"
        );
        if let Event::Paused { started_ns, .. } = record.event {
            break (record.at, started_ns);
        }
    };
    assert_eq!(started, begun.at);
    let stood = at.since(started);
    // Never shorter; longer than by a millisecond only on a machine that is busy, and then by no other wait than its own.
    assert!(stood >= pause && stood < pause * 2, "{stood:?}");
    fleet.pause("router-2", Duration::from_secs(1000)).await.unwrap();
    let report = fleet.stop_all().await;
    assert_eq!(
        report.forced,
        Vec::<String>::new(),
        "a paused router is let go first"
    );
}

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
async fn what_ignores_sigterm_or_left_its_session_is_gone_a_moment_later() {
    let _one = ONE.lock().await;
    let place = support::Place::new();
    let program = place.path().join("stub");
    let stub = STUB
        .replace("$RESETLAB", env!("CARGO_BIN_EXE_resetlab"))
        .replace("$PIDS", place.path().join("pids").to_str().unwrap());
    std::fs::write(&program, stub).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let lease = Lease::take(None, None, 2, 1).unwrap();
    let plan = plan(&lease, place.path(), program);
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
    // It gets 1.3 s to go by itself; a busy machine may need another moment to kill it.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
