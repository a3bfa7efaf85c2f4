//! A route's name: a host, and perhaps a context path.

use crate::http1::target::is_host;
use std::borrow::Cow;
use std::fmt;

/// `app.test`, `app.test/v1`, `*.example.com`, `*`. Compared without case, query and final slash, as gorouter
/// compares them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uri {
    /// In lower case; after `*.` for a wildcard.
    pub(super) host: String,
    pub(super) wild: bool,
    /// In lower case, without the first slash.
    pub(super) path: String,
    /// As registered, with its first slash: the `Path` of cookies.
    pub(super) context_path: String,
}

/// The host that matches every other.
pub const ANY_HOST: &str = "*";

/// A route's name is at most this long, in bytes. No real one comes near; it bounds what one registration costs, and how
/// much of a request's path can matter.
pub(super) const LONGEST: usize = 2048;
/// Its path has at most so many segments.
const MOST_SEGMENTS: usize = 128;

/// Why a text is no route's name: what was expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUri {
    #[error(
        "{0:?}: expected a host such as \"app.test\" or \"*.example.com\", with a path or without: \"app.test/v1\"; or \"*\""
    )]
    Malformed(String),
    #[error("{0:?}: expected no scheme; a route is a host, with a path or without: \"app.test/v1\"")]
    Scheme(String),
    /// gorouter takes it, and never sends a request there: it looks up hosts without their ports.
    #[error("{0:?}: expected no port; requests to a host reach its routes on whatever port they come")]
    Port(String),
    /// Not told back: it is long.
    #[error(
        "a name of {bytes} bytes with {segments} path segments; expected at most {LONGEST} bytes and {MOST_SEGMENTS} segments"
    )]
    TooLong { bytes: usize, segments: usize },
}

impl Uri {
    pub fn parse(text: &str) -> Result<Uri, NotAUri> {
        let (bytes, segments) = (text.len(), text.matches('/').count());
        if bytes > LONGEST || segments > MOST_SEGMENTS {
            return Err(NotAUri::TooLong { bytes, segments });
        }
        let malformed = || NotAUri::Malformed(text.to_owned());
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(malformed());
        }
        let named = text.split('?').next().unwrap_or_default();
        if named
            .split_once("://")
            .is_some_and(|(scheme, _)| !scheme.contains('/'))
        {
            return Err(NotAUri::Scheme(text.to_owned()));
        }
        let named = named.strip_suffix('/').unwrap_or(named);
        let (written, path) = named.split_once('/').unwrap_or((named, ""));
        let host = host_of(written);
        let (wild, name) = match host.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, &*host),
        };
        let is_name = !name.is_empty() && (name == ANY_HOST && !wild || !name.contains('*'));
        // What no request can have for a host would never be found.
        if !is_name || !is_host(name.as_bytes()) {
            return Err(malformed());
        }
        if host.len() < written.len() {
            return Err(NotAUri::Port(text.to_owned()));
        }
        Ok(Uri {
            host: name.to_owned(),
            wild,
            path: path.to_ascii_lowercase(),
            context_path: format!("/{path}"),
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wild { "*." } else { "" })?;
        f.write_str(&self.host)?;
        if !self.path.is_empty() {
            write!(f, "/{}", self.path)?;
        }
        Ok(())
    }
}

/// Without port, in lower case; allocates only where letters change.
pub fn host_of(host: &str) -> Cow<'_, str> {
    let name = match host.rsplit_once(':') {
        // The colons of `[::1]` are no port's.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    lower(name)
}

pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_written() {
        for (text, name, context_path) in [
            ("app.test", "app.test", "/"),
            ("App.Test/", "app.test", "/"),
            ("app.test/to/http://x", "app.test/to/http://x", "/to/http://x"),
            ("app.test/V1/Api?x=1", "app.test/v1/api", "/V1/Api"),
            ("*.Example.com/a/", "*.example.com/a", "/a"),
            ("*", "*", "/"),
            ("[::1]", "[::1]", "/"),
        ] {
            let uri = Uri::parse(text).unwrap();
            assert_eq!(
                (&*uri.to_string(), &*uri.context_path),
                (name, context_path),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_an_example() {
        for text in [
            "",
            "/v1",
            "a b",
            "*.",
            "a.*.b",
            "**",
            "*.*",
            "app\r\n.test",
            "caf\u{e9}.test",
            ":80",
            "a,b",
            "user@app.test",
            "app.test#x",
        ] {
            let said = Uri::parse(text).unwrap_err().to_string();
            assert!(said.contains("expected a host such as \"app.test\""), "{said}");
        }
    }

    #[test]
    fn schemes_and_ports_are_refused() {
        for (text, words) in [
            ("http://sch.test/x", "\"http://sch.test/x\": expected no scheme"),
            ("HTTPS://a", "expected no scheme"),
            ("a.test:8080", "\"a.test:8080\": expected no port"),
            ("*.a.test:80/v1", "expected no port"),
            ("[::1]:80", "expected no port"),
            ("*:80", "expected no port"),
            ("a.test:", "expected no port"),
        ] {
            let said = Uri::parse(text).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn what_no_real_route_is_long_enough_for_is_refused_with_the_limit() {
        let limit = "expected at most 2048 bytes and 128 segments";
        let segments = |count| format!("a.test{}", "/a".repeat(count));
        let bytes = |count| format!("a.test/{}", "a".repeat(count - "a.test/".len()));
        for good in [segments(128), bytes(2048)] {
            assert!(Uri::parse(&good).is_ok());
        }
        for long in [segments(129), bytes(2049), segments(500_000)] {
            let said = Uri::parse(&long).unwrap_err().to_string();
            assert!(said.ends_with(limit) && said.len() < 200, "{said}");
        }
    }
}
