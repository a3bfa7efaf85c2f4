//! Connections that get nowhere make way for a page that wants to be read, at once.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::Place;
use support::page::{Page, body_of};

/// More than there are places.
const STALLED: usize = 300;
/// A connection that gets nowhere ends by itself after so long.
const BY_ITSELF: Duration = Duration::from_secs(5);

#[test]
fn more_stalled_connections_than_places_keep_no_reader_and_no_order_waiting() {
    let place = Place::new();
    let lab = place.up(&["--interval", "500ms", "--timeout", "500ms", "--rate", "50"]);
    let page = Page::of(&lab);
    let address = &page.address;
    let order = r#"{"router":"router-2","fault":"hang"}"#;
    let head = format!(
        "POST /v1/fault HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Type: application/json\r\n\
         X-Resetlab-Token: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        page.token,
        order.len()
    );
    let stall = |n: usize| {
        let mut stream = page.connect();
        let half = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"][n % 3];
        stream.write_all(half.as_bytes()).unwrap();
        stream
    };
    // An order of which half has come is older than all that stalls, and is not broken off.
    let begun = router::clock::now();
    let mut ordering = page.connect();
    ordering.write_all(head.as_bytes()).unwrap();
    ordering.write_all(&order.as_bytes()[..5]).unwrap();
    let stalled: Vec<TcpStream> = (0..STALLED).map(stall).collect();

    assert_eq!(page.live("/v1/live", "").event().unwrap().0, "hello");
    assert_eq!(page.get("/").0, 200);
    let waited = router::clock::now().since(begun);
    assert!(
        waited < BY_ITSELF,
        "a reader waited until others had gone by themselves: {waited:?}"
    );

    ordering.write_all(&order.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    ordering.read_to_string(&mut answer).unwrap();
    let whole = router::clock::now().since(begun);
    assert!(answer.starts_with("HTTP/1.1 200"), "after {whole:?}: {answer}");

    let places: Value = serde_json::from_str(body_of(&page.get("/v1/places").1)).unwrap();
    let connections = &places["connections"];
    let turned_out = connections["turned_out"].as_u64().unwrap();
    let limit = connections["limit"].as_u64().unwrap();
    assert!(turned_out >= STALLED as u64 + 1 - limit, "{places}");
    assert!(connections["taken"].as_u64().unwrap() <= limit, "{places}");
    assert_eq!(places["readers"]["turned_out"], 0, "{places}");
    drop(stalled);
    assert_eq!(support::process(&lab.ps(), "router-2")["truth"], "hung");
}
