//! A lab's life in virtual time, as its page is told.

use super::digest::Digest;
use super::frame::{Base, Frame};
use super::window::{Mistake, Window};
use crate::settings::LabSettings;
use crate::story::Story;
use router::clock::Timestamp;
use router::record::{Belief, Cause, Detector, Event, Fault, Outcome, ProbeResult, Record, Stamp};
use std::collections::BTreeMap;

const MS: u64 = 1_000_000;
/// When the lab began to serve: times are counted from there.
const BEGIN: u64 = 70_000;

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

    fn mistake(&self) -> Mistake {
        self.mistakes().last().copied().unwrap().clone()
    }

    fn mistakes(&self) -> Vec<&Mistake> {
        self.frames.iter().flat_map(|frame| &frame.mistakes).collect()
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

#[test]
fn what_a_real_balancer_does_not_tell_is_unknown_and_its_checks_are_those_that_arrive() {
    let mut told = Told::new("interval=1s timeout=1s fall=2");
    // lb-sim's own checks are told by it; that they arrive says nothing more.
    told.hear(10, "router-1", Event::CheckSeen { status: Some(200) });
    told.wait(100);
    assert!(told.frames.iter().all(|frame| frame.checks.is_empty()));
    let engine = Event::Engine {
        engine: "nginx".into(),
        version: "1.22.1".into(),
        belief: false,
        attempts: false,
    };
    told.hear(150, "lb", engine);
    told.hear(200, "router-1", Event::CheckSeen { status: Some(200) });
    told.hear(300, "router-1", Event::CheckSeen { status: Some(503) });
    told.hear(400, "router-2", Event::CheckSeen { status: None });
    told.kill(500, "router-2");
    told.lose(620, 1, Some("router-2"));
    told.lose(630, 2, None);
    told.wait(1000);
    let checks: Vec<_> = told
        .frames
        .iter()
        .flat_map(|frame| frame.checks.clone())
        .collect();
    let seen = |router: &str, at: f64, result: &str| (router.to_owned(), at, at, result.to_owned());
    assert_eq!(
        checks,
        [
            seen("router-1", 200.0, "ok"),
            seen("router-1", 300.0, "status"),
            seen("router-2", 400.0, "ok")
        ]
    );
    assert!(told.state.routers.values().all(|lane| lane.belief == "unknown"));
    // A new one says as little.
    told.spawned(1100, "lb", 2);
    told.wait(1200);
    assert!(told.state.routers.values().all(|lane| lane.belief == "unknown"));
    let attempts: Vec<_> = told
        .frames
        .iter()
        .flat_map(|frame| frame.attempts.clone())
        .collect();
    assert_eq!(attempts, [("router-2".to_owned(), 6, 1)]);
    let window = told.window();
    assert_eq!(
        (window.open, window.window),
        (true, 2),
        "whose they were is known by their time"
    );
    assert_eq!((window.saved_by_retry, window.causes.len()), (None, 0));
}

#[test]
fn totals_go_on_when_the_load_is_started_again_and_beliefs_when_the_balancer_is() {
    let mut told = Told::new("routers=3 rate=10");
    told.tick(200, (20, 19, 1), 19);
    told.believe(300, "router-3", Belief::Down, Detector::Passive);
    told.spawned(500, "load", 2);
    told.tick(700, (5, 4, 0), 4);
    told.spawned(800, "lb", 2);
    told.wait(1000);
    let totals = &told.state.totals;
    assert_eq!((totals.sent, totals.ok, totals.lost), (25, 23, 1));
    assert_eq!(
        told.beliefs(),
        ["300 router-3 down by passive", "800 router-3 up by poll"]
    );
    // It was up all the while.
    let mistake = told.mistake();
    assert_eq!(
        (mistake.from, mistake.to, mistake.by.as_str()),
        (300.0, None, "passive")
    );
    assert_eq!(told.state.mistakes.len(), 1);
    told.believe(1200, "router-3", Belief::Up, Detector::Poll);
    told.wait(1500);
    let over = told.mistake();
    assert_eq!((over.id, over.to), (mistake.id, Some(1200.0)));
    assert!(told.state.mistakes.is_empty());
}

#[test]
fn routers_that_come_and_go_have_lanes_and_theory_knows_how_many_there_are() {
    let mut told = Told::new("routers=2 interval=1s timeout=1s rate=100");
    assert_eq!(told.state.theory.as_ref().unwrap().checks_per_s, Some(2.0));
    told.spawned(100, "router-3", 1);
    told.ready(150, "router-3");
    let member = |router: &str, present| Event::Member {
        router: router.into(),
        present,
    };
    told.hear(180, "lb", member("router-3", true));
    told.hear(
        190,
        "supervisor",
        Event::Scaled {
            before: 2,
            routers: 3,
        },
    );
    told.wait(300);
    let lane = &told.state.routers["router-3"];
    assert_eq!((lane.truth.as_str(), lane.member), ("up", true));
    assert_eq!(told.state.theory.as_ref().unwrap().checks_per_s, Some(3.0));
    let lost = told.state.theory.as_ref().unwrap().kill.lost_per_trial.unwrap();
    told.hear(400, "lb", member("router-3", false));
    told.hear(
        450,
        "supervisor",
        Event::Scaled {
            before: 3,
            routers: 2,
        },
    );
    let settings = serde_json::json!({ "rate": 200.0, "restart-delay": "2s" });
    told.hear(460, "supervisor", Event::Settings { settings });
    let settings = serde_json::json!({ "fall": "3", "unheard-of": "1" });
    told.hear(470, "lb", Event::Settings { settings });
    told.wait(600);
    assert!(!told.state.routers["router-3"].member);
    let shown = &told.state.settings;
    assert_eq!(
        (&shown["rate"], &shown["restart-delay"]),
        (&200.0.into(), &"2s".into())
    );
    assert_eq!(shown["fall"], 3);
    assert_eq!(
        told.state.preset.matches("fall=3").count(),
        1,
        "{}",
        told.state.preset
    );
    let theory = told.state.theory.as_ref().unwrap();
    assert_eq!(theory.checks_per_s, Some(2.0));
    assert!(theory.kill.lost_per_trial.unwrap() > 2.0 * lost);
}

#[test]
fn the_clock_moves_once_a_second_when_nothing_happens_and_no_seq_is_left_out() {
    let mut told = Told::new("rate=0");
    told.wait(5000);
    let times: Vec<f64> = told.frames.iter().map(|frame| frame.t).collect();
    assert_eq!(times, [1000.0, 2000.0, 3000.0, 4000.0, 5000.0]);
    told.hear(5050, "lb", Event::Dropped { count: 7 });
    told.wait(6100);
    let last: Vec<_> = told.frames[5..]
        .iter()
        .map(|frame| (frame.seq, frame.t))
        .collect();
    assert_eq!(last, [(5, 5100.0), (6, 6100.0)]);
    assert_eq!(told.frames[5].records_dropped, 7);
    assert_eq!(
        told.state.totals.budget_left, None,
        "nothing is sent, nothing may fail"
    );
}

#[test]
fn open_windows_of_many_failures_are_counted_more_seldom_but_are_counted() {
    let mut told = Told::new("interval=60s timeout=1s rate=100000");
    told.kill(100, "router-1");
    told.kill(100, "router-2");
    for request in 0..60_000 {
        let router = ["router-1", "router-2"][request as usize % 2];
        told.attempt(200 + request / 100, request, router);
        told.lose(200 + request / 100, request, None);
    }
    let during = told.windows().len();
    told.wait(3000);
    let counted: BTreeMap<&str, u64> = told
        .windows()
        .into_iter()
        .map(|window| (window.router.as_str(), window.window))
        .collect();
    assert_eq!(
        counted,
        BTreeMap::from([("router-1", 30_000), ("router-2", 30_000)])
    );
    assert!(during <= 8, "{during} looks at up to 60,000 entries within 0.6 s");
}
