//! Draining, and the end of serving.

use super::lab::*;
use crate::proxy::*;
use crate::record::Cause;
use std::time::Duration;

#[test]
fn draining_closes_the_idle_and_finishes_the_active() {
    lab(async |lab| {
        let mut idle = lab.client().await;
        let (mut active, mut backend, _) = lab.request(GET).await;
        lab.drain();
        assert_eq!(idle.rest().await, (String::new(), Closed::Fin));
        assert!(tokio::net::TcpStream::connect(lab.addr).await.is_err());
        backend.send(OK).await;
        let (all, closed) = active.rest().await;
        assert!(all.contains("Connection: close\r\n") && all.ends_with("ok"));
        assert_eq!(closed, Closed::Fin);
        assert_eq!(lab.finish().await.end, End::Complete);
        drop(active);
        lab.serving.await.unwrap().unwrap();
    });
}

#[test]
fn a_request_that_has_arrived_when_draining_starts_is_served() {
    lab(async |lab| {
        let (mut idle, mut backend, _) = lab.request(GET).await;
        backend.send(OK).await;
        idle.until("ok").await;
        lab.finish().await;
        // In the kernel, and no task of ours has run since: one on an idle connection, one in the backlog, and one
        // that has only connected.
        let mut send = std::net::TcpStream::connect(lab.addr).unwrap();
        std::io::Write::write_all(&mut send, GET.as_bytes()).unwrap();
        let late = std::net::TcpStream::connect(lab.addr).unwrap();
        assert_eq!(idle.stream.try_write(GET.as_bytes()).unwrap(), GET.len());
        lab.drain();
        let mut waiting = Peer::of(send);
        let mut late = Peer::of(late);
        late.send(GET).await;
        // Whichever backend connections they come over.
        let serve = async |mut backend: Peer| {
            loop {
                backend.head().await;
                backend.send(OK).await;
            }
        };
        let lab = std::rc::Rc::new(lab);
        tokio::task::spawn_local(serve(backend));
        let accepting = std::rc::Rc::clone(&lab);
        let serving = tokio::task::spawn_local(async move {
            loop {
                tokio::task::spawn_local(serve(accepting.backend().await));
            }
        });
        for client in [&mut idle, &mut waiting, &mut late] {
            let (all, closed) = client.rest().await;
            assert!(
                all.contains("Connection: close\r\n") && all.ends_with("ok"),
                "{all}"
            );
            assert_eq!(closed, Closed::Fin);
        }
        serving.abort();
    });
}

#[test]
fn draining_ends_at_its_timeout() {
    lab_with(
        |settings| settings.drain_timeout = Duration::from_millis(100),
        async |lab| {
            let (mut waiting, mut waited_for, _) = lab.request(GET).await;
            let (mut reading, mut read_from, _) = lab.request(GET).await;
            read_from
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                .await;
            reading.until("abc").await;
            lab.drain();
            assert_eq!(waiting.rest().await.0, "");
            assert_eq!(reading.rest().await.0, "");
            waited_for.rest().await;
            assert_eq!(lab.finish().await.end, End::Cut);
            assert_eq!(lab.finish().await.end, End::Cut);
            assert_eq!(lab.results(), [Err(Cause::ClientGone); 2]);
            lab.serving.await.unwrap().unwrap();
        },
    );
}

#[test]
fn dropping_serve_cuts_everything() {
    lab(async |lab| {
        let (mut client, _backend, _) = lab.request(GET).await;
        lab.serving.abort();
        assert_eq!(client.rest().await.0, "");
        assert_eq!(lab.finish().await.end, End::Cut);
    });
}
