//! Requests that are refused, over a real connection: the client reads why, then the end.

use super::lab::*;
use crate::proxy::*;
use std::time::Duration;

#[test]
fn what_two_parsers_could_read_differently() {
    lab(async |lab| {
        for (request, status) in [
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                400,
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400),
            (
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                501,
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rX: y\r\n\r\n", 400),
            ("GET / HTTP/1.1\nHost: h\n\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            ("GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
            ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: x\r\n\r\n", 400),
        ] {
            let mut client = lab.client().await;
            client.send(request).await;
            let (all, closed) = client.rest().await;
            assert!(
                all.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request:?}: {all}"
            );
            assert!(all.contains("Connection: close\r\n"));
            assert_eq!(closed, Closed::Fin, "{request:?}");
        }
        assert!(lab.no_backend());
        assert_eq!(lab.policy.refused.borrow().len(), 24);
    });
}

#[test]
fn a_header_section_of_ten_megabytes() {
    lab(async |lab| {
        let mut client = lab.client().await;
        client.send("GET / HTTP/1.1\r\nHost: h\r\n").await;
        let line = format!("A: {}\r\n", "x".repeat(10_000));
        for _ in 0..1000 {
            client.send(&line).await;
        }
        client.fin().await;
        let (all, closed) = client.rest().await;
        assert!(all.starts_with("HTTP/1.1 431 "), "{all}");
        assert_eq!(closed, Closed::Fin);
    });
}

#[test]
fn too_many_fields_and_too_long_a_line() {
    lab(async |lab| {
        let mut client = lab.client().await;
        client
            .send(format!(
                "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
                "A: b\r\n".repeat(256)
            ))
            .await;
        assert!(client.head().await.starts_with("HTTP/1.1 431 "));
        let mut client = lab.client().await;
        client
            .send(format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(17_000)))
            .await;
        assert!(client.head().await.starts_with("HTTP/1.1 414 "));
        // At the limit it still fits.
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(255));
        let (_client, _backend, head) = lab.request(&request).await;
        assert_eq!(head.matches("A: b").count(), 255);
    });
}

#[test]
fn a_slow_head_is_timed_from_its_first_byte() {
    lab_with(
        |settings| settings.header_timeout = Duration::from_millis(100),
        async |lab| {
            let mut client = lab.client().await;
            for byte in "GET / HTTP/1.1".bytes() {
                if client.stream.try_write(&[byte]).is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let (all, closed) = client.rest().await;
            assert!(all.starts_with("HTTP/1.1 408 ") && all.contains("Connection: close"));
            assert_eq!(closed, Closed::Fin);
        },
    );
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    lab_with(
        |settings| {
            settings.idle_timeout = Duration::from_millis(50);
            settings.header_timeout = Duration::from_secs(100);
        },
        async |lab| {
            let mut client = lab.client().await;
            assert_eq!(client.rest().await, (String::new(), Closed::Fin));
        },
    );
}

#[test]
fn a_reply_of_the_policy_with_and_without_the_body_read() {
    lab(async |lab| {
        let reply = Reply::explain(404, "nobody\r\nhere")
            .header("x-why", "a\r\nb")
            .body("gone");
        *lab.policy.verdict.borrow_mut() = Verdict::Reply(reply);
        let mut client = lab.client().await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcHEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let first = client.until("gone").await;
        assert!(
            first.contains("\r\nx-why: a  b\r\n")
                && first.contains("x-lab: down")
                && !first.contains("connection")
        );
        assert!(client.head().await.contains("Content-Length: 4\r\n"));
        client
            .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
            .await;
        client.send(vec![b'x'; 1_000_000 - 3]).await;
        let (last, closed) = client.rest().await;
        assert!(last.contains("Connection: close\r\n") && last.ends_with("gone"));
        assert_eq!(closed, Closed::Fin);
    });
}
