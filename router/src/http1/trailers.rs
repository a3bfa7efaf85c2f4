//! Trailer fields: passed on, without those that would be acted upon in a header section.

use super::fields::Field;
use super::{Limits, Reject};

/// Appends the fields of `raw` (lines with CRLF, no empty line) that may be passed on.
pub fn forward(raw: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Reject> {
    if raw.is_empty() {
        return Ok(());
    }
    let section = [raw, b"\r\n"].concat();
    let mut headers = vec![httparse::EMPTY_HEADER; limits.headers.min(super::MAX_HEADERS)];
    let fields = match httparse::parse_headers(&section, &mut headers) {
        Ok(httparse::Status::Complete((length, fields))) if length == section.len() => fields,
        Err(httparse::Error::TooManyHeaders) => return Err(Reject::new(431, "too many trailer fields")),
        _ => return Err(Reject::bad("malformed trailer section")),
    };
    for field in fields.iter().filter(|field| allowed(field.name)) {
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value);
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

/// RFC 9110 §6.5.1: a trailer must not say what is needed before the body: framing, routing, authentication, request
/// modifiers, response controls, the format of the content. Recipients that merge trailers into the head would take
/// such a field for one that this hop, or the one before, has checked or written. RFC 7230 §4.1.2 names the kinds one
/// by one.
fn allowed(name: &str) -> bool {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    let begins = |prefix: &&str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    Field::of(name) == Field::Other && !NAMES.iter().any(is) && !PREFIXES.iter().any(begins)
}

/// Besides those that the engine acts upon anyway. Not among them: what its own definition allows in a trailer, as ETag
/// (RFC 9110 §8.8.3), Authentication-Info (§11.6.3) and Content-Digest (RFC 9530).
const NAMES: [&str; 28] = [
    // Framing, and the format of the content.
    "trailer",
    "content-encoding",
    "content-type",
    "content-range",
    // Routing.
    "forwarded",
    "via",
    "x-real-ip",
    "x-request-start",
    "x-vcap-request-id",
    // Authentication, and sessions (RFC 6265).
    "authorization",
    "www-authenticate",
    "proxy-authentication-info",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    // Request modifiers.
    "cache-control",
    "pragma",
    "range",
    "x-http-method-override",
    // Response controls.
    "age",
    "date",
    "expires",
    "location",
    "retry-after",
    "vary",
    "warning",
    "strict-transport-security",
];

/// Families: what proxies tell of a request, gorouter's and this lab's own, and conditions.
const PREFIXES: [&str; 4] = ["x-forwarded-", "x-cf-", "x-resetlab-", "if-"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_harmless() {
        let mut out = Vec::new();
        let raw = b"X-Sum: 1\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\nHost: b\r\nTE: x\r\nConnection: y\r\nZ:  w \r\n";
        forward(raw, &Limits::default(), &mut out).unwrap();
        assert_eq!(out, b"X-Sum: 1\r\nZ: w\r\n");
        assert_eq!(
            forward(b"A : b\r\n", &Limits::default(), &mut out)
                .unwrap_err()
                .status,
            400
        );
        assert_eq!(
            forward(b" A: b\r\n", &Limits::default(), &mut out)
                .unwrap_err()
                .status,
            400
        );
        let many = b"A: b\r\n".repeat(300);
        assert_eq!(
            forward(&many, &Limits::default(), &mut out).unwrap_err().status,
            431
        );
    }

    #[test]
    fn drops_what_only_a_head_may_say() {
        let kept = "ETag: \"a\"\r\nContent-Digest: sha-256=:a:\r\nServer-Timing: a\r\nGrpc-Status: 0\r\nVia-X: 1\r\n\
                    Iffy: 1\r\nX: 1\r\n";
        let dropped = [
            "X-Forwarded-For",
            "x-forwarded-proto",
            "X-FORWARDED-CLIENT-CERT",
            "Forwarded",
            "X-Real-Ip",
            "X-Cf-Applicationid",
            "X-CF-APP-INSTANCE",
            "X-Vcap-Request-Id",
            "x-resetlab-via",
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "WWW-Authenticate",
            "Cache-Control",
            "If-None-Match",
            "Range",
            "Expect",
            "Max-Forwards",
            "Location",
            "Retry-After",
            "Content-Type",
            "Content-Encoding",
            "Trailer",
            "Upgrade",
        ];
        let lines: String = dropped.iter().map(|name| format!("{name}: 1\r\n")).collect();
        let mut out = Vec::new();
        forward(format!("{lines}{kept}").as_bytes(), &Limits::default(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), kept);
    }
}
