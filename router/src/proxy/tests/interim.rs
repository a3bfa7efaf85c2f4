//! What comes before or instead of a final response: 1xx, Expect, early answers, upgrades.

use super::lab::*;
use crate::proxy::*;
use crate::record::Cause;

#[test]
fn interim_responses_pass_in_order() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        backend.send("HTTP/1.1 102 Wait\r\n\r\n").await;
        assert_eq!(client.head().await, "HTTP/1.1 102 Wait\r\n\r\n");
        backend
            .send("HTTP/1.1 103 Early\r\nLink: a\r\nConnection: x\r\n\r\nHTTP/1.1 103 Early\r\nLink: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz")
            .await;
        assert_eq!(client.head().await, "HTTP/1.1 103 Early\r\nLink: a\r\n\r\n");
        assert_eq!(client.head().await, "HTTP/1.1 103 Early\r\nLink: b\r\n\r\n");
        assert!(client.until("\r\n\r\nz").await.starts_with("HTTP/1.1 200 OK"));
        assert_eq!(lab.results(), [Ok(200)]);
    });
}

#[test]
fn expect_is_end_to_end() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            .await;
        assert!(head.contains("Expect: 100-continue\r\n"));
        backend.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("abc").await;
        assert_eq!(backend.exactly(3).await, b"abc");
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(!client.head().await.contains("Connection: close"));
    });
}

#[test]
fn a_refused_expectation_closes_the_connection() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            .await;
        backend
            .send("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
            .await;
        let (all, closed) = client.rest().await;
        assert!(
            all.starts_with("HTTP/1.1 401 No\r\n")
                && all.contains("Connection: close\r\n")
                && all.ends_with("no")
        );
        assert_eq!(closed, Closed::Fin);
        assert_eq!(backend.rest().await.1, Closed::Fin);
    });
}

#[test]
fn silence_after_an_expectation_is_the_backends_fault() {
    lab_with(
        |settings| settings.response_timeout = std::time::Duration::from_millis(50),
        async |lab| {
            let (mut client, _backend, _) = lab
                .request("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                .await;
            assert!(client.head().await.starts_with("HTTP/1.1 502 "));
            assert_eq!(lab.results(), [Err(Cause::ResponseTimeout)]);
        },
    );
}

#[test]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\nx")
            .await;
        backend
            .send("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop")
            .await;
        drop(backend);
        // The client only reads after it has written far more than the sockets hold.
        for _ in 0..1000 {
            client.send([b'x'; 20_000]).await;
        }
        let (all, _) = client.rest().await;
        assert!(
            all.starts_with("HTTP/1.1 413 Too Much\r\n") && all.ends_with("\r\n\r\nstop"),
            "{all}"
        );
        assert_eq!(lab.results(), [Ok(413)]);
    });
}

#[test]
fn an_answer_is_read_even_if_the_backend_has_reset_the_connection() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
            .await;
        backend
            .send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
            .await;
        // Closing with unread bytes sends RST.
        client.send([b'x'; 1000]).await;
        backend.stream.readable().await.unwrap();
        drop(backend);
        assert!(client.head().await.starts_with("HTTP/1.1 403 No"));
        assert_eq!(client.until("no").await, "no");
    });
}

#[test]
fn an_upgrade_becomes_a_tunnel_with_all_bytes_and_both_ends() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\nahead")
            .await;
        assert_eq!(
            head,
            "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: ws\r\nConnection: upgrade\r\nx-lab: up\r\n\r\n"
        );
        backend
            .send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\nhello")
            .await;
        assert_eq!(
            client.head().await,
            "HTTP/1.1 101 Go\r\nUpgrade: ws\r\nConnection: upgrade\r\nx-lab: down\r\n\r\n"
        );
        assert_eq!(client.exactly(5).await, b"hello");
        assert_eq!(backend.exactly(5).await, b"ahead");
        client.send("ping").await;
        assert_eq!(backend.exactly(4).await, b"ping");
        client.fin().await;
        assert_eq!(backend.rest().await, (String::new(), Closed::Fin));
        // Half closed: the other direction still works.
        backend.send("pong").await;
        assert_eq!(client.exactly(4).await, b"pong");
        drop(backend);
        assert_eq!(client.rest().await, (String::new(), Closed::Fin));
        let finish = lab.finish().await;
        assert_eq!(
            (finish.status, finish.request_bytes, finish.response_bytes),
            (Some(101), 9, 9)
        );
        assert_eq!(lab.results(), [Ok(101)]);
    });
}

#[test]
fn a_declined_upgrade_is_an_ordinary_request() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n")
            .await;
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
        client.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(backend.head().await.starts_with("GET /2 "));
    });
}

#[test]
fn an_unrequested_switch_is_malformed() {
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: ws\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n",
    ] {
        lab(async |lab| {
            let (mut client, mut backend, _) = lab.request(request).await;
            backend
                .send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n")
                .await;
            assert!(client.head().await.starts_with("HTTP/1.1 502 "));
            assert_eq!(lab.results(), [Err(Cause::Malformed)]);
        });
    }
}

#[test]
fn a_tunnel_is_reset_when_one_side_is() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n")
            .await;
        backend
            .send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n")
            .await;
        client.head().await;
        backend.reset();
        assert_eq!(client.rest().await.1, Closed::Rst);
        assert_eq!(lab.finish().await.end, End::Cut);
    });
}

#[test]
fn interim_responses_wait_for_a_client_that_reads_late() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let hint = format!("HTTP/1.1 103 Early\r\nLink: {}\r\n\r\n", "x".repeat(20_000));
        // More than the sockets in between hold.
        let sending = async {
            for _ in 0..1000 {
                backend.send(&hint).await;
            }
            backend.send(OK).await;
        };
        let reading = async {
            for n in 0..1000 {
                assert_eq!(client.head().await, hint, "{n}");
            }
            client.until("ok").await
        };
        let (_, last) = tokio::join!(sending, reading);
        assert!(last.starts_with("HTTP/1.1 200 OK"), "{last}");
    });
}

#[test]
fn half_an_interim_response_is_never_followed_by_an_answer() {
    lab_with(
        |settings| {
            // Long enough for the few that the sockets hold on a busy machine: between two of them it may be answered.
            settings.response_timeout = std::time::Duration::from_secs(2);
            settings.client_timeout = settings.response_timeout;
        },
        async |lab| {
            let mut client = lab.narrow_client().await;
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            let mut backend = lab.backend().await;
            backend.head().await;
            let hint = format!("HTTP/1.1 103 Early\r\nLink: {}\r\n\r\n", "x".repeat(60_000));
            // The client takes nothing until the backend is given up, or the client.
            let sending = async {
                for _ in 0..1000 {
                    if tokio::io::AsyncWriteExt::write_all(&mut backend.stream, hint.as_bytes())
                        .await
                        .is_err()
                    {
                        break;
                    }
                }
            };
            let giving_up = lab.finish();
            tokio::join!(sending, giving_up);
            let (all, _) = client.rest().await;
            let whole = all.len() / hint.len();
            assert_eq!(&all[..whole * hint.len()], hint.repeat(whole));
            assert!(
                hint.starts_with(&all[whole * hint.len()..]),
                "{}",
                &all[whole * hint.len()..]
            );
        },
    );
}

#[test]
fn who_has_begun_to_answer_is_not_asked_again() {
    for begun in ["HTTP/1.1 103 Early\r\nLink: a\r\n\r\n", "HTTP/1.1 20"] {
        lab(async |lab| {
            let retry = AfterFailure::Retry(lab.upstream);
            lab.policy.after_failure.borrow_mut().push_back(retry);
            let (mut client, mut backend, _) = lab
                .request("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                .await;
            backend.send(begun).await;
            drop(backend);
            let (all, _) = client.rest().await;
            assert!(all.contains("HTTP/1.1 502 "), "{all}");
            assert_eq!(lab.results(), [Err(Cause::Eof)]);
            assert!(!lab.policy.attempts.borrow()[0].replayable, "{begun}");
        });
    }
}

#[test]
fn a_client_that_leaves_in_its_body_has_gone_where_closing_means_that() {
    lab_with(
        |settings| settings.client_eof = ClientEof::Abort,
        async |lab| {
            let (mut client, _backend, _) = lab
                .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
                .await;
            client.fin().await;
            let finish = lab.finish().await;
            assert_eq!((finish.status, finish.end), (None, End::ClientGone));
        },
    );
}
