//! The admin socket, one JSON object a line: `{"cmd":"set","settings":{"interval":"500ms"}}`, `{"cmd":"show"}`,
//! `{"cmd":"add","name":"router-5","traffic":"127.0.0.1:1","health":"127.0.0.1:2"}`, `{"cmd":"remove","name":…}`,
//! `{"cmd":"notice","router":…}`.

use super::control::Control;
use crate::core::{BackendId, CheckSettings, Counting, Health, Settings};
use router::clock::{self, Timestamp};
use router::record::Belief;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
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
        Some("add") => {
            let address = |key: &str| {
                let word = request[key].as_str().unwrap_or_default();
                let expected = || format!("add: {key} `{word}`: expected IP:PORT, such as 127.0.0.1:9001");
                word.parse::<SocketAddr>().map_err(|_| expected())
            };
            let (name, traffic, health) =
                (name_in(request, "name")?, address("traffic")?, address("health")?);
            done(control.add(name, traffic, health), || {
                format!("{name} belongs to the fleet already")
            })
        }
        Some("remove") => {
            let name = name_in(request, "name")?;
            done(control.remove(name), || unknown(control, name))
        }
        Some("notice") => {
            let name = name_in(request, "router")?;
            if !control.settings.detectors.notice {
                return Err("notices are not listened to: set detector=notice".to_owned());
            }
            done(control.notice(name), || unknown(control, name))
        }
        Some(other) => Err(format!(
            "unknown command `{other}`: expected set, show, add, remove or notice"
        )),
        None => Err(r#"expected {"cmd":"set",…} or {"cmd":"show"}"#.to_owned()),
    }
}

fn name_in<'a>(request: &'a Value, key: &str) -> Result<&'a str, String> {
    let name = request[key].as_str().filter(|name| !name.is_empty());
    name.ok_or_else(|| format!("expected a name as \"{key}\", such as router-2"))
}

fn done(done: bool, why: impl FnOnce() -> String) -> Result<Value, String> {
    if done {
        Ok(json!({ "ok": true }))
    } else {
        Err(why())
    }
}

fn unknown(control: &Control, name: &str) -> String {
    let known = control
        .balancer
        .backends()
        .filter(|(id, _)| control.balancer.present(*id));
    let known: Vec<&str> = known
        .map(|(id, _)| control.members[id.index()].name.as_str())
        .collect();
    format!("no router \"{name}\"; there are: {}", known.join(", "))
}

/// What brings a backend back that is out of use.
fn back(control: &Control, id: BackendId, health: &Health, now: Timestamp) -> Option<String> {
    let CheckSettings { rise, counting, .. } = control.settings.check;
    let in_a_row = match counting {
        Counting::Consecutive => " in a row",
        Counting::Cumulative => "",
    };
    match (control.balancer.belief(id), control.balancer.ejected_until(id)) {
        (Belief::Ejected, Some(until)) => Some(format!(
            "its ejection ends in {:.1} s",
            until.since(now).as_secs_f64()
        )),
        (Belief::Down | Belief::GoingUp, _) => Some(format!(
            "{rise} successful checks{in_a_row} (so far {})",
            health.successes()
        )),
        _ => None,
    }
}

/// What each of several probers believes and has counted, in their order; nothing where there is one.
fn probers(control: &Control, id: BackendId) -> Vec<Value> {
    if control.settings.check.probers == 1 {
        return Vec::new();
    }
    let view = |health: &Health| {
        json!({
            "belief": health.belief(),
            "failures": health.failures(),
            "successes": health.successes(),
        })
    };
    control.balancer.views(id).map(view).collect()
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
            "belief": control.balancer.belief(id),
            "decided_by": control.decisions[id.index()].by,
            "reason": control.decisions[id.index()].reason,
            "back": back(control, id, health, now),
            "ejected_until_ns": control.balancer.ejected_until(id),
            "since_ns": control.balancer.since(id),
            "since_s": now.since(control.balancer.since(id)).as_secs_f64(),
            "usable": crate::core::health::usable(control.balancer.belief(id)),
            "usable_since_ns": control.since(id),
            "failures": health.failures(),
            "successes": health.successes(),
            "probers": probers(control, id),
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
    let forwarded = &control.shared.forwarded;
    // Requests outlive the membership of their router.
    let leaving = control
        .balancer
        .backends()
        .filter(|(id, _)| !control.balancer.present(*id))
        .map(|(id, _)| &control.members[id.index()])
        .filter(|member| member.tally.in_flight.get() > 0)
        .map(|member| json!({ "name": member.name, "in_flight": member.tally.in_flight.get() }));
    let present = control
        .balancer
        .backends()
        .filter(|(id, _)| control.balancer.present(*id));
    json!({
        "schema": "resetlab.lb.v1",
        "now_ns": now,
        "settings": settings(&control.settings),
        "checks_per_second": control.rate.per_second(now),
        "unrouted": control.shared.unrouted.get(),
        "requests": forwarded.requests.get(),
        "attempts": forwarded.attempts.get(),
        "retries": forwarded.retries.get(),
        "retries_over_budget": forwarded.over_budget.get(),
        "retries_over_breaker": forwarded.over_breaker.get(),
        "backends": present.map(backend).collect::<Vec<_>>(),
        "leaving": leaving.collect::<Vec<_>>(),
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
