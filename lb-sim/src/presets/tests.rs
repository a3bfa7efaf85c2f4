//! What every preset has to be, and what no file may say.

use super::*;
use crate::theory::t_detect;
use router::record::Fault;
use std::collections::BTreeSet;

const GOOD: &str = "\
title = \"A\"
versions = \"1\"
about = \"One.\"
grade = \"source\"
[rule.interval]
value = \"2s\"
source = \"a.c:1\"
";

fn refused(text: &str) -> String {
    Preset::parse("a", "a.toml", text).unwrap_err().to_string()
}

#[test]
fn every_file_loads_and_can_be_set_word_by_word() {
    for (name, text) in FILES {
        let preset = Preset::parse(name, &format!("{name}.toml"), text).unwrap_or_else(|e| panic!("{e}"));
        preset
            .settings
            .validate()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        // The rules alone make the settings: nothing comes from anywhere else.
        let mut again = Settings::default();
        for rule in &preset.rules {
            again.set(rule.key, &rule.value).unwrap();
        }
        assert_eq!(again, preset.settings, "{name}");
        let keys: BTreeSet<_> = preset.rules.iter().map(|rule| rule.key).collect();
        assert_eq!(keys.len(), preset.rules.len(), "{name} says something twice");
        assert!(
            preset.rules.iter().all(|rule| rule.grade <= preset.grade),
            "{name}"
        );
        assert!(
            preset.speaks_for().len() <= 27,
            "{name}: the table of presets has no room"
        );
        assert!(
            !preset.traps.is_empty() && !preset.leaves_out.is_empty(),
            "{name}"
        );
        assert!(preset.about.len() <= 200 && preset.about.ends_with('.'), "{name}");
    }
    assert_eq!(all().len(), FILES.len());
    assert_eq!(all()[0].name, DEFAULT);
}

#[test]
fn the_systems_of_the_page_are_there() {
    let names: BTreeSet<&str> = all().iter().map(|preset| preset.name.as_str()).collect();
    let wanted = "kb haproxy haproxy-fastinter haproxy-observe nginx nginx-plus envoy envoy-outlier envoy-retry \
                  traefik caddy caddy-passive pingora aws-alb aws-nlb aws-clb gcp azure-lb azure-appgw f5 kubernetes";
    let missing: Vec<&str> = wanted
        .split_whitespace()
        .filter(|name| !names.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_articles_balancer_is_the_default() {
    assert_eq!(Preset::kb().settings, Settings::default());
}

#[test]
fn every_setting_that_differs_from_the_default_has_its_rule() {
    for preset in all() {
        let words = preset.settings.words().into_iter();
        for ((key, word), (_, default)) in words.zip(Settings::default().words()) {
            assert!(
                word == default || preset.rule(key).is_some(),
                "{}: {key}",
                preset.name
            );
        }
    }
}

/// lb-semantics, "Default-config detection windows": refused, then hang.
#[test]
fn windows_are_those_of_the_page() {
    for (name, refused, hang) in [
        ("kb", [5.0, 7.5, 10.0], [7.0, 9.5, 12.0]),
        ("haproxy", [4.0, 5.0, 6.0], [10.0, 11.0, 12.0]),
        ("kubernetes", [20.0, 25.0, 30.0], [21.0, 26.0, 31.0]),
    ] {
        let preset = named(name).unwrap();
        for (fault, wanted) in [(Fault::Kill, refused), (Fault::Hang, hang)] {
            let window = t_detect(&preset.settings.check, fault).unwrap();
            let seconds = [window.min, window.mean, window.max].map(|time| time.as_secs_f64());
            assert_eq!(seconds, wanted, "{name} {fault:?}");
        }
    }
}

#[test]
fn a_base_lends_its_rules_and_is_not_outdone() {
    let text = "extends = \"haproxy\"\ntitle = \"Ours\"\nversions = \"2.6.12\"\nabout = \"As we run it.\"\n\
                grade = \"source\"\ntraps = [\"Ours.\"]\n[rule.interval]\nvalue = \"500ms\"\nsource = \"our haproxy.cfg\"\n";
    let ours = Preset::parse("./ours.toml", "./ours.toml", text).unwrap();
    let base = named("haproxy").unwrap();
    assert_eq!(ours.overridden(&base.settings), [("interval", "2s".to_owned())]);
    assert_eq!(ours.settings.check.timeout, ours.settings.check.interval);
    assert_eq!(ours.rules.len(), base.rules.len());
    assert_eq!(
        ours.rule("fall").unwrap().grade,
        Grade::Source,
        "capped by the file's own"
    );
    assert_eq!(ours.traps.len(), base.traps.len() + 1);
    assert_eq!(
        ours.engine, None,
        "a program takes its place only where the file says so"
    );
    let circle = text.replace("\"haproxy\"", "\"haproxy-fastinter\"");
    assert!(
        refused(&circle).contains("a:1: extends cannot be") || refused(&circle).contains("toml:1: extends")
    );
}

#[test]
fn what_is_wrong_says_where_and_what_was_expected() {
    assert!(Preset::parse("a", "a.toml", GOOD).is_ok());
    let with = |from: &str, to: &str| refused(&GOOD.replace(from, to));
    for (error, wanted) in [
        (with("title = \"A\"\n", ""), "a.toml:1: a preset has no `title`"),
        (
            with("about", "abuot"),
            "a.toml:3: a preset has no key `abuot`: expected title,",
        ),
        (
            with("\"source\"\n[", "\"sure\"\n["),
            "a.toml:4: grade cannot be `sure`: expected measured, source,",
        ),
        (
            with("\"source\"\n[", "\"assumed\"\n["),
            "a.toml:4: grade cannot be `assumed` for a whole preset",
        ),
        (
            with("rule.interval", "rule.intervall"),
            "a.toml:5: lb-sim has no setting `intervall`: expected one of interval,",
        ),
        (
            with("\"2s\"", "5"),
            "a.toml:6: interval cannot be `5`: expected a duration",
        ),
        (
            with("source = \"a.c:1\"\n", ""),
            "a.toml:5: rule.interval has no `source`: expected where",
        ),
        (
            with("\"a.c:1\"", "\" \""),
            "a.toml:7: source: expected a text that is not empty",
        ),
        (
            with("value = \"2s\"\n", ""),
            "a.toml:5: rule.interval has no `value`",
        ),
        (
            with("value = \"2s\"", "value = [2]"),
            "a.toml:6: rule.interval: expected a value as its flag has it",
        ),
        (
            with("source = \"a", "grade = \"measured\"\nsource = \"a"),
            "a.toml:7: rule.interval: a rule cannot be measured in a preset that is source",
        ),
        (
            with("value", "valeu = 1\nvalue"),
            "a.toml:6: rule.interval has no key `valeu`: expected value,",
        ),
        (
            with("[rule.interval]", "[[rule.interval]]"),
            "a.toml:5: rule: expected tables such as [rule.interval]",
        ),
        (
            with("title = \"A\"", "extends = \"haprox\""),
            "a.toml:1: extends cannot be `haprox`: expected a built-in preset",
        ),
        (
            with("title", "traps = \"A\"\ntitle"),
            "a.toml:1: traps: expected a list of sentences",
        ),
        (refused("interval: 5s"), "expected a preset in TOML"),
    ] {
        assert!(error.contains(wanted), "{error}\nwanted: {wanted}");
    }
    let together = format!("{GOOD}[rule.on-failure]\nvalue = \"close\"\nsource = \"a.c:2\"\n");
    assert!(
        refused(&together).contains("cannot be in force together: on-failure=close needs mode=tcp"),
        "{}",
        refused(&together)
    );
}
