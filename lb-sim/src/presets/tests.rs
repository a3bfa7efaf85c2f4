//! What every preset has to be, and what no file may say.

use super::*;
use crate::core::CheckSettings;
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
            preset.speaks_for().len() <= 24,
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

/// Min, mean and max in seconds.
type Seconds = [f64; 3];

/// What one checker of each finds by itself: a router that refuses, one that hangs; min, mean and max in seconds. Worked
/// out by hand from the vendors' figures, apart from theory. `None`: a TCP check never sees a stopped process.
const WINDOWS: [(&str, Seconds, Option<Seconds>); 16] = [
    ("kb", [5.0, 7.5, 10.0], Some([7.0, 9.5, 12.0])),
    ("haproxy", [4.0, 5.0, 6.0], Some([10.0, 11.0, 12.0])),
    ("haproxy-fastinter", [0.1, 0.6, 1.1], Some([2.1, 2.6, 3.1])),
    ("f5", [0.0, 2.5, 5.0], Some([11.0, 13.5, 16.0])),
    ("nginx-plus", [0.0, 2.5, 5.0], Some([60.0, 62.5, 65.0])),
    ("envoy", [20.0, 25.0, 30.0], Some([23.0, 28.0, 33.0])),
    ("traefik", [0.0, 15.0, 30.0], Some([5.0, 20.0, 35.0])),
    ("caddy", [0.0, 15.0, 30.0], Some([5.0, 20.0, 35.0])),
    ("pingora", [0.0, 0.5, 1.0], Some([1.0, 1.5, 2.0])),
    ("aws-alb", [30.0, 45.0, 60.0], Some([35.0, 50.0, 65.0])),
    ("aws-nlb", [30.0, 45.0, 60.0], None),
    ("aws-clb", [30.0, 45.0, 60.0], Some([35.0, 50.0, 65.0])),
    ("gcp", [5.0, 7.5, 10.0], Some([10.0, 12.5, 15.0])),
    ("azure-lb", [0.0, 2.5, 5.0], None),
    ("azure-appgw", [60.0, 75.0, 90.0], Some([90.0, 105.0, 120.0])),
    ("kubernetes", [20.0, 25.0, 30.0], Some([21.0, 26.0, 31.0])),
];

#[test]
fn windows_are_those_of_the_vendors_figures() {
    for (name, refused, hang) in WINDOWS {
        let one = CheckSettings {
            probers: 1,
            agreement: None,
            ..named(name).unwrap().settings.check.clone()
        };
        for (fault, wanted) in [(Fault::Kill, Some(refused)), (Fault::Hang, hang)] {
            let seconds = t_detect(&one, fault)
                .ok()
                .map(|window| [window.min, window.mean, window.max].map(|time| time.as_secs_f64()));
            assert_eq!(seconds, wanted, "{name} {fault:?}");
        }
    }
}

#[test]
fn a_limit_holds_for_overridden_settings_and_is_lent() {
    let limit = "[limit.timeout]\nvalue = \"<= interval\"\nsource = \"a.c:9\"\n";
    let timeout = "[rule.timeout]\nvalue = \"2s\"\nsource = \"a.c:2\"\n";
    let text = format!("{GOOD}{timeout}{limit}");
    let preset = Preset::parse("a", "a.toml", &text).unwrap();
    let with = |timeout| {
        let mut settings = preset.settings.clone();
        settings.set("timeout", timeout).unwrap();
        preset.allows(&settings).map_err(|e| e.to_string())
    };
    assert_eq!(with("2s"), Ok(()));
    assert_eq!(
        with("2001ms").unwrap_err(),
        "preset=a needs timeout <= interval (a.c:9), and timeout is 2s 1ms, interval is 2s: set both so, or start from \
         another preset"
    );
    // Its own settings are held to them, too.
    let below = text.replace("<= ", "< ");
    assert!(refused(&below).contains("its rules break its limits: preset=a needs timeout < interval"));
    assert!(Preset::parse("a", "a.toml", &text.replace("<= ", "= ")).is_ok());
    for (from, to, wanted) in [
        (
            "<= interval",
            "> interval",
            "limit.timeout cannot be `> interval`: expected such as",
        ),
        ("<= interval", "<= fall", "limit.timeout cannot be `<= fall`"),
        (
            "<= interval",
            "<= timeout",
            "limit.timeout cannot be `<= timeout`",
        ),
        (
            "limit.timeout",
            "limit.fall",
            "limit cannot be of `fall`: expected interval or timeout",
        ),
        (
            "\"a.c:9\"\n",
            "\"a.c:9\"\nword = \"t\"\n",
            "limit.timeout has no key `word`",
        ),
        ("source = \"a.c:9\"\n", "", "limit.timeout has no `source`"),
        (
            "\"a.c:9\"\n",
            "\"a.c:9\"\ngrade = \"measured\"\n",
            "limit.timeout: a rule cannot be measured in a preset that is source",
        ),
    ] {
        let error = refused(&text.replace(from, to));
        assert!(error.contains(wanted), "{error}\nwanted: {wanted}");
    }
    let ours = "extends = \"gcp\"\ntitle = \"Ours\"\nversions = \"1\"\nabout = \"As we run it.\"\n\
                grade = \"documented\"\n";
    let ours = Preset::parse("ours", "ours.toml", ours).unwrap();
    assert_eq!(ours.limits, named("gcp").unwrap().limits);
}

#[test]
fn what_was_measured_is_said_where_that_is_the_source() {
    for preset in all() {
        for rule in &preset.rules {
            let bare = rule.source.split("; ").any(|part| part.trim() == "as measured");
            assert!(!bare, "{}: {}: {}", preset.name, rule.key, rule.source);
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
    let less = text.replace("grade =", "without = [\"retry-delay\", \"traps\"]\ngrade =");
    let less = Preset::parse("less", "less.toml", &less).unwrap();
    assert_eq!((less.traps.len(), less.rule("retry-delay")), (1, None));
    assert_eq!(less.settings.retry.delay, Settings::default().retry.delay);
    assert_eq!(less.rules.len(), base.rules.len() - 1);
    let wrong = refused(&text.replace("grade =", "without = [\"retry\"]\ngrade ="));
    assert!(
        wrong.contains("without cannot be `retry`: expected a rule of the preset it extends"),
        "{wrong}"
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

#[test]
fn a_range_holds_for_what_is_changed_and_for_nothing_else() {
    let alb = named("aws-alb").unwrap();
    let takes = |words: &[(&str, &str)]| {
        let mut settings = alb.settings.clone();
        for (key, word) in words {
            settings.set(key, word).unwrap();
        }
        alb.takes(&alb.settings, &settings)
    };
    assert!(takes(&[]) && takes(&[("interval", "5s"), ("timeout", "2s")]));
    for (key, word) in [
        ("interval", "4s"),
        ("interval", "301s"),
        ("interval", "5500ms"),
        ("timeout", "1s"),
        ("fall", "1"),
        ("fall", "11"),
        ("detector", "sentinel"),
        ("on-failure", "retry"),
    ] {
        assert!(!takes(&[(key, word)]), "{key}={word}");
    }
    // Scaled down already: no measure any more.
    let mut scaled = alb.settings.clone();
    scaled.set("interval", "1s").unwrap();
    let mut more = scaled.clone();
    more.set("interval", "200ms").unwrap();
    assert!(alb.takes(&scaled, &more));
    more.set("fall", "1").unwrap();
    assert!(!alb.takes(&scaled, &more));
    // A timeout that follows its interval changes with it.
    let azure = named("azure-lb").unwrap();
    let mut shorter = azure.settings.clone();
    shorter.set("interval", "1s").unwrap();
    assert!(!azure.takes(&azure.settings, &shorter));
    assert!(
        !named("caddy-passive").unwrap().ranges.is_empty(),
        "lent by its base"
    );
    for preset in all() {
        for range in &preset.ranges {
            assert!(range.holds(&preset.settings), "{}: its own {range}", preset.name);
        }
    }
}

#[test]
fn a_range_that_says_nothing_or_nonsense_is_refused() {
    let with = |range: &str| refused(&format!("{GOOD}[range.interval]\n{range}source = \"a.c:9\"\n"));
    assert!(with("").contains("range.interval says nothing: expected least, most, step or only"));
    assert!(with("least = \"soon\"\n").contains("range.interval.least cannot be `soon`"));
    assert!(with("only = [\"never\"]\n").contains("range.interval.only cannot have `never`"));
    assert!(with("worst = \"5s\"\n").contains("range.interval has no key `worst`"));
    let unknown = format!("{GOOD}[range.speed]\nleast = \"1\"\nsource = \"a\"\n");
    assert!(refused(&unknown).contains("lb-sim has no setting `speed`"));
}
