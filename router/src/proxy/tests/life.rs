//! Connections from their first request to their last: reuse, pipelining, limits.

use super::lab::*;
use crate::proxy::*;
use std::time::Duration;

#[test]
fn pipelined_requests_are_served_in_order() {
    lab(async |lab| {
        let mut client = lab.client().await;
        let requests: String = (0..50)
            .map(|i| format!("GET /{i} HTTP/1.1\r\nHost: h\r\n\r\n"))
            .collect();
        client.send(requests).await;
        client.fin().await;
        let mut backend = lab.backend().await;
        for i in 0..50 {
            assert!(backend.head().await.starts_with(&format!("GET /{i} ")));
            backend
                .send(format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{i:03}"))
                .await;
        }
        for i in 0..50 {
            client.head().await;
            assert_eq!(client.exactly(3).await, format!("{i:03}").into_bytes());
        }
        assert_eq!(client.rest().await, (String::new(), Closed::Fin));
    });
}

#[test]
fn a_post_followed_by_a_pipelined_request() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab
            .request("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
            .await;
        assert_eq!(backend.until("0\r\n\r\n").await, "2\r\nab\r\n0\r\n\r\n");
        backend.send(OK).await;
        client.until("ok").await;
        assert!(backend.head().await.starts_with("GET /2 "));
        backend.send(OK).await;
        client.until("ok").await;
    });
}

#[test]
fn close_means_close() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab
            .request("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            .await;
        assert!(!head.contains("onnection"));
        backend.send(OK).await;
        let (all, closed) = client.rest().await;
        assert!(all.contains("Connection: close\r\n") && all.ends_with("ok"));
        assert_eq!(closed, Closed::Fin);
        assert_eq!(lab.engine.pools().idle(7), 1);
    });
}

#[test]
fn a_backend_that_closes_is_not_used_again() {
    lab(async |lab| {
        for answer in [
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            // Surplus bytes: whoever they were for, nobody gets them.
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
            "HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nok",
        ] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(answer).await;
            let head = client.head().await;
            assert!(!head.contains("connection"), "{head}");
            lab.finish().await;
            assert_eq!(lab.engine.pools().idle(7), 0, "{answer:?}");
            // Its connection is closed; the client's is not.
            backend.rest().await;
            client.send(GET).await;
            let mut backend = lab.backend().await;
            backend.head().await;
            backend
                .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood")
                .await;
            let seen = client.until("good").await;
            assert!(!seen.contains("evil"));
            lab.finish().await;
        }
    });
}

#[test]
fn what_an_idle_backend_connection_says_is_heard_by_nobody() {
    lab(async |lab| {
        for unasked in [Some(OK), None] {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(OK).await;
            client.until("ok").await;
            lab.finish().await;
            assert_eq!(lab.engine.pools().idle(7), 1);
            match unasked {
                Some(bytes) => backend.send(bytes).await,
                None => drop(backend),
            }
            // The next request finds out; the sweep would, too.
            client.send(GET).await;
            let mut backend = lab.backend().await;
            backend.head().await;
            backend
                .send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngood")
                .await;
            assert!(client.until("good").await.contains("Content-Length: 4"));
            lab.finish().await;
        }
        assert!(lab.results().iter().all(|result| *result == Ok(200)));
    });
}

#[test]
fn discarded_connections_do_not_come_back() {
    lab(async |lab| {
        let (mut idle_client, mut idle, _) = lab.request(GET).await;
        idle.send(OK).await;
        idle_client.until("ok").await;
        let mut client = lab.client().await;
        *lab.policy.verdict.borrow_mut() = Verdict::Forward(lab.upstream);
        client.send(GET).await;
        idle.head().await;
        lab.engine.pools().discard(7);
        idle.send(OK).await;
        client.until("ok").await;
        assert_eq!(idle.rest().await.1, Closed::Fin);
        assert_eq!(lab.engine.pools().idle(7), 0);
    });
}

#[test]
fn an_old_idle_backend_connection_is_swept() {
    lab_with(
        |settings| settings.upstream_idle_timeout = Duration::from_millis(100),
        async |lab| {
            let (mut client, mut backend, _) = lab.request(GET).await;
            backend.send(OK).await;
            client.until("ok").await;
            assert_eq!(backend.rest().await.1, Closed::Fin);
            assert_eq!(lab.engine.pools().idle(7), 0);
        },
    );
}

#[test]
fn more_connections_than_allowed_wait() {
    lab_with(
        |settings| settings.max_connections = 2,
        async |lab| {
            let (mut one, mut backend_one, _) = lab.request(GET).await;
            let (_two, _backend_two, _) = lab.request(GET).await;
            let mut three = lab.client().await;
            three.send(GET).await;
            backend_one.send(OK).await;
            one.until("ok").await;
            assert!(lab.no_backend());
            drop(one);
            // The place that came free is taken by the third, on the connection that came free.
            backend_one.head().await;
            backend_one.send(OK).await;
            three.until("ok").await;
        },
    );
}

#[test]
fn five_hundred_half_open_connections_do_not_matter() {
    lab(async |lab| {
        let mut half_open = Vec::new();
        for _ in 0..500 {
            let mut client = lab.client().await;
            client.send("GET / HT").await;
            half_open.push(client);
        }
        let (mut client, mut backend, _) = lab.request(GET).await;
        backend.send(OK).await;
        client.until("ok").await;
        // And they are served when they make up their minds.
        half_open[250].send("TP/1.1\r\nHost: h\r\n\r\n").await;
        backend.head().await;
        backend.send(OK).await;
        half_open[250].until("ok").await;
    });
}

#[test]
fn new_settings_count_from_the_next_request() {
    lab(async |lab| {
        let (mut client, mut backend, _) = lab.request(GET).await;
        let mut settings = lab.engine.settings();
        settings.response_timeout = Duration::from_millis(50);
        lab.engine.set_settings(settings);
        backend.send(OK).await;
        client.until("ok").await;
        client.send(GET).await;
        client.send(GET).await;
        backend.head().await;
        client.head().await;
    });
}

#[test]
fn byte_by_byte() {
    lab(async |lab| {
        let mut client = lab.client().await;
        let mut backend = None;
        for _ in 0..2 {
            for byte in
                b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
            {
                client.send([*byte]).await;
                tokio::task::yield_now().await;
            }
            let backend = match &mut backend {
                Some(backend) => backend,
                none => none.insert(lab.backend().await),
            };
            assert!(backend.head().await.starts_with("POST / "));
            backend.until("0\r\n\r\n").await;
            for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\nA: b\r\n\r\n"
            {
                backend.send([*byte]).await;
                tokio::task::yield_now().await;
            }
            client.head().await;
            assert!(client.until("\r\n0\r\nA: b\r\n\r\n").await.contains('x'));
        }
    });
}

#[test]
fn many_clients_at_once() {
    lab(async |lab| {
        let lab = std::rc::Rc::new(lab);
        let clients: Vec<_> = (0..100)
            .map(|client| {
                let lab = std::rc::Rc::clone(&lab);
                tokio::task::spawn_local(async move {
                    let mut peer = lab.client().await;
                    for n in 0..20 {
                        peer.send(format!("GET /{client}/{n} HTTP/1.1\r\nHost: h\r\n\r\n"))
                            .await;
                        peer.head().await;
                        let expected = format!("/{client}/{n};");
                        assert_eq!(peer.until(";").await, expected);
                    }
                })
            })
            .collect();
        let accepting = {
            let lab = std::rc::Rc::clone(&lab);
            tokio::task::spawn_local(async move {
                loop {
                    let mut backend = lab.backend().await;
                    tokio::task::spawn_local(async move {
                        loop {
                            let head = backend.head().await;
                            let path = head.split(' ').nth(1).unwrap();
                            let length = path.len() + 1;
                            backend
                                .send(format!(
                                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path};"
                                ))
                                .await;
                        }
                    });
                }
            })
        };
        for client in clients {
            client.await.unwrap();
        }
        accepting.abort();
        assert_eq!(lab.results(), vec![Ok(200); 2000]);
        assert!(
            lab.policy
                .attempts
                .borrow()
                .iter()
                .filter(|attempt| attempt.reused)
                .count()
                >= 1900
        );
    });
}
