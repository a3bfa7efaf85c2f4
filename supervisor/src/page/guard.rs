//! Who may look, and who may act.
//!
//! Every program of this machine can connect to a loopback port, and every page in a browser can make the browser do so.
//! A name that somebody else points here is not answered, so no foreign page can read anything. Looking is free to all
//! users of the machine; acting needs the token, which only the terminal of the lab and its control socket tell; a browser
//! that has opened their URL keeps it in its history, as it keeps all URLs. It is good for as long as its lab lives.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// At the door of one listener.
pub struct Guard {
    /// What it may be called.
    hosts: Vec<String>,
    token: Token,
}

/// What lets a browser act: 128 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(StatusCode, &'static str);

/// The token's place in a request.
const TOKEN: &str = "x-resetlab-token";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' \
                      data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

impl Token {
    /// A new one.
    pub fn random() -> io::Result<Token> {
        Ok(Token(random_hex(16)?))
    }

    /// In a time that says nothing about how much of it was right.
    fn is(&self, said: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differing = own.iter().zip(said).fold(0, |all, (a, b)| all | (a ^ b));
        own.len() == said.len() && std::hint::black_box(differing) == 0
    }
}

/// For the URL, behind `#`: browsers do not send that part anywhere.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In logs it is no token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// So many bytes that nobody can guess.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Guard {
    pub fn new(address: SocketAddr, token: Token) -> Guard {
        let mut hosts = vec![address.to_string()];
        if address.ip() == Ipv4Addr::LOCALHOST {
            hosts.push(format!("localhost:{}", address.port()));
        }
        // Browsers leave the port out that they take by default.
        if address.port() == 80 {
            let short = hosts.iter().filter_map(|host| host.strip_suffix(":80"));
            hosts.extend(short.map(str::to_owned).collect::<Vec<_>>());
        }
        Guard { hosts, token }
    }

    /// PURE. The error is what the answer says.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = self.host(uri.authority().map(Authority::as_str), headers)?;
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        match *method {
            // A link on another site may lead to the page. What the page asks for, no other one needs: it could not read
            // the answer, but it could hold a reader's place.
            Method::GET | Method::HEAD if !uri.path().starts_with("/v1/") => Ok(()),
            Method::GET | Method::HEAD => match site {
                None | Some(b"same-origin" | b"none") => Ok(()),
                Some(_) => forbidden("this is for the page of this lab, and the request is another site's\n"),
            },
            Method::POST => {
                let origin = only(headers, header::ORIGIN.as_str());
                if origin.is_none_or(|origin| origin != format!("http://{host}").as_bytes()) {
                    return forbidden(
                        "orders are taken from this lab's own page only: the Origin is another one\n",
                    );
                }
                if site.is_some_and(|site| site != b"same-origin") {
                    return forbidden(
                        "orders are taken from this lab's own page only: the request is another site's\n",
                    );
                }
                if !only(headers, TOKEN).is_some_and(|said| self.token.is(said)) {
                    return forbidden(
                        "orders need the token of this lab: open the URL that `resetlab ps` shows, all of it\n",
                    );
                }
                let kind = only(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
                let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
                match essence.trim_ascii().eq_ignore_ascii_case(b"application/json") {
                    true => Ok(()),
                    false => Err(Refusal(
                        StatusCode::UNSUPPORTED_MEDIA_TYPE,
                        "orders are JSON: the Content-Type must be application/json\n",
                    )),
                }
            }
            _ => Err(Refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET, HEAD and POST are answered\n",
            )),
        }
    }

    /// What the listener was called, if it may be called that.
    fn host(&self, authority: Option<&str>, headers: &HeaderMap) -> Result<&str, Refusal> {
        let mut said = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
        let known = |name: &[u8]| {
            let same = |host: &&String| host.as_bytes().eq_ignore_ascii_case(name);
            self.hosts.iter().find(same)
        };
        let host = match (said.next(), said.next()) {
            (Some(one), None) => known(one),
            _ => None,
        };
        let same = authority.is_none_or(|name| known(name.as_bytes()) == host);
        match host.filter(|_| same) {
            Some(host) => Ok(host),
            None => Err(Refusal(
                StatusCode::FORBIDDEN,
                "the Host of a request must be the address and port of this page, as `resetlab ps` shows it\n",
            )),
        }
    }
}

fn forbidden(words: &'static str) -> Result<(), Refusal> {
    Err(Refusal(StatusCode::FORBIDDEN, words))
}

/// The one field of that name.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut all = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    all.next().filter(|_| all.next().is_none())
}

/// Answers what may be answered; nothing of it is kept, framed, or run by anything but the page itself.
pub(super) async fn stand(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let checked = guard.check(request.method(), request.uri(), request.headers());
    let mut answer = match checked {
        Ok(()) => next.run(request).await,
        Err(Refusal(status, words)) => (status, words).into_response(),
    };
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-security-policy", POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.1.0.1:8080";

    /// The status of a refusal, 200 for none.
    fn status(method: Method, headers: &[(&'static str, &str)]) -> u16 {
        asked(method, "/v1/fault", headers)
    }

    fn asked(method: Method, uri: &'static str, headers: &[(&'static str, &str)]) -> u16 {
        let guard = Guard::new(HERE.parse().unwrap(), Token("ab12".into()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        match guard.check(&method, &Uri::from_static(uri), &map) {
            Ok(()) => 200,
            Err(Refusal(status, _)) => status.as_u16(),
        }
    }

    const GOOD: [(&str, &str); 5] = [
        ("host", HERE),
        ("origin", "http://127.1.0.1:8080"),
        ("content-type", "application/json; charset=utf-8"),
        ("sec-fetch-site", "same-origin"),
        (TOKEN, "ab12"),
    ];

    #[test]
    fn an_order_needs_all_that_only_the_page_has() {
        assert_eq!(status(Method::POST, &GOOD), 200);
        // Programs that are no browsers do not say the site.
        let without = |name: &str| -> Vec<_> { GOOD.into_iter().filter(|(n, _)| *n != name).collect() };
        assert_eq!(status(Method::POST, &without("sec-fetch-site")), 200);
        for (name, refused) in [
            ("host", 403),
            ("origin", 403),
            (TOKEN, 403),
            ("content-type", 415),
        ] {
            assert_eq!(status(Method::POST, &without(name)), refused, "{name}");
        }
        for (name, value, refused) in [
            ("host", "evil.test:8080", 403),
            ("host", "localhost:8080", 403),
            ("host", "127.1.0.1", 403),
            ("host", "127.1.0.1:8081", 403),
            ("origin", "null", 403),
            ("origin", "https://127.1.0.1:8080", 403),
            ("origin", "http://evil.test", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-site", 403),
            ("sec-fetch-site", "none", 403),
            (TOKEN, "ab13", 403),
            (TOKEN, "ab1", 403),
            (TOKEN, "", 403),
            ("content-type", "text/plain", 415),
            ("content-type", "application/x-www-form-urlencoded", 415),
        ] {
            let mut forged = without(name);
            forged.push((name, value));
            assert_eq!(status(Method::POST, &forged), refused, "{name}: {value}");
        }
        // Twice is one too many, whichever of them is right.
        for (name, value) in GOOD.into_iter().filter(|(name, _)| *name != "sec-fetch-site") {
            let twice: Vec<_> = GOOD.into_iter().chain([(name, value)]).collect();
            assert_ne!(status(Method::POST, &twice), 200, "{name}");
        }
    }

    #[test]
    fn looking_needs_the_right_name_only() {
        assert_eq!(status(Method::GET, &GOOD[..1]), 200);
        assert_eq!(status(Method::HEAD, &GOOD[..1]), 200);
        assert_eq!(status(Method::GET, &[("host", "rebound.test")]), 403);
        assert_eq!(status(Method::GET, &[]), 403);
        // Another site may lead here, and cannot listen.
        let foreign = [("host", HERE), ("sec-fetch-site", "cross-site")];
        assert_eq!(asked(Method::GET, "/", &foreign), 200);
        assert_eq!(asked(Method::GET, "/v1/live", &foreign), 403);
        assert_eq!(
            asked(
                Method::GET,
                "/v1/live",
                &[("host", HERE), ("sec-fetch-site", "none")]
            ),
            200
        );
        assert_eq!(status(Method::DELETE, &GOOD), 405);
        assert_eq!(status(Method::OPTIONS, &GOOD), 405);
    }

    #[test]
    fn localhost_is_127_0_0_1_and_no_other() {
        let guard = Guard::new("127.0.0.1:80".parse().unwrap(), Token("ab12".into()));
        for host in ["127.0.0.1:80", "localhost:80", "LOCALHOST", "127.0.0.1"] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            let [plain, foreign] = ["/", "http://evil.test/"].map(Uri::from_static);
            assert_eq!(guard.check(&Method::GET, &plain, &headers), Ok(()), "{host}");
            assert!(guard.check(&Method::GET, &foreign, &headers).is_err());
        }
    }

    #[test]
    fn tokens_differ_and_are_not_printed_by_accident() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one.to_string(), other.to_string());
        assert_eq!(one.to_string().len(), 32);
        assert_eq!(format!("{one:?}"), "Token(…)");
    }
}
