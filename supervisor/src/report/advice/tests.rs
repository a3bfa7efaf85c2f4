use super::*;
use lb_sim::theory::load::Arrivals;
use router::record::Fault;

fn facts(words: &str, fault: Fault, engine: Engine) -> Facts {
    Facts {
        settings: words.parse().unwrap(),
        spec: Spec::new(fault),
        traffic: Traffic {
            rate: 200.0,
            routers: 4,
            arrivals: Arrivals::Poisson,
        },
        victims: 1,
        drain_wait: Duration::from_secs(20),
        engine,
        checked: true,
    }
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
    assert_eq!(advice.sentences.len(), 3);
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
