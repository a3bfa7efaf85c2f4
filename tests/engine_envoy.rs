//! Envoy in lb-sim's place. Without Envoy these tests are skipped, unless `REQUIRE_PEERS=1`.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/peers.rs"]
mod peers;
mod support;

use peers::{Peer, Story, refused, stamp, started, states};
use supervisor::engine::Engine;
use support::Place;

/// What Envoy can do, fast. No check of a living router takes two seconds.
const ENVOY: &str = "interval=1s timeout=2s schedule=end initial=down first-check=now first-result=decides \
    down-at-once=status on-failure=502 answer-refused=503 answer-connect-timeout=503 answer-reset=503 answer-reused=503";

/// A router is dead for longer than two checks of it take to fail.
const FLAGS: &str = "--rate 100 --restart-delay 4s";

const SECOND: u64 = 1_000_000_000;

#[test]
fn envoy_has_nothing_to_say_against_what_is_written_for_it() {
    let Some(envoy) = Peer::find(Engine::Envoy, ENVOY) else {
        return;
    };
    envoy.takes(&[
        "",
        "balance=least-connections panic-threshold=50% jitter=20ms first-check=random down-at-once=never path=/ping",
        "fall-interval=100ms rise-interval=50ms down-interval=1s no-traffic-interval=2s healthy-status=200,204-299",
        "detector=passive passive-on=5xx passive-uneject=on passive-least-ejected=1 passive-max-ejected=10%",
        "detector=passive passive-on=broken passive-growth=none passive-ejection=100ms",
        "on-failure=retry retry-budget=off retry-breaker=off",
        "on-failure=retry retry-budget=off retry-on=connect retry-to=any retry-breaker=3",
        "mode=tcp on-failure=close open-connections=close check=tcp detector=passive passive-on=broken",
    ]);
}

#[test]
fn a_killed_router_is_down_by_envoys_own_word_and_its_attempts_are_known() {
    let Some(envoy) = Peer::find(Engine::Envoy, ENVOY) else {
        return;
    };
    let place = Place::new();
    let mut lab = envoy.lab(&place, "no-traffic-interval=300ms", FLAGS);
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    let down = lab
        .heard
        .iter()
        .find(|line| line.contains("router-2 DOWN: t_detect"));
    assert!(down.is_some(), "{:?}", lab.heard);
    lab.down();

    let story = Story::of_death(&place, "router-2");
    let beliefs = story.beliefs("router-2");
    assert_eq!(states(&beliefs), ["down", "up"], "{beliefs:?}");
    let attempts = story.balancer("attempt");
    let death = story.death("router-2");
    let down = stamp(beliefs[0]);
    for attempt in &attempts {
        assert_eq!(attempt["router"], "router-2");
        // What had begun ends with it: by a FIN, or by an RST where the dead router had not read all of the request.
        let cause = attempt["cause"].as_str().unwrap();
        assert!(["refused", "eof", "reset"].contains(&cause), "{attempt}");
        assert!(attempt["request"].is_u64(), "{attempt}");
        assert!(stamp(attempt) > death, "{attempt} failed before the death");
        // The thread that forwards hears of what the one that checks has decided, and may be kept waiting; without the
        // belief attempts would go on until the router is back.
        let late = started(attempt).saturating_sub(down);
        assert!(late < SECOND, "{attempt} after the belief at {down}");
    }
    // At least an interval long, at 25 requests a second.
    let refused = attempts.iter().filter(|attempt| attempt["cause"] == "refused");
    assert!(refused.count() >= 3, "{attempts:?}");
    let engine = story.balancer("engine");
    assert_eq!(
        (&engine[0]["belief"], &engine[0]["attempts"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn an_outlier_is_ejected_before_its_checks_fail() {
    let Some(envoy) = Peer::find(Engine::Envoy, ENVOY) else {
        return;
    };
    let place = Place::new();
    let more =
        "detector=passive passive-failures=3 passive-growth=none passive-ejection=1s interval=20s fall=3";
    let mut lab = envoy.lab(&place, more, FLAGS);
    place.json(&["kill", "router-2"]);
    lab.wait_for("the ejection", |line| {
        line.contains("router-2 EJECTED") || line.contains("t_detect")
    });
    lab.down();
    let story = Story::of(&place);
    let belief = story.beliefs("router-2")[0];
    assert_eq!(
        (&belief["to"], &belief["by"], &belief["router"]),
        (&"ejected".into(), &"passive".into(), &"router-2".into())
    );
}

/// Listener, route and cluster of somebody's own, in Envoy's usual YAML.
const OWN: &str = r#"
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
              response_headers_to_add: [ { header: { key: x-edge, value: mine } } ]
              routes:
              - match: { prefix: / }
                route: { cluster: shop, timeout: 7s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: shop
    type: STRICT_DNS
    connect_timeout: 0.25s
    health_checks:
    - timeout: 2s
      interval: 1s
      no_traffic_interval: 0.3s
      unhealthy_threshold: 2
      healthy_threshold: 1
      http_health_check: { path: /health }
    load_assignment:
      cluster_name: shop
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: one.shop.example, port_value: 80 } } }
  - name: tracing
    type: STRICT_DNS
    load_assignment:
      cluster_name: tracing
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: tracing.example, port_value: 80 } } }
"#;

#[test]
fn a_file_of_ones_own_is_used_with_the_labs_routers() {
    let Some(envoy) = Peer::find(Engine::Envoy, ENVOY) else {
        return;
    };
    let place = Place::new();
    std::fs::write(place.path().join("own.yaml"), OWN).unwrap();
    let mut lab = envoy.lab_of(&place, "own.yaml", FLAGS);
    place.json(&["kill", "router-2"]);
    lab.wait_for("the end of the window", |line| line.contains("router-2 UP"));
    lab.down();
    let story = Story::of_death(&place, "router-2");
    assert_eq!(states(&story.beliefs("router-2")), ["down", "up"]);
    let written = std::fs::read_to_string(place.path().join("lab/lb/envoy.json")).unwrap();
    assert!(
        written.contains("x-edge") && !written.contains("one.shop") && !written.contains("tracing.example"),
        "{written}"
    );

    std::fs::write(place.path().join("none.yaml"), "static_resources: {}").unwrap();
    let (code, said) = refused(&place, "--engine envoy --config none.yaml");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("none.yaml: expected a listener in static_resources.listeners"),
        "{said}"
    );
}
