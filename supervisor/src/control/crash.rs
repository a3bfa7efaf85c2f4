//! `POST /v1/crash`: answered when the router has died of what it was sent, or has survived it.

use super::{Api, Failed};
use crate::crash::Plan;
use crate::fleet::{Crash, FleetError, Injected};
use axum::Json;
use axum::extract::State;
use router::record::CrashVariant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Deserialize)]
pub(super) struct Request {
    router: String,
    #[serde(flatten)]
    plan: Plan,
}

/// `resetlab.crash.v1`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crashed {
    pub schema: String,
    pub router: String,
    /// The life that it hit.
    pub incarnation: u32,
    /// `false`: it survived.
    pub crashed: bool,
    /// Requests sent.
    pub attempts: u64,
    /// From the first of them to the death, or to the last.
    pub seconds: f64,
    /// How the bug showed; `null`: it did not.
    pub variant: Option<CrashVariant>,
    /// The router's last words; `null`: it lives.
    pub message: Option<String>,
    /// When it died; `null`: it lives.
    pub t_ns: Option<u64>,
    /// All of it in a sentence.
    pub words: String,
    #[serde(flatten)]
    pub plan: Planned,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Planned {
    pub with: crate::crash::Trigger,
    pub sure: bool,
}

/// A router that survived is a result, too; everything else that keeps it from crashing is an error.
pub(super) async fn crash(
    State(api): State<Api>,
    Json(request): Json<Request>,
) -> Result<Json<Crashed>, Failed> {
    let Request { router, plan } = request;
    let document = |incarnation: u32, attempts: u64, took: Duration, words: String| Crashed {
        schema: "resetlab.crash.v1".into(),
        router: router.clone(),
        incarnation,
        crashed: false,
        attempts,
        seconds: took.as_secs_f64(),
        variant: None,
        message: None,
        t_ns: None,
        words,
        plan: Planned {
            with: plan.trigger,
            sure: plan.sure,
        },
    };
    match api.fleet.crash(&router, plan).await {
        Ok(Injected {
            at,
            incarnation,
            crash,
        }) => {
            let crash = crash.ok_or(FleetError::Gone)?;
            let words = words(&router, incarnation, &crash);
            Ok(Json(Crashed {
                crashed: true,
                variant: crash.variant,
                message: Some(crash.message),
                t_ns: Some(at.0),
                ..document(incarnation, crash.attempts, crash.took, words)
            }))
        }
        Err(survived) => match &survived {
            FleetError::Survived {
                incarnation,
                attempts,
                took,
                ..
            } => Ok(Json(document(
                *incarnation,
                *attempts,
                *took,
                survived.to_string(),
            ))),
            _ => Err(Failed(survived)),
        },
    }
}

/// `router-2 (life 1) crashed after 87 attempts in 0.06 s: fatal error: … (map-writes-in-error-handler)`
fn words(router: &str, incarnation: u32, crash: &Crash) -> String {
    let plural = if crash.attempts == 1 { "" } else { "s" };
    let variant = serde_json::to_value(crash.variant).unwrap_or_default();
    let variant = variant
        .as_str()
        .map_or(String::new(), |variant| format!(" ({variant})"));
    format!(
        "{router} (life {incarnation}) crashed after {} attempt{plural} in {:.2} s: {}{variant}",
        crash.attempts,
        crash.took.as_secs_f64(),
        crash.message
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_told_in_a_sentence() {
        let crash = Crash {
            attempts: 87,
            took: Duration::from_millis(61),
            message: "fatal error: concurrent map writes".into(),
            variant: Some(CrashVariant::MapWritesInErrorHandler),
        };
        assert_eq!(
            words("router-2", 1, &crash),
            "router-2 (life 1) crashed after 87 attempts in 0.06 s: fatal error: concurrent map writes \
             (map-writes-in-error-handler)"
        );
    }

    #[test]
    fn a_request_may_leave_out_what_has_a_default() {
        let plan = |json: &str| serde_json::from_str::<Request>(json).unwrap().plan;
        assert_eq!(plan(r#"{"router":"router-1"}"#), Plan::default());
        let all = plan(r#"{"router":"router-1","with":"continue","attempts":7,"sure":true}"#);
        assert_eq!((all.limit(), all.sure), (7, true));
    }
}
