//! The live stream of records.

use super::Api;
use crate::process::Entry;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use router::clock;
use router::record::{Event, Record, SCHEMA};
use serde_json::json;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{broadcast, mpsc};

/// Frames on their way to one reader.
struct Lines(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

/// Records from now on, until the process ends; the header line says that "now" has begun.
pub(super) async fn follow(State(api): State<Api>) -> Response {
    let live = api.fleet.subscribe();
    let (to, lines) = mpsc::channel(8);
    let header =
        json!({ "schema": SCHEMA, "clock": "CLOCK_MONOTONIC", "version": env!("CARGO_PKG_VERSION") });
    let first = Bytes::from(format!("{header}\n"));
    tokio::spawn(copy(first, live, to));
    let kind = [("content-type", "application/x-ndjson")];
    (kind, Body::new(Lines(lines))).into_response()
}

async fn copy(first: Bytes, mut live: broadcast::Receiver<Entry>, to: mpsc::Sender<Bytes>) {
    if to.send(first).await.is_err() {
        return;
    }
    loop {
        let line = match live.recv().await {
            Ok(entry) => format!("{}\n", entry.line),
            Err(broadcast::error::RecvError::Lagged(count)) => {
                let at = clock::now();
                let record = Record {
                    at,
                    from: "supervisor".into(),
                    event: Event::Dropped { count },
                };
                format!("{}\n", Entry::new(record).line)
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if to.send(line.into()).await.is_err() {
            return;
        }
    }
}
