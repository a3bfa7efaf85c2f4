//! The health port: `/health` for load balancers, on a thread of its own so that busy data paths do not make a
//! healthy router look dead, nor a late check look punctual.

use crate::clock;
use crate::condition::{Answer, Condition, Health};
use crate::crash;
use crate::fault::Place;
use crate::record::Event;
use crate::worker::Events;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Serves the health port on a new thread for the life of the process.
pub fn start(listener: std::net::TcpListener, condition: Condition, events: Events) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new().name("health".into()).spawn(move || {
        runtime.block_on(async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => serve(listener, condition, events).await,
                Err(error) => eprintln!("router: health port: {error}"),
            }
        });
    })?;
    Ok(())
}

/// PURE: the answer to a path. Both ask whether the process serves; only `/health` knows of reasons not to use it.
pub fn answer(path: &str, unhealthy: Option<StatusCode>) -> Response<Full<Bytes>> {
    let (status, body) = match (path, unhealthy) {
        (HEALTH, Some(status)) => (status, &b""[..]),
        (HEALTH | ALIVE, _) => (StatusCode::OK, &b"ok\n"[..]),
        (_, _) => (StatusCode::NOT_FOUND, &b"404 page not found\n"[..]),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !body.is_empty() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=0"));
    headers.insert(EXPIRES, HeaderValue::from_static("0"));
    response
}

const HEALTH: &str = "/health";
const ALIVE: &str = "/is-process-alive-do-not-use-for-loadbalancing";

/// A half-sent check is given up after this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

async fn serve(listener: tokio::net::TcpListener, condition: Condition, events: Events) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: others must end before this can go on.
            clock::until(clock::now() + Duration::from_millis(10)).await;
            continue;
        };
        let accepted = clock::now();
        let _ = stream.set_nodelay(true);
        let asked = Arc::new(AtomicBool::new(false));
        let (condition, to_tell, was_asked) = (condition.clone(), events.clone(), asked.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            was_asked.store(true, Ordering::Relaxed);
            let (condition, events) = (condition.clone(), to_tell.clone());
            async move { Ok::<_, Infallible>(see(&request, &condition, &events).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(hyper_util::rt::TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .half_close(true)
            // As Go writes them.
            .title_case_headers(true)
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
        let events = events.clone();
        tokio::spawn(async move {
            // A connection that breaks is the checker's affair; one that opens may be all that it wanted to know.
            drop(connection.await);
            if !asked.load(Ordering::Relaxed) {
                events.emit_at(accepted, Event::CheckSeen { status: None });
            }
        });
    }
}

/// Answers and records that the check came; under a fault, when and how that demands.
async fn see(request: &Request<Incoming>, condition: &Condition, events: &Events) -> Response<Full<Bytes>> {
    if crash::is_dying() {
        std::future::pending::<()>().await;
    }
    let (seen, path) = (clock::now(), request.uri().path());
    let manner = match condition.fault() {
        Some(_) if path == HEALTH => condition.wait(Place::Health).await,
        _ => Answer::Honest,
    };
    let unhealthy = match manner {
        Answer::Error(status) => StatusCode::from_u16(status).ok(),
        _ => match condition.health() {
            Health::Healthy => None,
            Health::Initializing | Health::Degraded => Some(StatusCode::SERVICE_UNAVAILABLE),
        },
    };
    let response = answer(path, unhealthy);
    let status = response.status().as_u16();
    if path == HEALTH {
        events.emit_at(seen, Event::CheckSeen { status: Some(status) });
    }
    response
}
