//! What is said stands beside a measurement, and says no more than theory knows.

use super::tests::{facts, of_preset, text, titles};
use crate::engine::Engine;
use router::record::Fault;
use std::time::Duration;

/// Measured: 24 lost a fault, where theory says 0.
#[test]
fn nothing_to_change_is_not_said_against_the_measurement() {
    for words in ["detector=sentinel", "on-failure=retry"] {
        let mut facts = facts(words, Fault::Kill, Engine::LbSim);
        facts.measured_lost = Some(50.0);
        let sentences = facts.advice().unwrap().sentences;
        assert!(
            !sentences.iter().any(|says| says.contains("Nothing to change")),
            "{sentences:?}"
        );
        if words == "detector=sentinel" {
            assert!(
                sentences[0].contains("where 50 requests are lost"),
                "{sentences:?}"
            );
        }
        facts.measured_lost = Some(0.4);
        let few = facts.advice().unwrap().sentences;
        assert_eq!(
            few[0].contains("Nothing to change: "),
            words == "detector=sentinel",
            "{few:?}"
        );
    }
}

#[test]
fn what_theory_has_no_figure_for_is_noticed_all_the_same() {
    let words = "interval=1s jitter=100ms spread=10% timeout=3s fall=2 schedule=start";
    let mut facts = facts(words, Fault::Hang, Engine::LbSim);
    facts.patience = Some(Duration::from_secs(2));
    facts.measured_lost = Some(300.0);
    let says = text(&facts);
    assert!(!says.contains("nothing does now"), "{says}");
    assert!(
        says.contains("`fall=1` would notice it after 3.5 s on average and lose about 176 requests a hang, where 300 requests are lost now, by theory"),
        "{says}"
    );
    facts.measured_lost = None;
    assert!(
        !text(&facts).contains("`fall=1` would"),
        "there is nothing to compare it with"
    );
}

#[test]
fn no_sentence_is_without_a_verb() {
    for (preset, fault, wait) in [
        ("nginx-plus", Fault::Kill, 20),
        ("envoy-retry", Fault::Stop, 2),
        ("envoy-outlier", Fault::Drain, 2),
        ("envoy-retry", Fault::Drain, 2),
    ] {
        let mut facts = of_preset(preset, fault, Engine::LbSim);
        facts.drain_wait = Duration::from_secs(wait);
        for sentence in facts.advice().unwrap().sentences {
            assert!(
                !sentence.contains(" ,") && !sentence.contains("stop by theory"),
                "{preset}: {sentence}"
            );
            let drained = sentence.contains("rain-wait=") || sentence.contains("A drain of");
            assert!(
                !(drained && sentence.contains("notice it")),
                "{preset}: {sentence}"
            );
        }
    }
}

#[test]
fn a_drain_that_saves_nothing_is_not_shown() {
    let unseen = facts(
        "check=tcp interval=5s timeout=2s fall=2",
        Fault::Stop,
        Engine::LbSim,
    );
    assert!(
        !titles(&unseen).iter().any(|title| title.contains("drain")),
        "{:?}",
        titles(&unseen)
    );
    assert!(!text(&unseen).contains("a drain"), "{}", text(&unseen));
    let seen = facts("interval=5s timeout=2s fall=2", Fault::Stop, Engine::LbSim);
    assert!(titles(&seen).iter().any(|title| title.contains("a drain of 20s")));
}

#[test]
fn where_none_would_do_better_it_is_said_of_those_tried() {
    let mut azure = of_preset("azure-lb", Fault::Kill, Engine::LbSim);
    azure.traffic.routers = 1;
    let says = azure.advice().unwrap().sentences;
    assert!(
        says[0].starts_with("No other setting was tried") || says[0].starts_with("None of the other"),
        "{says:?}"
    );
}
