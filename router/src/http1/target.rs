//! The four forms of a request target (RFC 9112 §3.2) and the `Host` field.

use super::Reject;
use std::borrow::Cow;

/// A target as the next hop gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'b> {
    /// origin-form, or `*`.
    pub path: Cow<'b, str>,
    /// From an absolute-form target; replaces Host.
    pub authority: Option<&'b str>,
}

impl<'b> Target<'b> {
    pub fn parse(method: &str, raw: &'b str) -> Result<Target<'b>, Reject> {
        if !raw.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'#') {
            return Err(Reject::bad("a byte that no request target may have"));
        }
        if method == "CONNECT" {
            return Err(Reject::new(501, "CONNECT is not offered here"));
        }
        if raw.starts_with('/') {
            return Ok(Target {
                path: Cow::Borrowed(raw),
                authority: None,
            });
        }
        if raw == "*" {
            return match method {
                "OPTIONS" => Ok(Target {
                    path: Cow::Borrowed(raw),
                    authority: None,
                }),
                _ => Err(Reject::bad("* is a target for OPTIONS only")),
            };
        }
        let Some(rest) = raw
            .get(..7)
            .filter(|s| s.eq_ignore_ascii_case("http://"))
            .map(|_| &raw[7..])
        else {
            return Err(Reject::bad(
                "the request target is neither a path nor an http URL",
            ));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || !is_host(authority.as_bytes()) {
            return Err(Reject::bad("the request target has no valid authority"));
        }
        let path = match path {
            "" if method == "OPTIONS" => Cow::Borrowed("*"),
            "" => Cow::Borrowed("/"),
            query if query.starts_with('?') => Cow::Owned(format!("/{query}")),
            path => Cow::Borrowed(path),
        };
        Ok(Target {
            path,
            authority: Some(authority),
        })
    }
}

/// `uri-host [":" port]`, or empty. No user information, no list, no empty port.
pub fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else {
                return false;
            };
            let (literal, after) = (&rest[..end], &rest[end + 1..]);
            let address = std::str::from_utf8(literal)
                .ok()
                .map(str::parse::<std::net::Ipv6Addr>);
            if !matches!(address, Some(Ok(_))) {
                return false;
            }
            match after {
                [] => return true,
                [b':', port @ ..] => (&b"literal"[..], Some(port)),
                _ => return false,
            }
        }
        _ => match memchr::memchr(b':', value) {
            None => (value, None),
            Some(colon) => (&value[..colon], Some(&value[colon + 1..])),
        },
    };
    let port_ok = port.is_none_or(|port| {
        !host.is_empty() && port.len() <= 5 && super::fields::decimal(port).is_some_and(|port| port <= 65535)
    });
    port_ok && host.iter().all(|&b| HOST[b as usize])
}

/// `reg-name` without the comma, which a list parser would split at.
static HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'%'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b';'
                    | b'='
            );
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &str, raw: &str) -> Result<(String, Option<String>), u16> {
        Target::parse(method, raw)
            .map(|t| (t.path.into_owned(), t.authority.map(str::to_owned)))
            .map_err(|reject| reject.status)
    }

    #[test]
    fn forms() {
        let some = |path: &str, authority: &str| Ok((path.to_owned(), Some(authority.to_owned())));
        assert_eq!(parsed("GET", "/a?b"), Ok(("/a?b".into(), None)));
        assert_eq!(parsed("OPTIONS", "*"), Ok(("*".into(), None)));
        assert_eq!(parsed("GET", "http://a.b:81/c?d"), some("/c?d", "a.b:81"));
        assert_eq!(parsed("GET", "HTTP://a"), some("/", "a"));
        assert_eq!(parsed("OPTIONS", "http://a"), some("*", "a"));
        assert_eq!(parsed("GET", "http://a?b"), some("/?b", "a"));
        assert_eq!(parsed("GET", "http://[::1]:8/"), some("/", "[::1]:8"));
    }

    #[test]
    fn refused_forms() {
        for raw in [
            "*",
            "a",
            "a:80",
            "https://a/",
            "http:///",
            "http://u@a/",
            "http://a:b/",
            "http://a:/",
            "/a#b",
            "/\u{e9}",
            "/\u{7f}",
            "http:/a",
            "ftp://a/",
            "http://a,b/",
            "",
            "http://[::1/",
            "http://[x]/",
            "/a\tb",
        ] {
            assert_eq!(parsed("GET", raw), Err(400), "{raw:?}");
        }
        assert_eq!(parsed("CONNECT", "a:80"), Err(501));
    }

    #[test]
    fn hosts() {
        for good in [
            "",
            "a",
            "a.b",
            "a:0",
            "a:65535",
            "1.2.3.4:80",
            "[::1]",
            "[::1]:80",
            "x_y-z~",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "a b", "a,b", "a/b", "u@a", "a:", "a:65536", "a:+1", ":80", "a:1:2", "[::1", "::1", "[]", "a\\b",
            "a?b", "[::1]x", "é", "a:000080",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
