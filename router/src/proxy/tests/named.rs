//! Clients named by a PROXY protocol header.

use super::lab::*;
use std::time::Duration;

const NAMED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C\xC0\x00\x02\x07\x7F\x00\x00\x01\x00\x09\x1F\x91";

#[test]
fn a_proxy_protocol_header_names_the_client_of_every_request() {
    lab_with(
        |settings| settings.proxy_protocol = true,
        async |lab| {
            // Together with the request, and byte by byte.
            for step in [1000, 1] {
                let mut client = lab.client().await;
                for part in [NAMED, GET.as_bytes()].concat().chunks(step) {
                    client.send(part).await;
                    tokio::task::yield_now().await;
                }
                let mut backend = lab.backend().await;
                for _ in 0..2 {
                    backend.head().await;
                    backend.send(OK).await;
                    client.until("ok").await;
                    let seen = lab.policy.clients.borrow_mut().pop();
                    assert_eq!(seen, Some("192.0.2.7:9".parse().unwrap()));
                    client.send(GET).await;
                }
                backend.head().await;
            }
            let mut local = lab.client().await;
            local.send(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00").await;
            local.send(GET).await;
            lab.backend().await.head().await;
            let seen = lab.policy.clients.borrow_mut().pop();
            assert_eq!(seen, Some(local.stream.local_addr().unwrap()));
        },
    );
}

#[test]
fn without_its_proxy_protocol_header_a_connection_is_closed_or_idle() {
    lab_with(
        |settings| {
            settings.proxy_protocol = true;
            settings.idle_timeout = Duration::from_millis(100);
            settings.header_timeout = Duration::from_millis(50);
        },
        async |lab| {
            for wrong in [GET.as_bytes(), b"\r\n\r\n\0\r\nQUIT\n\x22", &NAMED[..20], b""] {
                let mut client = lab.client().await;
                client.send(wrong).await;
                assert_eq!(client.rest().await.0, "");
            }
            assert!(lab.policy.clients.borrow().is_empty());
        },
    );
}
