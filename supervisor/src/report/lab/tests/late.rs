//! A client that waits for longer than the window was open, and records that come late: terminal, page, report and the
//! measurement of `run` say the same of them.

use super::*;
use crate::experiment::measure::{self, Anchor, Strike, Teller, Victim};
use crate::page::digest::Digest;
use crate::page::frame::Frame;
use crate::settings::LabSettings;
use crate::story::{Line, Story};
use lb_sim::core::OnFailure;
use router::record::{Fault, Stamp};

const MS: u64 = 1_000_000;

/// A record, and when it arrives.
type Arrival = (u64, Record);

/// What terminal and page were told of a lab that was live.
struct Live {
    story: Story,
    lines: Vec<Line>,
    frames: Vec<Frame>,
}

impl Live {
    fn hear(arrivals: &[Arrival], end_ms: u64) -> Live {
        let mut settings = LabSettings::default();
        settings.routers = 2;
        settings.lb.on_failure = OnFailure::Retry;
        let mut story = Story::new(settings.lb.clone(), 2);
        let mut digest = Digest::new(settings, Timestamp(0));
        let (mut lines, mut frames) = (Vec::new(), Vec::new());
        let mut arrivals = arrivals.iter().peekable();
        for ms in 0..end_ms {
            let now = Timestamp(ms * MS);
            while let Some((_, record)) = arrivals.next_if(|(arrives, _)| *arrives <= ms) {
                digest.on_record(record);
                lines.extend(story.on_record(now, record));
            }
            if story.next_deadline().is_some_and(|due| due <= now) {
                lines.extend(story.on_deadline(now));
            }
            if ms % 100 == 0 {
                frames.extend(digest.flush(now, &story));
            }
        }
        story.finish(Timestamp(end_ms * MS));
        frames.extend(digest.flush(Timestamp(end_ms * MS), &story));
        Live { story, lines, frames }
    }

    /// Lost in flight, lost in the window, saved: as the page has it last, and as the session's document does.
    fn figures(&self) -> [(u64, u64, Option<u64>); 2] {
        let windows = self.frames.iter().flat_map(|frame| &frame.windows);
        let page = windows.last().unwrap();
        let session = Session::of(&self.story, Default::default(), 0);
        let window = &session.windows[0];
        [
            (page.in_flight, page.window, page.saved_by_retry),
            (window.lost.in_flight, window.lost.window, window.saved_by_retry),
        ]
    }
}

/// Those of [`events`], with a balancer that retries.
fn retrying() -> Vec<Record> {
    let mut records = events();
    let settings = r#"{"event":"settings","settings":{"interval":"1s","fall":2,"timeout":"500ms","on-failure":"retry"}}"#;
    records.push(record(10, "lb", settings));
    records.sort_by_key(|record| record.at);
    records.retain(|record| !matches!(record.event, router::record::Event::Note { .. }));
    records
}

fn outcome(request: u64, (sent, ended): (u64, u64), outcome: &str) -> Record {
    let sent = sent * MS;
    let text = format!(
        r#"{{"event":"outcome","request":{request},"intended_ns":{sent},"sent_ns":{sent},"outcome":"{outcome}"}}"#
    );
    record(ended, "load", &text)
}

fn measured(records: &[Record]) -> (u64, u64, Option<u64>) {
    let victim = Victim {
        router: "router-2".to_owned(),
        at: Timestamp(10_000 * MS),
        stamp: Stamp::Signal,
        crash: None,
    };
    let strike = Strike {
        trial: 1,
        fault: Fault::Kill,
        victims: &[victim],
        held_until: Timestamp(11_500 * MS),
        anchor: Anchor::Start,
        interval: None,
        teller: &Teller::default(),
    };
    let trial = measure::trials(records, &strike, |_, _| None).remove(0);
    (trial.lost.in_flight, trial.lost.window, trial.saved_by_retry)
}

/// `delay`: from an outcome's time until its record arrives; `end`: how long its request goes on after its attempt.
fn agree(end: u64, delay: u64) {
    let events = retrying();
    let outcomes = [
        outcome(7, (10_199, 10_200 + end), "timeout"),
        outcome(8, (11_099, 11_100 + end), "timeout"),
    ];
    let mut arrivals: Vec<Arrival> = events
        .iter()
        .map(|record| (record.at.0 / MS, record.clone()))
        .collect();
    arrivals.extend(
        outcomes
            .iter()
            .map(|record| (record.at.0 / MS + delay, record.clone())),
    );
    arrivals.sort_by_key(|(arrives, _)| *arrives);
    let live = Live::hear(&arrivals, 25_000);
    let wanted = (0, 2, Some(0));
    assert_eq!(live.figures(), [wanted, wanted], "live, {end} ms, {delay} ms");
    let replayed = replay(Merged::new(
        events.clone().into_iter(),
        outcomes.clone().into_iter(),
    ))
    .unwrap();
    let window = &replayed.windows[0];
    assert_eq!(
        (window.lost.in_flight, window.lost.window, window.saved_by_retry),
        wanted,
        "replayed, {end} ms, {delay} ms"
    );
    assert_eq!(measured(&[events, outcomes.to_vec()].concat()), wanted);
    let told = live
        .lines
        .iter()
        .filter(|line| line.text.contains("more, which ended late"));
    let late = end + delay > 1_000;
    assert_eq!(told.count() > 0, late, "{end} ms, {delay} ms: {:?}", live.lines);
    if late {
        let last = &live.lines.last().unwrap().text;
        assert!(last.ends_with("its window lost 2 in all"), "{last}");
    }
}

#[test]
fn an_outcome_that_comes_late_counts_the_same_everywhere() {
    for (end, delay) in [
        (1, 0),
        (1, 1_500),
        (2_000, 0),
        (2_000, 1_000),
        (10_000, 0),
        (1, 10_000),
    ] {
        agree(end, delay);
    }
}

#[test]
fn an_attempt_that_fails_late_belongs_to_the_window_that_it_started_in() {
    let mut events = retrying();
    let text = format!(
        r#"{{"event":"attempt","request":9,"router":"router-2","started_ns":{},"cause":"response_timeout","reused":false}}"#,
        11_050 * MS
    );
    events.push(record(21_050, "lb", &text));
    let outcomes = [outcome(9, (11_049, 21_051), "http_504")];
    let mut arrivals: Vec<Arrival> = events
        .iter()
        .map(|record| (record.at.0 / MS, record.clone()))
        .collect();
    arrivals.extend(outcomes.iter().map(|record| (record.at.0 / MS, record.clone())));
    let live = Live::hear(&arrivals, 25_000);
    let wanted = (0, 1, Some(2));
    assert_eq!(live.figures(), [wanted, wanted]);
    let replayed = replay(Merged::new(
        events.clone().into_iter(),
        outcomes.clone().into_iter(),
    ))
    .unwrap();
    let window = &replayed.windows[0];
    assert_eq!(
        (window.lost.in_flight, window.lost.window, window.saved_by_retry),
        wanted
    );
    assert_eq!(measured(&[events, outcomes.to_vec()].concat()), wanted);
}
