//! What a policy can demand beside forwarding: to hold a request back, and to cut its response.

use super::lab::*;
use crate::proxy::*;
use std::time::Duration;

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";

/// A client whose request is held.
async fn held(lab: &Lab, request: &str, eof: ClientEof) -> Peer {
    *lab.policy.verdict.borrow_mut() = Verdict::Hold(eof);
    lab.policy.holding.take();
    let mut client = lab.client().await;
    client.send(request).await;
    lab.held().await;
    client
}

#[test]
fn a_held_request_goes_on_as_if_it_had_come_when_it_is_decided() {
    // Longer than any timeout but the one of an idle client.
    let change = |settings: &mut Settings| {
        settings.header_timeout = Duration::from_millis(20);
        settings.connect_timeout = Duration::from_millis(20);
        settings.client_timeout = Duration::from_millis(20);
    };
    lab_with(change, async |lab| {
        let mut client = held(&lab, POST, ClientEof::HalfClose).await;
        client.send("hel").await;
        tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(60)).await;
        assert!(lab.no_backend());
        client.send(["lo", GET].concat()).await;
        lab.decide(Verdict::Hold(ClientEof::Abort));
        lab.held().await;
        lab.decide(Verdict::Forward(lab.upstream));
        let mut backend = lab.backend().await;
        assert!(backend.head().await.contains("x-lab: up\r\n"));
        assert_eq!(backend.exactly(5).await, b"hello");
        backend.send(OK).await;
        client.until("ok").await;
        // The next one is held by itself; a reply or a reset needs no backend.
        lab.held().await;
        lab.decide(Verdict::Reply(Reply::new(503)));
        assert!(client.head().await.starts_with("HTTP/1.1 503 "));
        client.send(GET).await;
        lab.held().await;
        lab.decide(Verdict::Reset);
        assert_eq!(client.rest().await, (String::new(), Closed::Rst));
        let ends = [
            lab.finish().await.end,
            lab.finish().await.end,
            lab.finish().await.end,
        ];
        assert_eq!(ends, [End::Complete, End::Complete, End::Reset]);
    });
}

#[test]
fn a_held_request_ends_with_its_client_or_with_the_engine() {
    lab(async |lab| {
        held(&lab, GET, ClientEof::HalfClose).await.reset();
        assert_eq!(lab.finish().await.end, End::ClientGone);
        drop(held(&lab, GET, ClientEof::Abort).await);
        assert_eq!(lab.finish().await.end, End::ClientGone);
        // A client that only sends no more may get its answer.
        let mut client = held(&lab, GET, ClientEof::HalfClose).await;
        client.fin().await;
        lab.decide(Verdict::Reply(Reply::new(200)));
        assert!(client.rest().await.0.starts_with("HTTP/1.1 200 "));
        lab.finish().await;
        let mut client = held(&lab, GET, ClientEof::Abort).await;
        lab.serving.abort();
        assert_eq!(client.rest().await.0, "");
        assert_eq!(lab.finish().await.end, End::Cut);
    });
}

#[test]
fn a_cut_response_has_its_head_and_half_of_its_body_and_ends_with_a_reset() {
    lab(async |lab| {
        lab.policy.cuts.set(true);
        let big = "x".repeat(100_001);
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n{big}");
        for (answer, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", "01234"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
            ("HTTP/1.1 204 None\r\n\r\n", ""),
            (&long, &big[..50_000]),
        ] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(answer).await;
            let head = client.head().await;
            assert!(
                head.starts_with("HTTP/1.1 20") && head.contains("x-lab: down"),
                "{head}"
            );
            assert_eq!(client.rest().await, (body.to_owned(), Closed::Rst));
            let finish = lab.finish().await;
            assert_eq!(
                (finish.end, finish.response_bytes),
                (End::Reset, body.len() as u64)
            );
            assert_eq!(lab.engine.pools().idle(7), 0);
        }
        assert!(lab.results().iter().all(Result::is_ok));
    });
}

#[test]
fn a_cut_response_of_unknown_length_never_looks_whole() {
    lab(async |lab| {
        lab.policy.cuts.set(true);
        for body in ["5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n", "5\r\nhello\r\n"] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            backend.send([head, body].concat()).await;
            client.head().await;
            let (seen, closed) = client.rest().await;
            assert_eq!(closed, Closed::Rst);
            assert!(body.starts_with(&seen) && seen.len() < body.len(), "{seen}");
        }
    });
}
