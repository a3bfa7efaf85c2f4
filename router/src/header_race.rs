//! The bug of the article (golang/go#65123): two goroutines write the header map of one response.
//!
//! - The *hook* forwards a backend's interim response. It runs where backends are read (the [`HeadThread`]): copies the
//!   response's headers into the map, writes them to the client, deletes them again.
//! - The *error handler* runs where the request is served when its last attempt has failed, and on a thread of its own
//!   when the client has gone: sets its headers, copies the map for the answer.
//!
//! Go waits for neither to be done before it lets the other begin (`transport.go`, the select of
//! `persistConn.roundTrip`; `reverseproxy.go`, `Got1xxResponse`). Whoever finds the other inside the map ends the process.
//!
//! [`HeadThread`]: crate::proxy::HeadThread

mod late;
mod map;

pub use map::{Concurrent, HeaderMap};

use crate::clock::{self, Timestamp};
use crate::crash::{self, Caught, Dump};
use crate::http1::forward::{self, Persistence};
use crate::http1::{Encoding, ResponseHead};
use crate::proxy::Interims;
use crate::record::CrashVariant;
use crate::worker::Events;
use late::LateHandlers;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A router that has the bug. Cheap to clone.
#[derive(Clone)]
pub struct HeaderRace(Arc<Inner>);

struct Inner {
    /// Until then the hook stays in its write for an error handler to find it there: nanoseconds of a [`Timestamp`].
    wide_until: AtomicU64,
    late: LateHandlers,
    dump: Dump,
    events: Events,
}

/// The response to one request, as both sides see it. Cheap to clone.
#[derive(Clone)]
pub struct Response {
    race: HeaderRace,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    headers: HeaderMap,
    /// The client's connection is closed, and Go's buffer for it gone.
    closed: AtomicBool,
    /// The hook is inside a write and stays there.
    stays: AtomicBool,
}

/// How long the hook of a widened race waits for an error handler.
const WIDE: Duration = Duration::from_secs(1);

/// A race is widened for this long: who asked for it has crashed the router by then, or gone away.
const WIDENED: Duration = Duration::from_secs(10);

impl HeaderRace {
    /// `dump` is what the dying process prints. Fails when no thread can be started.
    pub fn start(dump: Dump, events: Events) -> io::Result<HeaderRace> {
        Ok(HeaderRace(Arc::new(Inner {
            wide_until: AtomicU64::new(0),
            late: LateHandlers::start()?,
            dump,
            events,
        })))
    }

    /// For the next ten seconds the first client that leaves within a second of an interim response is enough.
    pub fn widen(&self, now: Timestamp) {
        self.0.wide_until.store((now + WIDENED).0, Ordering::Relaxed);
    }

    fn is_wide(&self, now: Timestamp) -> bool {
        now.0 < self.0.wide_until.load(Ordering::Relaxed)
    }

    /// For a new request.
    pub fn response(&self) -> Response {
        Response {
            race: self.clone(),
            shared: Arc::default(),
        }
    }

    fn die(&self, caught: Caught, concurrent: Concurrent) -> ! {
        let variant = match (concurrent, caught) {
            (Concurrent::IterationAndWrite, _) => CrashVariant::MapIterationAndWrite,
            (Concurrent::Writes, Caught::InHook) => CrashVariant::MapWritesInHook,
            (Concurrent::Writes, Caught::InErrorHandler) => CrashVariant::MapWritesInErrorHandler,
        };
        crash::crash(&self.0.dump, variant, caught, &self.0.events)
    }
}

impl Response {
    /// Go's `ErrorHandler.HandleError`, then `http.Error`, then the copy of the map that `WriteHeader` makes.
    pub fn handle_error(&self, error: &str) {
        let headers = &self.shared.headers;
        let handled = headers
            .set("X-Cf-RouterError", &[error])
            .and_then(|()| headers.set("Content-Type", &["text/plain; charset=utf-8"]))
            .and_then(|()| headers.set("X-Content-Type-Options", &["nosniff"]))
            .and_then(|()| headers.for_each(|_, _| {}))
            .and_then(|()| headers.delete("Connection"));
        if let Err(concurrent) = handled {
            self.race.die(Caught::InErrorHandler, concurrent);
        }
    }

    /// The client has gone: its error is handled, without anybody waiting for that.
    pub fn abandon(&self, error: String) {
        self.race.0.late.push(self.clone(), error);
    }

    /// The handler is done, and the client's connection is closed with it.
    fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    /// Go's hook up to the writing: `copyHeader`, then `proxyResponseWriter.WriteHeader`, which sets Content-Type to
    /// nothing so that it is not guessed, then the walk over what is written. The client gets the bytes that it would
    /// get without the race.
    fn copy(&self, head: &ResponseHead<'_>) -> Result<Vec<u8>, Concurrent> {
        let headers = &self.shared.headers;
        for (name, value) in head.end_to_end() {
            headers.add(name, &String::from_utf8_lossy(value))?;
        }
        headers.set("Content-Type", &[])?;
        if self.shared.closed.load(Ordering::Acquire) {
            let race = &self.race.0;
            crash::crash(
                &race.dump,
                CrashVariant::NilPointerInHook,
                Caught::InHook,
                &race.events,
            );
        }
        headers.for_each(|_, _| {})?;
        let mut out = Vec::with_capacity(256);
        forward::response(head, Encoding::Identity, Persistence::Implicit, &mut out);
        out.extend_from_slice(b"\r\n");
        if self.race.is_wide(clock::now()) {
            headers.begin_write()?;
            self.shared.stays.store(true, Ordering::Release);
        }
        Ok(out)
    }

    fn uncopy(&self) -> Result<(), Concurrent> {
        let headers = &self.shared.headers;
        if self.shared.stays.swap(false, Ordering::AcqRel) {
            headers.end_write()?;
        }
        headers.clear()
    }
}

impl Interims for Response {
    fn begin(&self, head: &ResponseHead<'_>) -> Vec<u8> {
        self.copy(head)
            .unwrap_or_else(|concurrent| self.race.die(Caught::InHook, concurrent))
    }

    fn linger(&self) -> Duration {
        match self.shared.stays.load(Ordering::Acquire) {
            true => WIDE,
            false => Duration::ZERO,
        }
    }

    fn end(&self) {
        if let Err(concurrent) = self.uncopy() {
            self.race.die(Caught::InHook, concurrent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{Limits, slots};
    use crate::settings::Build;

    fn race() -> HeaderRace {
        HeaderRace::start(Dump::new(&Build::default()), Events::none("router-1")).unwrap()
    }

    fn begin(response: &Response, head: &str) -> String {
        let mut slots = slots();
        let head = ResponseHead::parse(head.as_bytes(), false, &mut slots, &Limits::default()).unwrap();
        String::from_utf8(response.begin(&head)).unwrap()
    }

    #[test]
    fn the_hook_writes_what_ends_at_the_client_and_leaves_nothing_behind() {
        let response = race().response();
        let hint =
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\nLink: </b>\r\n\r\n";
        let written = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n";
        assert_eq!(begin(&response, hint), written);
        response.end();
        assert_eq!(
            begin(&response, "HTTP/1.1 100 Continue\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        response.end();
        response.handle_error("endpoint_failure (context canceled)");
        assert_eq!(response.linger(), Duration::ZERO);
    }

    #[test]
    fn a_widened_hook_stays_in_its_write_until_it_ends() {
        let race = race();
        let response = race.response();
        race.widen(clock::now());
        begin(&response, "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n");
        assert_eq!(response.linger(), WIDE);
        assert_eq!(response.shared.headers.set("A", &[]), Err(Concurrent::Writes));
        // What found the flag set has not cleared it.
        response.end();
        assert_eq!(response.linger(), Duration::ZERO);
    }
}
