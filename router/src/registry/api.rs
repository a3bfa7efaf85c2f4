//! The registration API: `POST /register` and `/unregister` with gorouter's `router.register` message, `GET /routes`
//! in the shape of gorouter's own. It stands in for the message bus; no request waits for it.

use super::desk::{Desk, Listing, Stopping};
use super::message;
use crate::clock;
use crate::routes::Listed;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

/// Serves the API on a new thread for the life of the process. `own`: the router's traffic address.
pub fn start(listener: std::net::TcpListener, desk: Desk, own: SocketAddr) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("routes-api".into())
        .spawn(move || {
            runtime.block_on(async move {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, desk, own).await,
                    Err(error) => eprintln!("router: registration API: {error}"),
                }
            });
        })?;
    Ok(())
}

/// A registration is at most this long, as on the bus.
const LONGEST_MESSAGE: usize = 1 << 20;
/// A half-sent one is given up after this time.
const PATIENCE: Duration = Duration::from_secs(10);

async fn serve(listener: tokio::net::TcpListener, desk: Desk, own: SocketAddr) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: others must end before this can go on.
            clock::until(clock::now() + Duration::from_millis(10)).await;
            continue;
        };
        let desk = desk.clone();
        let service = hyper::service::service_fn(move |request| {
            let desk = desk.clone();
            async move { Ok::<_, Infallible>(answer(request, &desk, own).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(hyper_util::rt::TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .half_close(true)
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
        // A connection that breaks is the registrar's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn answer(request: Request<Incoming>, desk: &Desk, own: SocketAddr) -> Response<Full<Bytes>> {
    if request.headers().contains_key(ORIGIN) {
        let words = "a web page asked; expected a registrar, which sends no Origin";
        return sentence(StatusCode::FORBIDDEN, words);
    }
    let done = match (request.method(), request.uri().path()) {
        (&Method::GET, "/routes") => desk.list().await.map(|listing| json(&routes(&listing))),
        (&Method::POST, "/register") => register(request, desk, own).await,
        (&Method::POST, "/unregister") => unregister(request, desk).await,
        (_, "/routes") => Ok(not_allowed("GET")),
        (_, "/register" | "/unregister") => Ok(not_allowed("POST")),
        _ => Ok(sentence(
            StatusCode::NOT_FOUND,
            "expected GET /routes, POST /register or POST /unregister",
        )),
    };
    done.unwrap_or_else(|stopping| sentence(StatusCode::SERVICE_UNAVAILABLE, &stopping.to_string()))
}

async fn register(
    request: Request<Incoming>,
    desk: &Desk,
    own: SocketAddr,
) -> Result<Response<Full<Bytes>>, Stopping> {
    let parsed = body(request).await.and_then(|body| message::parse(&body));
    let registration = match parsed {
        Ok(registration) if super::is_own(own, registration.address) => {
            let words = super::own_address(registration.address);
            return Ok(sentence(StatusCode::BAD_REQUEST, &words));
        }
        Ok(registration) => registration,
        Err(expectation) => return Ok(sentence(StatusCode::BAD_REQUEST, &expectation)),
    };
    desk.register(registration).await?;
    Ok(sentence(StatusCode::OK, "registered"))
}

async fn unregister(request: Request<Incoming>, desk: &Desk) -> Result<Response<Full<Bytes>>, Stopping> {
    let registration = match body(request).await.and_then(|body| message::parse(&body)) {
        Ok(registration) => registration,
        Err(expectation) => return Ok(sentence(StatusCode::BAD_REQUEST, &expectation)),
    };
    Ok(match desk.unregister(registration).await? {
        true => sentence(StatusCode::OK, "unregistered"),
        false => sentence(StatusCode::OK, "was not registered"),
    })
}

async fn body(request: Request<Incoming>) -> Result<Bytes, String> {
    let whole = Limited::new(request.into_body(), LONGEST_MESSAGE).collect();
    match tokio::time::timeout(PATIENCE, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(format!("{error}; expected a JSON object of at most 1 MiB")),
        Err(_) => Err("the message did not come to its end; expected a JSON object".to_owned()),
    }
}

/// An endpoint as gorouter's `/routes` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    address: String,
    availability_zone: &'a str,
    protocol: &'static str,
    tls: bool,
    /// Seconds; 0: it is never pruned.
    ttl: u64,
    tags: &'a Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    isolation_segment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    private_instance_id: &'a str,
    load_balancing_algorithm: &'static str,
}

fn routes(listing: &Listing) -> BTreeMap<&str, Vec<Shown<'_>>> {
    listing
        .iter()
        .map(|(name, endpoints)| (&**name, endpoints.iter().map(Shown::of).collect()))
        .collect()
}

impl Shown<'_> {
    fn of(listed: &Listed) -> Shown<'_> {
        let instance = &*listed.instance;
        Shown {
            address: listed.address.to_string(),
            availability_zone: &instance.availability_zone,
            protocol: "http1",
            tls: false,
            ttl: listed.stale_after.map_or(0, |limit| limit.as_secs()),
            tags: &instance.tags,
            isolation_segment: &instance.isolation_segment,
            private_instance_id: &instance.id,
            load_balancing_algorithm: message::balancing_name(listed.balancing),
        }
    }
}

fn json(document: &impl Serialize) -> Response<Full<Bytes>> {
    // Strings and numbers in maps with string keys always become JSON.
    let text = serde_json::to_vec(document).unwrap_or_default();
    whole(StatusCode::OK, "application/json", text)
}

fn sentence(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    whole(
        status,
        "text/plain; charset=utf-8",
        format!("{words}\n").into_bytes(),
    )
}

fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, &format!("expected {allowed}"));
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn whole(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
