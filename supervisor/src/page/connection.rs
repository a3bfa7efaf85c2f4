//! The connections of one listener: how many there are, and how long one keeps its place without getting on.

use super::seat::{Hall, Seat};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use router::clock;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What a connection may cost the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At a time, beside those of [readers](super::serve::READERS); one more than that takes the place of the one idle
    /// longest.
    pub connections: usize,
    /// A request's head has come by then, and after an answer the next one's.
    pub head: Duration,
    /// Its body has come by then.
    pub body: Duration,
    /// Who takes nothing of an answer for so long does not get the rest.
    pub stall: Duration,
    /// Nobody makes way for another who was idle for less.
    pub patience: Duration,
}

/// A connection's place: first among those that ask and go, then perhaps among the readers.
#[derive(Clone)]
pub(super) struct Place(Arc<Held>);

struct Held {
    seat: Mutex<Sitting>,
    /// Somebody else gets the place.
    end: Arc<Notify>,
}

struct Sitting {
    seat: Seat,
    reads: bool,
}

/// An order on its way: until it is dropped, its connection makes way for nobody.
pub(super) struct Kept(Place);

/// What a reader that takes nothing may hold back in this program, beside what the kernel keeps.
const WRITTEN_AHEAD: usize = 64 << 10;
const AGAIN: Duration = Duration::from_millis(200);

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 128,
            head: Duration::from_secs(5),
            body: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            patience: Duration::from_millis(100),
        }
    }
}

/// Serves until it is dropped, those who have a place in the `hall`. A request finds its [`Place`] among its extensions.
pub(super) async fn accept(listener: TcpListener, router: Router, limits: Limits, hall: Arc<Hall>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: that takes a while.
            clock::until(clock::now() + AGAIN).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let end = Arc::new(Notify::new());
        let seat = hall.take(&end).await;
        tokio::spawn(serve(stream, router.clone(), Place::new(seat, end), limits));
    }
}

async fn serve(stream: TcpStream, router: Router, place: Place, limits: Limits) {
    let end = place.0.end.clone();
    let stream = Patient {
        stream,
        place: place.clone(),
        limit: limits.stall,
        late: None,
    };
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
        router.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(WRITTEN_AHEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A connection that breaks is the browser's affair.
        _ = connection => {}
        () = end.notified() => {}
    }
}

impl Place {
    fn new(seat: Seat, end: Arc<Notify>) -> Place {
        let seat = Mutex::new(Sitting { seat, reads: false });
        Place(Arc::new(Held { seat, end }))
    }

    /// Goes to a place among the `readers`, where it may take its time; false: there is none.
    pub fn read(&self, readers: &Arc<Hall>) -> bool {
        let Ok(seat) = readers.take_now(None, &self.0.end) else {
            return false;
        };
        *self.sitting() = Sitting { seat, reads: true };
        true
    }

    /// For the time of an order.
    pub fn kept(&self) -> Kept {
        self.sitting().seat.keep(true);
        Kept(self.clone())
    }

    /// Something was read or written.
    fn moved(&self) {
        let sitting = self.sitting();
        // A reader is idle only while it takes nothing of what there is.
        sitting.seat.idle((!sitting.reads).then(clock::now));
    }

    /// Its peer takes nothing, as of now.
    fn stalled(&self) {
        self.sitting().seat.idle(Some(clock::now()));
    }

    fn reads(&self) -> bool {
        self.sitting().reads
    }

    fn sitting(&self) -> MutexGuard<'_, Sitting> {
        self.0.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let sitting = self.0.sitting();
        sitting.seat.keep(false);
        sitting.seat.idle(Some(clock::now()));
    }
}

/// A stream that waits for its peer for so long, and for a reader until its place is wanted.
struct Patient {
    stream: TcpStream,
    place: Place,
    limit: Duration,
    /// While its peer takes nothing; ready when that has gone on for too long.
    late: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Patient {
    fn written<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.late = None;
            self.place.moved();
            return wrote;
        }
        let (limit, place) = (self.limit, &self.place);
        let late = self.late.get_or_insert_with(|| {
            place.stalled();
            Box::pin(clock::until(clock::now() + limit))
        });
        if place.reads() {
            return wrote;
        }
        late.as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// What a peer does not take would stay in the kernel for minutes.
impl Drop for Patient {
    fn drop(&mut self) {
        if self.late.is_some() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        // What somebody who takes nothing says in the meantime is no progress.
        if read.is_ready() && self.late.is_none() {
            self.place.moved();
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.written(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Extension;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LONG: usize = 64 << 20;

    /// Two places, and limits that pass within a test.
    async fn listening() -> std::net::SocketAddr {
        let limits = Limits {
            connections: 2,
            head: Duration::from_millis(150),
            body: Duration::from_millis(150),
            stall: Duration::from_millis(150),
            patience: Duration::from_millis(20),
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
        let body = "POST /order HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12";
        let mut order = says(address, body).await;
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
        let body = "POST /order HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12";
        let mut orders = Vec::new();
        for _ in 0..3 {
            orders.push(says(address, body).await);
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
}
