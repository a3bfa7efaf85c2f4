//! Promises of `resetlab run`: which requests a fault costs, by what is done about it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/run.rs"]
mod run;
mod support;

use run::Run;

#[test]
fn requests_whose_clients_give_up_first_are_lost_to_the_hang_and_none_before_routers_are_in_use() {
    let run = Run::of(
        "--fault hang --trials 1 --interval 600ms --timeout 400ms --fall 2 --initial down --rate 100 \
         --on-failure 502 --response-timeout 50s --client-timeout 3s",
    );
    let trial = &run.trials()[0];
    assert_eq!(trial["detected"], true, "{trial:#}");
    assert!(trial["lost"]["window"].as_u64().unwrap() > 0, "{trial:#}");
    assert_eq!(trial["lost_without_attempt"], run.lost(), "{trial:#}");
    assert_eq!(trial["lost"]["by_outcome"]["timeout"], run.lost(), "{trial:#}");
    let load = &run.document["load"];
    assert_eq!(load["lost"], run.lost(), "{load:#}");
    assert_eq!(run.document["check"]["initial"], "down");
}

#[test]
fn an_erring_router_is_noticed_by_what_it_shows_its_fault_to() {
    // A check that takes a second is no living router's: nobody is mistaken.
    let words = "--fault error --trials 1 --interval 600ms --timeout 1s --rate 100";
    let health = Run::of(&format!("{words} --fault-on health"));
    let trial = &health.trials()[0];
    assert_eq!(
        (&trial["detected"], &trial["detected_by"]),
        (&true.into(), &"poll".into())
    );
    assert_eq!(trial["detail"], "on health, status 503");
    assert_eq!(health.lost(), 0, "its requests were served");

    let requests = Run::of(&format!("{words} --fault-on requests --fault-status 500"));
    let trial = &requests.trials()[0];
    assert_eq!(trial["detected"], false, "{trial:#}");
    assert!(trial["causes"]["status_5xx"].as_u64().unwrap() > 0, "{trial:#}");
    let document = &requests.document;
    assert_eq!(document["summary"]["lost_unnoticed"], requests.lost());
    assert!(document["theory"]["t_detect_s"].is_null());
    let reason = document["theory"]["reason"].as_str().unwrap();
    assert!(reason.contains("requests only"), "{reason}");
}

#[test]
fn an_outage_of_all_routers_ends_and_shows_what_unlimited_retries_add() {
    let run = Run::of(
        "--fault kill --victims all --trials 1 --interval 600ms --timeout 600ms --rate 200 \
         --on-failure retry --retries 3 --retry-budget off",
    );
    assert_eq!(run.trials().len(), 4);
    assert!(run.trials().iter().all(|trial| trial["detected"] == true));
    let summary = &run.document["summary"];
    let ratio = summary["attempts_per_request"].as_f64().unwrap();
    assert!(ratio > 1.2, "attempts per request {ratio} in {summary:#}");
    assert!(summary["forwarded"]["retries"].as_u64().unwrap() > 0);
    assert!(run.lost() > 0, "nobody was left to save them");
    let reason = run.document["theory"]["lost_reason"].as_str().unwrap();
    assert!(reason.contains("several victims"), "{reason}");
}

#[test]
fn retries_save_what_is_safe_to_send_again() {
    let run = Run::of(
        "--fault kill --trials 2 --interval 600ms --timeout 600ms --rate 200 --on-failure retry --retry-budget 50%",
    );
    let summary = &run.document["summary"];
    // An answer that a death cut in the middle cannot be taken back.
    let cut = |trial: &serde_json::Value| trial["causes"]["cut"].as_u64().unwrap_or(0);
    let cut: u64 = run.trials().iter().map(cut).sum();
    assert_eq!(run.document["load"]["lost"], cut, "{summary:#}");
    assert!(summary["saved_by_retry"].as_u64().unwrap() > 0, "{summary:#}");
    assert!(
        summary["attempts_per_request"].as_f64().unwrap() > 1.0,
        "{summary:#}"
    );
    assert!(run.document["theory"]["lost_reason"].is_string());
}

#[test]
fn a_drain_loses_requests_only_when_it_is_shorter_than_the_window() {
    let words = "--fault drain --trials 2 --timeout 1s --fall 2 --rate 200";
    // A router that is kept waiting before it closes has closed long before the second check.
    let short = Run::of(&format!("{words} --interval 1s --drain-wait 50ms"));
    assert_eq!(short.document["router"]["drain-wait"], "50ms");
    assert_eq!(short.document["router"]["max-attempts"], 3);
    for trial in short.trials() {
        assert_eq!(trial["detected"], true, "{trial:#}");
        let closed = trial["t_closed_s"].as_f64().unwrap();
        assert!(
            closed >= 0.05 && closed < trial["t_detect_s"].as_f64().unwrap(),
            "{trial:#}"
        );
        assert!(trial["lost"]["window"].as_u64().unwrap() > 0, "{trial:#}");
    }
    let theory = |run: &Run| run.document["theory"]["lost_per_trial"].as_f64().unwrap();
    assert!(theory(&short) > 5.0);

    // And one whose checks are a little late is out of use long before it closes.
    let long = Run::of(&format!("{words} --interval 200ms --drain-wait 2s"));
    assert_eq!(long.trials().len(), 2);
    let summary = &long.document["summary"];
    assert_eq!(long.document["load"]["lost"], 0, "{summary:#}");
    assert_eq!(theory(&long), 0.0);
}
