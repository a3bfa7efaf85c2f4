//! The record format is an interface: what `records.ndjson` holds must be read and written unchanged for ever.

use router::record::{Event, Record};

#[test]
fn every_kind_of_record_is_read_and_written_as_the_golden_file_has_it() {
    for line in include_str!("records.ndjson").lines() {
        let record: Record = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_ne!(record.event, Event::Unknown, "not recognised: {line}");
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }
}

#[test]
fn an_event_of_a_later_version_is_skipped_not_refused() {
    let line = r#"{"t_ns":1,"from":"lb","event":"ejected","router":"router-1","for_s":30}"#;
    assert_eq!(
        serde_json::from_str::<Record>(line).unwrap().event,
        Event::Unknown
    );
    let line = r#"{"t_ns":1,"from":"lb","event":"unrouted","request":1,"why":"a field of a later version"}"#;
    assert_eq!(
        serde_json::from_str::<Record>(line).unwrap().event,
        Event::Unrouted { request: Some(1) }
    );
}
