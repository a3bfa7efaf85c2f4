//! Attempts that fail: which cause, and what the client sees.

use super::lab::*;
use crate::proxy::*;
use crate::record::Cause;
use std::time::Duration;

#[test]
fn refused() {
    lab(async |lab| {
        let addr = lab.dead_address().await;
        *lab.policy.verdict.borrow_mut() = Verdict::Forward(Upstream { key: 1, addr });
        let mut client = lab.client().await;
        client.send(GET).await;
        let head = client.head().await;
        assert_eq!(
            head,
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nx-lab: down\r\n\r\n"
        );
        assert_eq!(lab.results(), [Err(Cause::Refused)]);
        // Our own reply does not end the connection.
        client.send(GET).await;
        client.head().await;
    });
}

#[test]
fn closed_or_reset_before_a_response() {
    lab(async |lab| {
        for (partial, reset, cause) in [
            ("", false, Cause::Eof),
            ("HTTP/1.1 200 OK\r\nCont", false, Cause::Eof),
            ("", true, Cause::Reset),
            ("HTTP/1.1 2", true, Cause::Reset),
        ] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(partial).await;
            if reset {
                backend.reset()
            } else {
                drop(backend)
            }
            assert!(client.head().await.starts_with("HTTP/1.1 502 "));
            assert_eq!(lab.results().pop(), Some(Err(cause)), "{partial:?}");
            lab.finish().await;
        }
    });
}

#[test]
fn a_reset_on_demand_is_a_reset() {
    lab(async |lab| {
        lab.policy
            .after_failure
            .borrow_mut()
            .push_back(AfterFailure::Reset);
        let (mut client, backend, _) = lab.request(GET).await;
        drop(backend);
        assert_eq!(client.rest().await, (String::new(), Closed::Rst));
        assert_eq!(lab.finish().await.end, End::Reset);
        *lab.policy.verdict.borrow_mut() = Verdict::Reset;
        let mut client = lab.client().await;
        client.send(GET).await;
        assert_eq!(client.rest().await, (String::new(), Closed::Rst));
        assert_eq!(lab.finish().await.end, End::Reset);
    });
}

#[test]
fn response_timeout() {
    lab_with(
        |settings| settings.response_timeout = Duration::from_millis(50),
        async |lab| {
            let (mut client, mut backend, _) = lab.request(GET).await;
            assert!(client.head().await.starts_with("HTTP/1.1 502 "));
            assert_eq!(lab.results(), [Err(Cause::ResponseTimeout)]);
            let attempt = lab.policy.attempts.borrow()[0];
            assert!(attempt.ended.since(attempt.started) >= Duration::from_millis(50));
            assert_eq!(backend.rest().await.1, Closed::Fin);
        },
    );
}

#[test]
fn connect_timeout() {
    lab_with(
        |settings| settings.connect_timeout = Duration::from_millis(50),
        async |lab| {
            // A listener whose backlog is full answers no SYN.
            let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            full.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())
                .unwrap();
            full.listen(0).unwrap();
            let addr = full.local_addr().unwrap().as_socket().unwrap();
            let mut filling = Vec::new();
            while let Ok(Ok(stream)) =
                tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(addr)).await
            {
                filling.push(stream);
            }
            *lab.policy.verdict.borrow_mut() = Verdict::Forward(Upstream { key: 1, addr });
            let mut client = lab.client().await;
            client.send(GET).await;
            assert!(client.head().await.starts_with("HTTP/1.1 502 "));
            assert_eq!(lab.results(), [Err(Cause::ConnectTimeout)]);
        },
    );
}

#[test]
fn a_cut_body_never_looks_complete() {
    lab(async |lab| {
        for (request, answer, reset, end) in [
            (
                GET,
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                false,
                Closed::Fin,
            ),
            (
                GET,
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                true,
                Closed::Fin,
            ),
            (
                GET,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                false,
                Closed::Fin,
            ),
            (
                GET,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
                false,
                Closed::Fin,
            ),
            (GET, "HTTP/1.1 200 OK\r\n\r\nabc", true, Closed::Fin),
            (
                "GET / HTTP/1.0\r\n\r\n",
                "HTTP/1.1 200 OK\r\n\r\nabc",
                true,
                Closed::Rst,
            ),
            (
                "GET / HTTP/1.0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                false,
                Closed::Rst,
            ),
        ] {
            let (mut client, mut backend, _) = lab.request(request).await;
            backend.send(answer).await;
            client.until("abc").await;
            if reset {
                backend.reset()
            } else {
                drop(backend)
            }
            let (rest, closed) = client.rest().await;
            assert!(!rest.contains('0'), "{rest:?} after {answer:?}");
            assert_eq!(closed, end, "{answer:?}");
            assert_eq!(lab.results().pop(), Some(Err(Cause::Cut)));
            assert_eq!(lab.finish().await.end, End::Cut);
        }
    });
}

#[test]
fn a_stalled_body_is_cut() {
    lab_with(
        // Enough for a part of the body on a busy machine.
        |settings| settings.response_timeout = Duration::from_millis(700),
        async |lab| {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                .await;
            let (all, _) = client.rest().await;
            assert!(all.ends_with("abc"));
            assert_eq!(lab.results(), [Err(Cause::Cut)]);
        },
    );
}

#[test]
fn malformed_answers() {
    lab(async |lab| {
        for answer in [
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 99 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1  200 OK\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\n\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nx",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(answer).await;
            assert!(client.head().await.starts_with("HTTP/1.1 502 "), "{answer:?}");
            assert_eq!(lab.results().pop(), Some(Err(Cause::Malformed)), "{answer:?}");
            lab.finish().await;
        }
        // An endless head is as bad.
        let (mut client, mut backend, _) = lab.request(GET).await;
        backend.send("HTTP/1.1 200 OK\r\n").await;
        backend.send(format!("A: {}\r\n", "x".repeat(70_000))).await;
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
        assert_eq!(lab.results().pop(), Some(Err(Cause::Malformed)));
    });
}

#[test]
fn a_bad_chunk_in_a_response_cuts_it() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request(GET).await;
        backend
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        client.head().await;
        backend.send("+3\r\nabc\r\n0\r\n\r\n").await;
        assert_eq!(client.rest().await, (String::new(), Closed::Fin));
        assert_eq!(lab.results(), [Err(Cause::Malformed)]);
    });
}

#[test]
fn a_retry_sends_the_same_request_elsewhere() {
    lab(async |lab| {
        let upstream = lab.upstream;
        let dead = Upstream {
            key: 1,
            addr: lab.dead_address().await,
        };
        *lab.policy.verdict.borrow_mut() = Verdict::Forward(dead);
        lab.policy
            .after_failure
            .borrow_mut()
            .extend([AfterFailure::Retry(dead), AfterFailure::Retry(upstream)]);
        let (mut client, mut backend, head) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
            .await;
        // The policy's lines are those for the last attempt.
        assert!(head.ends_with("\r\nx-lab: up\r\nx-failed: 2\r\n\r\n"), "{head}");
        assert_eq!(backend.exactly(3).await, b"abc");
        client.send("def").await;
        assert_eq!(backend.exactly(3).await, b"def");
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
        assert_eq!(lab.results(), [Err(Cause::Refused), Err(Cause::Refused), Ok(200)]);
        let attempts = lab.policy.attempts.borrow().clone();
        assert_eq!([attempts[0].connected, attempts[1].connected], [None, None]);
        let connected = attempts[2].connected.unwrap();
        assert!(attempts[2].started <= connected && connected <= attempts[2].ended);
        assert_eq!(lab.policy.finishes.borrow().len(), 1);
    });
}

#[test]
fn a_retry_of_what_is_no_longer_at_hand_is_not_made() {
    lab(async |lab| {
        lab.policy
            .after_failure
            .borrow_mut()
            .push_back(AfterFailure::Retry(lab.upstream));
        let (mut client, mut backend, _) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
            .await;
        client.send("def").await;
        backend.exactly(6).await;
        drop(backend);
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
        assert!(!lab.policy.attempts.borrow()[0].replayable);
        assert!(lab.no_backend());
    });
}

#[test]
fn a_retry_at_the_same_place_takes_a_new_connection() {
    lab(async |lab| {
        let (mut one, mut first, _) = lab.request(GET).await;
        let (mut two, mut second, _) = lab.request(GET).await;
        for (client, backend) in [(&mut one, &mut first), (&mut two, &mut second)] {
            backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            client.head().await;
        }
        lab.policy
            .after_failure
            .borrow_mut()
            .push_back(AfterFailure::Retry(lab.upstream));
        one.send(GET).await;
        second.head().await;
        drop(second);
        let mut third = lab.backend().await;
        third.head().await;
        third.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        one.head().await;
        let reused: Vec<_> = lab
            .policy
            .attempts
            .borrow()
            .iter()
            .map(|attempt| attempt.reused)
            .collect();
        assert_eq!(reused, [false, false, true, false]);
    });
}

#[test]
fn client_gone_while_waiting() {
    lab(async |lab| {
        let (client, mut backend, _) = lab.request(GET).await;
        client.reset();
        assert_eq!(lab.finish().await.end, End::ClientGone);
        assert_eq!(lab.results(), [Err(Cause::ClientGone)]);
        assert_eq!(backend.rest().await.1, Closed::Fin);
    });
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request(GET).await;
        client.fin().await;
        // The engine has seen the FIN once a later request on another connection was served.
        let (mut other, mut other_backend, _) = lab.request(GET).await;
        other_backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await;
        other.head().await;
        backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
        let (all, closed) = client.rest().await;
        assert!(all.ends_with("ok"));
        assert_eq!(closed, Closed::Fin);
    });
}

#[test]
fn or_is_given_up_if_so_configured() {
    lab_with(
        |settings| settings.client_eof = ClientEof::Abort,
        async |lab| {
            let (mut client, mut backend, _) = lab.request(GET).await;
            client.fin().await;
            assert_eq!(backend.rest().await.1, Closed::Fin);
            assert_eq!(lab.finish().await.end, End::ClientGone);
        },
    );
}

#[test]
fn a_request_body_that_breaks_off_or_stalls() {
    lab_with(
        // Enough on a busy machine for what does not stall.
        |settings| settings.client_timeout = Duration::from_millis(700),
        async |lab| {
            let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
            let (mut client, mut backend, _) = lab.request(post).await;
            client.fin().await;
            assert!(client.head().await.starts_with("HTTP/1.1 400 "));
            assert_eq!(backend.rest().await, ("abc".into(), Closed::Fin));
            let (mut client, _backend, _) = lab.request(post).await;
            assert!(client.head().await.starts_with("HTTP/1.1 408 "));
            let (mut client, _backend, _) = lab
                .request("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                .await;
            client.send("0x1\r\n").await;
            assert!(client.head().await.starts_with("HTTP/1.1 400 "));
            assert_eq!(lab.results(), [Err(Cause::ClientGone); 3]);
        },
    );
}
