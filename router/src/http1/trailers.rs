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

fn allowed(name: &str) -> bool {
    Field::of(name) == Field::Other && !name.eq_ignore_ascii_case("trailer")
}

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
}
