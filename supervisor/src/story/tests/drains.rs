//! Routers that drain.

use super::*;
use router::record::DrainStage;

#[test]
fn a_drain_is_one_window_from_unhealthy_to_the_exit() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1399, Fault::Drain, None);
    told.drain(1400, DrainStage::Unhealthy, 3);
    told.check(2000, ProbeResult::Status, 1);
    told.check(3000, ProbeResult::Status, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    told.quiet(3001, Some(2990));
    told.drain(21_400, DrainStage::Closed, 1);
    told.drain(31_400, DrainStage::Done, 1);
    told.lose(31_401, 1, 1300, Cause::Cut, Outcome::Eof);
    told.death(31_410, Stamp::Exit, "exited 0 after 40 s");
    told.wait(32_000);
    insta::assert_snapshot!(told.lines.join("\n"), @r"
    router-2 DRAINS: /health is 503, everything else is served, 3 requests in flight; the balancer should notice in 1.600 s
    router-2 check failed 1/2 (status), 0.600 s after it went
    router-2 check failed 2/2 (status), 1.600 s after it went
    router-2 DOWN: t_detect 1.600 s (predicted 1.600 s)
    router-2 closed its listener, 20.0 s after its drain began: 1 request left to finish
    router-2 drained too long: 1 request cut off (drain-timeout)
    router-2 has left (exited 0 after 40 s)
    router-2 reset window: last attempt 1.590 s after it went (t_stop), 1 request lost, 1 in flight + 0 in the window: eof 1 (attempts: cut 1)
    ");
    assert_eq!(told.story.reports.len(), 1);
    let cut_off = [5, 7].map(|line| told.lines[line].clone());
    assert_eq!(told.bad, cut_off);
}

#[test]
fn a_drain_that_cost_nothing_is_no_bad_news_and_nor_is_what_a_death_did_not_cost() {
    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.fault(1399, Fault::Drain, None);
    told.drain(1400, DrainStage::Unhealthy, 0);
    told.check(2000, ProbeResult::Status, 1);
    told.check(3000, ProbeResult::Status, 2);
    told.believe(3000, Belief::GoingDown, Belief::Down);
    told.quiet(3001, Some(2990));
    told.drain(21_400, DrainStage::Closed, 0);
    told.drain(21_401, DrainStage::Done, 0);
    told.death(21_410, Stamp::Exit, "exited 0 after 40 s");
    told.wait(23_000);
    assert!(
        told.lines.last().unwrap().contains("0 requests lost"),
        "{:?}",
        told.lines
    );
    assert!(told.bad.is_empty(), "{:?}", told.bad);

    let mut told = Told::new();
    told.check(1000, ProbeResult::Ok, 1);
    told.death(1400, Stamp::Signal, "killed by SIGKILL after 3.2 s");
    told.believe(1401, Belief::Up, Belief::Down);
    told.quiet(1402, None);
    told.wait(3000);
    assert!(
        told.lines.last().unwrap().contains("0 requests lost"),
        "{:?}",
        told.lines
    );
    assert!(
        told.bad.iter().any(|line| line.contains("DEAD")),
        "{:?}",
        told.bad
    );
    assert!(!told.bad.contains(told.lines.last().unwrap()), "{:?}", told.bad);
}
