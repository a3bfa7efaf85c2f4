//! Who decided, and whether it was right to.

use super::*;

impl Told {
    fn out(&mut self, ms: u64, to: Belief, by: Detector, until_ms: Option<u64>) {
        let event = Event::Belief {
            router: "router-2".into(),
            from_state: Belief::Up,
            to,
            reason: "its reason".into(),
            by,
            until_ns: until_ms.map(|ms| Timestamp(ms * MS)),
        };
        self.hear(ms, "lb", event);
    }

    fn set(&mut self, settings: &str) {
        let settings: lb_sim::core::Settings = settings.parse().unwrap();
        let settings = serde_json::to_value(settings).unwrap();
        self.hear(1, "lb", Event::Settings { settings });
        self.lines.clear();
    }
}

#[test]
fn who_was_faster_than_the_checks_is_said() {
    let mut told = Told::new();
    told.set("interval=1s timeout=1s fall=2 detector=sentinel+passive");
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.out(1402, Belief::Down, Detector::Sentinel, None);
    told.wait(2000);
    told.story.finish(Timestamp(2000 * MS));
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 DEAD (killed by SIGKILL after 3.2 s); checks alone should notice in 1.600 s
    router-2 DOWN by sentinel: t_detect 0.002 s (checks alone: 1.600 s)
    ");
    let report = &told.story.reports[0];
    assert_eq!(
        (report.detected_by, report.predicted),
        (Some(Detector::Sentinel), None)
    );
}

#[test]
fn an_ejection_of_a_router_that_is_up_is_a_mistake() {
    let mut told = Told::new();
    told.out(1000, Belief::Ejected, Detector::Passive, Some(31_000));
    told.wait(1300);
    told.hear(
        1400,
        "supervisor",
        Event::Paused {
            router: "router-2".into(),
            incarnation: 1,
            started_ns: Timestamp(900 * MS),
        },
    );
    told.believe(31_000, Belief::Ejected, Belief::Up);
    let started_ns = Timestamp(31_010 * MS);
    let router = "router-2".into();
    told.hear(31_012, "lb", Event::Readmitted { router, started_ns });
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 EJECTED by passive (its reason); back in 30.0 s unless its checks say Down
    MISTAKE: router-2 is up but believed Ejected (by passive: its reason)
    router-2 stood still for 500 ms: the balancer took that for a death
    router-2 believed up (2 failures) after a mistake of 30.0 s
    router-2 UP
    ");
    let mistake = &told.story.mistakes[0];
    assert_eq!(
        (mistake.by, mistake.lasted),
        (Detector::Passive, Some(Duration::from_secs(30)))
    );
    assert!(told.story.readmissions.is_empty(), "it had never gone");
}

#[test]
fn a_kill_by_hand_that_is_reaped_after_it_was_noticed_is_no_mistake() {
    let mut told = Told::new();
    told.out(1400, Belief::Down, Detector::Sentinel, None);
    told.death(1450, Stamp::Exit, "killed by SIGKILL after 9.0 s");
    told.wait(2000);
    assert!(told.story.mistakes.is_empty());
    let report = &told.story.reports[0];
    assert_eq!(
        (report.t_detect, report.detected_by),
        (Some(Duration::ZERO), Some(Detector::Sentinel))
    );
}

#[test]
fn what_a_retry_saved_is_counted_once() {
    let mut told = Told::new();
    told.set("interval=1s timeout=1s fall=2 on-failure=retry");
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.lose(1500, 7, 1499, Cause::Refused, Outcome::Http502);
    for (request, nth) in [(8, 1), (8, 2), (9, 1), (7, 2)] {
        let event = Event::Attempt {
            request: Some(request),
            router: "router-2".into(),
            started_ns: Timestamp(1600 * MS),
            cause: Cause::Refused,
            reused: false,
            status: None,
            nth,
            port: None,
            reckoned: false,
        };
        told.hear(1600, "lb", event);
    }
    let forwarded = |over_budget| Event::Forwarded {
        requests: 100,
        attempts: 110,
        retries: 10,
        over_budget,
        over_breaker: 1,
    };
    told.hear(1700, "lb", forwarded(2));
    told.hear(1800, "lb", forwarded(5));
    told.story.finish(Timestamp(2000 * MS));
    let report = &told.story.reports[0];
    assert_eq!((report.saved, report.lost.total()), (2, 1));
    assert!(
        report.summary().ends_with(", 2 saved by retry"),
        "{}",
        report.summary()
    );
    assert_eq!(told.lines.len(), 2, "{:?}", told.lines);
    assert!(
        told.lines[1].starts_with("3 retries denied (so far 2 over"),
        "{:?}",
        told.lines
    );
}

#[test]
fn connections_are_joined_by_their_port() {
    let mut told = Told::new();
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    let started_ns = Timestamp(1500 * MS);
    let attempt = Event::Attempt {
        request: None,
        router: "router-2".into(),
        started_ns,
        cause: Cause::Eof,
        reused: false,
        status: None,
        nth: 1,
        port: Some(50_001),
        reckoned: false,
    };
    told.hear(1500, "lb", attempt);
    let lost = Event::Outcome {
        request: 1,
        intended_ns: started_ns,
        sent_ns: None,
        outcome: Outcome::Eof,
        status: None,
        router: None,
        port: Some(50_001),
    };
    told.hear(1501, "load", lost);
    told.story.finish(Timestamp(2000 * MS));
    assert_eq!(told.story.reports[0].lost.window, 1);
}

#[test]
fn a_router_that_begins_down_is_no_mistake_and_one_that_goes_down_later_is() {
    let mut told = Told::new();
    told.set("interval=1s timeout=1s fall=2 initial=down");
    told.out(5, Belief::Down, Detector::Poll, None);
    told.wait(1000);
    assert_eq!(
        told.lines,
        ["router-2 is out of use until its checks have passed (initial=down)"]
    );
    told.check(1000, ProbeResult::Ok, 1);
    told.believe(1000, Belief::Down, Belief::Up);
    told.out(1500, Belief::Down, Detector::Poll, None);
    told.wait(3000);
    assert!(
        told.lines
            .iter()
            .any(|line| line.starts_with("MISTAKE: router-2 is up")),
        "{:#?}",
        told.lines
    );
    assert_eq!(told.story.mistakes.len(), 1);
    // A new balancer begins anew.
    told.believe(3500, Belief::Down, Belief::Up);
    let spawned = Event::Spawned {
        name: "lb".into(),
        pid: 9,
        incarnation: 2,
    };
    told.hear(4000, "supervisor", spawned);
    told.out(4010, Belief::Down, Detector::Poll, None);
    told.wait(6000);
    assert_eq!(told.story.mistakes.len(), 1);
    // Without initial=down the first word may be a mistake.
    let mut told = Told::new();
    told.out(5, Belief::Down, Detector::Poll, None);
    told.wait(1000);
    assert_eq!(told.story.mistakes.len(), 1);
}
