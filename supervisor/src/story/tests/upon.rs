//! One fault upon another.

use super::*;

/// Of a window: fault, t_detect and its prediction in milliseconds, lost in flight and after.
type Figures = (Fault, Option<u128>, Option<u128>, u64, u64);

impl Told {
    fn resumed(&mut self, ms: u64) {
        let (router, incarnation) = ("router-2".into(), 1);
        self.hear(ms, "supervisor", Event::Resumed { router, incarnation });
    }

    fn ready(&mut self, ms: u64) {
        let (pid, addresses) = (8, BTreeMap::new());
        self.hear(ms, "router-2", Event::Ready { pid, addresses });
    }

    fn figures(&self) -> Vec<Figures> {
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis());
        let figures = |report: &WindowReport| {
            let lost = &report.lost;
            (
                report.fault,
                ms(report.t_detect),
                ms(report.predicted),
                lost.in_flight,
                lost.window,
            )
        };
        self.story.reports.iter().map(figures).collect()
    }
}

#[test]
fn a_hang_upon_what_checks_do_not_see_is_a_window_of_its_own() {
    let mut told = Told::new();
    told.fault(1000, Fault::Error, Some("on requests, status 500"));
    told.lose(1100, 1, 1099, Cause::Status5xx, Outcome::HttpOther);
    told.check(20_000, ProbeResult::Ok, 1);
    told.lose(20_100, 2, 20_099, Cause::Status5xx, Outcome::HttpOther);
    told.fault(20_400, Fault::Hang, None);
    // Sent before the hang, failed by it.
    told.lose(20_900, 3, 20_399, Cause::ResponseTimeout, Outcome::Http504);
    told.lose(21_900, 4, 21_399, Cause::ResponseTimeout, Outcome::Http504);
    told.check(22_000, ProbeResult::Timeout, 1);
    told.check(23_000, ProbeResult::Timeout, 2);
    told.believe(23_000, Belief::GoingDown, Belief::Down);
    told.quiet(23_600, Some(22_900));
    told.wait(24_000);
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 ANSWERS 5xx (on requests, status 500); health checks do not see that
    router-2 was not noticed before it hung: 2 requests lost, 0 in flight + 2 in the window: http other 2 (attempts: status 5xx 2)
    router-2 HUNG (SIGSTOP); the balancer should notice in 2.600 s
    router-2 check failed 1/2 (timeout), 1.600 s after it went
    router-2 check failed 2/2 (timeout), 2.600 s after it went
    router-2 DOWN: t_detect 2.600 s (predicted 2.600 s)
    router-2 reset window: last attempt 2.500 s after it went (t_stop), 2 requests lost, 1 in flight + 1 in the window: http 504 2 (attempts: response timeout 2)
    ");
    assert_eq!(
        told.figures(),
        [
            (Fault::Error, None, None, 0, 2),
            (Fault::Hang, Some(2600), Some(2600), 1, 1),
        ]
    );
    assert_eq!(told.story.reports[0].until, Some(Fault::Hang));
}

#[test]
fn a_kill_upon_what_is_slow_but_in_time_is_a_window_of_its_own() {
    let mut told = Told::new();
    told.fault(1000, Fault::Slow, Some("on both, by 300ms"));
    told.check(20_000, ProbeResult::Ok, 1);
    told.death(20_400, Stamp::Signal, "killed by SIGKILL after 23.2 s");
    told.check(21_000, ProbeResult::Refused, 1);
    told.check(22_000, ProbeResult::Refused, 2);
    told.believe(22_000, Belief::GoingDown, Belief::Down);
    told.quiet(22_001, Some(21_990));
    told.wait(23_000);
    let detected = (Fault::Kill, Some(1600), Some(1600), 0, 0);
    assert_eq!(told.figures(), [(Fault::Slow, None, None, 0, 0), detected]);
    assert!(
        told.lines
            .contains(&"router-2 was not noticed before it was killed: 0 requests lost".to_owned()),
        "{:#?}",
        told.lines
    );
}

#[test]
fn what_checks_see_otherwise_meanwhile_has_no_prediction_and_says_why() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1500, Fault::Hang, None);
    told.death(1900, Stamp::Signal, "killed by SIGKILL after 9.0 s");
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    assert_eq!(
        told.lines.last().unwrap(),
        "router-2 DOWN: t_detect 1.500 s (no prediction: what checks see of it changed before they had noticed)"
    );
}

#[test]
fn what_goes_on_after_a_hang_that_nobody_noticed_is_told_from_there() {
    let mut told = Told::new();
    told.fault(1000, Fault::Error, Some("on requests, status 500"));
    told.check(2000, ProbeResult::Ok, 1);
    told.fault(2400, Fault::Hang, None);
    told.resumed(2900);
    told.check(3000, ProbeResult::Ok, 1);
    told.wait(4000);
    told.lose(4100, 1, 4099, Cause::Status5xx, Outcome::HttpOther);
    told.healed(5000, Fault::Error);
    told.check(6000, ProbeResult::Ok, 1);
    told.wait(7000);
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 ANSWERS 5xx (on requests, status 500); health checks do not see that
    router-2 was not noticed before it hung: 0 requests lost
    router-2 HUNG (SIGSTOP); the balancer should notice in 2.600 s
    router-2 runs again, 0.500 s after it went, and is still erroring
    router-2 is back; the balancer never noticed: 0 requests lost
    router-2 is still erroring: that is a window of its own from here
    router-2 is healed (error), 2.100 s after it went
    router-2 is back; the balancer never noticed: 1 request lost, 0 in flight + 1 in the window: http other 1 (attempts: status 5xx 1)
    ");
    let (error, none) = (Fault::Error, None);
    assert_eq!(
        told.figures(),
        [
            (error, none, none, 0, 0),
            (Fault::Hang, none, none, 0, 0),
            (error, none, none, 0, 1)
        ]
    );
    assert_eq!(told.story.reports[2].death, Timestamp(2900 * MS));
}

#[test]
fn a_hang_that_ends_leaves_the_window_of_the_silence_before_it() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Silent, Some("on both"));
    told.fault(1500, Fault::Hang, None);
    told.resumed(1600);
    assert_eq!(
        told.lines.last().unwrap(),
        "router-2 runs again, and is still silent"
    );
    told.check(3000, ProbeResult::Timeout, 1);
    told.check(4000, ProbeResult::Timeout, 2);
    told.believe(4000, Belief::GoingDown, Belief::Down);
    told.quiet(4001, None);
    told.healed(4100, Fault::Silent);
    told.wait(4300);
    assert_eq!(told.figures(), [(Fault::Silent, Some(2600), Some(2600), 0, 0)]);
}

#[test]
fn a_second_hang_is_a_second_window() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1400, Fault::Hang, None);
    told.resumed(1500);
    told.fault(1800, Fault::Hang, None);
    told.check(3000, ProbeResult::Timeout, 1);
    told.check(4000, ProbeResult::Timeout, 2);
    told.believe(4000, Belief::GoingDown, Belief::Down);
    told.quiet(4001, Some(3990));
    told.wait(4300);
    assert_eq!(
        told.figures(),
        [
            (Fault::Hang, None, None, 0, 0),
            (Fault::Hang, Some(2200), Some(2200), 0, 0)
        ]
    );
}

#[test]
fn what_fails_between_a_hangs_end_and_the_next_check_is_lost_to_what_goes_on() {
    let mut told = Told::new();
    told.fault(1000, Fault::Error, Some("on requests, status 500"));
    told.check(2000, ProbeResult::Ok, 1);
    told.fault(2400, Fault::Hang, None);
    told.lose(2950, 1, 2850, Cause::ResponseTimeout, Outcome::Http504);
    told.resumed(2900);
    told.lose(3500, 2, 3499, Cause::Status5xx, Outcome::HttpOther);
    told.check(5000, ProbeResult::Ok, 1);
    told.wait(6000);
    told.healed(6100, Fault::Error);
    told.check(7000, ProbeResult::Ok, 1);
    told.wait(8000);
    let (error, none) = (Fault::Error, None);
    assert_eq!(
        told.figures(),
        [
            (error, none, none, 0, 0),
            (Fault::Hang, none, none, 0, 1),
            (error, none, none, 0, 1)
        ]
    );
}

#[test]
fn what_a_death_costs_before_it_is_reaped_is_lost_to_it_and_not_to_what_came_before() {
    let mut told = Told::new();
    told.fault(1000, Fault::Error, Some("on requests, status 500"));
    told.check(20_000, ProbeResult::Ok, 1);
    told.lose(20_100, 1, 20_099, Cause::Status5xx, Outcome::HttpOther);
    // Killed by hand at 20 350.
    told.lose(20_351, 2, 20_340, Cause::Reset, Outcome::Reset);
    told.death(20_400, Stamp::Exit, "killed by SIGKILL after 23.2 s");
    told.check(21_000, ProbeResult::Refused, 1);
    told.check(22_000, ProbeResult::Refused, 2);
    told.believe(22_000, Belief::GoingDown, Belief::Down);
    told.quiet(22_001, Some(21_990));
    told.wait(23_000);
    assert_eq!(
        told.figures(),
        [
            (Fault::Error, None, None, 0, 1),
            (Fault::Kill, Some(1600), Some(1600), 1, 0)
        ]
    );
}

#[test]
fn a_death_that_is_noticed_before_it_is_reaped_is_not_told_as_what_checks_do_not_see() {
    let mut told = Told::new();
    told.fault(1000, Fault::Error, Some("on requests, status 500"));
    told.check(20_000, ProbeResult::Ok, 1);
    told.believe(20_360, Belief::Up, Belief::Down);
    told.death(20_400, Stamp::Exit, "killed by SIGKILL after 23.2 s");
    told.quiet(20_401, None);
    told.wait(23_000);
    let figures = told.figures();
    assert_eq!(figures[0], (Fault::Error, None, None, 0, 0));
    assert_eq!((figures[1].0, figures[1].1), (Fault::Kill, Some(0)));
}

#[test]
fn of_a_router_that_is_out_of_use_nothing_is_to_be_noticed() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1500, Stamp::Signal, "killed by SIGKILL after 9.0 s");
    told.check(2000, ProbeResult::Refused, 1);
    told.check(3000, ProbeResult::Refused, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    told.quiet(3001, Some(2990));
    told.ready(3500);
    told.check(4000, ProbeResult::Ok, 1);
    told.believe(4000, Belief::Down, Belief::GoingUp);
    told.wait(4300);
    told.death(4400, Stamp::Signal, "killed by SIGKILL after 0.9 s");
    told.wait(4700);
    let dead = &told.lines[told.lines.len() - 2..];
    assert!(
        dead.iter().any(|line| line.contains("it was out of use already")),
        "{dead:?}"
    );
    told.check(5000, ProbeResult::Refused, 1);
    told.believe(5000, Belief::GoingUp, Belief::Down);
    told.ready(6000);
    told.wait(9000);
    assert!(!told.lines.iter().any(|line| line.contains("t_detect 0.6")));
    assert_eq!(
        told.figures(),
        [
            (Fault::Kill, Some(1500), Some(1500), 0, 0),
            (Fault::Kill, None, None, 0, 0)
        ]
    );
}
