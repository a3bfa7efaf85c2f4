//! What is under way at an upstream that is severed, and a client that is closed without a response.

use super::lab::*;
use crate::proxy::*;
use crate::record::Cause;
use std::time::Duration;

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";

fn last(lab: &Lab) -> Attempt {
    *lab.policy.attempts.borrow().last().unwrap()
}

#[test]
fn a_close_on_demand_is_a_fin_whatever_the_client_has_sent() {
    lab(async |lab| {
        lab.policy
            .after_failure
            .borrow_mut()
            .push_back(AfterFailure::Close);
        let more = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\npart";
        let (mut client, backend, _) = lab.request(more).await;
        drop(backend);
        assert_eq!(client.rest().await, (String::new(), Closed::Fin));
        drop(client);
        assert_eq!(lab.finish().await.end, End::Closed);
        *lab.policy.verdict.borrow_mut() = Verdict::Close;
        let mut client = lab.client().await;
        client.send(format!("{GET}{GET}")).await;
        assert_eq!(client.rest().await, (String::new(), Closed::Fin));
        assert_eq!(lab.finish().await.end, End::Closed);
    });
}

#[test]
fn what_is_under_way_ends_before_and_in_the_middle_of_a_response() {
    lab(async |lab| {
        let closes = std::iter::repeat_n(AfterFailure::Close, 4);
        lab.policy.after_failure.borrow_mut().extend(closes);
        for (how, closed) in [(Sever::Close, Closed::Fin), (Sever::Reset, Closed::Rst)] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            lab.engine.sever(lab.upstream.key, how);
            assert_eq!(client.rest().await, (String::new(), closed));
            backend.rest().await;
            assert!(last(&lab).severed);
            assert_eq!(last(&lab).result, Err(Cause::Reset));
            drop(client);
            assert_eq!(lab.finish().await.end, End::Cut);

            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(HALF).await;
            client.until("ha").await;
            lab.engine.sever(lab.upstream.key, how);
            assert_eq!(client.rest().await, (String::new(), closed));
            assert_eq!((last(&lab).severed, last(&lab).result), (true, Err(Cause::Cut)));
            drop(client);
            lab.finish().await;
        }
        // No retry was asked for, and none was made.
        assert_eq!(lab.policy.attempts.borrow().len(), 4);
    });
}

/// HAProxy's shutdown-sessions: a client without a response yet gets the one for a server that has closed.
#[test]
fn before_a_response_a_reply_may_be_given_for_what_is_closed_but_not_for_what_is_reset() {
    lab(async |lab| {
        for (how, answered, end) in [
            (Sever::Close, true, End::Complete),
            (Sever::Reset, false, End::Cut),
        ] {
            let reply = AfterFailure::Reply(Reply::explain(502, "gone"));
            lab.policy.after_failure.borrow_mut().push_back(reply);
            let (mut client, backend, _) = lab.request(GET).await;
            lab.engine.sever(lab.upstream.key, how);
            match answered {
                true => assert!(client.until("gone").await.starts_with("HTTP/1.1 502 ")),
                false => assert_eq!(client.rest().await, (String::new(), Closed::Rst)),
            }
            drop((client, backend));
            assert!(last(&lab).severed);
            assert_eq!(lab.finish().await.end, end);
        }
        assert_eq!(
            lab.policy.attempts.borrow().len(),
            2,
            "and nothing is tried again"
        );
    });
}

#[test]
fn a_response_whose_end_is_that_of_its_connection_is_reset_and_so_is_a_tunnel() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request("GET / HTTP/1.0\r\n\r\n").await;
        backend
            .send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nha")
            .await;
        client.until("ha").await;
        lab.engine.sever(lab.upstream.key, Sever::Close);
        assert_eq!(client.rest().await.1, Closed::Rst);
        let ws = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n";
        let (mut client, mut backend, _) = lab.request(ws).await;
        backend
            .send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\nhello")
            .await;
        client.until("hello").await;
        lab.engine.sever(lab.upstream.key, Sever::Close);
        assert_eq!(client.rest().await.1, Closed::Rst);
        assert_eq!(last(&lab).result, Err(Cause::Cut));
    });
}

#[test]
fn others_and_what_comes_later_go_on() {
    lab(async |lab| {
        let (mut elsewhere, mut backend, _) = lab.request(GET).await;
        lab.engine.sever(lab.upstream.key + 1, Sever::Reset);
        backend.send(OK).await;
        elsewhere.until("ok").await;
        // Idle connections do not come back, those of their clients stay.
        lab.engine.sever(lab.upstream.key, Sever::Reset);
        assert_eq!(backend.rest().await.1, Closed::Fin);
        elsewhere.send(GET).await;
        let mut backend = lab.backend().await;
        backend.head().await;
        backend.send(OK).await;
        elsewhere.until("ok").await;
        assert_eq!(lab.results(), [Ok(200), Ok(200)]);
    });
}

#[test]
fn severing_does_not_keep_a_stop_from_ending_everything() {
    lab_with(
        |settings| settings.drain_timeout = Duration::from_millis(20),
        async |lab| {
            lab.engine.sever(99, Sever::Reset);
            let (mut client, _backend, _) = lab.request(GET).await;
            lab.drain();
            client.rest().await;
            assert_eq!(lab.finish().await.end, End::Cut);
            assert!(!last(&lab).severed);
        },
    );
}
