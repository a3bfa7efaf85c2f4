use super::*;
use axum::extract::Extension;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: usize = 64 << 20;

/// Two places, and a limit for bodies and for answers that passes within a test. That for heads does not: whoever is held
/// up between connecting and asking would be too late.
async fn listening() -> std::net::SocketAddr {
    let limits = Limits {
        connections: 2,
        body: Duration::from_millis(150),
        stall: Duration::from_millis(150),
        ..SLOW
    };
    listening_within(limits, 4).await.0
}

/// With so many places for readers; the halls of askers and of readers.
async fn listening_within(limits: Limits, readers: usize) -> (std::net::SocketAddr, [Arc<Hall>; 2]) {
    let halls = [limits.connections, readers].map(|places| Hall::new(places, limits.patience));
    let readers = halls[1].clone();
    let stay = async move |Extension(place): Extension<Place>| match place.read(&readers) {
        true => vec![b'.'; LONG],
        false => b"full".to_vec(),
    };
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/long", get(|| async { vec![b'.'; LONG] }))
        .route("/stay", get(stay))
        .route("/order", post(|_: String| async { "done" }))
        .layer(axum::middleware::from_fn_with_state(
            limits.body,
            super::super::order::whole,
        ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept(listener, router, limits, halls[0].clone()));
    (address, halls)
}

/// Limits that do not pass within a test: who goes was turned out.
const SLOW: Limits = Limits {
    connections: 3,
    head: Duration::from_secs(3600),
    body: Duration::from_secs(3600),
    stall: Duration::from_secs(3600),
    patience: Duration::from_millis(20),
};

async fn says(address: std::net::SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    stream
}

/// All that comes until it is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    // One that was closed with something unread is reset.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

/// An order whose server has begun to read its body, of which a part has come: it is kept.
async fn ordering(address: std::net::SocketAddr) -> TcpStream {
    const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let head = "POST /order HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut order = says(address, head).await;
    let mut said = [0; GO_ON.len()];
    order.read_exact(&mut said).await.unwrap();
    assert_eq!(said, *GO_ON.as_bytes());
    order.write_all(b"12").await.unwrap();
    order
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn who_sends_half_a_request_or_takes_half_an_answer_makes_way_for_the_next() {
    let address = listening().await;
    for half in [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{\"ro",
        "GET /long HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let held = [says(address, half).await, says(address, half).await];
        let next = rest(says(address, ASK).await).await;
        assert!(next.ends_with("\r\n\r\nhere"), "{half:?}: {next:?}");
        drop(held);
    }
}

/// The one place there is, which nobody is made to leave.
const ALONE: Limits = Limits {
    connections: 1,
    patience: Duration::from_secs(3600),
    ..SLOW
};

#[tokio::test]
async fn who_asks_nothing_for_too_long_is_hung_up_on() {
    let limits = Limits {
        head: Duration::from_millis(150),
        ..ALONE
    };
    let (address, _) = listening_within(limits, 1).await;
    assert_eq!(rest(says(address, "GET / HT").await).await, "");
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_leaves() {
    let limits = Limits {
        stall: Duration::from_millis(150),
        ..ALONE
    };
    let (address, [askers, _]) = listening_within(limits, 1).await;
    let mut deaf = says(address, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(rest(says(address, ASK).await).await.ends_with("here"));
    assert_eq!(askers.count().turned_out, 0);
    let mut all = Vec::new();
    assert!(deaf.read_to_end(&mut all).await.is_err(), "it was reset");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_with_words() {
    let address = listening().await;
    let head = "POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
    let answer = rest(says(address, head).await).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("did not come"), "{answer}");
}

#[tokio::test]
async fn a_reader_takes_its_time_and_no_place() {
    let address = listening().await;
    let mut readers = Vec::new();
    for _ in 0..4 {
        let mut reader = says(
            address,
            "GET /stay HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
        reader.read_exact(&mut [0; 12]).await.unwrap();
        readers.push(reader);
    }
    assert!(rest(says(address, ASK).await).await.ends_with("here"));
    // Longer than anybody else may stall.
    clock::until(clock::now() + Duration::from_millis(400)).await;
    for reader in readers {
        let answer = rest(reader).await;
        assert!(answer.len() > LONG, "{} bytes", answer.len());
    }
}

#[tokio::test]
async fn more_stalled_connections_than_places_keep_nobody_waiting_and_an_order_keeps_its_place() {
    let (address, [askers, _]) = listening_within(SLOW, 1).await;
    let mut order = ordering(address).await;
    let mut held = Vec::new();
    for half in ["", "GET / HT", "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"].repeat(5) {
        held.push(says(address, half).await);
    }
    for _ in 0..3 {
        assert!(rest(says(address, ASK).await).await.ends_with("here"));
    }
    let count = askers.count();
    assert!(count.turned_out >= 13 && count.taken <= 3, "{count:?}");
    order.write_all(b"345").await.unwrap();
    assert!(rest(order).await.ends_with("done"));
}

#[tokio::test]
async fn where_all_are_in_the_middle_of_orders_the_next_one_waits_for_the_first_to_end() {
    let (address, [askers, _]) = listening_within(SLOW, 1).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(ordering(address).await);
    }
    let next = tokio::spawn(rest(says(address, ASK).await));
    clock::until(clock::now() + SLOW.patience * 5).await;
    assert!(!next.is_finished());
    for mut order in orders {
        order.write_all(b"345").await.unwrap();
        assert!(rest(order).await.ends_with("done"));
    }
    assert!(next.await.unwrap().ends_with("here"));
    assert_eq!(askers.count().turned_out, 0);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_makes_way_for_one_that_does_and_none_for_a_third() {
    let (address, [_, readers]) = listening_within(SLOW, 1).await;
    let stay = "GET /stay HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut deaf = says(address, stay).await;
    deaf.read_exact(&mut [0; 12]).await.unwrap();
    // It takes no more: what is written to it comes to a halt, and a while later its place is another one's.
    let mut next = loop {
        let mut next = says(address, stay).await;
        let mut head = [0; 200];
        let n = next.read(&mut head).await.unwrap();
        if !String::from_utf8_lossy(&head[..n]).contains("content-length: 4\r\n") {
            break next;
        }
    };
    assert_eq!(
        readers.count(),
        super::super::seat::Count {
            limit: 1,
            taken: 1,
            turned_out: 1
        }
    );
    let mut taken = 0;
    while taken < 2 * LONG / 3 {
        taken += next.read(&mut vec![0; 1 << 20]).await.unwrap();
    }
    let mut all = Vec::new();
    assert!(deaf.read_to_end(&mut all).await.is_err(), "it was reset");
}
