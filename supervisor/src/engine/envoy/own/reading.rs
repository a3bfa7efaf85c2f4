//! PURE: what a bootstrap document says of checks and requests, as settings: theory and trials go by them.

use serde_json::{Value, json};
use std::time::Duration;

/// What the listener says of requests. The first route counts.
pub(super) fn requests(listeners: &Value) -> Vec<(&'static str, String)> {
    let mut seen = Seen::default();
    seen.look(listeners);
    if seen.tcp {
        let words = [("mode", "tcp"), ("on-failure", "close")];
        return words.map(|(key, word)| (key, word.to_owned())).into();
    }
    let answers = [
        "answer-refused",
        "answer-connect-timeout",
        "answer-reset",
        "answer-reused",
        "answer-unrouted",
    ];
    let mut settings: Vec<_> = answers.map(|key| (key, "503".to_owned())).into();
    let timeout = seen.timeout.unwrap_or(Duration::from_secs(15));
    if !timeout.is_zero() {
        settings.push(("response-timeout", format!("{}us", timeout.as_micros())));
    }
    match seen.retries {
        None => settings.push(("on-failure", "502".to_owned())),
        Some(retries) => {
            settings.push(("on-failure", "retry".to_owned()));
            settings.push(("retries", retries.max(1).to_string()));
            settings.push(("retry-budget", "off".to_owned()));
        }
    }
    settings
}

#[derive(Default)]
struct Seen {
    tcp: bool,
    timeout: Option<Duration>,
    retries: Option<u64>,
}

impl Seen {
    fn look(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                let kind = object.get("@type").and_then(Value::as_str).unwrap_or_default();
                self.tcp |= kind.ends_with(".TcpProxy");
                if let Some(route) = object.get("route").filter(|route| route.is_object()) {
                    self.timeout = self.timeout.or_else(|| duration(&route["timeout"]));
                    let policy = &route["retry_policy"];
                    if self.retries.is_none() && policy["retry_on"].is_string() {
                        self.retries = Some(policy["num_retries"].as_u64().unwrap_or(1));
                    }
                }
                object.values().for_each(|value| self.look(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.look(value)),
            _ => {}
        }
    }
}

/// What of a cluster theory has no words for.
pub(super) fn beyond(cluster: &Value) -> Vec<String> {
    let mut beyond = Vec::new();
    if cluster["health_checks"][0].is_null() {
        beyond.push("a cluster without health_checks".to_owned());
    }
    if cluster["outlier_detection"].is_object() {
        beyond.push("outlier_detection".to_owned());
    }
    beyond
}

/// What the cluster's first health check and timeouts are as settings, for the prediction.
pub(super) fn checks(cluster: &Value) -> Vec<(&'static str, String)> {
    let mut settings = Vec::new();
    let mut time = |key, value: &Value| {
        if let Some(time) = duration(value) {
            settings.push((key, format!("{}us", time.as_micros())));
        }
    };
    let or_default = |value: &Value, default: &str| match value {
        Value::Null => json!(default),
        value => value.clone(),
    };
    time("connect-timeout", &or_default(&cluster["connect_timeout"], "5s"));
    let check = &cluster["health_checks"][0];
    if !check.is_object() {
        return settings;
    }
    // As Envoy's own defaults follow each other.
    let or = |key: &str, other: &Value| match &check[key] {
        Value::Null => other.clone(),
        value => value.clone(),
    };
    let interval = check["interval"].clone();
    let unhealthy = or("unhealthy_interval", &interval);
    time("interval", &interval);
    time("timeout", &check["timeout"]);
    time("down-interval", &unhealthy);
    time("fall-interval", &or("unhealthy_edge_interval", &unhealthy));
    time("rise-interval", &or("healthy_edge_interval", &interval));
    time("no-traffic-interval", &or("no_traffic_interval", &json!("60s")));
    for (key, name) in [("fall", "unhealthy_threshold"), ("rise", "healthy_threshold")] {
        if let Some(count) = check[name].as_u64() {
            settings.push((key, count.to_string()));
        }
    }
    for (key, word) in [
        ("schedule", "end"),
        ("initial", "down"),
        ("first-check", "now"),
        ("first-result", "decides"),
        ("down-at-once", "status"),
    ] {
        settings.push((key, word.to_owned()));
    }
    if check.get("tcp_health_check").is_some() {
        settings.push(("check", "tcp".to_owned()));
    }
    settings
}

/// `1.5s`, as protobuf's JSON has it.
fn duration(value: &Value) -> Option<Duration> {
    let seconds = value.as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
