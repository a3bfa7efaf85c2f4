//! The admin socket: `{"cmd":"set","settings":{"interval":"500ms"}}` and `{"cmd":"show"}`, one JSON object a line.

use super::control::Control;
use crate::core::Settings;
use router::clock;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

/// Answers until the socket fails; without a path, nothing ever happens. The first poll binds.
pub async fn serve(path: Option<PathBuf>, control: Rc<RefCell<Control>>) -> io::Error {
    let Some(path) = path else {
        return std::future::pending().await;
    };
    let answer = move |request: Value| answer(&mut control.borrow_mut(), &request);
    match router::worker::serve_control(&path, answer).await {
        Ok(()) => io::ErrorKind::ConnectionAborted.into(),
        Err(error) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
    }
}

fn answer(control: &mut Control, request: &Value) -> Result<Value, String> {
    match request["cmd"].as_str() {
        Some("set") => {
            let expected = r#"set needs "settings", an object such as {"interval":"500ms","fall":3}"#;
            let patch = request["settings"]
                .as_object()
                .filter(|patch| !patch.is_empty())
                .ok_or(expected)?;
            control.set(patch).map_err(|error| error.to_string())?;
            Ok(json!({ "ok": true, "settings": settings(&control.settings) }))
        }
        Some("show") => Ok(show(control)),
        Some(other) => Err(format!("unknown command `{other}`: expected set or show")),
        None => Err(r#"expected {"cmd":"set",…} or {"cmd":"show"}"#.to_owned()),
    }
}

/// Everything worth knowing at this moment.
fn show(control: &Control) -> Value {
    let now = clock::now();
    let backend = |(id, health): (crate::core::BackendId, &crate::core::Health)| {
        let member = &control.members[id.index()];
        let failed: Map<_, _> = member
            .tally
            .failed()
            .map(|(cause, count)| (name(&cause), Value::from(count)))
            .collect();
        json!({
            "name": member.name,
            "traffic": member.traffic.to_string(),
            "health": member.health.to_string(),
            "belief": health.belief(),
            "since_ns": health.since(),
            "since_s": now.since(health.since()).as_secs_f64(),
            "usable": health.usable(),
            "usable_since_ns": control.since(id),
            "failures": health.failures(),
            "successes": health.successes(),
            "in_flight": member.tally.in_flight.get(),
            "ok": member.tally.ok.get(),
            "failed": failed,
            "last_attempt_ns": member.tally.last_attempt(),
            "last_probe": control.last[id.index()].map(|ended| json!({
                "probe": ended.probe.number,
                "started_ns": ended.started,
                "ended_ns": ended.ended,
                "result": ended.result,
                "status": ended.status,
            })),
        })
    };
    json!({
        "schema": "resetlab.lb.v1",
        "now_ns": now,
        "settings": settings(&control.settings),
        "checks_per_second": control.rate.per_second(now),
        "unrouted": control.shared.unrouted.get(),
        "backends": control.balancer.backends().map(backend).collect::<Vec<_>>(),
    })
}

fn settings(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

/// A record's word for `value`.
fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}
