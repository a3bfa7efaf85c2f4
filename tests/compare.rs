//! Promises of `resetlab compare`: lb-sim does what a real load balancer does, each trial beside its own prediction, or
//! the verdict says where it does not; what the clients saw is what the balancer told.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use router::clock::Timestamp;
use router::record::{Event, Record, Stamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use supervisor::engine::Engine;
use supervisor::experiment::measure::{self, Anchor, Strike, Teller, Victim};
use support::{Place, resetlab, stderr};

/// Milliseconds by which a prediction may miss on a loaded machine: far above what it does, far below the interval.
const SLACK_MS: f64 = 400.0;

#[test]
fn haproxy_and_lb_sim_do_the_same_to_a_killed_and_a_hung_router() {
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let words = "compare --json --out out --engines lb-sim,haproxy --preset haproxy --fault kill,hang --trials 2 \
                 --interval 1s --fall 2 --on-failure 502 --rate 200 --arrivals constant --client-timeout 1s";
    let output = resetlab(dir.path(), words).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let saved = std::fs::read(dir.path().join("out/compare.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&saved).unwrap(), document);
    assert_eq!(document["schema"], "resetlab.compare.v1");
    assert_eq!(document["complete"], true);
    let faults = document["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 2);
    for (fault, class) in faults.iter().zip(["http_503", "timeout"]) {
        let engines = fault["engines"].as_array().unwrap();
        assert_eq!(engines.len(), 2, "{fault:#}");
        for side in engines {
            let engine = side["engine"].as_str().unwrap();
            assert_eq!(
                (&side["n"], &side["detected"]),
                (&2.into(), &2.into()),
                "{side:#}"
            );
            let residual = side["residual_ms"]["median"].as_f64().unwrap();
            assert!(residual < SLACK_MS, "{engine}: {residual} ms in {side:#}");
            let share = side["lost_over_window"]["pooled"].as_f64().unwrap();
            assert!(
                (0.7..1.3).contains(&share),
                "{engine} lost {share} of its windows: {side:#}"
            );
            // A router that the kernel was slow to end may have reset some.
            let sent_after = |outcome: &Value| outcome["window"].as_u64().unwrap();
            let outcomes = side["outcomes"].as_object().unwrap();
            let all: u64 = outcomes.values().map(sent_after).sum();
            let usual = outcomes.get(class).map_or(0, sent_after);
            assert!(
                usual * 10 >= all * 8 && all > 0,
                "{engine}: not {class} in {side:#}"
            );
        }
        let classes = &fault["verdicts"][0]["classes"];
        // They agree where nothing else came of a request; of what the kernel was slow to end, there may be more.
        let of_requests = |side: &Value| {
            let outcomes = side["outcomes"].as_object().unwrap();
            outcomes.values().filter(|outcome| outcome["window"] != 0).count()
        };
        let alone = engines.iter().all(|side| of_requests(side) == 1);
        assert!(classes["agree"].as_bool().unwrap() || !alone, "{fault:#}");
        assert!(classes["reason"].as_str().unwrap().contains(class), "{classes:#}");
    }
    for trial in ["kill-001-lb-sim", "hang-002-haproxy"] {
        let events = dir.path().join("out/trials").join(trial).join("events.ndjson");
        assert!(events.exists(), "{}", events.display());
    }
}

#[test]
fn what_the_clients_saw_of_a_live_fault_is_what_lb_sim_told() {
    for fault in ["kill", "hang"] {
        let dir = tempfile::tempdir().unwrap();
        let words = format!(
            "run --json --out out --fault {fault} --trials 1 --interval 600ms --timeout 400ms --rate 200 \
             --on-failure 502 --response-timeout 1s"
        );
        let output = resetlab(dir.path(), &words).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let mut records = read(&dir.path().join("out/events.ndjson"));
        records.extend(read(&dir.path().join("out/outcomes.ndjson")));
        let victim = records.iter().find_map(|record| match &record.event {
            Event::Fault { router, .. } => Some(Victim {
                router: router.clone(),
                at: record.at,
                stamp: Stamp::Signal,
                crash: None,
            }),
            _ => None,
        });
        let victims = [victim.unwrap()];
        let lost = |attempts: bool| {
            let teller = Teller {
                attempts,
                ..Teller::default()
            };
            let strike = Strike {
                trial: 1,
                fault: router::record::Fault::Kill,
                victims: &victims,
                held_until: Timestamp(u64::MAX),
                anchor: Anchor::Start,
                interval: None,
                teller: &teller,
            };
            let trial = measure::trials(&records, &strike, |_, _| None).remove(0);
            (trial.lost.total(), trial.lost.by_outcome, trial.lost.window)
        };
        let (told, seen) = (lost(true), lost(false));
        assert_eq!((told.0, &told.1), (seen.0, &seen.1), "{fault}");
        // A request is sent before the attempt that serves it starts: the fault may lie between.
        let (began, met) = between(&records, &victims[0]);
        assert_eq!(told.2 + met, seen.2 + began, "{fault}: {told:?} {seen:?}");
        assert!(told.2 > 0, "{fault}: nothing was lost");
    }
}

/// Lost requests that were sent before the fault and whose first attempt was started after it; and the other way round.
fn between(records: &[Record], victim: &Victim) -> (u64, u64) {
    let mut attempts = BTreeMap::new();
    for record in records {
        if let Event::Attempt {
            request: Some(request),
            router,
            started_ns,
            ..
        } = &record.event
            && *router == victim.router
        {
            let first = attempts.entry(*request).or_insert(*started_ns);
            *first = (*first).min(*started_ns);
        }
    }
    let mut between = (0, 0);
    for record in records {
        if let Event::Outcome {
            request,
            sent_ns: Some(sent),
            ..
        } = &record.event
            && let Some(started) = attempts.get(request)
        {
            between.0 += u64::from(*sent < victim.at && *started >= victim.at);
            between.1 += u64::from(*sent >= victim.at && *started < victim.at);
        }
    }
    between
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_way_out() {
    for (words, wanted) in [
        ("--engines lb-sim", "one alone cannot be compared"),
        ("--engines lb-sim,lb-sim", "lb-sim is there twice"),
        (
            "--engines lb-sim,traefik",
            "expected lb-sim, haproxy, nginx or envoy",
        ),
        (
            "--engine haproxy",
            "compare starts the same settings on each of --engines",
        ),
        ("--fault kill,sulk", "hang"),
        ("--trials 0", "--trials"),
        ("--rate 0", "needs requests"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output = resetlab(dir.path(), &format!("compare --out out {words}"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{words}: {}", stderr(&output));
        assert!(!dir.path().join("out").exists(), "{words}: nothing was begun");
    }
}

#[test]
fn a_setting_that_the_real_one_cannot_express_is_refused_by_its_name() {
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let output = resetlab(dir.path(), "compare --preset haproxy --jitter 1s --out out")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(words.contains("haproxy cannot express jitter=1s"), "{words}");
    assert!(!dir.path().join("out").exists(), "nothing was begun");
}

#[test]
fn an_interrupted_comparison_is_still_a_result_and_leaves_nothing_running() {
    if peers::find(Engine::Haproxy).is_none() {
        return;
    }
    let place = Place::new();
    let words = "compare --out out --preset haproxy --trials 50 --interval 300ms --fall 1 --on-failure 502 --rate 100";
    let mut child = place
        .command(&words.split_whitespace().collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    // The second trial may be of either engine; the first is saved.
    let first = told.find_map(|line| line.ok().filter(|line| line.starts_with("trial 1/100")));
    assert!(first.is_some(), "it ended before it was interrupted");
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let saved = std::fs::read(place.path().join("out/compare.json")).unwrap();
    let document: Value = serde_json::from_slice(&saved).unwrap();
    assert_eq!(document["complete"], false);
    assert!(!document["faults"][0]["trials"].as_array().unwrap().is_empty());
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn an_engine_that_is_not_installed_exits_5_and_says_how_to_install_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = resetlab(dir.path(), "compare --preset haproxy --out out");
    let output = command
        .env("RESETLAB_HAPROXY", dir.path().join("nowhere"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("RESETLAB_HAPROXY"),
        "{}",
        stderr(&output)
    );
}

fn read(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1);
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}
