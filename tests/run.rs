//! Promises of `resetlab run`: deaths are found when they are predicted to be, and lost requests belong to them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/run.rs"]
mod run;
mod support;

use run::Run;

#[test]
fn killed_routers_are_found_when_predicted_and_clients_see_resets() {
    let run = Run::of("--fault kill --trials 3 --interval 600ms --timeout 600ms --fall 2 --rate 200");
    run.check(3, "refused", "reset");
    assert!(run.trials().iter().all(|trial| trial["stamp"] == "signal"));
    let ratio = run.document["summary"]["lost_over_expected"].as_f64().unwrap();
    // What a load that stood still sends later falls into a window, or out of it.
    let windows: f64 = run
        .trials()
        .iter()
        .map(|trial| trial["t_stop_s"].as_f64().unwrap())
        .sum();
    let off = 0.3 + run.late_load() / windows;
    assert!((ratio - 1.0).abs() < off, "lost ÷ expected {ratio}");
    assert_eq!(run.first_line()["schema"], "resetlab.events.v1");
    assert!(
        run.events().iter().all(|record| record["t_ns"].is_u64()
            && record["from"].is_string()
            && record["event"].is_string())
    );
}

#[test]
fn hung_routers_are_found_after_every_check_timed_out_under_end() {
    let run = Run::of(
        "--fault hang --trials 2 --interval 600ms --timeout 400ms --fall 2 --rate 100 \
         --schedule end --on-failure 502 --response-timeout 1s",
    );
    run.check(2, "response_timeout", "http_504");
}

#[test]
fn crashed_routers_are_found_when_predicted_and_clients_see_502() {
    let run = Run::of_crashes(
        "--trials 2 --interval 600ms --timeout 600ms --rate 100 --on-failure 502 --routers 2 --seed 42",
    );
    run.check(2, "refused", "http_502");
    assert_eq!(run.document["seed"], "42");
    for trial in run.trials() {
        assert_eq!(trial["stamp"], "crash");
        assert!(trial["attempts"].as_u64().unwrap() >= 1, "{trial:#}");
    }
}

#[test]
fn a_stopped_router_is_as_dead_as_a_killed_one() {
    let run = Run::of("--fault stop --trials 2 --interval 600ms --timeout 600ms --rate 100");
    run.check(2, "refused", "reset");
}

#[test]
fn victims_of_a_trial_are_hit_together_and_each_has_its_window() {
    let run = Run::of("--fault kill --victims 2 --trials 1 --interval 600ms --timeout 600ms --rate 200");
    run.check(2, "refused", "reset");
    let two = run.trials();
    assert_ne!(two[0]["router"], two[1]["router"]);
    assert_eq!((&two[0]["trial"], &two[1]["trial"]), (&1.into(), &1.into()));
    let events = run.events();
    let deaths = events.iter().filter(|record| record["event"] == "death");
    let deaths: Vec<u64> = deaths.map(|record| record["t_ns"].as_u64().unwrap()).collect();
    assert_eq!(deaths.len(), 2);
    // Nobody is brought back between them.
    let between = |record: &&serde_json::Value| {
        let at = record["t_ns"].as_u64().unwrap();
        record["event"] == "ready" && at > deaths[0].min(deaths[1]) && at < deaths[0].max(deaths[1])
    };
    assert_eq!(events.iter().find(between), None, "together: {deaths:?}");
}

#[test]
fn connections_of_a_tcp_balancer_are_joined_by_their_ports() {
    let words = "--mode tcp --fault kill --trials 1 --interval 600ms --timeout 600ms --rate 200";
    let run = Run::of(words);
    run.check(1, "refused", "reset");
    assert_eq!(run.document["load"]["connection"], "per-request");
    assert_eq!(run.document["load"]["lost"], run.lost());
    assert_eq!(run.document["summary"]["saved_by_retry"], 0);
    let retried = Run::of(&format!("{words} --on-failure retry-connect"));
    assert!(retried.document["summary"]["saved_by_retry"].as_u64().unwrap() > 0);
}

#[test]
fn a_sentinel_notices_before_the_next_check_and_says_so() {
    let run =
        Run::of("--fault kill --trials 2 --interval 2s --timeout 1s --rise 1 --rate 100 --detector sentinel");
    assert_eq!(run.document["check"]["detector"], "sentinel");
    assert_eq!(run.document["summary"]["detected_by"]["sentinel"], 2);
    for trial in run.trials() {
        // Polling takes an interval at least.
        assert!(trial["t_detect_s"].as_f64().unwrap() < 2.0, "{trial:#}");
    }
}

#[test]
fn two_runs_side_by_side_do_not_notice_each_other() {
    let words = "--fault kill --trials 2 --interval 600ms --timeout 600ms --rate 100";
    let other = std::thread::spawn(move || Run::of(words));
    let mine = Run::of(words);
    let theirs = other.join().unwrap();
    for run in [&mine, &theirs] {
        run.check(2, "refused", "reset");
        let lost = &run.document["load"]["lost"];
        assert_eq!(*lost, run.lost(), "every lost request belongs to a death");
    }
}
