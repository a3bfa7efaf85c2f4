//! Until when an order may be carried out.
//!
//! A browser that is out of connections keeps an order until it has one, and a machine that is out of breath keeps it in
//! a buffer. What measures a load balancer can do without a fault that comes when nobody expects it any more.

use super::ms;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use router::clock::{self, Timestamp};
use serde_json::json;

/// Milliseconds since the lab began, as its frames have them; an order without it has time.
const BEFORE: &str = "x-resetlab-before";

/// Lets an order pass to a lab that serves `since` then, if it is not late.
pub(super) async fn kept(State(since): State<Timestamp>, request: Request, next: Next) -> Response {
    match late(request.headers(), ms(since, clock::now())) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => (status, Json(json!({ "error": why, "exit": 1 }))).into_response(),
    }
}

/// PURE. The error is what the answer says.
fn late(headers: &HeaderMap, now: f64) -> Result<(), (StatusCode, String)> {
    let mut said = headers.get_all(BEFORE).iter();
    let before = match (said.next(), said.next()) {
        (None, _) => return Ok(()),
        (Some(one), None) => one.to_str().ok().and_then(|word| word.parse::<f64>().ok()),
        _ => None,
    };
    match before.filter(|before| before.is_finite()) {
        Some(before) if now <= before => Ok(()),
        Some(before) => {
            let late = (now - before) / 1e3;
            let why = format!(
                "the order reached the lab {late:.1} s too late and was not carried out: give it again"
            );
            Err((StatusCode::CONFLICT, why))
        }
        None => {
            let why = format!("`{BEFORE}` is one number: milliseconds since the lab began");
            Err((StatusCode::BAD_REQUEST, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(before: &[&str]) -> u16 {
        let mut headers = HeaderMap::new();
        for word in before {
            headers.append(BEFORE, word.parse().unwrap());
        }
        late(&headers, 5000.0).map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn an_order_is_carried_out_until_its_deadline_and_not_behind_it() {
        for (before, answer) in [
            (&[][..], 200),
            (&["5000"], 200),
            (&["7000.5"], 200),
            (&["4999"], 409),
            (&["-1"], 409),
            (&["soon"], 400),
            (&["NaN"], 400),
            (&["inf"], 400),
            (&[""], 400),
            (&["7000", "4000"], 400),
        ] {
            assert_eq!(status(before), answer, "{before:?}");
        }
    }
}
