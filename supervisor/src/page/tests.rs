//! A lab's life in virtual time, as its page is told.

use super::digest::Digest;
use super::frame::{Base, Frame};
use super::window::Window;
use crate::settings::LabSettings;
use crate::story::Story;
use router::clock::Timestamp;
use router::record::{Belief, Cause, Detector, Event, Fault, Outcome, ProbeResult, Record, Stamp};
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;
/// When the lab began to serve: times are counted from there.
const BEGIN: u64 = 70_000;

mod lab;

struct Told {
    story: Story,
    digest: Digest,
    now: u64,
    frames: Vec<Frame>,
    /// All frames applied.
    state: Base,
}

impl Told {
    fn new(words: &str) -> Told {
        let mut settings = LabSettings::default();
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            settings.set("a test", key, value).unwrap();
        }
        let digest = Digest::new(settings.clone(), Timestamp(BEGIN * MS));
        Told {
            story: Story::new(settings.lb.clone(), settings.routers),
            state: digest.base(),
            digest,
            now: 0,
            frames: Vec::new(),
        }
    }

    /// Frames until `ms` after the lab began to serve.
    fn wait(&mut self, ms: u64) {
        let at = |ms: u64| Timestamp((BEGIN + ms) * MS);
        while self.now < ms {
            self.now = (self.now / 100 * 100 + 100).min(ms);
            let now = at(self.now);
            while self.story.next_deadline().is_some_and(|due| due <= now) {
                let lines = self.story.on_deadline(now);
                self.digest.on_lines(&lines);
            }
            if self.now.is_multiple_of(100)
                && let Some(frame) = self.digest.flush(now, &self.story)
            {
                self.state.apply(frame.clone());
                self.frames.push(frame);
            }
        }
    }

    /// A record stamped, and arriving, at `ms`.
    fn hear(&mut self, ms: u64, from: &str, event: Event) {
        self.wait(ms);
        let record = Record {
            at: Timestamp((BEGIN + ms) * MS),
            from: from.into(),
            event,
        };
        let lines = self.story.on_record(record.at, &record);
        self.digest.on_record(&record);
        self.digest.on_lines(&lines);
    }

    fn hear_json(&mut self, ms: u64, from: &str, event: serde_json::Value) {
        self.hear(ms, from, serde_json::from_value(event).unwrap());
    }

    fn kill(&mut self, ms: u64, router: &str) {
        let (router, incarnation) = (router.to_owned(), 1);
        let fault = Event::Fault {
            router: router.clone(),
            incarnation,
            fault: Fault::Kill,
            detail: None,
        };
        self.hear(ms, "supervisor", fault);
        let death = Event::Death {
            router: router.clone(),
            incarnation,
            stamp: Stamp::Signal,
        };
        self.hear(ms, "supervisor", death);
        let words = "killed by SIGKILL after 5.3 s".to_owned();
        let exited = serde_json::json!({
            "event": "exited", "name": router, "pid": 7, "incarnation": 1, "code": null, "signal": 9, "uptime_s": 5.3,
            "words": words,
        });
        self.hear_json(ms + 1, "supervisor", exited);
    }

    fn check(&mut self, ms: u64, router: &str, result: ProbeResult, failures: u32) {
        let probe = Event::Probe {
            router: router.into(),
            probe: ms,
            started_ns: Timestamp((BEGIN + ms - 1) * MS),
            result,
            status: None,
            failures,
            fall: 2,
            successes: u32::from(failures == 0),
            rise: 2,
            prober: None,
        };
        self.hear(ms, "lb", probe);
    }

    fn believe(&mut self, ms: u64, router: &str, to: Belief, by: Detector) {
        let belief = Event::Belief {
            router: router.into(),
            from_state: Belief::Up,
            to,
            reason: "2 failures".into(),
            by,
            until_ns: None,
        };
        self.hear(ms, "lb", belief);
    }

    fn attempt(&mut self, ms: u64, request: u64, router: &str) {
        let attempt = Event::Attempt {
            request: Some(request),
            router: router.into(),
            started_ns: Timestamp((BEGIN + ms) * MS),
            cause: Cause::Refused,
            reused: false,
            status: None,
            nth: 1,
            port: None,
            reckoned: false,
        };
        self.hear(ms, "lb", attempt);
    }

    fn lose(&mut self, ms: u64, request: u64, router: Option<&str>) {
        let lost = Event::Outcome {
            request,
            intended_ns: Timestamp((BEGIN + ms) * MS),
            sent_ns: Some(Timestamp((BEGIN + ms) * MS)),
            outcome: Outcome::Reset,
            status: None,
            router: router.map(str::to_owned),
            port: None,
        };
        self.hear(ms, "load", lost);
    }

    /// Totals, and `ok` more of the 10 ms before.
    fn tick(&mut self, ms: u64, (sent, ok, lost): (u64, u64, u64), more: u32) {
        let tick = Event::Tick {
            sent,
            ok,
            lost,
            buckets: vec![((BEGIN + ms - 10) * MS, more, 0)],
            late_p99_ns: 1,
            late_max_ns: 1,
            p50_ns: 1,
            p99_ns: 1,
        };
        self.hear(ms, "load", tick);
    }

    fn spawned(&mut self, ms: u64, name: &str, incarnation: u32) {
        let name = name.to_owned();
        let spawned = Event::Spawned {
            name,
            pid: 8,
            incarnation,
        };
        self.hear(ms, "supervisor", spawned);
    }

    fn ready(&mut self, ms: u64, from: &str) {
        let ready = Event::Ready {
            pid: 8,
            addresses: BTreeMap::new(),
        };
        self.hear(ms, from, ready);
    }

    fn windows(&self) -> Vec<&Window> {
        self.frames.iter().flat_map(|frame| &frame.windows).collect()
    }

    /// As it was told last.
    fn window(&self) -> Window {
        self.windows().last().copied().unwrap().clone()
    }

    /// `router truth` as they changed.
    fn truths(&self) -> Vec<String> {
        let changes = self.frames.iter().flat_map(|frame| &frame.truth);
        changes
            .map(|change| {
                format!(
                    "{:.0} {} {}: {}",
                    change.at, change.router, change.truth, change.why
                )
            })
            .collect()
    }

    fn beliefs(&self) -> Vec<String> {
        let changes = self.frames.iter().flat_map(|frame| &frame.belief);
        changes
            .map(|change| {
                format!(
                    "{:.0} {} {} by {}",
                    change.at, change.router, change.belief, change.by
                )
            })
            .collect()
    }
}

#[test]
fn a_kill_from_truth_to_belief_to_the_cost_of_its_window() {
    let mut told = Told::new("interval=1s timeout=1s fall=2 rate=100");
    told.check(500, "router-2", ProbeResult::Ok, 0);
    told.kill(700, "router-2");
    for request in 1..=5 {
        told.attempt(800 + request, request, "router-2");
        told.lose(800 + request, request, None);
    }
    told.check(1500, "router-2", ProbeResult::Refused, 1);
    told.believe(1500, "router-2", Belief::GoingDown, Detector::Poll);
    told.wait(1800);
    let open = told.window();
    assert!(open.open && open.detected_by.is_none());
    assert_eq!((open.from, open.window, open.by_outcome["reset"]), (700.0, 5, 5));
    // The check of 499 ms began a phase of which the second failure ends at 2500 ms.
    assert_eq!(open.predicted_t_detect_s, Some(1.799));
    assert_eq!(told.state.windows, std::slice::from_ref(&open));
    told.check(2500, "router-2", ProbeResult::Refused, 2);
    told.believe(2500, "router-2", Belief::Down, Detector::Poll);
    let quiet = Event::Quiet {
        router: "router-2".into(),
        last_attempt_ns: Some(Timestamp((BEGIN + 805) * MS)),
    };
    told.hear(2500, "lb", quiet);
    told.tick(2600, (200, 195, 5), 3);
    told.wait(3500);

    assert_eq!(
        told.truths(),
        ["700 router-2 dead: killed by SIGKILL after 5.3 s"],
        "the reason came within the same frame"
    );
    assert_eq!(
        told.beliefs(),
        ["1500 router-2 going_down by poll", "2500 router-2 down by poll"]
    );
    let closed = told.window();
    assert_eq!((closed.open, &closed.id), (false, &open.id));
    assert_eq!((closed.t_detect_s, closed.t_stop_s), (Some(1.8), Some(0.105)));
    assert_eq!((closed.window, closed.causes["refused"]), (5, 5));
    assert_eq!(closed.saved_by_retry, Some(0));
    assert_eq!((told.state.windows.len(), told.story.reports.len()), (0, 1));
    let checks: Vec<_> = told.frames.iter().flat_map(|frame| &frame.checks).collect();
    assert_eq!(checks.len(), 3);
    assert_eq!(
        checks[1],
        &("router-2".to_owned(), 1499.0, 1500.0, "refused".to_owned())
    );
    let failed = BTreeMap::from([("reset".to_owned(), 5)]);
    let ok = BTreeMap::from([("ok".to_owned(), 3)]);
    let out: Vec<_> = told.frames.iter().flat_map(|frame| frame.out.clone()).collect();
    assert_eq!(out, [(8, failed.clone()), (25, ok)]);
    let attempts: Vec<_> = told
        .frames
        .iter()
        .flat_map(|frame| frame.attempts.clone())
        .collect();
    assert_eq!(attempts, [("router-2".to_owned(), 8, 5)]);
    let totals = &told.state.totals;
    assert_eq!(
        (totals.sent, totals.ok, totals.lost, &totals.by_outcome),
        (200, 195, 5, &failed)
    );
    // A month at 100/s with three nines may lose 259,200.
    assert!((totals.budget_left.unwrap() - (1.0 - 5.0 / 259_200.0)).abs() < 1e-12);
    assert!(
        told.frames
            .iter()
            .flat_map(|frame| &frame.log)
            .any(|line| line.text.contains("t_detect 1.800 s"))
    );
}

#[test]
fn a_reason_that_comes_later_explains_the_same_death_again() {
    let mut told = Told::new("");
    let death = Event::Death {
        router: "router-1".into(),
        incarnation: 1,
        stamp: Stamp::Crash,
    };
    told.hear(450, "router-1", death);
    let exited = serde_json::json!({
        "event": "exited", "name": "router-1", "pid": 7, "incarnation": 1, "code": 2, "signal": null, "uptime_s": 5.3,
        "words": "exited 2 after 5.3 s: fatal error: concurrent map writes",
    });
    told.hear_json(620, "supervisor", exited);
    told.spawned(900, "router-1", 2);
    told.ready(950, "router-1");
    told.wait(1000);
    let words = "exited 2 after 5.3 s: fatal error: concurrent map writes";
    assert_eq!(
        told.truths(),
        [
            "450 router-1 dead: crash".to_owned(),
            format!("450 router-1 dead: {words}"),
            "900 router-1 starting: started again".to_owned(),
            "950 router-1 up: ready".to_owned(),
        ]
    );
    let lane = &told.state.routers["router-1"];
    assert_eq!((lane.truth.as_str(), lane.truth_since), ("up", 950.0));
}
