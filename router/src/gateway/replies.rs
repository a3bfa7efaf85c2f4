//! PURE: gorouter's own answers, word for word, each with the value of its `X-Cf-Routererror`.

use crate::proxy::Reply;
use crate::record::Cause;
use std::net::SocketAddr;

const NEVER_CACHE: &str = "no-cache, no-store";

/// No route has this host.
pub fn unknown_route(host: &str) -> (Reply, &'static str) {
    let error = "unknown_route";
    (
        explain(404, error, &format!("Requested route ('{host}') does not exist."))
            .header("Cache-Control", NEVER_CACHE),
        error,
    )
}

/// The host's route has no endpoint.
pub fn no_endpoints(host: &str) -> (Reply, &'static str) {
    let error = "no_endpoints";
    let words = format!("Requested route ('{host}') has no available endpoints.");
    (
        explain(503, error, &words).header("Cache-Control", NEVER_CACHE),
        error,
    )
}

/// A request without a host (HTTP/1.0).
pub fn empty_host() -> (Reply, &'static str) {
    let error = "empty_host";
    let reply = Reply::new(400)
        .header("Cache-Control", "public,max-age=2")
        .header("X-Cf-Routererror", error)
        .header("Content-Type", "text/plain; charset=utf-8")
        .body(&b"400 Bad Request: Request had empty Host header"[..]);
    (reply, error)
}

/// The attempt failed; the error is told in Go's words.
pub fn endpoint_failure(cause: Cause, address: SocketAddr) -> (Reply, String) {
    let go = match cause {
        Cause::Refused => format!("dial tcp {address}: connect: connection refused"),
        Cause::ConnectTimeout => format!("dial tcp {address}: i/o timeout"),
        Cause::Reset => format!("read tcp {address}: read: connection reset by peer"),
        Cause::Eof | Cause::Cut => "EOF".to_owned(),
        Cause::ResponseTimeout => "context deadline exceeded".to_owned(),
        Cause::ClientGone => "context canceled".to_owned(),
        Cause::Malformed | Cause::Status5xx => {
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response".to_owned()
        }
    };
    let error = format!("endpoint_failure ({go})");
    (
        explain(
            502,
            error.clone(),
            "Registered endpoint failed to handle the request.",
        ),
        error,
    )
}

fn explain(status: u16, error: impl Into<std::borrow::Cow<'static, str>>, words: &str) -> Reply {
    Reply::explain(status, words)
        .header("X-Cf-Routererror", error)
        .header("X-Content-Type-Options", "nosniff")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_gorouters_words() {
        let (reply, _) = unknown_route("nope.test");
        assert_eq!(reply.status, 404);
        assert_eq!(
            &*reply.body,
            b"404 Not Found: Requested route ('nope.test') does not exist.\n"
        );
        let (reply, error) = endpoint_failure(Cause::Refused, "127.0.0.1:19999".parse().unwrap());
        assert_eq!(
            error,
            "endpoint_failure (dial tcp 127.0.0.1:19999: connect: connection refused)"
        );
        assert_eq!(
            &*reply.body,
            b"502 Bad Gateway: Registered endpoint failed to handle the request.\n"
        );
        assert!(reply.headers.contains(&("X-Cf-Routererror", error.into())));
    }
}
