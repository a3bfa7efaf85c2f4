//! The page over HTTP.
//!
//! | request | answer |
//! |---|---|
//! | `GET /`, `GET /FILE` | the page and its files |
//! | `GET /v1/live` | [frames](super::frame) as server-sent events; `Last-Event-ID` or `?after=` is what was heard last |
//! | `GET /v1/ps` | as on the control socket, without the token |
//! | `GET /v1/theory?KEY=WORD&…` | what theory expects of the settings in force with these over them |
//! | `POST /v1/fault`, `crash`, `heal`, `resume`, `restart`, `set` | as on the control socket |

use super::feed::Feed;
use super::frame::Expected;
use super::guard::{self, Guard};
use super::stream::Reader;
use super::{assets, theory};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use router::clock;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Readers of `/v1/live` at a time.
pub const READERS: usize = 32;
/// Connections at a time: readers, and those that ask and go.
const CONNECTIONS: usize = 128;
/// What a reader that takes nothing may hold back in this program, beside what the kernel keeps.
const WRITTEN_AHEAD: usize = 64 << 10;
/// A request's head has come by then.
const HEAD: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(200);

#[derive(Clone)]
struct Page {
    feed: Arc<Feed>,
    places: Arc<Semaphore>,
}

/// Serves until it is dropped; `orders` are the routes of the control socket that a browser may use.
pub async fn serve(listener: TcpListener, feed: Arc<Feed>, guard: Guard, orders: Router) {
    let page = Page {
        feed,
        places: Arc::new(Semaphore::new(READERS)),
    };
    let router = Router::new()
        .route("/v1/live", get(live))
        .route("/v1/theory", get(expected))
        .with_state(page)
        .merge(orders)
        .fallback_service(get(file))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::stand));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = connections.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: that takes a while.
            clock::until(clock::now() + AGAIN).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(WRITTEN_AHEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // A connection that breaks is the browser's affair.
            let _ = connection.await;
            drop(place);
        });
    }
}

#[derive(Deserialize)]
struct Heard {
    after: Option<String>,
}

async fn live(State(page): State<Page>, Query(heard): Query<Heard>, headers: HeaderMap) -> Response {
    let Ok(place) = page.places.clone().try_acquire_owned() else {
        let words = format!("{READERS} readers follow this lab already: close one of its pages\n");
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = last.or(heard.after.as_deref());
    let reader = Reader::new(page.feed, after, place);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(reader)).into_response()
}

async fn expected(State(page): State<Page>, Query(words): Query<Vec<(String, String)>>) -> Response {
    match theory::with(&page.feed.settings(), &words) {
        Ok(settings) => {
            let expected = Expected::of(&settings);
            let shown = theory::shown(&settings);
            Json(json!({
                "schema": "resetlab.theory.v1", "settings": shown, "checks_per_s": expected.checks_per_s,
                "kill": expected.kill, "hang": expected.hang,
            }))
            .into_response()
        }
        Err(why) => (StatusCode::CONFLICT, Json(json!({ "error": why, "exit": 2 }))).into_response(),
    }
}

async fn file(uri: Uri) -> Response {
    match assets::find(uri.path()) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.kind)], asset.bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such file: the page is at /\n").into_response(),
    }
}
