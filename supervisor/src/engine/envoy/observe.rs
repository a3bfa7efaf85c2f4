//! PURE: makes any bootstrap document tell the lab what it does: each request, each attempt, each change of belief. It
//! changes nothing of what is done.

use super::super::Site;
use serde_json::{Map, Value, json};

/// Adds the admin socket, access logs and event logs. A document that is no object has no place for them.
pub(super) fn observe(document: &mut Value, site: &Site) {
    let log = site.log().display().to_string();
    if let Some(top) = document.as_object_mut() {
        let admin = site.admin().display().to_string();
        let admin = json!({ "address": { "pipe": { "path": admin, "mode": 0o600 } } });
        top.insert("admin".to_owned(), admin);
        let outliers = object(object(top, "cluster_manager"), "outlier_detection");
        outliers.insert("event_log_path".to_owned(), json!(log));
    }
    every_object(document, &mut |object| {
        if object.contains_key("health_checks") {
            for check in array(object, "health_checks") {
                tell_checks(check, &log);
            }
        }
        match kind(object) {
            Some("HttpConnectionManager") => array(object, "access_log").push(line("request", &log)),
            Some("TcpProxy") => array(object, "access_log").push(line("connection", &log)),
            Some("Router") => array(object, "upstream_log").push(line("attempt", &log)),
            _ => {}
        }
    });
}

fn tell_checks(check: &mut Value, log: &str) {
    let Some(check) = check.as_object_mut() else {
        return;
    };
    array(check, "event_logger").push(json!({
        "name": "envoy.health_check.event_sinks.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
            "event_log_path": log,
        },
    }));
}

/// A line for each request, attempt or connection, see `log`.
fn line(of: &str, log: &str) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": log,
            "log_format": { "json_format": {
                "of": of,
                "id": "%REQ(X-RESETLAB-REQUEST)%",
                "start": "%START_TIME(%s.%9f)%",
                "client": "%CONNECTION_ID%",
                "port": "%DOWNSTREAM_REMOTE_PORT%",
                "host": "%UPSTREAM_HOST%",
                "connection": "%UPSTREAM_CONNECTION_ID%",
                "status": "%RESPONSE_CODE%",
                "flags": "%RESPONSE_FLAGS%",
                "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
            } },
        },
    })
}

/// The last word of an extension's type: `Router`.
fn kind(object: &Map<String, Value>) -> Option<&str> {
    object.get("@type")?.as_str()?.rsplit('.').next()
}

/// The list of this name, made if there is none.
fn array<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let list = object.entry(name).or_insert_with(|| json!([]));
    if !list.is_array() {
        *list = json!([]);
    }
    match list {
        Value::Array(list) => list,
        _ => unreachable!("it was just made a list"),
    }
}

/// The object of this name, made if there is none.
pub(super) fn object<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let inner = object.entry(name).or_insert_with(|| json!({}));
    if !inner.is_object() {
        *inner = json!({});
    }
    match inner {
        Value::Object(inner) => inner,
        _ => unreachable!("it was just made an object"),
    }
}

/// Calls for every object of a document, the outer ones first.
pub(super) fn every_object(value: &mut Value, each: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            each(object);
            object.values_mut().for_each(|value| every_object(value, each));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| every_object(value, each)),
        _ => {}
    }
}
