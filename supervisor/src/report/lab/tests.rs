mod late;

use super::session::Session;
use super::*;
use crate::report::model::Table;
use router::record::Record;

fn record(ms: u64, from: &str, event: &str) -> Record {
    Record {
        at: Timestamp(ms * 1_000_000),
        from: from.to_owned(),
        event: serde_json::from_str(event).unwrap(),
    }
}

/// Two routers; router-2 is killed after 10 s, noticed after 1.5 s, and two requests are lost.
fn events() -> Vec<Record> {
    let ready = r#"{"event":"ready","pid":1,"addresses":{}}"#;
    let mut records = Vec::new();
    for router in ["router-1", "router-2"] {
        let spawned = format!(r#"{{"event":"spawned","name":"{router}","pid":1,"incarnation":1}}"#);
        records.push(record(1, "supervisor", &spawned));
        records.push(record(2, router, ready));
    }
    let settings =
        r#"{"event":"settings","settings":{"interval":"1s","fall":2,"timeout":"500ms","schedule":"start"}}"#;
    records.push(record(10, "lb", settings));
    let probe = |ms: u64, result: &str, failures: u32| {
        let started = (ms - 1) * 1_000_000;
        let text = format!(
            r#"{{"event":"probe","router":"router-2","probe":1,"started_ns":{started},"result":"{result}","failures":{failures},"fall":2,"successes":0,"rise":2}}"#
        );
        record(ms, "lb", &text)
    };
    let belief = r#"{"event":"belief","router":"router-2","from_state":"going_down","to":"down","reason":"checks failed","by":"poll"}"#;
    let attempt = |ms: u64, request: u64| {
        let started = ms * 1_000_000;
        let text = format!(
            r#"{{"event":"attempt","request":{request},"router":"router-2","started_ns":{started},"cause":"refused","reused":false}}"#
        );
        record(ms, "lb", &text)
    };
    let tick = r#"{"event":"tick","sent":2000,"ok":1990,"lost":2,"buckets":[],"late_p99_ns":200000,"late_max_ns":1,"p50_ns":1,"p99_ns":1}"#;
    records.extend([
        probe(9_501, "ok", 0),
        record(
            10_000,
            "supervisor",
            r#"{"event":"fault","router":"router-2","incarnation":1,"fault":"kill"}"#,
        ),
        record(
            10_000,
            "supervisor",
            r#"{"event":"death","router":"router-2","incarnation":1,"stamp":"signal"}"#,
        ),
        attempt(10_200, 7),
        probe(10_501, "refused", 1),
        attempt(11_100, 8),
        probe(11_501, "refused", 2),
        record(11_500, "lb", belief),
        record(
            11_520,
            "lb",
            r#"{"event":"quiet","router":"router-2","last_attempt_ns":11100000000}"#,
        ),
        record(12_000, "load", tick),
        record(
            12_100,
            "supervisor",
            r#"{"event":"note","text":"the last record"}"#,
        ),
    ]);
    records
}

fn outcomes() -> Vec<Record> {
    let lost = |ms: u64, request: u64| {
        let sent = ms * 1_000_000;
        let text = format!(
            r#"{{"event":"outcome","request":{request},"intended_ns":{sent},"sent_ns":{sent},"outcome":"reset"}}"#
        );
        record(ms + 1, "load", &text)
    };
    vec![lost(10_200, 7), lost(11_100, 8)]
}

fn killed() -> Session {
    replay(Merged::new(events().into_iter(), outcomes().into_iter())).unwrap()
}

fn table<'a>(report: &'a Report, id: &str) -> &'a Table {
    let section = report.sections.iter().find(|section| section.id == id).unwrap();
    let table = section.blocks.iter().find_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    table.unwrap()
}

#[test]
fn a_session_that_nobody_ended_is_made_of_its_records() {
    let session = killed();
    assert!(!session.complete);
    let window = &session.windows[0];
    assert_eq!(
        (window.router.as_str(), window.t_detect_s),
        ("router-2", Some(1.5))
    );
    assert_eq!((window.lost.in_flight, window.lost.window), (0, 2));
    assert_eq!(window.t_stop_s, Some(1.1));
    let predicted = window.predicted_t_detect_s.unwrap();
    assert!((predicted - 1.501).abs() < 0.01, "{predicted}");
    assert_eq!((session.load.sent, session.load.lost), (2000, 2));
    assert_eq!(setting(&session, "interval"), Some("1s"));
    assert_eq!(session.lab.as_ref().unwrap().routers, Some(2));
    let report = report(&session, "default", Vec::new(), Vec::new());
    assert!(
        report.warnings[0].contains("was not ended"),
        "{:?}",
        report.warnings
    );
    assert!(
        report
            .verdict
            .sentence
            .starts_with("1 window cost 2 requests; 2 of 2000 requests lost"),
        "{:?}",
        report.verdict
    );
    assert_eq!(
        replay(Vec::new()).map(|_| ()),
        None,
        "of nothing there is nothing"
    );
}

#[test]
fn a_document_is_read_back_as_it_was_written_and_an_older_one_too() {
    let session = killed();
    let text = serde_json::to_string(&session).unwrap();
    let again: Session = serde_json::from_str(&text).unwrap();
    assert_eq!(again.windows, session.windows);
    let old = r#"{"schema":"resetlab.summary.v1","load":{"sent":5,"ok":5,"lost":0,"by_outcome":{},"late_p99_ms":0.1},
        "windows":[],"mistakes":[],"records_lost":0,"killed_on_the_way_out":[],"left_running":[]}"#;
    let old: Session = serde_json::from_str(old).unwrap();
    assert!(old.complete && old.lab.is_none());
    let report = report(&old, "old", Vec::new(), Vec::new());
    assert!(
        report.verdict.sentence.contains("No router went"),
        "{:?}",
        report.verdict
    );
}

#[test]
fn every_window_has_a_row_and_the_worst_a_picture() {
    let mut session = killed();
    let mut small = session.windows[0].clone();
    (small.lost.window, small.t_detect_s, small.router) = (1, None, "router-1".to_owned());
    session.windows.insert(0, small);
    let told = report(&session, "default", Vec::new(), Vec::new());
    let windows = table(&told, "trials");
    assert_eq!((windows.rows.len(), windows.marked), (2, Some(1)));
    assert_eq!(windows.rows[0][3].shown(), "– (not noticed)");
    assert_eq!(windows.rows[1][0].shown(), "9.990", "since the lab served");
    assert!(windows.rows.iter().all(|row| row.len() == windows.columns.len()));
    let wanted = wanted(&session);
    assert_eq!(wanted[0].moment.victims[0].router, "router-2");
    assert_eq!(wanted[0].moment.interval, Duration::from_secs(1));
}

/// The load's last tick came before the end: what its clients told afterwards counts, and the window is open.
#[test]
fn outcomes_after_the_last_tick_count_and_an_open_window_is_named() {
    let events = events()
        .into_iter()
        .filter(|record| record.at < Timestamp(11_400_000_000));
    let early = r#"{"event":"tick","sent":473,"ok":460,"lost":1,"buckets":[],"late_p99_ns":200000,"late_max_ns":1,"p50_ns":1,"p99_ns":1}"#;
    let mut events: Vec<Record> = events.collect();
    events.insert(events.len() - 1, record(10_900, "load", early));
    let session = replay(Merged::new(events.into_iter(), outcomes().into_iter())).unwrap();
    assert_eq!(
        (session.load.sent, session.load.ok, session.load.lost),
        (473, 460, 2)
    );
    assert!(session.windows[0].open, "{:?}", session.windows);
    let report = report(&session, "default", Vec::new(), Vec::new());
    assert!(
        report.verdict.sentence.starts_with(
            "1 window, in which the session ended, cost 2 requests; 2 of 473 requests lost: 99.567 % succeeded"
        ),
        "{:?}",
        report.verdict
    );
    assert!(
        report.warnings[1].starts_with(
            "The window of router-2 was still open when the session ended, 1.101 s so far: it had cost 2 requests"
        ),
        "{:?}",
        report.warnings
    );
    assert_eq!(
        table(&report, "trials").rows[0][3].shown(),
        "– (open at the end, 1.101 s so far)"
    );
    assert!(!killed().windows[0].open, "that one was over");
}

#[test]
fn what_was_changed_is_told_with_what_each_window_had() {
    let mut session = killed();
    let mut later = session.windows[0].clone();
    later.death_ns = Timestamp(20_000_000_000);
    session.windows.push(later);
    let settings = |ms, from, settings: &str| {
        record(
            ms,
            from,
            &format!(r#"{{"event":"settings","settings":{settings}}}"#),
        )
    };
    let log = [
        settings(10, "lb", r#"{"interval":"2s","fall":2}"#),
        settings(12_300, "lb", r#"{"interval":"1s","fall":2}"#),
        settings(15_000, "supervisor", r#"{"rate":300.0}"#),
        // The balancer was started again.
        settings(16_000, "lb", r#"{"interval":"1s","fall":2}"#),
        record(
            17_000,
            "supervisor",
            r#"{"event":"scaled","before":2,"routers":5}"#,
        ),
    ];
    let begun = BTreeMap::from([("rate".to_owned(), "200".to_owned())]);
    session.changes = changes::changes(&begun, log.into_iter());
    session.lab.as_mut().unwrap().command = "resetlab up --interval 2s".to_owned();
    let report = report(&session, "default", Vec::new(), Vec::new());
    let shown =
        |row: &Vec<crate::report::model::Cell>| row.iter().map(|cell| cell.shown()).collect::<Vec<_>>();
    let changed: Vec<Vec<String>> = table(&report, "settings").rows.iter().map(shown).collect();
    assert_eq!(
        changed,
        [
            ["12.290", "interval", "2s", "1s"],
            ["14.990", "rate", "200", "300.0"],
            ["16.990", "routers", "2", "5"]
        ]
    );
    assert!(
        table(&report, "settings")
            .caption
            .contains("`interval=1s rate=300.0 routers=5`")
    );
    let in_force = |row: usize| table(&report, "trials").rows[row].last().unwrap().shown();
    assert_eq!(in_force(0), "interval=2s rate=200 routers=2");
    assert_eq!(in_force(1), "interval=1s rate=300.0 routers=5");
    let method = report.sections.last().unwrap();
    let mut orders = method.blocks.iter().filter_map(|block| match block {
        Block::Command { text } => Some(text.as_str()),
        _ => None,
    });
    assert!(
        orders
            .next_back()
            .unwrap()
            .starts_with("resetlab set interval=1s  # at 12.3 s\nresetlab set rate=300.0  #"),
        "the command alone is another session"
    );
}
