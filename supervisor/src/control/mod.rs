//! The control API of a running lab, on a Unix socket with mode 0600: what the command line talks to.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/ps` | `resetlab.ps.v1`; with `?wide=true` the balancer's verdicts |
//! | `GET /metrics` | the figures of the lab for Prometheus; also on a loopback port of its own |
//! | `GET /v1/events` | records from now on, NDJSON, header line first, until the lab ends |
//! | `POST /v1/fault {router, fault}` | `resetlab.fault.v1` |
//! | `POST /v1/crash {router, with, attempts, sure}` | `resetlab.crash.v1`, when it has crashed or survived |
//! | `POST /v1/heal {router}`, `POST /v1/resume {router}`, `POST /v1/restart {router}` (a dead one) | `{}` |
//! | `POST /v1/scale {routers}` | `resetlab.scale.v1`, when it is done |
//! | `POST /v1/set {key: value, …}` | `resetlab.set.v1` |
//! | `POST /v1/down` | `{}` once it is decided; the connection of `/v1/events` ends when it is done |
//!
//! The [page](crate::page) has some of the orders, from behind its guard.
//!
//! Errors are `{"error": "…", "exit": N}` with the exit code that the command should end with. A reader that is too
//! slow loses records and is told how many: it never slows the lab.

mod crash;
mod events;
mod metrics;
mod verdict;

pub use crash::Crashed;
pub use metrics::{SharedMetrics, serve_metrics};
pub use verdict::Verdict;

use crate::fleet::{FleetError, FleetHandle, Scaled, Snapshot};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use router::fault::Spec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::sync::Notify;

/// What `ps` shows of a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ps {
    pub schema: String,
    pub lab: LabFacts,
    #[serde(flatten)]
    pub fleet: Snapshot,
    /// By router, why the balancer believes what it believes; empty unless asked for.
    #[serde(default)]
    pub verdicts: BTreeMap<String, Verdict>,
    /// Why there are none although they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancer_silent: Option<String>,
}

/// What stays the same while a lab lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabFacts {
    pub name: String,
    /// Of the supervisor.
    pub pid: u32,
    /// The balancer's.
    pub url: String,
    /// What stands in the balancer's place: `lb-sim`, `haproxy`. A lab without it is an older program's.
    #[serde(default)]
    pub engine: String,
    /// Of a real one, as it says it itself.
    #[serde(default)]
    pub engine_version: Option<String>,
    pub run_dir: std::path::PathBuf,
    /// Where Prometheus finds it, beside the control socket; `None`: off.
    #[serde(default)]
    pub metrics: Option<String>,
    /// Where browsers find the page, with the token that lets them act; `None`: off.
    #[serde(default)]
    pub page: Option<String>,
}

impl LabFacts {
    /// `haproxy 2.6.12`.
    pub fn balancer(&self) -> String {
        let version = self.engine_version.iter().map(|version| format!(" {version}"));
        self.engine.clone() + &version.collect::<String>()
    }
}

/// What requests are answered with.
#[derive(Clone)]
pub struct Api {
    fleet: FleetHandle,
    facts: Arc<LabFacts>,
    /// The balancer's control socket.
    balancer: Arc<Path>,
    down: Arc<Notify>,
}

/// Binds the socket; only its owner may connect.
pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl Api {
    /// `balancer` is its control socket; `down` is notified when somebody asks the lab to end.
    pub fn new(fleet: FleetHandle, facts: LabFacts, balancer: &Path, down: Arc<Notify>) -> Api {
        Api {
            fleet,
            facts: Arc::new(facts),
            balancer: balancer.into(),
            down,
        }
    }
}

/// Serves until it is dropped.
pub async fn serve(listener: UnixListener, api: Api, figures: SharedMetrics) {
    let router = Router::new()
        .route("/v1/ps", get(ps))
        .route("/v1/events", get(events::follow))
        .route("/v1/scale", post(scale))
        .route("/v1/down", post(end))
        .with_state(api.clone())
        .merge(orders(api))
        .merge(metrics::page(figures));
    // Accept errors are retried within; it does not return.
    let _ = axum::serve(listener, router).await;
}

/// What the page may ask for, too.
pub fn orders(api: Api) -> Router {
    Router::new()
        .route("/v1/fault", post(fault))
        .route("/v1/crash", post(crash::crash))
        .route("/v1/heal", post(heal))
        .route("/v1/resume", post(resume))
        .route("/v1/restart", post(restart))
        .route("/v1/set", post(set))
        .with_state(api)
}

#[derive(Deserialize)]
struct Target {
    router: String,
}

#[derive(Deserialize)]
struct FaultRequest {
    router: String,
    #[serde(flatten)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Size {
    routers: u32,
}

/// An error on its way to the command line.
struct Failed(FleetError);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.0.to_string(), "exit": self.0.exit_code() });
        (StatusCode::CONFLICT, Json(body)).into_response()
    }
}

impl From<FleetError> for Failed {
    fn from(error: FleetError) -> Failed {
        Failed(error)
    }
}

#[derive(Deserialize)]
struct HowMuch {
    #[serde(default)]
    wide: bool,
}

async fn ps(State(api): State<Api>, Query(how_much): Query<HowMuch>) -> Result<Json<Ps>, Failed> {
    let fleet = api.fleet.ps().await?;
    let verdicts = match how_much.wide {
        true => verdict::of_balancer(&api.balancer).await,
        false => Ok(BTreeMap::new()),
    };
    Ok(Json(Ps {
        schema: "resetlab.ps.v1".into(),
        lab: api.facts.as_ref().clone(),
        fleet,
        balancer_silent: verdicts.as_ref().err().cloned(),
        verdicts: verdicts.unwrap_or_default(),
    }))
}

async fn fault(State(api): State<Api>, Json(request): Json<FaultRequest>) -> Result<Json<Value>, Failed> {
    let injected = api.fleet.inject(&request.router, request.spec).await?;
    Ok(Json(json!({
        "schema": "resetlab.fault.v1",
        "router": request.router,
        "fault": request.spec.fault,
        "detail": request.spec.detail(),
        "t_ns": injected.at,
        "incarnation": injected.incarnation,
    })))
}

async fn heal(State(api): State<Api>, Json(target): Json<Target>) -> Result<Json<Value>, Failed> {
    api.fleet.heal(&target.router).await?;
    Ok(Json(
        json!({ "schema": "resetlab.heal.v1", "router": target.router }),
    ))
}

async fn scale(State(api): State<Api>, Json(size): Json<Size>) -> Result<Json<Value>, Failed> {
    let Scaled { before, routers } = api.fleet.scale(size.routers).await?;
    Ok(Json(
        json!({ "schema": "resetlab.scale.v1", "before": before, "routers": routers }),
    ))
}

async fn resume(State(api): State<Api>, Json(target): Json<Target>) -> Result<Json<Value>, Failed> {
    api.fleet.resume(&target.router).await?;
    Ok(Json(
        json!({ "schema": "resetlab.resume.v1", "router": target.router }),
    ))
}

async fn restart(State(api): State<Api>, Json(target): Json<Target>) -> Result<Json<Value>, Failed> {
    api.fleet.restart_now(&target.router).await?;
    Ok(Json(
        json!({ "schema": "resetlab.restart.v1", "router": target.router }),
    ))
}

async fn set(
    State(api): State<Api>,
    Json(settings): Json<Map<String, Value>>,
) -> Result<Json<Value>, Failed> {
    api.fleet.set(settings).await?;
    let now = api.fleet.ps().await?;
    Ok(Json(
        json!({ "schema": "resetlab.set.v1", "settings": now.settings, "preset": now.preset }),
    ))
}

async fn end(State(api): State<Api>) -> Json<Value> {
    api.down.notify_one();
    Json(json!({ "schema": "resetlab.down.v1", "lab": api.facts.name }))
}
