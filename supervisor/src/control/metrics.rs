//! `/metrics`: on the control socket, and on a loopback port for Prometheus.
//!
//! A page in a browser can make requests to loopback ports under a name that its owner points there. It cannot make
//! the browser say another name than that: only literal addresses and `localhost` are answered.

use crate::metrics::{CONTENT_TYPE, Metrics};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Written by the one who hears all records, read by whoever asks.
pub type SharedMetrics = Arc<Mutex<Metrics>>;

/// Serves `/metrics` and nothing else until it is dropped.
pub async fn serve_metrics(listener: TcpListener, metrics: SharedMetrics) {
    let router = page(metrics).layer(middleware::from_fn(only_local_names));
    // Accept errors are retried within; it does not return.
    let _ = axum::serve(listener, router).await;
}

/// The route of it; HEAD is answered like GET, other methods with 405.
pub(super) fn page(metrics: SharedMetrics) -> Router {
    Router::new().route("/metrics", get(text)).with_state(metrics)
}

async fn text(State(metrics): State<SharedMetrics>) -> Response {
    // Figures of a panicked writer are old, not wrong.
    let text = metrics.lock().unwrap_or_else(PoisonError::into_inner).text();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn only_local_names(request: Request, next: Next) -> Response {
    let said = request.headers().get_all(header::HOST).iter();
    let mut names: Vec<&str> = said.map(|name| name.to_str().unwrap_or("?")).collect();
    names.extend(request.uri().authority().map(|name| name.as_str()));
    if names.is_empty() || !names.into_iter().all(is_local) {
        let words = "the Host of a request must be an IP address or localhost\n";
        return (StatusCode::FORBIDDEN, words).into_response();
    }
    next.run(request).await
}

/// PURE: `127.1.0.1:9100`, `[::1]`, `localhost`.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
        Some(_) => return false,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_else_can_point_here_is_not_answered() {
        for host in ["127.1.0.1:9100", "127.0.0.1", "[::1]:9100", "LocalHost:1"] {
            assert!(is_local(host), "{host}");
        }
        let names = [
            "evil.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test:9100",
            "",
            "[::1].evil",
        ];
        for host in names {
            assert!(!is_local(host), "{host}");
        }
    }
}
