//! What is lost beside windows, and what was not observed.

use super::*;
use crate::story::{Began, LostWhere};

/// As `killed`, and more was lost beside its window.
fn beside(lost_where: LostWhere) -> Session {
    let mut session = killed();
    session.load.lost = lost_where.total();
    session.load.unfinished = 8;
    session.load.lost_where = Some(lost_where);
    session
}

#[test]
fn all_that_is_lost_is_somewhere_and_it_is_said_where() {
    let session = beside(LostWhere {
        windows: 2,
        no_router: 40,
        at_routers: 5,
        ..LostWhere::default()
    });
    let report = report(&session, "default", Vec::new(), Vec::new());
    let sentence = &report.verdict.sentence;
    assert!(
        sentence.starts_with(
            "1 window cost 2 requests, 40 more were lost with no router in use, 5 more were lost at routers outside their \
             windows; 47 of 2000 requests lost"
        ),
        "{sentence}"
    );
    assert!(
        report.verdict.advice[0].starts_with("40 requests were lost while no router was in use"),
        "{:?}",
        report.verdict.advice
    );
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.starts_with("5 requests were lost at routers")),
        "{:?}",
        report.warnings
    );
    let lost = report
        .sections
        .iter()
        .find(|section| section.id == "lost")
        .unwrap();
    let captions: Vec<&str> = lost
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Table(table) => Some(table.caption.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        captions.contains(&"Where they were lost: together 47"),
        "{captions:?}"
    );
    assert!(
        captions[0].ends_with("47 lost, 8 under way when the session ended"),
        "{captions:?}"
    );
}

#[test]
fn what_was_out_of_use_already_has_no_times_and_is_no_window() {
    let mut session = killed();
    let window = &mut session.windows[0];
    (window.began, window.t_detect_s, window.t_stop_s) = (Began::OutOfUse, None, None);
    (window.attempted, window.lost) = (Some(false), Default::default());
    session.load.lost = 0;
    let report = report(&session, "default", Vec::new(), Vec::new());
    let sentence = &report.verdict.sentence;
    assert!(sentence.starts_with("No router in use went"), "{sentence}");
    let shown: Vec<String> = table(&report, "trials").rows[0]
        .iter()
        .map(|cell| cell.shown())
        .collect();
    assert!(shown.contains(&"– (out of use already)".to_owned()), "{shown:?}");
    assert!(shown.contains(&"– (no attempt)".to_owned()), "{shown:?}");
    let csv = crate::report::csv::render(&report).unwrap();
    let row = csv.lines().nth(1).unwrap();
    assert!(
        row.contains(",router-2,kill,,") && !row.contains(",0.000"),
        "{row}"
    );
}

/// Their clients had heard when the load was ended; no tick came any more.
#[test]
fn what_the_last_tick_has_not_counted_is_lost_all_the_same() {
    let mut records = events();
    records.retain(|record| !matches!(record.event, router::record::Event::Tick { .. }));
    let tick = r#"{"event":"tick","sent":1771,"ok":1471,"lost":1,"buckets":[],"late_p99_ns":1,"late_max_ns":1,"p50_ns":1,"p99_ns":1}"#;
    records.push(record(12_200, "load", tick));
    let session = replay(Merged::new(records.into_iter(), outcomes().into_iter())).unwrap();
    let load = &session.load;
    assert_eq!(
        (load.sent, load.ok, load.lost, load.unfinished),
        (1771, 1471, 2, 298)
    );
    assert_eq!(load.by_outcome.values().sum::<u64>(), load.lost);
    assert_eq!(load.lost_where.unwrap().total(), load.lost);
}

/// Of a fault that only requests meet no check tells, however often it looks.
#[test]
fn checks_are_not_advised_against_what_they_do_not_see() {
    let mut session = killed();
    let window = &mut session.windows[0];
    (window.fault, window.t_detect_s, window.began) = (router::record::Fault::Error, None, Began::TakenBack);
    let report = report(&session, "default", Vec::new(), Vec::new());
    assert_eq!(
        report.verdict.advice,
        [
            "Nothing noticed router-2 (error) until it was healed: where checks pass and requests fail, \
             `detector=passive` is what sees it."
        ]
    );
    assert!(
        table(&report, "trials").rows[0]
            .iter()
            .any(|cell| cell.shown() == "error, used again")
    );
}
