use super::*;

/// What Envoy can do, nearest to the defaults.
fn expressible_settings() -> Settings {
    "schedule=end initial=down first-check=now first-result=decides down-at-once=status on-failure=502 answer-refused=503 \
     answer-connect-timeout=503 answer-reset=503 answer-reused=503"
        .parse()
        .unwrap()
}

fn document(words: &[(&str, &str)]) -> serde_json::Value {
    let mut settings = expressible_settings();
    for (key, word) in words {
        settings.set(key, word).unwrap();
    }
    let text = Envoy.configuration(&Site::example(), &settings).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn cluster(words: &[(&str, &str)]) -> serde_json::Value {
    document(words)["static_resources"]["clusters"][0].take()
}

#[test]
fn every_interval_is_named() {
    let cluster = cluster(&[
        ("interval", "1500ms"),
        ("timeout", "250ms"),
        ("fall-interval", "300ms"),
        ("down-interval", "4s"),
        ("fall", "3"),
        ("jitter", "100ms"),
        ("path", "/ping"),
        ("healthy-status", "200-299,404"),
    ]);
    let expected = serde_json::json!({
        "timeout": "0.250000000s",
        "interval": "1.500000000s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 2,
        "unhealthy_edge_interval": "0.300000000s",
        "unhealthy_interval": "4.000000000s",
        "healthy_edge_interval": "1.500000000s",
        "no_traffic_interval": "1.500000000s",
        "interval_jitter": "0.100000000s",
        "http_health_check": {
            "path": "/ping",
            "expected_statuses": [{ "start": 200, "end": 300 }, { "start": 404, "end": 405 }],
        },
    });
    let mut check = cluster["health_checks"][0].clone();
    assert!(check["event_logger"].is_array());
    check.as_object_mut().unwrap().remove("event_logger");
    assert_eq!(check, expected);
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][1]["endpoint"];
    assert_eq!(endpoint["address"]["socket_address"]["port_value"], 8081);
    let health = &endpoint["health_check_config"]["address"]["socket_address"];
    assert_eq!(
        (health["address"].as_str(), health["port_value"].as_u64()),
        (Some("127.9.1.2"), Some(8080))
    );
}

#[test]
fn a_wrong_status_counts_where_it_does_not_decide() {
    let cluster = cluster(&[("down-at-once", "never"), ("healthy-status", "200")]);
    let http = &cluster["health_checks"][0]["http_health_check"];
    let others = serde_json::json!([{ "start": 100, "end": 200 }, { "start": 201, "end": 600 }]);
    assert_eq!(http["retriable_statuses"], others);
}

#[test]
fn passive_settings_are_outlier_detection() {
    assert_eq!(cluster(&[])["outlier_detection"], serde_json::Value::Null);
    let passive = cluster(&[
        ("detector", "passive"),
        ("passive-failures", "7"),
        ("passive-on", "gateway"),
        ("passive-growth", "none"),
        ("passive-ejection", "20s"),
        ("passive-max-ejected", "10%"),
        ("passive-least-ejected", "1"),
        ("panic-threshold", "50%"),
    ]);
    let outliers = &passive["outlier_detection"];
    for (key, value) in [
        ("consecutive_gateway_failure", serde_json::json!(7)),
        ("enforcing_consecutive_gateway_failure", serde_json::json!(100)),
        ("enforcing_consecutive_5xx", serde_json::json!(0)),
        ("base_ejection_time", serde_json::json!("20.000000000s")),
        ("max_ejection_time", serde_json::json!("20.000000000s")),
        ("max_ejection_percent", serde_json::json!(10)),
        ("always_eject_one_host", serde_json::json!(true)),
        (
            "successful_active_health_check_uneject_host",
            serde_json::json!(false),
        ),
    ] {
        assert_eq!(outliers[key], value, "{key}");
    }
    assert_eq!(
        passive["common_lb_config"]["healthy_panic_threshold"]["value"],
        50
    );
}

#[test]
fn what_may_have_been_carried_out_is_retried_for_idempotent_methods_only() {
    let document = document(&[
        ("on-failure", "retry"),
        ("retries", "2"),
        ("retry-budget", "off"),
        ("retry-breaker", "3"),
    ]);
    let listener = &document["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"]
        .as_array()
        .unwrap();
    let retries: Vec<_> = routes
        .iter()
        .map(|route| route["route"]["retry_policy"]["retry_on"].as_str().unwrap())
        .collect();
    assert_eq!(
        retries,
        [
            "connect-failure,refused-stream,reset",
            "connect-failure,refused-stream"
        ]
    );
    assert!(routes[0]["match"]["headers"].is_array() && routes[1]["match"]["headers"].is_null());
    assert_eq!(routes[0]["route"]["retry_policy"]["num_retries"], 2);
    let breaker = &document["static_resources"]["clusters"][0]["circuit_breakers"]["thresholds"][0];
    assert_eq!(breaker["max_retries"], 3);
}

#[test]
fn every_setting_that_it_cannot_have_is_refused_by_its_name() {
    let retry = "on-failure=retry retry-budget=off";
    let passive = "detector=passive";
    for (with, key, word) in [
        ("", "counting", "cumulative"),
        ("", "schedule", "start"),
        ("", "spread", "10%"),
        ("", "jitter", "1500us"),
        ("", "initial", "up"),
        ("", "first-check", "spread"),
        ("", "first-result", "counts"),
        ("", "down-at-once", "refused"),
        ("", "probers", "2"),
        ("", "detector", "sentinel"),
        ("", "panic-threshold", "12.5%"),
        ("", "on-failure", "reset"),
        ("", "answer-refused", "502"),
        ("", "open-connections", "close"),
        (passive, "passive-counting", "window"),
        (passive, "passive-on", "connect"),
        (passive, "passive-action", "mark-down"),
        (passive, "passive-return", "trial"),
        (passive, "passive-ejection-cap", "1s"),
        (passive, "passive-max-ejected", "0.5%"),
        (passive, "passive-least-ejected", "2"),
        (retry, "retry-to", "same"),
        (retry, "retry-delay", "1s"),
        (retry, "retry-time", "1s"),
        (retry, "retry-budget", "20%"),
    ] {
        let mut settings = expressible_settings();
        for pair in with.split_whitespace() {
            let (key, word) = pair.split_once('=').unwrap();
            settings.set(key, word).unwrap();
        }
        settings.set(key, word).unwrap();
        let refused = Envoy.configuration(&Site::example(), &settings).unwrap_err();
        let keys: Vec<_> = refused.iter().map(|each| each.key).collect();
        assert_eq!(keys, [key], "{refused:?}");
    }
}

#[test]
fn connections_are_closed_and_never_reset() {
    let mut settings = expressible_settings();
    settings.set("mode", "tcp").unwrap();
    settings.set("on-failure", "close").unwrap();
    settings.set("open-connections", "close").unwrap();
    let text = Envoy.configuration(&Site::example(), &settings).unwrap();
    assert!(
        text.contains("\"close_connections_on_host_health_failure\": true"),
        "{text}"
    );
    assert!(text.contains("envoy.filters.network.tcp_proxy"), "{text}");
    settings.set("on-failure", "reset").unwrap();
    let refused = Envoy.configuration(&Site::example(), &settings).unwrap_err();
    assert_eq!(refused[0].key, "on-failure");
}

#[test]
fn its_version_is_in_the_middle_of_its_build() {
    let printed =
        "\n/opt/envoy  version: 9e5580933739775e8bce696a57a2e1bc99368f23/1.40.0/Clean/RELEASE/BoringSSL\n\n";
    assert_eq!(Envoy.version(printed).unwrap(), "1.40.0");
    assert_eq!(Envoy.version("not found"), None);
}
