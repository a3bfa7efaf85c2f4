//! What bodies look like on the other side.

use super::lab::*;
use crate::proxy::*;
use crate::record::Cause;

#[test]
fn a_simple_request_and_its_response() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("GET /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n\r\n")
            .await;
        assert_eq!(
            head,
            "GET /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nx-lab: up\r\n\r\n"
        );
        backend
            .send("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nA: b\r\n\r\nok")
            .await;
        let response = client.until("ok").await;
        assert_eq!(
            response,
            "HTTP/1.1 200 Fine\r\nA: b\r\nContent-Length: 2\r\nx-lab: down\r\n\r\nok"
        );
        assert_eq!(lab.finish().await.response_bytes, 2);
        assert_eq!(lab.results(), [Ok(200)]);
        // Both connections are used again.
        client.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(backend.head().await.starts_with("GET /2 "));
        backend.send("HTTP/1.1 204 None\r\n\r\n").await;
        assert_eq!(client.head().await, "HTTP/1.1 204 None\r\nx-lab: down\r\n\r\n");
    });
}

#[test]
fn a_request_body_of_known_length() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nab")
            .await;
        assert_eq!(
            head,
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nx-lab: up\r\n\r\n"
        );
        assert_eq!(backend.exactly(2).await, b"ab");
        client.send("cde").await;
        assert_eq!(backend.exactly(3).await, b"cde");
        backend.send("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 \r\n"));
        assert_eq!(lab.finish().await.request_bytes, 5);
    });
}

#[test]
fn a_chunked_request_body_with_trailers() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3;ext\r\nabc\r\n")
            .await;
        assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n") && head.contains("Trailer: X\r\n"));
        assert_eq!(backend.until("abc\r\n").await, "3\r\nabc\r\n");
        client
            .send("002\r\nde\r\n0\r\nX: 1\r\nContent-Length: 9\r\nHost: z\r\n\r\n")
            .await;
        assert_eq!(backend.until("\r\n\r\n").await, "2\r\nde\r\n0\r\nX: 1\r\n\r\n");
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
        assert_eq!(lab.finish().await.request_bytes, 5);
    });
}

#[test]
fn a_chunked_response_with_trailers() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        backend
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n")
            .await;
        assert!(client.head().await.contains("\r\nTransfer-Encoding: chunked\r\n"));
        assert_eq!(client.until("cd\r\n").await, "4\r\nabcd\r\n");
        backend
            .send("1\r\nx\r\n0\r\nSum: 7\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(client.until("\r\n\r\n").await, "1\r\nx\r\n0\r\nSum: 7\r\n\r\n");
        assert_eq!(lab.finish().await.response_bytes, 5);
        assert_eq!(lab.engine.pools().idle(7), 1);
    });
}

#[test]
fn an_http10_client_gets_plain_bytes_until_close() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n")
            .await;
        assert_eq!(head, "GET / HTTP/1.1\r\nHost: \r\nx-lab: up\r\n\r\n");
        backend.send("HTTP/1.1 103 Early\r\nA: b\r\n\r\n").await;
        backend
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nX: y\r\n\r\n")
            .await;
        let (all, closed) = client.rest().await;
        assert_eq!(
            all,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nx-lab: down\r\n\r\nabcd"
        );
        assert_eq!(closed, Closed::Fin);
    });
}

#[test]
fn an_http10_client_keeps_its_connection_if_it_asks_and_the_length_is_known() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            .await;
        backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
            .await;
        assert!(
            client
                .until("\r\na")
                .await
                .contains("\r\nConnection: keep-alive\r\n")
        );
        client.send("GET /2 HTTP/1.0\r\n\r\n").await;
        backend.head().await;
        backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")
            .await;
        let (all, closed) = client.rest().await;
        assert!(all.contains("Connection: close\r\n") && all.ends_with("\r\n\r\nb"));
        assert_eq!(closed, Closed::Fin);
    });
}

#[test]
fn a_body_until_close_becomes_chunked() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        backend
            .send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nabc")
            .await;
        assert!(client.head().await.contains("Transfer-Encoding: chunked\r\n"));
        assert_eq!(client.until("abc\r\n").await, "3\r\nabc\r\n");
        drop(backend);
        assert_eq!(client.until("\r\n\r\n").await, "0\r\n\r\n");
        assert_eq!(lab.finish().await.end, End::Complete);
        // The client's connection goes on, on a new one behind it.
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut backend = lab.backend().await;
        backend.head().await;
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
    });
}

#[test]
fn responses_without_a_body_whatever_their_head_says() {
    lab(async |lab| {
        let mut client = lab.client().await;
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut backend = lab.backend().await;
        assert!(backend.head().await.starts_with("HEAD / "));
        backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
            .await;
        assert!(client.head().await.contains("Content-Length: 99\r\n"));
        for (answer, kept) in [
            ("HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n", true),
            ("HTTP/1.1 204 None\r\nContent-Length: 99\r\n\r\n", false),
        ] {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            backend.head().await;
            backend.send(answer).await;
            assert_eq!(
                client.head().await.contains("Content-Length: 99\r\n"),
                kept,
                "{answer}"
            );
        }
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        backend.head().await;
        backend
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        client.head().await;
        lab.finish().await;
        assert!(lab.no_backend());
        assert_eq!(lab.results().len(), 4);
    });
}

#[test]
fn megabytes_both_ways_at_once() {
    lab(async |lab| {
        let size = 8 << 20;
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
        let (mut client, mut backend, _) = lab.request(&head).await;
        let echo = tokio::task::spawn_local(async move {
            // The response starts before the request has ended.
            backend
                .send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"))
                .await;
            let mut left = size;
            while left > 0 {
                let piece = backend.exactly(left.min(100_000)).await;
                backend.send(&piece).await;
                left -= piece.len();
            }
        });
        assert!(client.head().await.contains("Connection: close\r\n"));
        let pattern: Vec<u8> = (0..100_003u32).map(|i| (i % 251) as u8).collect();
        let sent: Vec<u8> = pattern.iter().copied().cycle().take(size).collect();
        let (mut read, mut write) = client.stream.split();
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut received = Vec::new();
        let (written, read) = tokio::join!(write.write_all(&sent), read.read_to_end(&mut received));
        written.unwrap();
        read.unwrap();
        assert!(received == sent);
        echo.await.unwrap();
        assert_eq!(lab.finish().await.response_bytes, size as u64);
    });
}

#[test]
fn back_pressure_reaches_the_backend() {
    lab(async |lab| {
        let (client, mut backend, _) = lab.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        backend
            .send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
            .await;
        let piece = [b'x'; 1 << 16];
        // The client reads nothing: what goes in is what the sockets hold, not what the engine would.
        let mut sent = 0usize;
        loop {
            let write =
                tokio::time::timeout(std::time::Duration::from_millis(300), backend.stream.writable()).await;
            let Ok(Ok(())) = write else { break };
            match backend.stream.try_write(&piece) {
                Ok(n) => sent += n,
                Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock),
            }
            assert!(sent < 64 << 20, "nothing holds the backend back");
        }
        drop(client);
        assert_eq!(lab.finish().await.end, End::ClientGone);
        assert_eq!(lab.results(), [Err(Cause::ClientGone)]);
    });
}

#[test]
fn hop_by_hop_fields_end_here() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request(concat!(
                "GET / HTTP/1.1\r\nA: 1\r\nX-Omitted: 1\r\nConnection: x-drop, Content-Length, keep-alive, host\r\nHost: h\r\n",
                "X-Drop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: ws\r\n",
                "Proxy-Authorization: y\r\nContent-Length: 2\r\nB:  2 \r\n\r\nok"
            ))
            .await;
        assert_eq!(
            head,
            "GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nB:  2 \r\nContent-Length: 2\r\nx-lab: up\r\n\r\n"
        );
        backend
            .send(concat!(
                "HTTP/1.1 200 OK\r\nConnection: X-Gone\r\nx-gone: 1\r\nProxy-Authenticate: z\r\n",
                "Keep-Alive: 1\r\nUpgrade: h2c\r\nC: 3\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        assert_eq!(
            client.head().await,
            "HTTP/1.1 200 OK\r\nC: 3\r\nContent-Length: 0\r\nx-lab: down\r\n\r\n"
        );
    });
}

#[test]
fn an_absolute_target_becomes_a_path_and_its_authority_the_host() {
    lab(async |lab| {
        let (_client, _backend, head) = lab
            .request("GET http://real.example:8080/p?q HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n")
            .await;
        assert_eq!(
            head,
            "GET /p?q HTTP/1.1\r\nHost: real.example:8080\r\nA: b\r\nx-lab: up\r\n\r\n"
        );
    });
}

#[test]
fn max_forwards_counts_down_and_ends_here_at_zero() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 2\r\n\r\n")
            .await;
        assert_eq!(
            head,
            "OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1\r\nx-lab: up\r\n\r\n"
        );
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
        client
            .send("OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n")
            .await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        client
            .send("TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n")
            .await;
        assert!(client.head().await.starts_with("HTTP/1.1 405 "));
        client.until("\n").await;
        client
            .send("GET / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n")
            .await;
        assert!(backend.head().await.contains("Max-Forwards: 0"));
    });
}
