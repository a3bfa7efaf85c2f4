//! The connections of one listener: how many there are, and how long one keeps its place without getting on.

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use router::clock;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a connection may cost the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At a time, beside those of [readers](super::serve::READERS).
    pub connections: usize,
    /// A request's head has come by then, and after an answer the next one's.
    pub head: Duration,
    /// Its body has come by then.
    pub body: Duration,
    /// Who takes nothing of an answer for so long does not get the rest.
    pub stall: Duration,
}

/// A connection's place among those that ask and go.
#[derive(Clone)]
pub(super) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

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
        }
    }
}

/// Serves until it is dropped. A request finds its [`Place`] among its extensions.
pub(super) async fn accept(listener: TcpListener, router: Router, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: that takes a while.
            clock::until(clock::now() + AGAIN).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream, router.clone(), Place::new(place), limits));
    }
}

async fn serve(stream: TcpStream, router: Router, place: Place, limits: Limits) {
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
    // A connection that breaks is the browser's affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(WRITTEN_AHEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Place {
        Place(Arc::new(Mutex::new(Some(permit))))
    }

    /// Makes way for another connection: this one has a place among the readers, and may take its time.
    pub fn leave(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_left(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// A stream that waits for its peer for so long, and for a reader for ever.
struct Patient {
    stream: TcpStream,
    place: Place,
    limit: Duration,
    /// Ready when its peer has taken nothing for too long.
    late: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Patient {
    fn written<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() || self.place.is_left() {
            self.late = None;
            return wrote;
        }
        let limit = self.limit;
        let late = self
            .late
            .get_or_insert_with(|| Box::pin(clock::until(clock::now() + limit)));
        late.as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
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
        };
        let stay = |Extension(place): Extension<Place>| async move {
            place.leave();
            vec![b'.'; LONG]
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
        tokio::spawn(accept(listener, router, limits));
        address
    }

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
}
