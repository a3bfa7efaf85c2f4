use super::*;
use std::time::Duration;

pub const FILE: &str = r#"
admin: { address: { socket_address: { address: 0.0.0.0, port_value: 9901 } } }
static_resources:
  listeners:
  - name: edge
    address: { socket_address: { address: 0.0.0.0, port_value: 10000 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          route_config:
            virtual_hosts:
            - name: shop
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: shop, timeout: 7s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  - name: tls
    address: { socket_address: { address: 0.0.0.0, port_value: 10001 } }
  clusters:
  - name: shop
    type: STRICT_DNS
    dns_lookup_family: V4_ONLY
    connect_timeout: 0.25s
    lb_policy: ROUND_ROBIN
    health_checks:
    - timeout: 1s
      interval: 5s
      unhealthy_threshold: 3
      healthy_threshold: 1
      unhealthy_interval: 30s
      http_health_check: { path: /up }
    load_assignment:
      cluster_name: shop
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: one.shop, port_value: 80 } } }
          load_balancing_weight: 3
  - name: tracing
    load_assignment: { endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 10.0.0.9, port_value: 1 } } } } ] } ] }
"#;

fn adopted() -> (Adopted, Value) {
    let adopted = adopt(FILE, &Site::example()).unwrap();
    let document = serde_json::from_str(&adopted.text).unwrap();
    (adopted, document)
}

#[test]
fn endpoints_and_the_listener_are_replaced_and_everything_else_stays() {
    let (adopted, document) = adopted();
    let resources = &document["static_resources"];
    let listeners = resources["listeners"].as_array().unwrap();
    assert_eq!(listeners.len(), 1);
    let address = &listeners[0]["address"]["socket_address"];
    assert_eq!(
        (&address["address"], &address["port_value"]),
        (&json!("127.9.0.2"), &json!(8000))
    );
    let shop = &resources["clusters"][0];
    let endpoints = shop["load_assignment"]["endpoints"][0]["lb_endpoints"]
        .as_array()
        .unwrap();
    assert_eq!(endpoints.len(), 2);
    for (n, endpoint) in endpoints.iter().enumerate() {
        let address = &endpoint["endpoint"]["address"]["socket_address"];
        assert_eq!(address["address"], format!("127.9.1.{}", n + 1));
        let health = &endpoint["endpoint"]["health_check_config"]["address"]["socket_address"];
        assert_eq!(health["port_value"], 8080);
        assert_eq!(endpoint["load_balancing_weight"], 3);
    }
    assert_eq!(shop["type"], "STATIC");
    assert_eq!(shop["connect_timeout"], "0.25s");
    assert_eq!(shop["health_checks"][0]["http_health_check"]["path"], "/up");
    let text = &adopted.text;
    assert!(text.contains("\"timeout\": \"7s\""), "{text}");
    for gone in ["one.shop", "9901", "10.0.0.9"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert_eq!(
        adopted.changes,
        [
            "listener `tls` is left out",
            "listener `edge` is at 127.9.0.2:8000",
            "the 1 endpoints of cluster `shop` are the lab's 2 routers",
            "cluster `tracing` has no endpoints: only the routers of the lab are there",
            "`admin` is a Unix socket of the lab's",
            "access logs and event logs of the lab's are added",
        ]
    );
}

#[test]
fn its_checks_are_settings_that_a_prediction_is_made_of() {
    let (adopted, _) = adopted();
    let mut settings = lb_sim::core::Settings::default();
    for (key, word) in &adopted.settings {
        settings.set(key, word).unwrap();
    }
    let check = &settings.check;
    assert_eq!(check.interval, Duration::from_secs(5));
    assert_eq!(check.timeout, Duration::from_secs(1));
    assert_eq!((check.fall, check.rise), (3, 1));
    // Envoy's unhealthy_edge_interval follows the unhealthy_interval.
    assert_eq!(check.fall_interval, Some(Duration::from_secs(30)));
    assert_eq!(check.no_traffic_interval, Some(Duration::from_secs(60)));
    assert_eq!(settings.connect_timeout, Duration::from_millis(250));
    assert_eq!(settings.response_timeout, Duration::from_secs(7));
    assert_eq!(settings.on_failure, lb_sim::core::OnFailure::BadGateway);
    settings.consistent().unwrap();
    assert_eq!(adopted.beyond, crate::engine::Beyond::default());
}

#[test]
fn what_is_missing_is_said() {
    let listener = "static_resources: { listeners: [ { name: a, x: { cluster: shop } } ]";
    for (text, expected) in [
        ("a: [", "expected YAML or JSON"),
        ("just words", "expected a listener in static_resources.listeners"),
        (
            "{\"static_resources\": 7}",
            "expected a listener in static_resources.listeners",
        ),
        (
            "static_resources: { listeners: [ { name: a } ], clusters: [ { name: b } ] }",
            "expected a cluster in static_resources.clusters that a route",
        ),
        (
            &format!("{listener}, clusters: [ {{ name: shop, type: EDS }} ] }}"),
            "expected endpoints in load_assignment of cluster `shop`",
        ),
    ] {
        let wrong = adopt(text, &Site::example()).unwrap_err();
        assert!(wrong.starts_with(expected), "{wrong}");
    }
}
