//! Windows that open because the balancer is wrong again, and losses that no window explains.

use super::*;

impl Told {
    fn hang(&mut self, ms: u64) {
        let event = Event::Fault {
            router: "router-2".into(),
            incarnation: 1,
            fault: Fault::Hang,
            detail: None,
        };
        self.hear(ms, "supervisor", event);
    }

    fn attempt_timed_out(&mut self, ms: u64, request: u64, started_ms: u64) {
        self.lose(ms, request, started_ms, Cause::ResponseTimeout, Outcome::Http504);
    }

    /// Nobody had a router for it.
    fn unrouted(&mut self, ms: u64, request: u64) {
        self.hear(
            ms,
            "lb",
            Event::Unrouted {
                request: Some(request),
            },
        );
        self.outcome(ms, request, Outcome::Http503);
    }

    fn outcome(&mut self, ms: u64, request: u64, outcome: Outcome) {
        let event = Event::Outcome {
            request,
            intended_ns: Timestamp(ms * MS),
            sent_ns: Some(Timestamp(ms * MS)),
            outcome,
            status: None,
            router: None,
            port: None,
        };
        self.hear(ms, "load", event);
    }

    /// All routers but router-2 go down, or come back.
    fn others(&mut self, ms: u64, to: Belief) {
        for router in ["router-1", "router-3", "router-4"] {
            let event = Event::Belief {
                router: router.into(),
                from_state: Belief::Up,
                to,
                reason: "its reason".into(),
                by: Detector::Poll,
                until_ns: None,
            };
            self.hear(ms, "lb", event);
        }
    }

    fn adds_up(&self) -> LostWhere {
        let lost = self.story.lost_where();
        let all: u64 = self.story.by_outcome.values().sum();
        let windows: u64 = self.story.reports.iter().map(|report| report.lost.total()).sum();
        assert_eq!(lost.total(), all, "{lost:?}");
        assert_eq!(lost.windows, windows, "{lost:?}");
        lost
    }
}

#[test]
fn a_hung_router_that_is_taken_back_has_a_window_of_its_own_each_time() {
    let mut told = Told::new();
    told.hang(1000);
    told.attempt_timed_out(1400, 1, 1200);
    told.believe(1500, Belief::Up, Belief::Ejected);
    let quiet = |last: u64| Event::Quiet {
        router: "router-2".into(),
        last_attempt_ns: Some(Timestamp(last * MS)),
    };
    told.hear(1501, "lb", quiet(1200));
    told.believe(3500, Belief::Ejected, Belief::Up);
    told.attempt_timed_out(3900, 2, 3600);
    told.attempt_timed_out(3990, 3, 3700);
    told.believe(4000, Belief::Up, Belief::Ejected);
    told.hear(4001, "lb", quiet(3700));
    told.believe(6000, Belief::Ejected, Belief::Up);
    told.attempt_timed_out(6900, 4, 6400);
    told.story.finish(Timestamp(7000 * MS));
    let figures = |report: &WindowReport| {
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis());
        (
            report.began,
            ms(report.t_detect),
            ms(report.t_stop),
            report.lost.total(),
        )
    };
    assert_eq!(
        told.story.reports.iter().map(figures).collect::<Vec<_>>(),
        [
            (Began::Went, Some(500), Some(200), 1),
            (Began::TakenBack, Some(500), Some(200), 2),
            (Began::TakenBack, None, Some(400), 1),
        ]
    );
    assert!(told.story.reports[2].open_for.is_some());
    assert!(
        told.lines
            .iter()
            .any(|line| line.contains("but it is hung: a window opens")),
        "{:#?}",
        told.lines
    );
    assert_eq!(told.adds_up().windows, 4);
    assert!(told.story.mistakes.is_empty());
}

#[test]
fn a_router_that_goes_while_it_is_out_of_use_costs_when_it_is_used_again() {
    let mut told = Told::new();
    told.check(900, ProbeResult::Ok, 1);
    told.death(1000, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.believe(2000, Belief::GoingDown, Belief::Down);
    let quiet = Event::Quiet {
        router: "router-2".into(),
        last_attempt_ns: None,
    };
    told.hear(2001, "lb", quiet);
    told.hear(
        3000,
        "supervisor",
        Event::Spawned {
            name: "router-2".into(),
            pid: 8,
            incarnation: 2,
        },
    );
    let (pid, addresses) = (8, BTreeMap::new());
    told.hear(3100, "router-2", Event::Ready { pid, addresses });
    let fault = Event::Fault {
        router: "router-2".into(),
        incarnation: 2,
        fault: Fault::Error,
        detail: Some("on requests, status 503".into()),
    };
    told.hear(4000, "supervisor", fault);
    told.wait(4500);
    let none = &told.story.reports[1];
    assert_eq!(
        (none.began, none.t_detect, none.t_stop, none.attempted),
        (Began::OutOfUse, None, None, Some(false))
    );
    assert!(
        none.summary()
            .contains("was out of use already, no attempt there")
    );
    told.believe(5000, Belief::GoingUp, Belief::Up);
    told.lose(5200, 1, 5100, Cause::Status5xx, Outcome::Http503);
    let healed = Event::Healed {
        router: "router-2".into(),
        incarnation: 2,
        fault: Fault::Error,
    };
    told.hear(6000, "supervisor", healed);
    told.check(6500, ProbeResult::Ok, 3);
    told.wait(7000);
    let window = &told.story.reports[2];
    assert_eq!(
        (window.began, window.fault, window.lost.window),
        (Began::TakenBack, Fault::Error, 1)
    );
    assert_eq!(told.adds_up().windows, 1);
}

/// The records of two processes come as they like.
#[test]
fn a_router_that_was_ready_before_it_was_used_again_opens_no_window() {
    let mut told = Told::new();
    told.death(1000, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.believe(2000, Belief::GoingDown, Belief::Down);
    told.hear(
        3000,
        "supervisor",
        Event::Spawned {
            name: "router-2".into(),
            pid: 8,
            incarnation: 2,
        },
    );
    told.believe(3110, Belief::GoingUp, Belief::Up);
    let ready = Event::Ready {
        pid: 8,
        addresses: BTreeMap::new(),
    };
    let record = Record {
        at: Timestamp(3100 * MS),
        from: "router-2".into(),
        event: ready,
    };
    told.story.on_record(Timestamp(3111 * MS), &record);
    told.wait(4000);
    told.story.finish(Timestamp(5000 * MS));
    assert_eq!(told.story.reports.len(), 1, "{:#?}", told.story.reports);
}

#[test]
fn a_router_that_leaves_the_fleet_ends_its_window() {
    let mut told = Told::new();
    told.death(1000, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    let member = Event::Member {
        router: "router-2".into(),
        present: false,
    };
    told.hear(1200, "lb", member);
    told.wait(2000);
    let report = &told.story.reports[0];
    assert!(report.removed);
    assert!(
        report.to_string().starts_with("left the fleet before"),
        "{report}"
    );
    told.story.finish(Timestamp(9000 * MS));
    assert_eq!(told.story.reports[0].open_for, None);
}

#[test]
fn what_is_lost_beside_windows_is_named_and_all_adds_up() {
    let mut told = Told::new();
    told.death(1000, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.lose(1100, 1, 1099, Cause::Refused, Outcome::Http502);
    told.others(1500, Belief::Down);
    told.believe(2000, Belief::GoingDown, Belief::Down);
    for request in 2..7 {
        told.unrouted(2100 + request, request);
    }
    told.others(3000, Belief::Up);
    let line = "no router was in use for 1.000 s: 5 requests failed at once meanwhile";
    assert!(told.lines.contains(&line.to_owned()), "{:#?}", told.lines);
    let healthy = Event::Attempt {
        request: Some(7),
        router: "router-1".into(),
        started_ns: Timestamp(3500 * MS),
        cause: Cause::Status5xx,
        reused: false,
        status: Some(500),
        nth: 1,
        port: None,
        reckoned: false,
    };
    told.hear(3500, "lb", healthy);
    told.outcome(3500, 7, Outcome::HttpOther);
    let exited = Event::Exited {
        name: "app".into(),
        pid: 3,
        incarnation: 1,
        code: None,
        signal: Some(9),
        uptime_s: 3.0,
        words: "killed".into(),
    };
    told.hear(4000, "supervisor", exited);
    told.outcome(4100, 8, Outcome::Http502);
    let (pid, addresses) = (4, BTreeMap::new());
    told.hear(4200, "app", Event::Ready { pid, addresses });
    told.outcome(4300, 9, Outcome::Reset);
    told.story.finish(Timestamp(5000 * MS));
    assert_eq!(
        told.adds_up(),
        LostWhere {
            windows: 1,
            no_router: 5,
            app_away: 1,
            at_routers: 1,
            not_known: 1,
            ..LostWhere::default()
        }
    );
}

#[test]
fn a_slow_router_has_a_window_and_its_heal_is_told() {
    let mut told = Told::new();
    let fault = Event::Fault {
        router: "router-2".into(),
        incarnation: 1,
        fault: Fault::Slow,
        detail: Some("on requests, by 6s".into()),
    };
    told.hear(1000, "supervisor", fault);
    told.outcome(3000, 1, Outcome::Timeout);
    let healed = Event::Healed {
        router: "router-2".into(),
        incarnation: 1,
        fault: Fault::Slow,
    };
    told.hear(4000, "supervisor", healed);
    told.check(4500, ProbeResult::Ok, 1);
    told.wait(5000);
    assert!(
        told.lines
            .contains(&"router-2 is healed (slow), 3.000 s after it went".to_owned()),
        "{:#?}",
        told.lines
    );
    let report = &told.story.reports[0];
    assert_eq!((report.fault, report.lost.total()), (Fault::Slow, 1));
    assert_eq!(told.adds_up().windows, 1);
}
