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
mod tests;
