//! A policy that does not want the next attempt at once.

use super::lab::*;
use crate::clock;
use crate::proxy::*;
use crate::record::Cause;
use std::time::Duration;

/// The wait after the first attempt, and what comes after it.
fn script(lab: &Lab, wait: Duration, then: AfterFailure) -> crate::clock::Timestamp {
    let until = clock::now() + wait;
    let script = [AfterFailure::Wait(until), then];
    lab.policy.after_failure.borrow_mut().extend(script);
    until
}

/// Returns when the first attempt has ended.
async fn first_failure(lab: &Lab) {
    while lab.policy.attempts.borrow().is_empty() {
        lab.policy.changed.notified().await;
    }
}

#[test]
fn a_retry_starts_when_the_wait_is_over_and_sends_the_whole_request() {
    lab(async |lab| {
        let wait = Duration::from_millis(50);
        let until = script(&lab, wait, AfterFailure::Retry(lab.upstream));
        let addr = lab.dead_address().await;
        *lab.policy.verdict.borrow_mut() = Verdict::Forward(Upstream { key: 1, addr });
        let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc";
        let mut client = lab.client().await;
        client.send(post).await;
        first_failure(&lab).await;
        // What comes meanwhile is kept.
        client.send("def").await;
        let mut backend = lab.backend().await;
        backend.head().await;
        assert_eq!(backend.exactly(6).await, b"abcdef");
        backend.send(OK).await;
        client.head().await;
        assert_eq!(lab.results(), [Err(Cause::Refused), Ok(200)]);
        let started = lab.policy.attempts.borrow()[1].started;
        assert!(started >= until && lab.policy.waited.borrow()[..] == [started]);
    });
}

#[test]
fn others_are_served_while_one_waits() {
    lab(async |lab| {
        script(&lab, Duration::from_secs(600), AfterFailure::Reset);
        let (_waiting, backend, _) = lab.request(GET).await;
        drop(backend);
        first_failure(&lab).await;
        let (mut client, mut backend, _) = lab.request(GET).await;
        backend.send(OK).await;
        client.head().await;
        assert!(lab.policy.waited.borrow().is_empty());
    });
}

#[test]
fn a_client_that_leaves_ends_the_wait() {
    lab_with(
        |settings| settings.client_eof = ClientEof::Abort,
        async |lab| {
            for resets in [false, true] {
                script(&lab, Duration::from_secs(600), AfterFailure::Reset);
                lab.policy.attempts.borrow_mut().clear();
                let (client, backend, _) = lab.request(GET).await;
                drop(backend);
                first_failure(&lab).await;
                if resets {
                    client.reset()
                } else {
                    drop(client)
                }
                assert_eq!(lab.finish().await.end, End::ClientGone);
                assert!(lab.policy.waited.borrow().is_empty());
                lab.policy.after_failure.borrow_mut().clear();
            }
        },
    );
}

#[test]
fn a_stop_ends_the_wait() {
    lab_with(
        |settings| settings.drain_timeout = Duration::from_millis(20),
        async |lab| {
            script(&lab, Duration::from_secs(600), AfterFailure::Reset);
            let (_client, backend, _) = lab.request(GET).await;
            drop(backend);
            first_failure(&lab).await;
            lab.drain();
            assert_eq!(lab.finish().await.end, End::Cut);
        },
    );
}

#[test]
fn after_a_wait_everything_may_follow() {
    lab(async |lab| {
        for (then, seen) in [
            (AfterFailure::Reply(Reply::new(503)), "503"),
            (AfterFailure::Close, "fin"),
            (AfterFailure::Reset, "rst"),
        ] {
            script(&lab, Duration::from_millis(1), then);
            let (mut client, backend, _) = lab.request(GET).await;
            drop(backend);
            match seen {
                "503" => assert!(client.head().await.starts_with("HTTP/1.1 503 ")),
                "fin" => assert_eq!(client.rest().await, (String::new(), Closed::Fin)),
                _ => assert_eq!(client.rest().await, (String::new(), Closed::Rst)),
            }
        }
    });
}
