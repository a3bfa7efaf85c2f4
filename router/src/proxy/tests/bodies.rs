//! What bodies look like on the other side.

use super::lab::*;

#[test]
fn a_simple_request_and_its_response() {
    lab(async |lab| {
        let (mut client, mut backend, head) = lab.request("GET /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\n\r\n").await;
        assert_eq!(head, "GET /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nx-lab: up\r\n\r\n");
        backend.send("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nA: b\r\n\r\nok").await;
        let response = client.until("ok").await;
        assert_eq!(response, "HTTP/1.1 200 Fine\r\nA: b\r\ncontent-length: 2\r\nx-lab: down\r\n\r\nok");
        assert_eq!(lab.finish().await.response_bytes, 2);
        assert_eq!(lab.results(), [Ok(200)]);
        // Both connections are used again.
        client.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(backend.head().await.starts_with("GET /2 "));
        backend.send("HTTP/1.1 204 None\r\n\r\n").await;
        assert_eq!(client.head().await, "HTTP/1.1 204 None\r\nx-lab: down\r\n\r\n");
    });
}
