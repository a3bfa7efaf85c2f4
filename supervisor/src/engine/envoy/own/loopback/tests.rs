use super::super::tests::FILE;
use super::super::{Adopted, adopt};
use super::*;

const ROUTER: &str = "          - name: envoy.filters.http.router\n";

/// The file with more in one of its places.
fn with(place: &str, more: &str) -> Result<Adopted, String> {
    let text = FILE.replacen(place, &format!("{more}{place}"), 1);
    assert_ne!(text, FILE);
    adopt(&text, &Site::example())
}

fn told(adopted: &Adopted, what: &str) {
    let told = adopted.changes.iter().any(|change| change.contains(what));
    assert!(told, "{what}: {:?}", adopted.changes);
}

const ADDRESS: &str = "{ socket_address: { address: 192.0.2.9, port_value: 9 } }";

#[test]
fn what_asks_or_tells_somebody_is_left_out_by_name() {
    for (place, more, name) in [
        (
            "static_resources:",
            "stats_sinks: [ { name: a, typed_config: { address: ADDRESS } } ]\n",
            "`stats_sinks`",
        ),
        (
            "static_resources:",
            "dynamic_resources: { cds_config: { path: /a } }\n",
            "`dynamic_resources`",
        ),
        (
            "static_resources:",
            "dynamicResources: { cds_config: { path: /a } }\n",
            "`dynamic_resources`",
        ),
        (
            "static_resources:",
            "hds_config: { grpc_services: [ { google_grpc: { target_uri: a } } ] }\n",
            "`hds_config`",
        ),
        (
            "static_resources:",
            "tracing: { http: { name: a } }\n",
            "`tracing`",
        ),
        (
            "          route_config:",
            "          tracing: { provider: { name: a, typed_config: { daemon: ADDRESS } } }\n",
            "`tracing`",
        ),
        (
            "          route_config:",
            "          access_log: [ { name: a, typed_config: { path: /var/log/a } } ]\n",
            "`access_log`",
        ),
        (
            "          route_config:",
            "          accessLog: [ { typed_config: { path: /var/log/a } } ]\n",
            "`access_log`",
        ),
        (
            "    health_checks:",
            "    upstream_bind_config: { source_address: { address: 192.0.2.9, port_value: 0 } }\n",
            "`upstream_bind_config`",
        ),
        (
            ROUTER,
            "          - { name: authz, typed_config: { \"@type\": a/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz } }\n",
            "filter `authz`",
        ),
        (
            ROUTER,
            "          - { name: x, typed_config: { \"@type\": a/envoy.extensions.filters.http.lua.v3.Lua } }\n",
            "filter `x`",
        ),
        (
            ROUTER,
            "          - { name: aws, typed_config: { \"@type\": a/xds.type.v3.TypedStruct } }\n",
            "filter `aws`",
        ),
    ] {
        let adopted =
            with(place, &more.replace("ADDRESS", ADDRESS)).unwrap_or_else(|why| panic!("{more}: {why}"));
        told(&adopted, &format!("{name} is left out"));
        for gone in ["192.0.2.", "/var/log", "google_grpc", "ext_authz"] {
            assert!(!adopted.text.contains(gone), "{gone}: {}", adopted.text);
        }
        assert!(
            adopted.text.contains("envoy.filters.http.router"),
            "{}",
            adopted.text
        );
    }
}

#[test]
fn what_nothing_can_stand_for_is_refused() {
    for (place, more, why) in [
        (
            "          route_config:",
            "          rds: { route_config_name: a }\n",
            "`rds` of static_resources comes from elsewhere",
        ),
        (
            ROUTER,
            "          - { name: late, config_discovery: {} }\n",
            "`config_discovery` of `late` comes from elsewhere",
        ),
        (
            "    health_checks:",
            "    x: { googleGrpc: { target_uri: a } }\n",
            "`google_grpc` of static_resources connects past",
        ),
        (
            "    health_checks:",
            "    brand_new: ADDRESS\n",
            "the socket_address {\"address\":\"192.0.2.9\",\"port_value\":9} is not",
        ),
        (
            "    health_checks:",
            "    brand_new: { pipe: { path: /run/a } }\n",
            "the pipe {\"path\":\"/run/a\"} is not",
        ),
        (
            "    health_checks:",
            "    brand_new: { socketAddress: { address: a.example, portValue: 9 } }\n",
            "the socket_address {",
        ),
    ] {
        let refused = with(place, &more.replace("ADDRESS", ADDRESS)).unwrap_err();
        assert!(refused.starts_with(why), "{refused}");
    }
}

#[test]
fn every_other_cluster_is_left_without_endpoints() {
    for kind in [
        "ORIGINAL_DST",
        "LOGICAL_DNS",
        "STRICT_DNS, dns_resolvers: [ ADDRESS ]",
        "EDS",
    ] {
        let cluster = format!("  - {{ name: other, type: {kind}, health_checks: [ {{ timeout: 1s }} ] }}\n");
        let adopted = with("  - name: tracing\n", &cluster.replace("ADDRESS", ADDRESS)).unwrap();
        told(&adopted, "cluster `other` has no endpoints");
        let document: Value = serde_json::from_str(&adopted.text).unwrap();
        let other = &document["static_resources"]["clusters"][1];
        assert_eq!(other["type"], "STATIC");
        assert_eq!(other["load_assignment"]["endpoints"], json!([]));
        assert!(other.get("health_checks").is_none(), "{other}");
    }
}

#[test]
fn an_endpoints_other_addresses_go_and_one_out_of_use_is_no_model() {
    let old = "        - endpoint: { address: { socket_address: { address: one.shop, port_value: 80 } } }\n";
    let more = format!(
        "        - endpoint: {{ address: {ADDRESS}, additionalAddresses: [ {{ address: {ADDRESS} }} ], hostname: a }}\n          \
         health_status: DRAINING\n          load_balancing_weight: 9\n"
    );
    let adopted = with(old, &more).unwrap();
    let document: Value = serde_json::from_str(&adopted.text).unwrap();
    let seats =
        &document["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"];
    for n in [0, 1] {
        assert_eq!(seats[n]["load_balancing_weight"], 3, "{seats}");
        assert!(seats[n].get("health_status").is_none(), "{seats}");
    }
    assert!(!adopted.text.contains("192.0.2."), "{}", adopted.text);
}

#[test]
fn names_have_one_spelling_and_words_of_the_users_own_keep_theirs() {
    let mut value = json!({ "socketAddress": { "portValue": 1 }, "node": { "metadata": { "myKey": 1 } }, "@type": "a.B" });
    spell(&mut value);
    assert_eq!(
        value,
        json!({ "socket_address": { "port_value": 1 }, "node": { "metadata": { "myKey": 1 } }, "@type": "a.B" })
    );
}
