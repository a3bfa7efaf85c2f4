//! What happens to all of a lab: real balancers, restarts, scaling, quiet, many failures.

use super::*;

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
        every_attempt: false,
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
    let death = Event::Death {
        router: "router-3".into(),
        incarnation: 1,
        stamp: Stamp::Exit,
    };
    told.hear(430, "supervisor", death);
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
    let lane = &told.state.routers["router-3"];
    assert_eq!(
        (lane.truth.as_str(), lane.belief.as_str(), lane.member),
        ("absent", "absent", false),
        "it is not dead and in use"
    );
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
    assert_eq!(told.state.totals.records_dropped, 7);
    told.hear(6200, "load", Event::Dropped { count: 2 });
    told.wait(6300);
    assert_eq!(
        told.state.totals.records_dropped, 9,
        "all of them, since the start"
    );
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

#[test]
fn an_open_window_has_counted_what_its_frame_tells() {
    let mut told = Told::new("interval=10s timeout=1s fall=2");
    told.kill(700, "router-2");
    for request in 1..=20 {
        told.attempt(700 + request * 50, request, "router-2");
        told.lose(700 + request * 50, request, None);
    }
    told.wait(1800);
    let mut lost = 0;
    let mut counted = 0;
    for frame in &told.frames {
        let counts = frame.out.iter().flat_map(|(_, counts)| counts.values());
        lost += counts.sum::<u64>();
        counted = frame
            .windows
            .last()
            .map_or(counted, |window| window.window + window.in_flight);
        assert_eq!(counted, lost, "at {} ms", frame.t);
    }
    assert_eq!(lost, 20);
}

#[test]
fn a_load_that_is_late_is_told_once_its_figures_deserve_doubt() {
    let mut told = Told::new("");
    let mut tick = |ms: u64, late_p99_ns: u64| {
        let tick = Event::Tick {
            sent: ms,
            ok: ms,
            lost: 0,
            buckets: Vec::new(),
            late_p99_ns,
            late_max_ns: late_p99_ns,
            p50_ns: 1,
            p99_ns: 1,
        };
        told.hear(ms, "load", tick);
        told.wait(ms + 100);
        told.state.totals.late_p99_ms
    };
    assert_eq!(tick(100, 5 * MS), None);
    assert_eq!(tick(300, 7 * MS), Some(7.0));
    assert_eq!(tick(500, 6 * MS), Some(7.0), "the worst stays");
}
