//! The page over HTTP.
//!
//! | request | answer |
//! |---|---|
//! | `GET /`, `GET /FILE` | the page and its files |
//! | `GET /v1/live` | [frames](super::frame) as server-sent events; `Last-Event-ID` or `?after=` is what was heard last; `?wait=false`: those that there are, and no more |
//! | `GET /v1/places` | how many connections there may be, are, and have made way for others |
//! | `GET /v1/theory?KEY=WORD&…` | what theory expects of the settings in force with these over them |
//! | `POST /v1/fault`, `crash`, `heal`, `resume`, `restart`, `set` | as on the control socket, before their [deadline] |

use super::connection::{self, Limits, Place};
use super::feed::Feed;
use super::frame::Expected;
use super::guard::{self, Guard};
use super::seat::Hall;
use super::stream::Reader;
use super::{assets, deadline, order, theory};
use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Readers of `/v1/live` at a time.
pub const READERS: usize = 32;
/// A reader that has taken nothing for so long makes way for another one.
const DEAF: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Page {
    feed: Arc<Feed>,
    askers: Arc<Hall>,
    readers: Arc<Hall>,
}

/// Serves until it is dropped; `orders` are the routes of the control socket that a browser may use.
pub async fn serve(listener: TcpListener, feed: Arc<Feed>, guard: Guard, orders: Router) {
    let since = feed.since();
    let limits = Limits::default();
    let askers = Hall::new(limits.connections, limits.patience);
    let page = Page {
        feed,
        askers: askers.clone(),
        readers: Hall::new(READERS, DEAF),
    };
    let router = Router::new()
        .route("/v1/live", get(live))
        .route("/v1/places", get(places))
        .route("/v1/theory", get(expected))
        .with_state(page)
        .merge(orders)
        .method_not_allowed_fallback(another_method)
        .fallback(file)
        .layer(middleware::from_fn_with_state(since, deadline::kept))
        .layer(middleware::from_fn_with_state(limits.body, order::whole))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::stand));
    connection::accept(listener, router, limits, askers).await;
}

#[derive(Deserialize)]
struct Heard {
    after: Option<String>,
    /// For what comes next: a reader that does not wait holds neither a place nor its connection.
    wait: Option<bool>,
}

async fn live(
    State(page): State<Page>,
    Query(heard): Query<Heard>,
    Extension(connection): Extension<Place>,
    headers: HeaderMap,
) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = last.or(heard.after.as_deref());
    if heard.wait == Some(false) {
        return (kind, Body::new(Reader::of_the_past(page.feed, after))).into_response();
    }
    // Nothing else is asked on this connection.
    let last_answer = [(header::CONNECTION, "close")];
    if !connection.read(&page.readers) {
        let words = format!("{READERS} readers follow this lab already: close one of its pages\n");
        return (StatusCode::SERVICE_UNAVAILABLE, last_answer, words).into_response();
    }
    let reader = Reader::new(page.feed, after);
    (last_answer, kind, Body::new(reader)).into_response()
}

async fn places(State(page): State<Page>) -> Response {
    let (connections, readers) = (page.askers.count(), page.readers.count());
    Json(json!({ "schema": "resetlab.places.v1", "connections": connections, "readers": readers }))
        .into_response()
}

async fn expected(State(page): State<Page>, Query(words): Query<Vec<(String, String)>>) -> Response {
    match theory::with(&page.feed.settings(), &words) {
        Ok(settings) => {
            let expected = Expected::of(&settings);
            let shown = theory::shown(&settings);
            Json(json!({
                "schema": "resetlab.theory.v1", "settings": shown, "checks_per_s": expected.checks_per_s,
                "kill": expected.kill, "hang": expected.hang, "lost_unretried": expected.lost_unretried,
            }))
            .into_response()
        }
        Err(why) => (StatusCode::CONFLICT, Json(json!({ "error": why, "exit": 2 }))).into_response(),
    }
}

async fn file(method: Method, uri: Uri) -> Response {
    match assets::find(uri.path()) {
        _ if method == Method::POST => {
            let words = "there is no such order: a page may fault, crash, heal, resume, restart and set\n";
            (
                StatusCode::METHOD_NOT_ALLOWED,
                [(header::ALLOW, "GET, HEAD")],
                words,
            )
                .into_response()
        }
        Some(asset) => ([(header::CONTENT_TYPE, asset.kind)], asset.bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such file: the page is at /\n").into_response(),
    }
}

async fn another_method(method: Method) -> Response {
    let words = match method {
        Method::POST => "this is no order: it is asked for with GET\n",
        _ => "this is an order: it is given with POST, by the page of this lab\n",
    };
    (StatusCode::METHOD_NOT_ALLOWED, words).into_response()
}
