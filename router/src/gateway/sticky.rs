//! PURE: sticky sessions. The application sets a cookie of its own (`JSESSIONID`); the router sets `__VCAP_ID__` beside
//! it, and a client that sends both gets to the same instance.

use std::fmt::Write as _;

/// The cookie that names an instance.
pub const VCAP_ID: &str = "__VCAP_ID__";

/// The instance that a request's `Cookie` fields ask for. `names`: the cookies that make a session.
pub fn asked<'a>(cookies: impl Iterator<Item = &'a [u8]> + Clone, names: &[String]) -> Option<String> {
    let pairs = cookies.flat_map(|line| {
        line.split(|&b| b == b';')
            .map(|pair| pair_of(pair).unwrap_or((pair.trim_ascii(), b"")))
    });
    let mut all = pairs.clone();
    all.any(|(name, _)| names.iter().any(|sticky| sticky.as_bytes() == name))
        .then_some(())?;
    let (_, id) = pairs.clone().find(|(name, _)| *name == VCAP_ID.as_bytes())?;
    String::from_utf8(id.to_vec()).ok().filter(|id| !id.is_empty())
}

/// What the response says about its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// It sets a cookie of [`asked`]'s names; the first one's attributes.
    begun: Option<Attributes>,
    /// It names the instance itself.
    names_instance: bool,
}

/// What the router's cookie has from the application's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Attributes {
    expires: Option<String>,
    ends: bool,
    secure: bool,
    same_site: Option<&'static str>,
    partitioned: bool,
}

impl Session {
    /// Takes in one `Set-Cookie` field.
    pub fn see(&mut self, set_cookie: &[u8], names: &[String]) {
        let mut parts = set_cookie.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let Some((name, _)) = parts.next().and_then(pair_of) else {
            return;
        };
        self.names_instance |= name == VCAP_ID.as_bytes();
        if self.begun.is_none() && names.iter().any(|sticky| sticky.as_bytes() == name) {
            let mut attributes = Attributes::default();
            parts.for_each(|part| attributes.see(part));
            self.begun = Some(attributes);
        }
    }

    /// The router's own `Set-Cookie`, if the response needs one. `asked`: the instance the request asked for; `id`: the
    /// one it got; `path`: the route's context path.
    pub fn cookie(&self, asked: Option<&str>, id: &str, path: &str) -> Option<String> {
        let moved = asked.is_some_and(|asked| asked != id);
        if id.is_empty() || self.names_instance || (self.begun.is_none() && !moved) {
            return None;
        }
        let attributes = self.begun.clone().unwrap_or_default();
        let mut cookie = format!("{VCAP_ID}={id}; Path={path}");
        if let Some(expires) = &attributes.expires {
            let _ = write!(cookie, "; Expires={expires}");
        }
        for (wanted, words) in [
            (attributes.ends, "; Max-Age=0"),
            (true, "; HttpOnly"),
            (attributes.secure, "; Secure"),
        ] {
            cookie.push_str(if wanted { words } else { "" });
        }
        if let Some(same_site) = attributes.same_site {
            let _ = write!(cookie, "; SameSite={same_site}");
        }
        cookie.push_str(if attributes.partitioned {
            "; Partitioned"
        } else {
            ""
        });
        Some(cookie)
    }
}

impl Attributes {
    fn see(&mut self, part: &[u8]) {
        let (name, value) = match pair_of(part) {
            Some((name, value)) => (name, std::str::from_utf8(value).unwrap_or_default()),
            None => (part, ""),
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("secure") {
            self.secure = true;
        } else if is("partitioned") {
            self.partitioned = true;
        } else if is("max-age") {
            // Only the end of a session is taken over, not its length.
            self.ends = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
        } else if is("samesite") {
            self.same_site = ["Lax", "Strict", "None"]
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(value));
        } else if is("expires") {
            self.expires = date(value);
        }
    }
}

/// `Wed, 21 Oct 2026 07:28:00 GMT`, also from the form with dashes; `None` for what is no date.
fn date(value: &str) -> Option<String> {
    let spaced: String = value
        .char_indices()
        .map(|(at, c)| if c == '-' && at < 17 { ' ' } else { c })
        .collect();
    let time = httpdate::parse_http_date(&spaced).ok()?;
    Some(httpdate::fmt_http_date(time))
}

/// `name=value`, the value without quotes around it.
fn pair_of(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|&b| b == b'=')?;
    let (name, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
    let bare = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    Some((name, bare.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["JSESSIONID".to_owned(), "SID".to_owned()]
    }

    #[test]
    fn a_request_asks_for_an_instance_with_both_cookies() {
        for (lines, id) in [
            (&["JSESSIONID=a; __VCAP_ID__=one"][..], Some("one")),
            (&["__VCAP_ID__=one", "x=y; SID=\"b\""], Some("one")),
            (&["__VCAP_ID__=\"one\";JSESSIONID="], Some("one")),
            (&["__VCAP_ID__=one"], None),
            (&["JSESSIONID=a"], None),
            (&["JSESSIONID; __VCAP_ID__=one"], Some("one")),
            (&["jsessionid=a; __VCAP_ID__=one"], None),
            (&["JSESSIONID=a; __VCAP_ID__="], None),
            (&[], None),
        ] {
            let asked = asked(lines.iter().map(|line| line.as_bytes()), &names());
            assert_eq!(asked.as_deref(), id, "{lines:?}");
        }
    }

    #[test]
    fn a_session_gets_a_cookie_with_the_applications_attributes() {
        for (set_cookies, asked, cookie) in [
            (
                &["JSESSIONID=a"][..],
                None,
                Some("__VCAP_ID__=one; Path=/v1; HttpOnly"),
            ),
            (
                &["JSESSIONID=a; Path=/x; secure; Max-Age=60; SameSite=lax"],
                None,
                Some("__VCAP_ID__=one; Path=/v1; HttpOnly; Secure; SameSite=Lax"),
            ),
            (
                &[
                    "SID=; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:10 GMT; SameSite=None; Secure; Partitioned",
                ],
                Some("one"),
                Some(
                    "__VCAP_ID__=one; Path=/v1; Expires=Thu, 01 Jan 1970 00:00:10 GMT; Max-Age=0; HttpOnly; Secure; \
                     SameSite=None; Partitioned",
                ),
            ),
            (
                &["JSESSIONID=a; Expires=soon; SameSite=odd"],
                None,
                Some("__VCAP_ID__=one; Path=/v1; HttpOnly"),
            ),
            // The application knows better.
            (&["JSESSIONID=a", "__VCAP_ID__=mine"], None, None),
            (&["OTHER=a"], None, None),
            (&[], None, None),
            (&[], Some("one"), None),
            // It went elsewhere: its instance is gone.
            (&[], Some("gone"), Some("__VCAP_ID__=one; Path=/v1; HttpOnly")),
        ] {
            let mut session = Session::default();
            for set_cookie in set_cookies {
                session.see(set_cookie.as_bytes(), &names());
            }
            assert_eq!(
                session.cookie(asked, "one", "/v1").as_deref(),
                cookie,
                "{set_cookies:?}"
            );
            assert_eq!(session.cookie(asked, "", "/v1"), None);
        }
    }
}
