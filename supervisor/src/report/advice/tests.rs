use super::*;
use lb_sim::theory::load::{Arrivals, Connections};
use router::record::Fault;

pub(super) fn facts(words: &str, fault: Fault, engine: Engine) -> Facts {
    Facts {
        settings: words.parse().unwrap(),
        spec: Spec::new(fault),
        traffic: Traffic {
            rate: 200.0,
            routers: 4,
            arrivals: Arrivals::Poisson,
            connections: Connections::Kept,
        },
        victims: 1,
        drain_wait: Duration::from_secs(20),
        preset: engine.name().to_owned(),
        version: "2.6.12".to_owned(),
        patience: Some(Duration::from_secs(5)),
        slowest: None,
        measured_lost: None,
        engine,
        checked: true,
    }
}

fn slowest(ms: u64) -> Slowest {
    Slowest {
        time: Duration::from_millis(ms),
        share: "99.9 %",
    }
}

/// A preset's own settings, on lb-sim or on the program itself.
pub(super) fn of_preset(name: &str, fault: Fault, engine: Engine) -> Facts {
    let mut facts = facts("", fault, engine);
    facts.preset = name.to_owned();
    facts.settings = presets::named(name).unwrap().settings.clone();
    facts
}

fn row_of<'a>(table: &'a Table, title: &str) -> &'a [Cell] {
    let found = table.rows.iter().find(|row| row[0].shown() == title);
    found.unwrap_or_else(|| panic!("no row {title} in {table:#?}"))
}

#[test]
fn the_article_s_settings_are_told_what_would_be_better() {
    let advice = facts("interval=5s timeout=2s fall=2", Fault::Kill, Engine::LbSim)
        .advice()
        .unwrap();
    let table = &advice.table;
    assert_eq!(table.marked, Some(0));
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let figures = |title: &str| {
        row_of(table, title)[1..5]
            .iter()
            .map(Cell::shown)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        figures("in force: interval 5s, fall 2"),
        ["7.50", "10.00", "375.0", "0.8"]
    );
    assert_eq!(figures("interval=1s timeout=1s"), ["1.50", "2.00", "75.0", "4.0"]);
    assert_eq!(figures("fall=1"), ["2.50", "5.00", "125.0", "0.8"]);
    assert_eq!(figures("detector=sentinel"), ["0.00", "0.00", "0.0", "0.8"]);
    assert_eq!(figures("detector=passive")[2], "5.0");
    assert_eq!(advice.sentences.len(), 4);
    let sentence = &advice.sentences[0];
    assert!(
        sentence.starts_with("`detector=sentinel` would notice it at once instead of after 7.5 s and lose less than 1 request a death instead of 375"),
        "{sentence}"
    );
    assert!(
        advice.sentences[1].starts_with("`detector=passive`"),
        "{:#?}",
        advice.sentences
    );
    assert!(
        advice.sentences[2].contains("it costs 4.0 checks a second instead of 0.8"),
        "{:#?}",
        advice.sentences
    );
    assert!(
        advice.sentences[1].contains(
            "stays out for passive-ejection (30s) even when it is well before: 25 % of the capacity"
        ),
        "{:#?}",
        advice.sentences
    );
    // Each price once: what is named above has no note.
    assert!(
        advice.notes.iter().all(|note| note.starts_with("`fall=1`")),
        "{:#?}",
        advice.notes
    );
}

#[test]
fn a_real_one_is_spoken_to_in_its_own_words_and_told_only_what_it_can() {
    let mut facts = facts("", Fault::Kill, Engine::Haproxy);
    facts.settings = presets::named("haproxy").unwrap().settings.clone();
    let advice = facts.advice().unwrap();
    assert!(
        advice.table.rows[0][0]
            .shown()
            .starts_with("in force: inter 2s, fall 3")
    );
    assert!(
        advice
            .table
            .rows
            .iter()
            .any(|row| row[0].shown().starts_with("inter ")),
        "{:#?}",
        advice.table
    );
    assert!(
        advice
            .table
            .rows
            .iter()
            .all(|row| !row[0].shown().contains("sentinel"))
    );
}

pub(super) fn titles(facts: &Facts) -> Vec<String> {
    let rows = facts.advice().unwrap().table.rows;
    rows.iter().map(|row| row[0].shown()).collect()
}

pub(super) fn text(facts: &Facts) -> String {
    let advice = facts.advice().unwrap();
    [advice.sentences, advice.notes].concat().join("\n")
}

/// Measured: HAProxy 2.6.12 lets a check of a hung server last for the interval whatever `timeout check` says, and a run
/// that sets it is refused.
#[test]
fn what_the_program_or_the_real_system_refuses_is_not_advised() {
    let mut haproxy = facts("", Fault::Hang, Engine::Haproxy);
    haproxy.settings = presets::named("haproxy").unwrap().settings.clone();
    haproxy.settings.set("interval", "400ms").unwrap();
    assert!(
        !titles(&haproxy)
            .iter()
            .any(|title| title.contains("timeout check")),
        "{:?}",
        titles(&haproxy)
    );
    haproxy.version = "3.2.1".to_owned();
    assert!(
        titles(&haproxy)
            .iter()
            .any(|title| title.contains("timeout check")),
        "{:?}",
        titles(&haproxy)
    );
}

#[test]
fn a_retry_is_advised_for_what_refuses_and_otherwise_only_within_the_client_s_patience() {
    let kill = text(&facts("interval=400ms timeout=200ms", Fault::Kill, Engine::LbSim));
    assert!(
        kill.contains("`on-failure=retry` sends a request that found no connection to another router instead of failing it; \
                       theory has no figure for what that saves, so measure it: the command that made this report, with `--on-failure retry`."),
        "{kill}"
    );
    let mut hang = facts("interval=400ms timeout=200ms", Fault::Hang, Engine::LbSim);
    hang.patience = Some(Duration::from_secs(2));
    let hung = text(&hang);
    assert!(!hung.contains("found no connection"), "{hung}");
    assert!(
        hung.contains("--on-failure retry --response-timeout 500ms"),
        "{hung}"
    );
    hang.settings = "interval=400ms timeout=200ms on-failure=retry response-timeout=500ms"
        .parse()
        .unwrap();
    assert!(
        !text(&hang).contains("--response-timeout"),
        "nothing is left to set"
    );
    // Healthy routers need longer than that.
    hang.settings = "interval=400ms timeout=200ms".parse().unwrap();
    hang.slowest = Some(slowest(600));
    assert!(!text(&hang).contains("retry"), "{}", text(&hang));
    let cut = facts("interval=400ms timeout=200ms", Fault::Cut, Engine::LbSim).advice();
    assert!(!format!("{cut:?}").contains("retry"), "{cut:?}");
}

#[test]
fn a_timeout_that_follows_the_interval_is_named_with_it() {
    let mut facts = facts("", Fault::Kill, Engine::Haproxy);
    facts.settings = presets::named("haproxy").unwrap().settings.clone();
    let text = text(&facts);
    assert!(
        text.contains("the timeout is the interval and becomes shorter with it"),
        "{text}"
    );
}

#[test]
fn haproxy_s_retries_are_sent_elsewhere() {
    let mut facts = facts("", Fault::Kill, Engine::Haproxy);
    facts.settings = presets::named("haproxy").unwrap().settings.clone();
    let text = text(&facts);
    assert!(text.contains("--retry-to other --retry-delay 0s"), "{text}");
    assert!(text.contains("`retry-to=other retry-delay=0s` sends"), "{text}");
    assert!(
        !text.contains("option redispatch") && !text.contains("(interval)"),
        "{text}"
    );
}

#[test]
fn where_nobody_checks_nothing_is_bounded_by_checks() {
    let mut facts = facts("", Fault::Kill, Engine::Nginx);
    facts.settings = presets::named("nginx").unwrap().settings.clone();
    facts.checked = false;
    let advice = facts.advice().unwrap();
    assert_eq!(
        advice.table.rows[0][0].shown(),
        "in force: no health checks, detector passive"
    );
    for row in &advice.table.rows {
        assert_eq!(row[2], Cell::missing(), "{row:?}");
    }
}

#[test]
fn a_drain_waits_until_its_checks_have_failed() {
    let mut facts = facts("interval=400ms timeout=200ms fall=2", Fault::Drain, Engine::LbSim);
    facts.drain_wait = Duration::from_millis(200);
    let advice = facts.advice().unwrap();
    assert!(
        advice.sentences[0].starts_with("`drain-wait=1s` would lose less than 1 request a drain instead of"),
        "{:#?}",
        advice.sentences
    );
    facts.drain_wait = Duration::from_secs(20);
    assert!(!titles(&facts).iter().any(|title| title.contains("drain-wait")));
}

#[test]
fn no_timeout_below_what_answers_took_is_advised() {
    let mut facts = facts("interval=500ms timeout=400ms fall=2", Fault::Hang, Engine::LbSim);
    assert!(
        titles(&facts).contains(&"interval=100ms timeout=100ms".to_owned()),
        "{:?}",
        titles(&facts)
    );
    facts.slowest = Some(slowest(111));
    let titles = titles(&facts);
    assert!(
        titles.contains(&"interval=120ms timeout=120ms".to_owned()),
        "{titles:?}"
    );
    assert!(
        text(&facts)
            .contains("No timeout below 120ms is named: 99.9 % of the answers took up to 111 ms in this run"),
        "{}",
        text(&facts)
    );
}

#[test]
fn where_no_request_was_lost_nothing_is_to_be_changed() {
    let mut facts = facts(
        "interval=400ms timeout=200ms on-failure=retry",
        Fault::Kill,
        Engine::LbSim,
    );
    facts.measured_lost = Some(0.0);
    let sentences = facts.advice().unwrap().sentences;
    assert_eq!(
        sentences,
        ["Nothing to change for this: no request was lost to a death with these settings."]
    );
}

#[test]
fn what_nothing_notices_is_said_to_be_noticed_by_another_check() {
    let advice = facts(
        "check=tcp interval=1s timeout=500ms fall=2",
        Fault::Hang,
        Engine::LbSim,
    )
    .advice()
    .unwrap();
    let first = &advice.sentences;
    assert!(
        first
            .iter()
            .any(|sentence| sentence.starts_with("`check=http` would notice it after 2.0 s")),
        "{first:#?}"
    );
    assert_eq!(
        row_of(&advice.table, "in force: interval 1s, fall 2")[1],
        Cell::missing()
    );
}

#[test]
fn what_loses_nothing_needs_no_advice() {
    let advice = facts("detector=sentinel", Fault::Kill, Engine::LbSim)
        .advice()
        .unwrap();
    assert_eq!(advice.sentences.len(), 1);
    assert!(
        advice.sentences[0].starts_with("Nothing to change"),
        "{:?}",
        advice.sentences
    );
}

#[test]
fn a_document_gives_its_settings_back_and_junk_does_not() {
    let facts = facts(
        "interval=500ms fall=3 detector=passive",
        Fault::Kill,
        Engine::LbSim,
    );
    let mut document: serde_json::Map<String, Value> = facts
        .settings
        .words()
        .into_iter()
        .map(|(key, word)| (key.to_owned(), word.into()))
        .collect();
    document.insert("interval_s".to_owned(), 0.5.into());
    document.insert("fall".to_owned(), 3.into());
    assert_eq!(settings(&document.clone().into()), Some(facts.settings));
    document.insert("interval".to_owned(), "soon".into());
    assert_eq!(settings(&document.into()), None);
    assert_eq!(settings(&serde_json::json!({ "fall": 2 })), None);
}
