use super::*;
use router::record::{Belief, Cause, Detector, Stamp};
use std::collections::BTreeMap;

mod detectors;
mod drains;
mod faults;
mod rest;
mod upon;

const MS: u64 = 1_000_000;

struct Told {
    story: Story,
    lines: Vec<String>,
    /// Those of `lines` that are bad news.
    bad: Vec<String>,
}

impl Told {
    fn new() -> Told {
        let settings = "interval=1s timeout=1s fall=2".parse().unwrap();
        Told {
            story: Story::new(settings, 4),
            lines: Vec::new(),
            bad: Vec::new(),
        }
    }

    /// A record stamped and arriving at `ms`.
    fn hear(&mut self, ms: u64, from: &str, event: Event) {
        self.wait(ms);
        let record = Record {
            at: Timestamp(ms * MS),
            from: from.into(),
            event,
        };
        let lines = self.story.on_record(record.at, &record);
        self.tell(lines);
    }

    fn tell(&mut self, lines: Vec<Line>) {
        for Line { tone, text, .. } in lines {
            if tone == Tone::Bad {
                self.bad.push(text.clone());
            }
            self.lines.push(text);
        }
    }

    fn wait(&mut self, ms: u64) {
        while let Some(due) = self
            .story
            .next_deadline()
            .filter(|due| *due <= Timestamp(ms * MS))
        {
            let lines = self.story.on_deadline(due);
            self.tell(lines);
        }
    }

    fn check(&mut self, ms: u64, result: ProbeResult, count: u32) {
        let ok = result == ProbeResult::Ok;
        self.hear(
            ms,
            "lb",
            Event::Probe {
                router: "router-2".into(),
                probe: ms,
                started_ns: Timestamp(ms * MS),
                result,
                status: ok.then_some(200),
                failures: if ok { 0 } else { count },
                fall: 2,
                successes: if ok { count } else { 0 },
                prober: None,
                rise: 2,
            },
        );
    }

    fn believe(&mut self, ms: u64, from_state: Belief, to: Belief) {
        let event = Event::Belief {
            router: "router-2".into(),
            from_state,
            to,
            reason: "2 failures".into(),
            by: Detector::Poll,
            until_ns: None,
        };
        self.hear(ms, "lb", event);
    }

    /// A real balancer stands there.
    fn engine(&mut self, every_attempt: bool) {
        let event = Event::Engine {
            engine: "haproxy".into(),
            version: "2.6.12".into(),
            belief: true,
            attempts: true,
            every_attempt,
        };
        self.hear(1, "lb", event);
    }

    fn death(&mut self, ms: u64, stamp: Stamp, words: &str) {
        self.hear(
            ms,
            "supervisor",
            Event::Death {
                router: "router-2".into(),
                incarnation: 1,
                stamp,
            },
        );
        let exited = Event::Exited {
            name: "router-2".into(),
            pid: 7,
            incarnation: 1,
            code: None,
            signal: Some(9),
            uptime_s: 3.2,
            words: words.into(),
        };
        self.hear(ms, "supervisor", exited);
    }

    fn lose(&mut self, ms: u64, request: u64, started_ms: u64, cause: Cause, outcome: Outcome) {
        let started_ns = Timestamp(started_ms * MS);
        let router = "router-2".to_owned();
        let (request_, status) = (Some(request), None);
        let attempt = Event::Attempt {
            request: request_,
            router,
            started_ns,
            cause,
            reused: false,
            status,
            nth: 1,
            port: None,
            reckoned: false,
        };
        let (sent_ns, router) = (Some(started_ns), None);
        let lost = Event::Outcome {
            request,
            intended_ns: started_ns,
            sent_ns,
            outcome,
            status,
            router,
            port: None,
        };
        self.hear(ms, "load", lost); // either may come first
        self.hear(ms, "lb", attempt);
    }
}

#[test]
fn a_death_is_told_from_dead_to_up() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.lose(1401, 1, 1399, Cause::Eof, Outcome::Reset);
    told.lose(1500, 2, 1499, Cause::Refused, Outcome::Reset);
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3001, ProbeResult::Refused, 2);
    told.believe(3001, Belief::GoingDown, Belief::Down);
    let last_attempt_ns = Some(Timestamp(2990 * MS));
    told.hear(
        3002,
        "lb",
        Event::Quiet {
            router: "router-2".into(),
            last_attempt_ns,
        },
    );
    told.wait(3300);
    let due_ns = Timestamp(16_400 * MS);
    told.hear(
        3300,
        "supervisor",
        Event::RestartDue {
            name: "router-2".into(),
            due_ns,
        },
    );
    told.hear(
        16_500,
        "router-2",
        Event::Ready {
            pid: 8,
            addresses: BTreeMap::new(),
        },
    );
    told.check(17_000, ProbeResult::Ok, 1);
    told.check(18_000, ProbeResult::Ok, 2);
    told.believe(18_000, Belief::GoingUp, Belief::Up);
    let started_ns = Timestamp(18_010 * MS);
    told.hear(
        18_012,
        "lb",
        Event::Readmitted {
            router: "router-2".into(),
            started_ns,
        },
    );
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 DEAD (killed by SIGKILL after 3.2 s); the balancer should notice in 1.600 s
    router-2 check failed 1/2 (refused), 0.600 s after it went
    router-2 check failed 2/2 (refused), 1.601 s after it went
    router-2 DOWN: t_detect 1.601 s (predicted 1.600 s)
    router-2 reset window: last attempt 1.590 s after it went (t_stop), 2 requests lost, 1 in flight + 1 in the window: reset 2 (attempts: eof 1, refused 1)
    router-2 will be restarted in 13.1 s
    router-2 is ready again; the balancer has to notice that, too
    router-2 check ok 1/2
    router-2 check ok 2/2
    router-2 believed up (2 failures)
    router-2 UP: first request 1.510 s after it was ready (t_readmit)
    ");
}

#[test]
fn a_check_that_was_answered_before_the_death_and_read_after_it_is_not_the_first_to_fail() {
    let mut told = Told::new();
    told.death(1001, Stamp::Crash, "exited 2");
    // It began a millisecond before.
    let passed = Event::Probe {
        router: "router-2".into(),
        probe: 1,
        started_ns: Timestamp(1000 * MS),
        result: ProbeResult::Ok,
        status: Some(200),
        failures: 0,
        fall: 2,
        successes: 1,
        rise: 2,
        prober: None,
    };
    told.hear(1003, "lb", passed);
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    assert_eq!(
        told.lines.last().unwrap(),
        "router-2 DOWN: t_detect 1.999 s (predicted 1.999 s)"
    );
}

#[test]
fn a_check_that_the_life_before_has_failed_counts_for_this_one() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.check(2000, ProbeResult::Refused, 1);
    told.death(2300, Stamp::Crash, "exited 2");
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    assert_eq!(
        told.lines.last().unwrap(),
        "router-2 DOWN: t_detect 0.700 s (predicted 0.700 s)"
    );
}

#[test]
fn a_router_that_is_back_in_time_is_said_to_have_gone_unnoticed() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.lose(1500, 2, 1499, Cause::Refused, Outcome::Reset);
    told.hear(
        1600,
        "router-2",
        Event::Ready {
            pid: 8,
            addresses: BTreeMap::new(),
        },
    );
    told.check(2000, ProbeResult::Ok, 2);
    told.wait(2300);
    assert_eq!(
        told.lines.last().unwrap(),
        "router-2 is back; the balancer never noticed: 1 request lost, 0 in flight + 1 in the window: reset 1 \
         (attempts: refused 1)"
    );
}

#[test]
fn failures_that_arrive_before_the_reaping_belong_to_the_death() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.lose(1985, 1, 1984, Cause::Reset, Outcome::Reset);
    told.check(2000, ProbeResult::Refused, 1);
    told.death(2011, Stamp::Exit, "killed by SIGKILL after 9.0 s");
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    told.hear(
        3000,
        "lb",
        Event::Quiet {
            router: "router-2".into(),
            last_attempt_ns: None,
        },
    );
    told.wait(3300);
    let report = &told.story.reports[0];
    assert_eq!(report.lost.total(), 1);
    assert_eq!(report.t_detect, Some(Duration::from_millis(989)));
    assert_eq!(
        report.predicted,
        Some(Duration::from_millis(989)),
        "the check that had failed counts"
    );
}

#[test]
fn a_hung_router_that_is_killed_is_one_window() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    let fault = Event::Fault {
        router: "router-2".into(),
        incarnation: 1,
        fault: Fault::Hang,
        detail: None,
    };
    told.hear(1500, "supervisor", fault);
    told.death(1900, Stamp::Signal, "killed by SIGKILL after 9.0 s");
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    assert!(
        told.lines
            .iter()
            .any(|line| line.contains("DOWN: t_detect 1.500 s")),
        "{:#?}",
        told.lines
    );
}

#[test]
fn a_death_reaped_after_the_last_check_is_no_open_window() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Refused, 1);
    told.check(2000, ProbeResult::Refused, 2);
    told.believe(2000, Belief::GoingDown, Belief::Down);
    told.lose(2001, 1, 1999, Cause::Reset, Outcome::Reset);
    told.death(2011, Stamp::Exit, "killed by SIGKILL after 9.0 s");
    told.wait(2300);
    assert_eq!(told.story.reports[0].t_detect, Some(Duration::ZERO));
    assert_eq!(told.story.reports[0].lost.in_flight, 1);
}

#[test]
fn a_lab_that_ends_tells_its_open_windows() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.story.finish(Timestamp(1500 * MS));
    assert!(
        told.story.reports[0]
            .summary()
            .contains("not noticed yet when the lab ended")
    );
}
