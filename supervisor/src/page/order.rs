//! The body of an order: it comes in time, is no longer than an order, and says everything once.

use super::connection::Place;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use router::clock;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// An order has a handful of words.
const LONGEST: usize = 64 << 10;

/// Lets an order pass that has come as a whole `within` that time.
pub(super) async fn whole(State(within): State<Duration>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    // Whoever knows the token and orders something is not made to break it off.
    let _kept = request.extensions().get::<Place>().map(Place::kept);
    let (head, body) = request.into_parts();
    let late = clock::now() + within;
    let body = tokio::select! {
        body = to_bytes(body, LONGEST) => body,
        () = clock::until(late) => {
            let why = format!("the order's body did not come within {} s", within.as_secs_f64());
            return refused(StatusCode::REQUEST_TIMEOUT, &why);
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(error)
            if std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) =>
        {
            let why = format!("an order has at most {} KiB", LONGEST >> 10);
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &why);
        }
        Err(error) => {
            return refused(
                StatusCode::BAD_REQUEST,
                &format!("the order's body broke off: {error}"),
            );
        }
    };
    if let Some(key) = twice(&body) {
        let why = format!("`{key}` is in the order twice: which of them is meant?");
        return refused(StatusCode::BAD_REQUEST, &why);
    }
    next.run(Request::from_parts(head, Body::from(body))).await
}

fn refused(status: StatusCode, why: &str) -> Response {
    let answer = Json(json!({ "error": why, "exit": 2 }));
    // What is left of the body is not waited for.
    (status, [(header::CONNECTION, "close")], answer).into_response()
}

/// PURE. A key that an object of this JSON has twice, however it is spelt; what is no JSON has none.
fn twice(json: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<Once>(json).err()?.to_string();
    let (_, key) = error.split_once(TWICE)?;
    let (key, _) = key.rsplit_once(" at line ")?;
    Some(key.to_owned())
}

/// Begins the error of [`Once`]; what follows is the key.
const TWICE: &str = "twice: ";

/// Any JSON whose objects have each of their keys once.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Once, D::Error> {
        json.deserialize_any(Once)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Once, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            // Orders take both spellings of a setting.
            if !keys.insert(key.replace('_', "-")) {
                return Err(A::Error::custom(format_args!("{TWICE}{key}")));
            }
            entries.next_value::<Once>()?;
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_found_at_any_depth_and_in_either_spelling() {
        for (json, key) in [
            (r#"{"fall":"2","rise":"3","fall":"9"}"#, Some("fall")),
            (
                r#"{"restart-delay":"1s","restart_delay":"2s"}"#,
                Some("restart_delay"),
            ),
            (
                r#"{"a":[1,{"b at line 1":null,"b at line 1":1}]}"#,
                Some("b at line 1"),
            ),
            (r#"{"f\u0061ll":1,"fall":2}"#, Some("fall")),
            (r#"{"a":{"b":1},"b":{"a":-1,"c":1.5,"d":true}}"#, None),
            (r#"{"fall":"fall"}"#, None),
            (r#"{"fall":2"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(twice(json.as_bytes()).as_deref(), key, "{json}");
        }
    }
}
