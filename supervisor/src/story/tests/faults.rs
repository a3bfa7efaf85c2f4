//! Faults that their routers outlive, and routers that leave.

use super::*;
use router::record::DrainStage;

impl Told {
    pub(super) fn fault(&mut self, ms: u64, fault: Fault, detail: Option<&str>) {
        let event = Event::Fault {
            router: "router-2".into(),
            incarnation: 1,
            fault,
            detail: detail.map(str::to_owned),
        };
        self.hear(ms, "supervisor", event);
    }

    pub(super) fn healed(&mut self, ms: u64, fault: Fault) {
        let router = "router-2".into();
        let incarnation = 1;
        self.hear(
            ms,
            "supervisor",
            Event::Healed {
                router,
                incarnation,
                fault,
            },
        );
    }

    pub(super) fn drain(&mut self, ms: u64, stage: DrainStage, in_flight: u64) {
        self.hear(ms, "router-2", Event::Drain { stage, in_flight });
    }

    pub(super) fn quiet(&mut self, ms: u64, last_ms: Option<u64>) {
        let event = Event::Quiet {
            router: "router-2".into(),
            last_attempt_ns: last_ms.map(|ms| Timestamp(ms * MS)),
        };
        self.hear(ms, "lb", event);
    }
}

#[test]
fn silence_opens_a_window_and_healing_ends_it() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Silent, Some("on both"));
    told.check(3000, ProbeResult::Timeout, 1);
    told.healed(3500, Fault::Silent);
    told.lose(3600, 1, 1600, Cause::ResponseTimeout, Outcome::Http504);
    told.check(4000, ProbeResult::Ok, 1);
    told.wait(4300);
    told.fault(5000, Fault::Error, Some("on requests, status 500"));
    told.fault(6000, Fault::Slow, Some("on both, by 300ms"));
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 SILENT: it accepts and never answers (on both); the balancer should notice in 2.600 s
    router-2 check failed 1/2 (timeout), 1.600 s after it went
    router-2 is healed (silent), 2.100 s after it went
    router-2 is back; the balancer never noticed: 1 request lost, 0 in flight + 1 in the window: http 504 1 (attempts: response timeout 1)
    router-2 ANSWERS 5xx (on requests, status 500); health checks do not see that
    router-2 SLOW: it answers late (on both, by 300ms); health checks do not see that
    ");
}

#[test]
fn a_stop_is_no_kill() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Stop, None);
    told.death(1400, Stamp::Signal, "exited 0 after 3.2 s");
    assert_eq!(
        told.lines,
        ["router-2 STOPPED by SIGTERM (exited 0 after 3.2 s); the balancer should notice in 1.600 s"]
    );
}

#[test]
fn what_is_taken_out_leaves_without_a_window() {
    let mut told = Told::new();
    let router = || "router-2".to_owned();
    told.hear(
        1000,
        "supervisor",
        Event::Scaled {
            before: 4,
            routers: 3,
        },
    );
    let present = |present| Event::Member {
        router: router(),
        present,
    };
    told.hear(1001, "lb", present(false));
    told.drain(1002, DrainStage::Unhealthy, 0);
    told.death(1500, Stamp::Exit, "exited 0 after 3.2 s");
    told.hear(9000, "lb", present(true));
    told.wait(9500);
    told.story.finish(Timestamp(9500 * MS));
    assert!(told.story.reports.is_empty());
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    3 routers now, 4 before
    router-2 is being taken out: no new attempt there
    router-2 DRAINS: /health is 503, everything else is served, 0 requests in flight
    router-2 has left (exited 0 after 3.2 s)
    router-2 joined: the balancer may use it
    ");
}

#[test]
fn no_attempt_is_said_in_words_and_zero_only_when_watched() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    told.quiet(3001, Some(1390));
    told.wait(3300);
    let report = &told.story.reports[0];
    assert_eq!(
        (report.attempted, report.t_stop),
        (Some(false), Some(Duration::ZERO))
    );
    assert_eq!(
        report.to_string(),
        "reset window: no attempt there after it went, 0 requests lost"
    );
    assert!(report.summary().contains(", no attempt there, lost 0"));
    let mut unwatched = Told::new();
    unwatched.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    unwatched.story.finish(Timestamp(1500 * MS));
    assert_eq!(unwatched.story.reports[0].attempted, None);
    assert_eq!(unwatched.story.reports[0].t_stop, None);
}

#[test]
fn giving_up_is_loud() {
    let mut told = Told::new();
    let (name, deaths, within_s) = ("router-2".to_owned(), 6, 12.3);
    let event = Event::GaveUp {
        name,
        deaths,
        within_s,
    };
    told.hear(1000, "supervisor", event);
    assert!(
        told.lines[0].starts_with("router-2 GIVEN UP: it died 6 times"),
        "{:?}",
        told.lines
    );
}

#[test]
fn a_crash_goes_by_its_death_and_one_that_is_killed_meanwhile_was_killed() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Crash, Some("by early-hints"));
    told.check(2000, ProbeResult::Ok, 1);
    told.death(
        2300,
        Stamp::Crash,
        "exited 2 after 41 s: fatal error: concurrent map writes",
    );
    told.check(3000, ProbeResult::Refused, 1);
    told.check(4000, ProbeResult::Refused, 2);
    told.believe(4000, Belief::GoingDown, Belief::Down);
    told.quiet(4001, Some(3990));
    told.wait(5000);
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 is sent what gorouter dies of (by early-hints)
    router-2 DEAD (exited 2 after 41 s: fatal error: concurrent map writes); the balancer should notice in 1.700 s
    router-2 check failed 1/2 (refused), 0.700 s after it went
    router-2 check failed 2/2 (refused), 1.700 s after it went
    router-2 DOWN: t_detect 1.700 s (predicted 1.700 s)
    router-2 reset window: last attempt 1.690 s after it went (t_stop), 0 requests lost
    ");
    let report = &told.story.reports[0];
    assert_eq!((report.death, report.fault), (Timestamp(2300 * MS), Fault::Crash));

    let mut told = Told::new();
    told.fault(1400, Fault::Crash, Some("by one-hint"));
    told.death(2300, Stamp::Exit, "killed by SIGKILL after 41 s");
    told.wait(2400);
    told.story.finish(Timestamp(2500 * MS));
    assert_eq!(told.story.reports[0].fault, Fault::Kill);
}

#[test]
fn a_hang_costs_the_requests_whose_clients_gave_up_first() {
    let mut told = Told::new();
    let timeout = |request: u64, sent_ms: u64| Event::Outcome {
        request,
        intended_ns: Timestamp(sent_ms * MS),
        sent_ns: Some(Timestamp(sent_ms * MS)),
        outcome: Outcome::Timeout,
        status: None,
        router: None,
        port: None,
    };
    told.check(1000, ProbeResult::Ok, 1);
    told.hear(1100, "load", timeout(1, 900)); // before
    told.fault(1400, Fault::Hang, None);
    told.hear(1900, "load", timeout(2, 1399));
    told.hear(2000, "load", timeout(3, 1500));
    told.check(3000, ProbeResult::Timeout, 1);
    told.check(4000, ProbeResult::Timeout, 2);
    told.believe(4000, Belief::GoingDown, Belief::Down);
    told.hear(4400, "load", timeout(4, 3900));
    told.story.finish(Timestamp(5000 * MS));
    let report = &told.story.reports[0];
    assert_eq!(
        (report.lost.in_flight, report.lost.window, report.gave_up),
        (1, 2, 3)
    );
    assert_eq!(
        report.t_stop,
        Some(Duration::from_millis(2500)),
        "when the last was sent"
    );
    assert!(report.causes.is_empty(), "nobody told of an attempt");
    let text = report.to_string();
    assert!(
        text.contains("3 without a failed attempt: clients gave up first"),
        "{text}"
    );
}

#[test]
fn what_nobody_has_told_of_a_windows_end_is_not_told_as_none() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Hang, None);
    told.check(4000, ProbeResult::Timeout, 2);
    told.believe(4000, Belief::GoingDown, Belief::Down);
    told.story.finish(Timestamp(5000 * MS));
    let report = &told.story.reports[0];
    assert_eq!(report.t_stop, None, "an attempt may still be under way");
    assert!(
        report.summary().contains("t_stop not told"),
        "{}",
        report.summary()
    );
}

/// A router that runs again answers what came while it hung, and is used again before anything was quiet there.
#[test]
fn attempts_that_a_resumed_router_answered_are_not_taken_for_none() {
    for real in [None, Some(true), Some(false)] {
        let mut told = Told::new();
        if let Some(every_attempt) = real {
            told.engine(every_attempt);
        }
        told.check(1000, ProbeResult::Ok, 1);
        told.fault(1400, Fault::Hang, None);
        told.believe(2600, Belief::GoingDown, Belief::Down);
        let resumed = Event::Resumed {
            router: "router-2".into(),
            incarnation: 1,
        };
        told.hear(5400, "supervisor", resumed);
        told.believe(5800, Belief::GoingUp, Belief::Up);
        told.wait(6100);
        let report = &told.story.reports[0];
        assert_eq!(report.t_stop, None, "{real:?}");
        assert!(
            report.summary().contains("t_stop not told"),
            "{}",
            report.summary()
        );
        assert!(!report.to_string().contains("no attempt"), "{report}");
    }
}

#[test]
fn a_balancer_that_leaves_attempts_out_of_its_log_tells_of_no_last_one() {
    let stop = |every_attempt: bool| {
        let mut told = Told::new();
        told.engine(every_attempt);
        told.check(1000, ProbeResult::Ok, 1);
        told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
        told.lose(1901, 1, 1900, Cause::Refused, Outcome::Http503);
        told.believe(3000, Belief::GoingDown, Belief::Down);
        told.quiet(3001, Some(1900));
        told.wait(3300);
        told.story.reports[0].t_stop
    };
    assert_eq!(stop(true), Some(Duration::from_millis(500)), "Envoy, nginx");
    assert_eq!(stop(false), None, "HAProxy");
}

#[test]
fn attempts_that_nobody_saw_are_told_as_reckoned() {
    let mut told = Told::new();
    told.engine(false);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    for (nth, reckoned) in [(1, true), (2, true), (3, false)] {
        let event = Event::Attempt {
            request: Some(1),
            router: "router-2".into(),
            started_ns: Timestamp(u64::from(1000 + 500 * nth) * MS),
            cause: Cause::Refused,
            reused: false,
            status: None,
            nth,
            port: None,
            reckoned,
        };
        told.hear(2600, "lb", event);
    }
    told.story.finish(Timestamp(3000 * MS));
    let text = told.story.reports[0].to_string();
    assert!(
        text.ends_with(
            "(attempts: refused 3; 2 of them reckoned from log lines, which name only how often a request was tried again)"
        ),
        "{text}"
    );
}

#[test]
fn of_a_real_balancer_it_is_said_that_the_checks_of_a_dead_router_are_not_seen() {
    let mut told = Told::new();
    told.engine(false);
    told.hear(1000, "router-2", Event::CheckSeen { status: Some(200) });
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    let line = told.lines.last().unwrap();
    assert!(
        line.ends_with("; its checks are not seen until it answers again"),
        "{line}"
    );
}
